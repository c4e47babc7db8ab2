//! From the text of a call to token ids, and from drawn ids back to text (sections 1 and 2.1 of the algorithm).
//!
//! The encoding of an answer is always the tokenizer's own encoding of the whole string. What calls have in common is remembered
//! within a bound, and only what can be told from the text alone: it makes calls fast and changes no answer.

mod folded;
mod token_texts;

use std::sync::{Arc, Mutex, PoisonError};

pub use self::token_texts::TokenTexts;
use crate::{
    chat_template::{ChatTemplate, Message, RenderError},
    memo::Memo,
    tokenizer::{Encoding, Tokenizer, TokenizerError, added},
};

/// Bytes of the memory for conversations and their ids.
const REMEMBERED_PROMPTS: usize = 16 << 20;

/// How one model reads and writes.
#[derive(Debug)]
pub struct Language {
    pub tokenizer: Tokenizer,
    /// None: raw prompts only.
    pub chat_template: Option<ChatTemplate>,
    prompts: Mutex<Memo<Vec<Message>, Arc<[u32]>>>,
}

/// Everything a model has read before a call.
#[derive(Clone, Debug)]
pub struct Context {
    pub prompt: Prompt,
    /// The answer so far.
    pub accepted: String,
}

#[derive(Clone, Debug)]
pub enum Prompt {
    /// At least one message.
    Conversation(Vec<Message>),
    /// Not empty.
    Raw(String),
}

/// A context as one model reads it: `prompt` and `answer`, one after the other.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// The rendered messages. Empty in raw mode, where prompt and answer are one string.
    pub prompt: Arc<[u32]>,
    /// The encoding whose end grows: of the accepted text, in raw mode of prompt and accepted text.
    pub answer: Encoding,
}

/// A candidate behind its context: the terms are those of `tokens[from..]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Continuation {
    pub tokens: Vec<u32>,
    /// At least 1: the first token of all has nothing before it and no term. At most `tokens.len()`.
    pub from: usize,
}

/// Why a context cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    #[error("the model has no chat template and takes raw prompts only, not a conversation")]
    NoTemplate,
    #[error(transparent)]
    Render(#[from] RenderError),
    #[error("the prompt encodes to no tokens")]
    NoTokens,
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
}

impl Encoded {
    /// Tokens of the whole context; at least one.
    pub fn len(&self) -> usize {
        self.prompt.len() + self.answer.ids.len()
    }

    pub fn is_empty(&self) -> bool {
        self.prompt.is_empty() && self.answer.ids.is_empty()
    }

    pub fn tokens(&self) -> Vec<u32> {
        [&self.prompt, self.answer.ids.as_slice()].concat()
    }
}

impl Language {
    pub fn new(tokenizer: Tokenizer, chat_template: Option<ChatTemplate>) -> Self {
        Self { tokenizer, chat_template, prompts: Mutex::new(Memo::new(REMEMBERED_PROMPTS)) }
    }

    /// P and T(A) of the context.
    pub fn encode(&self, context: &Context) -> Result<Encoded, ContextError> {
        let prompt = match &context.prompt {
            Prompt::Conversation(messages) => self.encode_messages(messages)?,
            Prompt::Raw(_) => Arc::new([]),
        };
        let encoded = Encoded { prompt, answer: self.encode_answer(context, "")? };
        let prompt_is_empty = match context.prompt {
            Prompt::Conversation(_) => encoded.prompt.is_empty(),
            Prompt::Raw(_) => encoded.answer.ids.is_empty(),
        };
        if prompt_is_empty { Err(ContextError::NoTokens) } else { Ok(encoded) }
    }

    /// Where the answer begins in the context's tokens. In raw mode that is where they leave the encoding of the prompt alone.
    pub fn answer_from(&self, context: &Context, encoded: &Encoded) -> Result<usize, TokenizerError> {
        match &context.prompt {
            Prompt::Conversation(_) => Ok(encoded.prompt.len()),
            Prompt::Raw(prompt) => Ok(common_prefix(&self.tokenizer.read(prompt, true)?.ids, &encoded.answer.ids)),
        }
    }

    /// The context with a candidate's text after it. What is scored begins where its encoding leaves that of the context.
    pub fn encode_candidate(
        &self,
        context: &Context,
        encoded: &Encoded,
        candidate: &str,
    ) -> Result<Continuation, ContextError> {
        let answer = self.encode_answer(context, candidate)?.ids;
        let kept = common_prefix(&encoded.answer.ids, &answer);
        let tokens = [&encoded.prompt, answer.as_slice()].concat();
        if tokens.is_empty() {
            return Err(ContextError::NoTokens);
        }
        Ok(Continuation { tokens, from: (encoded.prompt.len() + kept).max(1) })
    }

