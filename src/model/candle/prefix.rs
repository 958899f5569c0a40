//! Keys and values of a prompt's beginning on disk, so that a second session needs no prefill.
//!
//! One file a beginning, in a folder of the model's own: a header with the tokens, the cache's slots, and a
//! SHA-256 over all of it. A file that is cut, damaged or of another engine is taken for absent.

use super::super::hex;
use super::cache::Cache;
use super::context::common;
use super::gguf::Gguf;
use super::kernels::Machine;
use crate::text::file::open_plain;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

/// Raised whenever the same tokens would give other keys and values than before.
const ENGINE: u32 = 1;

/// First bytes of a file.
const MAGIC: &[u8; 8] = b"coachkv1";

/// Tokens below which computing is as fast as reading.
const FEWEST: usize = 48;

/// Files kept for a model; the one not used for longest goes first.
const MOST_FILES: usize = 8;

/// The saved beginnings of one model.
pub struct Prefixes {
    folder: PathBuf,
    saved: Vec<(PathBuf, Vec<u32>)>,
}

/// What tells a model's content and this engine from others: of its file and its adapter's the header, the length,
/// and samples of the weights. Reading a gigabyte at every start would cost what the cache saves.
pub fn fingerprint<'a>(files: impl Iterator<Item = &'a Gguf>) -> String {
    const SAMPLES: usize = 256;
    const SIZE: usize = 4096;
    let mut hash = Sha256::new();
    hash.update(ENGINE.to_le_bytes());
    // Kernels agree to the bit with each other, but not with candle's routines.
    hash.update([u8::from(Machine::detect() == Machine::Plain)]);
    for gguf in files {
        hash.update(gguf.header_bytes());
        for store in gguf.stores() {
            let bytes = store.all();
            hash.update(bytes.len().to_le_bytes());
            for sample in 0..SAMPLES {
                let start = (bytes.len() / SAMPLES * sample) / SIZE * SIZE;
                hash.update(&bytes[start..bytes.len().min(start + SIZE)]);
            }
        }
    }
    hex(&hash.finalize())
}

/// Passes bytes on and hashes them.
struct Hashing<T> {
    inner: T,
    hash: Sha256,
}

impl<T: Write> Write for Hashing<T> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hash.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

impl<T: Read> Read for Hashing<T> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(bytes)?;
        self.hash.update(&bytes[..count]);
        Ok(count)
    }
}

