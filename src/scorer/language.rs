//! A guess at the language of a turn, from its script and its function words.

use crate::text::{self, Kind};
use std::collections::HashSet;
use std::sync::LazyLock;

/// What a turn seems to be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// No words at all.
    None,
    /// English, or too short to tell.
    English,
    /// Something else.
    Other,
}

/// Function words of English, and of other languages that use the Latin script (words that are also
/// English ones left out).
const ENGLISH: &str = "the a an of to in is it that you i we for on with as at this but be are was have has had do does did not no yes \
    can could would will shall should may might must what how why when where who which and or so if me my your our us they he she his \
    her their them from by about there here just up out all been more some any than then now please thanks ok dont im its u ur youre \
    don't i'm it's you're that's can't won't didn't isn't let's get got one two time need want like know think see help make send talk";
const OTHERS: &str = "der die das und ist nicht ich sie wir mit für auf ein eine einen dem den zu im von auch sich wie oder aber wenn noch schon sehr \
    kann können mir mich ihr ihnen haben wird wurde bei nach über weil dass bitte heute morgen gut \
    le la les un une des et est pas je vous nous il elle sont avec pour dans sur que qui ce cette mais ou où du au aux mon votre notre \
    être avoir fait très plus peut voudrais bonjour merci bien \
    el los las y es no-es yo usted nosotros con para por en que del al una pero si-es está esto como más muy puede quiero hola gracias mi su \
    il lo gli e è non io lei noi con per di che della nel sono ho ha questo ma più anche può vorrei grazie ciao \
    o os as e-pt não eu você nós com para uma do da em que mas está isso muito pode obrigado \
    het een en niet ik jij u-nl wij met voor op van dat maar ook kan graag bedankt zijn heb \
    och är inte jag du vi att det som på för men har kan så \
    i-pl nie jest się na z do że to-pl ale jak czy proszę dziękuję mam \
    ve bir bu için değil ben siz çok ama nasıl";

static ENGLISH_WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| ENGLISH.split_whitespace().collect());
static OTHER_WORDS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| OTHERS.split_whitespace().filter(|word| !ENGLISH_WORDS.contains(word)).collect());

/// Words looked at, from the beginning: a language does not change its mind.
const SAMPLE: usize = 200;

/// Guesses the language of `text`. Short turns count as English unless their script says otherwise.
pub fn guess(text: &str) -> Language {
    let (mut words, mut spelled, mut english, mut other, mut foreign_script, mut letters) =
        (0, 0, 0, 0, 0, 0);
    for token in text::tokens(text)
        .into_iter()
        .filter(|token| matches!(token.kind, Kind::Word | Kind::Number | Kind::Emoji))
        .take(SAMPLE)
    {
        let raw = &text[token.start..token.end];
        words += 1;
        if token.kind != Kind::Word {
            continue;
        }
        spelled += 1;
        letters += raw.chars().filter(|c| c.is_alphabetic()).count();
        foreign_script += raw.chars().filter(|c| c.is_alphabetic() && !is_latin(*c)).count();
        let lower = raw.to_lowercase().replace('’', "'");
        english += usize::from(ENGLISH_WORDS.contains(lower.as_str()));
        other += usize::from(OTHER_WORDS.contains(lower.as_str()));
    }
    let script_says = foreign_script * 2 > letters;
    let words_say = other >= 2 && other > english + english / 2;
    let letters_say = || spelled >= FEWEST_WORDS && english * ENGLISH_SHARE < spelled && !looks_english(text);
    if words == 0 {
        Language::None
    } else if script_says || words_say || letters_say() {
        Language::Other
    } else {
        Language::English
    }
}

/// A turn of fewer words is too short for its letters to tell.
const FEWEST_WORDS: usize = 5;

/// Where one word in so many is an English function word, the letters are not asked.
const ENGLISH_SHARE: usize = 5;

/// What the letters say, for languages whose accents were left out and whose function words are not listed.
fn looks_english(text: &str) -> bool {
    let start: String = text.chars().take(2000).collect();
    whichlang::detect_language(&start) == whichlang::Lang::Eng
}

fn is_latin(c: char) -> bool {
    matches!(c as u32, 0x41..=0x24F | 0x1E00..=0x1EFF | 0x300..=0x36F | 0xFF21..=0xFF5A)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_english_from_others() {
        for text in [
            "ok",
            "Blue. As drawn.",
            "u never once watched me teach",
            "What you mean, is it possible this?",
            "👍",
            "Sorted how?",
            "deal",
            "Send it.",
        ] {
            assert_eq!(guess(text), Language::English, "{text}");
        }
        for text in [
            "Je voudrais vous parler du planning de la semaine prochaine.",
            "¿Podemos hablar mañana sobre el informe que está pendiente?",
            "Können wir heute über den Bericht sprechen?",
            "Можем поговорить о графике?",
            "この件について話せますか",
            "Vorrei parlare con lei della riunione di lunedì.",
            "hola jefe queria hablar con usted sobre el informe de ayer porque no esta listo",
            "posso falar com voce sobre o projeto da proxima semana",
            "chcialbym porozmawiac o raporcie z zeszlego tygodnia",
        ] {
            assert_eq!(guess(text), Language::Other, "{text}");
        }
        assert_eq!(guess(" …!? "), Language::None);
    }
}
