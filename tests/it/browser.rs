//! The HTML pages in a real browser: rendered without errors, nothing loaded, nothing run, whatever a talk holds.
//!
//! Needs Chromium (`.ci/run` installs it); where there is none, the test says so and checks nothing.

use crate::support::Home;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Flags that keep a headless Chromium quiet and off the network.
const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
];

/// Everything that could break out of a page.
const HOSTILE: &str = "</p></main><script>document.title='run'</script><img src=x onerror=\"document.title='run'\"> \
                       \"><svg onload=alert(1)> {{ 7*7 }} {% raw %} &lt;b&gt; <!-- <style>*{display:none}</style> \
                       javascript:alert(1) ]]> \u{202e}gnp.exe \u{1b}[31m";

fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = std::env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|p| p.is_file());
    if found.is_none() {
        eprintln!("skipped: no Chromium on this machine (Debian: apt-get install chromium)");
    }
    found
}

/// Loads `page` with `args`; what the browser writes to stdout. Fails on anything that the page's console says.
fn load(chromium: &Path, home: &Home, page: &Path, args: &[&str]) -> String {
    let profile = home.path().join("profile");
    let output = Command::new(chromium)
        .args(FLAGS)
        .arg(format!("--user-data-dir={}", profile.display()))
        .args(args)
        .arg(format!("file://{}", page.display()))
        .output()
        .expect("Chromium starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let console: Vec<&str> = said.lines().filter(|line| line.contains(":CONSOLE")).collect();
    assert!(console.is_empty(), "{console:#?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A session with a branch and hostile words, and its pages.
fn pages(home: &Home) -> Vec<PathBuf> {
    let turns = format!(
        "Do you have ten minutes on Thursday to talk about the prototype?\nYou never answer. {HOSTILE}\n/retry\n\
         I know you are busy. What would help you: a two-page summary, or twenty minutes on Friday? {HOSTILE}\n"
    );
    home.practise(&[HOSTILE; 40], &turns, &["--seed", "3"]);
    let mut pages = Vec::new();
    for (name, args) in [
        ("review.html", vec!["review", "last"]),
        ("compare.html", vec!["review", "last", "--compare"]),
        ("progress.html", vec!["progress"]),
    ] {
        let file = home.path().join(name);
        let mut line = args;
        line.extend(["--format", "html", "--output", file.to_str().unwrap()]);
        home.coachup(&line).assert().success();
        pages.push(file);
    }
    pages
}

#[test]
fn pages_render_without_errors_and_run_nothing() {
    let Some(chromium) = chromium() else { return };
    let home = Home::new();
    for page in pages(&home) {
        let dom = load(&chromium, &home, &page, &["--dump-dom"]);
        let name = page.display();
        assert!(dom.contains("<h1>") && !dom.contains("<title>run"), "{name}: {dom}");
        for made in ["<script", "<img", "<svg onload", "<iframe"] {
            assert!(!dom.contains(made), "{name} has {made}");
        }
        let in_talk = page.file_name().is_some_and(|name| name != "progress.html");
        assert!(!in_talk || dom.contains("{{ 7*7 }}"), "{name}: what was said is not there as it was said");
        assert_eq!(dom.matches("<main>").count(), 1, "{name}");
        assert_eq!(dom.matches("<style>").count(), 1, "{name}");
        assert!(std::fs::metadata(&page).unwrap().len() < 100_000, "{name} is large");
    }
}

#[test]
fn pages_are_pictures_in_light_and_dark_and_on_paper() {
    let Some(chromium) = chromium() else { return };
    let home = Home::new();
    for page in pages(&home) {
        let mut sizes = Vec::new();
        for (kind, scheme) in [("light", "1"), ("dark", "0")] {
            let shot = page.with_extension(format!("{kind}.png"));
            let args = [
                format!("--screenshot={}", shot.display()),
                "--window-size=900,1400".to_owned(),
                format!("--blink-settings=preferredColorScheme={scheme}"),
            ];
            load(&chromium, &home, &page, &args.each_ref().map(String::as_str));
            sizes.push(std::fs::read(&shot).unwrap());
        }
        assert!(sizes.iter().all(|shot| shot.len() > 10_000), "an empty picture");
        assert_ne!(sizes[0], sizes[1], "light and dark look the same");
        let paper = page.with_extension("pdf");
        load(&chromium, &home, &page, &[&format!("--print-to-pdf={}", paper.display())]);
        assert!(std::fs::metadata(&paper).unwrap().len() > 5_000);
    }
}
