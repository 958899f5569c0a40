//! Clauses: where they begin, who their subject is, their mood, tense and frame.

use super::lexicon::{Classes, Lexicon};
use super::words::{Break, Word};
use std::ops::Range;
use std::sync::LazyLock;

/// Whose action or state a clause is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Person {
    /// The speaker.
    I,
    /// The boss.
    You,
    /// Both, or the team.
    We,
    /// Anyone else, or a thing.
    Other,
    /// No subject: fragments and imperatives.
    #[default]
    None,
}

/// What the clause does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    /// Says.
    Declarative,
    /// Asks.
    Interrogative,
    /// Commands.
    Imperative,
    /// Has no verb of its own.
    #[default]
    Fragment,
}

/// What an interrogative clause asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// Yes or no.
    Polar,
    /// Anything: what, how, why…
    Wh,
    /// One of named things.
    Choice,
    /// Confirmation: "…, right?"
    Tag,
}

/// The modal verb that carries the clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Modality {
    /// can, could, may, might
    Can,
    /// would
    Would,
    /// will, shall, going to
    Will,
    /// should, ought to
    Should,
    /// must, have to, need to, got to
    Must,
}

/// When it happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tense {
    /// Now or always.
    #[default]
    Present,
    /// Done.
    Past,
    /// To come.
    Future,
}

/// One clause; all indices are into the words of its text.
#[derive(Clone, Debug, Default)]
pub struct Clause {
    /// Its words.
    pub words: Range<usize>,
    /// First byte.
    pub start: usize,
    /// One past the last byte, its closing mark included where the sentence ends.
    pub end: usize,
    /// Index of its sentence.
    pub sentence: usize,
    /// Its first word that is no filler or conjunction.
    pub head: usize,
    /// Who it is about.
    pub subject: Person,
    /// The word that is its subject, where it is a pronoun.
    pub subject_at: Option<usize>,
    /// Its main verb.
    pub verb: Option<usize>,
    /// What it does.
    pub mood: Mood,
    /// What it asks for, where it asks.
    pub asks: Option<Asks>,
    /// Its modal verb.
    pub modality: Option<Modality>,
    /// When it happens.
    pub tense: Tense,
    /// Says that something is not so.
    pub negated: bool,
    /// Begins with "if", "unless" or the like.
    pub conditional: bool,
    /// Begins with any subordinating word.
    pub subordinate: bool,
    /// Lies inside quotation marks.
    pub quoted: bool,
    /// Its sentence ends in a question mark and it is the last clause of it.
    pub marked: bool,
}

/// The classes that clause finding looks at, looked up once.
struct Classed {
    subj: Classes,
    det: Classes,
    aux: Classes,
    invaux: Classes,
    modal: Classes,
    be: Classes,
    wh: Classes,
    conj: Classes,
    subord: Classes,
    prep: Classes,
    filler: Classes,
    adverb: Classes,
    cogn: Classes,
    nouny: Classes,
    obj: Classes,
}

static C: LazyLock<Classed> = LazyLock::new(|| {
    let class = |name| Lexicon::get().class(name);
    Classed {
        subj: class("subj"),
        det: class("det"),
        aux: class("aux"),
        invaux: class("invaux"),
        modal: class("modal"),
        be: class("be"),
        wh: class("wh"),
        conj: class("conj"),
        subord: class("subord"),
        prep: class("prep"),
        filler: class("filler"),
        adverb: class("adverb"),
        cogn: class("cogn"),
        nouny: class("nouny"),
        obj: class("obj"),
    }
});

