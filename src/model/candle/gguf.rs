//! A GGUF file, memory-mapped: metadata and tensor places, every count checked against the file's size. A model in
//! several files, as `gguf-split` makes them, is read as one.
//!
//! candle's reader builds an enum a value, which lets a small hostile file ask for many times its size.
//! Here arrays stay in the map as byte ranges, so a file can't cost more memory than it has bytes.
//! Format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.

#![expect(unsafe_code, reason = "maps the model file")]

use super::super::ModelError;
use super::foreign;
use super::store::Store;
use crate::text::file::open_plain;
use candle_core::quantized::GgmlDType;
use memmap2::Mmap;
use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Dimensions a tensor may have.
const MAX_DIMS: u32 = 4;

/// Longest key or tensor name, in bytes (the format's own limit for keys).
const MAX_NAME: usize = 65_535;

/// Files that one model may be in; the largest known ones are in some dozens.
const MOST_PARTS: usize = 999;

/// What else to say where something is not there.
const CUT: &str = "the file is cut short or damaged: fetch it again";

/// Bytes of the shortest header.
const SHORTEST: usize = 24;

/// Of a model in several files: how many there are, and which of them this one is, from 0.
const SPLIT_COUNT: &str = "split.count";
const SPLIT_NUMBER: &str = "split.no";

/// An array of strings, or of numbers, left where it is in the file.
#[derive(Clone, Debug)]
pub enum Value {
    /// Any unsigned or signed integer.
    Int(i128),
    /// A 32- or 64-bit float.
    Float(f64),
    /// A truth value.
    Bool(bool),
    /// Text; invalid UTF-8 is replaced.
    Text(String),
    /// Where each string of an array lies in the file.
    Texts(Vec<(usize, u32)>),
    /// Fixed-size elements: type code, count, first byte.
    Numbers {
        /// GGUF's code of the element type.
        kind: u32,
        /// How many.
        count: usize,
        /// Where the first begins.
        start: usize,
    },
    /// An array of arrays, which no key that is read here uses.
    Nested,
}

/// A tensor's type, shape and bytes.
#[derive(Clone)]
pub struct TensorPlace {
    /// The file it is in.
    pub store: Arc<Store>,
    /// Quantization.
    pub dtype: GgmlDType,
    /// Rows first, elements of a row last (the reverse of the file's order).
    pub shape: Vec<usize>,
    /// Bytes in the file.
    pub bytes: Range<usize>,
}

/// A mapped file with its directory read and checked.
pub struct Gguf {
    name: String,
    store: Arc<Store>,
    /// The files after the first, of a model that is in several.
    others: Vec<Arc<Store>>,
    metadata: HashMap<String, Value>,
    tensors: HashMap<String, TensorPlace>,
    header: Range<usize>,
}

/// Reads the header; every step is checked against the end.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    file: &'a str,
}

impl<'a> Reader<'a> {
    fn fail<T>(&self, problem: impl Into<String>) -> Result<T, ModelError> {
        Err(ModelError::file(self.file, problem))
    }

    fn take(&mut self, count: usize, what: &str) -> Result<&'a [u8], ModelError> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.bytes.len());
        let Some(end) = end else {
            return self.fail(format!(
                "the file ends inside {what}: {count} bytes wanted at byte {}, {} left; {CUT}",
                self.at,
                self.bytes.len() - self.at
            ));
        };
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn u32(&mut self, what: &str) -> Result<u32, ModelError> {
        Ok(u32::from_le_bytes(self.take(4, what)?.try_into().expect("four bytes")))
    }

    fn u64(&mut self, what: &str) -> Result<u64, ModelError> {
        Ok(u64::from_le_bytes(self.take(8, what)?.try_into().expect("eight bytes")))
    }

    /// A count of things that take at least `least` bytes each, so that it can't exceed what is left.
    fn count(&mut self, least: usize, what: &str) -> Result<usize, ModelError> {
        let count = self.u64(what)?;
        let left = self.bytes.len() - self.at;
        if count > (left / least.max(1)) as u64 {
            return self.fail(format!("{what} is {count}, more than the {left} bytes left can hold; {CUT}"));
        }
        Ok(count as usize)
    }

