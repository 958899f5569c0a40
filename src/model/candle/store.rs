//! A model file's bytes: mapped at once, and on Linux moved into huge pages while the program goes on.
//!
//! A step reads every weight once, and with pages of 4 KiB the address translation costs more than a third
//! of the memory's speed (measured under virtualization: 17 against 28 GB/s for one thread). The kernel
//! gives huge pages to private memory only, so a thread copies the file there, piece by piece, and lets go
//! of each mapped piece; a reader takes whichever of the two is there. At no time is more held than the
//! file's size and one piece.

use memmap2::{Mmap, MmapMut};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Bytes that are moved at a time: some huge pages.
const PIECE: usize = 8 << 20;

/// The private copy, written by one thread and read below the mark only.
struct Copy {
    start: *mut u8,
    /// Owns what `start` points to.
    _memory: MmapMut,
}

// SAFETY: the copying thread writes above `copied` only, and readers read below it only; the mark's release
// and acquire order the two.
unsafe impl Send for Copy {}
// SAFETY: as above.
unsafe impl Sync for Copy {}

/// The bytes of a model file.
pub struct Store {
    map: Mmap,
    copy: Option<Copy>,
    /// Bytes from the file's start that the copy has.
    copied: AtomicUsize,
    stop: AtomicBool,
}

/// Stops the copying when the model is dropped.
pub struct Mover(Arc<Store>);

impl Drop for Mover {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }
}

impl Store {
    /// The bytes of `map`, for now.
    pub fn new(map: Mmap) -> Arc<Store> {
        let copy = room_for(map.len());
        Arc::new(Store { map, copy, copied: AtomicUsize::new(0), stop: AtomicBool::new(false) })
    }

    /// Bytes in the file.
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Some of the bytes.
    pub fn bytes(&self, range: Range<usize>) -> &[u8] {
        if let Some(copy) = &self.copy
            && range.end <= self.copied.load(Ordering::Acquire)
            && range.start <= range.end
        {
            // SAFETY: all bytes below the mark are written and stay as they are until the store is dropped.
            return unsafe { std::slice::from_raw_parts(copy.start.add(range.start), range.len()) };
        }
        &self.map[range]
    }

    /// The whole file as it is mapped, for its header.
    pub fn mapped(&self) -> &[u8] {
        &self.map
    }

    /// Begins to move the file into huge pages, where the system has them.
    pub fn start_moving(self: &Arc<Self>) -> Mover {
        if self.copy.is_some() {
            let store = self.clone();
            // Without the thread everything works from the map.
            let _ = std::thread::Builder::new().name("model-move".into()).spawn(move || store.move_all());
        }
        Mover(self.clone())
    }

    fn move_all(&self) {
        let Some(copy) = &self.copy else { return };
        for start in (0..self.len()).step_by(PIECE) {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let end = self.len().min(start + PIECE);
            // SAFETY: the copy is as long as the map; this thread alone writes to it, above the mark.
            let target = unsafe { std::slice::from_raw_parts_mut(copy.start.add(start), end - start) };
            target.copy_from_slice(&self.map[start..end]);
            self.copied.store(end, Ordering::Release);
            self.let_go(start..end);
        }
    }

    /// Gives back the mapped pages of what has been copied; they stay in the system's file cache.
    fn let_go(&self, range: Range<usize>) {
        #[cfg(target_os = "linux")]
        {
            // SAFETY: the map is a read-only view of the file, so a page that is given back and touched
            // again has the same bytes.
            let advised = unsafe {
                self.map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, range.start, range.len())
            };
            // If the system declines, the pages only stay a little longer.
            let _ = advised;
        }
        #[cfg(not(target_os = "linux"))]
        let _ = range;
    }
}

/// Private memory of `length` bytes in huge pages, where the system has them.
fn room_for(length: usize) -> Option<Copy> {
    #[cfg(target_os = "linux")]
    {
        let mut memory = MmapMut::map_anon(length).ok()?;
        memory.advise(memmap2::Advice::HugePage).ok()?;
        Some(Copy { start: memory.as_mut_ptr(), _memory: memory })
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = length;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn bytes_are_the_same_before_while_and_after_they_are_moved() {
        let content: Vec<u8> = (0..3 * PIECE + 12_345).map(|i| (i * 31 % 251) as u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&content).unwrap();
        // SAFETY: nobody else has the file.
        let store = Store::new(unsafe { Mmap::map(&file) }.unwrap());
        let same = |store: &Store| {
            for start in (0..content.len()).step_by(PIECE / 3 + 7) {
                let range = start..content.len().min(start + PIECE / 2);
                assert!(store.bytes(range.clone()) == &content[range]);
            }
        };
        same(&store);
        let mover = store.start_moving();
        while store.copy.is_some() && store.copied.load(Ordering::Acquire) < content.len() {
            same(&store);
        }
        same(&store);
        assert!(store.bytes(5..5).is_empty());
        drop(mover);
    }
}
