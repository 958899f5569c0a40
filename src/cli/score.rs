//! `coachup score`: grades turns from a file or stdin, without any language model.

use crate::scorer::rubric::Check;
use crate::scorer::verdict::{Answer, Position, Utterance};
use crate::scorer::{Graded, Scorer};
use crate::text::columns::{self, hanging, options};
use crate::text::utf8::utf8;
use crate::text::{json, printable};
use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How verdicts are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ScoreFormat {
    /// For people: the words, and each yes with its evidence.
    Text,
    /// One JSON object a turn.
    #[default]
    Json,
}

/// Grade turns from a file or stdin
///
/// Reads plain text (one turn a line), JSON lines ({"id", "text", "context"?, "position"?}) or an
/// exported session; which of them is told from the first bytes. A turn that does not say its position
/// ("opening", "middle" or "closing") counts as a middle one, so `springs` does not apply to it.
/// A line that can't be read is reported with its number; the others are graded and the exit code is 1.
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "Example: echo 'Could we find half an hour on Thursday?' | coachup score --format text"
)]
pub struct ScoreArgs {
    /// What to grade; `-` for stdin. Of several files, each line of output names its own
    #[arg(value_name = "FILE", default_value = "-")]
    pub files: Vec<PathBuf>,
    /// How to write the verdicts
    #[arg(long, value_enum, default_value_t)]
    pub format: ScoreFormat,
    /// Grade on so many threads at once: the output is the same, in the same order, and comes in batches
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: u16,
}

/// A turn of the input, or what is wrong with its line.
struct Item {
    id: Value,
    line: Option<usize>,
    turn: Result<Turn, String>,
}

/// An item that is to be graded, and its file where there are several.
struct Waiting {
    file: Option<Arc<str>>,
    item: Item,
}

impl Waiting {
    /// What stands before anything that is said of it.
    fn place(&self) -> String {
        self.file.as_ref().map(|file| format!("{}: ", printable(file))).unwrap_or_default()
    }
}

/// A turn as JSON lines give it.
#[derive(Deserialize)]
struct Turn {
    #[serde(default)]
    id: Option<Value>,
    text: String,
    #[serde(default)]
    context: Option<String>,
    #[serde(default)]
    position: Option<Position>,
}

/// What is needed of an exported session.
#[derive(Deserialize)]
struct SessionFile {
    header: SessionHeader,
    exchanges: Vec<SessionExchange>,
}

#[derive(Deserialize)]
struct SessionHeader {
    #[serde(default)]
    greeting: Option<String>,
}

#[derive(Deserialize)]
struct SessionExchange {
    node: u32,
    #[serde(default)]
    parent: Option<u32>,
    text: String,
    #[serde(default)]
    position: Position,
    #[serde(default)]
    reply: Option<SessionReply>,
}

#[derive(Deserialize)]
struct SessionReply {
    text: String,
}

/// Runs the command: data to `out`, complaints to `err`. Returns the exit code, 1 where a line was bad.
///
/// # Errors
/// A file that can't be opened or read; `out` that can't be written to.
pub fn run(
    args: &ScoreArgs,
    stdin: &mut dyn BufRead,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<u8> {
    let several = args.files.len() > 1;
    let mut writer = Writer {
        scorer: Scorer,
        format: args.format,
        jobs: usize::from(args.jobs),
        waiting: Vec::new(),
        file: None,
        out,
        err,
        bad: false,
        live: false,
        width: super::streams::columns(),
    };
    for path in &args.files {
        writer.file = several.then(|| path.display().to_string().into());
        writer.live = path == Path::new("-");
        let read = if writer.live { writer.grade_all(stdin) } else { writer.grade_file(path) };
        // Short files wait for one another, so that every thread has work; what was read before a file that
        // can't be is written all the same.
        if writer.live || read.is_err() {
            writer.hand_on()?;
        }
        read?;
    }
    writer.hand_on()?;
    writer.out.flush()?;
    Ok(u8::from(writer.bad))
}

/// Input from this many bytes on takes long enough to show how far it has come.
const LONG_INPUT: u64 = 500_000;

fn progress(length: u64) -> indicatif::ProgressBar {
    if length < LONG_INPUT || !io::stderr().is_terminal() {
        return indicatif::ProgressBar::hidden();
    }
    let style = indicatif::ProgressStyle::with_template("grading {wide_bar} {percent:>3}% {eta}");
    indicatif::ProgressBar::new(length)
        .with_style(style.unwrap_or_else(|_| indicatif::ProgressStyle::default_bar()))
}

struct Writer<'a> {
    scorer: Scorer,
    format: ScoreFormat,
    /// Threads that grade.
    jobs: usize,
    /// Turns that are graded together.
    waiting: Vec<Waiting>,
    /// The file that is read, where there are several.
    file: Option<Arc<str>>,
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    bad: bool,
    /// Each verdict is handed on at once: somebody may be typing.
    live: bool,
    /// The screen's, in columns.
    width: usize,
}

