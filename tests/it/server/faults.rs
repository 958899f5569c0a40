//! What the engine makes of a server's abilities and faults.

use super::stand_in::{Fault, Manner, StandIn};
use super::{connected, options, request, with_key};
use crate::support::{Home, of_kind};
use coachup::model::remote::{RemoteModel, ServerError};
use coachup::model::{Finish, LanguageModel, ModelError, PromptStyle};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

const CANARY: &str = "sk-canary-5f2c";

fn completed(model: &mut RemoteModel, candidates: usize) -> Result<Vec<String>, ModelError> {
    let drawn = model.complete(&request(candidates), &mut |_| ControlFlow::Continue(()))?;
    Ok(drawn.into_iter().map(|drawn| drawn.text).collect())
}

/// The error of a request to a server with `fault`, after it was found out what the server can do.
fn error_of(fault: Fault) -> ServerError {
    let server = StandIn::start(Manner::default());
    let mut model = connected(&server.address);
    model.find_out().unwrap();
    server.set(|manner| manner.fault = fault);
    match completed(&mut model, 2) {
        Err(ModelError::Server(error)) => error,
        other => panic!("{fault:?}: {other:?}"),
    }
}

#[test]
fn plain_text_is_continued_with_several_candidates_and_their_log_probabilities() {
    let server = StandIn::start(Manner::default());
    let mut model = connected(&server.address);
    let mut heard = String::new();
    let drawn = model
        .complete(&request(3), &mut |piece| {
            heard.push_str(piece);
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!((model.name(), model.prompt_style()), ("openai:small", PromptStyle::Screenplay));
    assert_eq!(drawn.len(), 3);
    for candidate in &drawn {
        assert_eq!((candidate.text.as_str(), candidate.finish), (" this week.", Finish::Stop));
        assert_eq!((candidate.tokens, candidate.mean_logprob), (4, -0.5));
    }
    assert_eq!(heard, " this week.");
    let asked = server.asked();
    let last = &asked.last().unwrap().body;
    assert_eq!(last["prompt"], "SAM: Do you have a minute?\nDANA:");
    assert_eq!((&last["n"], &last["stop"][0], &last["seed"]), (&3.into(), &"\n".into(), &7.into()));
    assert_eq!(asked.len(), 2, "one probe and one request");
}

#[test]
fn what_a_server_can_not_do_is_found_out_and_done_without() {
    let server = StandIn::start(Manner { several: false, ..Manner::default() });
    let mut model = connected(&server.address);
    assert_eq!(completed(&mut model, 3).unwrap().len(), 3);
    assert_eq!(server.asked().len(), 1 + 3, "a request for each candidate");
    let seeds: Vec<_> = server.asked()[1..].iter().map(|asked| asked.body["seed"].as_u64()).collect();
    assert!(seeds.contains(&Some(7)) && seeds.contains(&Some(9)), "{seeds:?}");

    let unknown = vec!["top_k", "repeat_penalty", "repetition_penalty", "logprobs"];
    let server = StandIn::start(Manner { unknown, ..Manner::default() });
    let mut model = connected(&server.address);
    assert_eq!(completed(&mut model, 2).unwrap(), [" this week.", " this week."]);
    assert!(model.abilities().contains("no log-probabilities"), "{}", model.abilities());

    let unknown = vec!["max_tokens", "n"];
    let server = StandIn::start(Manner { raw: false, unknown, several: false, ..Manner::default() });
    let mut model = connected(&server.address);
    assert_eq!(completed(&mut model, 1).unwrap(), ["this week."]);
    assert_eq!(model.prompt_style(), PromptStyle::Chat);
    let last = server.asked().last().unwrap().body.clone();
    assert_eq!(last["max_completion_tokens"], 12);
}

#[test]
fn every_fault_has_its_words_and_none_takes_longer_than_its_time_out() {
    let started = Instant::now();
    assert!(matches!(error_of(Fault::Stalls), ServerError::Slow { stage: "in the middle of its reply", .. }));
    assert!(matches!(error_of(Fault::Silent), ServerError::Slow { stage: "before its reply", .. }));
    assert!(matches!(error_of(Fault::Cuts), ServerError::Cut { .. }));
    assert!(matches!(error_of(Fault::LongLine), ServerError::Garbled { .. }));
    assert!(
        matches!(error_of(Fault::LateError), ServerError::Refused { said, .. } if said == "out of memory")
    );
    match error_of(Fault::NoJson) {
        ServerError::Garbled { what, .. } => assert!(!what.contains('\u{1b}'), "{what}"),
        other => panic!("{other:?}"),
    }
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
}

#[test]
fn a_busy_server_is_asked_again_before_the_first_byte_and_not_for_ever() {
    let server = StandIn::start(Manner::default());
    let mut model = connected(&server.address);
    model.find_out().unwrap();
    server.set(|manner| manner.statuses = vec![500, 429]);
    assert_eq!(completed(&mut model, 1).unwrap(), [" this week."]);
    assert_eq!(server.asked().len(), 1 + 3);
    server.set(|manner| manner.statuses = vec![503; 9]);
    match completed(&mut model, 1) {
        Err(ModelError::Server(ServerError::Busy { status: 503, tries: 3, said, .. })) => {
            assert!(said.contains("not now"), "{said}");
        }
        other => panic!("{other:?}"),
    }
    server.set(|manner| (manner.statuses, manner.fault) = (vec![], Fault::Cuts));
    let before = server.asked().len();
    assert!(completed(&mut model, 1).is_err());
    assert_eq!(server.asked().len(), before + 1, "after the first byte nothing is asked again");
}

#[test]
fn a_server_that_is_not_there_wants_a_key_or_has_another_model_is_told_at_once() {
    let connect = |options| RemoteModel::connect(options).unwrap_err();
    assert!(matches!(connect(options("http://127.0.0.1:9/v1")), ServerError::Unreachable { .. }));
    let models = vec!["llama-small", "llama-large"];
    let server = StandIn::start(Manner { models, key: Some(CANARY), ..Manner::default() });
    assert!(matches!(connect(options(&server.address)), ServerError::Key { what: "wants a key", .. }));
    let wrong = connect(with_key(&server.address, "wrong")).to_string();
    assert!(wrong.contains("does not accept the key") && wrong.contains("COACHUP_API_KEY"), "{wrong}");
    let several = connect(with_key(&server.address, CANARY)).to_string();
    assert!(several.contains("`llama-small`, `llama-large`"), "{several}");
    let unknown = connect(with_key(&format!("{}#llama-smal", server.address), CANARY)).to_string();
    assert!(unknown.contains("did you mean `llama-small`?"), "{unknown}");
    RemoteModel::connect(with_key(&format!("{}#llama-large", server.address), CANARY)).unwrap();
}

#[test]
fn nothing_is_sent_where_a_redirect_points() {
    let elsewhere = StandIn::start(Manner::default());
    let server = StandIn::start(Manner::default());
    let mut model = RemoteModel::connect(with_key(&server.address, CANARY)).unwrap();
    model.find_out().unwrap();
    let to = format!("{}/completions", elsewhere.address);
    server.set(|manner| (manner.fault, manner.elsewhere) = (Fault::Moved, to.clone()));
    match completed(&mut model, 1) {
        Err(ModelError::Server(ServerError::Moved { to: named, .. })) => assert_eq!(named, to),
        other => panic!("{other:?}"),
    }
    assert_eq!(elsewhere.all(), 0);
}

#[test]
fn a_person_who_stops_does_not_wait_for_the_server() {
    let server = StandIn::start(Manner::default());
    let mut model = connected(&server.address);
    model.find_out().unwrap();
    server.set(|manner| manner.fault = Fault::Silent);
    let started = Instant::now();
    let drawn = model.complete(&request(2), &mut |_| ControlFlow::Break(())).unwrap();
    assert!(drawn.iter().all(|candidate| candidate.finish == Finish::Interrupted), "{drawn:?}");
    assert!(started.elapsed() < Duration::from_millis(600), "{:?}", started.elapsed());
}

/// Runs practice against `server` with the canary as its key: exit code, standard output, standard error.
fn practised(home: &Home, server: &StandIn, args: &[&str], turns: &str) -> (i32, String, String) {
    let mut all = vec!["practice", "--format", "json", "--script", "-"];
    all.extend(args);
    let output = home
        .coachup(&all)
        .env("COACHUP_SERVER", &server.address)
        .env("COACHUP_API_KEY", CANARY)
        .write_stdin(turns)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_turn_is_not_lost_because_the_server_was() {
    let home = Home::new();
    let server = StandIn::start(Manner { key: Some(CANARY), ..Manner::default() });
    let (code, out, err) = practised(&home, &server, &[], "Do you have a minute?\n/quit\n");
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("what you say is sent to the model server at http://127.0.0.1:"), "{err}");
    assert!(out.contains("\"model\":\"openai:small\""), "{out}");
    server.set(|manner| manner.fault = Fault::Cuts);
    let (code, out, err) = practised(&home, &server, &["--resume"], "How is your week going?\n");
    assert_eq!(code, 1);
    assert!(err.contains("broke off in the middle; try again"), "{err}");
    assert!(out.contains("How is your week going?"), "{out}");
    server.set(|manner| manner.fault = Fault::None);
    let (code, out, err) = practised(&home, &server, &["--resume"], "");
    assert_eq!(code, 0, "{err}");
    let events = crate::support::events(out.as_bytes());
    let answers = of_kind(&events, "boss");
    assert_eq!((answers.len(), &answers[0]["turn"]), (1, &2.into()), "the turn is answered: {out}");
}

#[test]
fn the_key_is_nowhere_but_on_its_way_to_the_server() {
    let home = Home::new();
    let server = StandIn::start(Manner { key: Some(CANARY), ..Manner::default() });
    let mut seen = String::new();
    for fault in [Fault::None, Fault::SaysKey, Fault::EchoesKey, Fault::NoJson, Fault::Moved] {
        server.set(|manner| manner.fault = fault);
        let (_, out, err) = practised(&home, &server, &[], "Do you have a minute?\n");
        seen.push_str(&out);
        seen.push_str(&err);
    }
    let doctor = home
        .coachup(&["doctor"])
        .env("COACHUP_SERVER", &server.address)
        .env("COACHUP_API_KEY", CANARY)
        .env("COACHUP_PYTHON", "no-such-python")
        .output()
        .unwrap();
    seen.push_str(&String::from_utf8_lossy(&doctor.stdout));
    assert!(server.asked().iter().any(|asked| asked.key == Some(format!("Bearer {CANARY}"))));
    assert!(!seen.contains(CANARY), "{seen}");
    assert!(!seen.contains('\u{1b}'), "{seen}");
    let mut folders = vec![home.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).unwrap();
                assert!(!bytes.windows(CANARY.len()).any(|part| part == CANARY.as_bytes()), "{path:?}");
            }
        }
    }
}

#[test]
fn doctor_tries_the_server() {
    let home = Home::new();
    let server = StandIn::start(Manner::default());
    let doctor = |address: &str| {
        let output = home.coachup(&["doctor"]).env("COACHUP_SERVER", address).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let text = doctor(&server.address);
    assert!(text.contains("ok    server") && text.contains("several candidates at once"), "{text}");
    let text = doctor("http://127.0.0.1:9/v1");
    assert!(text.contains("bad   server") && text.contains("no model server answers"), "{text}");
}
