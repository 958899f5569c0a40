//! The wheels source, against a stand-in for Python that copies wheels which the tests made.

use super::{Listener, entry, file, files_below, noise, store, sum};
use crate::support::Home;
use coachup::model::acquire::{AcquireError, Quiet, Store};
use coachup::model::catalogue::{Entry, WheelPart};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use zip::write::SimpleFileOptions;

/// A folder with wheels, a Python that hands them out, and a store that uses it.
struct World {
    home: tempfile::TempDir,
    python: PathBuf,
}

impl World {
    fn new() -> World {
        let home = tempfile::tempdir().unwrap();
        let python = home.path().join("python");
        let (index, log) = (home.path().join("index"), home.path().join("asked"));
        fs::create_dir_all(&index).unwrap();
        fs::write(&log, "").unwrap();
        let script = format!(
            r#"#!/bin/sh
[ "$3" = --version ] && echo "pip 99 from here" && exit 0
only=no
while [ $# -gt 0 ]; do
    case "$1" in
        --dest) into=$2; shift ;;
        --only-binary=:all:) only=yes ;;
        *==*) spec=$1 ;;
    esac
    shift
done
[ $only = yes ] || exit 3
[ "$PIP_REQUIRE_VIRTUALENV$PIP_REQUIRE_HASHES" = 00 ] || exit 4
[ -f "$PIP_CONSTRAINT" ] && [ -f "$PIP_REQUIREMENT" ] && [ ! -s "$PIP_CONSTRAINT" ] || exit 5
echo "$spec" >> '{log}'
[ -e '{index}/hang' ] && exec sleep 60
cp "{index}/$spec.whl" "$into/" || echo "ERROR: No matching distribution found for $spec" >&2
[ -e "$into/$spec.whl" ]
"#,
            log = log.display(),
            index = index.display()
        );
        fs::write(&python, script).unwrap();
        fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
        World { home, python }
    }

    fn store(&self) -> Store {
        store(self.home.path(), None, self.python.to_str().unwrap())
    }

    fn wheel(&self, package: &str) -> PathBuf {
        self.home.path().join(format!("index/{package}==1.0.whl"))
    }

    /// Puts a wheel with one member, and another that nobody asked for, into the index.
    fn publish(&self, package: &str, member: &str, content: &[u8]) -> WheelPart {
        let mut wheel = zip::ZipWriter::new(File::create(self.wheel(package)).unwrap());
        for (name, content) in [("../../evil.py", b"import os".as_slice()), (member, content)] {
            wheel.start_file(name, SimpleFileOptions::default()).unwrap();
            wheel.write_all(content).unwrap();
        }
        wheel.finish().unwrap();
        part(package, member, content)
    }

    /// A model of one file in three parts, published.
    fn model(&self, content: &[u8]) -> Entry {
        let mut whole = file("mine.gguf", content);
        let parts = content.chunks(content.len().div_ceil(3));
        let publish =
            |(at, chunk): (usize, &[u8])| self.publish(&format!("mine-part{at}"), "data/part.bin", chunk);
        whole.wheels = parts.enumerate().map(publish).collect();
        entry(vec![whole])
    }

    /// The requirements that pip was asked for, in order.
    fn asked(&self) -> Vec<String> {
        fs::read_to_string(self.home.path().join("asked")).unwrap().lines().map(str::to_owned).collect()
    }

    fn models(&self) -> Vec<String> {
        files_below(&self.home.path().join("models"))
    }

    /// The reason why the wheels failed; nothing is left under the final name.
    fn refusal(&self, entry: &Entry) -> String {
        let error = self.store().acquire(entry, &mut Quiet).unwrap_err().to_string();
        assert!(!self.models().contains(&"mine/mine.gguf".to_owned()), "{:?}", self.models());
        assert!(!self.models().iter().any(|name| name.contains("wheels.tmp")), "{:?}", self.models());
        error
    }
}

fn part(package: &str, member: &str, content: &[u8]) -> WheelPart {
    WheelPart {
        package: package.to_owned(),
        version: "1.0".to_owned(),
        member: member.to_owned(),
        size: content.len() as u64,
        sha256: sum(content),
    }
}

fn contents(store: &Store, entry: &Entry) -> Vec<u8> {
    fs::read(&store.acquire(entry, &mut Quiet).unwrap().files[0]).unwrap()
}

