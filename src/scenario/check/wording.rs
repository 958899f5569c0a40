//! What a piece of text in a data file may look like.

use crate::text::{printable, sentences};

/// How a fault begins that is a place of the template left as it was.
pub(super) const UNFILLED: &str = "still holds the template's";

/// What one kind of text may be.
#[derive(Clone, Copy)]
pub(super) struct Shape<'a> {
    /// The most characters.
    longest: usize,
    /// The placeholders that are filled here.
    placeholders: &'a [&'a str],
    /// It may have line breaks.
    lines: bool,
    /// It stands inside a sentence: no capital article, no full stop.
    inside: bool,
    /// It is about the boss, whoever plays it: no pronoun, none that a verb must agree with.
    anybody: bool,
    /// It is said aloud, in at most so many sentences.
    spoken: Option<usize>,
}

/// What is wrong with the name of somebody who speaks, of at most `longest` characters, each with its remedy. A script
/// has it before what they say, and what they do in brackets.
pub fn name_faults(name: &str, longest: usize) -> Vec<String> {
    let mut faults = Shape::line(longest).faults(name);
    if name.contains([':', '[', ']']) {
        faults.push("has a colon or a bracket; leave it out".to_owned());
    }
    if faults.is_empty() && !name.contains(char::is_alphabetic) {
        faults.push("has no letter".to_owned());
    }
    faults
}

impl<'a> Shape<'a> {
    /// One line of plain text.
    pub fn line(longest: usize) -> Shape<'a> {
        Shape { longest, placeholders: &[], lines: false, inside: false, anybody: false, spoken: None }
    }

    /// A few sentences, which may be broken into lines.
    pub fn paragraph(longest: usize) -> Shape<'a> {
        Shape { lines: true, ..Shape::line(longest) }
    }

    /// A piece that is put into a sentence.
    pub fn inside(longest: usize) -> Shape<'a> {
        Shape { inside: true, ..Shape::line(longest) }
    }

    /// Words for somebody's mouth.
    pub fn spoken(longest: usize, sentences: usize) -> Shape<'a> {
        Shape { spoken: Some(sentences), ..Shape::line(longest) }
    }

    /// The same, with these placeholders allowed.
    pub fn with(self, placeholders: &'a [&'a str]) -> Shape<'a> {
        Shape { placeholders, ..self }
    }

    /// The same, about a boss who may be a she, a he or a they.
    pub fn about_anybody(self) -> Shape<'a> {
        Shape { anybody: true, ..self }
    }

    /// What is wrong with `text`, each with its remedy.
    pub fn faults(self, text: &str) -> Vec<String> {
        let mut faults = Vec::new();
        let length = text.chars().count();
        if text.trim().is_empty() {
            return vec!["is empty".to_owned()];
        }
        if length > self.longest {
            faults.push(format!("has {length} characters; at most {} fit", self.longest));
        }
        if printable(text) != text || text.contains('\t') {
            faults.push("holds a control character or an invisible one; remove it".to_owned());
        }
        if !self.lines && text.contains('\n') {
            faults.push("has a line break; keep it to one line".to_owned());
        }
        if let Some(marker) = marker(text) {
            faults.push(format!("{UNFILLED} {marker}; put your own words there"));
        }
        self.placeholder_faults(text, &mut faults);
        if self.inside {
            faults.extend(inside_fault(text).map(str::to_owned));
        }
        if self.anybody {
            anybody_faults(text, &mut faults);
        }
        if let Some(most) = self.spoken {
            spoken_faults(text, most, &mut faults);
        }
        faults
    }

    fn placeholder_faults(self, text: &str, faults: &mut Vec<String>) {
        let mut bare = text.to_owned();
        for name in self.placeholders {
            bare = bare.replace(&format!("{{{name}}}"), "");
        }
        let Some(open) = bare.find(['{', '}']) else { return };
        let named = bare[open..].strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let what = match named {
            Some((name, _)) => format!("uses the placeholder {{{name}}}"),
            None => "has a brace without its partner".to_owned(),
        };
        let known = match self.placeholders {
            [] => "no placeholder can be used here".to_owned(),
            names => format!("here one can use {{{}}}", names.join("}, {")),
        };
        faults.push(format!("{what}; {known}"));
    }
}

