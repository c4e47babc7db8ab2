//! Workers that hang, die, refuse and lie.

use super::*;

/// Long enough to answer, short enough to wait for.
const HASTY: &str = "draft_timeout = \"300ms\"\nscore_timeout = \"300ms\"\n";

fn missed(told: &coordinator::Told, round: usize, member: usize) -> &str {
    match &told.segments[round].drafts[member].outcome {
        Some(proto::draft_report::Outcome::Missed(why)) => why,
        other => panic!("not missed: {other:?}"),
    }
}

#[tokio::test]
async fn a_member_that_hangs_misses_the_round_and_the_answer_goes_on() {
    let a = sound("a").await;
    let b = worker("b", &[Draft::Hang, Draft::End("")], &[]).await;
    let coordinator = Coordinator::start(&[&a, &b], &format!("{PAIR}{HASTY}")).await;
    let told = coordinator.answer(ask("well?")).await;
    assert_eq!(text(&told), " yes");
    assert!(missed(&told, 0, 1).starts_with("no answer within"), "{}", missed(&told, 0, 1));
    assert!(told.segments[0].timing.unwrap().draft_micros >= 300_000);
    assert_eq!(told.segments[1].candidates[0].authors, ["a", "b"]);
    b.in_flight(0).await;
}

#[tokio::test]
async fn a_member_that_hangs_while_scoring_has_no_say() {
    let a = sound("a").await;
    let b = worker("b", &[Draft::Say(" no"), Draft::End("")], &[Score::Hang]).await;
    let coordinator = Coordinator::start(&[&a, &b], &format!("{PAIR}{HASTY}")).await;
    let told = coordinator.answer(ask("well?")).await;
    assert_eq!(text(&told), " yes");
    let row = &told.segments[0].scores[1];
    assert_eq!((row.member.as_str(), row.candidates.len()), ("b", 0));
    assert!(row.abstained.starts_with("no answer within"), "{}", row.abstained);
}

#[tokio::test]
async fn a_member_that_dies_while_drafting_misses_the_rest() {
    let a = sound("a").await;
    let mut b = worker("b", &[Draft::Hang], &[]).await;
    let coordinator = Coordinator::start(&[&a, &b], &format!("{PAIR}max_strikes = 2")).await;
    let stream = coordinator.generate(ask("well?")).await.unwrap();
    b.in_flight(1).await;
    b.die();
    let told = coordinator::finish(stream).await;
    assert_eq!(text(&told), " yes");
    assert!(missed(&told, 0, 1).starts_with("unreachable"), "{}", missed(&told, 0, 1));
    let exit = &told.segments[1].exits[0];
    assert_eq!((exit.member.as_str(), exit.reason()), ("b", proto::ExitReason::Failed));
    assert!(exit.detail.contains("unreachable"), "{}", exit.detail);
}

#[tokio::test]
async fn another_replica_answers_for_one_that_fails() {
    let broken = worker("a", &[Draft::Fail(Code::Unavailable, "restarting")], &[]).await;
    let (first, second) = (sound("a").await, sound("b").await);
    let coordinator = Coordinator::start(&[&broken, &first, &second], PAIR).await;
    coordinator.ready(3).await;
    // Each request prefers either replica of a, by the ports they happen to have.
    for request in 0..24 {
        let request = proto::GenerateRequest { request_id: format!("r-{request}"), ..ask("well?") };
        let told = coordinator.answer(request).await;
        assert_eq!(told.segments[0].candidates[0].authors, ["a", "b"]);
    }
    assert!(!broken.drafts().is_empty(), "no request preferred the broken replica");
}

#[tokio::test]
async fn the_rounds_of_a_request_stay_on_one_replica() {
    let drafts = [Draft::Say(" x"), Draft::Say(" y"), Draft::End("")];
    let (first, second) = (worker("a", &drafts, &[]).await, worker("a", &drafts, &[]).await);
    let coordinator = Coordinator::start(&[&first, &second], "[ensembles.solo]\nmembers = [\"a\"]").await;
    assert_eq!(text(&coordinator.answer(ask("warm up")).await), " x y");
    coordinator.ready(2).await;
    let before = (first.drafts().len(), second.drafts().len());
    assert_eq!(text(&coordinator.answer(ask("again")).await), " x y");
    let calls = (first.drafts().len() - before.0, second.drafts().len() - before.1);
    assert!(calls == (3, 0) || calls == (0, 3), "{calls:?}");
}