#[test]
fn parts_are_joined_in_order_verified_and_used_up() {
    let (world, content) = (World::new(), noise(300_001));
    let entry = world.model(&content);
    assert_eq!(contents(&world.store(), &entry), content);
    assert_eq!(world.asked(), ["mine-part0==1.0", "mine-part1==1.0", "mine-part2==1.0"]);
    assert_eq!(world.models(), ["mine.lock", "mine/mine.gguf", "mine/verified.json"]);
    assert!(
        !world.home.path().join("evil.py").exists() && !world.home.path().join("models/evil.py").exists()
    );

    assert_eq!(contents(&world.store(), &entry), content);
    assert_eq!(world.asked().len(), 3, "pip is not asked again");

    let removed = world.store().remove(&entry, &mut Quiet).unwrap();
    assert!(removed.freed >= 300_001, "{removed:?}");
    assert_eq!(world.models(), ["mine.lock"]);
}

#[test]
fn an_interrupted_pull_goes_on_with_the_next_part() {
    let (world, content) = (World::new(), noise(300_000));
    let entry = world.model(&content);
    let mut impatient = Listener { stop_after: Some(100_000), ..Listener::default() };
    let stopped = world.store().acquire(&entry, &mut impatient);
    assert!(matches!(stopped, Err(AcquireError::Interrupted)), "{stopped:?}");
    assert_eq!(world.models(), ["mine.lock", "mine/mine.gguf.partial", "mine/mine.gguf.partial.json"]);
    let before = world.asked().len();

    assert_eq!(contents(&world.store(), &entry), content);
    assert!(!world.asked()[before..].contains(&"mine-part0==1.0".to_owned()), "{:?}", world.asked());
}

#[test]
fn after_a_crash_only_whole_verified_parts_count() {
    let (world, content) = (World::new(), noise(300_000));
    let entry = world.model(&content);
    let folder = world.home.path().join("models/mine");
    fs::create_dir_all(&folder).unwrap();
    // The journal knows two parts; of the second, the disk has only a piece.
    fs::write(folder.join("mine.gguf.partial"), &content[..150_000]).unwrap();
    let sums: Vec<_> = entry.files[0].wheels[..2].iter().map(|part| part.sha256.clone()).collect();
    fs::write(folder.join("mine.gguf.partial.json"), format!("{sums:?}")).unwrap();
    assert_eq!(contents(&world.store(), &entry), content);
    assert_eq!(world.asked(), ["mine-part1==1.0", "mine-part2==1.0"]);
}

#[test]
fn a_half_joined_file_that_was_damaged_is_found_out_and_begun_anew() {
    let (world, content) = (World::new(), noise(300_000));
    let entry = world.model(&content);
    let folder = world.home.path().join("models/mine");
    fs::create_dir_all(&folder).unwrap();
    let mut damaged = content[..100_000].to_vec();
    damaged[3] ^= 1;
    fs::write(folder.join("mine.gguf.partial"), damaged).unwrap();
    fs::write(folder.join("mine.gguf.partial.json"), format!("[{:?}]", entry.files[0].wheels[0].sha256))
        .unwrap();
    let error = world.refusal(&entry);
    assert!(error.contains("`mine.gguf` is not what it should be and was refused"), "{error}");
    assert_eq!(contents(&world.store(), &entry), content);
}

#[test]
fn a_whole_file_whose_mark_was_lost_is_verified_not_fetched() {
    let (world, content) = (World::new(), noise(300_000));
    let entry = world.model(&content);
    world.store().acquire(&entry, &mut Quiet).unwrap();
    fs::remove_file(world.home.path().join("models/mine/verified.json")).unwrap();
    assert_eq!(world.store().local(&entry), None);
    assert_eq!(contents(&world.store(), &entry), content);
    assert_eq!(world.asked().len(), 3);
}

