//! Byte-pair merging straight from the file's own lists, without building a tokenizer's tables.
//!
//! `tokenizers` makes half a million strings of a vocabulary of 150 000, which takes longer than everything
//! else when a model is loaded. Here the strings stay in the map, and two tables of indices find them.

use super::store::Store;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

/// Says that a slot of a table is empty.
const EMPTY: u32 = u32::MAX;

/// Where each string of a list lies in the file: first byte, length.
pub type Places = Vec<(usize, u32)>;

/// Finds the index of a string in a list of the file.
struct Index {
    store: Arc<Store>,
    places: Places,
    slots: Vec<u32>,
    /// Keyed anew for each table, so that no file can be made whose strings collide.
    hash: RandomState,
}

impl Index {
    /// Of equal strings the last one counts.
    fn new(store: &Arc<Store>, places: Places) -> Index {
        let size = (places.len() * 2).next_power_of_two();
        let mut index =
            Index { store: store.clone(), places, slots: vec![EMPTY; size], hash: RandomState::new() };
        for at in 0..index.places.len() {
            let slot = index.slot(index.text(at));
            index.slots[slot] = at as u32;
        }
        index
    }

    fn text(&self, at: usize) -> &[u8] {
        let (start, length) = self.places[at];
        self.store.bytes(start..start + length as usize)
    }

    /// The slot that has `text`, or the empty one where it would be.
    fn slot(&self, text: &[u8]) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = self.hash.hash_one(text) as usize & mask;
        while self.slots[slot] != EMPTY && self.text(self.slots[slot] as usize) != text {
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn find(&self, text: &[u8]) -> Option<u32> {
        Some(self.slots[self.slot(text)]).filter(|at| *at != EMPTY)
    }
}

/// A vocabulary and the order in which its tokens are merged.
pub struct Bpe {
    vocabulary: Index,
    /// Each is two tokens with a space between; the first in the list merges first.
    merges: Index,
    /// Whether a word that is a token is taken as such, whatever the merges would make of it.
    whole_words: bool,
}

/// A piece of the word that is being merged, in a list linked by indices.
struct Piece {
    start: usize,
    end: usize,
    before: Option<usize>,
    after: Option<usize>,
}

/// A merge that may be done, the first in order first: rank, left piece, and where the two pieces end, by
/// which it is seen whether they are still as they were.
type Candidate = Reverse<(u32, usize, usize, usize)>;

impl Bpe {
    /// Merging by two lists of `store`, `merges` with a space in each string.
    pub fn new(store: &Arc<Store>, vocabulary: Places, merges: Places, whole_words: bool) -> Bpe {
        Bpe { vocabulary: Index::new(store, vocabulary), merges: Index::new(store, merges), whole_words }
    }

    /// Appends the tokens of `word`; what the vocabulary has no token for is left out.
    pub fn encode(&self, word: &str, tokens: &mut Vec<u32>) {
        if self.whole_words
            && let Some(token) = self.vocabulary.find(word.as_bytes())
        {
            tokens.push(token);
            return;
        }
        let mut pieces: Vec<Piece> = Vec::new();
        for (start, letter) in word.char_indices() {
            let end = start + letter.len_utf8();
            if self.vocabulary.find(&word.as_bytes()[start..end]).is_some() {
                let before = pieces.len().checked_sub(1);
                if let Some(before) = before {
                    pieces[before].after = Some(before + 1);
                }
                pieces.push(Piece { start, end, before, after: None });
            }
        }
        self.merge(word.as_bytes(), &mut pieces);
        let mut at = (!pieces.is_empty()).then_some(0);
        while let Some(piece) = at.map(|at| &pieces[at]) {
            tokens.extend(self.vocabulary.find(&word.as_bytes()[piece.start..piece.end]));
            at = piece.after;
        }
    }

    /// Joins neighbours, the pair that comes first in the list of merges first, the leftmost of equals.
    fn merge(&self, word: &[u8], pieces: &mut [Piece]) {
        let mut key = Vec::new();
        let mut queue: BinaryHeap<Candidate> = BinaryHeap::new();
        for left in 0..pieces.len() {
            queue.extend(self.candidate(word, pieces, left, &mut key));
        }
        while let Some(Reverse((_, left, middle, end))) = queue.pop() {
            let Some(right) = pieces[left].after else { continue };
            if pieces[left].end != middle || pieces[right].end != end {
                continue;
            }
            pieces[left].end = end;
            pieces[left].after = pieces[right].after;
            // The right piece is no longer in the list; no candidate that begins with it may be done.
            pieces[right].end = 0;
            if let Some(after) = pieces[left].after {
                pieces[after].before = Some(left);
            }
            queue.extend(self.candidate(word, pieces, left, &mut key));
            if let Some(before) = pieces[left].before {
                queue.extend(self.candidate(word, pieces, before, &mut key));
            }
        }
    }

