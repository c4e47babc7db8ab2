//! Bodies that no client of OpenAI's sends: each is a request of the contract within its bounds, or is refused in few words.

use proptest::prelude::*;
use serde_json::{Value, json};
use specfuse_malformed as malformed;

use super::{
    error::HttpError,
    extract::parse,
    types::{ChatRequest, CompletionRequest},
    wanted::{self, Wanted},
};

fn chat() -> Value {
    json!({
        "model": "default/a",
        "messages": [
            { "role": "system", "content": "Be brief." },
            { "role": "user", "content": [{ "type": "text", "text": "Hi" }, { "type": "text", "text": "?" }], "name": null },
        ],
        "temperature": 0.5, "top_p": 0.9, "max_tokens": 5, "max_completion_tokens": 5, "stop": ["END", "x"], "seed": -7, "n": 2,
        "presence_penalty": 0.5, "frequency_penalty": -0.5, "logprobs": true, "top_logprobs": 3, "stream": true,
        "stream_options": { "include_usage": true }, "user": "ada", "tools": [], "response_format": { "type": "text" },
        "specfuse": { "exit": "never", "segment_tokens": 5, "theta": 0.5, "trace": true, "record": true, "top_k": 4 },
    })
}

fn completion() -> Value {
    json!({
        "model": "default", "prompt": ["Once", "Twice"], "max_tokens": 5, "stop": "END", "seed": 7, "n": 2, "best_of": 2,
        "logprobs": 3, "stream": false, "echo": false, "specfuse": { "strategy": "vote" },
    })
}

fn told(wanted: Result<Wanted, HttpError>) {
    match wanted {
        Ok(wanted) => {
            let choices = wanted.requests.len() * wanted.choices.get() as usize;
            assert!((1..=16).contains(&choices), "{wanted:?}");
            assert!(wanted.requests.iter().all(|request| request.prompt.is_some()), "{wanted:?}");
        }
        Err(error) => {
            let detail = error.body().error;
            assert!(detail.message.len() < 4096 && detail.param.unwrap_or_default().len() < 512, "{error:?}");
        }
    }
}

proptest! {
    #![proptest_config(malformed::config())]

    #[test]
    fn fuzz_a_changed_chat_is_a_request_or_refused(body in malformed::json(chat())) {
        malformed::soon(&body, |body| {
            told(parse::<ChatRequest>(body.as_bytes()).and_then(|request| wanted::chat(request, "r")));
        });
    }

    #[test]
    fn fuzz_changed_bytes_of_a_chat_are_a_request_or_refused(bytes in malformed::bytes(chat().to_string().into_bytes())) {
        malformed::soon(&bytes, |bytes| {
            told(parse::<ChatRequest>(&bytes).and_then(|request| wanted::chat(request, "r")));
        });
    }

    #[test]
    fn fuzz_a_changed_completion_is_a_request_or_refused(body in malformed::json(completion())) {
        malformed::soon(&body, |body| {
            told(parse::<CompletionRequest>(body.as_bytes()).and_then(|request| wanted::completion(request, "r")));
        });
    }
}
