//! Files are their owner's alone whatever the umask, and `doctor --privacy` names each of them.

use super::{CANARY, everything, model, typed_at_a_terminal};
use crate::support::Home;
use coachup::session::kept::{self, Kept};
use std::path::Path;

/// The program run by a shell that has first set the umask to `mask`, in a home that is not there yet.
fn with_umask(mask: &str, home: &Path, args: &[&str], input: &str) -> assert_cmd::Command {
    let mut command = assert_cmd::Command::new("sh");
    command
        .args(["-c", &format!("umask {mask}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_coachup")])
        .args(args);
    command.env("COACHUP_HOME", home).env("HF_HUB_OFFLINE", "1").env("BROWSER", "true").env("NO_COLOR", "1");
    command.env("COACHUP_PYTHON", "no-such-python").write_stdin(input);
    command
}

#[test]
fn whatever_the_umask_every_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let outside = Home::new();
    let model = model(&outside);
    for mask in ["000", "022"] {
        let home = outside.path().join(format!("home-{mask}"));
        let run = |args: &[&str], input: &str| drop(with_umask(mask, &home, args, input).assert());
        // The first thing may be anything that makes a folder.
        run(&["doctor"], "");
        run(&["prepare"], &format!("{CANARY}\n/quit\n"));
        run(&["practice", "--model", &model], &format!("{CANARY}. How is your week?\n"));
        run(&["review", "--open"], "");
        run(&["review", "--output", home.join("review.md").to_str().unwrap(), "--format", "markdown"], "");
        run(&["sessions", "export", "--output", home.join("talk.json").to_str().unwrap()], "");
        run(
            &["practice", "--resume", "--model", &model],
            &format!("/save {}\n", home.join("saved.md").display()),
        );
        for kind in ["scenarios", "bosses", "difficulties"] {
            run(&[kind, "new", "mine"], "");
        }
        run(&["models", "pull", "smollm2-135m"], "");
        typed_at_a_terminal(&home, mask, &model);
        // A store that an older program left open to all is backed up and closed.
        let store = home.join("data/sessions.db");
        std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stores/v1.db"), &store).unwrap();
        std::fs::set_permissions(&store, std::fs::Permissions::from_mode(0o666)).unwrap();
        run(&["sessions", "list"], "");
        let found = everything(&home);
        for expected in [
            "data/sessions.db.v1.bak",
            "data/plans/late-feedback.toml",
            "data/review.html",
            "talk.json",
            "saved.md",
        ] {
            assert!(found.contains(&home.join(expected)), "{expected} is missing");
        }
        for path in &found {
            let mode = std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
            assert_eq!(
                mode,
                if path.is_dir() { 0o700 } else { 0o600 },
                "umask {mask}: {} has {mode:o}",
                path.display()
            );
        }
        let prefixes = everything(&home.join("data/prefixes")).iter().filter(|path| path.is_file()).count();
        assert!(model.starts_with("scripted:") || prefixes > 0, "the prompt's beginning was kept nowhere");

        // The list names each of them, and says what it is.
        let listed = with_umask(mask, &home, &["doctor", "--privacy"], "")
            .assert()
            .success()
            .get_output()
            .stdout
            .clone();
        let listed = String::from_utf8(listed).unwrap();
        for path in kept::files(&home.join("data"), Path::new("")).unwrap() {
            assert!(listed.contains(&*path.to_string_lossy()), "{} is not listed:\n{listed}", path.display());
            assert_ne!(Kept::of(&path), Kept::Other, "{}", path.display());
        }
        for words in [
            "0600",
            "the lines you typed",
            "`coachup sessions rm ID`",
            "a boss of your own",
            "Nothing of this is sent",
        ] {
            assert!(listed.contains(words), "`{words}` is not in\n{listed}");
        }
        std::fs::set_permissions(&store, std::fs::Permissions::from_mode(0o644)).unwrap();
        let open = with_umask(mask, &home, &["doctor", "--privacy"], "")
            .assert()
            .code(1)
            .get_output()
            .stdout
            .clone();
        assert!(String::from_utf8(open).unwrap().contains("0644 open"));
    }
}
