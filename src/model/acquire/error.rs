//! What can go wrong while a model is acquired, and what the person can do about it.

use crate::model::catalogue::CatalogueError;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a model could not be had.
#[derive(Debug, thiserror::Error)]
pub enum AcquireError {
    /// The person stopped it.
    #[error("stopped; what has arrived is kept, and the next try goes on from there")]
    Interrupted,
    /// Not enough room, found out before the start.
    #[error(
        "not enough room in `{folder}`: {needed} are needed, {free} are free; make room, or set \
         `COACHUP_HOME` to a folder on a larger disk"
    )]
    NoSpace {
        /// Where the file would go.
        folder: PathBuf,
        /// How much it needs.
        needed: Bytes,
        /// How much there is.
        free: Bytes,
    },
    /// The disk filled up on the way.
    #[error("the disk of `{folder}` is full; make room and try again: what has arrived is kept")]
    DiskFull {
        /// Where the file was written.
        folder: PathBuf,
    },
    /// The content is not the one expected.
    #[error("`{file}` is not what it should be and was refused: expected SHA-256 {expected}, found {found}")]
    WrongSum {
        /// The file, or the member of a wheel.
        file: String,
        /// The sum it should have.
        expected: String,
        /// The sum it has.
        found: String,
    },
    /// The hub has another file under this name than it had.
    #[error(
        "the hub now states another sum for `{file}` than {known}: {stated}. If that change is wanted, \
         `coachup models rm {name}` forgets the old one"
    )]
    Changed {
        /// The model.
        name: String,
        /// The file.
        file: String,
        /// The pinned or remembered sum, and which of the two it is.
        known: String,
        /// What the hub states.
        stated: String,
    },
    /// A file can't be read or written.
    #[error("can't {doing} `{path}`: {source}")]
    Io {
        /// `read`, `write`, …
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A source failed for a reason of its own.
    #[error("{0}")]
    Source(String),
    /// Every source failed.
    #[error("`{name}` could not be had from anywhere:{tried}\n{remedies}")]
    Exhausted {
        /// The model.
        name: String,
        /// A line for each source: what was tried, and why it failed.
        tried: String,
        /// What the person can do.
        remedies: String,
    },
    /// No model of the catalogue is called so.
    #[error(transparent)]
    Unknown(#[from] CatalogueError),
    /// A model that can't play the boss was named.
    #[error("`{0}` is for the scorer and can't play the boss; `coachup models list` shows which can")]
    NotText(String),
    /// A path was given, and no model lies there.
    #[error("`{path}` {why}")]
    BadPath {
        /// The path.
        path: PathBuf,
        /// What is wrong, with the remedy.
        why: String,
    },
}

impl AcquireError {
    /// Must the whole acquisition end here, rather than try the next source?
    pub(super) fn ends_it(&self) -> bool {
        use AcquireError::{DiskFull, Interrupted, NoSpace};
        matches!(self, Interrupted | NoSpace { .. } | DiskFull { .. })
    }
}

/// Turns an input or output error into words, for `map_err`; a full disk becomes its own error.
pub(super) fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> AcquireError {
    move |source| match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            AcquireError::DiskFull { folder: path.parent().unwrap_or(path).to_owned() }
        }
        _ => AcquireError::Io { doing, path: path.to_owned(), source },
    }
}

/// A number of bytes, written for people: `1.1 GB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0 as f64;
        match self.0 {
            0..1_000 => write!(f, "{} B", self.0),
            1_000..1_000_000 => write!(f, "{:.0} kB", bytes / 1e3),
            1_000_000..1_000_000_000 => write!(f, "{:.0} MB", bytes / 1e6),
            _ => write!(f, "{:.1} GB", bytes / 1e9),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_for_people() {
        let shown: Vec<String> =
            [612, 466_247, 98_362_432, 1_117_320_768].map(|n| Bytes(n).to_string()).into();
        assert_eq!(shown, ["612 B", "466 kB", "98 MB", "1.1 GB"]);
    }

    #[test]
    fn a_full_disk_is_told_apart_from_other_errors() {
        let at = Path::new("/models/x/file");
        let full = io_error("write", at)(io::Error::from(io::ErrorKind::StorageFull));
        assert!(
            matches!(&full, AcquireError::DiskFull { folder } if folder == Path::new("/models/x")),
            "{full}"
        );
        assert!(full.ends_it());
        let other = io_error("write", at)(io::Error::from(io::ErrorKind::PermissionDenied));
        assert!(other.to_string().starts_with("can't write `/models/x/file`"), "{other}");
        assert!(!other.ends_it());
    }
}
