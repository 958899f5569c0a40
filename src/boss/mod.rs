//! Who answers: the boss's state, the choice of act, the wording of it, and the checks on a reply.

pub mod state;
