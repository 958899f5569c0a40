//! "Did you mean": the nearest of some known words.

/// The known word nearest to `typed`, where one is near enough to be meant.
///
/// Distance is Damerau–Levenshtein over lower case; a third of the longer word's characters may differ, and a word that
/// begins with what was typed counts as near.
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    known
        .into_iter()
        .filter_map(|word| {
            let lower = word.to_lowercase();
            let (letters, known) = (typed.chars().count(), lower.chars().count());
            let longest = letters.max(known);
            // The distance takes time and memory by the product of the lengths, and is no less than their difference.
            if letters.saturating_sub(known) * 3 > longest {
                return None;
            }
            let distance = strsim::damerau_levenshtein(&typed, &lower);
            let begun = letters >= 3 && lower.starts_with(&typed);
            (begun || distance * 3 <= longest).then_some((if begun { 0 } else { distance }, word))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_and_beginnings_but_not_strangers() {
        let known = ["guarded", "open", "hostile"];
        assert_eq!(nearest("gaurded", known), Some("guarded"));
        assert_eq!(nearest("Hosti", known), Some("hostile"));
        assert_eq!(nearest("banana", known), None);
        assert_eq!(nearest(&"guarded".repeat(1_000_000), known), None, "at once");
    }
}
