//! Workers that lie: each answer is one that could have been asked for, or is malformed.

use proptest::prelude::*;
use prost::Message as _;
use specfuse_core::candidate::Terms;
use specfuse_malformed as malformed;
use tonic::{Code, Status, metadata::MetadataValue};

use super::*;
use crate::client::CallError;

const ASKED: u32 = 10;
const ALTERNATIVES: u32 = 4;
const CANDIDATES: usize = 3;

fn text() -> impl Strategy<Value = String> {
    let long = (0usize..12).prop_map(|tokens| "é".repeat(tokens * LONGEST_TOKEN / 2));
    prop_oneof![4 => "[a-z ]{0,20}", 1 => long, 1 => any::<String>()]
}

fn logprob() -> impl Strategy<Value = f32> {
    let edges =
        vec![0.0, -0.0, 1e-3, 1.1e-3, 1.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MIN, f32::MAX, 1e-45];
    prop_oneof![30 => -20f32..0.0, 1 => prop::sample::select(edges), 1 => any::<f32>()]
}

fn work() -> impl Strategy<Value = Option<proto::Work>> {
    let count = || prop_oneof![Just(0), Just(u64::MAX), any::<u64>()];
    let work = (any::<u32>(), any::<u32>(), count(), count(), count());
    prop::option::of(work.prop_map(|(tokens_computed, tokens_cached, queue_micros, prefill_micros, decode_micros)| {
        proto::Work { tokens_computed, tokens_cached, queue_micros, prefill_micros, decode_micros }
    }))
}

fn draft() -> impl Strategy<Value = proto::DraftResponse> {
    let honest = (0..ASKED + 2, any::<bool>()).prop_flat_map(|(tokens, finished)| {
        let drawn = tokens as usize + usize::from(finished);
        (Just(tokens), Just(finished), prop::collection::vec(logprob(), drawn))
    });
    let lying = (prop_oneof![Just(u32::MAX), any::<u32>()], any::<bool>(), prop::collection::vec(logprob(), 0..12));
    (text(), prop_oneof![4 => honest, 1 => lying], work(), any::<u32>()).prop_flat_map(
        |(text, (drafted_tokens, finished, token_logprobs), work, context_tokens)| {
            let answer = proto::DraftResponse {
                text,
                finished,
                drafted_tokens,
                token_logprobs,
                work,
                context_tokens,
                ..Default::default()
            };
            tokens(&answer.text).prop_map(move |tokens| proto::DraftResponse { tokens, ..answer.clone() })
        },
    )
}

/// Of this text, or of any.
fn tokens(of: &str) -> impl Strategy<Value = Vec<proto::DraftedToken>> + use<> {
    let characters: Vec<String> = of.chars().map(String::from).collect();
    let honest = prop::sample::subsequence(vec![0, 3, 7, 20], 0..4).prop_map(move |cuts| {
        let ends = cuts.iter().copied().chain([usize::MAX]).map(|end| end.min(characters.len()));
        let starts = [0].into_iter().chain(cuts.iter().map(|cut| *cut.min(&characters.len())));
        starts.zip(ends).map(|(from, to)| characters[from..to].concat()).collect::<Vec<_>>()
    });
    let texts = prop_oneof![4 => honest, 1 => prop::collection::vec(text(), 0..14)];
    let top = prop::collection::vec((text(), logprob()), 0..6);
    let given = prop::collection::vec((logprob(), top), 14);
    (texts, given).prop_map(|(texts, given)| {
        let other = |(text, logprob)| proto::Alternative { text, logprob };
        let token = |(text, (logprob, top)): (String, (f32, Vec<(String, f32)>))| proto::DraftedToken {
            text,
            logprob,
            top: top.into_iter().map(other).collect(),
        };
        texts.into_iter().zip(given).map(token).collect()
    })
}

fn score() -> impl Strategy<Value = proto::ScoreResponse> {
    let terms = prop::collection::vec(logprob(), 0..8).prop_map(|terms| proto::CandidateTerms { terms }).boxed();
    let candidates = prop_oneof![Just(CANDIDATES), 0..6usize]
        .prop_flat_map(move |count| prop::collection::vec(terms.clone(), count));
    (candidates, work()).prop_map(|(candidates, work)| proto::ScoreResponse { candidates, work })
}