/// The words of `text`, in lower case, with placeholders and inner hyphens and apostrophes kept.
pub(super) fn words(text: &str) -> impl Iterator<Item = String> {
    let inner = |c: char| c.is_alphanumeric() || matches!(c, '\'' | '’' | '-' | '{' | '}');
    text.split(move |c| !inner(c)).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// `<…>` as the templates mark what the author has to fill.
fn marker(text: &str) -> Option<&str> {
    let start = text.find('<')?;
    let end = start + text[start..].find('>')?;
    Some(&text[start..=end])
}

fn inside_fault(text: &str) -> Option<&'static str> {
    let first = text.split_whitespace().next().unwrap_or_default();
    if text.trim_end().ends_with(['.', '!', '?']) {
        Some("stands inside a sentence; leave out the mark at its end")
    } else if ["The", "A", "An", "Your", "One"].contains(&first) {
        Some("stands inside a sentence; begin it in lower case")
    } else {
        None
    }
}

/// Verbs whose form differs between "she" and "they".
const AGREEING: [&str; 12] =
    ["is", "are", "was", "were", "has", "have", "does", "do", "isn't", "aren't", "hasn't", "haven't"];

fn anybody_faults(text: &str, faults: &mut Vec<String>) {
    let words: Vec<String> = words(text).collect();
    if let Some(word) =
        words.iter().find(|word| ["she", "he", "her", "his", "him", "hers"].contains(&word.as_str()))
    {
        faults.push(format!(
            "says `{word}`, but any boss may play this; write {{they}}, {{them}} or {{their}}"
        ));
    }
    let agreeing = |verb: &str| AGREEING.contains(&verb) || (verb.ends_with('s') && !verb.ends_with("ss"));
    if let Some(pair) = words.windows(2).find(|pair| pair[0] == "{they}" && agreeing(&pair[1])) {
        faults.push(format!(
            "has `{{they}} {}`, which is wrong for she and he or for they; use {{them}} or {{their}} instead",
            pair[1]
        ));
    }
}

fn spoken_faults(text: &str, most: usize, faults: &mut Vec<String>) {
    let spans = sentences(text);
    if spans.len() > most {
        faults.push(format!("has {} sentences; this boss says at most {most} at once", spans.len()));
    }
    if text.contains(['"', '“', '”', '[', ']', '(', ')', '*', '_']) {
        faults.push("is said aloud; leave out quotation marks, brackets and asterisks".to_owned());
    }
    let begins = |name: &str| spans.iter().any(|span| text[span.clone()].starts_with(name));
    if let Some(name) = ["{topic}", "{offer}"].into_iter().find(|name| begins(name)) {
        faults.push(format!("begins a sentence with {name}, which is in lower case; move it inside"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn faulty(shape: Shape, text: &str, expected: &str) {
        let faults = shape.faults(text).join("\n");
        assert!(faults.contains(expected), "`{text}` should be told `{expected}`: {faults}");
    }

    #[test]
    fn each_fault_is_said_with_its_remedy() {
        faulty(Shape::line(9), " \n", "is empty");
        faulty(Shape::line(3), "four", "4 characters; at most 3");
        faulty(Shape::line(9), "a\u{1b}[2Jb", "control character");
        faulty(Shape::line(9), "a\u{202e}b", "invisible");
        faulty(Shape::line(9), "a\nb", "line break");
        faulty(Shape::line(40), "who is <first name>?", "<first name>");
        faulty(Shape::line(40), "for {topic}", "{topic}; no placeholder");
        faulty(Shape::line(40).with(&["you", "topic"]), "on {tpoic}", "one can use {you}, {topic}");
        faulty(Shape::line(40).with(&["you"]), "well, {you", "brace without its partner");
        faulty(Shape::inside(40), "The late report", "lower case");
        faulty(Shape::inside(40), "the late report.", "mark at its end");
        faulty(Shape::line(80).about_anybody(), "her own boss is ill", "`her`");
        let they = Shape::line(80).with(&["they"]).about_anybody();
        faulty(they, "{they} was blamed", "`{they} was`");
        faulty(they, "{they} carries it alone", "`{they} carries`");
        faulty(Shape::spoken(80, 1), "No. Not now.", "2 sentences");
        faulty(Shape::spoken(80, 1), "No [sighs]", "said aloud");
        faulty(Shape::spoken(80, 2).with(&["topic"]), "Later. {topic} can wait.", "begins a sentence");
    }

    #[test]
    fn what_is_right_is_left_alone() {
        let spoken = Shape::spoken(80, 2).with(&["you", "offer"]);
        assert!(spoken.faults("Good, {you}. We do this: {offer}.").is_empty());
        assert!(Shape::inside(80).faults("the late report").is_empty());
        let about = Shape::paragraph(80).with(&["they", "their"]).about_anybody();
        assert!(about.faults("{they} had to stand up for it;\nit cost {their} bonus").is_empty());
    }
}
