//! Plain text as Markdown that shows it literally.

use super::printable;

/// `text` so that Markdown shows it as it stands: safe to print, with its own marks escaped.
///
/// Lines stay lines; [`quoted`] joins them with hard breaks.
pub fn escaped(text: &str) -> String {
    paragraphs(&inline(text))
}

/// `text`, safe to print, with the marks that count inside a line escaped.
pub fn inline(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in printable(text).chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '|' | '~' | '$') {
            shown.push('\\');
        }
        shown.push(c);
    }
    shown
}

/// Inline Markdown whose lines begin no heading, list, rule or code block.
pub fn paragraphs(inline: &str) -> String {
    inline.split('\n').map(|line| paragraph(line.trim())).collect::<Vec<_>>().join("\n")
}

fn paragraph(line: &str) -> String {
    let after_digits = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbers = after_digits.len() < line.len() && after_digits.starts_with(['.', ')']);
    if line.starts_with(['#', '+', '-', '=']) || numbers {
        let digits = line.len() - after_digits.len();
        return format!("{}\\{after_digits}", &line[..digits]);
    }
    line.to_owned()
}

/// Markdown `lines` as a block quote that keeps their breaks.
pub fn quoted(lines: &str) -> String {
    let lines: Vec<&str> = lines.trim_end().split('\n').collect();
    let mut block = String::new();
    for (index, line) in lines.iter().enumerate() {
        let continues = lines.get(index + 1).is_some_and(|next| !next.is_empty()) && !line.is_empty();
        let line = format!("> {line}{}", if continues { "\\" } else { "" });
        block.push_str(line.trim_end());
        block.push('\n');
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_the_text_are_no_marks_of_the_page() {
        assert_eq!(escaped("**not** [a](b) <i> & 1*2"), "\\*\\*not\\*\\* \\[a\\](b) \\<i\\> \\& 1\\*2");
        assert_eq!(
            escaped("# no\n- no\n12. no\nyes. 3.5 - fine"),
            "\\# no\n\\- no\n12\\. no\nyes. 3.5 - fine"
        );
        assert_eq!(escaped("    code?\u{1b}[31m"), "code?");
    }

    #[test]
    fn a_quotation_keeps_its_lines() {
        assert_eq!(quoted("one\ntwo\n\nthree\n"), "> one\\\n> two\n>\n> three\n");
    }
}
