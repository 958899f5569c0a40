//! Which model is the default: one rule over the catalogue, the machine, and what can be had.
//!
//! A model may be the default if it plays the boss (quality above 0), its licence is Apache-2.0 or MIT, it
//! needs at most 60% of the memory and has the cores it asks for, and it is here already or can be fetched.
//! Among those: the largest class; within the class one that is here already and verified; then the highest
//! quality; then the smaller file.

use super::catalogue::{Catalogue, Entry, Kind};
use super::machine::Machine;
use std::cmp::Reverse;
use std::collections::HashSet;
use std::fmt::Write;

/// The share of the machine's memory that the default may need: the rest is for what the person has open.
const MEMORY_SHARE: f64 = 0.6;

/// What the choice is made from.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// The machine; a memory of 0 means that it is not known, and memory then rules nothing out.
    pub machine: &'a Machine,
    /// Names of the models that are here and verified.
    pub local: &'a HashSet<String>,
    /// Can the hub be reached?
    pub hub: bool,
    /// Is there a Python with pip?
    pub pip: bool,
}

/// The default, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The model's name.
    pub name: String,
    /// Why this one, in a sentence.
    pub reason: String,
}

/// No model can be the default.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no model can be chosen for this machine:{why}")]
pub struct NoChoice {
    /// A line for each text model: why not.
    why: String,
}

/// The default model.
///
/// # Errors
/// None will do: says why for each.
pub fn choose(catalogue: &Catalogue, facts: &Facts) -> Result<Choice, NoChoice> {
    let entries = catalogue.entries();
    let here = |entry: &Entry| facts.local.contains(&entry.name);
    let best = entries
        .iter()
        .filter(|entry| objection(entry, facts).is_none())
        .max_by_key(|entry| (entry.class, here(entry), entry.quality, Reverse(entry.size())));
    let Some(best) = best else {
        let mut why = String::new();
        for entry in entries.iter().filter(|entry| entry.kind == Kind::Text) {
            let _ = write!(why, "\n  {}: {}", entry.name, objection(entry, facts).unwrap_or_default());
        }
        return Err(NoChoice { why });
    };
    let mut reason = format!("the best that fits {}", describe(facts.machine));
    if here(best) {
        reason.push_str("; it is here already");
    } else if best.on_hub() && facts.hub {
        reason.push_str(" and can be had: it comes from the hub");
    } else {
        reason.push_str(" and can be had: it comes from Python wheels, through pip");
    }
    let better = entries.iter().find(|entry| {
        entry.class == best.class && entry.quality > best.quality && objection(entry, facts).is_none()
    });
    if let Some(better) = better {
        let _ = write!(
            reason,
            ". `{0}` of the same size class ranks higher and would be a download: `coachup models pull {0}`",
            better.name
        );
    }
    Ok(Choice { name: best.name.clone(), reason })
}

/// Could the answers to "is the hub reachable" and "is there a pip" change the choice? If not, nobody needs
/// to wait for them.
pub fn depends_on_sources(catalogue: &Catalogue, machine: &Machine, local: &HashSet<String>) -> bool {
    let name = |reachable: bool| {
        let facts = Facts { machine, local, hub: reachable, pip: reachable };
        choose(catalogue, &facts).map(|choice| choice.name).ok()
    };
    name(true) != name(false)
}

/// Why a model is not chosen unless it is named; none if nothing speaks against it.
pub fn objection(entry: &Entry, facts: &Facts) -> Option<String> {
    if entry.kind == Kind::Embedding {
        return Some("for the scorer, it plays nobody".to_owned());
    }
    if entry.quality == 0 {
        return Some("for smoke tests: it writes too poorly to play the boss".to_owned());
    }
    if !entry.free_license() {
        return Some(format!("its licence ({}) has terms of its own: only if you name it", entry.license));
    }
    let usable = facts.machine.memory as f64 * MEMORY_SHARE;
    if facts.machine.memory > 0 && entry.memory as f64 > usable {
        return Some(format!(
            "needs {} of memory; {:.0}% of this machine's is {}",
            gib(entry.memory),
            MEMORY_SHARE * 100.0,
            gib(usable as u64)
        ));
    }
    if facts.machine.cores < entry.cores {
        return Some(format!("would answer slowly: wants {} cores", entry.cores));
    }
    if facts.local.contains(&entry.name) || entry.on_hub() && facts.hub || entry.in_wheels() && facts.pip {
        return None;
    }
    Some(match (entry.on_hub(), entry.in_wheels()) {
        (true, true) => "not here, the hub can't be reached, and there is no pip".to_owned(),
        (true, false) => "not here, and the hub can't be reached".to_owned(),
        (false, _) => "not here, and there is no pip".to_owned(),
    })
}

