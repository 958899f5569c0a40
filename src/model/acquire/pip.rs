//! The person's own pip: found, and run to download one wheel. pip's own configuration decides from where.

use super::error::{AcquireError, io_error};
use crate::text::file::from_home;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The commands tried where the person named none.
const COMMANDS: [&str; 3] = ["python3", "python", "py"];

/// How long `pip --version` may take before it counts as not working.
const VERSION_TIMEOUT: Duration = Duration::from_secs(30);

/// Settings of a person's pip that are for what gets installed, and would stop a download or hide why it failed; and
/// what is set in their place. Where pip fetches from stays as the person has it.
const SETTINGS: [(&str, &str); 4] =
    [("PIP_REQUIRE_VIRTUALENV", "0"), ("PIP_REQUIRE_HASHES", "0"), ("PIP_QUIET", "0"), ("PIP_VERBOSE", "0")];

/// Those that name files with more requirements: an empty file takes the place of each.
const LISTS: [&str; 2] = ["PIP_CONSTRAINT", "PIP_REQUIREMENT"];

/// Between two looks at a running pip.
const TICK: Duration = Duration::from_millis(100);

/// A Python that has pip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Python {
    /// The command.
    pub command: PathBuf,
    /// What pip says of itself: `pip 26.1 from …`.
    pub pip: String,
}

impl Python {
    /// The named command, or the first of the usual ones, that can run pip.
    ///
    /// # Errors
    /// In words: what was tried, why it failed, and the remedy.
    pub fn find(named: Option<&str>) -> Result<Python, String> {
        let commands = named.map_or(COMMANDS.to_vec(), |command| vec![command]);
        let mut tried = Vec::new();
        for command in commands {
            match pip_version(command) {
                Ok(pip) => return Ok(Python { command: absolute(command), pip }),
                Err(why) => tried.push(format!("`{command}`: {why}")),
            }
        }
        let remedy = "install Python with pip, or name one: `python = \"…\"` in settings.toml";
        Err(format!("no Python with pip ({}); {remedy}", tried.join("; ")))
    }

    /// Downloads one wheel, of exactly this version, into the folder `into`, which is made anew. `watch` is
    /// told the bytes that have arrived, several times a second, and says whether to go on.
    ///
    /// # Errors
    /// pip failed, or the watch said stop; in both cases `into` is gone.
    pub(super) fn download(
        &self,
        package: &str,
        version: &str,
        into: &Path,
        watch: &mut dyn FnMut(u64) -> Result<(), AcquireError>,
    ) -> Result<PathBuf, AcquireError> {
        remove_folder(into)?;
        let result = self.download_into(package, version, into, watch);
        if result.is_err() {
            remove_folder(into)?;
        }
        result
    }

    fn download_into(
        &self,
        package: &str,
        version: &str,
        into: &Path,
        watch: &mut dyn FnMut(u64) -> Result<(), AcquireError>,
    ) -> Result<PathBuf, AcquireError> {
        // pip unpacks and moves through its temporary folder: it must be on the same disk, and its files
        // are how progress inside one wheel is seen.
        let (wheels, temporary) = (into.join("wheel"), into.join("tmp"));
        for folder in [&wheels, &temporary] {
            std::fs::create_dir_all(folder).map_err(io_error("create", folder))?;
        }
        let requirement = format!("{package}=={version}");
        let nothing = into.join("none.txt");
        std::fs::write(&nothing, "").map_err(io_error("write", &nothing))?;
        let mut said = tempfile::tempfile().map_err(io_error("write", &temporary))?;
        let again = || said.try_clone().map_err(io_error("write", &temporary));
        let child = Command::new(&self.command)
            .args(["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir"])
            .args(["--disable-pip-version-check", "--no-input", "--progress-bar=off", "--dest"])
            .arg(&wheels)
            .arg(&requirement)
            // `-m` looks for modules in the working folder first: an empty one holds no impostor of pip.
            .current_dir(&temporary)
            .envs(["TMPDIR", "TEMP", "TMP"].map(|name| (name, &temporary)))
            .envs(SETTINGS)
            .envs(LISTS.map(|name| (name, &nothing)))
            .stdin(Stdio::null())
            .stdout(again()?)
            .stderr(again()?)
            .spawn()
            .map_err(|error| {
                AcquireError::Source(format!("can't run `{}`: {error}", self.command.display()))
            })?;
        let status = Running(child).wait(&mut || watch(bytes_in(into)))?;
        if !status.success() {
            let mut text = Vec::new();
            said.rewind().and_then(|()| said.read_to_end(&mut text)).map_err(io_error("read", into))?;
            let model = into.parent().unwrap_or(into);
            return Err(failure(&requirement, &String::from_utf8_lossy(&text), model));
        }
        only_wheel(&wheels).ok_or_else(|| {
            AcquireError::Source(format!("pip said it downloaded `{requirement}`, but left no wheel"))
        })
    }
}