    /// The merge of the piece `left` with the next one, if there is one in the list.
    fn candidate(&self, word: &[u8], pieces: &[Piece], left: usize, key: &mut Vec<u8>) -> Option<Candidate> {
        let (a, b) = (&pieces[left], &pieces[pieces[left].after?]);
        // Pieces that a left-out letter lay between don't join.
        if a.end != b.start {
            return None;
        }
        key.clear();
        key.extend_from_slice(&word[a.start..a.end]);
        key.push(b' ');
        key.extend_from_slice(&word[b.start..b.end]);
        let rank = self.merges.find(key)?;
        self.vocabulary.find(&word[a.start..b.end])?;
        Some(Reverse((rank, left, a.end, b.end)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use memmap2::MmapMut;
    use tokenizers::Model;
    use tokenizers::models::bpe::{BPE, Vocab};

    fn lists(lists: &[&[String]]) -> (Arc<Store>, Vec<Places>) {
        let bytes: Vec<u8> = lists.iter().flat_map(|list| list.concat().into_bytes()).collect();
        let mut map = MmapMut::map_anon(bytes.len()).unwrap();
        map.copy_from_slice(&bytes);
        let mut start = 0;
        let mut place = |text: &String| {
            start += text.len();
            (start - text.len(), text.len() as u32)
        };
        let places = lists.iter().map(|list| list.iter().map(&mut place).collect()).collect();
        (Store::new(map.make_read_only().unwrap()), places)
    }

    /// A vocabulary of three letters in which every pair up to five letters merges, in an odd order.
    fn vocabulary() -> (Vec<String>, Vec<(String, String)>) {
        let mut tokens: Vec<String> = ["a", "b", "é"].map(str::to_owned).to_vec();
        let mut merges = Vec::new();
        for at in 0..60usize {
            let left = tokens[at * 7 % tokens.len()].clone();
            let right = tokens[at * 5 % tokens.len().min(12)].clone();
            let joined = format!("{left}{right}");
            if joined.chars().count() <= 5 && !tokens.contains(&joined) {
                tokens.push(joined);
                merges.push((left, right));
            }
        }
        merges.reverse();
        merges.rotate_left(7);
        (tokens, merges)
    }

    #[test]
    fn words_are_merged_as_the_tokenizers_crate_does() {
        let (tokens, merges) = vocabulary();
        let written: Vec<String> = merges.iter().map(|(left, right)| format!("{left} {right}")).collect();
        for whole_words in [false, true] {
            let (store, places) = lists(&[&tokens, &written]);
            let bpe = Bpe::new(&store, places[0].clone(), places[1].clone(), whole_words);
            let vocab: Vocab = tokens.iter().zip(0..).map(|(text, id)| (text.clone(), id)).collect();
            let builder = BPE::builder().vocab_and_merges(vocab, merges.clone());
            let right = builder.ignore_merges(whole_words).build().unwrap();
            for seed in 0..3000usize {
                let letter = |at: usize| ["a", "b", "é", "b", "a"][(seed >> at) % 5 * (at + 3) % 5];
                let word: String = (0..1 + seed % 11).map(letter).collect();
                let mut found = Vec::new();
                bpe.encode(&word, &mut found);
                let right: Vec<u32> = right.tokenize(&word).unwrap().iter().map(|token| token.id).collect();
                assert_eq!(found, right, "{word} {whole_words}");
            }
        }
    }

    #[test]
    fn letters_without_a_token_are_left_out_and_nothing_is_found_in_nothing() {
        let (tokens, _) = vocabulary();
        let (store, places) = lists(&[&tokens, &[]]);
        let bpe = Bpe::new(&store, places[0].clone(), places[1].clone(), false);
        let mut found = Vec::new();
        bpe.encode("aZb", &mut found);
        bpe.encode("", &mut found);
        assert_eq!(found, [0, 1]);
    }
}
