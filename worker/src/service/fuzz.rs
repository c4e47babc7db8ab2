//! Calls that no sound coordinator makes: each is read, or refused with a status that says what is wrong.

use std::sync::OnceLock;

use proptest::prelude::*;
use prost::Message as _;
use specfuse_malformed as malformed;
use tonic::Code;

use super::tests::served;
use super::*;
use crate::engine::Sampling;

const TEXTS: &[&str] = &[
    "a",
    "b",
    "c",
    " ",
    "\n",
    "é",
    "e\u{301}",
    "👩‍👩‍👧",
    "\0",
    "\u{feff}",
    "\u{fffd}",
    "{{ x }}",
    "{% raw %}",
    "</s>",
    "a a a a a a a a a ",
];
const TEMPLATE: &str = "{% for m in messages %}{{ m.role }}: {{ m.content | trim }}\n{% endfor %}";

fn text() -> impl Strategy<Value = String> {
    prop_oneof![8 => malformed::fragments(TEXTS, 12), 1 => any::<String>()]
}

fn float() -> impl Strategy<Value = f32> {
    let edges = vec![
        0.0,
        -0.0,
        1.0,
        -2.0,
        2.0,
        10.0,
        100.0,
        1e-45,
        f32::MAX,
        f32::MIN,
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
    ];
    prop_oneof![4 => prop::sample::select(edges), 2 => 0f32..1.0, 1 => any::<f32>()]
}

fn count() -> impl Strategy<Value = u32> {
    prop_oneof![4 => 1u32..12, 2 => prop::sample::select(vec![0, 64, 65, 4096, 4097, u32::MAX]), 1 => any::<u32>()]
}

fn context() -> impl Strategy<Value = Option<wire::Context>> {
    let role = prop_oneof![8 => prop::sample::select(vec!["system", "user", "assistant"]).prop_map(str::to_owned), 1 => text()];
    let message = (role, text()).prop_map(|(role, content)| wire::Message { role, content });
    let conversation = prop::collection::vec(message, 0..5)
        .prop_map(|messages| wire::context::Prompt::Conversation(wire::Conversation { messages }));
    let prompt = prop_oneof![conversation, text().prop_map(wire::context::Prompt::Raw)];
    let context = (prop::option::weighted(0.95, prompt), text());
    prop::option::weighted(0.95, context.prop_map(|(prompt, accepted)| wire::Context { prompt, accepted }))
}

fn request_id() -> impl Strategy<Value = String> {
    prop_oneof![8 => Just("r".to_owned()), 1 => "é{120,140}", 1 => text()]
}

fn draft_request() -> impl Strategy<Value = wire::DraftRequest> {
    let penalties = (prop::option::of(float()), float(), float());
    let sampling = (float(), prop::option::of(float()), count(), float(), any::<u64>(), penalties).prop_map(
        |(temperature, top_p, top_k, min_p, seed, (repetition_penalty, presence_penalty, frequency_penalty))| {
            wire::Sampling {
                temperature,
                top_p,
                top_k,
                min_p,
                seed,
                repetition_penalty,
                presence_penalty,
                frequency_penalty,
            }
        },
    );
    let bias = prop_oneof![
        9 => prop::collection::hash_map(prop_oneof![0u32..4, any::<u32>()], float(), 0..3),
        1 => (1000u32..1100).prop_map(|tokens| (0..tokens).map(|token| (token, 1.0)).collect()),
    ];
    let top_logprobs = prop::option::of(prop_oneof![4 => 0u32..23, 1 => any::<u32>()]);
    (
        request_id(),
        count(),
        context(),
        count(),
        prop::option::weighted(0.5, sampling),
        bias,
        (any::<bool>(), top_logprobs),
    )
        .prop_map(|(request_id, round, context, max_tokens, sampling, logit_bias, (as_fits, top_logprobs))| {
            wire::DraftRequest { request_id, round, context, max_tokens, sampling, logit_bias, as_fits, top_logprobs }
        })
}

fn score_request() -> impl Strategy<Value = wire::ScoreRequest> {
    let candidate = (text(), any::<bool>()).prop_map(|(text, finished)| wire::Candidate { text, finished }).boxed();
    let some = prop::collection::vec(candidate.clone(), 0..6);
    let many = (candidate, 60usize..70).prop_map(|(candidate, times)| vec![candidate; times]);
    (request_id(), count(), context(), prop_oneof![9 => some, 1 => many]).prop_map(
        |(request_id, round, context, candidates)| wire::ScoreRequest { request_id, round, context, candidates },
    )
}

