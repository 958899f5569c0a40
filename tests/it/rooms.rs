//! The structure: rooms depend one way, and only the rooms that may touch a thing do.

use std::path::{Path, PathBuf};

/// From the top down; a room may use those below it.
const ROOMS: [&str; 10] =
    ["cli", "settings", "repl", "review", "session", "boss", "scorer", "scenario", "model", "text"];

/// Every Rust file below `src`, with its room and its text without the tests in it.
fn sources() -> Vec<(PathBuf, String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    let tests = test_modules(&files);
    files
        .into_iter()
        .filter(|path| !tests.iter().any(|test| path.starts_with(test) || path.with_extension("") == *test))
        .map(|path| {
            let inside = path.strip_prefix(&root).unwrap();
            let room = inside.components().next().unwrap().as_os_str().to_string_lossy().replace(".rs", "");
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap().to_owned();
            (inside.to_owned(), room, code)
        })
        .collect()
}

/// The modules that only tests have, without `.rs`: declared as `#[cfg(test)] mod NAME;`.
fn test_modules(files: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(path).unwrap();
        let folder = match path.file_name().and_then(|name| name.to_str()) {
            Some("mod.rs" | "lib.rs") => path.parent().unwrap().to_owned(),
            _ => path.with_extension(""),
        };
        for rest in text.split("#[cfg(test)]\nmod ").skip(1) {
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if rest[name.len()..].starts_with(';') {
                found.push(folder.join(name));
            }
        }
    }
    found
}

#[test]
fn dependencies_point_one_way() {
    let mut wrong = Vec::new();
    for (path, room, code) in sources() {
        let Some(at) = ROOMS.iter().position(|name| *name == room) else {
            assert!(["lib", "main"].contains(&room.as_str()), "`{room}` is no room of the map");
            continue;
        };
        for (number, line) in
            code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"))
        {
            for used in line.split("crate::").skip(1) {
                let used: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if ROOMS.iter().position(|name| *name == used).is_some_and(|to| to < at) {
                    wrong.push(format!("{}:{}: {room} uses {used}", path.display(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that go up:\n{}", wrong.join("\n"));
}

#[test]
fn each_outside_thing_has_its_room() {
    let allowed: [(&[&str], &[&str]); 6] = [
        (&["candle_core", "candle_nn", "candle_transformers", "tokenizers::", "hf_hub"], &["model"]),
        (&["rusqlite"], &["session"]),
        (&["rustyline", "std::io::stdin", "io::stdin()", "indicatif"], &["repl", "cli"]),
        (&["std::env::var", "env::vars", "env::var_os"], &["settings"]),
        (&["Timestamp::now"], &["repl"]),
        // The model room looks at the ages of files that it keeps.
        (&["SystemTime::now"], &["model"]),
    ];
    let mut wrong = Vec::new();
    for (path, room, code) in sources() {
        for (things, rooms) in &allowed {
            for thing in
                things.iter().filter(|thing| code.contains(**thing) && !rooms.contains(&room.as_str()))
            {
                wrong.push(format!("{}: {room} uses {thing}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_says_its_job_first() {
    let silent: Vec<String> = sources()
        .iter()
        .filter(|(_, _, code)| !code.starts_with("//!"))
        .map(|(path, _, _)| path.display().to_string())
        .collect();
    assert!(silent.is_empty(), "{silent:?}");
}