    /// The text that `drawn` tokens add to the answer: the decoded whole minus what stands before. Special tokens have no text.
    ///
    /// A tokenizer that does not give the context's own text back (it normalises, or a special token is written out in it) is
    /// asked for both decodings, and the text is what the longer adds to the shorter.
    pub fn segment_text(&self, context: &Context, encoded: &Encoded, drawn: &[u32]) -> Result<String, TokenizerError> {
        let Encoding { ids, tail } = &encoded.answer;
        if let Some(tail) = tail {
            return self.tokenizer.decode_after(tail, drawn);
        }
        let whole = self.tokenizer.decode(&[ids.as_slice(), drawn].concat(), true)?;
        if let Some(added) = whole.strip_prefix(answer_text(context, "").as_str()) {
            return Ok(added.to_owned());
        }
        Ok(added(&whole, &self.tokenizer.decode(ids, true)?).to_owned())
    }

    fn encode_messages(&self, messages: &[Message]) -> Result<Arc<[u32]>, ContextError> {
        let template = self.chat_template.as_ref().ok_or(ContextError::NoTemplate)?;
        let remembered = self.prompts.lock().unwrap_or_else(PoisonError::into_inner).get(messages);
        if let Some(ids) = remembered {
            return Ok(ids);
        }
        let ids: Arc<[u32]> = self.tokenizer.read(&rendered(template, messages)?, false)?.ids.into();
        if !template.reads_clock() {
            let of_message = |message: &Message| size_of::<Message>() + message.content.len();
            let bytes = size_of_val(&*ids) + messages.iter().map(of_message).sum::<usize>();
            let mut prompts = self.prompts.lock().unwrap_or_else(PoisonError::into_inner);
            prompts.put(messages.to_vec(), Arc::clone(&ids), bytes);
        }
        Ok(ids)
    }

    fn encode_answer(&self, context: &Context, candidate: &str) -> Result<Encoding, TokenizerError> {
        let is_raw = matches!(context.prompt, Prompt::Raw(_));
        self.tokenizer.read(&answer_text(context, candidate), is_raw)
    }
}

/// The string whose end grows.
fn answer_text(context: &Context, candidate: &str) -> String {
    match &context.prompt {
        Prompt::Conversation(_) => [&context.accepted, candidate].concat(),
        Prompt::Raw(prompt) => [prompt, &context.accepted, candidate].concat(),
    }
}

/// The prompt for `messages`. A template that refuses them is asked again with what system messages say before the user's words.
pub fn rendered(template: &ChatTemplate, messages: &[Message]) -> Result<String, RenderError> {
    let refused = match template.render(messages) {
        Err(refused @ RenderError::Refused(_)) => refused,
        rendered => return rendered,
    };
    match folded::folded(messages) {
        Some(folded) => template.render(&folded).map_err(|_| refused),
        None => Err(refused),
    }
}

