//! Clients that leave, workers that come late, and the stop.

use std::{net::SocketAddr, time::Duration};

use specfuse_proto::v1::ensemble_service_client::EnsembleServiceClient;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};
use tonic::transport::Endpoint;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

use super::{coordinator::finish, *};

const SOLO: &str = "[ensembles.solo]\nmembers = [\"a\"]\n";

async fn health(coordinator: &Coordinator) -> ServingStatus {
    let request = HealthCheckRequest { service: "specfuse.v1.EnsembleService".to_owned() };
    let mut client = HealthClient::new(coordinator.channel.clone());
    match client.check(request.clone()).await {
        Ok(told) => told.into_inner().status(),
        // Where the stop begins, the connection ends, perhaps under this call.
        Err(_) => client.check(request).await.unwrap().into_inner().status(),
    }
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

/// One address for two coordinators, as a service has it: connections go to the first, and from some time on to the second.
async fn one_address(first: SocketAddr, second: SocketAddr) -> (SocketAddr, watch::Sender<bool>, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (switch, switched) = watch::channel(false);
    let mut forwarding = JoinSet::new();
    forwarding.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (mut near, _) = listener.accept().await.unwrap();
            let to = if *switched.borrow() { second } else { first };
            connections.spawn(async move {
                let mut far = TcpStream::connect(to).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    (address, switch, forwarding)
}

#[tokio::test]
async fn who_is_connected_when_a_stop_begins_goes_to_another_coordinator_and_loses_nothing() {
    let slow = worker("a", &[Draft::Say(" Hello"), Draft::Hang], &[]).await;
    let sound = worker("a", &[Draft::End(" Hello")], &[]).await;
    let ensembles = "shutdown_grace = \"20s\"\n[ensembles.default]\nmembers = [\"a\"]\ndraft_timeout = \"1s\"";
    let leaving = Coordinator::start(&[&slow], ensembles).await;
    let staying = Coordinator::start(&[&sound], ensembles).await;
    let (address, switch, _forwarding) = one_address(leaving.address, staying.address).await;
    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy();
    let mut client = EnsembleServiceClient::new(channel);
    let mut running = client.generate(ask("greet me")).await.unwrap().into_inner();
    assert!(running.message().await.unwrap().is_some());
    switch.send_replace(true);
    leaving.shutdown.begin();
    let answered = async {
        loop {
            // What was sent before the client heard of it is refused.
            if let Ok(stream) = client.generate(ask("greet me")).await
                && finish(stream.into_inner()).await.end.is_ok()
            {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(3), answered).await.expect("the same client finds the other coordinator");
    // The one that began is still the first one's, and ends as it would have.
    let rest = tokio::time::timeout(Duration::from_secs(20), finish(running)).await.unwrap();
    let status = rest.end.unwrap_err();
    assert!(status.code() == Code::Unavailable && status.message().starts_with("ensemble default"), "{status:?}");
}
