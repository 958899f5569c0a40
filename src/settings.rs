//! Settings: defaults, then the settings file, then the environment, then flags; the only reader of
//! the environment.
//!
//! Everything the program writes lies in three folders: settings (with the person's own bosses and
//! scenarios), data (sessions, drafts, line history) and models. `COACHUP_HOME` puts all three under
//! one folder; otherwise they are the platform's standard ones.

use crate::model::PromptStyle;
use crate::model::remote::{ApiKey, Proxies};
use crate::repl::FeedbackWhen;
use crate::scenario::name_faults;
use crate::session::kept;
use crate::text::data::from_toml;
use crate::text::file::{from_home, read_text};
use serde::de::{Deserialize, Deserializer, Error};
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// The largest settings file that is read, in bytes.
const LONGEST: u64 = 1 << 20;

/// What `settings.toml` may hold. Every key is optional.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SettingsFile {
    /// What the boss calls you.
    #[serde(default, deserialize_with = "name")]
    pub name: Option<String>,
    /// A model of the catalogue, or a path to a GGUF file.
    pub model: Option<String>,
    /// Default boss.
    pub boss: Option<String>,
    /// Default scenario.
    pub scenario: Option<String>,
    /// Default difficulty preset.
    pub difficulty: Option<String>,
    /// When feedback is shown.
    pub feedback: Option<FeedbackWhen>,
    /// Threads the model uses; 0 for all cores.
    #[serde(default, deserialize_with = "threads")]
    pub threads: Option<u32>,
    /// The python command used to fetch models from a Python index.
    pub python: Option<String>,
    /// No colour, no boxes, no redrawing: for screen readers and dumb terminals.
    pub plain: Option<bool>,
    /// Speak the boss's lines.
    pub speak: Option<bool>,
    /// The command line that speaks what it reads, instead of the system's own.
    pub speech: Option<String>,
    /// A folder that a team shares: bosses, scenarios, presets, the rubric's wording.
    pub library: Option<PathBuf>,
    /// A model server.
    #[serde(default)]
    pub server: ServerTable,
}

/// The table `[server]` of `settings.toml`. It holds no key: a key belongs in the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ServerTable {
    /// Its address, as `http://localhost:8080/v1`.
    pub url: Option<String>,
    /// The model, as the server calls it.
    pub model: Option<String>,
    /// The environment variable that holds the key.
    #[serde(alias = "key_env")]
    pub key_env: Option<String>,
    /// How prompts are worded; none: as the server allows.
    pub prompt_style: Option<PromptStyle>,
    /// Seconds to wait for the first word of a reply: at most a day.
    #[serde(default, deserialize_with = "timeout")]
    pub timeout: Option<u32>,
}

fn threads<'de, D: Deserializer<'de>>(number: D) -> Result<Option<u32>, D::Error> {
    within("threads", 0..=1024, number)
}

fn timeout<'de, D: Deserializer<'de>>(number: D) -> Result<Option<u32>, D::Error> {
    within("timeout", 1..=86_400, number)
}

/// The number under `key`, which is in `range`.
fn within<'de, D: Deserializer<'de>>(
    key: &str,
    range: RangeInclusive<u32>,
    number: D,
) -> Result<Option<u32>, D::Error> {
    let number = i128::deserialize(number).ok().and_then(|number| u32::try_from(number).ok());
    number.filter(|number| range.contains(number)).map(Some).ok_or_else(|| {
        let (least, most) = range.into_inner();
        D::Error::custom(format!("`{key}` must be a whole number from {least} to {most}"))
    })
}

fn name<'de, D: Deserializer<'de>>(name: D) -> Result<Option<String>, D::Error> {
    checked_name(&String::deserialize(name)?)
        .map(Some)
        .map_err(|why| D::Error::custom(format!("`name` {why}")))
}

/// The longest name of the person, in characters.
const LONGEST_NAME: usize = 40;

/// What the boss calls the person.
fn checked_name(name: &str) -> Result<String, String> {
    let name = name.trim();
    match name_faults(name, LONGEST_NAME).into_iter().next() {
        None => Ok(name.to_owned()),
        Some(why) => Err(why),
    }
}

/// Where the program keeps its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    /// `settings.toml`, `models.toml`, and the person's own `bosses/`, `scenarios/`, `difficulties/`.
    pub config: PathBuf,
    /// Sessions and the line editor's history.
    pub data: PathBuf,
    /// Model files that are not in the hub's cache.
    pub models: PathBuf,
}

