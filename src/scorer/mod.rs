//! What was good: the rubric, the rules, evidence, and the grade.

pub mod explain;
pub mod feedback;
pub mod grade;
pub mod hint;
pub mod parse;
pub mod rubric;
pub mod verdict;
pub mod wording;
