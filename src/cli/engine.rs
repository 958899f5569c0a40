//! Which model plays, and how it is loaded: a file on this machine, a server, or a script of replies.

use super::bars::Bars;
use super::models;
use crate::boss::Cast;
use crate::model::acquire::{AcquireError, Acquired};
use crate::model::candle::{CandleModel, CandleOptions};
use crate::model::machine::Machine;
use crate::model::remote::{Address, PREFIX, RemoteModel, ServerError, ServerOptions, Timeouts};
use crate::model::scripted::ScriptedModel;
use crate::repl::engine::{Loader, Model};
use crate::repl::interrupt::Interrupt;
use crate::settings::Settings;
use crate::text::{one_line, shell};
use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What was asked for as a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Chosen {
    /// Replies from a file: `scripted:FILE`.
    Scripted(PathBuf),
    /// A model on a server: its address, or `openai:NAME`.
    Server(ServerOptions),
    /// A file on this machine, by name or path; none for the default.
    Local(Option<String>),
}

/// What `wanted` means. Without it: the server of the settings, or else the catalogue's default.
///
/// # Errors
/// An address that is none; a server that is wanted and not set.
pub(super) fn chosen(wanted: Option<&str>, settings: &Settings) -> Result<Chosen, ServerError> {
    let own = || settings.server.url.as_deref().ok_or(ServerError::NoServer);
    let (address, model) = match wanted {
        None if settings.server.url.is_some() => (own()?, None),
        None => return Ok(Chosen::Local(None)),
        Some(name) => {
            if let Some(file) = name.strip_prefix("scripted:") {
                return Ok(Chosen::Scripted(file.into()));
            } else if let Some(model) = name.strip_prefix(PREFIX) {
                (own()?, Some(model).filter(|model| !model.is_empty()))
            } else if name.contains("://") || is_host_and_port(name) {
                (name, None)
            } else {
                return Ok(Chosen::Local(Some(name.to_owned())));
            }
        }
    };
    let (address, in_address) = Address::read(address)?;
    let model = model.map(str::to_owned).or(in_address);
    Ok(Chosen::Server(options(address, model, settings)?))
}

/// An address whose `http://` was left out, as `localhost:8080/v1`: a port is what no file's name begins with.
fn is_host_and_port(name: &str) -> bool {
    let Some((host, rest)) = name.split_once(':') else { return false };
    let port = rest.split('/').next().unwrap_or_default();
    !host.contains(['/', '\\']) && port.parse::<u16>().is_ok() && !Path::new(name).exists()
}

/// What a command line that goes on with the session needs of `wanted`, from a space on: the address of a server
/// other than that of the settings, since a session does not keep it. Nothing for other models.
pub(super) fn again(wanted: Option<&str>, settings: &Settings) -> String {
    let Some(address) = wanted.filter(|name| name.contains("://")) else { return String::new() };
    match (Address::read(address), &settings.server.url) {
        (Ok((here, _)), Some(url)) if Address::read(url).is_ok_and(|(own, _)| own == here) => String::new(),
        _ => format!(" --model {}", shell::word(address)),
    }
}

/// Did a server's model lead to nothing because no server is set?
pub(super) fn is_without_server(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(ServerError::NoServer))
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
        timeouts.first = Duration::from_secs(seconds.max(1));
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

/// The model of a stored session, to go on with. A session may come from someone else, so that it must not
/// say where the person's words are sent.
///
/// # Errors
/// It names an address.
pub(super) fn of_session(model: &str) -> anyhow::Result<String> {
    if model.contains("://") {
        bail!(
            "the session names a server's address as its model, which is not taken from a session; name a model \
             with `--model`"
        );
    }
    Ok(model.to_owned())
}

