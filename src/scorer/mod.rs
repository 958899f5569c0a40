//! What was good: the rubric, the rules, evidence, and the grade.

pub mod grade;
pub mod parse;
pub mod rubric;
pub mod verdict;