#[test]
fn a_part_with_the_wrong_sum_is_refused_by_name() {
    let (world, content) = (World::new(), noise(300_000));
    let entry = world.model(&content);
    let mut other = content[100_000..200_000].to_vec();
    other[0] ^= 1;
    let published = world.publish("mine-part1", "data/part.bin", &other);
    let error = world.refusal(&entry);
    let (expected, found) = (&entry.files[0].wheels[1].sha256, published.sha256);
    assert!(error.contains("`data/part.bin of mine-part1 1.0` is not what it should be"), "{error}");
    assert!(error.contains(&format!("expected SHA-256 {expected}, found {found}")), "{error}");
    let kept = fs::read(world.home.path().join("models/mine/mine.gguf.partial")).unwrap();
    assert_eq!(kept, content[..100_000], "the good part before it is kept, nothing of the bad one");

    world.publish("mine-part1", "data/part.bin", &content[100_000..200_000]);
    assert_eq!(contents(&world.store(), &entry), content);
    assert_eq!(world.asked().iter().filter(|asked| asked.starts_with("mine-part0")).count(), 1);
}

#[test]
fn a_member_of_another_size_is_refused_before_it_is_unpacked() {
    let (world, content) = (World::new(), noise(3000));
    let entry = world.model(&content);
    // A bomb: a few kilobytes of zip that become two hundred megabytes.
    world.publish("mine-part1", "data/part.bin", &vec![0; 200 << 20]);
    let error = world.refusal(&entry);
    assert!(error.contains("it has 209715200 bytes instead of 1000"), "{error}");
    let kept = fs::read(world.home.path().join("models/mine/mine.gguf.partial")).unwrap();
    assert_eq!(kept, content[..1000]);
}

#[test]
fn a_member_that_lies_about_its_size_is_cut_off() {
    let (world, content) = (World::new(), noise(3000));
    let entry = world.model(&content);
    world.publish("mine-part1", "data/part.bin", &[0; 50_000]);
    lie_about_size(&world.wheel("mine-part1"), 50_000, 1000);
    let error = world.refusal(&entry);
    assert!(error.contains("`data/part.bin of mine-part1 1.0` can't be unzipped"), "{error}");
    let kept = fs::read(world.home.path().join("models/mine/mine.gguf.partial")).unwrap();
    assert_eq!(kept, content[..1000]);
}

/// Writes another unpacked size into a zip file's headers.
fn lie_about_size(path: &Path, truth: u32, lie: u32) {
    let mut zip = fs::read(path).unwrap();
    let (truth, lie) = (truth.to_le_bytes(), lie.to_le_bytes());
    let places: Vec<usize> = (0..zip.len() - 4).filter(|&at| zip[at..at + 4] == truth).collect();
    assert!(!places.is_empty());
    for at in places {
        zip[at..at + 4].copy_from_slice(&lie);
    }
    fs::write(path, zip).unwrap();
}

#[test]
fn a_missing_member_and_a_file_that_is_no_zip_are_refused() {
    let (world, content) = (World::new(), noise(3000));
    let entry = world.model(&content);
    world.publish("mine-part1", "data/other.bin", &content[1000..2000]);
    assert!(world.refusal(&entry).contains("there is no such member in the wheel"));
    fs::write(world.wheel("mine-part1"), "not a zip").unwrap();
    let error = world.refusal(&entry);
    assert!(error.contains("`data/part.bin of mine-part1 1.0` can't be unzipped"), "{error}");
}

#[test]
fn what_pip_says_is_the_reason() {
    let (world, content) = (World::new(), noise(3000));
    let entry = world.model(&content);
    fs::remove_file(world.wheel("mine-part2")).unwrap();
    let error = world.refusal(&entry);
    assert!(
        error.contains("Python wheels: pip could not download `mine-part2==1.0`: ERROR: No matching"),
        "{error}"
    );
    assert!(error.contains("pip config set global.index-url"), "{error}");
}

