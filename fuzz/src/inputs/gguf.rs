//! Writing small GGUF files, right ones and wrong ones.

/// A metadata value.
#[derive(Clone)]
pub enum Value {
    U32(u32),
    F32(f32),
    Text(Vec<u8>),
    Texts(Vec<Vec<u8>>),
    I32s(Vec<i32>),
    F32s(Vec<f32>),
}

/// A tensor of zeros with a slope: name, file order of its dimensions, elements as 32-bit floats.
pub type Tensor = (String, Vec<u64>);

/// The bytes of a file with this content.
pub fn file(keys: &[(String, Value)], tensors: &[Tensor]) -> Vec<u8> {
    let mut out = b"GGUF".to_vec();
    out.extend(3u32.to_le_bytes());
    out.extend((tensors.len() as u64).to_le_bytes());
    out.extend((keys.len() as u64).to_le_bytes());
    for (key, value) in keys {
        text(&mut out, key.as_bytes());
        write(&mut out, value);
    }
    let mut offset = 0u64;
    for (name, dims) in tensors {
        text(&mut out, name.as_bytes());
        out.extend((dims.len() as u32).to_le_bytes());
        dims.iter().for_each(|size| out.extend(size.to_le_bytes()));
        out.extend(0u32.to_le_bytes());
        out.extend(offset.to_le_bytes());
        offset = (offset + 4 * dims.iter().product::<u64>()).next_multiple_of(32);
    }
    for (_, dims) in tensors {
        out.resize(out.len().next_multiple_of(32), 0);
        let slope = |at: u64| (at % 7) as f32 / 7.0 - 0.4;
        (0..dims.iter().product()).for_each(|at| out.extend(slope(at).to_le_bytes()));
    }
    out
}

fn text(out: &mut Vec<u8>, text: &[u8]) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text);
}

fn write(out: &mut Vec<u8>, value: &Value) {
    let array = |out: &mut Vec<u8>, kind: u32, count: usize| {
        out.extend(9u32.to_le_bytes());
        out.extend(kind.to_le_bytes());
        out.extend((count as u64).to_le_bytes());
    };
    match value {
        Value::U32(number) => {
            out.extend(4u32.to_le_bytes());
            out.extend(number.to_le_bytes());
        }
        Value::F32(number) => {
            out.extend(6u32.to_le_bytes());
            out.extend(number.to_le_bytes());
        }
        Value::Text(words) => {
            out.extend(8u32.to_le_bytes());
            text(out, words);
        }
        Value::Texts(texts) => {
            array(out, 8, texts.len());
            texts.iter().for_each(|words| text(out, words));
        }
        Value::I32s(numbers) => {
            array(out, 5, numbers.len());
            numbers.iter().for_each(|number| out.extend(number.to_le_bytes()));
        }
        Value::F32s(numbers) => {
            array(out, 6, numbers.len());
            numbers.iter().for_each(|number| out.extend(number.to_le_bytes()));
        }
    }
}

/// A vocabulary as a file lists it.
#[derive(Default)]
pub struct Vocabulary {
    /// `gpt2` or `llama`.
    pub model: Vec<u8>,
    /// The way of splitting words.
    pub pre: Vec<u8>,
    /// Tokens' texts.
    pub tokens: Vec<Vec<u8>>,
    /// Their kinds.
    pub kinds: Vec<i32>,
    /// Their scores, for `llama`.
    pub scores: Vec<f32>,
    /// Pairs, for `gpt2`.
    pub merges: Vec<Vec<u8>>,
}

impl Vocabulary {
    /// A few letters, two merges and the marks of a turn.
    pub fn small() -> Vocabulary {
        let texts = ["a", "b", "c", "Ġ", "Ċ", ".", "ab", "Ġa", "<|im_start|>", "<|im_end|>"];
        Vocabulary {
            model: b"gpt2".to_vec(),
            pre: b"qwen2".to_vec(),
            tokens: texts.iter().map(|text| text.as_bytes().to_vec()).collect(),
            kinds: vec![1, 1, 1, 1, 1, 1, 1, 1, 3, 3],
            scores: vec![0.0; texts.len()],
            merges: vec![b"a b".to_vec(), "Ġ a".as_bytes().to_vec()],
        }
    }
}

/// A whole model of one layer with this vocabulary and chat template: a few kB.
pub fn model(vocabulary: &Vocabulary, template: &[u8]) -> Vec<u8> {
    const WIDTH: u64 = 4;
    let key = |name: &str, value: Value| (name.to_string(), value);
    let text = |words: &[u8]| Value::Text(words.to_vec());
    let keys = [
        key("general.architecture", text(b"llama")),
        key("llama.block_count", Value::U32(1)),
        key("llama.context_length", Value::U32(256)),
        key("llama.embedding_length", Value::U32(WIDTH as u32)),
        key("llama.feed_forward_length", Value::U32(WIDTH as u32)),
        key("llama.attention.head_count", Value::U32(2)),
        key("llama.attention.head_count_kv", Value::U32(1)),
        key("llama.attention.layer_norm_rms_epsilon", Value::F32(1e-5)),
        key("llama.rope.freq_base", Value::F32(1e4)),
        key("tokenizer.ggml.model", text(&vocabulary.model)),
        key("tokenizer.ggml.pre", text(&vocabulary.pre)),
        key("tokenizer.ggml.tokens", Value::Texts(vocabulary.tokens.clone())),
        key("tokenizer.ggml.token_type", Value::I32s(vocabulary.kinds.clone())),
        key("tokenizer.ggml.scores", Value::F32s(vocabulary.scores.clone())),
        key("tokenizer.ggml.merges", Value::Texts(vocabulary.merges.clone())),
        key("tokenizer.ggml.eos_token_id", Value::U32(vocabulary.tokens.len().saturating_sub(1) as u32)),
        key("tokenizer.ggml.bos_token_id", Value::U32(0)),
        key("tokenizer.chat_template", text(template)),
    ];
    let tensor = |name: &str, dims: &[u64]| (name.to_string(), dims.to_vec());
    let layer = |name: &str, dims: &[u64]| tensor(&format!("blk.0.{name}.weight"), dims);
    let tensors = [
        tensor("token_embd.weight", &[WIDTH, vocabulary.tokens.len() as u64]),
        tensor("output_norm.weight", &[WIDTH]),
        layer("attn_norm", &[WIDTH]),
        layer("ffn_norm", &[WIDTH]),
        layer("attn_q", &[WIDTH, WIDTH]),
        layer("attn_k", &[WIDTH, WIDTH / 2]),
        layer("attn_v", &[WIDTH, WIDTH / 2]),
        layer("attn_output", &[WIDTH, WIDTH]),
        layer("ffn_gate", &[WIDTH, WIDTH]),
        layer("ffn_up", &[WIDTH, WIDTH]),
        layer("ffn_down", &[WIDTH, WIDTH]),
    ];
    file(&keys, &tensors)
}
