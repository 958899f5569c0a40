//! The chat template a GGUF carries, rendered as Hugging Face does.

use super::super::{Message, ModelError};
use super::guard;
use crate::text::brief;
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, ErrorKind, Value, context};

/// Work a template may do; real ones take some thousands. A step costs one, and so do 64 bytes that are made,
/// looked through or written, so this also bounds memory: to 13 MB of text. [`guard`] bounds what this doesn't count.
const FUEL: u64 = 200_000;

/// Stack for the deepest value that the fuel can make: some 30,000 levels of under 4 kB each. Only what is used of it
/// takes memory.
const STACK: usize = 128 << 20;

/// Longest template in bytes; the longest known ones have 20 kB.
const LONGEST: usize = 1 << 18;

/// A compiled chat template.
pub struct ChatTemplate {
    environment: Environment<'static>,
}

impl ChatTemplate {
    /// Longest text that a template may make, in bytes: more than any model's context holds.
    pub const LONGEST_TEXT: usize = 1 << 20;

    /// Compiles `source`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(source: &str) -> Result<ChatTemplate, ModelError> {
        if source.len() > LONGEST {
            return Err(ModelError::Engine(format!("the chat template is longer than {LONGEST} bytes")));
        }
        if let Some(word) = other_template(source) {
            return Err(ModelError::Engine(format!(
                "the model file's chat template asks for another template (`{word}`), and there is none"
            )));
        }
        let source = guard::guarded(source).map_err(|what| {
            ModelError::Engine(format!("the model file's chat template can't be used: {what}"))
        })?;
        let mut environment = Environment::new();
        guard::prepare(&mut environment);
        environment.set_fuel(Some(FUEL));
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.expect("the default delimiters don't clash"));
        environment.add_function("raise_exception", |message: String| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, message))
        });
        environment.add_template_owned("chat", source).map_err(|error| fault("can't be read", &error))?;
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
        let data = context! {
            messages => messages,
            add_generation_prompt => true,
            enable_thinking => false,
            bos_token => begin,
            eos_token => end,
        };
        // A value in a value, as deep as the fuel lasts, is written and dropped by recursion.
        let render = || template.render(data);
        let rendered = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, render);
            thread.map(|thread| thread.join().expect("a template does not panic"))
        });
        let rendered = rendered
            .map_err(|error| ModelError::Engine(format!("no thread for the chat template: {error}")))?;
        let text = rendered.map_err(|error| fault("refuses these messages", &error))?;
        if text.len() > Self::LONGEST_TEXT {
            let longest = Self::LONGEST_TEXT;
            return Err(ModelError::Engine(format!(
                "the chat template makes more than {longest} bytes of text"
            )));
        }
        Ok(text)
    }
}

/// The first statement of `source` that asks for another template. A model file has only the one; and minijinja 3.1
/// panics at `{% import 'x' as 'y' %}`.
fn other_template(source: &str) -> Option<&'static str> {
    const ASKING: [&str; 4] = ["import", "from", "include", "extends"];
    source.split("{%").skip(1).find_map(|statement| {
        let statement = statement.trim_start_matches(['-', '+']).trim_start();
        ASKING.into_iter().find(|word| statement.starts_with(word))
    })
}