/// The model's name, and what loads it. Fetches the file first where it is not here. None where Ctrl-C
/// stopped that.
///
/// # Errors
/// A model that can't be had, a server that does not answer.
pub(super) fn loader(
    wanted: Option<String>,
    settings: &Settings,
    cast: &Cast,
    interrupt: &Interrupt,
) -> anyhow::Result<Option<(String, Loader)>> {
    let cast = cast.clone();
    match chosen(wanted.as_deref(), settings)? {
        Chosen::Scripted(file) => {
            let replies =
                std::fs::read_to_string(&file).with_context(|| format!("can't read `{}`", file.display()))?;
            let replies: Vec<String> = replies.lines().map(str::to_owned).collect();
            let load = move || Ok(Box::new(ScriptedModel::new(replies)) as Model);
            Ok(Some((wanted.unwrap_or_default(), Box::new(load))))
        }
        Chosen::Server(options) => {
            let withheld = options.key.is_none() && settings.server.key.is_some();
            let mut model = RemoteModel::connect(options).map_err(|error| match error {
                ServerError::Key { server, what, status, .. } if withheld => {
                    let remedy = "the key you have set is sent to the server of your settings only: to use it \
                                  here, set `COACHUP_SERVER` to this address";
                    ServerError::Key { server, what, status, remedy }
                }
                other => other,
            })?;
            super::streams::say(&where_it_goes(&model));
            let named = crate::model::LanguageModel::name(&model).to_owned();
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
    wanted: Option<String>,
    settings: &Settings,
    interrupt: &Interrupt,
) -> anyhow::Result<Option<(Acquired, CandleOptions)>> {
    let catalogue = models::catalogue(settings)?;
    let store = models::store(settings);
    let name = match wanted {
        Some(name) => name,
        None => store.default_model(&catalogue, &Machine::detect())?.name,
    };
    let mut bars = Bars::new(settings.plain, interrupt.clone());
    let acquired = match store.acquire_named(&name, &catalogue, &mut bars) {
        Err(AcquireError::Interrupted) => return Ok(None),
        other => other?,
    };
    let options = CandleOptions {
        name: Some(acquired.name.clone()),
        threads: (settings.threads > 0).then_some(settings.threads),
        prompt_style: acquired.prompt_style,
        prefix_folder: Some(settings.folders.data.join(crate::session::kept::PREFIXES)),
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
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        Settings::from(&variables.collect::<Environment>()).unwrap()
    }

    fn server(wanted: Option<&str>, set: Option<&str>) -> ServerOptions {
        match chosen(wanted, &settings(set)).unwrap() {
            Chosen::Server(options) => options,
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
        assert_eq!(chosen(Some("openai:x"), &settings(None)), Err(ServerError::NoServer));
        assert_eq!(chosen(None, &settings(None)), Ok(Chosen::Local(None)));
        assert_eq!(chosen(Some("qwen"), &settings(gateway)), Ok(Chosen::Local(Some("qwen".to_owned()))));
    }

    #[test]
    fn an_address_without_its_scheme_is_told_from_a_file() {
        for address in ["localhost:8080/v1", "127.0.0.1:8080", "gateway:8080/v1#big"] {
            assert!(
                matches!(chosen(Some(address), &settings(None)), Err(ServerError::Address { .. })),
                "{address}"
            );
        }
        for name in [r"C:\models\boss.gguf", "qwen2.5-coder-1.5b", "models/a:1"] {
            assert_eq!(chosen(Some(name), &settings(None)), Ok(Chosen::Local(Some(name.to_owned()))));
        }
    }

    #[test]
    fn going_on_needs_the_address_unless_it_is_that_of_the_settings() {
        let here = Some("http://localhost:8080/v1#small");
        assert_eq!(again(here, &settings(None)), " --model 'http://localhost:8080/v1#small'");
        assert_eq!(again(here, &settings(Some("http://localhost:8080/v1"))), "");
        assert_eq!(again(Some("qwen"), &settings(None)), "");
        assert_eq!(again(None, &settings(None)), "");
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
    fn a_session_does_not_say_where_words_are_sent() {
        assert!(of_session("http://evil.example/v1").is_err());
        assert_eq!(of_session("openai:m").unwrap(), "openai:m");
    }
}