impl Writer<'_> {
    fn grade_file(&mut self, path: &Path) -> Result<()> {
        let file = File::open(path).with_context(|| format!("can't read `{}`", path.display()))?;
        let length = file.metadata().map(|data| data.len()).unwrap_or(0);
        let bar = progress(length);
        self.grade_all(&mut BufReader::with_capacity(1 << 16, bar.wrap_read(file)))?;
        bar.finish_and_clear();
        Ok(())
    }

    fn grade_all(&mut self, input: &mut dyn BufRead) -> Result<()> {
        let input = &mut utf8(input);
        let first = match read_line(input)? {
            Some(first) => first,
            None => return Ok(()),
        };
        match shape_of(&first) {
            Shape::Plain => self.lines(plain_item, first, input),
            Shape::JsonLines => self.lines(json_item, first, input),
            Shape::Document => {
                let mut rest = first.clone();
                input.read_to_end(&mut rest)?;
                match serde_json::from_slice::<SessionFile>(&rest) {
                    Ok(session) => self.session(&session),
                    Err(_) => self.lines(json_item, first.clone(), &mut &rest[first.len()..]),
                }
            }
        }
    }

    fn lines(
        &mut self,
        read: fn(usize, &str) -> Item,
        first: Vec<u8>,
        input: &mut dyn BufRead,
    ) -> Result<()> {
        let (mut number, mut next) = (1, Some(first));
        while let Some(bytes) = next {
            let item = match std::str::from_utf8(&bytes) {
                Ok(line) => {
                    read(number, line.strip_suffix('\n').map_or(line, |l| l.strip_suffix('\r').unwrap_or(l)))
                }
                Err(error) => Item {
                    id: json!(number.to_string()),
                    line: Some(number),
                    turn: Err(format!("not valid UTF-8 from byte {} on", error.valid_up_to() + 1)),
                },
            };
            self.item(item)?;
            number += 1;
            next = read_line(input)?;
        }
        Ok(())
    }

    fn session(&mut self, session: &SessionFile) -> Result<()> {
        for exchange in &session.exchanges {
            let before = exchange
                .parent
                .and_then(|parent| session.exchanges.iter().find(|other| other.node == parent));
            let context = match before {
                Some(before) => before.reply.as_ref().map(|reply| reply.text.clone()),
                None => session.header.greeting.clone(),
            };
            let turn =
                Turn { id: None, text: exchange.text.clone(), context, position: Some(exchange.position) };
            self.item(Item { id: json!(exchange.node.to_string()), line: None, turn: Ok(turn) })?;
        }
        Ok(())
    }

    fn item(&mut self, item: Item) -> Result<()> {
        /// Turns for a thread at a time: enough to be worth it, few enough to stream.
        const EACH: usize = 32;
        self.waiting.push(Waiting { file: self.file.clone(), item });
        let enough = if self.jobs > 1 { self.jobs * EACH } else { 1 };
        if self.waiting.len() >= enough { self.hand_on() } else { Ok(()) }
    }

    /// Grades the turns that wait, and writes them in their order.
    fn hand_on(&mut self) -> Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        let graded = grade_on_threads(&self.scorer, &waiting, self.jobs);
        for (waiting, graded) in waiting.iter().zip(&graded) {
            self.write(waiting, graded.as_ref())?;
        }
        if self.live {
            self.out.flush()?;
        }
        Ok(())
    }

    fn write(&mut self, waiting: &Waiting, graded: Option<&Graded>) -> Result<()> {
        match (&waiting.item.turn, graded) {
            (Ok(turn), Some(graded)) => match self.format {
                ScoreFormat::Json => self.json_turn(waiting, graded),
                ScoreFormat::Text => self.text_turn(waiting, &turn.text, graded),
            },
            (Err(why), _) => self.complain(waiting, why),
            (Ok(_), None) => unreachable!("every turn that could be read was graded"),
        }
    }

    fn complain(&mut self, waiting: &Waiting, why: &str) -> Result<()> {
        self.bad = true;
        let (item, place) = (&waiting.item, waiting.place());
        let line = item.line.unwrap_or_default();
        writeln!(self.err, "{place}line {line}: {}", printable(why))?;
        match self.format {
            ScoreFormat::Json => {
                let mut complaint = json!({"id": item.id, "line": line, "error": why});
                if let Some(file) = &waiting.file {
                    complaint["file"] = json!(**file);
                }
                self.out.write_all(json::line(&complaint).as_bytes())?;
            }
            ScoreFormat::Text => {
                writeln!(self.out, "{place}{}  line {line}: {}", id_text(&item.id), printable(why))?;
            }
        }
        Ok(())
    }

    fn json_turn(&mut self, waiting: &Waiting, graded: &Graded) -> Result<()> {
        #[derive(serde::Serialize)]
        struct Line<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            file: Option<&'a str>,
            id: &'a Value,
            #[serde(skip_serializing_if = "Option::is_none")]
            skipped: Option<String>,
            checks: &'a crate::scorer::verdict::Verdicts,
        }
        let skipped = graded.skipped.map(|skipped| skipped.to_string());
        let (file, id) = (waiting.file.as_deref(), &waiting.item.id);
        let line = json::line(&Line { file, id, skipped, checks: &graded.verdicts });
        Ok(self.out.write_all(line.as_bytes())?)
    }

    fn text_turn(&mut self, waiting: &Waiting, text: &str, graded: &Graded) -> Result<()> {
        let (id, place) = (&waiting.item.id, waiting.place());
        let turn = format!("{place}{}  {}", id_text(id), one_line(text));
        writeln!(self.out, "{}", hanging("", &turn, 4, options(self.width)))?;
        if let Some(skipped) = graded.skipped {
            let skipped = hanging("    ", &skipped.to_string(), 4, options(self.width));
            return Ok(writeln!(self.out, "{skipped}\n")?);
        }
        for (check, verdict) in graded.verdicts.iter().filter(|(_, verdict)| verdict.verdict == Answer::Yes) {
            let quotes: Vec<String> =
                verdict.evidence.iter().map(|span| format!("“{}”", one_line(&span.text))).collect();
            let sign = if check.is_helpful() { '+' } else { '-' };
            let start = format!("  {sign} {check:<width$} ", width = widest_id());
            let indent = if self.width < columns::NARROW { 6 } else { start.len() };
            writeln!(self.out, "{}", hanging(&start, &quotes.join(" "), indent, options(self.width)))?;
        }
        Ok(writeln!(self.out)?)
    }
}