/// What is wrong, in words that may be the template's own: on one line, not too long, and harmless.
fn fault(what: &str, error: &Error) -> ModelError {
    ModelError::Engine(format!("the model file's chat template {what}: {}", brief(&error.to_string(), 400)))
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
    fn a_template_that_asks_for_another_is_refused() {
        for source in ["{% import 'x' as 'y' %}", "a{%- include '/etc/passwd' %}", "{%+\nextends 'chat' %}"] {
            let error = ChatTemplate::new(source).err().expect("refused").to_string();
            assert!(error.contains("another template"), "{error}");
        }
    }

    #[test]
    fn an_objection_of_the_template_is_told() {
        let template = ChatTemplate::new("{{ raise_exception('no system role') }}").unwrap();
        let error = template.render(&[], "", "").unwrap_err().to_string();
        assert!(error.contains("no system role"), "{error}");
        let harmful = "{{ raise_exception('\u{1b}[2Jgone' ~ 'x' * 9999) }}";
        let error = ChatTemplate::new(harmful).unwrap().render(&[], "", "").unwrap_err().to_string();
        assert!(!error.contains('\u{1b}') && error.len() < 600, "{error}");
    }

    #[test]
    fn an_endless_template_runs_out_of_fuel() {
        let source = "{% for a in range(999) %}{% for b in range(999) %}x{% endfor %}{% endfor %}";
        let error = ChatTemplate::new(source).unwrap().render(&[], "", "").unwrap_err().to_string();
        assert!(error.contains("fuel"), "{error}");
    }

    #[test]
    fn a_template_that_doubles_a_text_ends_before_it_fills_the_memory() {
        let doubling = "{% set n = namespace(t='x' * 64) %}{% for i in range(40) %}{% set n.t = n.t ~ n.t %}{% endfor %}{{ n.t }}";
        let error = ChatTemplate::new(doubling).unwrap().render(&[], "", "").unwrap_err().to_string();
        assert!(error.contains("too large"), "{error}");
        let long = "{{ 'x' * 5000000 }}";
        let error = ChatTemplate::new(long).unwrap().render(&[], "", "").unwrap_err().to_string();
        assert!(error.contains("bytes of text"), "{error}");
    }

    #[test]
    fn what_known_templates_do_is_still_done() {
        // As Qwen3 finds the last question, and Gemma 3 puts the scene before the first.
        let qwen = "{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}\
            {%- for message in messages[::-1] %}{%- set index = (messages|length - 1) - loop.index0 %}\
            {%- if ns.multi_step_tool and message.role == \"user\" and message.content is string and \
            not(message.content.startswith('<t>') and message.content.endswith('</t>')) %}\
            {%- set ns.multi_step_tool = false %}{%- set ns.last_query_index = index %}{%- endif %}{%- endfor %}\
            {%- for message in messages %}{%- if (message.role == \"user\") or (message.role == \"system\" and not \
            loop.first) %}{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}\
            {%- elif loop.index0 > ns.last_query_index %}{{- 'late' }}{%- endif %}{%- endfor %}";
        let gemma = "{{ bos_token }}{%- if messages[0]['role'] == 'system' -%}\
            {%- set first_user_prefix = messages[0]['content'] + '\\n\\n' -%}\
            {%- set loop_messages = messages[1:] -%}{%- else -%}{%- set first_user_prefix = \"\" -%}\
            {%- set loop_messages = messages -%}{%- endif -%}{%- for message in loop_messages -%}\
            {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}\
            {{ raise_exception(\"roles must alternate\") }}{%- endif -%}\
            {{ '<start_of_turn>' + message['role'] + '\\n' + (first_user_prefix if loop.first else \"\") }}\
            {{ message['content'] | trim }}{{ '<end_of_turn>\\n' }}{%- endfor -%}";
        let talk = [message("system", "A scene."), message("user", " Hello. ")];
        let rendered = |source| ChatTemplate::new(source).unwrap().render(&talk, "<bos>", "").unwrap();
        assert_eq!(rendered(qwen), "<|im_start|>user\n Hello. <|im_end|>\n");
        assert_eq!(rendered(gemma), "<bos><start_of_turn>user\nA scene.\n\nHello.<end_of_turn>\n");
    }

    /// What `source` makes, or why it makes nothing.
    fn made(source: &str) -> Result<String, String> {
        let template = ChatTemplate::new(source).map_err(|error| error.to_string())?;
        template.render(&[message("user", "hello")], "", "").map_err(|error| error.to_string())
    }

    #[test]
    fn a_value_that_holds_itself_many_times_over_is_refused() {
        let forty = |step: &str| step.repeat(40);
        let begin = "{% set x = [1] %}{% set y = [1] %}";
        let deep = forty("{% set x = [x, x] %}{% set y = [y, y] %}");
        for grown in [
            forty("{% set x = x + x %}"),
            forty("{% set x = [] + x + x %}"),
            forty("{% set x = x, x %}"),
            forty("{% set x = {'a': x, 'b': x} %}"),
            "{% set n = namespace(x=[1]) %}{% for i in range(40) %}{% set n.x = n.x + n.x %}{% endfor %}"
                .to_owned(),
            "{% macro f(x, n) %}{% if n %}{{ f(x + x, n - 1) }}{% endif %}{% endmacro %}{{ f([1], 40) }}"
                .to_owned(),
            "{% macro f(x, n) %}{% if n %}{{ f([x, x], n - 1) }}{% endif %}{% endmacro %}{{ f(1, 40) }}"
                .to_owned(),
            format!("{deep}{{{{ x }}}}"),
            format!("{deep}{{{{ (x ~ '') | length }}}}"),
            format!("{deep}{{{{ x == y }}}}"),
            format!("{deep}{{{{ x | tojson | length }}}}"),
            format!("{deep}{{% set z = {{x: 1}} %}}"),
        ] {
            let error = made(&format!("{begin}{grown}")).unwrap_err();
            assert!(error.contains("too large"), "{error}");
        }
        for other in ["chain(x)", "batch(9, x)", "slice(9, x)", "sum(start=[])"] {
            assert!(made(&format!("{begin}{{{{ x | {other} }}}}")).unwrap_err().contains("unknown filter"));
        }
    }

    /// It would be written until the stack is full.
    #[test]
    fn a_namespace_does_not_get_into_itself() {
        for source in [
            "{% set n = namespace() %}{% set n.a = n %}{{ n }}",
            "{% set n = namespace() %}{% set n.a = [n] %}{{ n.a }}",
            "{% set f = namespace %}{% set n = f() %}{% set m = n %}{% set m.a = n %}{{ n }}",
            "{% set n = namespace() + 1 %}",
            "{% set n = [namespace()] %}{% for m in n %}{% set m.a = n %}{% endfor %}{{ n }}",
        ] {
            let error = made(source).unwrap_err();
            assert!(error.contains("a namespace for more than its values"), "{error}");
        }
    }

    #[test]
    fn what_real_templates_do_comes_out_as_before() {
        for (source, text) in [
            ("{{ [1, 2][1:] }}{{- (1, 2) -}}{{ {'a': {'b': [3]}} }}", "[2](1, 2){'a': {'b': [3]}}"),
            ("{% set a, b = 1, 2 %}{{ a + b }}{% set q %}t{{ a }}{% endset %}{{ q }}", "3t1"),
            ("{% for (k, v) in {'z': 1}.items() if v == 1 %}{{ k }}{{ loop.index0 + 1 }}{% endfor %}", "z1"),
            (
                "{% macro f(a, b=[1]) %}{{ a }}{{ b }}{% endmacro %}{{ f('x') }}{{ f('x', b=(1, 2)) }}",
                "x[1]x(1, 2)",
            ),
            (
                "{% set n = namespace(on=false, l=[]) %}{% set n.on = true %}{% set n.l = n.l + [1] %}{{ n.l }}{{ n.on }}",
                "[1]True",
            ),
            ("{% if not (1 in [2]) and 3 not in (1, 2) and 'a' is in(['a']) %}yes{% endif %}", "yes"),
            ("{{ \"a}}b\" }}{{ '%}' + '\\'' }}{# {{ [ }} #}{{ '{{' }}{{ '-' * 3 }}", "a}}b%}'{{---"),
            (
                "{% set m = messages[1:] + messages[:1] %}{% if m[0]['role'] != 'x' %}{{ m[0].content }}{% endif %}",
                "hello",
            ),
            ("{%- for m in messages -%}\n {{- '<' + m['role'] + '>' }}\n{%- endfor -%}", "<user>"),
            (
                "{{ messages | selectattr('role', 'equalto', 'user') | map(attribute='content') | join(', ') }}",
                "hello",
            ),
        ] {
            assert_eq!(made(source).as_deref(), Ok(text), "{source}");
        }
        for (source, what) in [("{{ 3 * [1] }}", "multiplies"), ("{% raw %}{{ x }}{% endraw %}", "`raw`")] {
            assert!(made(source).unwrap_err().contains(what));
        }
    }
}