/// Runs `COMMAND -m pip --version`.
fn pip_version(command: &str) -> Result<String, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mut output = tempfile::tempfile().map_err(|error| error.to_string())?;
    let (stdout, stderr) = (output.try_clone(), output.try_clone());
    let child = Command::new(absolute(command))
        .args(["-m", "pip", "--version"])
        .current_dir(&folder)
        .stdin(Stdio::null())
        .stdout(stdout.map_err(|error| error.to_string())?)
        .stderr(stderr.map_err(|error| error.to_string())?)
        .spawn()
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => "not found".to_owned(),
            _ => error.to_string(),
        })?;
    let begun = Instant::now();
    let too_long = || AcquireError::Source("`-m pip --version` did not end".to_owned());
    let status = Running(child)
        .wait(&mut || if begun.elapsed() < VERSION_TIMEOUT { Ok(()) } else { Err(too_long()) })
        .map_err(|error| error.to_string())?;
    let mut text = Vec::new();
    output.rewind().and_then(|()| output.read_to_end(&mut text)).map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&text);
    let last = printable(text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing"));
    if status.success() {
        Ok(last)
    } else if last.contains("No module named pip") {
        Err(format!("it has no pip; `{command} -m ensurepip` may install it"))
    } else {
        Err(last)
    }
}

/// A command with a folder in it must not depend on the working folder, which is changed for pip.
fn absolute(command: &str) -> PathBuf {
    let path = from_home(command);
    match path.components().count() {
        0 | 1 => path,
        _ => std::path::absolute(&path).unwrap_or(path),
    }
}

/// A child that is ended when nobody waits for it any more.
struct Running(Child);

impl Running {
    /// Waits for the end, asking `watch` now and then whether to go on.
    fn wait(
        mut self,
        watch: &mut dyn FnMut() -> Result<(), AcquireError>,
    ) -> Result<ExitStatus, AcquireError> {
        loop {
            let status = self.0.try_wait().map_err(|error| AcquireError::Source(error.to_string()))?;
            if let Some(status) = status {
                return Ok(status);
            }
            watch()?;
            std::thread::sleep(TICK);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail if it has ended already, which is what is wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Why pip failed, in its own words: the last of its errors, or, where no index had the package, what it said of the
/// indexes on the way.
fn failure(requirement: &str, said: &str, folder: &Path) -> AcquireError {
    if said.contains("No space left on device") {
        return AcquireError::DiskFull { folder: folder.to_owned() };
    }
    let lines = || said.lines().filter(|line| !line.trim().is_empty());
    let after = |mark: &str| lines().rev().find_map(|line| Some(line.split_once(mark)?.1));
    let last = lines().rfind(|line| line.starts_with("ERROR")).or_else(|| lines().next_back());
    let why = match last {
        Some(_) if said.contains("(from versions: none)") => {
            let index = after("Looking in indexes: ")
                .map_or("the Python index".to_owned(), |named| format!("`{named}`"));
            match after("connection broken by ").or(after("Could not fetch URL ")) {
                Some(cause) => format!("{index} can't be reached: {cause}"),
                None => format!("{index} has no such package, or does not answer as a Python index does"),
            }
        }
        Some(last) => last.to_owned(),
        None => "it said nothing".to_owned(),
    };
    AcquireError::Source(format!("pip could not download `{requirement}`: {}", printable(&why)))
}

/// One line of another program's output, safe and short enough to show.
fn printable(line: &str) -> String {
    line.chars().filter(|c| !c.is_control()).take(300).collect::<String>().trim().to_owned()
}

fn only_wheel(folder: &Path) -> Option<PathBuf> {
    let mut files = std::fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let wheel = files.next()?;
    (files.next().is_none() && wheel.extension().is_some_and(|ending| ending == "whl")).then_some(wheel)
}

/// Bytes of all files below `folder`; what vanishes meanwhile counts nothing.
fn bytes_in(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_in(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

/// Removes a folder with all that is in it, if it is there.
pub(super) fn remove_folder(folder: &Path) -> Result<(), AcquireError> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io_error("remove", folder)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_python_is_named_with_the_remedy() {
        let error = Python::find(Some("no-such-python")).unwrap_err();
        assert!(error.contains("`no-such-python`: not found") && error.contains("settings.toml"), "{error}");
    }

    #[test]
    fn pips_own_words_are_passed_on_without_the_noise() {
        let why = |said: &str| failure("x==1", said, Path::new("/m")).to_string();
        let none = "ERROR: Could not find a version that satisfies the requirement x==1 (from versions: none)\n\
                    ERROR: No matching distribution found for x==1\u{1b}[0m\n";
        let other = none.replace("none", "0.9");
        assert_eq!(
            why(&format!("WARNING: x\n{other}\n[notice] A new release\n")),
            "pip could not download `x==1`: ERROR: No matching distribution found for x==1[0m"
        );
        // A dead index is told from one that has other packages.
        let dead = "Looking in indexes: https://pypi.example/simple\nWARNING: Retrying (Retry(total=0)) after connection \
                    broken by 'NewConnectionError(\"[Errno 111] Connection refused\")': /simple/x/\n";
        let told = why(&format!("{dead}{none}"));
        for part in ["`https://pypi.example/simple` can't be reached", "Connection refused"] {
            assert!(told.contains(part) && !told.contains("No matching"), "{told}");
        }
        assert!(
            why(none)
                .ends_with("the Python index has no such package, or does not answer as a Python index does"),
            "{}",
            why(none)
        );
        let full = failure("x==1", "OSError: [Errno 28] No space left on device\n", Path::new("/m"));
        assert!(matches!(full, AcquireError::DiskFull { .. }));
    }
}
