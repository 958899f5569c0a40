//! The chat template a GGUF carries, rendered as Hugging Face does.

use super::super::{Message, ModelError};
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, ErrorKind, Value, context};

/// Steps a template may take; real ones take some thousands.
const FUEL: u64 = 2_000_000;

/// Longest template in bytes.
const LONGEST: usize = 1 << 20;

/// A compiled chat template.
pub struct ChatTemplate {
    environment: Environment<'static>,
}

impl ChatTemplate {
    /// Compiles `source`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(source: &str) -> Result<ChatTemplate, ModelError> {
        if source.len() > LONGEST {
            return Err(ModelError::Engine(format!("the chat template is longer than {LONGEST} bytes")));
        }
        let mut environment = Environment::new();
        environment.set_fuel(Some(FUEL));
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.expect("the default delimiters don't clash"));
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", |message: String| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, message))
        });
        environment.add_template_owned("chat", source.to_string()).map_err(|error| {
            ModelError::Engine(format!("the model file's chat template can't be read: {error}"))
        })?;
        Ok(ChatTemplate { environment })
    }

    /// The text of `messages`, up to where the assistant begins to speak.
    ///
    /// # Errors
    /// What the template objects to, as when it knows no system message.
    pub fn render(&self, messages: &[Message], begin: &str, end: &str) -> Result<String, ModelError> {
        let pairs = |message: &Message| {
            Value::from_pairs([("role", message.role), ("content", message.content.as_str())])
        };
        let messages: Vec<Value> = messages.iter().map(pairs).collect();
        let template = self.environment.get_template("chat").expect("added in `new`");
        template
            .render(context! {
                messages => messages,
                add_generation_prompt => true,
                enable_thinking => false,
                bos_token => begin,
                eos_token => end,
            })
            .map_err(|error| {
                ModelError::Engine(format!("the model file's chat template refuses these messages: {error}"))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHATML: &str = "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m.content.strip() + \
        '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

    fn message(role: &'static str, content: &str) -> Message {
        Message { role, content: content.to_string() }
    }

    #[test]
    fn renders_messages_with_python_methods() {
        let template = ChatTemplate::new(CHATML).unwrap();
        let text = template.render(&[message("user", " hello ")], "<s>", "</s>").unwrap();
        assert_eq!(text, "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n");
    }

    #[test]
    fn an_objection_of_the_template_is_told() {
        let template = ChatTemplate::new("{{ raise_exception('no system role') }}").unwrap();
        let error = template.render(&[], "", "").unwrap_err().to_string();
        assert!(error.contains("no system role"), "{error}");
    }

    #[test]
    fn an_endless_template_runs_out_of_fuel() {
        let source = "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}";
        let error = ChatTemplate::new(source).unwrap().render(&[], "", "").unwrap_err().to_string();
        assert!(error.contains("fuel"), "{error}");
    }
}