/// Splits the words into clauses, sets each word's clause, and reads each clause.
pub fn clauses(text: &str, sentences: &[Range<usize>], words: &mut [Word]) -> Vec<Clause> {
    let mut found: Vec<Clause> = Vec::new();
    let mut start = 0;
    while start < words.len() {
        let mut end = start + 1;
        while end < words.len() && !begins_clause(words, start, end) {
            end += 1;
        }
        words[start..end].iter_mut().for_each(|word| word.clause = found.len());
        let mut clause = read(words, start..end);
        if let Some(before) = found.last() {
            coordinate(words, before, &mut clause);
        }
        found.push(clause);
        start = end;
    }
    let mut at = 0;
    while at < found.len() {
        let sentence = found[at].sentence;
        let last = at + found[at..].iter().take_while(|clause| clause.sentence == sentence).count();
        let asked = sentences.get(sentence).is_some_and(|span| asks_in_writing(&text[span.clone()]));
        let end = sentences.get(sentence).map_or(text.len(), |span| span.end);
        found[last - 1].end = end;
        settle_questions(&mut found[at..last], words, asked);
        at = last;
    }
    found
}

/// "I could draft it and send it": a bare verb behind a conjunction or comma shares the subject and the modal
/// verb of the clause before, unless that is a command itself or a condition.
fn coordinate(words: &[Word], before: &Clause, clause: &mut Clause) {
    let joined = words[clause.words.start].before <= Break::Comma
        && !words[clause.words.start..=clause.head]
            .iter()
            .any(|word| matches!(word.lower.as_str(), "please" | "so" | "then"));
    if clause.mood != Mood::Imperative || !joined || before.quoted != clause.quoted || before.conditional {
        return;
    }
    let shares = match before.mood {
        Mood::Imperative => false,
        Mood::Fragment => before.words.len() > 3 || words[before.words.start].before < Break::Sentence,
        Mood::Declarative | Mood::Interrogative => true,
    };
    if shares {
        clause.mood = if before.verb.is_some() { Mood::Declarative } else { Mood::Fragment };
        (clause.subject, clause.subject_at) = (before.subject, before.subject_at);
        (clause.modality, clause.tense) = (before.modality, before.tense);
    }
}

fn asks_in_writing(sentence: &str) -> bool {
    let marks = sentence.trim_end_matches(|c: char| {
        c.is_whitespace() || matches!(c, ')' | '"' | '”' | '’' | '\'') || crate::text::token::is_pictograph(c)
    });
    marks.ends_with(['?', '？', '‽'])
        || marks.ends_with("?!")
        || marks.ends_with("?.")
        || marks.trim_end_matches(['!', '.', '…']).ends_with('?')
}

fn word(words: &[Word], at: usize) -> Option<&Word> {
    words.get(at)
}

fn is(words: &[Word], at: usize, classes: Classes) -> bool {
    word(words, at).is_some_and(|word| word.is(classes))
}

fn same_sentence(words: &[Word], at: usize) -> bool {
    word(words, at).is_some_and(|word| word.before < Break::Sentence)
}

/// The first word from `at` on that is no filler, conjunction or emoji.
fn skip_fillers(words: &[Word], range: Range<usize>) -> usize {
    let mut at = range.start;
    while at + 1 < range.end && (words[at].is(C.filler | C.conj) || words[at].emoji) {
        // "right" and "see" are fillers only in front of something else than their own object.
        at += 1;
    }
    at
}

/// Does a clause begin at `at`, when the one before began at `start`?
fn begins_clause(words: &[Word], start: usize, at: usize) -> bool {
    let here = &words[at];
    if here.before >= Break::Strong || here.quoted != words[at - 1].quoted {
        return true;
    }
    let only_fillers = words[start..at].iter().all(|word| word.is(C.filler | C.conj));
    if here.before == Break::Comma && !only_fillers {
        let at = skip_fillers(words, at..words.len().min(at + 4));
        return looks_like_start(words, at);
    }
    if only_fillers {
        return false;
    }
    if here.is(C.subord) {
        return !matches!(here.lower.as_str(), "when" | "since" | "once" | "until" | "while")
            || !is_time_phrase(words, at);
    }
    if here.is(C.conj) {
        let next = skip_fillers(words, at + 1..words.len().min(at + 4));
        return same_sentence(words, next) && looks_like_start(words, next);
    }
    inverted_at(words, at) && !words[at - 1].is(C.wh | C.prep | C.subj | C.aux) && !is_counted(words, at)
        || (here.is(C.wh) && inverted_at(words, at + 1) && !words[at - 1].is(C.prep | C.wh | C.cogn))
        || runs_on(words, start, at)
}

