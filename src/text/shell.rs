//! Words on a command line that is shown to be copied.

use std::borrow::Cow;

/// `text` as one word of a shell: as it is where no shell sees anything in it, else between single quotes, where
/// a shell sees nothing but their end.
pub fn word(text: &str) -> Cow<'_, str> {
    // To Windows' shells a backslash is part of a path.
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+,".contains(c) || cfg!(windows) && c == '\\';
    if !text.is_empty() && text.chars().all(plain) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_shell_would_take_for_its_own_is_quoted() {
        assert_eq!(word("late-feedback"), "late-feedback");
        assert_eq!(word("/tmp/my_talk.v2.toml"), "/tmp/my_talk.v2.toml");
        assert_eq!(word(""), "''");
        assert_eq!(word("my talk"), "'my talk'");
        assert_eq!(word("Dana's"), r"'Dana'\''s'");
        assert_eq!(word("~"), "'~'");
        assert_eq!(word("x; rm -rf $HOME"), "'x; rm -rf $HOME'");
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_reads_back_what_was_meant() {
        for text in ["a b", "'", "''a", "\"$(id)\"`id`", "a\nb", "\\", "*", "#x", "!x", "é=~", "-n"] {
            let line = format!("printf %s. {}", word(text));
            let output = std::process::Command::new("sh").args(["-c", &line]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{text}."), "{line}");
        }
    }
}