    fn text(&mut self, what: &str) -> Result<&'a [u8], ModelError> {
        let length = self.count(1, what)?;
        self.take(length, what)
    }

    fn name(&mut self, what: &str) -> Result<String, ModelError> {
        let bytes = self.text(what)?;
        match std::str::from_utf8(bytes) {
            Ok(name) if name.len() <= MAX_NAME => Ok(name.to_string()),
            _ => self.fail(format!("{what} at byte {} is not a name", self.at - bytes.len())),
        }
    }

    fn value(&mut self, key: &str) -> Result<Value, ModelError> {
        let kind = self.u32(key)?;
        match kind {
            8 => Ok(Value::Text(String::from_utf8_lossy(self.text(key)?).into_owned())),
            9 => self.array(key, 0),
            _ => {
                let Some(size) = scalar_size(kind) else {
                    return self.fail(format!("`{key}` has the unknown value type {kind}"));
                };
                let bytes = self.take(size, key)?;
                Ok(scalar(kind, bytes).expect("sized above"))
            }
        }
    }

    fn array(&mut self, key: &str, depth: usize) -> Result<Value, ModelError> {
        let kind = self.u32(key)?;
        match kind {
            8 => {
                let count = self.count(8, key)?;
                let mut places = Vec::with_capacity(count);
                for _ in 0..count {
                    let text = self.text(key)?;
                    let Ok(length) = u32::try_from(text.len()) else {
                        return self.fail(format!("`{key}` has a string of {} bytes", text.len()));
                    };
                    places.push((self.at - text.len(), length));
                }
                Ok(Value::Texts(places))
            }
            9 => {
                if depth >= 4 {
                    return self.fail(format!("`{key}` nests arrays more than 4 deep"));
                }
                for _ in 0..self.count(12, key)? {
                    self.array(key, depth + 1)?;
                }
                Ok(Value::Nested)
            }
            _ => {
                let Some(size) = scalar_size(kind) else {
                    return self.fail(format!("`{key}` has the unknown element type {kind}"));
                };
                let count = self.count(size, key)?;
                let start = self.at;
                self.take(count * size, key)?;
                Ok(Value::Numbers { kind, count, start })
            }
        }
    }
}

fn scalar_size(kind: u32) -> Option<usize> {
    Some(match kind {
        0 | 1 | 7 => 1,
        2 | 3 => 2,
        4..=6 => 4,
        10..=12 => 8,
        _ => return None,
    })
}

fn scalar(kind: u32, bytes: &[u8]) -> Option<Value> {
    Some(match kind {
        0 => Value::Int(i128::from(bytes[0])),
        1 => Value::Int(i128::from(bytes[0] as i8)),
        2 => Value::Int(i128::from(u16::from_le_bytes(bytes.try_into().ok()?))),
        3 => Value::Int(i128::from(i16::from_le_bytes(bytes.try_into().ok()?))),
        4 => Value::Int(i128::from(u32::from_le_bytes(bytes.try_into().ok()?))),
        5 => Value::Int(i128::from(i32::from_le_bytes(bytes.try_into().ok()?))),
        6 => Value::Float(f64::from(f32::from_le_bytes(bytes.try_into().ok()?))),
        7 => Value::Bool(bytes[0] != 0),
        10 => Value::Int(i128::from(u64::from_le_bytes(bytes.try_into().ok()?))),
        11 => Value::Int(i128::from(i64::from_le_bytes(bytes.try_into().ok()?))),
        12 => Value::Float(f64::from_le_bytes(bytes.try_into().ok()?)),
        _ => return None,
    })
}

/// The element types by GGUF's codes: what each is called, and how it is read where it can be.
const TYPES: [(u32, &str, Option<GgmlDType>); 35] = [
    (0, "F32", Some(GgmlDType::F32)),
    (1, "F16", Some(GgmlDType::F16)),
    (2, "Q4_0", Some(GgmlDType::Q4_0)),
    (3, "Q4_1", Some(GgmlDType::Q4_1)),
    (6, "Q5_0", Some(GgmlDType::Q5_0)),
    (7, "Q5_1", Some(GgmlDType::Q5_1)),
    (8, "Q8_0", Some(GgmlDType::Q8_0)),
    (9, "Q8_1", None),
    (10, "Q2_K", Some(GgmlDType::Q2K)),
    (11, "Q3_K", Some(GgmlDType::Q3K)),
    (12, "Q4_K", Some(GgmlDType::Q4K)),
    (13, "Q5_K", Some(GgmlDType::Q5K)),
    (14, "Q6_K", Some(GgmlDType::Q6K)),
    (15, "Q8_K", None),
    (16, "IQ2_XXS", None),
    (17, "IQ2_XS", None),
    (18, "IQ3_XXS", None),
    (19, "IQ1_S", None),
    (20, "IQ4_NL", None),
    (21, "IQ3_S", None),
    (22, "IQ2_S", None),
    (23, "IQ4_XS", None),
    (24, "I8", None),
    (25, "I16", None),
    (26, "I32", None),
    (27, "I64", None),
    (28, "F64", None),
    (29, "IQ1_M", None),
    (30, "BF16", Some(GgmlDType::BF16)),
    (31, "Q4_0_4_4", None),
    (32, "Q4_0_4_8", None),
    (33, "Q4_0_8_8", None),
    (34, "TQ1_0", None),
    (35, "TQ2_0", None),
    (39, "MXFP4", None),
];