/// "how many people did you": the auxiliary belongs to the question word's noun.
fn is_counted(words: &[Word], at: usize) -> bool {
    (1..=4).any(|back| {
        at >= back
            && words[at - back].is(C.wh)
            && words[at - back + 1..at]
                .iter()
                .all(|word| !word.forms.finite() || word.is(C.det) || !word.is(C.aux))
    })
}

fn is_time_phrase(words: &[Word], at: usize) -> bool {
    !(at + 1..at + 4).any(|next| {
        same_sentence(words, next) && (words[next].is(C.subj | C.aux) || words[next].forms.finite())
    })
}

/// An auxiliary in front of its subject: "can we", "is it", "would the team".
fn inverted_at(words: &[Word], at: usize) -> bool {
    let (Some(aux), Some(next)) = (word(words, at), word(words, at + 1)) else { return false };
    if !aux.is(C.invaux) || next.before >= Break::Comma {
        return false;
    }
    let next = match next.lower.as_str() {
        "not" => match word(words, at + 2) {
            Some(after) => after,
            None => return false,
        },
        _ => next,
    };
    next.is(C.subj)
        && !(matches!(aux.lower.as_str(), "do" | "have")
            && matches!(next.lower.as_str(), "it" | "this" | "that"))
        || matches!(next.lower.as_str(), "u" | "y'all" | "anyone" | "anybody" | "someone" | "everyone")
}

/// Could an independent clause begin at `at`: a subject with its verb, an inversion, a question word, a command?
fn looks_like_start(words: &[Word], at: usize) -> bool {
    let Some(here) = word(words, at) else { return false };
    if here.is(C.subj) {
        return (at + 1..at + 4)
            .any(|next| same_sentence(words, next) && (words[next].is(C.aux) || words[next].forms.finite()));
    }
    if inverted_at(words, at) || here.is(C.subord) || here.lower == "please" {
        return true;
    }
    if here.is(C.wh) {
        return (at + 1..at + 5)
            .any(|next| same_sentence(words, next) && (words[next].is(C.aux) || words[next].is(C.subj)));
    }
    if here.forms.base && !here.is(C.det | C.prep | C.aux)
        || matches!(here.lower.as_str(), "do" | "have" | "be")
    {
        return !is(words, at + 1, C.be | C.modal);
    }
    // A noun phrase with an auxiliary or a plain past behind it.
    here.is(C.det)
        && (at + 2..at + 5).any(|next| {
            same_sentence(words, next)
                && words[next].before == Break::None
                && (words[next].is(C.aux) || (words[next].forms.past && !words[next - 1].is(C.det)))
        })
}

/// A new subject in unpunctuated text, after a clause that already has subject and verb.
fn runs_on(words: &[Word], start: usize, at: usize) -> bool {
    let nominative = matches!(words[at].lower.as_str(), "i" | "we" | "he" | "she" | "they");
    if !nominative || at < start + 3 || !same_sentence(words, at + 1) {
        return false;
    }
    let before = &words[at - 1];
    let free = !before.is(C.cogn | C.prep | C.wh | C.conj | C.subord | C.subj | C.adverb | C.aux | C.det)
        && before.lower != "that";
    free && (words[at + 1].is(C.aux) || words[at + 1].forms.finite())
        && words[start..at].iter().any(|word| word.is(C.subj))
        && words[start..at].iter().any(|word| word.is(C.aux) || word.forms.finite())
}

fn person(word: &Word) -> Person {
    match word.lower.as_str() {
        "i" | "me" => Person::I,
        "you" => Person::You,
        "we" | "us" => Person::We,
        _ => Person::Other,
    }
}

