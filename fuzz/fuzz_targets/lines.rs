#![no_main]

coachup_fuzz::target!("lines");