/// Length of the longest common prefix.
pub fn common_prefix(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat_template::Role;

    /// Byte-fallback style: "▁" for spaces, prepended to everything, stripped from the decoded start; "ab" is one token.
    const TOKENIZER: &str = r#"{"version":"1.0","truncation":null,"padding":null,
        "added_tokens":[{"id":0,"content":"<s>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}],
        "normalizer":{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},{"type":"Replace","pattern":{"String":" "},"content":"▁"}]},
        "pre_tokenizer":null,
        "post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
            "pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],
            "special_tokens":{"<s>":{"id":"<s>","ids":[0],"tokens":["<s>"]}}},
        "decoder":{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"Fuse"},
            {"type":"Strip","content":" ","start":1,"stop":0}]},
        "model":{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":false,
            "byte_fallback":false,"vocab":{"<s>":0,"▁":1,"a":2,"b":3,"ab":4,"c":5},"merges":["a b"]}}"#;

    fn language(template: Option<&str>) -> Language {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("tokenizer.json"), TOKENIZER).unwrap();
        if let Some(template) = template {
            std::fs::write(dir.path().join("chat_template.jinja"), template).unwrap();
        }
        Language::new(Tokenizer::load(dir.path()).unwrap(), ChatTemplate::load(dir.path()).unwrap())
    }

    fn chat(accepted: &str) -> Context {
        let message = Message { role: Role::User, content: "c".to_owned() };
        Context { prompt: Prompt::Conversation(vec![message]), accepted: accepted.to_owned() }
    }

    fn raw(prompt: &str, accepted: &str) -> Context {
        Context { prompt: Prompt::Raw(prompt.to_owned()), accepted: accepted.to_owned() }
    }

    const TEMPLATE: &str = "<s>{{ messages[0].content }}";

    #[test]
    fn a_conversation_is_rendered_and_its_answer_encoded_apart() {
        let language = language(Some(TEMPLATE));
        let encoded = language.encode(&chat("ab c")).unwrap();
        assert_eq!((&*encoded.prompt, encoded.answer.ids.as_slice()), (&[0, 1, 5][..], &[1, 4, 1, 5][..]));
        assert_eq!(encoded.tokens(), [0, 1, 5, 1, 4, 1, 5]);
        assert_eq!(language.encode(&chat("")).unwrap().answer.ids, [0u32; 0]);
    }

    #[test]
    fn a_template_that_has_no_system_message_reads_it_before_the_users() {
        let refusing = "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}<s>{{ messages[0].content }}";
        let language = language(Some(refusing));
        let message = |role, content: &str| Message { role, content: content.to_owned() };
        let asked =
            |messages| language.encode(&Context { prompt: Prompt::Conversation(messages), accepted: String::new() });
        let folded = asked(vec![message(Role::System, "a"), message(Role::User, "c")]).unwrap();
        let written = asked(vec![message(Role::User, "a\n\nc")]).unwrap();
        assert_eq!(folded.prompt, written.prompt);
        let error = asked(vec![message(Role::System, "a")]).unwrap_err();
        assert!(matches!(error, ContextError::Render(RenderError::Refused(words)) if words == "no system"));
    }

    #[test]
    fn a_raw_prompt_and_its_answer_are_one_string_with_special_tokens() {
        let encoded = language(None).encode(&raw("a", "b")).unwrap();
        assert_eq!((&*encoded.prompt, encoded.answer.ids.as_slice()), (&[][..], &[0, 1, 4][..]));
    }

    #[test]
    fn an_answer_begins_where_its_context_leaves_the_prompt() {
        let language = language(Some(TEMPLATE));
        for (context, answer_from) in [
            (chat(""), 3),
            (chat("ab c"), 3),
            (raw("c a", ""), 5),
            (raw("c a", " c"), 5),
            // "ab" is one token: the prompt's last one has become part of the answer's first.
            (raw("c a", "b c"), 4),
        ] {
            let encoded = language.encode(&context).unwrap();
            assert_eq!(language.answer_from(&context, &encoded).unwrap(), answer_from, "{context:?}");
        }
    }

    #[test]
    fn a_candidate_is_scored_from_the_first_token_it_changes() {
        let language = language(Some(TEMPLATE));
        for (context, candidate, tokens, from) in [
            (chat("a"), " c", vec![0, 1, 5, 1, 2, 1, 5], 5),
            (chat("a"), "b", vec![0, 1, 5, 1, 4], 4),
            (chat("a"), "", vec![0, 1, 5, 1, 2], 5),
            (raw("c", "a"), "b", vec![0, 1, 5, 4], 3),
        ] {
            let encoded = language.encode(&context).unwrap();
            let continuation = language.encode_candidate(&context, &encoded, candidate).unwrap();
            assert_eq!(continuation, Continuation { tokens, from }, "{context:?} {candidate:?}");
        }
    }

    #[test]
    fn the_text_of_a_segment_is_what_it_adds() {
        let language = language(Some(TEMPLATE));
        for (context, drawn, text) in [
            (chat(""), &[1, 4][..], "ab"),
            (chat("a"), &[1, 4], " ab"),
            (chat("a"), &[3, 0], "b"),
            (raw("c ", "a"), &[3], "b"),
            // what the tokenizer cannot give back: a special token written out, a character it does not know
            (chat("a<s>"), &[1, 5], " c"),
            (chat("aé"), &[1, 5], " c"),
            (raw("<s>", ""), &[1, 5], "c"),
        ] {
            let encoded = language.encode(&context).unwrap();
            assert_eq!(language.segment_text(&context, &encoded, drawn).unwrap(), text, "{context:?}");
        }
    }

    #[test]
    fn a_remembered_prompt_is_that_of_its_messages() {
        let language = language(Some("{% for m in messages %}{{ m.role[0] }}{{ m.content }}{% endfor %}"));
        let prompt = |role, content: &str| {
            let message = Message { role, content: content.to_owned() };
            let context = Context { prompt: Prompt::Conversation(vec![message]), accepted: String::new() };
            language.encode(&context).unwrap().prompt.to_vec()
        };
        for _ in 0..2 {
            assert_eq!(prompt(Role::Assistant, "b"), [1, 4]);
            assert_eq!(prompt(Role::Assistant, "c"), [1, 2, 5]);
            assert_eq!(prompt(Role::User, "b"), [1, 3]);
        }
    }

    #[test]
    fn a_prompt_that_tells_the_time_is_rendered_anew() {
        let clock = language(Some("{{ strftime_now('%d') }}c"));
        let plain = language(Some("c"));
        for (language, remembers) in [(clock, false), (plain, true)] {
            language.encode(&chat("")).unwrap();
            let Prompt::Conversation(messages) = chat("").prompt else { panic!() };
            assert_eq!(language.prompts.lock().unwrap().get(messages.as_slice()).is_some(), remembers);
        }
    }

    #[test]
    fn a_prompt_without_tokens_or_template_is_refused() {
        assert!(matches!(language(None).encode(&chat("")), Err(ContextError::NoTemplate)));
        assert!(matches!(language(Some("")).encode(&chat("a")), Err(ContextError::NoTokens)));
        let refusing = language(Some("{{ raise_exception('no') }}"));
        assert!(matches!(refusing.encode(&chat("")), Err(ContextError::Render(RenderError::Refused(_)))));
    }
}
