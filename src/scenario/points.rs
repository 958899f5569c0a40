//! What the boss's lines come to: a model words well what it is given, and badly what it has to make up.

use super::Scenario;
use super::bank::Kind;
use serde::Deserialize;
use std::ops::Range;

/// The kinds of what a line can come to, each with a list in the scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub enum Point {
    /// What the boss holds against it.
    #[serde(rename = "objections")]
    Objection,
    /// What the boss can grant.
    #[serde(rename = "admissions")]
    Admission,
    /// A detail that the boss asks for.
    #[serde(rename = "questions")]
    Question,
    /// What the boss asks about why the person comes.
    #[serde(rename = "motives")]
    Motive,
    /// What makes it hard for the boss.
    #[serde(rename = "hardships")]
    Hardship,
}

impl Point {
    /// All, in the order in which they are numbered.
    pub const ALL: [Point; 5] =
        [Point::Objection, Point::Admission, Point::Question, Point::Motive, Point::Hardship];

    /// The list's key in the file.
    pub fn key(self) -> &'static str {
        match self {
            Point::Objection => "objections",
            Point::Admission => "admissions",
            Point::Question => "questions",
            Point::Motive => "motives",
            Point::Hardship => "hardships",
        }
    }
}

impl Scenario {
    /// The scenario's own list of one kind; may be empty.
    pub fn own_points(&self, kind: Point) -> &[String] {
        match kind {
            Point::Objection => &self.objections,
            Point::Admission => &self.admissions,
            Point::Question => &self.questions,
            Point::Motive => &self.motives,
            Point::Hardship => &self.hardships,
        }
    }

    /// The same, to be changed.
    #[cfg(test)]
    pub(super) fn own_points_mut(&mut self, kind: Point) -> &mut Vec<String> {
        match kind {
            Point::Objection => &mut self.objections,
            Point::Admission => &mut self.admissions,
            Point::Question => &mut self.questions,
            Point::Motive => &mut self.motives,
            Point::Hardship => &mut self.hardships,
        }
    }

    /// What lines of one kind can come to: the scenario's own list; where that is empty, or the scenario is of a kind, also
    /// what fits that kind of matter and any.
    fn list(&self, point: Point) -> impl Iterator<Item = &str> {
        let own = self.own_points(point);
        let kind =
            self.kind.as_deref().and_then(Kind::named).filter(|kind| kind.name != Kind::general().name);
        let banked = kind.into_iter().chain([Kind::general()]).flat_map(move |kind| &kind.points[&point]);
        own.iter().chain(banked.filter(|_| own.is_empty() || self.kind.is_some())).map(String::as_str)
    }

    /// The numbers of one kind, in all lists one after the other.
    pub fn points(&self, kind: Point) -> Range<usize> {
        let before = Point::ALL.into_iter().take_while(|other| *other != kind);
        let start = before.map(|other| self.list(other).count()).sum();
        start..start + self.list(kind).count()
    }

    /// That with the number `at`.
    pub fn point(&self, at: usize) -> Option<&str> {
        Point::ALL.into_iter().flat_map(|kind| self.list(kind)).nth(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Library;

    #[test]
    fn points_are_numbered_through_and_a_scenario_without_its_own_has_those_of_any_matter() {
        let library = Library::embedded();
        let own: &Scenario = library.get("late-feedback").unwrap();
        let mut bare = own.clone();
        bare.questions.clear();
        let mut of_kind = Scenario { kind: Some("late-feedback".to_owned()), ..bare.clone() };
        of_kind.motives.clear();
        for scenario in [own, &bare, &of_kind] {
            let mut next = 0;
            for kind in Point::ALL {
                let range = scenario.points(kind);
                assert!(range.start == next && range.len() > 4, "{kind:?}: {range:?}");
                assert_eq!(scenario.point(next), scenario.list(kind).next());
                next = range.end;
            }
            assert_eq!(scenario.point(next), None);
        }
        let [general, late] =
            [Kind::general(), Kind::named("late-feedback").unwrap()].map(|kind| &kind.points);
        assert!(bare.list(Point::Question).eq(&general[&Point::Question]));
        let both = late[&Point::Motive].iter().chain(&general[&Point::Motive]);
        assert!(of_kind.list(Point::Motive).eq(both));
    }
}
