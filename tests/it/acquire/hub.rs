//! The hub source, against a small server that speaks the hub's protocol.

use super::{Listener, entry, files_below, noise, on_hub, store, sum};
use coachup::model::acquire::{AcquireError, HubOptions, Quiet, Store};
use coachup::model::catalogue::Entry;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// How the server behaves, and what it was asked.
#[derive(Default)]
struct Behaviour {
    /// Name and content of its files.
    files: Vec<(String, Vec<u8>)>,
    /// States this sum instead of the right one.
    stated: Option<String>,
    /// Ends the next so many contents after half of what was asked for.
    cuts: usize,
    /// Answers every question with this status.
    status: Option<u16>,
    /// Is no hub: a sign-in page that says 200 to everything.
    portal: bool,
    /// States a Git sum, as for a small file.
    small: bool,
    /// The repository has another name now.
    renamed: bool,
    /// A mirror that knows no parts of a file, and states neither its length before nor the commit.
    plain: bool,
    /// What the last request said of who asks.
    authorization: Option<String>,
    /// Method, path and first byte of each request.
    asked: Vec<(String, String, u64)>,
}

struct Server {
    address: String,
    behaviour: Arc<Mutex<Behaviour>>,
}

impl Server {
    fn start(behaviour: Behaviour) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let behaviour = Arc::new(Mutex::new(behaviour));
        let shared = Arc::clone(&behaviour);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // The client may go away in the middle.
                let _ = answer(stream, &mut shared.lock().unwrap());
            }
        });
        Server { address, behaviour }
    }

    fn with(name: &str, content: &[u8]) -> Server {
        Server::start(Behaviour { files: vec![(name.to_owned(), content.to_vec())], ..Behaviour::default() })
    }

    fn set(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.behaviour.lock().unwrap());
    }

    /// First bytes of the contents that were asked for.
    fn contents(&self) -> Vec<u64> {
        let behaviour = self.behaviour.lock().unwrap();
        let contents = behaviour.asked.iter().filter(|(_, path, _)| path.starts_with("/content/"));
        contents.filter(|(method, _, _)| method == "GET").map(|(_, _, from)| *from).collect()
    }
}