/// The encoded message, changed; not all of it is a message any more.
fn bytes<M: prost::Message>(valid: impl Strategy<Value = M>) -> impl Strategy<Value = Vec<u8>> {
    valid.prop_flat_map(|valid| malformed::bytes(valid.encode_to_vec()))
}

fn model() -> &'static Served {
    static MODEL: OnceLock<Served> = OnceLock::new();
    MODEL.get_or_init(|| served(Some(TEMPLATE), 64))
}

fn is_in_range(sampling: &Sampling) -> bool {
    let Sampling { temperature, top_p, min_p, repetition_penalty, presence_penalty, frequency_penalty, .. } = *sampling;
    (0.0..=100.0).contains(&temperature)
        && (top_p > 0.0 && top_p <= 1.0)
        && (0.0..=1.0).contains(&min_p)
        && (repetition_penalty > 0.0 && repetition_penalty <= 10.0)
        && [presence_penalty, frequency_penalty].iter().all(|penalty| (-2.0..=2.0).contains(penalty))
        && sampling.logit_bias.len() <= 1024
        && sampling.logit_bias.iter().all(|(_, bias)| (-100.0..=100.0).contains(bias))
}

/// The caller's own fault, in a message that a header holds.
fn refuses(error: CallError) {
    let status = Status::from(error);
    assert!(matches!(status.code(), Code::InvalidArgument | Code::OutOfRange | Code::FailedPrecondition), "{status:?}");
    assert!((1..=1027).contains(&status.message().len()), "{status:?}");
}

fn take_draft(request: wire::DraftRequest) {
    let call = match DraftCall::try_from(request) {
        Ok(call) => call,
        Err(error) => return refuses(error.into()),
    };
    assert!(is_in_range(&call.sampling) && (1..=4096).contains(&call.max_new) && call.name.round > 0, "{call:?}");
    assert!(call.top_logprobs.is_none_or(|told| told <= 20), "{call:?}");
    let (max_new, as_fits) = (call.max_new, call.as_fits);
    match read_draft(model(), call) {
        Ok((_, encoded, job)) => {
            assert!(job.max_new == max_new || (as_fits && (1..max_new).contains(&job.max_new)), "{max_new}");
            assert!(!job.tokens.is_empty() && job.tokens.len() + job.max_new <= 64);
            assert!(job.answer_from <= job.tokens.len());
            assert_eq!(encoded.tokens(), job.tokens);
        }
        Err(error) => refuses(error),
    }
}

fn take_score(request: wire::ScoreRequest) {
    let call = match ScoreCall::try_from(request) {
        Ok(call) => call,
        Err(error) => return refuses(error.into()),
    };
    assert!((1..=64).contains(&call.candidates.len()), "{call:?}");
    match read_candidates(model(), &call.context, &call.candidates) {
        Ok(read) => {
            assert!(read.iter().all(|one| (1..=one.tokens.len()).contains(&one.from) && one.tokens.len() <= 64))
        }
        Err(error) => refuses(error),
    }
}

proptest! {
    #![proptest_config(malformed::config())]

    #[test]
    fn fuzz_a_draft_with_any_values_is_read_or_refused(request in draft_request()) {
        malformed::soon(&request, take_draft);
    }

    #[test]
    fn fuzz_a_score_with_any_values_is_read_or_refused(request in score_request()) {
        malformed::soon(&request, take_score);
    }

    #[test]
    fn fuzz_changed_bytes_of_a_draft_are_no_message_or_read_or_refused(bytes in bytes(draft_request())) {
        malformed::soon(&bytes, |bytes| wire::DraftRequest::decode(bytes.as_slice()).map(take_draft).unwrap_or_default());
    }

    #[test]
    fn fuzz_changed_bytes_of_a_score_are_no_message_or_read_or_refused(bytes in bytes(score_request())) {
        malformed::soon(&bytes, |bytes| wire::ScoreRequest::decode(bytes.as_slice()).map(take_score).unwrap_or_default());
    }
}