/// Reads magic and tokens; `None` for a file that isn't one of ours.
fn read_tokens(input: &mut dyn Read) -> Option<Vec<u32>> {
    let mut magic = [0; 8];
    input.read_exact(&mut magic).ok()?;
    let mut count = [0; 4];
    input.read_exact(&mut count).ok()?;
    let count = u32::from_le_bytes(count) as usize;
    if &magic != MAGIC || count > 1 << 20 {
        return None;
    }
    let mut bytes = vec![0; 4 * count];
    input.read_exact(&mut bytes).ok()?;
    Some(bytes.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
}

impl Prefixes {
    /// What `folder` has for the model with this fingerprint. A folder that can't be read is an empty one.
    pub fn open(folder: &Path, fingerprint: &str) -> Prefixes {
        let folder = folder.join(&fingerprint[..16]);
        let files = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let tokens = |path: PathBuf| {
            let mut file = BufReader::new(open_plain(&path).ok()?);
            read_tokens(&mut file).map(|tokens| (path, tokens))
        };
        let saved =
            files.filter(|path| path.extension().is_some_and(|e| e == "kv")).filter_map(tokens).collect();
        Prefixes { folder, saved }
    }

    /// Fills the cache with the saved beginning that has most in common with `tokens`, if it saves at least
    /// some dozen tokens over the `known` ones; returns the tokens the cache then holds.
    pub fn load(&mut self, tokens: &[u32], known: usize, cache: &mut Cache) -> Option<Vec<u32>> {
        let shared = |saved: &[u32]| common(saved, tokens);
        let best = (0..self.saved.len()).max_by_key(|at| shared(&self.saved[*at].1))?;
        let length = shared(&self.saved[best].1);
        if length < known + FEWEST || self.saved[best].1.len() > cache.slots() {
            return None;
        }
        let (path, mut saved) = self.saved.swap_remove(best);
        if read_file(&path, &saved, cache).is_none() {
            // Damaged: it would fail again.
            let _ = std::fs::remove_file(&path);
            return Some(Vec::new());
        }
        if let Ok(file) = File::options().append(true).open(&path) {
            // Only the order of removal depends on this.
            let _ = file.set_modified(std::time::SystemTime::now());
        }
        self.saved.push((path, saved.clone()));
        saved.truncate(length);
        Some(saved)
    }

    /// Saves the first `tokens.len()` slots of the cache, unless they are saved already or too few. A disk
    /// that is full or read-only only means that the next session computes them again.
    pub fn save(&mut self, tokens: &[u32], cache: &Cache) {
        let there = |(_, saved): &(PathBuf, Vec<u32>)| saved.starts_with(tokens);
        if tokens.len() < FEWEST || self.saved.iter().any(there) {
            return;
        }
        let bytes: Vec<u8> = tokens.iter().flat_map(|token| token.to_le_bytes()).collect();
        let path = self.folder.join(format!("{}.kv", &hex(&Sha256::digest(&bytes))[..16]));
        if self.write_file(&path, &bytes, tokens.len(), cache).is_ok() {
            self.saved.push((path, tokens.to_vec()));
            self.remove_oldest();
        }
    }

    fn write_file(&self, path: &Path, tokens: &[u8], count: usize, cache: &Cache) -> std::io::Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        let file = tempfile::NamedTempFile::new_in(&self.folder)?;
        let mut out = Hashing { inner: BufWriter::new(file), hash: Sha256::new() };
        out.write_all(MAGIC)?;
        out.write_all(&(count as u32).to_le_bytes())?;
        out.write_all(tokens)?;
        cache.write_out(count, &mut out)?;
        let Hashing { inner, hash } = out;
        let mut file = inner.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        file.write_all(&hash.finalize())?;
        file.persist(path)?;
        Ok(())
    }

    fn remove_oldest(&mut self) {
        while self.saved.len() > MOST_FILES {
            let age = |(path, _): &(PathBuf, Vec<u32>)| path.metadata().and_then(|m| m.modified()).ok();
            let Some(oldest) = (0..self.saved.len()).min_by_key(|at| age(&self.saved[*at])) else { return };
            let (path, _) = self.saved.swap_remove(oldest);
            // A file that can't be removed now is found again at the next start.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Reads the slots of a file whose tokens are `tokens`; `None` when it is cut or damaged.
fn read_file(path: &Path, tokens: &[u32], cache: &mut Cache) -> Option<()> {
    let file = open_plain(path).ok()?;
    let mut input = Hashing { inner: BufReader::with_capacity(1 << 20, file), hash: Sha256::new() };
    if read_tokens(&mut input)? != tokens {
        return None;
    }
    cache.read_in(tokens.len(), &mut input).ok()?;
    let Hashing { mut inner, hash } = input;
    let mut sum = Vec::new();
    inner.read_to_end(&mut sum).ok()?;
    (sum == hash.finalize().as_slice()).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(fill: f32) -> Cache {
        let mut cache = Cache::new(2, 1, 8, 128);
        for layer in 0..2 {
            for slot in 0..100 {
                cache.store(layer, slot, &[fill + slot as f32; 8], &[fill - slot as f32; 8]);
            }
        }
        cache
    }

    #[test]
    fn the_longest_saved_beginning_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let tokens: Vec<u32> = (0..100).collect();
        let mut prefixes = Prefixes::open(folder.path(), &"ab".repeat(32));
        assert!(prefixes.load(&tokens, 0, &mut cache(0.0)).is_none());
        prefixes.save(&tokens[..60], &cache(1.0));
        prefixes.save(&tokens, &cache(2.0));
        prefixes.save(&tokens[..10], &cache(3.0));
        let mut again = Prefixes::open(folder.path(), &"ab".repeat(32));
        assert_eq!(again.saved.len(), 2);
        let mut other: Vec<u32> = tokens[..80].to_vec();
        other.push(7);
        let mut empty = Cache::new(2, 1, 8, 128);
        assert_eq!(again.load(&other, 0, &mut empty).unwrap(), tokens[..80]);
        assert_eq!(empty.read(1, 0, 0..80), cache(2.0).read(1, 0, 0..80));
        assert!(again.load(&other, 40, &mut empty).is_none(), "too little to gain");
        let mut small = Cache::new(2, 1, 8, 70);
        assert!(again.load(&tokens, 0, &mut small).is_none(), "more than the cache holds");
        assert!(Prefixes::open(folder.path(), &"cd".repeat(32)).saved.is_empty(), "another model's");
    }

    #[test]
    fn a_damaged_file_is_taken_for_absent_and_removed() {
        let tokens: Vec<u32> = (0..100).collect();
        for damage in 0..3 {
            let folder = tempfile::tempdir().unwrap();
            let mut prefixes = Prefixes::open(folder.path(), &"ab".repeat(32));
            prefixes.save(&tokens, &cache(1.0));
            let path = prefixes.saved[0].0.clone();
            let mut bytes = std::fs::read(&path).unwrap();
            match damage {
                0 => bytes.truncate(bytes.len() / 2),
                1 => bytes[1000] ^= 1,
                _ => bytes.extend([0; 5]),
            }
            std::fs::write(&path, bytes).unwrap();
            let mut again = Prefixes::open(folder.path(), &"ab".repeat(32));
            assert_eq!(again.load(&tokens, 0, &mut cache(0.0)), Some(Vec::new()), "nothing is held then");
            assert!(!path.exists());
            assert!(again.load(&tokens, 0, &mut cache(0.0)).is_none());
        }
    }

    #[test]
    fn only_so_many_files_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut prefixes = Prefixes::open(folder.path(), &"ab".repeat(32));
        for first in 0..MOST_FILES as u32 + 3 {
            let tokens: Vec<u32> = (first..first + 60).collect();
            prefixes.save(&tokens, &cache(1.0));
        }
        assert_eq!(Prefixes::open(folder.path(), &"ab".repeat(32)).saved.len(), MOST_FILES);
    }
}
