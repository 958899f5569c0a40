//! What coachup must not trust, one function an input: any bytes may be handed to each, and it must neither
//! panic nor take long nor keep much memory. The fuzz targets and a test over the kept corpus both call them.

mod data;
mod gguf;
mod model;
mod scratch;
mod session;
mod talk;
mod text;
mod wheel;

/// A function that takes untrusted bytes, by the name of its corpus folder.
pub type Input = (&'static str, fn(&[u8]));

/// Every input.
pub const INPUTS: [Input; 13] = [
    ("gguf", model::gguf),
    ("tokenizer", model::tokenizer),
    ("template", model::template),
    ("prefix", model::prefix),
    ("wheel", wheel::wheel),
    ("catalogue", data::catalogue),
    ("preset", data::preset),
    ("settings", data::settings),
    ("plan", data::plan),
    ("session", session::session),
    ("lines", talk::lines),
    ("score", talk::score),
    ("text", text::text),
];

/// The function of the input called `name`.
///
/// # Panics
/// There is none.
pub fn input(name: &str) -> fn(&[u8]) {
    INPUTS.iter().find(|(known, _)| *known == name).expect("a known input").1
}