/// The verdicts on `items`, in their order; none for those that could not be read.
fn grade_on_threads(scorer: &Scorer, items: &[Waiting], jobs: usize) -> Vec<Option<Graded>> {
    let grade = |waiting: &Waiting| {
        let turn = waiting.item.turn.as_ref().ok()?;
        Some(scorer.grade(&Utterance {
            text: &turn.text,
            context: turn.context.as_deref(),
            position: turn.position.unwrap_or_default(),
        }))
    };
    if jobs <= 1 || items.len() <= 1 {
        return items.iter().map(grade).collect();
    }
    let part = items.len().div_ceil(jobs);
    std::thread::scope(|scope| {
        let threads: Vec<_> = items
            .chunks(part)
            .map(|chunk| scope.spawn(move || chunk.iter().map(grade).collect::<Vec<_>>()))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("grading does not panic")).collect()
    })
}

fn widest_id() -> usize {
    Check::ALL.iter().map(|check| check.id().len()).max().unwrap_or(0)
}

fn one_line(text: &str) -> String {
    printable(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn id_text(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), |id| printable(id).into_owned())
}

/// One line with its end, or nothing at the end of the input.
fn read_line(input: &mut dyn BufRead) -> Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let read = input.read_until(b'\n', &mut line).context("can't read the input")?;
    Ok((read > 0).then_some(line))
}

