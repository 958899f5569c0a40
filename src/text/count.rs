//! "1 turn", "2 turns", "turns 1 to 3 and 5".

/// A number of things, in words that agree; `thing` is the singular of a word with a plural in -s.
pub fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// "once", "twice", "3 times".
pub fn times(number: usize) -> String {
    match number {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        more => format!("{more} times"),
    }
}

/// Three numbers in a row and more are said as a range.
const RUN: usize = 3;

/// Rising numbers, in words: "2", "2 and 3", "1, 3 and 5", "1 to 4 and 6".
pub fn numbers(numbers: &[u32]) -> String {
    let mut runs: Vec<Vec<u32>> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some(run) if run.last().is_some_and(|last| last + 1 == number) => run.push(number),
            _ => runs.push(vec![number]),
        }
    }
    let said = |run: Vec<u32>| match run.as_slice() {
        [first, .., last] if run.len() >= RUN => vec![format!("{first} to {last}")],
        few => few.iter().map(u32::to_string).collect(),
    };
    listed(&runs.into_iter().flat_map(said).collect::<Vec<_>>())
}

/// "one", "one and two", "one, two and three".
pub fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_a_row_are_a_range() {
        let said = |list: &[u32]| numbers(list);
        assert_eq!((said(&[]), said(&[2]), said(&[2, 3])), ("".into(), "2".into(), "2 and 3".into()));
        assert_eq!(said(&[1, 3, 5]), "1, 3 and 5");
        assert_eq!(said(&[1, 2, 3, 4, 5, 6]), "1 to 6");
        assert_eq!(said(&[1, 2, 3, 6, 8, 9]), "1 to 3, 6, 8 and 9");
    }

    #[test]
    fn one_thing_has_no_plural() {
        assert_eq!([count(0, "turn"), count(1, "turn"), count(2, "turn")], ["0 turns", "1 turn", "2 turns"]);
    }
}