/// How the model hub is reached; the hub's own variables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hub {
    /// `HF_ENDPOINT`: another hub's base URL.
    pub endpoint: Option<String>,
    /// `HF_TOKEN`.
    pub token: Option<String>,
    /// `HF_HUB_CACHE`, or `hub` under `HF_HOME`; none for the standard place.
    pub cache: Option<PathBuf>,
    /// `HF_HUB_OFFLINE`: never ask the hub.
    pub offline: bool,
}

/// The person's own programs, as their environment names them: shell command lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Programs {
    /// `VISUAL` or `EDITOR`.
    pub editor: Option<String>,
    /// `PAGER`; an empty one (given as `PAGER=`) or `cat` pages nothing.
    pub pager: Option<String>,
    /// `LESS` is set, and then left as it is.
    pub less: bool,
    /// `BROWSER`.
    pub browser: Option<String>,
    /// `speech`: speaks what it reads.
    pub speech: Option<String>,
}

/// A model server that speaks the OpenAI-compatible API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Server {
    /// `COACHUP_SERVER`, or `url`: its address.
    pub url: Option<String>,
    /// The model, as the server calls it.
    pub model: Option<String>,
    /// What the variable that `key-env` names holds, or `COACHUP_API_KEY`.
    pub key: Option<ApiKey>,
    /// How prompts are worded; none: as the server allows.
    pub prompt_style: Option<PromptStyle>,
    /// Seconds to wait for the first word of a reply; none for the usual.
    pub timeout: Option<u32>,
    /// `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`; small letters go before capitals, as in curl.
    pub proxies: Proxies,
}

/// All settings, settled.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where files are kept.
    pub folders: Folders,
    /// How the hub is reached.
    pub hub: Hub,
    /// What the boss calls the person.
    pub name: String,
    /// The chosen model, which may be a path; none leaves the choice to the catalogue's rule.
    pub model: Option<OsString>,
    /// Default boss.
    pub boss: String,
    /// Default scenario.
    pub scenario: String,
    /// Default difficulty preset.
    pub difficulty: String,
    /// When feedback is shown.
    pub feedback: FeedbackWhen,
    /// Threads the model uses; 0 for all cores.
    pub threads: u32,
    /// The python command, where the person named one.
    pub python: Option<String>,
    /// Plain output was asked for (setting, `TERM=dumb`).
    pub plain: bool,
    /// The boss's lines are spoken.
    pub speak: bool,
    /// Programs of the person's own choice.
    pub programs: Programs,
    /// `COACHUP_LIBRARY`, or `library`: the folder that a team shares.
    pub library: Option<PathBuf>,
    /// The model server, where one is set.
    pub server: Server,
}

/// What is wrong with the settings, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file can't be read.
    #[error("can't read the settings file `{path}`: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("the settings file `{path}` is not right: {why}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where and why, with the nearest valid key.
        why: String,
    },
    /// A variable of the environment is not what it should be.
    #[error("the environment variable `{variable}` {why}")]
    Variable {
        /// Its name.
        variable: &'static str,
        /// What is wrong with its value.
        why: String,
    },
    /// No home folder is known.
    #[error("can't tell where your home folder is; set `COACHUP_HOME` to a folder for coachup's files")]
    NoHome,
}

/// The environment, handed in as a look-up so that tests need not change the process's own. A path need not be text;
/// where text is needed, a value that is none is passed over.
pub type Environment = HashMap<String, OsString>;

/// The process's own. A variable whose name is no text is none of ours.
fn environment() -> Environment {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect()
}

impl Settings {
    /// Reads the process's environment and the settings file.
    ///
    /// # Errors
    /// An unreadable or malformed settings file, a variable that is not right; no home folder.
    pub fn load() -> Result<Settings, SettingsError> {
        Settings::from(&environment())
    }

