//! Which model plays, and how it is loaded: a file on this machine, a server, or a script of replies.

use super::bars::Bars;
use super::models;
use crate::boss::{Cast, tuned};
use crate::model::LanguageModel;
use crate::model::acquire::{AcquireError, Acquired};
use crate::model::candle::{CandleModel, CandleOptions};
use crate::model::machine::Machine;
use crate::model::remote::{Address, PREFIX, RemoteModel, ServerError, ServerOptions, Timeouts};
use crate::model::scripted::ScriptedModel;
use crate::repl::engine::{Loader, Model};
use crate::repl::interrupt::Interrupt;
use crate::session::Header;
use crate::settings::Settings;
use crate::text::file::read_text;
use crate::text::{brief, one_line, shell};
use anyhow::{Context, bail};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The largest script of replies that is read, in bytes.
const LONGEST_SCRIPT: u64 = 64 << 20;

/// What was asked for as a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Chosen {
    /// Replies from a file: `scripted:FILE`.
    Scripted(PathBuf),
    /// A model on a server: its address, or `openai:NAME`.
    Server(Box<ServerOptions>),
    /// A file on this machine, by name or path; none for the default.
    Local(Option<OsString>),
}

/// What `wanted` means. Without it: the server of the settings, or else the catalogue's default.
///
/// # Errors
/// An address that is none; a server that is wanted and not set.
pub(super) fn chosen(wanted: Option<&OsStr>, settings: &Settings) -> Result<Chosen, ServerError> {
    let own = || settings.server.url.as_deref().ok_or(ServerError::NoServer);
    let (address, model) = match wanted.map(|name| name.to_str().ok_or(name)) {
        None if settings.server.url.is_some() => (own()?, None),
        None => return Ok(Chosen::Local(None)),
        // What is no text is a path.
        Some(Err(path)) => return Ok(Chosen::Local(Some(path.to_owned()))),
        Some(Ok(name)) => {
            if let Some(file) = name.strip_prefix("scripted:") {
                return Ok(Chosen::Scripted(file.into()));
            } else if let Some(model) = name.strip_prefix(PREFIX) {
                (own()?, Some(model).filter(|model| !model.is_empty()))
            } else if name.contains("://") || is_host_and_port(name) {
                (name, None)
            } else {
                return Ok(Chosen::Local(Some(name.into())));
            }
        }
    };
    let (address, in_address) = Address::read(address)?;
    let model = model.map(str::to_owned).or(in_address);
    Ok(Chosen::Server(Box::new(options(address, model, settings)?)))
}

/// An address whose `http://` was left out, as `localhost:8080/v1`: a port is what no file's name begins with.
fn is_host_and_port(name: &str) -> bool {
    let Some((host, rest)) = name.split_once(':') else { return false };
    let port = rest.split('/').next().unwrap_or_default();
    !host.contains(['/', '\\']) && port.parse::<u16>().is_ok() && !Path::new(name).exists()
}

/// What a command line that goes on with the session needs of `wanted`, from a space on: all but a name of the
/// catalogue, which alone is taken from a session.
pub(super) fn again(wanted: Option<&OsStr>, settings: &Settings) -> String {
    let catalogue = models::catalogue(settings);
    let unknown = |name: &str| !catalogue.as_ref().is_ok_and(|catalogue| catalogue.get(name).is_ok());
    let named = wanted.map(OsStr::to_string_lossy).filter(|name| unknown(name));
    named.map(|name| format!(" --model {}", shell::word(&name))).unwrap_or_default()
}

/// The key and the model of the settings are for the server of the settings: no other gets them.
fn options(
    address: Address,
    model: Option<String>,
    settings: &Settings,
) -> Result<ServerOptions, ServerError> {
    let server = &settings.server;
    let own = match &server.url {
        Some(url) => Address::read(url)?.0.origin() == address.origin(),
        None => true,
    };
    let mut timeouts = Timeouts::default();
    if let Some(seconds) = server.timeout {
        timeouts.first = Duration::from_secs(seconds.into());
    }
    Ok(ServerOptions {
        address,
        key: server.key.clone().filter(|_| own),
        model: model.or_else(|| server.model.clone().filter(|_| own)),
        style: server.prompt_style,
        timeouts,
        proxies: server.proxies.clone(),
    })
}

/// The model to go on with a stored session: its own where the catalogue has it, else the one of the settings, where
/// they name one. A session may come from someone else, so that it must choose no file, no address and no engine.
///
/// # Errors
/// Neither the session nor the settings name one that may be taken; a catalogue that is not right.
pub(super) fn of_session(header: &Header, settings: &Settings) -> anyhow::Result<Option<OsString>> {
    let Header { id, model, .. } = header;
    if models::catalogue(settings)?.get(model).is_ok() {
        return Ok(Some(model.into()));
    }
    if settings.model.is_none() && settings.server.url.is_none() {
        bail!(
            "session {id} used `{}`, and only a name of `coachup models list` is taken from a session: go \
             on with `coachup practice --resume {id} --model MODEL`, the path of a file or the address of a server",
            brief(model, 80)
        );
    }
    Ok(settings.model.clone())
}