fn description() -> impl Strategy<Value = proto::DescribeResponse> {
    (text(), text(), any::<u32>(), prop::collection::vec(text(), 0..4), prop::collection::vec(any::<u32>(), 0..9))
        .prop_map(|(model, instance_id, context_length, capabilities, end_of_turn_ids)| proto::DescribeResponse {
            model,
            instance_id,
            context_length,
            capabilities,
            end_of_turn_ids,
            ..Default::default()
        })
}

fn take_draft(answer: proto::DraftResponse) {
    let untold = drafted(answer.clone(), ASKED, None);
    assert!(
        untold.is_ok_and(|untold| untold.tokens.is_empty())
            || drafted(answer.clone(), ASKED, Some(ALTERNATIVES)).is_err()
    );
    let Ok(Drafted { draft, token_logprobs, tokens, .. }) = drafted(answer, ASKED, Some(ALTERNATIVES)) else { return };
    let drawn = draft.tokens + u32::from(draft.finished);
    assert!((1..=ASKED).contains(&drawn) && token_logprobs.len() == drawn as usize);
    assert!(token_logprobs.iter().all(|logprob| logprob.is_finite() && *logprob <= ROUNDING));
    assert!(draft.text.len() <= draft.tokens as usize * LONGEST_TOKEN);
    assert!(tokens.len() <= draft.tokens as usize);
    let texts: String = tokens.iter().map(|token| token.text.as_str()).collect();
    assert!(tokens.is_empty() || texts == draft.text, "{texts:?}");
    assert!(tokens.iter().all(|token| token.top.len() <= ALTERNATIVES as usize));
    let logprobs = tokens.iter().flat_map(|token| token.top.iter().map(|other| other.1).chain([token.logprob]));
    assert!(logprobs.into_iter().all(|logprob| logprob.is_finite() && logprob <= ROUNDING));
}

fn take_score(answer: proto::ScoreResponse) {
    let Ok(Scored { terms, .. }) = scored(answer, CANDIDATES) else { return };
    assert_eq!(terms.len(), CANDIDATES);
    // Those that are no numbers make the scorer abstain; none gets further.
    let _ = terms.into_iter().map(Terms::new).collect::<Result<Vec<_>, _>>();
}

fn take_description(answer: proto::DescribeResponse) {
    if let Ok(description) = super::description(answer) {
        assert!(!description.model.is_empty());
    }
}

fn take<M: prost::Message + Default>(bytes: &[u8], take: impl Fn(M)) {
    M::decode(bytes).map(take).unwrap_or_default();
}

proptest! {
    #![proptest_config(malformed::config())]

    #[test]
    fn fuzz_a_draft_with_any_values_is_one_or_malformed(answer in draft()) {
        malformed::soon(&answer, take_draft);
    }

    #[test]
    fn fuzz_a_score_with_any_values_is_one_or_malformed(answer in score()) {
        malformed::soon(&answer, take_score);
    }

    #[test]
    fn fuzz_changed_bytes_of_an_answer_are_no_message_or_one_or_malformed(
        draft in draft().prop_flat_map(|valid| malformed::bytes(valid.encode_to_vec())),
        score in score().prop_flat_map(|valid| malformed::bytes(valid.encode_to_vec())),
        description in description().prop_flat_map(|valid| malformed::bytes(valid.encode_to_vec())),
    ) {
        malformed::soon(&[draft, score, description], |[draft, score, description]| {
            take(&draft, take_draft);
            take(&score, take_score);
            take(&description, take_description);
        });
    }

    #[test]
    fn fuzz_any_status_becomes_what_the_caller_can_do(code in -3i32..20, message in text(), pushback in "[ -~]{0,8}") {
        malformed::soon(&(code, message, pushback), |(code, message, pushback)| {
            let mut status = Status::new(Code::from_i32(code), message);
            if let Ok(pushback) = MetadataValue::try_from(pushback) {
                status.metadata_mut().insert("grpc-retry-pushback-ms", pushback);
            }
            let error = CallError::from_status(&status, std::time::Duration::from_secs(1));
            assert!(error.to_string().len() < 2048);
        });
    }
}
