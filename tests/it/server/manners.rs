//! What real servers do in their own ways: the boss speaks all the same, or the person is told why not.

use super::stand_in::{Manner, StandIn};
use super::{connected, options, request, with_key};
use crate::support::{Home, events, of_kind};
use coachup::model::remote::{RemoteModel, ServerError, Tried};
use coachup::model::{LanguageModel, ModelError, PromptStyle};
use serde_json::Value;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

fn line(model: &mut RemoteModel) -> Result<String, ModelError> {
    let drawn = model.complete(&request(1), &mut |_| ControlFlow::Continue(()))?;
    Ok(drawn.into_iter().map(|drawn| drawn.text).collect())
}

fn tried(model: &mut RemoteModel) -> Tried {
    model.try_line(request(1).prompt, 12).unwrap()
}

fn chats() -> Manner {
    Manner { raw: false, ..Manner::default() }
}

#[test]
fn words_are_taken_whatever_stands_beside_them_and_however_they_are_sent() {
    const STREAM: &str = "text/event-stream";
    const ONE: &str = r#"{"choices":[{"index":0,"message":{"content":" this week.\nSAM: more"}}]}"#;
    for (kind, body) in [
        (
            STREAM,
            "data: null\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\" this\"},\"finish_reason\":\"\"}]}\n\n\
                  data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\" week.\"},\"finish_reason\":\"\"}]}\n\ndata: [DONE]\n\n",
        ),
        (
            STREAM,
            "data: {\"choices\":[{\"delta\":{\"content\":\" this\"}}]}\ndata: {\"choices\":[{\"delta\":{\"content\":\" week.\"}}]}\n\
                  data: {\"usage\":{}}\ndata: [DONE]\n",
        ),
        (
            "application/json",
            "data: wait\n\ndata: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\" this week.\"}}]}\n\n",
        ),
        (STREAM, ONE),
        (
            "text/html",
            "\n\n{\"choices\":[{\"delta\":{\"content\":\" this\"}}]}\n{\"choices\":[{\"delta\":{\"content\":\" week.\"}}]}\n[DONE]",
        ),
        (
            "application/json",
            "\u{feff}[{\"choices\":[{\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\" this week.\"}]},\"error\":{}}]}]",
        ),
    ] {
        let server = StandIn::start(chats());
        let mut model = connected(&server.address);
        model.find_out().unwrap();
        server.set(|manner| manner.verbatim = Some((kind, body)));
        assert_eq!(line(&mut model).unwrap(), "this week.", "{body}");
    }
    for (body, told) in [
        ("<html>Sign in</html>", "no words in it: <html>Sign in"),
        ("{\"ok\":true}", "no words"),
        ("", "no words"),
    ] {
        let server = StandIn::start(chats());
        let mut model = connected(&server.address);
        model.find_out().unwrap();
        server.set(|manner| manner.verbatim = Some(("text/event-stream", body)));
        let error = line(&mut model).unwrap_err().to_string();
        assert!(error.contains(told) && error.contains("/v1"), "{error}");
    }
}

#[test]
fn several_candidates_are_told_apart_without_their_numbers() {
    for numbers in ["[0,0]", "[null,null]", "[1,2]", "[5,1]"] {
        let server = StandIn::start(chats());
        let mut model = connected(&server.address);
        model.find_out().unwrap();
        let numbers: Vec<Value> = serde_json::from_str(numbers).unwrap();
        let choice =
            |index: &Value| serde_json::json!({"index": index, "message": {"content": " this week."}});
        let body = serde_json::json!({"choices": numbers.iter().map(choice).collect::<Vec<_>>()}).to_string();
        server.set(|manner| manner.verbatim = Some(("application/json", body.leak())));
        let drawn = model.complete(&request(2), &mut |_| ControlFlow::Continue(())).unwrap();
        assert_eq!(drawn.len(), 2, "{numbers:?}");
    }
}

/// Refusals as real servers word them, whatever their status.
const REFUSALS: [(&str, u16, &str); 9] = [
    (
        "temperature",
        400,
        "'temperature' does not support 0.7 with this model. Only the default (1) value is supported.",
    ),
    ("top_p", 422, "Input validation error: `top_p` must be 1"),
    ("logprobs", 403, "You are not allowed to request logprobs from this model"),
    ("stop", 500, "unsupported parameter: stop"),
    ("stream", 400, "Your organization must be verified to stream this model."),
    ("system", 400, "Jinja Exception: System role not supported"),
    ("n", 429, "n > 1 is not supported"),
    ("chat_template_kwargs", 400, "Unknown field enable_thinking"),
    ("seed", 501, "no seed here"),
];

