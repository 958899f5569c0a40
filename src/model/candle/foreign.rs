//! What a file is that stands in a GGUF file's place, told by its first bytes.

/// Bytes of a text's first line that are looked at, to quote it.
const QUOTED: usize = 80;

/// What a file is that begins with `head` and is no GGUF file, and what to do.
pub fn what(head: &[u8]) -> String {
    format!("not a GGUF file: {}", kind(head))
}

fn kind(head: &[u8]) -> String {
    const CONVERT: &str = "convert the model with llama.cpp's convert_hf_to_gguf.py, or fetch it as GGUF";
    let short = b"GGUF".starts_with(head) || head.starts_with(b"GGUF");
    match head {
        [] => "it is empty: the download broke off before it began".to_owned(),
        _ if short => "it is shorter than a header: the download broke off".to_owned(),
        [b'P', b'K', 3, 4, ..] => format!("it is a zip file, as PyTorch keeps weights; {CONVERT}"),
        // A length in eight bytes, then JSON.
        [_, _, _, _, _, 0, 0, 0, b'{', ..] => format!("it has weights as safetensors; {CONVERT}"),
        [b't' | b'f' | b'l', b'j' | b'm', b'g', b'g', ..] => {
            "it is of a kind from before GGUF, which nobody reads any more; fetch the model as GGUF"
                .to_owned()
        }
        _ => match first_line(head) {
            Some(line) => text(&line),
            None => format!("it does not begin with `GGUF`; {CONVERT}"),
        },
    }
}

fn text(line: &str) -> String {
    let begins = |mark: &str| line.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark));
    if begins("version https://git-lfs") {
        return "it is a Git LFS pointer, which only stands for the model: `git lfs pull` puts the model in its place"
            .to_owned();
    }
    if begins("<!doctype html") || begins("<html") {
        return "it is a web page, as when a download leads to a sign-in or to the page about the file; download \
                the file itself"
            .to_owned();
    }
    format!("it is text that begins with “{line}”; download the model's file itself")
}

/// The first line that is not empty, where the file is text.
fn first_line(head: &[u8]) -> Option<String> {
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
    let line = head.split(|byte| matches!(byte, b'\n' | b'\r')).next()?;
    let line = &line[..line.len().min(QUOTED)];
    let is_text = line.iter().all(|byte| *byte == b'\t' || !byte.is_ascii_control());
    let whole = line.utf8_chunks().next().filter(|chunk| line.len() - chunk.valid().len() < 4)?.valid();
    (is_text && !whole.is_empty()).then(|| whole.to_owned())
}
