//! The rubric: the fixed ids of the checks, which skill each belongs to, and whether it helps or harms.
//!
//! The guidance behind the checks is an article on "coaching up" (coaching your own boss); ids and
//! meanings are a contract with transcripts, exports and reports, so they never change.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Does the behaviour, when present, earn credit or cost it?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polarity {
    /// Present earns credit.
    Helpful,
    /// Present costs.
    Harmful,
}

/// One of the four skills a conversation is graded on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Skill {
    /// Know what to say, understand the boss's situation, be clear and calm.
    Prepare,
    /// Ask for a time and for willingness before giving advice.
    AskPermission,
    /// Ask questions, offer a few specific options, look forward.
    Advise,
    /// Offer a hand.
    Assist,
}

impl Skill {
    /// All skills, in the order a report shows them.
    pub const ALL: [Skill; 4] = [Skill::Prepare, Skill::AskPermission, Skill::Advise, Skill::Assist];

    /// The stable id used in JSON.
    pub fn id(self) -> &'static str {
        match self {
            Skill::Prepare => "prepare",
            Skill::AskPermission => "ask-permission",
            Skill::Advise => "advise",
            Skill::Assist => "assist",
        }
    }

    /// The name shown to people.
    pub fn title(self) -> &'static str {
        match self {
            Skill::Prepare => "Prepare",
            Skill::AskPermission => "Ask permission",
            Skill::Advise => "Advise",
            Skill::Assist => "Assist",
        }
    }
}

/// One yes/no question about a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    AsksPermission,
    SchedulesAhead,
    StatesTopic,
    MutualBenefit,
    AsksQuestion,
    OpenQuestion,
    ExploresSituation,
    Acknowledges,
    OffersOptions,
    Specific,
    FutureFocus,
    OffersHelp,
    InvitesInput,
    Prescribes,
    Blames,
    Overloads,
    Heated,
    Springs,
}

use Check::*;

impl Check {
    /// How many checks there are.
    pub const COUNT: usize = 18;

    /// All checks, in the rubric's order.
    pub const ALL: [Check; Check::COUNT] = [
        AsksPermission,
        SchedulesAhead,
        StatesTopic,
        MutualBenefit,
        AsksQuestion,
        OpenQuestion,
        ExploresSituation,
        Acknowledges,
        OffersOptions,
        Specific,
        FutureFocus,
        OffersHelp,
        InvitesInput,
        Prescribes,
        Blames,
        Overloads,
        Heated,
        Springs,
    ];

    /// The stable id: the name in JSON, transcripts and reports.
    pub fn id(self) -> &'static str {
        match self {
            AsksPermission => "asks-permission",
            SchedulesAhead => "schedules-ahead",
            StatesTopic => "states-topic",
            MutualBenefit => "mutual-benefit",
            AsksQuestion => "asks-question",
            OpenQuestion => "open-question",
            ExploresSituation => "explores-situation",
            Acknowledges => "acknowledges",
            OffersOptions => "offers-options",
            Specific => "specific",
            FutureFocus => "future-focus",
            OffersHelp => "offers-help",
            InvitesInput => "invites-input",
            Prescribes => "prescribes",
            Blames => "blames",
            Overloads => "overloads",
            Heated => "heated",
            Springs => "springs",
        }
    }

    /// Does it earn or cost?
    pub fn polarity(self) -> Polarity {
        match self {
            Prescribes | Blames | Overloads | Heated | Springs => Polarity::Harmful,
            _ => Polarity::Helpful,
        }
    }

    /// Does it earn credit?
    pub fn is_helpful(self) -> bool {
        self.polarity() == Polarity::Helpful
    }

    /// All that earn credit, in the rubric's order.
    pub fn all_helpful() -> impl Iterator<Item = Check> {
        Check::ALL.into_iter().filter(|check| check.is_helpful())
    }

    /// The skill it counts towards.
    pub fn skill(self) -> Skill {
        match self {
            StatesTopic | MutualBenefit | ExploresSituation | Acknowledges | Heated => Skill::Prepare,
            AsksPermission | SchedulesAhead | Springs => Skill::AskPermission,
            AsksQuestion | OpenQuestion | OffersOptions | Specific | FutureFocus | InvitesInput
            | Prescribes | Blames | Overloads => Skill::Advise,
            OffersHelp => Skill::Assist,
        }
    }

    /// The article's section that the check comes from.
    pub fn section(self) -> &'static str {
        match self {
            AsksPermission | SchedulesAhead | Springs => "Ask for permission",
            StatesTopic | MutualBenefit | ExploresSituation | Acknowledges => "Prepare",
            AsksQuestion => "Prepare; Advice",
            OpenQuestion => "Advice",
            OffersOptions | Prescribes => "Advice: no ready-made solutions",
            Specific => "Advice: be specific",
            FutureFocus | Blames => "Advice: be unbiased",
            OffersHelp => "Advice: offer assistance",
            InvitesInput => "Advice: brainstorm",
            Overloads => "Advice: don't overwhelm",
            Heated => "Prepare: calm down first",
        }
    }

    /// Position in [`Check::ALL`], to index arrays of [`Check::COUNT`] elements.
    pub fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

/// The text is not the id of a check.
#[derive(Debug, thiserror::Error)]
#[error("no check is called `{0}`")]
pub struct UnknownCheck(pub String);

impl FromStr for Check {
    type Err = UnknownCheck;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Check::ALL.into_iter().find(|check| check.id() == s).ok_or_else(|| UnknownCheck(s.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_consistent() {
        for (i, check) in Check::ALL.into_iter().enumerate() {
            assert_eq!(check.index(), i);
            assert_eq!(check.id().parse::<Check>().unwrap(), check);
            assert_eq!(serde_json::to_value(check).unwrap(), check.id());
        }
    }
}
