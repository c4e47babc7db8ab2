//! Clients that leave, workers that come late, and the stop.

use std::time::Duration;

use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

use super::*;

const SOLO: &str = "[ensembles.solo]\nmembers = [\"a\"]\n";

async fn health(coordinator: &Coordinator) -> ServingStatus {
    let request = HealthCheckRequest { service: "specfuse.v1.EnsembleService".to_owned() };
    let mut client = HealthClient::new(coordinator.channel.clone());
    client.check(request).await.unwrap().into_inner().status()
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_calls_along() {
    let a = worker("a", &[Draft::Hang], &[]).await;
    let b = worker("b", &[Draft::Hang], &[]).await;
    let coordinator = Coordinator::start(&[&a, &b], PAIR).await;
    let stream = coordinator.generate(ask("well?")).await.unwrap();
    a.in_flight(1).await;
    b.in_flight(1).await;
    drop(stream);
    a.in_flight(0).await;
    b.in_flight(0).await;
}

#[tokio::test]
async fn a_worker_that_comes_late_and_comes_back_is_found() {
    let script = Script { model: "a", drafts: vec![Draft::End("here")], scores: vec![] };
    let mut early = ScriptedWorker::start(script.clone()).await;
    let address = early.url.strip_prefix("http://").unwrap().to_owned();
    early.die();
    let coordinator = Coordinator::start(&[&early], SOLO).await;
    assert_eq!(coordinator.answer(ask("well?")).await.end.unwrap_err().code(), Code::Unavailable);
    let mut late = ScriptedWorker::start_at(script.clone(), &address).await;
    coordinator.ready(1).await;
    assert_eq!(text(&coordinator.answer(ask("well?")).await), "here");
    late.die();
    let status = coordinator.answer(ask("well?")).await.end.unwrap_err();
    assert!(status.message().contains("a: "), "{status:?}");
    let _back = ScriptedWorker::start_at(script, &address).await;
    coordinator.ready(1).await;
    assert_eq!(text(&coordinator.answer(ask("well?")).await), "here");
}

#[tokio::test]
async fn a_stop_refuses_new_answers_and_lets_running_ones_finish() {
    let a = worker("a", &[Draft::Hang], &[]).await;
    let timeout = "draft_timeout = \"1s\"\n";
    let mut coordinator = Coordinator::start(&[&a], &format!("{SOLO}{timeout}")).await;
    assert_eq!(health(&coordinator).await, ServingStatus::Serving);
    let running = coordinator.generate(ask("well?")).await.unwrap();
    a.in_flight(1).await;
    coordinator.shutdown.begin();
    let status = coordinator.generate(ask("me too")).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "this coordinator is stopping"));
    assert_eq!(health(&coordinator).await, ServingStatus::NotServing);
    // Its own end, not the stop's.
    let end = coordinator::finish(running).await.end.unwrap_err();
    assert!(end.message().contains("no answer within"), "{end:?}");
    coordinator.ended().await.unwrap();
}

#[tokio::test]
async fn an_answer_that_outlives_the_grace_is_cut_and_the_end_is_an_error() {
    let a = worker("a", &[Draft::Hang], &[]).await;
    let mut coordinator =
        Coordinator::start_with(&format!("workers = [{:?}]\nshutdown_grace = \"100ms\"\n{SOLO}", a.url)).await;
    let running = coordinator.generate(ask("well?")).await.unwrap();
    a.in_flight(1).await;
    coordinator.shutdown.begin();
    let status = coordinator::finish(running).await.end.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::Unavailable, "the coordinator stopped before the answer was finished")
    );
    a.in_flight(0).await;
    let error = coordinator.ended().await.unwrap_err();
    assert!(error.to_string().starts_with("1 generations had not finished"), "{error}");
}

#[tokio::test]
async fn a_second_signal_cuts_what_runs_and_the_end_says_how_much() {
    let a = worker("a", &[Draft::Hang], &[]).await;
    let mut coordinator = Coordinator::start(&[&a], SOLO).await;
    let running = [ask("well?"), ask("and?")].map(|request| coordinator.generate(request));
    let running = futures::future::try_join_all(running).await.unwrap();
    a.in_flight(2).await;
    coordinator.shutdown.begin();
    let begun = tokio::time::Instant::now();
    coordinator.shutdown.hurry();
    for stream in running {
        assert_eq!(coordinator::finish(stream).await.end.unwrap_err().code(), Code::Unavailable);
    }
    let error = coordinator.ended().await.unwrap_err();
    assert_eq!(error.to_string(), "2 generations had not finished when a second signal came and were cut");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap();
    let text = format!("listen = \"{listen}\"\nworkers = [\"http://127.0.0.1:1\"]\n{SOLO}");
    let config = crate::Config::parse(&text, std::path::Path::new("test")).unwrap();
    let error = tokio::time::timeout(Duration::from_secs(5), crate::run(config, None)).await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), format!("listen: {listen}"));
    assert!(format!("{error:#}").contains("in use"), "{error:#}");
}
