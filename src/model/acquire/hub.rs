//! The first source: the model hub, through `hf-hub` and its standard cache, which other tools share.
//!
//! `hf-hub` has no time-outs and tells no sums, so the hub is asked first with a small request of our own:
//! is it there, which sum does it state for the file, how long is it. That also finds out in seconds, not
//! minutes, that a network blocks the hub.

use super::disk::require_space;
use super::error::{AcquireError, io_error};
use super::progress::Progress;
use crate::model::catalogue::{HubFile, is_sha256};
use hf_hub::api::sync::{ApiBuilder, ApiError, ApiRepo};
use hf_hub::{Cache, Repo, RepoType};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use ureq::Agent;
use ureq::http::Response;

/// The hub where the person has set no other.
const ENDPOINT: &str = "https://huggingface.co";
/// For the connection to the hub.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);
/// For its whole answer to the small request.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// A download that brings nothing for so long is given up; what has arrived is kept.
const STALLED: Duration = Duration::from_secs(60);
/// Between two looks at a running download.
const TICK: Duration = Duration::from_millis(200);
/// A renamed repository is followed this far.
const MOST_REDIRECTS: usize = 5;

/// How the hub is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HubOptions {
    /// Another hub's base address; none for the usual one.
    pub endpoint: Option<String>,
    /// Sent with each request; none: the one that `hf auth login` left, if any.
    pub token: Option<String>,
    /// The cache folder; none: the standard one below the home folder.
    pub cache: Option<PathBuf>,
    /// Never ask the hub; what is in the cache is still used.
    pub offline: bool,
}

/// What the hub states about a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stated {
    /// SHA-256; none for a small file that the hub keeps without one.
    pub sha256: Option<String>,
    /// Bytes.
    size: u64,
    /// The name of its blob in the cache.
    etag: String,
}

/// Why the hub said nothing useful.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There is no way to it: no need to ask again in this run.
    Unreachable(String),
    /// It answered, and not with this file.
    Answered(String),
}

impl Refusal {
    /// The reason in words.
    pub fn why(self) -> String {
        match self {
            Refusal::Unreachable(why) | Refusal::Answered(why) => why,
        }
    }
}

/// The hub and its cache.
#[derive(Clone, Debug)]
pub(super) struct Hub {
    options: HubOptions,
    endpoint: String,
    cache: Cache,
}

impl Hub {
    /// None if there is no cache folder: none was given and no home folder is known.
    pub fn new(options: &HubOptions) -> Option<Hub> {
        let cache = match &options.cache {
            Some(folder) => Cache::new(folder.clone()),
            // `Cache::default` panics without a home folder.
            None => {
                directories::BaseDirs::new()?;
                Cache::default()
            }
        };
        let endpoint = options.endpoint.as_deref().unwrap_or(ENDPOINT).trim_end_matches('/').to_owned();
        Some(Hub { options: options.clone(), endpoint, cache })
    }

    /// The folder of the cache.
    pub fn cache_folder(&self) -> &Path {
        self.cache.path()
    }

    /// Places in the cache where the file lies already, whoever put it there.
    pub fn cached(&self, file: &HubFile, sha256: Option<&str>) -> Vec<PathBuf> {
        let repo = self.cache.repo(repo(file));
        let mut places = vec![repo.pointer_path(&file.revision).join(&file.file)];
        places.extend(repo.get(&file.file));
        let main = self.cache.repo(Repo::new(file.repo.clone(), RepoType::Model));
        places.extend(main.get(&file.file));
        // A large file's blob is called after its sum, whichever revision it was fetched under.
        places.extend(sha256.map(|sum| repo.blob_path(sum)));
        places.dedup();
        places.retain(|path| path.is_file());
        places
    }

    /// The sum by whose name a cached file's blob is called, where that is one.
    pub fn blob_sum(path: &Path) -> Option<String> {
        let blob = path.canonicalize().ok()?;
        let name = blob.file_name()?.to_str()?;
        is_sha256(name).then(|| name.to_owned())
    }

