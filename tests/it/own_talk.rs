//! A talk of one's own, from the interview or a file of answers to the practice.

use crate::support::{Home, of_kind};

const ANSWERS: &str = "about = 'my late rota'\nkind = 'slow-approvals'\n\
    happened = 'The rota comes out on Thursday for the Monday. I asked for it twice.'\n\
    want = 'the rota two weeks ahead'\nyour-job = 'a staff nurse'\ntheir-job = 'the ward sister'\nname = 'Maureen'\n\
    pronoun = 'she'\ntemperaments = ['proud']\nsays = 'Not now.'\nusually = 'open'\n\
    guesses = [\"I wait for the office myself.\"]\nwhen = '2026-12-03'\n";

fn stdout(home: &Home, args: &[&str]) -> String {
    String::from_utf8(home.coachup(args).assert().success().get_output().stdout.clone()).unwrap()
}

#[test]
fn a_file_of_answers_makes_a_talk_that_is_practised_with_its_own_boss_and_preset() {
    let home = Home::new();
    let file = home.file("answers.toml", ANSWERS);
    let text = stdout(&home, &["new", "--from", file.to_str().unwrap()]);
    assert!(
        text.contains("Your boss: Maureen, the ward sister") && text.contains("practice late-rota"),
        "{text}"
    );
    for command in ["scenarios", "bosses"] {
        let text = stdout(&home, &[command, "check", "late-rota"]);
        assert!(text.contains("is right"), "{text}");
    }
    let events = home.practise(&["Maureen, have you ten minutes?"], "", &["late-rota", "--seed", "2"]);
    let session = of_kind(&events, "session")[0];
    let named = ["scenario", "boss", "difficulty"].map(|key| session[key].as_str().unwrap().to_owned());
    assert_eq!(named, ["late-rota", "late-rota", "open"]);
    // The same again gets another name, and an own one that is taken is refused.
    let text = stdout(&home, &["new", "--from", file.to_str().unwrap()]);
    assert!(text.contains("practice late-rota-2"), "{text}");
    let taken = home.coachup(&["new", "late-rota", "--from", file.to_str().unwrap()]).assert().code(1);
    let error = String::from_utf8(taken.get_output().stderr.clone()).unwrap();
    assert!(error.contains("`late-rota` is there already"), "{error}");
}

#[test]
fn a_talk_is_handed_on_in_one_file() {
    let (home, other) = (Home::new(), Home::new());
    let file = home.file("answers.toml", ANSWERS);
    stdout(&home, &["new", "rota", "--from", file.to_str().unwrap()]);
    let handed = home.path().join("rota.toml");
    stdout(&home, &["scenarios", "export", "rota", "--output", handed.to_str().unwrap()]);
    let text = stdout(&other, &["scenarios", "import", handed.to_str().unwrap()]);
    assert_eq!(text.matches("wrote").count(), 2, "{text}");
    for command in ["scenarios", "bosses"] {
        let shown = |home: &Home| stdout(home, &[command, "show", "rota", "--format", "json"]);
        assert_eq!(shown(&home), shown(&other));
    }
    let again = other.coachup(&["scenarios", "import", handed.to_str().unwrap()]).assert().code(1);
    let error = String::from_utf8(again.get_output().stderr.clone()).unwrap();
    assert!(error.contains("already; nothing was taken in"), "{error}");
    let shipped = stdout(&other, &["bosses", "export", "dana"]);
    assert!(shipped.starts_with("[bosses.dana]"), "{shipped}");
    let none = other.file("none.toml", &shipped);
    let error = other.coachup(&["scenarios", "import", none.to_str().unwrap()]).assert().code(1);
    assert!(String::from_utf8(error.get_output().stderr.clone()).unwrap().contains("holds no scenario"));
}

#[test]
fn an_interview_is_left_and_gone_on_with() {
    let home = Home::new();
    let typed = |lines: &str| {
        let run = home.coachup(&["new"]).write_stdin(lines).assert().success();
        String::from_utf8(run.get_output().stdout.clone()).unwrap()
    };
    let text = typed("the late rota\n\n/quit\n");
    assert!(text.contains("`coachup new` goes on from here"), "{text}");
    let rest = "\n\nthe rota two weeks ahead\n\n\n\n\nMaureen\nshe\n1 2 3\n\n\n2\n\n\nthursday\n";
    let text = typed(rest);
    assert!(text.contains("Going on") && text.contains("coachup practice late-rota"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(typed("/quit\n").contains("1 of 17"), "a new one begins anew");
}

#[test]
fn wrong_answers_are_named_and_nothing_is_written() {
    let home = Home::new();
    let file = home.path().join("answers.toml");
    std::fs::write(&file, "abuot = 'x'\n").unwrap();
    let refused = home.coachup(&["new", "--from", file.to_str().unwrap()]).assert().code(1);
    let error = String::from_utf8(refused.get_output().stderr.clone()).unwrap();
    assert!(error.contains("did you mean `about`?"), "{error}");
    home.coachup(&["new", "Late Rota", "--from", file.to_str().unwrap()]).assert().code(1);
    home.coachup(&["edit", "late-rota"]).assert().code(1);
    assert!(!stdout(&home, &["scenarios", "list"]).contains("late-rota"));
}
