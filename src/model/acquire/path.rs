//! A GGUF file of the person's own, given by its path.

use super::Acquired;
use super::error::{AcquireError, io_error};
use crate::model::PromptStyle;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Is it meant as a path rather than as a name of the catalogue?
pub(super) fn looks_like_path(wanted: &str) -> bool {
    let path = Path::new(wanted);
    path.components().count() > 1 || path.extension().is_some_and(|ending| ending == "gguf") || path.exists()
}

/// A GGUF file of the person's own. Nothing is known of it but that it says it is one.
pub(super) fn from_path(path: &Path) -> Result<Acquired, AcquireError> {
    let bad = |why: &str| AcquireError::BadPath { path: path.to_owned(), why: why.to_owned() };
    if !path.is_file() {
        return Err(bad("is not a file; give the path of a GGUF file, or a name from `coachup models list`"));
    }
    let mut magic = [0; 4];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    match read {
        Ok(()) if magic == *b"GGUF" => {}
        Ok(()) => return Err(bad("is not a GGUF file; convert it with llama.cpp's convert_hf_to_gguf.py")),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Err(bad("is too short")),
        Err(error) => return Err(io_error("read", path)(error)),
    }
    Ok(Acquired {
        name: path.display().to_string(),
        files: vec![path.to_owned()],
        prompt_style: PromptStyle::default(),
    })
}
