use std::{
    io::{self, Write},
    sync::Mutex,
};

use tonic::Code;
use tracing::level_filters::LevelFilter;

use super::{request::CallName, *};
use crate::{
    chat_template::{ChatTemplate, Message, Role},
    context::Prompt,
    engine::Sampling,
    tokenizer::Tokenizer,
};

const WORDS: &str = r#"{"version":"1.0","truncation":null,"padding":null,"added_tokens":[],"normalizer":null,
    "pre_tokenizer":{"type":"WhitespaceSplit"},"post_processor":null,"decoder":null,
    "model":{"type":"WordLevel","vocab":{"a":0,"b":1,"c":2},"unk_token":"a"}}"#;

pub(super) fn served(template: Option<&str>, context_length: usize) -> Served {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("tokenizer.json"), WORDS).unwrap();
    if let Some(template) = template {
        std::fs::write(dir.path().join("chat_template.jinja"), template).unwrap();
    }
    let language = Language::new(Tokenizer::load(dir.path()).unwrap(), ChatTemplate::load(dir.path()).unwrap());
    let info = ModelInfo {
        family: "llama".to_owned(),
        parameters: 1,
        context_length,
        vocab_size: 3,
        dtype: "f32",
        device: "cpu".to_owned(),
        weight_bytes: 0,
    };
    Served { name: "words".to_owned(), info, language, end_of_turn: Arc::new([2]), fingerprint: String::new() }
}

fn raw(prompt: &str, accepted: &str) -> Context {
    Context { prompt: Prompt::Raw(prompt.to_owned()), accepted: accepted.to_owned() }
}

fn chat(content: &str) -> Context {
    let message = Message { role: Role::User, content: content.to_owned() };
    Context { prompt: Prompt::Conversation(vec![message]), accepted: String::new() }
}

fn draft(context: Context, max_new: usize) -> DraftCall {
    let name = CallName { request_id: "r".to_owned(), round: 1 };
    DraftCall { name, context, max_new, as_fits: false, sampling: Sampling::default(), top_logprobs: None }
}

fn status<T: std::fmt::Debug>(refused: Result<T, CallError>) -> (Code, String) {
    let status = Status::from(refused.unwrap_err());
    (status.code(), status.message().to_owned())
}

#[test]
fn a_draft_that_just_fits_is_read_and_one_more_token_is_out_of_range() {
    let served = served(None, 5);
    let (_, encoded, job) = read_draft(&served, draft(raw("a b", " c"), 2)).unwrap();
    assert_eq!((encoded.tokens(), job.tokens), (vec![0, 1, 2], vec![0, 1, 2]));
    let (code, message) = status(read_draft(&served, draft(raw("a b", " c"), 3)));
    assert_eq!(code, Code::OutOfRange);
    assert_eq!(message, "the context has 3 tokens and max_tokens is 3, the model's context length is 5");
    let as_fits = |served: &Served, max_new| {
        let call = DraftCall { as_fits: true, ..draft(raw("a b", " c"), max_new) };
        read_draft(served, call).map(|(.., job)| job.max_new)
    };
    assert_eq!(as_fits(&served, 3).unwrap(), 2);
    assert_eq!(as_fits(&served, 1).unwrap(), 1);
    assert_eq!(status(as_fits(&self::served(None, 3), 1)).0, Code::OutOfRange, "no room at all");
}

#[test]
fn a_biased_token_must_be_one_of_the_models() {
    let biased = |token| {
        let mut call = draft(raw("a b", ""), 1);
        call.sampling.logit_bias = vec![(0, 1.0), (token, 1.0)];
        read_draft(&served(None, 9), call)
    };
    assert!(biased(2).is_ok());
    let (code, message) = status(biased(3));
    assert_eq!(code, Code::InvalidArgument);
    assert_eq!(message, "logit_bias names token 3, allowed are those of the model's vocabulary, 0 to 2");
}

#[test]
fn penalties_count_the_answer_from_where_it_leaves_the_prompt() {
    for (context, answer_from) in [(raw("a b", " c"), 2), (raw("a b", ""), 2), (chat("a b"), 2)] {
        let mut call = draft(context, 1);
        call.sampling.frequency_penalty = 0.5;
        let (.., job) = read_draft(&served(Some("{{ messages[0].content }}"), 9), call).unwrap();
        assert_eq!(job.answer_from, answer_from);
    }
}

#[test]
fn a_candidate_beyond_the_context_length_is_named() {
    let served = served(None, 4);
    let candidates = [" c", " c c", " c c c"].map(|text| Candidate { text: text.to_owned(), finished: true });
    let read = read_candidates(&served, &raw("a b", ""), &candidates[..2]).unwrap();
    assert_eq!((read[1].tokens.as_slice(), read[1].from, read[1].finished), (&[0, 1, 2, 2][..], 2, true));
    let (code, message) = status(read_candidates(&served, &raw("a b", ""), &candidates));
    assert_eq!(code, Code::OutOfRange);
    assert_eq!(message, "context and candidate 2 have 5 tokens, the model's context length is 4");
    let (code, message) = status(read_candidates(&served, &raw("a b c a b", ""), &candidates));
    assert_eq!(
        (code, message.as_str()),
        (Code::OutOfRange, "the context has 5 tokens, the model's context length is 4")
    );
}

#[test]
fn a_conversation_needs_a_template_that_takes_it() {
    let (code, _) = status(read_draft(&served(None, 9), draft(chat("a"), 1)));
    assert_eq!(code, Code::InvalidArgument);
    let refusing = served(Some("{{ raise_exception('no ' + messages[0].role) }}"), 9);
    let (code, message) = status(read_draft(&refusing, draft(chat("a"), 1)));
    assert_eq!(code, Code::FailedPrecondition);
    assert!(message.ends_with("no user"), "{message}");
    assert!(read_draft(&served(Some("{{ messages[0].content }}"), 9), draft(chat("a b"), 1)).is_ok());
}

#[test]
fn a_prompt_without_tokens_is_invalid() {
    let (code, message) = status(read_draft(&served(None, 9), draft(raw("  ", ""), 1)));
    assert_eq!((code, message.as_str()), (Code::InvalidArgument, "the prompt encodes to no tokens"));
}

/// What this thread logs, at any level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_a_template_says_of_a_prompt_is_logged_only_where_content_may_be() {
    let refusing = served(Some("{{ raise_exception('not ' + messages[0].content) }}"), 9);
    for logs_content in [false, true] {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_ansi(false);
        let subscriber = subscriber.with_writer(move || writer.clone()).finish();
        let status = tracing::subscriber::with_default(subscriber, || {
            let read = read_draft(&refusing, draft(chat("a s3cret"), 1));
            answering::answer(read, logs_content).unwrap_err()
        });
        assert!(status.message().ends_with("not a s3cret"), "{status:?}");
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert!(text.contains("call refused"), "{text}");
        assert_eq!(text.contains("s3cret"), logs_content, "{text}");
    }
}
