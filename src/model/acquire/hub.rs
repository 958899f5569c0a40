//! The first source: the model hub. `hf-hub` knows its addresses and its standard cache, which other tools share.
//!
//! The hub is asked first with a small request: is it there, which sum does it state for the file, how long is it. That
//! also finds out in seconds, not minutes, that a network blocks the hub. The download is our own, because `hf-hub` has
//! no time-outs, can't be told to stop, and refuses mirrors that don't state lengths and places in every answer.

use super::disk::{lock, require_space};
use super::error::{AcquireError, io_error};
use super::progress::Progress;
use crate::model::catalogue::{HubFile, is_sha256};
use crate::model::remote::Address;
use hf_hub::api::sync::{ApiBuilder, ApiRepo};
use hf_hub::{Cache, Repo, RepoType};
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use ureq::Agent;
use ureq::config::RedirectAuthHeaders;
use ureq::http::{HeaderValue, Response};

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
/// Bytes read between two looks at who listens.
const CHUNK: usize = 1 << 18;
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
    /// Bytes; none where neither the hub nor its mirror says.
    size: Option<u64>,
    /// The name of its blob in the cache.
    etag: String,
    /// The name of its snapshot in the cache.
    commit: String,
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
        // The token goes there: an address that is not wholly understood gets nothing.
        Address::read(&self.endpoint)
            .map_err(|error| Refusal::Unreachable(format!("`HF_ENDPOINT`: {error}")))?;
        let mut url = self.repo(file).map_err(Refusal::Answered)?.url(&file.file);
        for _ in 0..MOST_REDIRECTS {
            let response = self.head(&url)?;
            match local_redirect(&response, &self.endpoint) {
                Some(moved) if sum(&response).is_none() => url = moved,
                _ => return stated(&response, file),
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
        if let Some(authorization) = self.authorization().map_err(Refusal::Answered)? {
            request = request.header("Authorization", authorization);
        }
        request
            .call()
            .map_err(|error| Refusal::Unreachable(format!("no answer from {}: {error}", self.endpoint)))
    }

    /// What a request says of who asks. A token that was read from a file may end in a line feed.
    fn authorization(&self) -> Result<Option<HeaderValue>, String> {
        let set = self.options.token.as_deref().map(str::trim).filter(|token| !token.is_empty());
        let Some(token) = set.map(str::to_owned).or_else(|| self.cache.token()) else { return Ok(None) };
        match HeaderValue::try_from(format!("Bearer {token}")) {
            Ok(value) if !token.contains(char::is_whitespace) => Ok(Some(value)),
            _ => Err("the hub's token (`HF_TOKEN`) has a space, a line break or a sign that no token has"
                .to_owned()),
        }
    }

    fn repo(&self, file: &HubFile) -> Result<ApiRepo, String> {
        let builder = ApiBuilder::from_cache(self.cache.clone()).with_endpoint(self.endpoint.clone());
        Ok(builder.build().map_err(|error| error.to_string())?.repo(repo(file)))
    }

    /// Downloads a file that the hub has been asked about into the cache, going on where an earlier try
    /// ended. It has `size` bytes where the hub doesn't state how many. The content is not verified here.
    pub fn download(
        &self,
        file: &HubFile,
        stated: &Stated,
        size: u64,
        progress: &mut dyn Progress,
    ) -> Result<PathBuf, AcquireError> {
        let cache = self.cache.repo(repo(file));
        let blob = cache.blob_path(&stated.etag);
        let lock = lock(&blob.with_extension("lock"), progress)?;
        let size = stated.size.unwrap_or(size);
        let download = Download {
            url: self.repo(file).map_err(AcquireError::Source)?.url(&file.file),
            authorization: self.authorization().map_err(AcquireError::Source)?,
            part: blob.with_extension("part"),
            size,
            _lock: Arc::new(lock),
        };
        let arrived = || std::fs::metadata(&download.part).map_or(0, |metadata| metadata.len());
        require_space(self.cache_folder(), size.saturating_sub(arrived()))?;
        progress.begin(&format!("fetching {}", file.file), size);
        loop {
            let before = arrived();
            match download.watched(progress) {
                Ok(()) => break,
                // A connection that brought something is worth another; one that brought nothing is not.
                Err(error) if error.ends_it() || arrived() <= before => return Err(error),
                Err(_) => {}
            }
        }
        std::fs::rename(&download.part, &blob).map_err(io_error("write", &blob))?;
        let pointer = cache.pointer_path(&stated.commit).join(&file.file);
        point(&pointer, &blob, file).map_err(io_error("write", &pointer))?;
        cache.create_ref(&stated.commit).map_err(io_error("write", &pointer))?;
        Ok(pointer)
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

/// Makes the name by which the cache knows a file: a link to its blob, or, where there are none, the blob itself.
fn point(pointer: &Path, blob: &Path, file: &HubFile) -> std::io::Result<()> {
    if let Some(folder) = pointer.parent() {
        std::fs::create_dir_all(folder)?;
    }
    if pointer.symlink_metadata().is_ok() {
        std::fs::remove_file(pointer)?;
    }
    // From `snapshots/COMMIT/FILE`, where the file may be in folders.
    let up = "../".repeat(file.file.split('/').count() + 1);
    let link = Path::new(&up).join("blobs").join(blob.file_name().unwrap_or_default());
    #[cfg(unix)]
    let linked = std::os::unix::fs::symlink(link, pointer);
    #[cfg(windows)]
    let linked = std::os::windows::fs::symlink_file(link, pointer);
    linked.or_else(|_| std::fs::rename(blob, pointer))
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

/// What the hub calls the content.
fn etag<B>(response: &Response<B>) -> Option<String> {
    let etag = header(response, "x-linked-etag").or_else(|| header(response, "etag"))?;
    Some(etag.trim_start_matches("W/").replace('"', ""))
}

/// The content's sum, where that is what the hub calls it.
fn sum<B>(response: &Response<B>) -> Option<String> {
    etag(response).filter(|etag| is_sha256(etag))
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
    let sha256 = sum(response);
    // A mirror may not name the commit; that it has the sum shows that it is one.
    let Some(commit) = header(response, "x-repo-commit").or(sha256.as_ref().map(|_| file.revision.as_str()))
    else {
        let why = "something answered in the hub's place: a filter or a sign-in page of your network?";
        return Err(Refusal::Unreachable(why.to_owned()));
    };
    let Some(etag) = etag(response) else { return answered("the hub's answer names no sum".to_owned()) };
    // They become names of files in the cache.
    let plain = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if !plain(&etag) || !plain(commit) {
        return answered("the hub's answer names an unusable sum or commit".to_owned());
    }
    // What leads elsewhere has a length of its own.
    let length = header(response, "content-length").filter(|_| status.is_success());
    let size = header(response, "x-linked-size").or(length).and_then(|size| size.parse().ok());
    Ok(Stated { sha256, size, etag, commit: commit.to_owned() })
}

/// What is told of a running download: how much of the file is here.
type Arrived = u64;

/// A file on its way.
#[derive(Clone)]
struct Download {
    url: String,
    authorization: Option<HeaderValue>,
    /// The half-fetched file.
    part: PathBuf,
    /// Bytes of the whole.
    size: u64,
    /// Held until the last who may write has ended.
    _lock: Arc<File>,
}

impl Download {
    /// One connection, on a thread of its own: a read that waits can't be told to stop.
    fn watched(&self, progress: &mut dyn Progress) -> Result<(), AcquireError> {
        // Without room for reports, so that no more is fetched than somebody has heard of.
        let (sender, receiver) = sync_channel(0);
        let download = self.clone();
        let worker = std::thread::spawn(move || download.fetch(&sender));
        watch(&receiver, &worker, progress)?;
        worker
            .join()
            .unwrap_or_else(|_| Err(AcquireError::Source("the download gave up on the file".to_owned())))
    }

    /// Fetches what is missing, and ends early where nobody listens any more.
    fn fetch(&self, arrived: &SyncSender<Arrived>) -> Result<(), AcquireError> {
        let broken =
            |error: &dyn std::fmt::Display| AcquireError::Source(format!("the download broke off: {error}"));
        let mut file = File::options().create(true).append(true).open(&self.part).map_err(self.failed())?;
        let mut here = file.metadata().map_err(self.failed())?.len();
        if here >= self.size {
            // Too long, or whole and not what it should be: else it would have its name.
            file.set_len(0).map_err(self.failed())?;
            here = 0;
        }
        let agent = Agent::config_builder()
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .redirect_auth_headers(RedirectAuthHeaders::SameHost)
            .http_status_as_error(false)
            .build();
        let mut request = Agent::from(agent).get(&self.url);
        if here > 0 {
            request = request.header("Range", format!("bytes={here}-"));
        }
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        let response = request.call().map_err(|error| broken(&error))?;
        match response.status().as_u16() {
            206 => {}
            // From its beginning, asked for or not.
            200 => {
                file.set_len(0).map_err(self.failed())?;
                here = 0;
            }
            _ => return Err(broken(&format!("the hub answered {}", response.status()))),
        }
        let mut body = response.into_body().into_reader();
        let mut chunk = vec![0; CHUNK];
        while arrived.send(here).is_ok() {
            let read = body.read(&mut chunk).map_err(|error| broken(&error))?;
            if read == 0 {
                break;
            }
            here += read as u64;
            if here > self.size {
                return Err(broken(&"it has more bytes than it should"));
            }
            file.write_all(&chunk[..read]).map_err(self.failed())?;
        }
        if here < self.size { Err(broken(&"the connection ended")) } else { Ok(()) }
    }

    fn failed(&self) -> impl FnOnce(std::io::Error) -> AcquireError {
        io_error("write", &self.part)
    }
}

/// Shows the progress until the worker is done; fails if the person stops it or nothing comes any more.
/// The worker is left behind then, and ends with the next bytes, with its connection or with the program.
fn watch<T>(
    reports: &Receiver<Arrived>,
    worker: &JoinHandle<T>,
    progress: &mut dyn Progress,
) -> Result<(), AcquireError> {
    let mut heard = Instant::now();
    loop {
        match reports.recv_timeout(TICK) {
            Ok(here) => {
                progress.at(here);
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
