//! Who is waited for, for how long, and what happens when nobody is left.

use std::time::{Duration, Instant};

use super::*;

const TRIO: &str = "[ensembles.default]\nmembers = [\"a\", \"b\", \"c\"]\nexit = { rule = \"never\" }\n";

#[tokio::test]
async fn a_quorum_waits_for_the_slow_no_longer_than_the_grace() {
    let (a, b) = (sound("a").await, worker("b", &[Draft::Say(" no"), Draft::End("")], &[Score::Hang]).await);
    let c = worker("c", &[Draft::Hang, Draft::End("")], &[]).await;
    let grace = "quorum = 1\nstraggler_grace = \"1s\"\n";
    let coordinator = Coordinator::start(&[&a, &b, &c], &format!("{TRIO}{grace}")).await;
    coordinator.ready(3).await;
    let began = Instant::now();
    let told = coordinator.answer(ask("well?")).await;
    assert!(began.elapsed() < Duration::from_secs(20), "the timeouts are 30 s");
    assert_eq!(text(&told), " yes");
    let Some(proto::draft_report::Outcome::Missed(why)) = &told.segments[0].drafts[2].outcome else {
        panic!("{told:?}")
    };
    assert_eq!(why, "the others did not wait longer than 1s for it");
    assert_eq!(told.segments[0].scores[1].abstained, "the others did not wait longer than 1s for it");
    // The slow one joins the next round; its call of the first is gone.
    assert_eq!(told.segments[1].candidates[0].authors, ["a", "b", "c"]);
    b.in_flight(0).await;
    c.in_flight(0).await;
}

#[tokio::test]
async fn fewer_drafts_than_the_quorum_are_no_round() {
    let a = sound("a").await;
    let b = worker("b", &[Draft::Fail(Code::Internal, "no memory")], &[]).await;
    let coordinator = Coordinator::start(&[&a, &b], &format!("{PAIR}quorum = 2\n")).await;
    let status = coordinator.answer(ask("well?")).await.end.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    let expected = "ensemble default: fewer members answer than the quorum: b: failed: no memory";
    assert_eq!(status.message(), expected);
}

#[tokio::test]
async fn a_round_that_came_to_nothing_is_held_again() {
    let a = worker("a", &[Draft::Say(" x"), Draft::Fail(Code::Internal, "hiccup"), Draft::End(" y")], &[]).await;
    let coordinator = Coordinator::start(&[&a], "[ensembles.solo]\nmembers = [\"a\"]").await;
    let told = coordinator.answer(ask("well?")).await;
    assert_eq!(text(&told), " x y");
    assert_eq!((told.segments[1].winner.as_str(), told.segments[1].candidates.len()), ("", 0));
    assert_eq!(told.end.unwrap().usage.unwrap().rounds, 2);
}

#[tokio::test]
async fn the_only_replica_is_called_again_when_its_connection_was_dead() {
    let script = Script { model: "a", drafts: vec![Draft::End("here")], scores: vec![] };
    let mut first = ScriptedWorker::start(script.clone()).await;
    let address = first.url.strip_prefix("http://").unwrap().to_owned();
    let coordinator = Coordinator::start(&[&first], "[ensembles.solo]\nmembers = [\"a\"]").await;
    coordinator.ready(1).await;
    first.die();
    let _again = ScriptedWorker::start_at(script, &address).await;
    for _ in 0..5 {
        assert_eq!(text(&coordinator.answer(ask("well?")).await), "here");
    }
}

#[tokio::test]
async fn those_whom_quality_sent_away_finish_what_the_others_cannot() {
    let a = worker("a", &[Draft::Say(" good"), Draft::Fail(Code::Internal, "gone")], &[Score::Prefer(" good")]).await;
    let b = worker("b", &[Draft::Say(" bad"), Draft::End(" end")], &[Score::Prefer(" good")]).await;
    let strict = "[ensembles.default]\nmembers = [\"a\", \"b\"]\nexit = { theta = 1.0, tau = 0.001 }\n";
    let coordinator = Coordinator::start(&[&a, &b], strict).await;
    let told = coordinator.answer(ask("well?")).await;
    assert_eq!(told.segments[0].exits[0].member, "b");
    assert_eq!(
        (told.segments[1].active.as_slice(), told.segments[1].recalled.as_slice()),
        (["a".to_owned()].as_slice(), ["b".to_owned()].as_slice())
    );
    assert_eq!(text(&told), " good end");
    assert!(told.end.is_ok());
}

#[tokio::test]
async fn a_busy_replica_is_asked_once_more_and_a_busy_one_s_neighbour_at_once() {
    let busy = Draft::Fail(Code::ResourceExhausted, "the queue is full");
    let full = worker("a", &[busy], &[]).await;
    let free = worker("a", &[Draft::End("here")], &[]).await;
    let solo = "[ensembles.solo]\nmembers = [\"a\"]";
    let coordinator = Coordinator::start(&[&full], solo).await;
    assert!(coordinator.answer(ask("well?")).await.end.is_err());
    assert_eq!(full.drafts().len(), 3);
    let coordinator = Coordinator::start(&[&full, &free], solo).await;
    coordinator.ready(2).await;
    for request in 0..8 {
        let request = proto::GenerateRequest { request_id: format!("r-{request}"), ..ask("well?") };
        assert_eq!(text(&coordinator.answer(request).await), "here");
    }
}

#[tokio::test]
async fn answers_that_are_finished_during_a_stop_find_workers_that_come_back() {
    let script = Script { model: "a", drafts: vec![Draft::Say(" x"), Draft::Hang, Draft::End(" y")], scores: vec![] };
    let mut first = ScriptedWorker::start(script.clone()).await;
    let address = first.url.strip_prefix("http://").unwrap().to_owned();
    let mut coordinator = Coordinator::start(&[&first], "[ensembles.solo]\nmembers = [\"a\"]").await;
    let stream = coordinator.generate(ask("well?")).await.unwrap();
    first.in_flight(1).await;
    while first.drafts().len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    coordinator.shutdown.begin();
    first.die();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let _again = ScriptedWorker::start_at(script, &address).await;
    assert_eq!(text(&coordinator::finish(stream).await), " x y");
    coordinator.ended().await.unwrap();
}
