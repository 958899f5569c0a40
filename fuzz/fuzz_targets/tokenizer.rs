#![no_main]

coachup_fuzz::target!("tokenizer");
