//! The critic: a small trained encoder that reads a candidate in its moment (the matter, the person's turn, what
//! the boss is to do) and says how convincing it is. It sees what word lists can't: that the roles are right and
//! that the line makes sense there.

pub mod labelled;

use crate::include_aligned;
use crate::model::ModelError;
use crate::model::encoder::Encoder;
use labelled::Label;
use std::sync::LazyLock;

static SHIPPED: LazyLock<Critic> = LazyLock::new(|| {
    let encoder = Encoder::from_bytes(include_aligned!("critic.gguf"));
    Critic { encoder: encoder.expect("a test reads the shipped critic") }
});

/// Word pieces read of the moment: the end of a long turn, and what the boss is to do.
pub const MOMENT_PIECES: usize = 80;

/// A trained critic.
#[derive(Clone)]
pub struct Critic {
    encoder: Encoder,
}

impl Critic {
    /// The critic that comes with the program.
    pub fn shipped() -> &'static Critic {
        &SHIPPED
    }

    /// How convincing each of `lines` is at `moment`: log-odds that a demanding reader finds nothing wrong in it.
    ///
    /// # Errors
    /// A fault of the encoder.
    pub fn convincing(&self, lines: &[&str], moment: &str) -> Result<Vec<f64>, ModelError> {
        let said = self.encoder.read_all(lines, Some(moment))?;
        Ok(said.into_iter().map(|logits| f64::from(logits[Label::Good as usize])).collect())
    }
}

/// What the critic reads beside a line: the matter, the turn, and what the boss is to do, last because the end is
/// what is kept of a long one.
pub fn moment(topic: &str, turn: &str, deed: &str) -> String {
    format!("{topic}: {} [{deed}]", turn.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_critic_is_whole_and_no_lines_are_no_work() {
        let moment = moment("the late feedback", "May I send a  page?\n", "thinks aloud about it");
        assert_eq!(moment, "the late feedback: May I send a page? [thinks aloud about it]");
        let said =
            Critic::shipped().convincing(&["Maybe. A page I could read.", "Delivery."], &moment).unwrap();
        assert!(said.len() == 2 && said.iter().all(|odds| odds.is_finite()), "{said:?}");
        assert_eq!(Critic::shipped().convincing(&[], &moment).unwrap(), Vec::<f64>::new());
    }
}
