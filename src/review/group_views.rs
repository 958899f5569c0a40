//! A group's report for a screen and as Markdown.

use super::group::{FEWEST, FEWEST_HIDDEN, Finding, Group, GroupCheck, GroupSkill};
use super::words;
use crate::text::columns::{options, said};
use crate::text::count;
use comfy_table::{ContentArrangement, Table, TableStyle, presets};
use std::fmt::Write;

/// For a screen of `width` columns.
pub fn terminal(group: &Group, width: usize) -> String {
    let mut page = Page { out: String::new(), width, style: presets::NOTHING, heading: "", prose: true };
    page.fill(group);
    page.out
}

/// As Markdown.
pub fn markdown(group: &Group) -> String {
    let style = presets::ASCII_MARKDOWN;
    let mut page = Page { out: String::new(), width: usize::MAX, style, heading: "# ", prose: false };
    page.fill(group);
    page.out
}

struct Page {
    out: String,
    width: usize,
    style: TableStyle,
    heading: &'static str,
    /// Paragraphs are wrapped.
    prose: bool,
}

impl Page {
    fn fill(&mut self, group: &Group) {
        let (people, talks) = (person_count(group.people), count(group.talks, "talk"));
        let _ = writeln!(
            self.out,
            "{}",
            said(&format!("{}What {people} showed in {talks}", self.heading), self.width)
        );
        if group.people == 0 {
            return self.paragraph("Nothing was said in these talks, so there is nothing to report.");
        }
        self.paragraph(&caution(group));
        self.paragraph(&findings(group));
        let overall = group.overall.map_or("-".to_owned(), |grade| format!("{grade:.0}"));
        let ended: Vec<String> = group
            .outcomes
            .iter()
            .map(|(outcome, n)| format!("{n} {}", words::outcome(*outcome, true)))
            .collect();
        self.paragraph(&format!("Mean grade {overall} of 100. The talks ended: {}.", ended.join(", ")));
        let mut table = self.table(["skill", "people", "mean", "range", "against others", "finding"]);
        for skill in &group.skills {
            table.add_row(skill_row(skill));
        }
        self.add(&table);
        let mut table = self.table(["behaviour", "people", "of such groups (90%)"]);
        for check in &group.checks {
            table.add_row(check_row(check));
        }
        self.add(&table);
        let next: Vec<String> = group
            .checks
            .iter()
            .filter(|found| found.check.is_helpful())
            .take(3)
            .map(|found| said(&format!("- {}", words::next(found.check)), self.width))
            .collect();
        self.paragraph("To practise next, what the fewest showed:");
        let _ = writeln!(self.out, "\n{}", next.join("\n"));
    }

    fn paragraph(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let _ = writeln!(self.out, "\n{}", textwrap::fill(text, options(self.width)));
    }

    fn table<const N: usize>(&self, titles: [&str; N]) -> Table {
        let mut table = Table::new();
        table.load_style(self.style).set_header(titles);
        if self.prose {
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(u16::try_from(self.width).unwrap_or(u16::MAX));
        }
        table
    }

    fn add(&mut self, table: &Table) {
        let _ = writeln!(self.out, "\n{}", table.trim_fmt());
    }
}

fn person_count(people: usize) -> String {
    if people == 1 { "1 person".to_owned() } else { format!("{people} people") }
}

/// What a reader must know before the figures.
fn caution(group: &Group) -> String {
    let mut notes = Vec::new();
    if group.people < FEWEST {
        notes.push(format!(
            "With fewer than {FEWEST} people, no skill can be called lacking: take the figures for what these \
             people did, not for what the group is like."
        ));
    }
    if group.people < FEWEST_HIDDEN {
        notes.push("Figures of so few people point at each of them.".to_owned());
    }
    if group.named > 0 {
        notes.push(format!(
            "{} not anonymous; `coachup sessions export --anonymous` writes files without names.",
            if group.named == 1 { "1 file is".to_owned() } else { format!("{} files are", group.named) }
        ));
    }
    for (number, why) in
        [(group.repeated, "came twice and count once"), (group.empty, "hold nothing that was said")]
    {
        if number > 0 {
            notes.push(format!("{} of the files {why}.", number));
        }
    }
    notes.join(" ")
}