    /// Asks the hub about a file.
    pub fn ask(&self, file: &HubFile) -> Result<Stated, Refusal> {
        if self.options.offline {
            return Err(Refusal::Unreachable("working offline (`HF_HUB_OFFLINE`)".to_owned()));
        }
        let mut url = self.repo(file).map_err(Refusal::Answered)?.url(&file.file);
        for _ in 0..MOST_REDIRECTS {
            let response = self.head(&url)?;
            match local_redirect(&response, &self.endpoint) {
                Some(moved) => url = moved,
                None => return stated(&response, file),
            }
        }
        Err(Refusal::Answered("the hub redirects in a circle".to_owned()))
    }

    fn head(&self, url: &str) -> Result<Response<ureq::Body>, Refusal> {
        let agent: Agent = Agent::config_builder()
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_global(Some(ANSWER_TIMEOUT))
            .max_redirects(0)
            .http_status_as_error(false)
            .build()
            .into();
        let mut request = agent.head(url);
        if let Some(token) = self.options.token.clone().or_else(|| self.cache.token()) {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        request
            .call()
            .map_err(|error| Refusal::Unreachable(format!("no answer from {}: {error}", self.endpoint)))
    }

    fn repo(&self, file: &HubFile) -> Result<ApiRepo, String> {
        let mut builder = ApiBuilder::from_cache(self.cache.clone())
            .with_endpoint(self.endpoint.clone())
            .with_progress(false);
        if let Some(token) = &self.options.token {
            builder = builder.with_token(Some(token.clone()));
        }
        Ok(builder.build().map_err(|error| error.to_string())?.repo(repo(file)))
    }

    /// Downloads a file that the hub has been asked about into the cache, going on where an earlier try
    /// ended. The content is not verified here.
    pub fn download(
        &self,
        file: &HubFile,
        stated: &Stated,
        progress: &mut dyn Progress,
    ) -> Result<PathBuf, AcquireError> {
        let part = self.cache.repo(repo(file)).blob_path(&stated.etag).with_extension("part");
        let arrived = || std::fs::metadata(&part).map_or(0, |metadata| metadata.len());
        if arrived() >= stated.size && part.exists() {
            // hf-hub would ask for the bytes after the end, and fail for ever.
            std::fs::remove_file(&part).map_err(io_error("remove", &part))?;
        }
        require_space(self.cache_folder(), stated.size - arrived())?;
        progress.begin(&format!("fetching {}", file.file), stated.size);
        loop {
            let before = arrived();
            let error = match self.download_once(file, progress)? {
                Ok(path) => return Ok(path),
                Err(error) => error,
            };
            // A connection that brought something is worth another; one that brought nothing is not.
            if arrived() <= before {
                return Err(explain(error, self.cache_folder()));
            }
        }
    }

    /// One run of hf-hub, watched from outside because it can't be told to stop.
    fn download_once(
        &self,
        file: &HubFile,
        progress: &mut dyn Progress,
    ) -> Result<Result<PathBuf, ApiError>, AcquireError> {
        let repo = self.repo(file).map_err(AcquireError::Source)?;
        let (sender, receiver) = channel();
        let name = file.file.clone();
        let worker = std::thread::spawn(move || repo.download_with_progress(&name, Reporter(sender)));
        watch(&receiver, &worker, progress)?;
        worker.join().map_err(|_| AcquireError::Source("the hub client gave up on the file".to_owned()))
    }

    /// Deletes a file from the cache: its blob, and the link by which it is known.
    pub fn delete(path: &Path) -> Result<(), AcquireError> {
        let blob = path.canonicalize().map_err(io_error("find", path))?;
        std::fs::remove_file(&blob).map_err(io_error("remove", &blob))?;
        if blob != path && path.symlink_metadata().is_ok() {
            std::fs::remove_file(path).map_err(io_error("remove", path))?;
        }
        Ok(())
    }
}

fn repo(file: &HubFile) -> Repo {
    Repo::with_revision(file.repo.clone(), RepoType::Model, file.revision.clone())
}

/// Where a redirect leads that stays on the hub: a renamed repository. One that leads elsewhere is the
/// way to the content, and the answer that carries it is the one with the sum.
fn local_redirect<B>(response: &Response<B>, endpoint: &str) -> Option<String> {
    let location = header(response, "location")?;
    (response.status().is_redirection() && location.starts_with('/')).then(|| {
        let host = endpoint.find("://").and_then(|at| endpoint[at + 3..].find('/').map(|end| at + 3 + end));
        format!("{}{location}", &endpoint[..host.unwrap_or(endpoint.len())])
    })
}

fn header<'a, B>(response: &'a Response<B>, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

/// Reads the hub's answer.
fn stated<B>(response: &Response<B>, file: &HubFile) -> Result<Stated, Refusal> {
    let status = response.status();
    let answered = |why: String| Err(Refusal::Answered(why));
    match status.as_u16() {
        401 | 403 => {
            let remedy =
                format!("accept its licence on the hub's page of `{}` and set `HF_TOKEN`", file.repo);
            return answered(format!("the hub lets only those in who may ({status}); {remedy}"));
        }
        404 => return answered(format!("the hub has no `{}` in `{}`", file.file, file.repo)),
        _ if status.is_success() || status.is_redirection() => {}
        _ => return Err(Refusal::Unreachable(format!("the hub answered {status}"))),
    }
    if header(response, "x-repo-commit").is_none() {
        let why = "something answered in the hub's place: a filter or a sign-in page of your network?";
        return Err(Refusal::Unreachable(why.to_owned()));
    }
    let etag = header(response, "x-linked-etag").or_else(|| header(response, "etag"));
    let size = header(response, "x-linked-size").or_else(|| header(response, "content-length"));
    let (Some(etag), Some(Ok(size))) = (etag, size.map(str::parse)) else {
        return answered("the hub's answer names neither sum nor size".to_owned());
    };
    let etag = etag.trim_start_matches("W/").replace('"', "");
    // It becomes a file name in the cache.
    if etag.is_empty() || !etag.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return answered("the hub's answer names an unusable sum".to_owned());
    }
    Ok(Stated { sha256: is_sha256(&etag).then(|| etag.clone()), size, etag })
}