fn answer(stream: TcpStream, behaviour: &mut Behaviour) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().unwrap_or(Ok(String::new()))?;
    let mut range = None;
    for line in lines.map_while(Result::ok).take_while(|line| !line.is_empty()) {
        if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("range")
        {
            let (from, to) = value.trim_start_matches("bytes=").split_once('-').unwrap();
            range = Some((from.parse::<u64>().unwrap(), to.parse::<u64>().ok()));
        }
        if let Some(who) = line.strip_prefix("authorization: ") {
            behaviour.authorization = Some(who.to_owned());
        }
    }
    let mut words = request.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    behaviour.asked.push((method.into(), path.into(), range.map_or(0, |(from, _)| from)));
    let name = path.rsplit('/').next().unwrap_or_default();
    let content = behaviour.files.iter().find(|(known, _)| known == name).map(|(_, content)| content.clone());
    let mut out = stream;
    if behaviour.portal {
        return write!(out, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
    }
    if let Some(status) = behaviour.status {
        return write!(out, "HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
    let Some(content) = content else {
        return write!(
            out,
            "HTTP/1.1 404 Not Found\r\nX-Error-Code: EntryNotFound\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
    };
    if behaviour.renamed && path.starts_with("/me/mine/") {
        let moved = path.replace("/me/mine/", "/me/renamed/");
        return write!(
            out,
            "HTTP/1.1 307 Moved\r\nLocation: {moved}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
    }
    if path.contains("/resolve/") {
        if behaviour.plain {
            return write!(
                out,
                "HTTP/1.1 302 Found\r\nETag: \"{}\"\r\nLocation: /content/{name}\r\nContent-Length: 0\r\n\
                 Connection: close\r\n\r\n",
                sum(&content)
            );
        }
        let etag = match behaviour.small {
            true => "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0".to_owned(),
            false => behaviour.stated.clone().unwrap_or_else(|| sum(&content)),
        };
        return write!(
            out,
            "HTTP/1.1 302 Found\r\nX-Repo-Commit: {COMMIT}\r\nX-Linked-Etag: \"{etag}\"\r\nX-Linked-Size: {}\r\n\
             Location: http://{}/content/{name}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            content.len(),
            out.local_addr()?
        );
    }
    let (from, to) = range.filter(|_| !behaviour.plain).unwrap_or((0, None));
    let all = content.len() as u64;
    let to = to.map_or(all, |to| to + 1);
    let place = match behaviour.plain {
        true => "200 OK\r\n".to_owned(),
        false => format!("206 Partial Content\r\nContent-Range: bytes {from}-{}/{all}\r\n", to - 1),
    };
    write!(out, "HTTP/1.1 {place}Content-Length: {}\r\nConnection: close\r\n\r\n", to - from)?;
    let mut body = &content[from as usize..to as usize];
    if behaviour.cuts > 0 {
        behaviour.cuts -= 1;
        body = &body[..body.len() / 2];
    }
    out.write_all(body)
}

fn model(content: &[u8]) -> Entry {
    entry(vec![on_hub("mine.gguf", content)])
}

/// No trace of a file in the cache under a name that somebody could take for a whole one.
fn nothing_whole(home: &Path) {
    let files = files_below(&home.join("hub"));
    let whole =
        |name: &&String| !name.ends_with(".part") && !name.ends_with(".lock") && !name.contains("/refs/");
    let whole: Vec<_> = files.iter().filter(whole).collect();
    assert!(whole.is_empty(), "{whole:?}");
}

#[test]
fn a_file_is_fetched_once_and_then_found_without_asking() {
    let content = noise(3_000_000);
    let (home, server) = (tempfile::tempdir().unwrap(), Server::with("mine.gguf", &content));
    let store = store(home.path(), Some(server.address.clone()), "no-python");
    let acquired = store.acquire(&model(&content), &mut Quiet).unwrap();
    assert_eq!(std::fs::read(&acquired.files[0]).unwrap(), content);
    assert!(acquired.files[0].starts_with(home.path().join("hub")), "in the shared cache");

    let asked = server.behaviour.lock().unwrap().asked.len();
    assert_eq!(store.acquire(&model(&content), &mut Quiet).unwrap(), acquired);
    assert_eq!(server.behaviour.lock().unwrap().asked.len(), asked, "nobody was asked");

    let removed = store.remove(&model(&content), &mut Quiet).unwrap();
    assert!(removed.freed >= 3_000_000 && removed.kept.is_empty(), "{removed:?}");
    assert_eq!(store.local(&model(&content)), None);
    nothing_whole(home.path());
}

#[test]
fn a_cut_connection_goes_on_where_it_was() {
    let content = noise(3_000_000);
    let (home, server) = (tempfile::tempdir().unwrap(), Server::with("mine.gguf", &content));
    server.set(|behaviour| behaviour.cuts = 2);
    let store = store(home.path(), Some(server.address.clone()), "no-python");
    let acquired = store.acquire(&model(&content), &mut Quiet).unwrap();
    assert_eq!(std::fs::read(&acquired.files[0]).unwrap(), content);
    assert_eq!(server.contents(), [0, 1_500_000, 2_250_000]);
}

/// Neither a commit nor a length is named, and parts of a file are not known: a whole file comes all the same, from its
/// beginning after a cut.
#[test]
fn a_mirror_that_states_little_is_enough() {
    let content = noise(3_000_000);
    let (home, server) = (tempfile::tempdir().unwrap(), Server::with("mine.gguf", &content));
    server.set(|behaviour| (behaviour.plain, behaviour.cuts) = (true, 1));
    let store = store(home.path(), Some(server.address.clone()), "no-python");
    let acquired = store.acquire(&model(&content), &mut Quiet).unwrap();
    assert_eq!(std::fs::read(&acquired.files[0]).unwrap(), content);
    assert_eq!(server.contents(), [0, 1_500_000]);
}

#[test]
fn a_token_from_a_file_may_end_in_a_line_feed() {
    let content = noise(1000);
    let (home, server) = (tempfile::tempdir().unwrap(), Server::with("mine.gguf", &content));
    let fetch = |token: &str| {
        let cache = Some(home.path().join(sum(token.as_bytes())));
        let hub = HubOptions {
            endpoint: Some(server.address.clone()),
            token: Some(token.into()),
            cache,
            offline: false,
        };
        let store = Store::new(home.path().join("models"), &hub, Some("no-python".to_owned()));
        let acquired = store.acquire(&model(&content), &mut Quiet).map_err(|error| error.to_string());
        store.remove(&model(&content), &mut Quiet).unwrap();
        acquired
    };
    fetch("hf_canary\r\n").unwrap();
    assert_eq!(server.behaviour.lock().unwrap().authorization.take().as_deref(), Some("Bearer hf_canary"));
    let error = fetch("hf_canary\nX-Other: 1").unwrap_err();
    assert!(error.contains("`HF_TOKEN`") && !error.contains("canary"), "{error}");
    assert_eq!(server.behaviour.lock().unwrap().authorization, None, "nothing was sent");
}

#[test]
fn what_arrived_before_a_failure_is_kept_for_the_next_run() {
    let content = noise(3_000_000);
    let (home, server) = (tempfile::tempdir().unwrap(), Server::with("mine.gguf", &content));
    let mut impatient = Listener { stop_after: Some(1), ..Listener::default() };
    let first = store(home.path(), Some(server.address.clone()), "no-python");
    let stopped = first.acquire(&model(&content), &mut impatient);
    assert!(matches!(stopped, Err(AcquireError::Interrupted)), "{stopped:?}");
    nothing_whole(home.path());

    let again = store(home.path(), Some(server.address.clone()), "no-python");
    let acquired = again.acquire(&model(&content), &mut Quiet).unwrap();
    assert_eq!(std::fs::read(&acquired.files[0]).unwrap(), content);
    assert!(matches!(server.contents()[..], [0, 1..3_000_000]), "{:?}", server.contents());
}

#[test]
fn another_content_than_the_sum_says_is_refused_and_deleted() {
    let content = noise(100_000);
    let (home, server) = (tempfile::tempdir().unwrap(), Server::with("mine.gguf", &content));
    let honest = model(&content);
    server.set(|behaviour| {
        behaviour.stated = honest.files[0].sha256.clone();
        behaviour.files[0].1[5] ^= 1;
    });
    let store = store(home.path(), Some(server.address.clone()), "no-python");
    let error = store.acquire(&honest, &mut Quiet).unwrap_err().to_string();
    let expected = honest.files[0].sha256.clone().unwrap();
    assert!(error.contains("`mine.gguf` is not what it should be and was refused"), "{error}");
    assert!(error.contains(&format!("expected SHA-256 {expected}, found ")), "{error}");
    nothing_whole(home.path());

    server.set(|behaviour| behaviour.files[0].1[5] ^= 1);
    store.acquire(&honest, &mut Quiet).unwrap();
}

#[test]
fn a_file_that_the_hub_has_replaced_is_not_even_downloaded() {
    let content = noise(100_000);
    let (home, server) = (tempfile::tempdir().unwrap(), Server::with("mine.gguf", &noise(90_000)));
    let store = store(home.path(), Some(server.address.clone()), "no-python");
    let error = store.acquire(&model(&content), &mut Quiet).unwrap_err().to_string();
    assert!(error.contains("states another sum for `mine.gguf` than the catalogue's"), "{error}");
    assert!(server.contents().is_empty());
}

#[test]
fn without_a_pinned_sum_the_hubs_own_is_checked_and_remembered() {
    let content = noise(100_000);
    let (home, server) = (tempfile::tempdir().unwrap(), Server::with("mine.gguf", &content));
    let mut unpinned = model(&content);
    unpinned.files[0].sha256 = None;
    let store = store(home.path(), Some(server.address.clone()), "no-python");
    let acquired = store.acquire(&unpinned, &mut Quiet).unwrap();
    assert_eq!(std::fs::read(&acquired.files[0]).unwrap(), content);

    // The file is lost, and meanwhile the hub has another one under the same name.
    std::fs::remove_dir_all(home.path().join("hub")).unwrap();
    server.set(|behaviour| behaviour.files[0].1 = noise(90_000));
    let error = store.acquire(&unpinned, &mut Quiet).unwrap_err().to_string();
    assert!(error.contains("than the one of the last download"), "{error}");
    assert!(error.contains("`coachup models rm mine`"), "{error}");

    store.remove(&unpinned, &mut Quiet).unwrap();
    assert_eq!(
        std::fs::read(&store.acquire(&unpinned, &mut Quiet).unwrap().files[0]).unwrap(),
        noise(90_000)
    );
}

#[test]
fn small_files_without_a_sum_of_the_hubs_are_checked_against_the_catalogue() {
    let (weights, config) = (noise(50_000), noise(300));
    let files = vec![("weights".to_owned(), weights.clone()), ("config.json".to_owned(), config.clone())];
    let server = Server::start(Behaviour { files, small: true, ..Behaviour::default() });
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path(), Some(server.address.clone()), "no-python");
    let both = entry(vec![on_hub("weights", &weights), on_hub("config.json", &config)]);
    // Both have the same Git sum here, which no two files of a hub have: fetch them one after the other.
    let one = entry(vec![on_hub("weights", &weights)]);
    store.acquire(&one, &mut Quiet).unwrap();
    let mut unpinned = both.clone();
    unpinned.files[1].sha256 = None;
    let error = store.acquire(&unpinned, &mut Quiet).unwrap_err().to_string();
    assert!(error.contains("neither the catalogue nor the hub has a sum for `config.json`"), "{error}");
}

#[test]
fn what_the_hub_answers_becomes_a_reason_with_a_remedy() {
    let content = noise(1000);
    let server = Server::with("mine.gguf", &content);
    let why = || {
        let home = tempfile::tempdir().unwrap();
        let store = store(home.path(), Some(server.address.clone()), "no-python");
        store.acquire(&model(&content), &mut Quiet).unwrap_err().to_string()
    };
    server.set(|behaviour| behaviour.status = Some(403));
    assert!(why().contains("set `HF_TOKEN`"), "{}", why());
    server.set(|behaviour| behaviour.status = Some(503));
    assert!(why().contains("the hub answered 503"), "{}", why());
    server.set(|behaviour| (behaviour.status, behaviour.portal) = (None, true));
    assert!(why().contains("a filter or a sign-in page"), "{}", why());
    server.set(|behaviour| (behaviour.portal, behaviour.files) = (false, vec![]));
    assert!(why().contains("the hub has no `mine.gguf` in `me/mine`"), "{}", why());
}

#[test]
fn a_renamed_repository_is_followed() {
    let content = noise(1000);
    let (home, server) = (tempfile::tempdir().unwrap(), Server::with("mine.gguf", &content));
    server.set(|behaviour| behaviour.renamed = true);
    let store = store(home.path(), Some(server.address.clone()), "no-python");
    let acquired = store.acquire(&model(&content), &mut Quiet).unwrap();
    assert_eq!(std::fs::read(&acquired.files[0]).unwrap(), content);
}

#[test]
fn a_hub_that_is_not_there_is_found_out_quickly() {
    let content = noise(1000);
    let home = tempfile::tempdir().unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let store = store(home.path(), Some(format!("http://{closed}")), "no-python");
    let begun = Instant::now();
    let error = store.acquire(&model(&content), &mut Quiet).unwrap_err().to_string();
    assert!(error.contains("no answer from http://127.0.0.1"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
}

/// Puts a file into the cache as other tools do.
fn cached_by_another(home: &Path, content: &[u8]) {
    let repo = home.join("hub/models--me--mine");
    let snapshot = repo.join("snapshots").join(COMMIT);
    for folder in [&repo.join("blobs"), &repo.join("refs"), &snapshot] {
        std::fs::create_dir_all(folder).unwrap();
    }
    std::fs::write(repo.join("refs/main"), COMMIT).unwrap();
    std::fs::write(snapshot.join("mine.gguf"), content).unwrap();
}

#[test]
fn a_file_that_another_tool_has_fetched_is_used_offline_and_left_in_place() {
    let content = noise(100_000);
    let home = tempfile::tempdir().unwrap();
    cached_by_another(home.path(), &content);
    let offline = store(home.path(), None, "no-python");
    let entry = model(&content);
    assert_eq!(offline.local(&entry), None, "not verified yet");
    let acquired = offline.acquire(&entry, &mut Quiet).unwrap();
    assert_eq!(std::fs::read(&acquired.files[0]).unwrap(), content);
    assert_eq!(offline.local(&entry), Some(acquired.clone()));

    let removed = offline.remove(&entry, &mut Quiet).unwrap();
    assert_eq!(removed.kept, acquired.files);
    assert!(acquired.files[0].exists());
}

#[test]
fn a_damaged_file_in_the_cache_is_not_used_and_offline_it_stays_so() {
    let content = noise(100_000);
    let home = tempfile::tempdir().unwrap();
    let mut damaged = content.clone();
    damaged[7] ^= 1;
    cached_by_another(home.path(), &damaged);
    let offline = store(home.path(), None, "no-python");
    let error = offline.acquire(&model(&content), &mut Quiet).unwrap_err().to_string();
    assert!(error.contains("working offline"), "{error}");
}

#[test]
fn verify_reads_the_content_and_a_changed_file_is_not_local_any_more() {
    let content = noise(100_000);
    let (home, server) = (tempfile::tempdir().unwrap(), Server::with("mine.gguf", &content));
    let store = store(home.path(), Some(server.address.clone()), "no-python");
    let entry = model(&content);
    assert!(store.verify(&entry, &mut Quiet).unwrap_err().to_string().contains("models pull mine"));
    let acquired = store.acquire(&entry, &mut Quiet).unwrap();
    assert_eq!(store.verify(&entry, &mut Quiet).unwrap(), acquired.files);

    let mut changed = content.clone();
    changed[9] ^= 1;
    std::fs::write(&acquired.files[0], changed).unwrap();
    let error = store.verify(&entry, &mut Quiet).unwrap_err();
    assert!(matches!(&error, AcquireError::WrongSum { file, .. } if file.contains("mine.gguf")), "{error}");
    assert_eq!(store.local(&entry), None);

    let again = store.acquire(&entry, &mut Quiet).unwrap();
    assert_eq!(std::fs::read(&again.files[0]).unwrap(), content);
}
