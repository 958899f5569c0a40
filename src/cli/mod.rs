//! What the person may type: one file a command, no logic beyond wiring.

pub mod score;