/// The model's name, and what loads it. Fetches the file first where it is not here. None where Ctrl-C
/// stopped that.
///
/// # Errors
/// A model that can't be had, a server that does not answer.
pub(super) fn loader(
    wanted: Option<OsString>,
    settings: &Settings,
    cast: &Cast,
    interrupt: &Interrupt,
) -> anyhow::Result<Option<(String, Loader)>> {
    let cast = cast.clone();
    match chosen(wanted.as_deref(), settings)? {
        Chosen::Scripted(file) => {
            let replies = read_text(&file, LONGEST_SCRIPT)
                .with_context(|| format!("can't read `{}`", file.display()))?;
            let replies: Vec<String> = replies.lines().map(str::to_owned).collect();
            let load = move || Ok(Box::new(ScriptedModel::new(replies)) as Model);
            let name = wanted.unwrap_or_default().to_string_lossy().into_owned();
            Ok(Some((name, Box::new(load))))
        }
        Chosen::Server(options) => {
            let withheld = options.key.is_none() && settings.server.key.is_some();
            let mut model = RemoteModel::connect(*options).map_err(|error| match error {
                ServerError::Key { server, what, status, .. } if withheld => {
                    let remedy = "the key you have set is sent to the server of your settings only: to use it \
                                  here, set `COACHUP_SERVER` to this address";
                    ServerError::Key { server, what, status, remedy }
                }
                other => other,
            })?;
            super::streams::say(&where_it_goes(&model));
            let named = model.name().to_owned();
            let load = move || {
                // A server that fails now may answer when it is needed; if not, it is said then.
                let _ = model.find_out();
                cast.prefill(&mut model)?;
                Ok(Box::new(model) as Model)
            };
            Ok(Some((named, Box::new(load))))
        }
        Chosen::Local(wanted) => {
            let Some((acquired, options)) = acquired(wanted, settings, interrupt)? else { return Ok(None) };
            let file = acquired.files.first().context("the model has no file")?;
            // What can't be loaded is told before the talk begins; only the prompt's beginning, which takes longer, is
            // worked through while the person reads.
            let mut model = CandleModel::load(file, &options)?;
            if !model.is_tuned() {
                super::streams::say(&format!(
                    "note: `{}` is not tuned for the boss's part and plays it from three talks as examples",
                    one_line(&acquired.name)
                ));
            }
            let prepare = move || {
                cast.prefill(&mut model)?;
                Ok(Box::new(model) as Model)
            };
            Ok(Some((acquired.name, Box::new(prepare))))
        }
    }
}

/// Who gets the person's words: said before the first of them.
fn where_it_goes(model: &RemoteModel) -> String {
    let (address, name) = (model.address(), one_line(model.model()));
    let place = match (address.is_loopback(), address.is_open_to_others()) {
        (true, _) => ", on this machine",
        (_, true) => ", unencrypted",
        _ => "",
    };
    format!(
        "note: what you say is sent to the model server at {address}{place} (model `{name}`); nothing is sent \
         anywhere else"
    )
}

