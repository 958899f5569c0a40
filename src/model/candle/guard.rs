//! What minijinja's fuel doesn't count: values that hold themselves many times over.
//!
//! `{% set x = [x, x] %}`, said forty times, is a list of a million million numbers in a few hundred bytes of memory,
//! until something writes, compares or copies it; so is `x + x`. No value can be changed, only made of others: a filter
//! that weighs it is put behind every bracket that closes one, before every sign that reads or joins two, and around
//! what a `set` keeps. What real templates have no use for, and could do the same in other ways, is refused.

use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, State, Value};
use minijinja_contrib::pycompat::unknown_method_callback;
use std::collections::BTreeSet;
use std::ops::Range;

/// The filter's name, which no template has.
const FILTER: &str = "|bounded_value";

/// Filters that repeat or join what they are given, however often they are told.
const REFUSED_FILTERS: [&str; 5] = ["batch", "chain", "format", "slice", "sum"];

/// Statements that only Hugging Face's own training has, and others that do nothing.
const TRAINED: [(&str, &str); 2] = [("generation", "if true"), ("endgeneration", "endif")];

/// Most that a value may weigh: one for itself and for each value in it, and one for every [`BYTES`] of text.
const HEAVIEST: usize = 1024;
const BYTES: usize = 1024;

/// Most values that may be in each other.
const DEEPEST: usize = 8;

/// Longest text, in bytes: more than the default context holds.
const LONGEST: usize = 1 << 16;

/// Signs and words whose work grows with the value on their left.
const JOINING: [&str; 10] = ["+", "|", "==", "!=", "<", ">", "<=", ">=", "in", "is"];

/// Weight that costs one of fuel.
const WEIGHED: usize = 4;

/// Gives `environment` what a guarded template needs, and takes from it what can't be bounded.
pub fn prepare(environment: &mut Environment<'_>) {
    environment.add_filter(&FILTER[1..], bounded);
    REFUSED_FILTERS.iter().for_each(|name| environment.remove_filter(name));
    environment.set_unknown_method_callback(|state, value, method, arguments| match method {
        // As the filter: a text may name a value any number of times, and widths without end.
        "format" => Err(ErrorKind::UnknownMethod.into()),
        _ => unknown_method_callback(state, value, method, arguments),
    });
}

/// `value` as it is, or as a plain list where it would be put together only when it is read.
fn bounded(state: &State, value: Value) -> Result<Value, Error> {
    let too_large = || Error::new(ErrorKind::InvalidOperation, "a text, a list or a map is too large");
    if value.as_object().is_none() {
        return if value.as_bytes().is_some_and(|text| text.len() > LONGEST) {
            Err(too_large())
        } else {
            Ok(value)
        };
    }
    let value = match value.kind() {
        ValueKind::Iterable => value.try_iter()?.take(HEAVIEST).collect::<Vec<Value>>().into(),
        _ => value,
    };
    let mut left = HEAVIEST;
    let light = weigh(&value, DEEPEST, &mut left).is_some();
    state.consume_fuel(((HEAVIEST - left) / WEIGHED) as u64)?;
    if light { Ok(value) } else { Err(too_large()) }
}

/// Takes the weight of `value`, in which others may be so many `deep`, off what is `left`; none where either is not
/// enough.
fn weigh(value: &Value, deep: usize, left: &mut usize) -> Option<()> {
    let bytes = value.as_bytes().map_or(0, <[u8]>::len);
    *left = left.checked_sub(1 + bytes / BYTES)?;
    let mut inner = |value: &Value| weigh(value, deep.checked_sub(1)?, left);
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => value.try_iter().ok()?.try_for_each(|item| inner(&item)),
        ValueKind::Map => value.try_iter().ok()?.try_for_each(|key| {
            inner(&key)?;
            inner(&value.get_item(&key).ok()?)
        }),
        _ => Some(()),
    }
}

/// A piece of code: a name or number, a text, a bracket, or a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Word,
    Text,
    Open,
    Close,
    Sign,
}