    /// The settings that `environment` and the settings file it leads to give.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn from(environment: &Environment) -> Result<Settings, SettingsError> {
        let folders = Folders::of(environment)?;
        let file = read_file(&folders.config.join("settings.toml"))?;
        match Settings::settled(environment, folders, file) {
            (settings, None) => Ok(settings),
            (_, Some(wrong)) => Err(wrong),
        }
    }

    /// The settings without what is not right of them, and what is wrong with it.
    ///
    /// # Errors
    /// [`SettingsError::NoHome`].
    pub fn load_anyway() -> Result<(Settings, Option<SettingsError>), SettingsError> {
        Settings::anyway(&environment())
    }

    fn anyway(environment: &Environment) -> Result<(Settings, Option<SettingsError>), SettingsError> {
        let folders = Folders::of(environment)?;
        let (file, wrong) = match read_file(&folders.config.join("settings.toml")) {
            Ok(file) => (file, None),
            Err(error) => (SettingsFile::default(), Some(error)),
        };
        let (settings, also) = Settings::settled(environment, folders, file);
        Ok((settings, wrong.or(also)))
    }

    fn settled(
        environment: &Environment,
        folders: Folders,
        file: SettingsFile,
    ) -> (Settings, Option<SettingsError>) {
        let path = |key: &str| environment.get(key).filter(|value| !value.is_empty()).cloned();
        let get = |key: &str| path(key)?.into_string().ok();
        let of_network = |key: &str| get(key).or_else(|| get(&key.to_ascii_uppercase()));
        let name = get("COACHUP_NAME").map(|name| checked_name(&name)).transpose();
        let (name, wrong) = match name {
            Ok(name) => (name, None),
            Err(why) => (None, Some(SettingsError::Variable { variable: "COACHUP_NAME", why })),
        };
        let settings = Settings {
            hub: Hub {
                endpoint: get("HF_ENDPOINT"),
                token: get("HF_TOKEN"),
                cache: path("HF_HUB_CACHE")
                    .map(from_home)
                    .or_else(|| path("HF_HOME").map(|home| from_home(home).join("hub"))),
                offline: get("HF_HUB_OFFLINE").is_some_and(|value| truthy(&value)),
            },
            name: name.or(file.name).unwrap_or_else(|| "Sam".to_owned()),
            model: path("COACHUP_MODEL").or(file.model.map(OsString::from)),
            boss: file.boss.unwrap_or_else(|| "dana".to_owned()),
            scenario: file.scenario.unwrap_or_else(|| "late-feedback".to_owned()),
            difficulty: file.difficulty.unwrap_or_else(|| "guarded".to_owned()),
            feedback: file.feedback.unwrap_or_default(),
            threads: file.threads.unwrap_or(0),
            python: get("COACHUP_PYTHON").or(file.python),
            programs: Programs {
                editor: get("VISUAL").or(get("EDITOR")),
                pager: environment.get("PAGER").cloned().and_then(|pager| pager.into_string().ok()),
                less: environment.contains_key("LESS"),
                browser: get("BROWSER"),
                speech: file.speech,
            },
            library: path("COACHUP_LIBRARY")
                .map(|folder| absolute(&folder))
                .or_else(|| Some(folders.config.join(from_home(file.library?)))),
            server: Server {
                url: get("COACHUP_SERVER").or(file.server.url),
                model: file.server.model,
                key: get(file.server.key_env.as_deref().unwrap_or("COACHUP_API_KEY")).map(ApiKey::new),
                prompt_style: file.server.prompt_style,
                timeout: file.server.timeout,
                proxies: Proxies {
                    http: of_network("http_proxy").or_else(|| of_network("all_proxy")),
                    https: of_network("https_proxy").or_else(|| of_network("all_proxy")),
                    none: of_network("no_proxy"),
                },
            },
            plain: file.plain.unwrap_or(false) || get("TERM").is_some_and(|term| term == "dumb"),
            speak: file.speak.unwrap_or(false),
            folders,
        };
        (settings, wrong)
    }
}

/// A folder that a variable names, wherever the program goes later.
fn absolute(folder: &OsStr) -> PathBuf {
    let folder = from_home(folder);
    std::path::absolute(&folder).unwrap_or(folder)
}

/// The hub's own reading of a yes in a variable.
fn truthy(value: &str) -> bool {
    matches!(value.to_ascii_lowercase().as_str(), "1" | "on" | "yes" | "true")
}

impl Folders {
    fn of(environment: &Environment) -> Result<Folders, SettingsError> {
        if let Some(home) = environment.get("COACHUP_HOME").filter(|home| !home.is_empty()) {
            let home = absolute(home);
            return Ok(Folders { data: home.join("data"), models: home.join("models"), config: home });
        }
        let dirs = directories::ProjectDirs::from("", "", "coachup").ok_or(SettingsError::NoHome)?;
        Ok(Folders {
            config: dirs.config_dir().to_owned(),
            data: dirs.data_dir().to_owned(),
            models: dirs.data_dir().join("models"),
        })
    }