fn describe(machine: &Machine) -> String {
    let cores = if machine.cores == 1 { "1 core".to_owned() } else { format!("{} cores", machine.cores) };
    match machine.memory {
        0 => format!("this machine ({cores})"),
        memory => format!("this machine ({}, {cores})", gib(memory)),
    }
}

/// `23.5 GiB`.
pub fn gib(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const GIB: u64 = 1 << 30;

    fn chosen(memory: u64, cores: usize, local: &[&str], hub: bool, pip: bool) -> Result<Choice, NoChoice> {
        let catalogue = Catalogue::load(Path::new("no such file")).unwrap();
        let machine = Machine { memory, cores, features: vec![] };
        let local = local.iter().map(|&name| name.to_owned()).collect();
        choose(&catalogue, &Facts { machine: &machine, local: &local, hub, pip })
    }

    #[test]
    fn the_rule() {
        let coder = "qwen2.5-coder-1.5b";
        type Case<'a> = (u64, usize, &'a [&'a str], bool, bool, &'a str);
        let cases: [Case; 12] = [
            // No hub: what wheels bring.
            (24, 2, &[], false, true, coder),
            (24, 16, &[], false, true, coder),
            // The hub brings better ones, as far as memory and cores go.
            (24, 8, &[], true, true, "qwen3-4b-instruct-2507"),
            (24, 2, &[], true, true, "qwen3-1.7b"),
            (6, 8, &[], true, true, "qwen3-1.7b"),
            (3, 2, &[], true, true, coder),
            (2, 2, &[], true, true, "qwen2.5-coder-0.5b"),
            // Memory not known: it rules nothing out.
            (0, 8, &[], true, true, "qwen3-4b-instruct-2507"),
            // What is here is taken before a download of the same class, not before one of a larger class.
            (24, 2, &[coder], true, true, coder),
            (24, 8, &[coder], true, true, "qwen3-4b-instruct-2507"),
            // What is here needs no source at all.
            (24, 8, &["phi-4-mini-instruct"], false, false, "phi-4-mini-instruct"),
            // Named models are not chosen for anybody: a licence of its own, a smoke test.
            (24, 8, &["gemma-3-4b-it", "llama-3.2-3b-instruct", "smollm2-135m"], false, true, coder),
        ];
        for (memory, cores, local, hub, pip, expected) in cases {
            let choice = chosen(memory * GIB, cores, local, hub, pip).unwrap();
            assert_eq!(choice.name, expected, "{memory} GiB, {cores} cores, {local:?}, hub {hub}, pip {pip}");
        }
    }

    #[test]
    fn the_reason_says_where_it_comes_from_and_what_would_be_better() {
        let wheels = chosen(24 * GIB, 2, &[], false, true).unwrap().reason;
        assert_eq!(
            wheels,
            "the best that fits this machine (24.0 GiB, 2 cores) and can be had: it comes from Python wheels, \
             through pip"
        );
        let local = chosen(24 * GIB, 2, &["qwen2.5-coder-1.5b"], true, true).unwrap().reason;
        assert!(
            local.contains("here already") && local.contains("`coachup models pull qwen3-1.7b`"),
            "{local}"
        );
        assert!(chosen(24 * GIB, 8, &[], true, false).unwrap().reason.contains("from the hub"));
    }

    #[test]
    fn with_no_source_it_says_why_for_each() {
        let error = chosen(24 * GIB, 2, &[], false, false).unwrap_err().to_string();
        for part in [
            "qwen2.5-coder-1.5b: not here, the hub can't be reached, and there is no pip",
            "qwen3-1.7b: not here, and the hub can't be reached",
            "qwen3-4b-instruct-2507: would answer slowly: wants 4 cores",
            "gemma-3-4b-it: its licence (LicenseRef-Gemma)",
            "smollm2-135m: for smoke tests",
        ] {
            assert!(error.contains(part), "{part} in {error}");
        }
        let tiny = chosen(GIB / 2, 2, &[], true, true).unwrap_err().to_string();
        assert!(tiny.contains("needs 0.8 GiB of memory; 60% of this machine's is 0.3 GiB"), "{tiny}");
    }

    #[test]
    fn nobody_waits_for_the_hub_when_it_can_change_nothing() {
        let catalogue = Catalogue::load(Path::new("no such file")).unwrap();
        let machine = Machine { memory: 24 * GIB, cores: 2, features: vec![] };
        let depends = |local: &[&str]| {
            depends_on_sources(&catalogue, &machine, &local.iter().map(|&name| name.to_owned()).collect())
        };
        assert!(depends(&[]));
        assert!(depends(&["qwen2.5-coder-0.5b"]));
        assert!(!depends(&["qwen2.5-coder-1.5b"]));
    }
}
