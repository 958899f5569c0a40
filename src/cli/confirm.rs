//! A yes/no question on the terminal.

use std::io::{self, BufRead, IsTerminal, Write};

/// Asks on stderr and reads the answer from stdin; anything but yes is no. None where either is no terminal.
///
/// # Errors
/// The terminal fails.
pub fn on_terminal(question: &str) -> io::Result<Option<bool>> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(None);
    }
    let mut stderr = io::stderr();
    write!(stderr, "{question} [y/N] ")?;
    stderr.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(Some(is_yes(&answer)))
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_a_yes() {
        assert!(["y\n", " YES "].into_iter().all(is_yes));
        assert!(["", "\n", "n", "yep"].into_iter().all(|answer| !is_yes(answer)));
    }
}