#[derive(Clone, Copy, Debug)]
struct Token<'s> {
    kind: Kind,
    text: &'s str,
    /// Where it begins in the source.
    at: usize,
    /// Brackets that are open around it.
    depth: usize,
}

impl Token<'_> {
    fn is(&self, text: &str) -> bool {
        self.kind != Kind::Text && self.text == text
    }

    fn end(&self) -> usize {
        self.at + self.text.len()
    }

    fn ends_a_value(&self) -> bool {
        matches!(self.kind, Kind::Word | Kind::Text | Kind::Close)
    }
}

/// `{{ … }}` or `{% … %}`.
struct Code<'s> {
    statement: bool,
    tokens: Vec<Token<'s>>,
    /// Where what closes it begins.
    end: usize,
}

/// `source` with the filter wherever a value could grow, and without the marks of what a model is trained on.
///
/// # Errors
/// It uses what can't be bounded, and what that is.
pub fn guarded(source: &str) -> Result<String, String> {
    let codes = codes(source);
    let spaces: BTreeSet<&str> = codes.iter().filter_map(Code::namespace).collect();
    let mut added: Vec<(Range<usize>, &str)> = Vec::new();
    for code in &codes {
        code.check(&spaces)?;
        code.guard(&mut added);
    }
    let mut out = String::with_capacity(source.len() + added.len() * FILTER.len());
    let mut done = 0;
    for (place, text) in added {
        out.push_str(&source[done..place.start]);
        out.push_str(text);
        done = place.end;
    }
    out.push_str(&source[done..]);
    Ok(out)
}

/// The code in `source`, between the text and the comments.
fn codes(source: &str) -> Vec<Code<'_>> {
    let mut codes = Vec::new();
    let mut at = 0;
    while let Some(brace) = source[at..].find('{') {
        at += brace;
        at = match source.as_bytes().get(at + 1) {
            Some(b'#') => source[at..].find("#}").map_or(source.len(), |end| at + end + 2),
            Some(b'{' | b'%') => {
                let code = code(source, at);
                let end = code.end;
                codes.push(code);
                end
            }
            _ => at + 1,
        };
    }
    codes
}

/// The code that begins at `start`.
fn code(source: &str, start: usize) -> Code<'_> {
    let statement = source.as_bytes()[start + 1] == b'%';
    let closing = if statement { "%}" } else { "}}" };
    let mut tokens: Vec<Token<'_>> = Vec::new();
    let (mut at, mut depth) = (start + 2, 0usize);
    if source[at..].starts_with(['-', '+']) {
        at += 1;
    }
    while let Some(first) = source[at..].chars().next() {
        let rest = &source[at..];
        if depth == 0 && rest.strip_prefix(['-', '+']).unwrap_or(rest).starts_with(closing) {
            break;
        }
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let (kind, length) = match first {
            c if c.is_whitespace() => {
                at += c.len_utf8();
                continue;
            }
            '"' | '\'' => (Kind::Text, text_length(rest)),
            '(' | '[' | '{' => (Kind::Open, 1),
            ')' | ']' | '}' => (Kind::Close, 1),
            c if word(c) => (Kind::Word, rest.find(|c| !word(c)).unwrap_or(rest.len())),
            c => {
                let two = ["==", "!=", "<=", ">=", "**", "//"].iter().any(|sign| rest.starts_with(sign));
                (Kind::Sign, if two { 2 } else { c.len_utf8() })
            }
        };
        depth = if kind == Kind::Close { depth.saturating_sub(1) } else { depth };
        tokens.push(Token { kind, text: &rest[..length], at, depth });
        depth += usize::from(kind == Kind::Open);
        at += length;
    }
    Code { statement, tokens, end: at }
}