enum Shape {
    Plain,
    JsonLines,
    Document,
}

/// What the input is, from its first line: text that does not begin with a brace; a whole JSON object
/// that is a turn; or the beginning of one JSON document.
fn shape_of(first: &[u8]) -> Shape {
    let start = first.trim_ascii();
    if !start.starts_with(b"{") {
        return Shape::Plain;
    }
    match serde_json::from_slice::<Value>(start) {
        Ok(Value::Object(object)) if object.contains_key("exchanges") => Shape::Document,
        Ok(_) => Shape::JsonLines,
        Err(error) if error.is_eof() => Shape::Document,
        Err(_) => Shape::JsonLines,
    }
}

fn plain_item(number: usize, line: &str) -> Item {
    let turn = Turn { id: None, text: line.to_owned(), context: None, position: None };
    Item { id: json!(number.to_string()), line: Some(number), turn: Ok(turn) }
}

fn json_item(number: usize, line: &str) -> Item {
    let default_id = || json!(number.to_string());
    match serde_json::from_str::<Turn>(line) {
        Ok(mut turn) => match turn.id.take() {
            None | Some(Value::Null) => Item { id: default_id(), line: Some(number), turn: Ok(turn) },
            Some(id @ (Value::String(_) | Value::Number(_))) => {
                Item { id, line: Some(number), turn: Ok(turn) }
            }
            Some(_) => Item {
                id: default_id(),
                line: Some(number),
                turn: Err("`id` must be a string or a number".to_owned()),
            },
        },
        Err(error) => {
            let id = serde_json::from_str::<Value>(line).ok().and_then(|value| value.get("id").cloned());
            let id = id.filter(|id| id.is_string() || id.is_number()).unwrap_or_else(default_id);
            Item {
                id,
                line: Some(number),
                turn: Err(format!("not a turn: {}", without_place(&error.to_string()))),
            }
        }
    }
}

