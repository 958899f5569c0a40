//! A GGUF file, memory-mapped: metadata and tensor places, every count checked against the file's size.
//!
//! candle's reader builds an enum a value, which lets a small hostile file ask for many times its size.
//! Here arrays stay in the map as byte ranges, so a file can't cost more memory than it has bytes.
//! Format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.

#![expect(unsafe_code, reason = "maps the model file")]

use super::super::ModelError;
use super::store::Store;
use candle_core::quantized::GgmlDType;
use memmap2::Mmap;
use std::collections::HashMap;
use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// Dimensions a tensor may have.
const MAX_DIMS: u32 = 4;

/// Longest key or tensor name, in bytes (the format's own limit for keys).
const MAX_NAME: usize = 65_535;

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
#[derive(Clone, Debug)]
pub struct TensorPlace {
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
                "the file ends inside {what}: {count} bytes wanted at byte {}, {} left",
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
            return self.fail(format!("{what} is {count}, more than the {left} bytes left can hold"));
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

/// The quantizations that can be read, by GGUF's codes.
fn dtype(code: u32) -> Option<GgmlDType> {
    Some(match code {
        0 => GgmlDType::F32,
        1 => GgmlDType::F16,
        2 => GgmlDType::Q4_0,
        3 => GgmlDType::Q4_1,
        6 => GgmlDType::Q5_0,
        7 => GgmlDType::Q5_1,
        8 => GgmlDType::Q8_0,
        10 => GgmlDType::Q2K,
        11 => GgmlDType::Q3K,
        12 => GgmlDType::Q4K,
        13 => GgmlDType::Q5K,
        14 => GgmlDType::Q6K,
        30 => GgmlDType::BF16,
        _ => return None,
    })
}

impl Gguf {
    /// Maps `path` and reads its directory.
    ///
    /// # Errors
    /// A file that can't be opened, or whose header, counts, types, shapes or offsets don't hold together;
    /// the message names the file and the key or tensor.
    pub fn open(path: &Path) -> Result<Gguf, ModelError> {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| ModelError::file(&name, error.to_string()))?;
        let length = file.metadata().map_err(|error| ModelError::file(&name, error.to_string()))?.len();
        if length < 24 {
            return Err(ModelError::file(&name, "not a GGUF file: it is shorter than a header"));
        }
        // SAFETY: the map is read-only and private to this value; a model file that another program
        // shortens while it is in use can't be guarded against on any platform short of copying it.
        let map = unsafe { Mmap::map(&file) }.map_err(|error| ModelError::file(&name, error.to_string()))?;
        Self::parse(name, Store::new(map))
    }

    fn parse(name: String, store: Arc<Store>) -> Result<Gguf, ModelError> {
        let mut reader = Reader { bytes: store.all(), at: 0, file: &name };
        if reader.take(4, "the magic number")? != b"GGUF" {
            return reader.fail("not a GGUF file: it does not begin with `GGUF`");
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
        let tensors = place_tensors(
            &name,
            listed,
            header_end.next_multiple_of(alignment),
            alignment,
            store.all().len(),
        )?;
        Ok(Gguf { name, store, metadata, tensors, header: 0..header_end })
    }

    /// The path, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file's bytes.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
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
    let Some(dtype) = dtype(code) else {
        return reader
            .fail(format!("the tensor `{name}` has the quantization type {code}, which is not supported"));
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
    file_length: usize,
) -> Result<HashMap<String, TensorPlace>, ModelError> {
    let fail = |problem: String| Err(ModelError::file(file, problem));
    let mut tensors = HashMap::with_capacity(listed.len());
    let mut spans: Vec<(usize, usize, String)> = Vec::with_capacity(listed.len());
    for Listed { name, shape, dtype, offset } in listed {
        let row = *shape.last().expect("one dimension at least");
        if row % dtype.block_size() != 0 {
            return fail(format!(
                "the tensor `{name}` has rows of {row} elements, which {dtype:?} blocks of {} don't divide",
                dtype.block_size()
            ));
        }
        let bytes = shape
            .iter()
            .try_fold(1usize, |product, size| product.checked_mul(*size))
            .and_then(|elements| (elements / dtype.block_size()).checked_mul(dtype.type_size()));
        let start = usize::try_from(offset).ok().and_then(|offset| offset.checked_add(data_start));
        let end = start.zip(bytes).and_then(|(start, bytes)| start.checked_add(bytes));
        let (Some(start), Some(end)) = (start, end.filter(|end| *end <= file_length)) else {
            return fail(format!(
                "the tensor `{name}` reaches past the end of the file (offset {offset}, shape {shape:?}): \
                 the file is cut short or damaged; fetch it again"
            ));
        };
        if offset % alignment as u64 != 0 {
            return fail(format!("the tensor `{name}` is at offset {offset}, not a multiple of {alignment}"));
        }
        spans.push((start, end, name.clone()));
        if tensors.insert(name.clone(), TensorPlace { dtype, shape, bytes: start..end }).is_some() {
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