#[tokio::test]
async fn nonsense_is_a_failure_and_no_more() {
    let nonsense = [
        (proto::DraftResponse { drafted_tokens: 0, token_logprobs: vec![], ..worker::said("x", false) }, "0 tokens"),
        (
            proto::DraftResponse { drafted_tokens: 11, token_logprobs: vec![-1.0; 11], ..worker::said("x", false) },
            "11 tokens",
        ),
        (proto::DraftResponse { token_logprobs: vec![f32::NAN; 3], ..worker::said("x", false) }, "not a finite"),
        (proto::DraftResponse { token_logprobs: vec![-1.0], ..worker::said("x", false) }, "1 log-prob"),
        (worker::said(&"x".repeat(10_000), false), "10000 bytes"),
    ];
    for (answer, why) in nonsense {
        let a = sound("a").await;
        let b = worker("b", &[Draft::Answer(answer), Draft::End("")], &[]).await;
        let coordinator = Coordinator::start(&[&a, &b], PAIR).await;
        let told = coordinator.answer(ask("well?")).await;
        assert_eq!(text(&told), " yes");
        assert!(missed(&told, 0, 1).contains(why), "{}", missed(&told, 0, 1));
    }
}

#[tokio::test]
async fn a_score_that_is_none_is_no_say() {
    let cases = [
        (Score::NotANumber, "its score is none: a term is not a finite number"),
        (Score::OneTooFew, "nonsense: 1 candidates scored, 2 were asked for"),
        (Score::Fail(Code::Internal, "no memory"), "failed: no memory"),
        (Score::Fail(Code::ResourceExhausted, "queue full"), "busy: queue full"),
        (Score::Fail(Code::OutOfRange, "too long"), "context full: too long"),
    ];
    for (score, why) in cases {
        let a = sound("a").await;
        let b = worker("b", &[Draft::Say(" no"), Draft::End("")], &[score]).await;
        let coordinator = Coordinator::start(&[&a, &b], PAIR).await;
        let told = coordinator.answer(ask("well?")).await;
        assert_eq!(text(&told), " yes");
        assert_eq!(told.segments[0].scores[1].abstained, why);
        assert_eq!(told.segments[0].candidates[0].aggregate, Some(-0.125));
    }
}

#[tokio::test]
async fn a_member_that_refuses_leaves_and_says_why() {
    let cases = [
        (Code::FailedPrecondition, "no system role here", proto::ExitReason::Refused, "no system role here"),
        (Code::InvalidArgument, "bad", proto::ExitReason::Refused, "bad"),
        (Code::OutOfRange, "100 tokens", proto::ExitReason::ContextFull, "context full: 100 tokens"),
    ];
    for (code, message, reason, detail) in cases {
        let a = sound("a").await;
        let b = worker("b", &[Draft::Fail(code, message)], &[]).await;
        let coordinator = Coordinator::start(&[&a, &b], PAIR).await;
        let told = coordinator.answer(ask("well?")).await;
        assert_eq!(text(&told), " yes");
        let exit = &told.segments[0].exits[0];
        assert_eq!((exit.member.as_str(), exit.reason(), exit.detail.as_str()), ("b", reason, detail));
        assert_eq!(told.segments[0].active, ["a"]);
        assert_eq!(b.drafts().len(), 1);
    }
}

#[tokio::test]
async fn where_no_member_can_answer_the_error_says_why() {
    let refuses = |message| Draft::Fail(Code::FailedPrecondition, message);
    let invalid = |message| Draft::Fail(Code::InvalidArgument, message);
    let full = Draft::Fail(Code::OutOfRange, "long");
    let cases = [
        (
            [refuses("one"), refuses("two")],
            Code::InvalidArgument,
            "every member's chat template refuses these messages: a: one; b: two",
        ),
        ([invalid("one"), invalid("two")], Code::InvalidArgument, "one"),
        (
            [full.clone(), full.clone()],
            Code::InvalidArgument,
            "the prompt fits no member's context length: a: context full: long; b: context full: long",
        ),
        (
            [Draft::Fail(Code::Unavailable, "gone"), Draft::Fail(Code::ResourceExhausted, "full")],
            Code::Unavailable,
            "ensemble default: no member is left that answers: a: unreachable: gone; b: busy: full",
        ),
        (
            [Draft::Fail(Code::ResourceExhausted, "one"), Draft::Fail(Code::ResourceExhausted, "two")],
            Code::ResourceExhausted,
            "ensemble default: no member is left that answers: a: busy: one; b: busy: two",
        ),
    ];
    for ([first, second], code, message) in cases {
        let (a, b) = (worker("a", &[first], &[]).await, worker("b", &[second], &[]).await);
        let coordinator = Coordinator::start(&[&a, &b], PAIR).await;
        let told = coordinator.answer(ask("well?")).await;
        assert!(told.segments.is_empty());
        let status = told.end.unwrap_err();
        assert_eq!((status.code(), status.message()), (code, message));
    }
}