/// With the real pip, where there is one: what it asks of installations stops no download, and a dead index is told from
/// one that has no such package.
#[test]
fn a_persons_own_pip_settings_stop_nothing() {
    let home = Home::new();
    if !std::process::Command::new("python3")
        .args(["-m", "pip", "--version"])
        .output()
        .is_ok_and(|out| out.status.success())
    {
        eprintln!("SKIPPED: no python3 with pip");
        return;
    }
    let content = noise(3000);
    let mut wheel =
        zip::ZipWriter::new(File::create(home.file("index/mine_part-1.0-py3-none-any.whl", "")).unwrap());
    let about = |name: &str| format!("mine_part-1.0.dist-info/{name}");
    for (name, content) in [
        ("data/part.bin".to_owned(), content.as_slice()),
        (about("METADATA"), b"Metadata-Version: 2.1\nName: mine-part\nVersion: 1.0\n"),
        (about("WHEEL"), b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
        (about("RECORD"), b""),
    ] {
        wheel.start_file(name, SimpleFileOptions::default()).unwrap();
        wheel.write_all(content).unwrap();
    }
    wheel.finish().unwrap();
    let sum = sum(&content);
    let catalogue = format!(
        "[[model]]\nname = 'mine'\ntitle = 'Mine'\nkind = 'text'\narchitecture = 'llama'\nlicense = 'MIT'\n\
         upstream = 'https://example.org'\ncontext = 10\nmemory = 9000\ncores = 1\n[[model.file]]\nname = 'm.gguf'\n\
         size = 3000\nsha256 = '{sum}'\nwheels = [{{ package = 'mine-part', version = '1.0', member = 'data/part.bin', \
         size = 3000, sha256 = '{sum}' }}]\n"
    );
    home.file("models.toml", &catalogue);
    let pull = |settings: &[(&str, &Path)]| {
        let mut command = home.coachup(&["models", "pull", "mine"]);
        command
            .env_remove("PIP_FIND_LINKS")
            .env("PIP_CONFIG_FILE", home.path().join("none"))
            .env("PIP_RETRIES", "1");
        command.envs(settings.iter().copied()).assert()
    };
    let dead = pull(&[("PIP_INDEX_URL", Path::new("http://127.0.0.1:9/simple"))]).failure();
    let told = String::from_utf8_lossy(&dead.get_output().stderr).replace('\n', " ");
    assert!(told.contains("`http://127.0.0.1:9/simple` can't be reached"), "{told}");
    let yes = Path::new("1");
    pull(&[
        ("PIP_NO_INDEX", yes),
        ("PIP_FIND_LINKS", &home.path().join("index")),
        ("PIP_REQUIRE_VIRTUALENV", yes),
        ("PIP_REQUIRE_HASHES", yes),
        ("PIP_CONSTRAINT", &home.file("constraint.txt", "mine-part==2.0")),
        ("PIP_REQUIREMENT", Path::new("no-such-file.txt")),
    ])
    .success();
}

#[test]
fn a_person_who_stops_it_does_not_wait_for_pip() {
    let (world, content) = (World::new(), noise(3000));
    let entry = world.model(&content);
    fs::write(world.home.path().join("index/hang"), "").unwrap();
    let begun = std::time::Instant::now();
    let mut impatient = Listener { stop_after: Some(0), ..Listener::default() };
    let stopped = world.store().acquire(&entry, &mut impatient);
    assert!(matches!(stopped, Err(AcquireError::Interrupted)), "{stopped:?}");
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
}

#[test]
fn a_wheel_that_holds_several_files_is_downloaded_once() {
    let world = World::new();
    let (weights, config) = (noise(50_000), noise(300));
    let mut wheel = zip::ZipWriter::new(File::create(world.wheel("both")).unwrap());
    for (name, content) in [("m/weights", &weights), ("m/config.json", &config)] {
        wheel.start_file(name, SimpleFileOptions::default()).unwrap();
        wheel.write_all(content).unwrap();
    }
    wheel.finish().unwrap();
    let mut files = vec![file("weights", &weights), file("config.json", &config)];
    files[0].wheels = vec![part("both", "m/weights", &weights)];
    files[1].wheels = vec![part("both", "m/config.json", &config)];
    let acquired = world.store().acquire(&entry(files), &mut Quiet).unwrap();
    assert_eq!(fs::read(&acquired.files[1]).unwrap(), config);
    assert_eq!(world.asked(), ["both==1.0"]);
}

#[test]
fn without_room_nothing_is_begun() {
    let world = World::new();
    let mut huge = world.model(&noise(3000));
    huge.files[0].size = u64::MAX / 4;
    let error = world.store().acquire(&huge, &mut Quiet).unwrap_err();
    assert!(matches!(error, AcquireError::NoSpace { .. }), "{error}");
    assert!(world.asked().is_empty());
}

#[test]
fn two_programs_at_once_fetch_it_once() {
    let (world, content) = (World::new(), noise(300_000));
    let entry = world.model(&content);
    std::thread::scope(|scope| {
        let both = [(); 2].map(|()| scope.spawn(|| contents(&world.store(), &entry)));
        for one in both {
            assert!(one.join().unwrap() == content);
        }
    });
    assert_eq!(world.asked().len(), 3, "{:?}", world.asked());
}