/// What a type is called, in messages.
fn type_name(dtype: GgmlDType) -> &'static str {
    TYPES.iter().find(|(_, _, read)| *read == Some(dtype)).map_or("?", |(_, name, _)| name)
}

impl Gguf {
    /// Maps `path` and reads its directory, and those of the other files where it is one of several.
    ///
    /// # Errors
    /// A file that can't be opened, or whose header, counts, types, shapes or offsets don't hold together;
    /// the message names the file and the key or tensor.
    pub fn open(path: &Path) -> Result<Gguf, ModelError> {
        let named = Self::open_one(path)?;
        let count = named.count(SPLIT_COUNT).unwrap_or(1);
        if count < 2 {
            return Ok(named);
        }
        let Some(paths) = parts(path, count) else {
            return Err(named.error(format!(
                "it is one of {count} parts of a model, and the others are found by their names only: give it back \
                 the name that ends in `-00001-of-{count:05}.gguf`, or the number that it has"
            )));
        };
        let part = |(index, path): (usize, &PathBuf)| {
            let part = Self::open_one(path).map_err(|error| match path.exists() {
                true => error,
                false => named.error(format!(
                    "it is one of {count} parts of a model, and `{}` is not beside it: fetch that too",
                    path.file_name().unwrap_or_default().display()
                )),
            })?;
            match (part.count(SPLIT_COUNT), part.count(SPLIT_NUMBER)) {
                (Some(of), Some(number)) if (number, of) == (index, count) => Ok(part),
                _ => {
                    Err(part.error(format!("it is not the part {} of {count} that its name says", index + 1)))
                }
            }
        };
        let mut all = paths.iter().enumerate().map(part);
        let mut whole = all.next().expect("two parts at least")?;
        for part in all {
            let part = part?;
            for (name, place) in part.tensors {
                if whole.tensors.insert(name.clone(), place).is_some() {
                    return Err(whole.error(format!("the tensor `{name}` is in two of its parts")));
                }
            }
            whole.others.push(part.store);
        }
        Ok(whole)
    }

    fn open_one(path: &Path) -> Result<Gguf, ModelError> {
        let name = path.display().to_string();
        let file = open_plain(path).map_err(|error| ModelError::file(&name, error.to_string()))?;
        let length = file.metadata().map_err(|error| ModelError::file(&name, error.to_string()))?.len();
        if length == 0 {
            return Err(ModelError::file(&name, foreign::what(&[])));
        }
        // SAFETY: the map is read-only and private to this value; that another program shortens the file while it is
        // in use is what `Store` watches for.
        let map = unsafe { Mmap::map(&file) }.map_err(|error| ModelError::file(&name, error.to_string()))?;
        Self::parse(name, Store::new(map))
    }

    /// The directory of a file's bytes.
    ///
    /// # Errors
    /// As [`Gguf::open`].
    pub fn parse(name: String, store: Arc<Store>) -> Result<Gguf, ModelError> {
        let mut reader = Reader { bytes: store.all(), at: 0, file: &name };
        if reader.take(4, "the magic number").is_ok_and(|magic| magic != b"GGUF")
            || reader.bytes.len() < SHORTEST
        {
            return reader.fail(foreign::what(reader.bytes));
        }
        let version = reader.u32("the version")?;
        if !(2..=3).contains(&version) {
            return reader.fail(format!("GGUF version {version} is not supported; versions 2 and 3 are"));
        }
        let tensor_count = reader.count(24, "the number of tensors")?;
        let key_count = reader.count(13, "the number of metadata keys")?;
        let mut metadata = HashMap::new();
        for _ in 0..key_count {
            let key = reader.name("a metadata key")?;
            let value = reader.value(&key)?;
            if metadata.insert(key.clone(), value).is_some() {
                return reader.fail(format!("the metadata key `{key}` occurs twice"));
            }
        }
        let mut listed = Vec::new();
        for _ in 0..tensor_count {
            listed.push(read_tensor(&mut reader)?);
        }
        let header_end = reader.at;
        let alignment = match metadata.get("general.alignment") {
            None => 32,
            Some(Value::Int(a)) if *a >= 8 && *a <= 65_536 && (*a as u64).is_power_of_two() => *a as usize,
            Some(_) => return reader.fail("`general.alignment` is not a power of two from 8 to 65536"),
        };
        let data_start = header_end.next_multiple_of(alignment);
        let tensors = place_tensors(&name, listed, data_start, alignment, &store)?;
        Ok(Gguf { name, store, others: Vec::new(), metadata, tensors, header: 0..header_end })
    }