/// The length of the text that begins `rest`, with its quotation marks.
fn text_length(rest: &str) -> usize {
    let mark = rest.as_bytes()[0];
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            _ if byte == mark => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

impl Code<'_> {
    /// The first word of a statement.
    fn keyword(&self) -> &str {
        self.tokens.first().filter(|_| self.statement).map_or("", |token| token.text)
    }

    /// Where the first of some words or signs stands outside all brackets.
    fn find(&self, text: &str) -> Option<usize> {
        self.tokens.iter().position(|token| token.depth == 0 && token.is(text))
    }

    /// The name in `{% set name = namespace(…) %}`.
    fn namespace(&self) -> Option<&str> {
        let [set, name, equal, namespace, open, .., close] = &self.tokens[..] else { return None };
        let whole =
            self.statement && set.is("set") && equal.is("=") && namespace.is("namespace") && open.is("(");
        let to_the_end = self.tokens[5..].iter().position(|token| token.depth == 0)? == self.tokens.len() - 6;
        (whole && to_the_end && close.is(")")).then_some(name.text)
    }

    /// Refuses what can't be bounded. A namespace can be changed, and so be put into itself: it may only be made, and
    /// asked for its values.
    fn check(&self, spaces: &BTreeSet<&str>) -> Result<(), String> {
        if self.keyword() == "raw" {
            return Err("it has a `raw` part".to_owned());
        }
        let defines = self.namespace().is_some();
        for (index, token) in self.tokens.iter().enumerate() {
            let before = index.checked_sub(1).map(|before| self.tokens[before]);
            let after = self.tokens.get(index + 1);
            let is_attribute = before.is_some_and(|before| before.is("."));
            if token.is("*")
                && before.is_some_and(|before| before.ends_a_value() && before.kind != Kind::Text)
            {
                return Err("it multiplies something other than a text".to_owned());
            }
            if token.kind != Kind::Word || is_attribute || (defines && (index == 1 || index == 3)) {
                continue;
            }
            let asked = after.is_some_and(|after| after.is(".") || after.is("is"));
            if token.is("namespace") || (spaces.contains(token.text) && !asked) {
                return Err("it uses a namespace for more than its values".to_owned());
            }
        }
        Ok(())
    }

    /// What is put into the source, and in which place.
    fn guard(&self, added: &mut Vec<(Range<usize>, &'static str)>) {
        // Between the two stands what a model is trained on; here it is text like any other.
        if let ([word], Some(plain)) =
            (&self.tokens[..], TRAINED.iter().find(|(word, _)| *word == self.keyword()))
        {
            return added.push((word.at..word.end(), plain.1));
        }
        let mut add = |at: usize, text| added.push((at..at, text));
        let from = match self.keyword() {
            "set" => self.find("=").map_or(self.tokens.len(), |equal| equal + 1),
            "for" => self.find("in").map_or(self.tokens.len(), |within| within + 1),
            _ => 0,
        };
        // These want a call and nothing behind it; what is in its brackets is guarded.
        let lowest = usize::from(matches!(self.keyword(), "macro" | "call" | "do"));
        let kept = self.keyword() == "set" && from < self.tokens.len();
        if kept {
            add(self.tokens[from].at, "(");
        }
        for (index, token) in self.tokens.iter().enumerate().skip(from) {
            let before = index.checked_sub(1).map(|before| self.tokens[before]);
            let after = self.tokens.get(index + 1);
            let goes_on = after.is_some_and(|after| after.kind == Kind::Open || after.is("."));
            if token.kind == Kind::Close && token.depth >= lowest && !goes_on {
                add(token.end(), FILTER);
            }
            if JOINING.iter().any(|sign| token.is(sign)) {
                let not = usize::from(before.is_some_and(|before| before.is("not")));
                let left = index.checked_sub(1 + not).map(|left| self.tokens[left]);
                // `is in` is a test, and `.in` an attribute.
                if let Some(left) = left.filter(|left| left.ends_a_value() && !left.is("is")) {
                    add(left.end(), FILTER);
                }
            }
        }
        if kept {
            add(self.tokens[self.tokens.len() - 1].end(), ")");
            add(self.tokens[self.tokens.len() - 1].end(), FILTER);
        }
    }
}