/// The skills that the group lacks, in words.
fn findings(group: &Group) -> String {
    let with = |finding: Finding| -> Vec<String> {
        let skills = group.skills.iter().filter(|skill| skill.finding == finding);
        skills.map(|skill| skill.skill.title().to_lowercase()).collect()
    };
    let (lacking, strong) = (with(Finding::Lacking), with(Finding::Strong));
    if group.people < FEWEST {
        return String::new();
    }
    let mut text = match lacking.as_slice() {
        [] => "No skill is weaker than the others by more than chance would make it.".to_owned(),
        some => format!("What the group lacks: {}.", some.join(", ")),
    };
    if !strong.is_empty() {
        let _ = write!(text, " What it is good at: {}.", strong.join(", "));
    }
    text.push_str(
        " Said where chance would do as much in at most one of ten groups (exact sign-flip test of each \
         person's skill against their others, corrected for four skills).",
    );
    text
}

fn skill_row(skill: &GroupSkill) -> Vec<String> {
    let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.0}"));
    let finding = match (skill.finding, skill.p) {
        (Finding::TooFew, _) => "too few to tell".to_owned(),
        (Finding::Lacking, Some(p)) => format!("lacking (p {p:.2})"),
        (Finding::Strong, Some(p)) => format!("strong (p {p:.2})"),
        (_, p) => format!("no difference (p {})", p.map_or("-".to_owned(), |p| format!("{p:.2}"))),
    };
    vec![
        skill.skill.title().to_owned(),
        skill.people.to_string(),
        number(skill.mean),
        skill.range.map_or("-".to_owned(), |(low, high)| format!("{low:.0} to {high:.0}")),
        skill.difference.map_or("-".to_owned(), |difference| format!("{difference:+.0}")),
        finding,
    ]
}

fn check_row(found: &GroupCheck) -> Vec<String> {
    let sign = if found.check.is_helpful() { '+' } else { '-' };
    let (low, high) = found.interval;
    vec![
        format!("{sign} {}", words::titles(&[found.check])),
        format!("{} of {}", found.shown, found.people),
        format!("{:.0} to {:.0} %", 100.0 * low, 100.0 * high),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::group::Entry;
    use super::*;
    use crate::scenario::Library;
    use crate::session::sample;

    fn group(people: usize) -> Group {
        let entry = |at: usize| {
            let mut session = sample::finished();
            session.header.seed = at as u64;
            Entry { person: at.to_string(), session }
        };
        Group::of(&(0..people).map(entry).collect::<Vec<_>>(), &Library::embedded())
    }

    #[test]
    fn no_word_of_anyone_is_shown() {
        let group = group(8);
        let json = serde_json::to_string(&group).unwrap();
        for text in [terminal(&group, 80), markdown(&group), json] {
            for exchange in &sample::finished().exchanges {
                assert!(!text.contains(&exchange.text), "{text}");
            }
            assert!(!text.to_lowercase().contains("dana"), "{text}");
        }
    }

    #[test]
    fn few_people_get_a_caution_and_many_a_finding() {
        let few = terminal(&group(2), 80);
        assert!(few.contains("With fewer than 7 people") && few.contains("point at each of them"), "{few}");
        assert!(few.contains("too few to tell") && !few.contains("lacking ("), "{few}");
        assert!(few.lines().all(|line| line.chars().count() <= 80), "{few}");
        let many = markdown(&group(8));
        assert!(many.contains("What the group lacks:") && many.contains("lacking (p 0.0"), "{many}");
        assert!(many.starts_with("# What 8 people showed in 8 talks\n"), "{many}");
    }
}
