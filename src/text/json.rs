//! JSON that is safe to print: what could steer a terminal is written as an escape, so nothing is lost.

use super::printable::is_unsafe;
use serde::Serialize;
use std::borrow::Cow;
use std::fmt::Write;

/// `value` as JSON over several lines, with a line feed at the end.
///
/// # Panics
/// Where `value` has a fallible serialiser or a map with keys that are no strings.
pub fn pretty<T: Serialize>(value: &T) -> String {
    let json = serde_json::to_string_pretty(value).expect("a type that always serialises");
    escaped(&json).into_owned() + "\n"
}

/// `value` as JSON on one line, with a line feed at the end.
///
/// # Panics
/// As [`pretty`].
pub fn line<T: Serialize>(value: &T) -> String {
    let json = serde_json::to_string(value).expect("a type that always serialises");
    escaped(&json).into_owned() + "\n"
}

/// `json` with every character that [`is_unsafe`] to print written as `\uXXXX`.
///
/// A serialiser already escapes the C0 controls; what is left can only stand inside strings.
pub fn escaped(json: &str) -> Cow<'_, str> {
    if !json.chars().any(is_unsafe) {
        return Cow::Borrowed(json);
    }
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        if is_unsafe(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(safe, "\\u{unit:04x}").expect("writing to a string");
            }
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_disguises_is_shown_as_an_escape() {
        assert_eq!(
            pretty(&"a\u{202e}b\u{9b}c\u{e0001}\u{1b}"),
            "\"a\\u202eb\\u009bc\\udb40\\udc01\\u001b\"\n"
        );
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_unsafe_is_left(text in any::<String>()) {
            let json = pretty(&[&text]);
            prop_assert!(!json.chars().any(is_unsafe));
            prop_assert_eq!(serde_json::from_str::<[String; 1]>(&json).unwrap(), [text]);
        }
    }
}
