//! What the scorer answers for one turn: a verdict a check, each yes with verbatim evidence.

use super::rubric::Check;
use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Is the behaviour present in the turn?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// Present; at least one evidence span.
    #[serde(rename = "yes")]
    Yes,
    /// Absent.
    #[default]
    #[serde(rename = "no")]
    No,
    /// The check does not apply to this turn.
    #[serde(rename = "n/a")]
    NotApplicable,
}

/// A verbatim piece of the turn: `text == &turn[start..end]`, byte offsets on character boundaries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// The words themselves.
    pub text: String,
}

impl Span {
    /// Cuts `start..end` out of `turn`.
    ///
    /// # Panics
    /// When the range is not on character boundaries of `turn`.
    pub fn cut(turn: &str, start: usize, end: usize) -> Span {
        Span { start, end, text: turn[start..end].to_owned() }
    }

    /// Is it a non-empty, verbatim piece of `turn`?
    pub fn is_verbatim(&self, turn: &str) -> bool {
        self.start < self.end && turn.get(self.start..self.end) == Some(self.text.as_str())
    }
}

/// The answer to one check.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Present, absent or not applicable.
    pub verdict: Answer,
    /// Probability that the behaviour is present, 0 to 1; 0 where the check does not apply.
    pub p: f32,
    /// Where the turn shows it; empty unless the verdict is yes.
    pub evidence: Vec<Span>,
}

/// The verdicts on one turn, one for every check.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdicts([Verdict; Check::COUNT]);

impl Verdicts {
    /// The verdicts on a turn that is not graded.
    pub fn not_applicable() -> Verdicts {
        Verdicts(std::array::from_fn(|_| Verdict { verdict: Answer::NotApplicable, ..Verdict::default() }))
    }

    /// The verdict for `check`.
    pub fn get(&self, check: Check) -> &Verdict {
        &self.0[check.index()]
    }

    /// The verdict for `check`, to change it.
    pub fn get_mut(&mut self, check: Check) -> &mut Verdict {
        &mut self.0[check.index()]
    }

    /// Is the behaviour present?
    pub fn is_yes(&self, check: Check) -> bool {
        self.get(check).verdict == Answer::Yes
    }

    /// The checks answered yes, in the rubric's order.
    pub fn present(&self) -> impl Iterator<Item = Check> + '_ {
        Check::ALL.into_iter().filter(|&check| self.is_yes(check))
    }

    /// All checks with their verdicts, in the rubric's order.
    pub fn iter(&self) -> impl Iterator<Item = (Check, &Verdict)> {
        Check::ALL.into_iter().zip(&self.0)
    }
}

impl Serialize for Verdicts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(Check::COUNT))?;
        for (check, verdict) in self.iter() {
            map.serialize_entry(check.id(), verdict)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Verdicts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ById;
        impl<'de> Visitor<'de> for ById {
            type Value = Verdicts;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a map from check ids to verdicts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Verdicts, A::Error> {
                let mut verdicts = Verdicts::default();
                while let Some(id) = map.next_key::<String>()? {
                    let check: Check = id.parse().map_err(de::Error::custom)?;
                    *verdicts.get_mut(check) = map.next_value()?;
                }
                Ok(verdicts)
            }
        }
        deserializer.deserialize_map(ById)
    }
}

/// Where in the talk a turn stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Position {
    /// The person's first turn.
    Opening,
    /// Any other.
    #[default]
    Middle,
    /// A turn that ends the talk.
    Closing,
}

/// One turn to grade, with what its meaning may depend on.
#[derive(Clone, Copy, Debug)]
pub struct Utterance<'a> {
    /// What the person said.
    pub text: &'a str,
    /// What the boss said just before, where known.
    pub context: Option<&'a str>,
    /// Where in the talk it stands.
    pub position: Position,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_round_trip_by_id() {
        let mut verdicts = Verdicts::default();
        *verdicts.get_mut(Check::Blames) =
            Verdict { verdict: Answer::Yes, p: 0.75, evidence: vec![Span::cut("you never answer", 0, 9)] };
        let json = serde_json::to_string(&verdicts).unwrap();
        assert!(json.contains(r#""blames":{"verdict":"yes""#), "{json}");
        assert_eq!(serde_json::from_str::<Verdicts>(&json).unwrap(), verdicts);
    }
}