/// Reads subject, verb, mood, tense and the rest of the words in `range`.
fn read(words: &[Word], range: Range<usize>) -> Clause {
    let head = skip_fillers(words, range.clone());
    let mut clause = Clause {
        start: words[range.start].start,
        end: words[range.end - 1].end,
        sentence: words[range.start].sentence,
        quoted: words[head].quoted,
        head,
        words: range.clone(),
        ..Clause::default()
    };
    let opener = (range.start..=head).find(|&at| words[at].is(C.subord));
    clause.subordinate = opener.is_some();
    clause.conditional = (range.start..=head).any(|at| matches!(words[at].lower.as_str(), "if" | "unless"));
    let first = opener.map_or(head, |at| at + 1).min(range.end - 1);
    find_subject_and_verb(words, first, &mut clause);
    if opener.is_none() {
        clause.mood = mood_by_form(words, &mut clause);
    } else if clause.verb.is_some() {
        clause.mood = Mood::Declarative;
    }
    read_verb_group(words, &mut clause);
    clause
}

fn find_subject_and_verb(words: &[Word], first: usize, clause: &mut Clause) {
    let end = clause.words.end;
    let mut noun = false;
    for at in first..end {
        let here = &words[at];
        let verbal = here.is(C.aux) || here.forms.finite();
        if clause.subject == Person::None && here.is(C.subj) && !(at > first && words[at - 1].is(C.prep)) {
            // "this week is", "that rota was": a determiner, not a subject.
            let determiner = matches!(here.lower.as_str(), "this" | "that")
                && word(words, at + 1)
                    .is_some_and(|next| at + 1 < end && !next.is(C.aux | C.adverb) && !next.forms.any());
            if !determiner {
                clause.subject = person(here);
                clause.subject_at = Some(at);
                if clause.verb.is_some() {
                    return;
                }
                continue;
            }
        }
        let noun_like = at > first && words[at - 1].is(C.det | C.prep) && !here.is(C.aux);
        if verbal && !noun_like && clause.verb.is_none() {
            if clause.subject == Person::None && (noun || at > first) && !here.is(C.subj) && noun {
                clause.subject = Person::Other;
            }
            clause.verb = Some(at);
            if clause.subject != Person::None || at > first + 1 {
                return;
            }
        } else if !here.is(C.adverb | C.prep | C.wh | C.filler) {
            noun = true;
        }
        if at > first + 8 {
            return;
        }
    }
}

fn mood_by_form(words: &[Word], clause: &mut Clause) -> Mood {
    let head = clause.head;
    let end = clause.words.end;
    let here = &words[head];
    if inverted_at(words, head) && head + 1 < end {
        let conditional = matches!(here.lower.as_str(), "had" | "were" | "should");
        if !conditional {
            clause.asks = Some(Asks::Polar);
            return Mood::Interrogative;
        }
    }
    let asks_of_thing = matches!(
        here.lower.as_str(),
        "is" | "are"
            | "was"
            | "were"
            | "did"
            | "does"
            | "can"
            | "could"
            | "would"
            | "will"
            | "should"
            | "has"
    );
    if asks_of_thing && is(words, head + 1, C.det) && head + 3 < end {
        clause.asks = Some(Asks::Polar);
        return Mood::Interrogative;
    }
    if here.is(C.wh) && asks_openly(words, head, end) {
        clause.asks = Some(Asks::Wh);
        return Mood::Interrogative;
    }
    if clause.subject_at.is_none_or(|at| clause.verb.is_some_and(|verb| verb < at)) && commands(words, clause)
    {
        clause.subject = Person::None;
        clause.verb = Some(imperative_verb(words, clause));
        return Mood::Imperative;
    }
    if clause.verb.is_some() { Mood::Declarative } else { Mood::Fragment }
}