    /// The path, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bytes of the file that has the metadata.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// The bytes of all its files.
    pub fn stores(&self) -> impl Iterator<Item = &Arc<Store>> {
        std::iter::once(&self.store).chain(&self.others)
    }

    /// Bytes of all its files together.
    pub fn size(&self) -> usize {
        self.stores().map(|store| store.all().len()).sum()
    }

    /// Metadata and tensor list as they stand in the file.
    pub fn header_bytes(&self) -> &[u8] {
        &self.store.all()[self.header.clone()]
    }

    /// Every tensor's place, by name.
    pub fn tensors(&self) -> &HashMap<String, TensorPlace> {
        &self.tensors
    }

    /// An error about this file.
    pub fn error(&self, problem: impl Into<String>) -> ModelError {
        ModelError::file(&self.name, problem)
    }

    fn required<T>(&self, key: &str, kind: &str, found: Option<T>) -> Result<T, ModelError> {
        found.ok_or_else(|| match self.metadata.get(key) {
            None => self.error(format!("the metadata key `{key}` is missing")),
            Some(_) => self.error(format!("the metadata key `{key}` is not {kind}")),
        })
    }

    /// A text value, if the key is there.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.metadata.get(key) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// A text value that has to be there.
    ///
    /// # Errors
    /// Names the file and key.
    pub fn required_text(&self, key: &str) -> Result<&str, ModelError> {
        self.required(key, "text", self.text(key))
    }

    /// A count (0 to 2^31), if the key is there. A one-element array counts as its element.
    pub fn count(&self, key: &str) -> Option<usize> {
        let number = match self.metadata.get(key)? {
            Value::Int(number) => *number,
            Value::Bool(flag) => i128::from(*flag),
            _ => return None,
        };
        usize::try_from(number).ok().filter(|n| *n <= i32::MAX as usize)
    }

    /// A count that has to be there.
    ///
    /// # Errors
    /// Names the file and key.
    pub fn required_count(&self, key: &str) -> Result<usize, ModelError> {
        self.required(key, "a count", self.count(key))
    }

    /// A number, if the key is there.
    pub fn number(&self, key: &str) -> Option<f64> {
        match self.metadata.get(key)? {
            Value::Int(number) => Some(*number as f64),
            Value::Float(number) => Some(*number),
            _ => None,
        }
    }

    /// A truth value (or 0/1), if the key is there.
    pub fn flag(&self, key: &str) -> Option<bool> {
        match self.metadata.get(key)? {
            Value::Bool(flag) => Some(*flag),
            Value::Int(number) => Some(*number != 0),
            _ => None,
        }
    }

    /// An array of strings as the file's bytes.
    ///
    /// # Errors
    /// Names the file and key when the key is missing or something else.
    pub fn texts(&self, key: &str) -> Result<Vec<&[u8]>, ModelError> {
        let text = |&(start, length): &(usize, u32)| &self.store.all()[start..start + length as usize];
        Ok(self.text_places(key)?.iter().map(text).collect())
    }

    /// Where each string of an array lies in the file: first byte, length.
    ///
    /// # Errors
    /// Names the file and key when the key is missing or something else.
    pub fn text_places(&self, key: &str) -> Result<&[(usize, u32)], ModelError> {
        match self.metadata.get(key) {
            Some(Value::Texts(places)) => Ok(places),
            _ => self.required(key, "an array of strings", None),
        }
    }

    /// An array of numbers, if the key is there.
    pub fn numbers(&self, key: &str) -> Option<Vec<f64>> {
        let Some(Value::Numbers { kind, count, start }) = self.metadata.get(key) else {
            return None;
        };
        let size = scalar_size(*kind)?;
        let bytes = &self.store.all()[*start..*start + count * size];
        bytes
            .chunks_exact(size)
            .map(|element| match scalar(*kind, element)? {
                Value::Int(number) => Some(number as f64),
                Value::Float(number) => Some(number),
                Value::Bool(flag) => Some(f64::from(u8::from(flag))),
                _ => None,
            })
            .collect()
    }
}