#[test]
fn what_a_refusal_names_is_left_out_from_then_on_whatever_its_status() {
    for raw in [true, false] {
        let server = StandIn::start(Manner { raw, refusals: REFUSALS.to_vec(), ..Manner::default() });
        let mut model = connected(&server.address);
        let (said, kind) = if raw { (" this week.", "plain text") } else { ("this week.", "a chat") };
        assert_eq!(line(&mut model).unwrap(), said, "{kind}");
        let before = server.asked().len();
        line(&mut model).unwrap();
        assert_eq!(server.asked().len(), before + 1, "it is remembered");
    }
    // A gateway may begin to refuse in the middle of a talk.
    let server = StandIn::start(chats());
    let mut model = connected(&server.address);
    line(&mut model).unwrap();
    server.set(|manner| manner.refusals = REFUSALS.to_vec());
    assert_eq!(line(&mut model).unwrap(), "this week.");
    let first = server.asked().last().unwrap().body["messages"][0].clone();
    assert!(
        first["role"] == "user" && first["content"].as_str().unwrap().starts_with("Continue the text"),
        "{first}"
    );
    server.set(|manner| manner.refusals = vec![("model", 400, "the model is out of order")]);
    let error = line(&mut model).unwrap_err();
    assert!(error.to_string().contains("the model is out of order"), "{error}");
}

#[test]
fn the_probes_hold_what_the_talk_will_send() {
    for raw in [true, false] {
        let server = StandIn::start(Manner { raw, ..Manner::default() });
        let mut model = connected(&server.address);
        model.find_out().unwrap();
        let keys = |body: &Value| body.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
        let probed: BTreeSet<String> = server.asked().iter().flat_map(|asked| keys(&asked.body)).collect();
        let temperature = server.asked().last().unwrap().body["temperature"].clone();
        model.complete(&request(2), &mut |_| ControlFlow::Continue(())).unwrap();
        let body = server.asked().last().unwrap().body.clone();
        assert!(keys(&body).is_subset(&probed), "{:?}", keys(&body).difference(&probed));
        assert_eq!(body["temperature"], temperature);
        assert_eq!(body.get("stop").is_some(), raw, "a chat's reply may begin with a line break");
    }
}

#[test]
fn a_model_is_asked_not_to_think_in_words_that_its_server_knows() {
    let enough = "\"enable_thinking\":false";
    for (word, keys) in [
        (enough, None),
        ("\"reasoning_effort\":\"none\"", Some("none")),
        ("\"reasoning_effort\":\"minimal\"", Some("minimal")),
        ("\"reasoning_effort\":\"low\"", Some("low")),
    ] {
        let server = StandIn::start(Manner { thinks_without: Some(word), ..chats() });
        let mut model = connected(&server.address);
        assert_eq!(line(&mut model).unwrap(), "this week.", "{word}");
        let last = server.asked().last().unwrap().body.clone();
        assert_eq!((last["reasoning_effort"].as_str(), &last["max_tokens"]), (keys, &12.into()), "{word}");
        assert_eq!(tried(&mut model), Tried::Well, "{word}");
    }
}

#[test]
fn a_model_that_thinks_all_the_same_has_room_for_it_and_the_person_is_told() {
    for raw in [true, false] {
        let server =
            StandIn::start(Manner { raw, thinks_without: Some("no such word"), ..Manner::default() });
        let mut model = connected(&server.address);
        assert!(line(&mut model).unwrap().ends_with("this week."));
        assert_eq!(model.prompt_style(), PromptStyle::Chat, "a chat can be asked not to");
        let Tried::Slowly(why) = tried(&mut model) else { panic!() };
        assert!(why.contains("thinks before it speaks"), "{why}");
        server.set(|manner| manner.thoughts = 5000);
        line(&mut model).unwrap();
        let Tried::InVain(why) = tried(&mut model) else { panic!() };
        assert!(why.contains("came to no line") && why.contains("switch its thinking off"), "{why}");
    }
}

#[test]
fn a_reply_may_begin_with_line_breaks() {
    for raw in [true, false] {
        let says = vec!["\n\n", "This", " week."];
        let server = StandIn::start(Manner { raw, says, ..Manner::default() });
        let mut model = connected(&server.address);
        assert_eq!(
            model.complete(&request(1), &mut |_| ControlFlow::Continue(())).unwrap()[0].text.trim(),
            if raw { "" } else { "This week." }
        );
    }
}