/// A model's file, fetched first where it is not here, and how it is loaded. None where Ctrl-C stopped that.
///
/// # Errors
/// It can't be had.
pub(super) fn acquired(
    wanted: Option<OsString>,
    settings: &Settings,
    interrupt: &Interrupt,
) -> anyhow::Result<Option<(Acquired, CandleOptions)>> {
    let catalogue = models::catalogue(settings)?;
    let store = models::store(settings);
    let name = match wanted {
        Some(name) => name,
        None => store.default_model(&catalogue, &Machine::detect())?.name.into(),
    };
    let mut bars = Bars::new(settings.plain, interrupt.clone());
    let acquired = match store.acquire_named(&name, &catalogue, &mut bars) {
        Err(AcquireError::Interrupted) => return Ok(None),
        other => other?,
    };
    // What the catalogue gives has been compared with its sum.
    let known = catalogue.get(&acquired.name).ok().and_then(|entry| entry.files.first());
    let options = CandleOptions {
        name: Some(acquired.name.clone()),
        sha256: known.and_then(|file| file.sha256.clone()),
        threads: (settings.threads > 0).then_some(settings.threads as usize),
        prompt_style: acquired.prompt_style,
        prefix_folder: Some(settings.folders.data.join(crate::session::kept::PREFIXES)),
        adapters: tuned::adapters(),
        ..CandleOptions::default()
    };
    Ok(Some((acquired, options)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::remote::ApiKey;
    use crate::settings::Environment;

    fn settings(server: Option<&str>) -> Settings {
        let mut variables = vec![("COACHUP_HOME", "/nowhere"), ("COACHUP_API_KEY", "canary")];
        variables.extend(server.map(|url| ("COACHUP_SERVER", url)));
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value.into()));
        Settings::from(&variables.collect::<Environment>()).unwrap()
    }

    fn server(wanted: Option<&str>, set: Option<&str>) -> ServerOptions {
        match chosen(wanted.map(OsStr::new), &settings(set)).unwrap() {
            Chosen::Server(options) => *options,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_server_is_named_by_its_address_or_by_the_settings() {
        let gateway = Some("https://gateway.example/v1#big");
        let here = server(Some("http://localhost:8080/v1#small"), None);
        assert_eq!(
            (here.address.as_str(), here.model.as_deref()),
            ("http://localhost:8080/v1", Some("small"))
        );
        assert_eq!(server(None, gateway).model.as_deref(), Some("big"));
        assert_eq!(server(Some("openai:"), gateway).model.as_deref(), Some("big"));
        let other = server(Some("openai:other"), gateway);
        assert_eq!(
            (other.address.origin(), other.model.as_deref()),
            ("https://gateway.example", Some("other"))
        );
        assert_eq!(chosen(Some(OsStr::new("openai:x")), &settings(None)), Err(ServerError::NoServer));
        assert_eq!(chosen(None, &settings(None)), Ok(Chosen::Local(None)));
        let local = Ok(Chosen::Local(Some("qwen".into())));
        assert_eq!(chosen(Some(OsStr::new("qwen")), &settings(gateway)), local);
    }

    #[test]
    fn an_address_without_its_scheme_is_told_from_a_file() {
        for address in ["localhost:8080/v1", "127.0.0.1:8080", "gateway:8080/v1#big"] {
            assert!(
                matches!(
                    chosen(Some(OsStr::new(address)), &settings(None)),
                    Err(ServerError::Address { .. })
                ),
                "{address}"
            );
        }
        for name in [r"C:\models\boss.gguf", "qwen2.5-coder-1.5b", "models/a:1"] {
            let local = Ok(Chosen::Local(Some(name.into())));
            assert_eq!(chosen(Some(OsStr::new(name)), &settings(None)), local);
        }
    }

    #[test]
    fn going_on_needs_all_but_a_name_of_the_catalogue() {
        let again = |wanted: &str| again(Some(OsStr::new(wanted)), &settings(None));
        assert_eq!(again("http://localhost:8080/v1#small"), " --model 'http://localhost:8080/v1#small'");
        assert_eq!(again("openai:small"), " --model openai:small");
        assert_eq!(again("my model.gguf"), " --model 'my model.gguf'");
        assert_eq!(again("qwen2.5-coder-1.5b"), "");
        assert_eq!(super::again(None, &settings(None)), "");
    }

    #[test]
    fn a_key_goes_to_the_server_it_is_for_only() {
        let key = Some(ApiKey::new("canary"));
        let gateway = Some("https://gateway.example/v1");
        assert_eq!(server(None, gateway).key, key);
        assert_eq!(server(Some("https://gateway.example/other"), gateway).key, key);
        assert_eq!(server(Some("http://gateway.example/v1"), gateway).key, None, "another scheme");
        assert_eq!(server(Some("http://localhost:8080/v1"), gateway).key, None);
        assert_eq!(server(Some("http://localhost:8080/v1"), None).key, key);
    }

    #[test]
    fn a_session_chooses_no_file_no_address_and_no_engine() {
        let of = |model: &str, settings: &Settings| {
            let mut header = crate::session::sample::session().header;
            header.model = model.to_owned();
            of_session(&header, settings)
        };
        assert_eq!(of("qwen2.5-coder-1.5b", &settings(None)).unwrap(), Some("qwen2.5-coder-1.5b".into()));
        for model in ["http://evil.example/v1", "openai:m", "scripted:/dev/zero", "/etc/passwd", "a.gguf", ""]
        {
            let error = of(model, &settings(None)).unwrap_err().to_string();
            assert!(error.contains("--model MODEL"), "{error}");
            assert_eq!(
                of(model, &settings(Some("http://localhost/v1"))).unwrap(),
                None,
                "the settings' server"
            );
            let own = Settings { model: Some("own.gguf".into()), ..settings(None) };
            assert_eq!(of(model, &own).unwrap(), Some("own.gguf".into()));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_model_may_be_a_path_that_is_no_text() {
        use std::os::unix::ffi::OsStrExt;
        let path = OsStr::from_bytes(b"\xff.gguf");
        assert_eq!(chosen(Some(path), &settings(None)), Ok(Chosen::Local(Some(path.to_owned()))));
    }
}