/// Passes on what hf-hub reports of a running download.
struct Reporter(Sender<Report>);

enum Report {
    /// A connection stands; counting begins at 0.
    Connected,
    /// So many more bytes.
    Bytes(usize),
}

impl hf_hub::api::Progress for Reporter {
    fn init(&mut self, _size: usize, _filename: &str) {
        // Nobody may be listening any more: the person has stopped waiting.
        let _ = self.0.send(Report::Connected);
    }
    fn update(&mut self, size: usize) {
        let _ = self.0.send(Report::Bytes(size));
    }
    fn finish(&mut self) {}
}

/// Shows the progress until the worker is done; fails if the person stops it or nothing comes any more.
/// The worker is left behind then, and ends with its connection or with the program.
fn watch<T>(
    reports: &Receiver<Report>,
    worker: &JoinHandle<T>,
    progress: &mut dyn Progress,
) -> Result<(), AcquireError> {
    let mut done = 0;
    let mut heard = Instant::now();
    loop {
        match reports.recv_timeout(TICK) {
            Ok(Report::Connected) => done = 0,
            Ok(Report::Bytes(more)) => {
                done += more as u64;
                progress.at(done);
                heard = Instant::now();
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Err(RecvTimeoutError::Timeout) if worker.is_finished() => return Ok(()),
            Err(RecvTimeoutError::Timeout) if heard.elapsed() > STALLED => {
                let why = format!("nothing came for {} s; what has arrived is kept", STALLED.as_secs());
                return Err(AcquireError::Source(why));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        if progress.stop_asked() {
            return Err(AcquireError::Interrupted);
        }
    }
}

fn explain(error: ApiError, folder: &Path) -> AcquireError {
    match error {
        ApiError::IoError(error) => io_error("write", &folder.join("blobs"))(error),
        ApiError::LockAcquisition(path) => AcquireError::Source(format!(
            "another program holds `{}`: it is fetching the same file",
            path.display()
        )),
        error => AcquireError::Source(format!("the download broke off: {error}")),
    }
}
