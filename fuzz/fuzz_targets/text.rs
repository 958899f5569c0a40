#![no_main]

coachup_fuzz::target!("text");