/// A question word with an inversion or a finite verb right behind it, as in "what keeps you".
fn asks_openly(words: &[Word], head: usize, end: usize) -> bool {
    if head + 1 >= end {
        return false;
    }
    let inverted =
        (head + 1..(head + 6).min(end)).find(|&at| words[at].is(C.subj | C.invaux)).is_some_and(|at| {
            words[at].is(C.invaux) && !matches!(words[head].lower.as_str(), "when" | "where" if at > head + 1)
        });
    let next = &words[head + 1];
    let subject_question = matches!(words[head].lower.as_str(), "what" | "who" | "which")
        && (next.forms.finite() || next.is(C.aux))
        && !next.is(C.subj);
    // "what time works": a noun between the question word and its verb.
    let counted = matches!(words[head].lower.as_str(), "what" | "which" | "whose")
        && head + 2 < end
        && !next.is(C.subj | C.aux | C.prep | C.adverb | C.conj)
        && (words[head + 2].forms.third || words[head + 2].is(C.be | C.modal));
    let clipped = matches!(words[head].lower.as_str(), "how" | "what")
        && matches!(next.lower.as_str(), "about" | "if" | "come");
    inverted || subject_question || counted || clipped
}

/// Is the clause a command: a bare verb at its head, or "please", "do not", "never" in front of one?
fn commands(words: &[Word], clause: &Clause) -> bool {
    let at = imperative_verb(words, clause);
    let Some(verb) = word(words, at).filter(|_| at < clause.words.end) else { return false };
    let next = word(words, at + 1).filter(|_| at + 1 < clause.words.end);
    if !verb.forms.base
        || verb.is(C.modal)
        || matches!(
            verb.lower.as_str(),
            "thank"
                | "mean"
                | "like"
                | "hope"
                | "guess"
                | "love"
                | "hear"
                | "suppose"
                | "want"
                | "appreciate"
                | "agree"
                | "wish"
        )
    {
        return false;
    }
    // "Launch is Monday", "Sign offs take": a noun with its verb behind it.
    if next.is_some_and(|next| {
        next.is(C.be | C.modal) || matches!(next.lower.as_str(), "did" | "does" | "has" | "had" | "have")
    }) {
        return false;
    }
    if next.is_none() {
        // One bare word: "Stop." commands, "Work." may be anything.
        return matches!(
            verb.lower.as_str(),
            "stop" | "wait" | "listen" | "try" | "decide" | "choose" | "sign" | "answer" | "go"
        ) || at > clause.head;
    }
    if verb.is(C.nouny)
        && at == clause.head
        && next.is_some_and(|next| !next.is(C.det | C.obj | C.wh) && next.lower != "it" && next.lower != "to")
    {
        return false;
    }
    if verb.lower == "have" || verb.lower == "do" {
        return !is(words, at + 1, C.subj) || matches!(words[at + 1].lower.as_str(), "it" | "that" | "this");
    }
    true
}

/// Where the verb of a command would stand: behind "please", "just", "do not", "never", "always".
fn imperative_verb(words: &[Word], clause: &Clause) -> usize {
    let mut at = clause.head;
    while at + 1 < clause.words.end
        && matches!(
            words[at].lower.as_str(),
            "please"
                | "just"
                | "never"
                | "always"
                | "simply"
                | "kindly"
                | "not"
                | "you"
                | "everyone"
                | "someone"
                | "at"
                | "least"
                | "only"
        )
    {
        at += 1;
    }
    if words[at].lower == "do" && is(words, at + 1, C.adverb) && at + 2 < clause.words.end {
        at += 2;
    }
    at.min(clause.words.end - 1)
}

