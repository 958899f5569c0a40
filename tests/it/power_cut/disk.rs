//! A disk that keeps for certain only what it was told to.

use super::SECTOR;
use super::trace::Step;
use crate::support::Dice;
use std::collections::BTreeMap;

/// A file: what the disk keeps for certain, and what it was asked since.
#[derive(Clone, Debug, Default)]
pub struct File {
    pub kept: Vec<u8>,
    asked: Vec<(usize, Option<Vec<u8>>)>,
}

/// A change of the folder's names that the disk was not yet told to keep.
#[derive(Clone, Debug)]
enum Naming {
    Made(String, usize),
    Removed(String),
}

/// A disk, and what it may forget.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    pub files: Vec<File>,
    /// The names that are kept for certain.
    kept: BTreeMap<String, usize>,
    /// The names as the program sees them.
    pub seen: BTreeMap<String, usize>,
    asked: Vec<Naming>,
}

impl Disk {
    /// Takes what a step asks of it.
    pub fn take(&mut self, step: &Step) {
        match step {
            Step::Make(name) if self.seen.contains_key(name) => {}
            Step::Make(name) => {
                self.files.push(File::default());
                let file = self.files.len() - 1;
                self.seen.insert(name.clone(), file);
                self.asked.push(Naming::Made(name.clone(), file));
            }
            Step::Write { name, at, bytes } => self.file(name).asked.push((*at, Some(bytes.clone()))),
            Step::Cut { name, length } => self.file(name).asked.push((*length, None)),
            Step::Sync(name) => {
                let file = self.file(name);
                for (at, bytes) in std::mem::take(&mut file.asked) {
                    apply(&mut file.kept, at, bytes.as_deref());
                }
            }
            Step::Remove(name) => {
                self.seen.remove(name);
                self.asked.push(Naming::Removed(name.clone()));
            }
            Step::SyncFolder => {
                self.asked.clear();
                self.kept = self.seen.clone();
            }
            Step::Told(_) => {}
        }
    }

    fn file(&mut self, name: &str) -> &mut File {
        let file = self.seen[name];
        &mut self.files[file]
    }

    /// What a power cut could leave now: some of what was asked is done, in whole or in part.
    pub fn after_a_cut(&self, dice: &mut Dice) -> BTreeMap<String, Vec<u8>> {
        let mut names = self.kept.clone();
        // A file system keeps the order of its names.
        let done = dice.roll(self.asked.len() as u64 + 1) as usize;
        for naming in &self.asked[..done] {
            match naming {
                Naming::Made(name, file) => drop(names.insert(name.clone(), *file)),
                Naming::Removed(name) => drop(names.remove(name)),
            }
        }
        names.into_iter().map(|(name, file)| (name, self.files[file].after_a_cut(dice))).collect()
    }
}

impl File {
    fn after_a_cut(&self, dice: &mut Dice) -> Vec<u8> {
        let mut content = self.kept.clone();
        for (at, bytes) in &self.asked {
            match (dice.roll(3), bytes) {
                (0, _) => {}
                // Torn: the sectors up to some place, or those from it on.
                (1, Some(bytes)) => {
                    let cut = (dice.roll(bytes.len() as u64 + 1) as usize / SECTOR * SECTOR).min(bytes.len());
                    match dice.roll(2) {
                        0 => apply(&mut content, *at, Some(&bytes[..cut])),
                        _ => apply(&mut content, at + cut, Some(&bytes[cut..])),
                    }
                }
                (_, bytes) => apply(&mut content, *at, bytes.as_deref()),
            }
        }
        content
    }
}

/// Writes `bytes` at a place, or cuts the content there.
fn apply(content: &mut Vec<u8>, at: usize, bytes: Option<&[u8]>) {
    match bytes {
        None => content.resize(at, 0),
        Some([]) => {}
        Some(bytes) => {
            content.resize(content.len().max(at + bytes.len()), 0);
            content[at..at + bytes.len()].copy_from_slice(bytes);
        }
    }
}
