//! A model file's bytes: memory-mapped, never copied, brought in by a thread while the rest is loaded, watched for
//! a file that becomes shorter meanwhile.
//!
//! A step reads every weight once, at the memory's speed only if it arrives before it is needed: the kernels
//! prefetch it into the second-level cache one tile ahead. (Into the first, whose few outstanding reads
//! are a limit of their own, it was 26 instead of 35 tokens/s with a file of 1.1 GB. With that, copying the
//! file into huge pages gains nothing.)

use super::shrunk::Watch;
use memmap2::Mmap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Bytes that are brought in at a time, after which the thread looks whether it is still wanted.
const PIECE: usize = 8 << 20;

/// Where the bytes are.
enum Place {
    /// A file's, watched; the watch ends before the map does.
    Mapped(Watch, Mmap),
    Program(&'static [u8]),
}

/// The bytes of a model file, or of one that is in the program.
pub struct Store {
    place: Place,
    stop: AtomicBool,
}

/// Stops bringing pages in when the model is dropped.
pub struct Toucher(Arc<Store>);

impl Drop for Toucher {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }
}

impl Store {
    /// The bytes of `map`.
    pub fn new(map: Mmap) -> Arc<Store> {
        Store::at(Place::Mapped(Watch::over(&map), map))
    }

    /// Bytes that are in the program, aligned as a file's are.
    pub fn fixed(bytes: &'static [u8]) -> Arc<Store> {
        Store::at(Place::Program(bytes))
    }

    fn at(place: Place) -> Arc<Store> {
        Arc::new(Store { place, stop: AtomicBool::new(false) })
    }

    /// Has the file become shorter while it was read? What was read of its end since is zeros.
    pub fn has_shrunk(&self) -> bool {
        matches!(&self.place, Place::Mapped(watch, _) if watch.has_shrunk())
    }

    /// All bytes.
    pub fn all(&self) -> &[u8] {
        match &self.place {
            Place::Mapped(_, map) => map,
            Place::Program(bytes) => bytes,
        }
    }

    /// Some of the bytes.
    pub fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.all()[range]
    }

    /// Begins to map the file's pages in order, in a thread: a page fault costs a step more than the pass
    /// over its bytes.
    pub fn touch(self: &Arc<Self>) -> Toucher {
        let store = self.clone();
        // Without the thread the pages come as they are read.
        let _ = std::thread::Builder::new().name("model-touch".into()).spawn(move || store.touch_all());
        Toucher(self.clone())
    }

    fn touch_all(&self) {
        for start in (0..self.all().len()).step_by(PIECE) {
            let length = PIECE.min(self.all().len() - start);
            if self.stop.load(Ordering::Relaxed) || !self.touch_piece(start, length) {
                return;
            }
        }
    }

    /// Whether the system can do it.
    fn touch_piece(&self, start: usize, length: usize) -> bool {
        let Place::Mapped(_, map) = &self.place else { return false };
        #[cfg(target_os = "linux")]
        let done = map.advise_range(memmap2::Advice::PopulateRead, start, length).is_ok();
        #[cfg(all(unix, not(target_os = "linux")))]
        let done = map.advise_range(memmap2::Advice::WillNeed, start, length).is_ok();
        #[cfg(not(unix))]
        let done = {
            let _ = (map, start, length);
            false
        };
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn bytes_are_the_files_while_it_is_brought_in() {
        let content: Vec<u8> = (0..3 * PIECE + 12_345).map(|i| (i * 31 % 251) as u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&content).unwrap();
        #[expect(unsafe_code, reason = "maps a file")]
        // SAFETY: nobody else has the file.
        let store = Store::new(unsafe { Mmap::map(&file) }.unwrap());
        let toucher = store.touch();
        assert!(store.bytes(PIECE - 7..2 * PIECE) == &content[PIECE - 7..2 * PIECE]);
        assert!(store.bytes(5..5).is_empty());
        drop(toucher);
        store.touch_all();
        assert!(store.all() == content);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_gone_from_a_file_is_zeros_and_told() {
        let (mut file, mut other) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        let content = vec![7; 300_000];
        file.write_all(&content).unwrap();
        other.write_all(&content).unwrap();
        #[expect(unsafe_code, reason = "maps a file")]
        // SAFETY: `Store` watches for what this test does to the files.
        let [store, whole] = [&file, &other].map(|file| Store::new(unsafe { Mmap::map(file) }.unwrap()));
        file.set_len(100_000).unwrap();
        assert!(store.bytes(0..100_000).iter().all(|byte| *byte == 7) && !store.has_shrunk());
        assert_eq!(
            (store.bytes(299_000..300_000), store.bytes(150_000..151_000)),
            (&[0; 1000][..], &[0; 1000][..])
        );
        assert!(store.has_shrunk());
        assert!(whole.all() == content && !whole.has_shrunk());
    }
}
