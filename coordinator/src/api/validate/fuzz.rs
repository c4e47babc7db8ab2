//! Requests that no sound client makes: each is taken with everything in its range, or refused by name.

use std::path::Path;

use proptest::prelude::*;
use prost::Message as _;
use specfuse_malformed as malformed;

use super::*;
use crate::config::Config;

const TEXTS: &[&str] = &["a", " ", "\n", "é", "e\u{301}", "👩‍👩‍👧", "\0", "\u{feff}", "default", "user", "stop stop stop "];

fn ensembles() -> Ensembles {
    let text = "workers = [\"http://a:1\"]\n[ensembles.default]\nmembers = [\"a\"]\n[ensembles.x]\nmembers = [\"a\"]\nmax_tokens_limit = 300";
    Config::parse(text, Path::new("test")).unwrap().ensembles
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![8 => malformed::fragments(TEXTS, 12), 1 => any::<String>()]
}

fn float() -> impl Strategy<Value = f32> {
    let edges = vec![0.0, -0.0, 1.0, -2.0, 2.0, 10.0, 100.0, 1e-45, f32::MAX, f32::MIN, f32::NAN, f32::INFINITY];
    prop_oneof![4 => prop::sample::select(edges), 2 => 0f32..1.0, 1 => any::<f32>()]
}

fn sampling() -> impl Strategy<Value = proto::Sampling> {
    let penalties = (prop::option::of(float()), float(), float());
    (float(), prop::option::of(float()), any::<u32>(), float(), any::<u64>(), penalties).prop_map(
        |(temperature, top_p, top_k, min_p, seed, (repetition_penalty, presence_penalty, frequency_penalty))| {
            proto::Sampling {
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
    )
}

fn prompt() -> impl Strategy<Value = Option<proto::generate_request::Prompt>> {
    let role = prop_oneof![8 => prop::sample::select(vec!["system", "user", "assistant"]).prop_map(str::to_owned), 1 => text()];
    let message = (role, text()).prop_map(|(role, content)| proto::Message { role, content });
    let conversation = prop::collection::vec(message, 0..5)
        .prop_map(|messages| proto::generate_request::Prompt::Conversation(proto::Conversation { messages }));
    prop::option::weighted(0.95, prop_oneof![conversation, text().prop_map(proto::generate_request::Prompt::Raw)])
}

fn adjustment() -> impl Strategy<Value = proto::Adjustment> {
    let name = |names: Vec<&'static str>| {
        prop::option::of(prop_oneof![4 => prop::sample::select(names).prop_map(str::to_owned), 1 => text()])
    };
    let number = || prop::option::of(prop_oneof![float().prop_map(f64::from), any::<f64>()]);
    let count = || prop::option::of(prop_oneof![4 => 0u32..4, 1 => any::<u32>()]);
    let (exits, scores) =
        (vec!["cumulative", "no_entropy", "never", "first_rounds"], vec!["mean_logprob", "mean_prob"]);
    (count(), name(exits), number(), number(), name(scores), count()).prop_map(
        |(segment_tokens, exit, theta, tau, score, min_members)| proto::Adjustment {
            segment_tokens,
            exit,
            theta,
            tau,
            score,
            min_members,
        },
    )
}

fn any_request() -> impl Strategy<Value = proto::GenerateRequest> {
    let ensemble =
        prop_oneof![4 => prop::sample::select(vec!["", "default", "x"]).prop_map(str::to_owned), 1 => text()];
    let max_tokens =
        prop::option::of(prop_oneof![prop::sample::select(vec![0, 1, 300, 301, 4096, 4097, u32::MAX]), any::<u32>()]);
    let stop = prop_oneof![8 => prop::collection::vec(text(), 0..4), 1 => prop::collection::vec(Just("s".to_owned()), 15..19),
        1 => (250usize..260).prop_map(|bytes| vec!["s".repeat(bytes)])];
    let request_id = prop_oneof![4 => text(), 1 => "é{120,140}"];
    let strategies = vec!["", "fuse", "single/a", "vote", "mixture", "self_fuse"];
    let strategy = prop_oneof![4 => prop::sample::select(strategies).prop_map(str::to_owned), 1 => text()];
    let top_logprobs = prop::option::of(prop_oneof![4 => 0u32..23, 1 => any::<u32>()]);
    let told = (top_logprobs, any::<bool>());
    let strategy = (strategy, prop::option::weighted(0.3, adjustment()));
    (ensemble, prompt(), max_tokens, prop::option::of(sampling()), stop, request_id, strategy, told).prop_map(
        |(ensemble, prompt, max_tokens, sampling, stop, request_id, (strategy, adjustment), (top_logprobs, record))| {
            proto::GenerateRequest {
                ensemble,
                prompt,
                max_tokens,
                sampling,
                stop,
                request_id,
                strategy,
                adjustment,
                top_logprobs,
                record,
            }
        },
    )
}

fn take(wire: proto::GenerateRequest) {
    let ensembles = ensembles();
    match request(wire, &ensembles) {
        Ok(request) => {
            assert!(request.max_tokens <= request.ensemble.max_tokens_limit);
            assert!(request.top_logprobs.is_none_or(|told| told <= 20));
            let mut planned = request.sampling;
            for stage in request.strategy.plan(&request.ensemble.members, &mut planned).stages {
                let (exit, policy) = (stage.policy.exit, stage.policy);
                assert!((0.0..=1.0).contains(&exit.theta) && (0.001..=1000.0).contains(&exit.tau));
                assert!(
                    policy.segment_tokens.get() <= 256 && policy.min_members.get() <= request.ensemble.members.len()
                );
            }
            assert!((1..=128).contains(&request.request_id.chars().count()));
            assert!(request.stop.len() <= 16 && request.stop.iter().all(|stop| (1..=256).contains(&stop.len())));
            let Sampling { temperature, top_p, min_p, repetition_penalty, presence_penalty, frequency_penalty, .. } =
                request.sampling;
            assert!((0.0..=100.0).contains(&temperature) && (0.0..=1.0).contains(&min_p));
            assert!(top_p.is_none_or(|top_p| top_p > 0.0 && top_p <= 1.0));
            assert!(repetition_penalty.is_none_or(|penalty| penalty > 0.0 && penalty <= 10.0));
            assert!([presence_penalty, frequency_penalty].iter().all(|penalty| (-2.0..=2.0).contains(penalty)));
            assert!(match &*request.prompt {
                Prompt::Raw(raw) => !raw.is_empty(),
                Prompt::Conversation(messages) => messages.iter().any(|message| !message.content.is_empty()),
            });
        }
        // Its message names the ensembles that there are.
        Err(invalid @ Invalid::UnknownEnsemble { .. }) => {
            assert!(invalid.to_string().contains("default, x"), "{invalid}")
        }
        Err(invalid) => assert!(invalid.to_string().starts_with(&invalid.field()), "{invalid}"),
    }
}

proptest! {
    #![proptest_config(malformed::config())]

    #[test]
    fn fuzz_a_request_with_any_values_is_taken_or_refused(request in any_request()) {
        malformed::soon(&request, take);
    }

    #[test]
    fn fuzz_changed_bytes_of_a_request_are_no_message_or_taken_or_refused(
        bytes in any_request().prop_flat_map(|valid| malformed::bytes(valid.encode_to_vec())),
    ) {
        malformed::soon(&bytes, |bytes| proto::GenerateRequest::decode(bytes.as_slice()).map(take).unwrap_or_default());
    }
}