#[tokio::test]
async fn what_was_streamed_and_held_back_stands_when_every_member_is_full() {
    let full = Draft::Fail(Code::OutOfRange, "long");
    let a = worker("a", &[Draft::Say(" x E"), full], &[]).await;
    let coordinator = Coordinator::start(&[&a], "[ensembles.solo]\nmembers = [\"a\"]").await;
    let told = coordinator.answer(proto::GenerateRequest { stop: vec!["END".to_owned()], ..ask("well?") }).await;
    let [first, last] = told.segments.as_slice() else { panic!("{told:?}") };
    assert_eq!((first.text.as_str(), last.text.as_str()), (" x ", "E"));
    assert_eq!((last.round, last.winner.as_str(), last.candidates.len()), (2, "", 0));
    assert_eq!(last.exits[0].reason(), proto::ExitReason::ContextFull);
    assert_eq!(told.end.unwrap_err().code(), Code::OutOfRange);
}

#[tokio::test]
async fn who_left_in_a_round_of_void_drafts_is_told() {
    let a = worker("a", &[Draft::Say("")], &[]).await;
    let b = worker("b", &[Draft::Fail(Code::FailedPrecondition, "no")], &[]).await;
    let coordinator = Coordinator::start(&[&a, &b], PAIR).await;
    let told = coordinator.answer(ask("well?")).await;
    assert_eq!((told.segments[0].candidates.len(), told.segments[0].exits[0].detail.as_str()), (0, "no"));
    let finished = told.end.unwrap();
    assert_eq!((finished.reason(), finished.usage.unwrap().rounds), (proto::FinishReason::Length, 0));
}

#[tokio::test]
async fn an_answer_over_the_size_limit_is_a_failure_and_not_a_full_context() {
    let a = sound("a").await;
    let huge = Draft::Answer(worker::said(&"x".repeat(17 << 20), false));
    let b = worker("b", &[huge, Draft::End("")], &[]).await;
    let coordinator = Coordinator::start(&[&a, &b], PAIR).await;
    let told = coordinator.answer(ask("well?")).await;
    assert!(missed(&told, 0, 1).starts_with("failed: "), "{}", missed(&told, 0, 1));
    assert!(told.segments[0].exits.is_empty());
}

#[tokio::test]
async fn a_wordy_refusal_is_cut_and_arrives() {
    let wordy: &'static str = Box::leak("語".repeat(1500).into_boxed_str());
    let refuses = Draft::Fail(Code::FailedPrecondition, wordy);
    let drafts = [refuses];
    let (a, b) = (worker("a", &drafts, &[]).await, worker("b", &drafts, &[]).await);
    let coordinator = Coordinator::start(&[&a, &b], PAIR).await;
    let status = coordinator.answer(ask("well?")).await.end.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    let status = coordinator.answer(proto::GenerateRequest { ensemble: wordy.repeat(9), ..ask("x") }).await.end;
    let status = status.unwrap_err();
    assert!(status.code() == Code::NotFound && status.message().ends_with('…'), "{status:?}");
}

#[tokio::test]
async fn nobody_home_is_unavailable_and_comes_soon() {
    let coordinator = Coordinator::start_with(&format!("workers = [\"http://127.0.0.1:1\"]\n{PAIR}")).await;
    let status = coordinator.answer(ask("well?")).await.end.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    let reason = "no worker that answers serves it (1 of 1 workers do not answer)";
    let all = "ensemble default: no member is left that answers";
    assert_eq!(status.message(), format!("{all}: a: {reason}; b: {reason}"));
}

#[tokio::test]
async fn a_worker_that_answers_no_call_in_time_is_asked_no_more() {
    let a = worker("a", &[Draft::Hang], &[]).await;
    let solo = "[ensembles.solo]\nmembers = [\"a\"]\ndraft_timeout = \"20ms\"";
    let coordinator = Coordinator::start(&[&a], solo).await;
    for _ in 0..3 {
        let status = coordinator.answer(ask("well?")).await.end.unwrap_err();
        assert!(status.message().contains("no answer within"), "{status:?}");
    }
    coordinator.ready(0).await;
    let status = coordinator.answer(ask("well?")).await.end.unwrap_err();
    assert!(status.message().ends_with("is unreachable: its last 3 calls failed"), "{status:?}");
    assert_eq!(a.drafts().len(), 3);
}