fn read_verb_group(words: &[Word], clause: &mut Clause) {
    let Some(verb) = clause.verb else { return };
    let end = clause.words.end.min(verb + 7);
    let group = &words[verb..end];
    let first = &words[verb];
    let after = |n: usize| group.get(n).map_or("", |word| word.lower.as_str());
    clause.negated =
        group.iter().take(5).any(|word| {
            matches!(word.lower.as_str(), "not" | "never" | "no" | "nobody" | "nothing" | "hardly")
        }) || words[clause.words.start..verb].iter().any(|word| {
            matches!(word.lower.as_str(), "never" | "not" | "nobody" | "nothing" | "no" | "none")
        });
    let next_verbal = group.iter().skip(1).find(|word| !word.is(C.adverb | C.subj));
    clause.modality = match first.lower.as_str() {
        "can" | "could" | "may" | "might" => Some(Modality::Can),
        "would" => Some(Modality::Would),
        "will" | "shall" => Some(Modality::Will),
        "should" | "ought" => Some(Modality::Should),
        "must" => Some(Modality::Must),
        "have" | "has" | "need" | "needs" | "got"
            if after(1) == "to" || (after(1) == "got" && after(2) == "to") =>
        {
            Some(Modality::Must)
        }
        "am" | "is" | "are"
            if group.iter().take(4).any(|word| word.lower == "going")
                && group.iter().take(5).any(|word| word.lower == "to") =>
        {
            Some(Modality::Will)
        }
        _ => None,
    };
    let perfect = matches!(first.lower.as_str(), "have" | "has" | "had")
        && next_verbal.is_some_and(|word| word.forms.participle);
    let modal_perfect = clause.modality.is_some()
        && group.iter().take(4).skip(1).any(|word| word.lower == "have")
        && group.iter().take(5).any(|word| word.forms.participle && !word.forms.base);
    clause.tense = if matches!(first.lower.as_str(), "was" | "were" | "did" | "had")
        || perfect
        || modal_perfect
        || (first.forms.past && !first.forms.base && !first.is(C.aux))
    {
        Tense::Past
    } else if matches!(clause.modality, Some(Modality::Will)) {
        Tense::Future
    } else {
        Tense::Present
    };
}

/// Where the writing asks but no clause has a question's form, the last one asks; choices and tags are told apart.
fn settle_questions(clauses: &mut [Clause], words: &[Word], asked: bool) {
    let last = clauses.len() - 1;
    if asked {
        clauses[last].marked = true;
        let formed = clauses.iter().any(|clause| clause.mood == Mood::Interrogative);
        let tag = last > 0 && is_tag(words, &clauses[last]);
        if tag {
            let said = &mut clauses[last];
            (said.mood, said.asks) = (Mood::Interrogative, Some(Asks::Tag));
        } else if !formed {
            let mut asking = last;
            while asking > 0
                && clauses[asking].subordinate
                && clauses[asking].head > clauses[asking].words.start
            {
                asking -= 1;
            }
            let said = &mut clauses[asking];
            let wh = words[said.head].is(C.wh) || words[said.words.end - 1].is(C.wh);
            (said.mood, said.asks) = (Mood::Interrogative, Some(if wh { Asks::Wh } else { Asks::Polar }));
        }
    } else {
        // "When you are ready, …" and "What I see is …" stand without a mark; an inversion asks without one.
        for clause in clauses.iter_mut().filter(|clause| clause.asks == Some(Asks::Wh)) {
            let head = &words[clause.head];
            let plain = word(words, clause.head + 1).is_some_and(|next| next.is(C.subj) && !next.is(C.aux));
            if plain
                || matches!(head.lower.as_str(), "when" | "where" | "who" | "which" | "whose")
                    && clause.subject_at.is_none()
            {
                clause.mood = if clause.verb.is_some() { Mood::Declarative } else { Mood::Fragment };
                clause.asks = None;
            }
        }
    }
    for clause in clauses.iter_mut().filter(|clause| clause.mood == Mood::Interrogative) {
        let span = &words[clause.words.clone()];
        let alternatives =
            span.iter().any(|word| word.lower == "or") && span.last().is_some_and(|word| word.lower != "not");
        if clause.asks == Some(Asks::Polar) && alternatives
            || clause.asks == Some(Asks::Wh) && words[clause.head].lower == "which"
        {
            clause.asks = Some(Asks::Choice);
        }
    }
}

fn is_tag(words: &[Word], clause: &Clause) -> bool {
    let said: Vec<&str> = words[clause.words.clone()].iter().map(|word| word.lower.as_str()).collect();
    matches!(
        said.as_slice(),
        ["right"] | ["ok"] | ["yes"] | ["no"] | ["correct"] | ["eh"] | ["huh"] | ["or", "not"]
    ) || (said.len() <= 3 && inverted_at(words, clause.words.start) && said.len() >= 2)
}