#[test]
fn where_a_line_by_hand_stands_in_the_person_is_told_once_why() {
    let home = Home::new();
    let server = StandIn::start(Manner { thinks_without: Some("no such word"), thoughts: 5000, ..chats() });
    let run = |args: &[&str], turns: &str| {
        let output =
            home.coachup(args).env("COACHUP_SERVER", &server.address).write_stdin(turns).output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let practice = ["practice", "--seed", "7", "--format", "json", "--script", "-"];
    let turns = "Do you have a minute?\nHow is your week going?\n";
    let (out, err) = run(&practice, turns);
    let by_hand = |out: &str| {
        let events = events(out.as_bytes());
        of_kind(&events, "boss").iter().filter(|said| said["fallback"] == true).count()
    };
    assert_eq!(by_hand(&out), 2, "{out}");
    assert_eq!(err.matches("written by hand: the server's model `small` thinks").count(), 1, "{err}");
    let (doctor, _) = run(&["doctor"], "");
    assert!(doctor.contains("bad   server") && doctor.contains("switch its thinking off"), "{doctor}");
    server.set(|manner| (manner.thinks_without, manner.says) = (None, vec![" ", "\t"]));
    let (out, err) = run(&practice, turns);
    assert_eq!((by_hand(&out), err.matches("answered without a word").count()), (2, 1), "{err}");
    server.set(|manner| manner.says = vec!["As an AI language model, I can't."]);
    let (_, err) = run(&practice, turns);
    assert_eq!(err.matches("fits here, as “As an AI").count(), 1, "{err}");
}

#[test]
fn a_list_of_models_may_have_another_form_and_is_dispensable_where_the_model_is_named() {
    for (status, body, alone) in [
        (200, r#"[{"id":"small","object":"model"}]"#, true),
        (200, r#"{"models":[{"name":"small"}]}"#, true),
        (200, r#"{"data":[]}"#, false),
        (200, "<html>", false),
        (404, "404 page not found", false),
        (500, "", false),
    ] {
        let server = StandIn::start(Manner { list: Some((status, body)), ..Manner::default() });
        let mut model = connected(&format!("{}#small", server.address));
        assert_eq!(line(&mut model).unwrap(), " this week.", "{status} {body}");
        assert_eq!(RemoteModel::connect(options(&server.address)).is_ok(), alone, "{status} {body}");
    }
    let server = StandIn::start(Manner { models: vec!["a", "b"], ..Manner::default() });
    let error = RemoteModel::connect(options(&server.address)).unwrap_err().to_string();
    assert!(error.contains(&format!("--model {}#NAME", server.address)), "{error}");
}

#[test]
fn an_address_without_its_version_is_found_and_told_and_gets_the_key() {
    let server = StandIn::start(Manner { key: Some("sk-x"), ..Manner::default() });
    let root = server.address.trim_end_matches("/v1");
    let mut model = RemoteModel::connect(with_key(root, "sk-x")).unwrap();
    assert_eq!(line(&mut model).unwrap(), " this week.");
    assert_eq!(model.address().as_str(), server.address, "which is what the person is told");
    let error = RemoteModel::connect(options(&format!("{root}/elsewhere"))).unwrap_err().to_string();
    assert!(error.contains("page not found") && error.contains("`/v1`"), "{error}");
}

#[test]
fn a_server_is_waited_for_as_long_as_it_asks_or_not_at_all() {
    let server = StandIn::start(Manner::default());
    let mut model = connected(&server.address);
    model.find_out().unwrap();
    let before = server.asked().len();
    let said = |status: u16, said| vec![("prompt", status, said)];
    server.set(|manner| (manner.refusals, manner.retry_after) = (said(429, "not now"), Some("3600")));
    let error = line(&mut model).unwrap_err().to_string();
    assert!(error.contains("(429, 1 try") && error.contains("try again in 3600 s"), "{error}");
    server.set(|manner| {
        (manner.refusals, manner.retry_after) = (said(429, "insufficient_quota: pay first"), None)
    });
    match line(&mut model) {
        Err(ModelError::Server(ServerError::Refused { status: 429, said, .. })) => {
            assert!(said.contains("pay first"))
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(server.asked().len(), before + 2, "neither is asked again");
}
