//! Questions: whether one is genuine, what it leaves open, whether it explores the boss's side or invites input.

use super::super::parse::{Asks, Mood, Person};
use super::super::rubric::Check;
use super::Board;
use super::reading::{Question, Reading};

/// The questions of a turn: interrogative clauses outside quotation, and indirect ones.
pub(super) fn questions(reading: &Reading<'_>) -> Vec<Question> {
    let mut found: Vec<Question> = Vec::new();
    for (at, clause) in reading.parsed.clauses.iter().enumerate() {
        if clause.quoted || clause.mood != Mood::Interrogative || reported_by_colon(reading, at) {
            continue;
        }
        let words = reading.core(clause);
        let mut genuine = if clause.marked { 0.92 } else { 0.8 };
        let sentence = reading.sentence_words(words.start);
        let asked = reading.parsed.clauses_of(clause.sentence).any(|clause| clause.marked);
        if asked {
            genuine = 0.92;
        }
        if let Some(hit) = reading.touching("rhetorical", &words) {
            genuine *= 1.0 - hit.weight * 0.75;
        }
        if reading.touching("insult", &sentence).is_some() || reading.touching("sarcasm", &sentence).is_some()
        {
            genuine *= 0.55;
        }
        let asks = clause.asks.unwrap_or(Asks::Polar);
        found.push(Question { words, asks, genuine, clause: at });
    }
    for hit in reading.hits("indirect-question") {
        let clause = reading.parsed.words[hit.words.start].clause;
        if found.iter().any(|question| question.clause == clause) {
            continue;
        }
        let tail = hit.words.start
            ..(hit.words.end + 4).min(reading.parsed.clauses[clause].words.end.max(hit.words.end));
        let open = reading.parsed.words[tail].iter().any(|word| {
            matches!(
                word.lower.as_str(),
                "what"
                    | "how"
                    | "why"
                    | "when"
                    | "where"
                    | "who"
                    | "which"
                    | "about"
                    | "your"
                    | "from"
                    | "more"
                    | "thoughts"
                    | "ideas"
                    | "through"
                    | "understand"
            )
        });
        let asks = if open { Asks::Wh } else { Asks::Polar };
        found.push(Question { words: hit.words.clone(), asks, genuine: hit.weight * 0.9, clause });
    }
    found
}

fn reported_by_colon(reading: &Reading<'_>, at: usize) -> bool {
    reading.reported(&reading.parsed.clauses[at])
}

/// Judges asks-question, open-question, explores-situation and invites-input.
pub(super) fn judge(reading: &Reading<'_>, board: &mut Board) {
    for question in &reading.questions {
        board.of(Check::AsksQuestion).add(question.genuine, question.words.clone());
        if is_open(reading, question) {
            board.of(Check::OpenQuestion).add(question.genuine * 0.97, question.words.clone());
        }
    }
    judge_exploring(reading, board);
    judge_inviting(reading, board);
}

/// Does it leave more open than yes, no or a pick?
fn is_open(reading: &Reading<'_>, question: &Question) -> bool {
    let words = &reading.parsed.words[question.words.clone()];
    let first = words.first().map_or("", |word| word.lower.as_str());
    match question.asks {
        Asks::Wh => {
            !(matches!(first, "how" | "what")
                && words.get(1).is_some_and(|next| next.lower == "about" || next.lower == "if"))
        }
        Asks::Choice if first == "which" => false,
        // "Can you tell me what got in the way?" asks an open question politely.
        Asks::Polar | Asks::Choice => {
            let tells = words.iter().position(|word| {
                matches!(
                    word.lower.as_str(),
                    "tell"
                        | "explain"
                        | "describe"
                        | "show"
                        | "walk"
                        | "ask"
                        | "know"
                        | "understand"
                        | "hear"
                        | "help"
                        | "idea"
                )
            });
            tells.is_some_and(|at| {
                words[at..].iter().take(6).any(|word| {
                    matches!(
                        word.lower.as_str(),
                        "what" | "how" | "why" | "where" | "who" | "when" | "through"
                    )
                })
            }) && reading.touching("permission", &question.words).is_none_or(|hit| hit.weight < 0.6)
        }
        Asks::Tag => false,
    }
}

/// What a genuine question is about, where a construction says so: a resource, an offer, a reaction, the boss's side.
fn judge_exploring(reading: &Reading<'_>, board: &mut Board) {
    for question in reading.questions.iter().filter(|question| question.genuine >= 0.45) {
        let touching = |section| reading.touching(section, &question.words).map_or(0.0, |hit| hit.weight);
        let explores = touching("explores");
        let clause = &reading.parsed.clauses[question.clause];
        // An open question that nothing else claims is most often about how things stand with the boss.
        let by_form = match question.asks {
            Asks::Wh | Asks::Choice if is_open(reading, question) && !matches!(clause.subject, Person::I) => {
                0.56
            }
            Asks::Choice if reading.parsed.words[clause.head].lower == "which" => 0.54,
            Asks::Polar | Asks::Choice
                if clause.subject == Person::You && clause.modality.is_none() && !clause.conditional =>
            {
                0.52
            }
            _ => 0.0,
        };
        let claimed = touching("invites").max(touching("permission")).max(touching("help"));
        let mut weight = explores.max(by_form);
        if claimed > 0.0 {
            weight *= if explores >= 0.85 && explores > claimed { 0.8 } else { 0.5 };
        }
        if touching("blames") >= 0.5 {
            weight *= 0.6;
        }
        board
            .of(Check::ExploresSituation)
            .add(weight * question.genuine.max(0.8) / 0.92, question.words.clone());
    }
}

fn judge_inviting(reading: &Reading<'_>, board: &mut Board) {
    for hit in reading.hits("invites") {
        let question =
            reading.questions.iter().find(|q| q.words.start < hit.words.end && hit.words.start < q.words.end);
        let genuine = question.map_or(0.8, |question| question.genuine);
        let mut weight = hit.weight * if genuine < 0.45 { 0.4 } else { 1.0 };
        if reading.touching("permission", &hit.words).is_some_and(|hit| hit.weight >= 0.6)
            && !offers_choice(reading, hit.words.start)
        {
            weight *= 0.5;
        }
        if reading.touching("explores", &hit.words).is_some_and(|explores| explores.weight > hit.weight) {
            weight *= 0.6;
        }
        board.of(Check::InvitesInput).add(weight, hit.words.clone());
    }
}

/// "Tuesday or Thursday": asking for permission and letting the boss choose at once.
fn offers_choice(reading: &Reading<'_>, at: usize) -> bool {
    reading.parsed.words[reading.sentence_words(at)]
        .iter()
        .any(|word| matches!(word.lower.as_str(), "or" | "whichever" | "rather" | "when"))
}