/// The files of a model in `count` of them, of which `path` is one: `NAME-00002-of-00003.gguf`.
fn parts(path: &Path, count: usize) -> Option<Vec<PathBuf>> {
    let stem = path.file_name()?.to_str()?.strip_suffix(&format!("-of-{count:05}.gguf"))?;
    let (stem, number) = stem.rsplit_once('-')?;
    let digits = number.len() == 5 && number.bytes().all(|digit| digit.is_ascii_digit());
    let part = |number| path.with_file_name(format!("{stem}-{number:05}-of-{count:05}.gguf"));
    (digits && count <= MOST_PARTS).then(|| (1..=count).map(part).collect())
}

struct Listed {
    name: String,
    shape: Vec<usize>,
    dtype: GgmlDType,
    offset: u64,
}

fn read_tensor(reader: &mut Reader) -> Result<Listed, ModelError> {
    let name = reader.name("a tensor's name")?;
    let dims = reader.u32(&name)?;
    if dims == 0 || dims > MAX_DIMS {
        return reader
            .fail(format!("the tensor `{name}` has {dims} dimensions; 1 to {MAX_DIMS} are possible"));
    }
    let mut shape = Vec::new();
    for _ in 0..dims {
        let size = reader.u64(&name)?;
        if size == 0 || size > i32::MAX as u64 {
            return reader.fail(format!("the tensor `{name}` has a dimension of {size}"));
        }
        shape.push(size as usize);
    }
    shape.reverse();
    let code = reader.u32(&name)?;
    let known = TYPES.iter().find(|(known, ..)| *known == code);
    let Some(dtype) = known.and_then(|(_, _, dtype)| *dtype) else {
        let called = known
            .map_or_else(|| format!("a type that is not known ({code})"), |(_, name, _)| (*name).to_owned());
        return reader.fail(format!(
            "the tensor `{name}` is {called}, which can't be run; take the model as Q4_K_M, Q5_K_M, Q6_K or Q8_0"
        ));
    };
    let offset = reader.u64(&name)?;
    Ok(Listed { name, shape, dtype, offset })
}

/// Turns offsets into byte ranges, refusing those that leave the file, overlap or aren't aligned.
fn place_tensors(
    file: &str,
    listed: Vec<Listed>,
    data_start: usize,
    alignment: usize,
    store: &Arc<Store>,
) -> Result<HashMap<String, TensorPlace>, ModelError> {
    let fail = |problem: String| Err(ModelError::file(file, problem));
    let mut tensors = HashMap::with_capacity(listed.len());
    let mut spans: Vec<(usize, usize, String)> = Vec::with_capacity(listed.len());
    for Listed { name, shape, dtype, offset } in listed {
        let row = *shape.last().expect("one dimension at least");
        if row % dtype.block_size() != 0 {
            return fail(format!(
                "the tensor `{name}` has rows of {row} elements, which {} blocks of {} don't divide",
                type_name(dtype),
                dtype.block_size()
            ));
        }
        let bytes = shape
            .iter()
            .try_fold(1usize, |product, size| product.checked_mul(*size))
            .and_then(|elements| (elements / dtype.block_size()).checked_mul(dtype.type_size()));
        let start = usize::try_from(offset).ok().and_then(|offset| offset.checked_add(data_start));
        let end = start.zip(bytes).and_then(|(start, bytes)| start.checked_add(bytes));
        let (Some(start), Some(end)) = (start, end.filter(|end| *end <= store.all().len())) else {
            return fail(format!(
                "the tensor `{name}` reaches past the end of the file (offset {offset}, shape {shape:?}); {CUT}"
            ));
        };
        if offset % alignment as u64 != 0 {
            return fail(format!("the tensor `{name}` is at offset {offset}, not a multiple of {alignment}"));
        }
        spans.push((start, end, name.clone()));
        let place = TensorPlace { store: store.clone(), dtype, shape, bytes: start..end };
        if tensors.insert(name.clone(), place).is_some() {
            return fail(format!("the tensor `{name}` occurs twice"));
        }
    }
    spans.sort();
    for pair in spans.windows(2) {
        if pair[0].1 > pair[1].0 {
            return fail(format!("the tensors `{}` and `{}` overlap", pair[0].2, pair[1].2));
        }
    }
    Ok(tensors)
}
