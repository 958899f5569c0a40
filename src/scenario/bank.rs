//! What fits any talk of a kind: a bank for people's own talks.

use super::{Point, PrivateFact};
use crate::text::data::from_toml;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// A kind of matter.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    /// What a scenario calls it by.
    pub name: String,
    /// How a person knows their matter again: "Approvals take too long".
    pub title: String,
    /// What the boss's lines can come to.
    pub points: BTreeMap<Point, Vec<String>>,
    /// What a boss may keep back.
    pub facts: Vec<PrivateFact>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bank {
    kind: Vec<Kind>,
}

static BANK: LazyLock<Bank> = LazyLock::new(|| {
    from_toml(include_str!("../../prompts/bank.toml")).expect("a test reads prompts/bank.toml")
});

impl Kind {
    /// What fits any matter.
    const GENERAL: &str = "general";

    /// All kinds, as a person is asked; the last fits any matter.
    pub fn all() -> &'static [Kind] {
        &BANK.kind
    }

    /// The kind called `name`.
    pub fn named(name: &str) -> Option<&'static Kind> {
        BANK.kind.iter().find(|kind| kind.name == name)
    }

    /// What fits any matter.
    pub fn general() -> &'static Kind {
        Kind::named(Kind::GENERAL).expect("a test finds it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Library, Scenario};
    use std::collections::BTreeSet;

    #[test]
    fn the_bank_has_a_kind_for_every_shipped_scenario_and_is_worded_as_scenarios_are() {
        let library = Library::embedded();
        let mut names: BTreeSet<&str> = library.all::<Scenario>().map(|(name, _)| name).collect();
        names.insert(Kind::general().name.as_str());
        assert_eq!(Kind::all().iter().map(|kind| kind.name.as_str()).collect::<BTreeSet<_>>(), names);
        assert_eq!(Kind::all().last().unwrap().name, Kind::GENERAL);
        let (mut facts, mut lines) = (BTreeSet::new(), BTreeSet::new());
        for kind in Kind::all() {
            let mut scenario: Scenario = library.get::<Scenario>("late-feedback").unwrap().clone();
            for point in Point::ALL {
                assert!(kind.points[&point].len() >= 4, "{} has too few {}", kind.name, point.key());
                scenario.own_points_mut(point).clone_from(&kind.points[&point]);
            }
            assert!(kind.facts.len() >= 8 && kind.facts.iter().filter(|fact| fact.need).count() >= 2);
            for some in kind.facts.chunks(4).filter(|some| some.len() > 1) {
                scenario.facts = some.to_vec();
                assert_eq!(scenario.check(), Vec::new(), "{}", kind.name);
            }
            for fact in &kind.facts {
                assert!(
                    facts.insert(&fact.fact) && lines.insert(&fact.line),
                    "`{}` is there twice",
                    fact.fact
                );
            }
        }
        assert!(facts.len() >= 60, "{} facts", facts.len());
    }
}