/// serde_json's message with its column, but without its line, which counts within our line.
fn without_place(message: &str) -> String {
    message.replace(" at line 1 column ", " at column ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(input: &[u8], format: ScoreFormat) -> (u8, String, String) {
        score_on(input, format, 1)
    }

    fn score_on(input: &[u8], format: ScoreFormat, jobs: u16) -> (u8, String, String) {
        let args = ScoreArgs { files: vec![PathBuf::from("-")], format, jobs };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = run(&args, &mut &*input, &mut out, &mut err).unwrap();
        (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    fn lines(out: &str) -> Vec<Value> {
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn plain_text_is_graded_a_turn_a_line() {
        let (code, out, _) = score("Could you help?\r\n\r\nYou never listen.".as_bytes(), ScoreFormat::Json);
        let lines = lines(&out);
        assert_eq!((code, lines.len()), (0, 3));
        assert_eq!(lines[0]["id"], "1");
        assert_eq!(lines[0]["checks"]["asks-question"]["verdict"], "yes");
        assert_eq!(lines[0]["checks"]["springs"]["verdict"], "n/a");
        assert_eq!(lines[1]["skipped"], "not graded: empty");
        assert_eq!(lines[2]["checks"]["blames"]["evidence"][0]["start"], 0);
    }

    #[test]
    fn many_threads_write_what_one_does() {
        let mut input = String::new();
        for number in 0..70 {
            input.push_str(&format!("{{\"id\":{number},\"text\":\"Could we meet on day {number}?\"}}\n"));
            input.push_str(if number % 20 == 3 { "{\"text\":\n" } else { "" });
        }
        // More than one batch, and fewer turns than threads' batches hold.
        let few = input.lines().take(15).collect::<Vec<_>>().join("\n");
        for (input, format, jobs) in [(input, ScoreFormat::Json, 2), (few, ScoreFormat::Text, 3)] {
            let one = score_on(input.as_bytes(), format, 1);
            assert_eq!(one.0, 1);
            assert_eq!(score_on(input.as_bytes(), format, jobs), one, "{jobs} jobs");
        }
    }

    #[test]
    fn short_files_are_graded_together_and_a_missing_one_loses_none_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut files: Vec<PathBuf> = (0..5).map(|n| folder.path().join(format!("{n}.txt"))).collect();
        for (number, file) in files.iter().enumerate() {
            std::fs::write(file, format!("Could we meet on day {number}?\n")).unwrap();
        }
        let score = |files: &[PathBuf], jobs| {
            let args = ScoreArgs { files: files.to_vec(), format: ScoreFormat::Json, jobs };
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let code = run(&args, &mut &b""[..], &mut out, &mut err).map_err(|error| error.to_string());
            (code, String::from_utf8(out).unwrap())
        };
        let one = score(&files, 1);
        assert_eq!((one.0.clone(), lines(&one.1).len()), (Ok(0), 5));
        assert!(lines(&one.1)[4]["file"].as_str().unwrap().ends_with("4.txt"));
        assert_eq!(score(&files, 3), one);
        files.insert(2, folder.path().join("gone.txt"));
        let broken = score(&files, 3);
        assert!(broken.0.unwrap_err().contains("gone.txt"));
        assert_eq!(lines(&broken.1).len(), 2);
    }

    #[test]
    fn bad_lines_are_reported_and_the_others_graded() {
        let input = b"{\"id\":\"a\",\"text\":\"Send it.\",\"position\":\"opening\"}\n{\"id\":\"b\",\"text\":\n{\"id\":7,\"txt\":\"x\"}\n\xff\xfe\n{\"text\":\"ok\"}\n";
        let (code, out, err) = score(input, ScoreFormat::Json);
        let lines = lines(&out);
        assert_eq!((code, lines.len()), (1, 5));
        assert_eq!(lines[0]["checks"]["prescribes"]["verdict"], "yes");
        assert_eq!((&lines[1]["line"], &lines[1]["id"]), (&json!(2), &json!("2")));
        assert_eq!(lines[2]["id"], 7);
        assert!(lines[2]["error"].as_str().unwrap().contains("missing field `text`"));
        assert!(lines[3]["error"].as_str().unwrap().contains("UTF-8"));
        assert_eq!(lines[4]["id"], "5");
        assert_eq!(err.lines().count(), 3);
        assert!(err.starts_with("line 2: "), "{err}");
    }

    #[test]
    fn a_session_is_read_whole_with_its_positions_and_context() {
        let session = r#"{
          "header": {"id": "x", "greeting": "Yes, Sam?"},
          "exchanges": [
            {"node": 1, "parent": null, "text": "The prototype feedback is late.", "position": "opening", "reply": {"text": "So?"}},
            {"node": 2, "parent": 1, "text": "What is in the way?", "position": "middle", "reply": null}
          ]
        }"#;
        for input in [session.to_owned(), session.replace('\n', " ")] {
            let (code, out, _) = score(input.as_bytes(), ScoreFormat::Json);
            let lines = lines(&out);
            assert_eq!((code, lines.len()), (0, 2));
            assert_eq!(lines[0]["checks"]["springs"]["verdict"], "yes");
            assert_eq!(lines[1]["checks"]["open-question"]["verdict"], "yes");
        }
    }

    #[test]
    fn text_shows_each_yes_with_its_words() {
        let (_, out, _) = score("What is in the way\u{1b}[31m?".as_bytes(), ScoreFormat::Text);
        assert!(out.contains("+ asks-question      “What is in the way") && !out.contains('\u{1b}'), "{out}");
    }

    #[test]
    fn a_very_long_turn_is_graded_in_linear_time() {
        let text = "could we, you and I, try it on Friday or not because you never ".repeat(1600);
        let started = std::time::Instant::now();
        let (code, out, _) = score(text.as_bytes(), ScoreFormat::Json);
        assert_eq!((code, lines(&out).len()), (0, 1));
        assert!(started.elapsed().as_secs_f64() < 5.0, "{:?}", started.elapsed());
    }
}
