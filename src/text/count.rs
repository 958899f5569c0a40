//! "1 turn", "2 turns".

/// A number of things, in words that agree; `thing` is the singular of a word with a plural in -s.
pub fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_has_no_plural() {
        assert_eq!([count(0, "turn"), count(1, "turn"), count(2, "turn")], ["0 turns", "1 turn", "2 turns"]);
    }
}
