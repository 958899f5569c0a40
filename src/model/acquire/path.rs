//! A GGUF file of the person's own, given by its path.

use super::Acquired;
use super::error::AcquireError;
use crate::model::PromptStyle;
use crate::text::file::from_home;
use std::path::Path;

/// Is it meant as a path rather than as a name of the catalogue?
pub(super) fn looks_like_path(wanted: &str) -> bool {
    let path = Path::new(wanted);
    path.components().count() > 1 || path.extension().is_some_and(|ending| ending == "gguf") || path.exists()
}

/// A file of the person's own. What it holds is seen when it is loaded.
pub(super) fn from_path(path: &Path) -> Result<Acquired, AcquireError> {
    let path = from_home(path);
    if !path.is_file() {
        let why =
            "is not a file; give the path of a GGUF file, or a name from `coachup models list`".to_owned();
        return Err(AcquireError::BadPath { path, why });
    }
    Ok(Acquired { name: path.display().to_string(), files: vec![path], prompt_style: PromptStyle::default() })
}