    /// The plan of a scenario.
    pub fn plan(&self, scenario: &str) -> PathBuf {
        self.data.join(kept::PLANS).join(format!("{scenario}.toml"))
    }
}

fn read_file(path: &Path) -> Result<SettingsFile, SettingsError> {
    let text = match read_text(path, LONGEST) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(SettingsFile::default()),
        Err(source) => return Err(SettingsError::Unreadable { path: path.to_owned(), source }),
    };
    from_toml(&text).map_err(|why| SettingsError::Malformed { path: path.to_owned(), why })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(home: &Path) -> Environment {
        HashMap::from([("COACHUP_HOME".to_owned(), home.into())])
    }

    #[test]
    fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("settings.toml"), "name = 'Ada'\nboss = 'victor'\n").unwrap();
        let mut env = environment(home.path());
        let settings = Settings::from(&env).unwrap();
        assert_eq!((settings.name.as_str(), settings.boss.as_str()), ("Ada", "victor"));
        assert_eq!(settings.difficulty, "guarded");
        env.insert("COACHUP_NAME".into(), "Bo".into());
        assert_eq!(Settings::from(&env).unwrap().name, "Bo");
    }

    #[test]
    fn an_unknown_key_is_an_error_with_the_nearest_valid_one() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("settings.toml"), "dificulty = 'open'\n").unwrap();
        let error = Settings::from(&environment(home.path())).unwrap_err().to_string();
        assert!(error.contains("`dificulty`") && error.contains("`difficulty`"), "{error}");
    }

    #[test]
    fn a_broken_file_can_be_set_aside_to_look_at_the_rest() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("settings.toml"), "name = \n").unwrap();
        let (settings, wrong) = Settings::anyway(&environment(home.path())).unwrap();
        assert_eq!(settings.name, "Sam");
        assert!(wrong.unwrap().to_string().contains("settings.toml"));
    }

    #[test]
    fn every_number_has_a_range_that_is_told() {
        let home = tempfile::tempdir().unwrap();
        let read = |text: &str| {
            std::fs::write(home.path().join("settings.toml"), text).unwrap();
            Settings::from(&environment(home.path()))
        };
        for (text, range) in [
            ("threads = 20000", "from 0 to 1024"),
            ("threads = -1", "from 0 to 1024"),
            ("threads = 1.5", "from 0 to 1024"),
            ("threads = 99999999999999999999", "`threads` must be a whole number from 0 to 1024"),
            ("[server]\ntimeout = 9223372036854775807", "from 1 to 86400"),
            ("[server]\ntimeout = 0", "from 1 to 86400"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(range) && error.contains("line "), "{text}: {error}");
        }
        let settings = read("threads = 1024\n[server]\ntimeout = 86_400").unwrap();
        assert_eq!((settings.threads, settings.server.timeout), (1024, Some(86_400)));
    }

    #[test]
    fn a_name_is_one_that_a_boss_can_say() {
        let home = tempfile::tempdir().unwrap();
        for name in ["", "  ", "Dana:", "a\\nb", "[she]", "42", "\\u001b[2J", &"x".repeat(41)] {
            std::fs::write(home.path().join("settings.toml"), format!("name = \"{name}\"")).unwrap();
            let error = Settings::from(&environment(home.path())).unwrap_err().to_string();
            assert!(error.contains("`name` ") && error.contains("settings.toml"), "{name}: {error}");
        }
        std::fs::write(home.path().join("settings.toml"), "name = ' Zoë-Marie O’Neil '").unwrap();
        let mut env = environment(home.path());
        assert_eq!(Settings::from(&env).unwrap().name, "Zoë-Marie O’Neil");
        env.insert("COACHUP_NAME".into(), "\n".into());
        let error = Settings::from(&env).unwrap_err().to_string();
        assert!(error.contains("`COACHUP_NAME` is empty"), "{error}");
        let (settings, wrong) = Settings::anyway(&env).unwrap();
        assert!(settings.name == "Zoë-Marie O’Neil" && wrong.is_some());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_no_text_is_a_path_or_passed_over() {
        use std::os::unix::ffi::OsStringExt;
        let home = tempfile::tempdir().unwrap();
        let odd = OsString::from_vec([home.path().as_os_str().as_encoded_bytes(), b"/\xff"].concat());
        let mut env = environment(Path::new(&odd));
        for variable in
            ["COACHUP_NAME", "COACHUP_MODEL", "COACHUP_LIBRARY", "HF_HOME", "EDITOR", "PAGER", "PWD"]
        {
            env.insert(variable.into(), odd.clone());
        }
        let settings = Settings::from(&env).unwrap();
        assert_eq!(settings.folders.config, Path::new(&odd));
        assert_eq!(settings.library.as_deref(), Some(Path::new(&odd)));
        assert_eq!(settings.hub.cache, Some(Path::new(&odd).join("hub")));
        assert_eq!(settings.model, Some(odd));
        assert_eq!((settings.name.as_str(), settings.programs.editor), ("Sam", None));
    }

    #[test]
    fn a_servers_key_comes_from_the_variable_that_is_named_and_is_not_shown() {
        let home = tempfile::tempdir().unwrap();
        let mut env = environment(home.path());
        env.insert("GATEWAY_KEY".into(), "sk-canary".into());
        env.insert("COACHUP_API_KEY".into(), "sk-other".into());
        let text = "[server]\nurl = 'http://localhost/v1'\nkey-env = 'GATEWAY_KEY'\nmodel = 'm'\n";
        std::fs::write(home.path().join("settings.toml"), text).unwrap();
        let settings = Settings::from(&env).unwrap();
        assert_eq!(settings.server.key, Some(ApiKey::new("sk-canary")));
        assert!(!format!("{settings:?}").contains("canary"));
        std::fs::write(home.path().join("settings.toml"), "[server]\nkey = 'sk-canary'\n").unwrap();
        let error = Settings::from(&env).unwrap_err().to_string();
        assert!(error.contains("`key`") && !error.contains("canary"), "{error}");
    }

    #[test]
    fn each_scheme_has_its_proxy() {
        let home = tempfile::tempdir().unwrap();
        let mut env = environment(home.path());
        env.insert("HTTPS_PROXY".into(), "http://secure:3128".into());
        let proxies = |env: &Environment| Settings::from(env).unwrap().server.proxies;
        assert_eq!((proxies(&env).http, proxies(&env).https.as_deref()), (None, Some("http://secure:3128")));
        env.insert("all_proxy".into(), "http://any:3128".into());
        env.insert("no_proxy".into(), "10.0.0.0/8".into());
        env.insert("NO_PROXY".into(), "*".into());
        assert_eq!(proxies(&env).http.as_deref(), Some("http://any:3128"));
        assert_eq!(proxies(&env).https.as_deref(), Some("http://secure:3128"));
        assert_eq!(proxies(&env).none.as_deref(), Some("10.0.0.0/8"));
    }

    #[test]
    fn the_shared_folder_is_found_from_the_settings_file_on() {
        let home = tempfile::tempdir().unwrap();
        let mut env = environment(home.path());
        std::fs::write(home.path().join("settings.toml"), "library = 'team'\n").unwrap();
        assert_eq!(Settings::from(&env).unwrap().library, Some(home.path().join("team")));
        env.insert("COACHUP_LIBRARY".into(), "/shared".into());
        assert_eq!(Settings::from(&env).unwrap().library, Some("/shared".into()));
    }

    #[test]
    fn the_hubs_own_variables_are_honoured() {
        let home = tempfile::tempdir().unwrap();
        let mut env = environment(home.path());
        env.insert("HF_HOME".into(), "/h".into());
        env.insert("HF_HUB_OFFLINE".into(), "1".into());
        let hub = Settings::from(&env).unwrap().hub;
        assert_eq!(hub.cache, Some(PathBuf::from("/h/hub")));
        assert!(hub.offline);
    }

    #[test]
    fn folders_may_begin_at_home() {
        let own = from_home("~");
        let variables =
            [("COACHUP_HOME", "~/no-such-coachup"), ("HF_HOME", "~/h"), ("COACHUP_LIBRARY", "~/team")];
        let env = variables.map(|(name, value)| (name.to_owned(), value.into()));
        let settings = Settings::from(&env.into()).unwrap();
        assert_eq!(settings.folders.config, own.join("no-such-coachup"));
        assert_eq!((settings.hub.cache, settings.library), (Some(own.join("h/hub")), Some(own.join("team"))));
    }
}
