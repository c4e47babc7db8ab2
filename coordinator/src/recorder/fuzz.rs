//! Whatever a file holds, reading it as a recording and deciding that again ends in what came of it, or in an error.

use proptest::prelude::*;
use serde_json::{Value, json};
use specfuse_core::{
    policy::Policy,
    recording::Recording,
    replay::{Replayed, check, what_if},
};
use specfuse_malformed as malformed;

/// An answer of two rounds: one of two candidates, and a unanimous one.
fn recorded() -> Value {
    let drafted = |member: &str, text: &str, finished: bool| {
        let logprobs = if finished { json!([-0.5, -0.25, -0.5]) } else { json!([-0.5, -0.25]) };
        json!({
            "member": member, "outcome": "drafted", "text": text, "finished": finished, "tokens": 2,
            "token_logprobs": logprobs, "tokens_computed": 4, "tokens_cached": 0,
        })
    };
    let scored = |member: &str| {
        json!({
            "member": member, "outcome": "scored", "terms": [[-1.0, -2.0], [-1.0, -2.0]], "means": [-1.5, -1.5],
        })
    };
    let policy = json!(Policy {
        exit: specfuse_core::policy::ExitPolicy { theta: 0.25, ..Policy::default().exit },
        ..Policy::default()
    });
    let sampling = json!({
        "temperature": 0.0, "top_p": null, "top_k": 0, "min_p": 0.0, "seed": "18446744073709551615",
        "repetition_penalty": null, "presence_penalty": 0.0, "frequency_penalty": 0.0,
    });
    json!({
        "version": 1, "request_id": "r", "asked_at": "2026-01-01T00:00:00+00:00", "ensemble": "e", "strategy": "fuse",
        "question": { "prompt": { "raw": "?" }, "max_tokens": 8, "stop": ["END"], "sampling": sampling },
        "members": [
            { "name": "a", "model": "a", "fingerprints": ["1"] }, { "name": "b", "model": "b", "fingerprints": [] },
        ],
        "stages": [{ "members": ["a", "b"], "policy": policy, "reads_proposals": false }],
        "rounds": [
            {
                "round": 1, "stage": 0, "text": "x", "active": ["a", "b"],
                "drafts": [drafted("a", "x", false), drafted("b", "y", false)],
                "candidates": [
                    { "text": "x", "finished": false, "authors": ["a"], "aggregate": -1.5 },
                    { "text": "y", "finished": false, "authors": ["b"], "aggregate": -1.5 },
                ],
                "scores": [scored("a"), scored("b")], "winning_candidate": 0, "winner": "a", "decided_by": "scores",
                "weights": null, "entropy": 1.0, "keep": [0.5, 0.5], "quality": [0.5, 0.5], "exits": [], "recalled": [],
                "draft_micros": 3, "score_micros": 2,
            },
            {
                "round": 2, "stage": 0, "text": "z", "active": ["a", "b"],
                "drafts": [drafted("a", "z", true), drafted("b", "z", true)],
                "candidates": [{ "text": "z", "finished": true, "authors": ["a", "b"], "aggregate": null }],
                "scores": [], "winning_candidate": 0, "winner": "a", "decided_by": "unopposed", "weights": null,
                "entropy": null, "keep": null, "quality": [1.0, 1.0], "exits": [], "recalled": [],
                "draft_micros": 3, "score_micros": 0,
            },
        ],
        "ending": { "reason": "stop", "error": null, "text": "", "completion_tokens": 4, "total_micros": 9 },
    })
}

#[test]
fn what_the_changes_begin_with_follows() {
    let recording: Recording = serde_json::from_value(recorded()).unwrap();
    assert_eq!(check(&recording), Ok(Replayed::Follows { rounds: 2 }));
    assert_eq!(what_if(&recording, &Policy::default()).unwrap().agreeing(), 2);
}

#[test]
fn a_recording_from_before_a_policy_had_a_key_is_read_with_its_default() {
    let whole: Recording = serde_json::from_value(recorded()).unwrap();
    let mut older = recorded();
    let policy = older["stages"][0]["policy"].as_object_mut().unwrap();
    assert!(policy.remove("budget").is_some() && policy.remove("voters").is_some());
    assert_eq!(serde_json::from_value::<Recording>(older.clone()).unwrap(), whole);
    older["stages"][0]["policy"]["colour"] = json!(1);
    let unknown = serde_json::from_value::<Recording>(older).unwrap_err().to_string();
    assert!(unknown.contains("unknown field `colour`"), "{unknown}");
}

proptest! {
    #![proptest_config(malformed::config())]

    #[test]
    fn any_file_is_a_recording_that_is_decided_again_or_an_error(text in malformed::json(recorded())) {
        malformed::soon(&text, |text| {
            let Ok(recording) = serde_json::from_str::<Recording>(&text) else { return };
            if let Ok(Replayed::Follows { rounds } | Replayed::FollowsToItsEnd { rounds, .. }) = check(&recording) {
                assert_eq!(rounds, recording.rounds.len());
            }
            if let Ok(alternative) = what_if(&recording, &Policy::default()) {
                assert_eq!(alternative.rounds.len(), recording.rounds.len());
            }
        });
    }
}
