//! What reaches the log: at no level a key, and no prompt or answer unless that is wanted.

use std::{
    io::{self, Write},
    path::Path,
    sync::{Arc, Mutex},
};

use tonic::Request;
use tracing::{level_filters::LevelFilter, subscriber::DefaultGuard};

use super::*;
use crate::config::{Config, KeyFile, Sha256};

/// What this thread logs, at any level: server, client and transport, all but the workers.
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

impl Log {
    fn listen() -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_ansi(false);
        let guard = tracing::subscriber::set_default(subscriber.with_writer(move || writer.clone()).finish());
        (log, guard)
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

const KEY: &str = "the-s3cret-key";
const PROMPT: &str = "the-s3cret-prompt";
const ANSWER: &str = " the-s3cret-answer";
/// What a template may say of the messages that it refuses.
const REFUSAL: &str = "no role takes the-s3cret-prompt";

/// A name, a key and a question are shown to a coordinator; one of its members answers and the other refuses.
async fn answered(log_content: bool) {
    let a = worker("a", &[Draft::Say(ANSWER), Draft::End("")], &[Score::Prefer(ANSWER)]).await;
    let b = worker("b", &[Draft::Fail(Code::FailedPrecondition, REFUSAL)], &[]).await;
    let c = worker("c", &[Draft::Fail(Code::InvalidArgument, REFUSAL)], &[]).await;
    let d = worker("d", &[Draft::Fail(Code::OutOfRange, REFUSAL)], &[]).await;
    let urls = [&a, &b, &c, &d].map(|worker| &worker.url);
    let text = format!("workers = {urls:?}\n[ensembles.x]\nmembers = [\"a\", \"b\", \"c\", \"d\"]");
    let hash = Sha256::of(KEY.as_bytes()).0.map(|byte| format!("{byte:02x}")).concat();
    let keys = KeyFile::parse(&format!("[keys.alice]\nsha256 = \"{hash}\""), Path::new("keys")).unwrap();
    let config = Config::parse(&text, Path::new("test")).unwrap();
    let coordinator = Coordinator::start_as(Config { api_keys: Some(keys), log_content, ..config }).await;
    for (key, code) in [(KEY, None), ("another-s3cret-key", Some(Code::Unauthenticated))] {
        let mut request = Request::new(ask(PROMPT));
        request.metadata_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
        match coordinator.client().generate(request).await {
            Ok(stream) => {
                let told = coordinator::finish(stream.into_inner()).await;
                assert_eq!((super::text(&told).as_str(), told.segments[0].exits.len()), (ANSWER, 3));
            }
            Err(status) => assert_eq!(Some(status.code()), code),
        }
    }
}

#[tokio::test]
async fn neither_a_key_nor_a_prompt_nor_an_answer_reaches_the_log_at_any_level() {
    let (log, _guard) = Log::listen();
    answered(false).await;
    let text = log.text();
    assert!(text.contains("answered") && text.contains("TRACE") && text.contains("key=\"alice\""), "{text}");
    let leak = text.lines().find(|line| line.contains("s3cret"));
    assert_eq!(leak, None);
}

#[tokio::test]
async fn where_content_may_be_logged_prompts_and_segments_are_and_keys_are_not() {
    let (log, _guard) = Log::listen();
    answered(true).await;
    let text = log.text();
    assert!(text.contains(PROMPT) && text.contains(ANSWER), "{text}");
    assert!(!text.contains("s3cret-key"), "{text}");
}
