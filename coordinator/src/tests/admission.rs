//! More requests than a coordinator runs: who waits, who is refused, and what they are told.

use std::time::Duration;

use futures::future::join_all;
use tokio::time::Instant;
use tonic::{Request, Status};

use super::{coordinator::finish, *};

async fn crowded(worker: &ScriptedWorker, bounds: &str) -> Coordinator {
    Coordinator::start_with(&format!("workers = [{:?}]\n{bounds}\n[ensembles.solo]\nmembers = [\"a\"]", worker.url))
        .await
}

async fn hanging() -> ScriptedWorker {
    worker("a", &[Draft::Hang], &[]).await
}

async fn counts(coordinator: &Coordinator) -> (u32, u32) {
    let told = coordinator.client().get_cluster(proto::GetClusterRequest {}).await.unwrap().into_inner();
    (told.running_generations, told.waiting_generations)
}

/// Completes when so many run and so many wait.
async fn counted(coordinator: &Coordinator, expected: (u32, u32)) {
    let seen = async {
        while counts(coordinator).await != expected {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), seen).await.unwrap();
}

fn within(timeout: Duration) -> Request<proto::GenerateRequest> {
    let mut request = Request::new(ask("well?"));
    request.set_timeout(timeout);
    request
}

fn is_told_when_to_come_back(status: &Status) -> bool {
    let pushback = status.metadata().get("grpc-retry-pushback-ms").map(|millis| millis.to_str().unwrap().parse());
    status.code() == Code::ResourceExhausted && matches!(pushback, Some(Ok(1_000..=2_001)))
}

#[tokio::test]
async fn one_generation_too_many_is_refused_and_room_comes_back() {
    let a = hanging().await;
    let coordinator = crowded(&a, "max_generations = 1\nmax_waiting = 0").await;
    let first = coordinator.generate(ask("well?")).await.unwrap();
    a.in_flight(1).await;
    let status = coordinator.generate(ask("me too")).await.unwrap_err();
    assert!(is_told_when_to_come_back(&status), "{status:?}");
    assert!(status.message().starts_with("1 generations are running and 0 requests wait"), "{status:?}");
    drop(first);
    a.in_flight(0).await;
    counted(&coordinator, (0, 0)).await;
    let _second = coordinator.generate(ask("me now")).await.unwrap();
    a.in_flight(1).await;
}

#[tokio::test]
async fn a_request_waits_for_a_generation_to_end_and_is_counted_while_it_does() {
    let (a, b) = (worker("a", &[Draft::End("here")], &[]).await, worker("b", &[Draft::Hang], &[]).await);
    let bounds = "max_generations = 1\nmax_waiting = 1\nmax_wait = \"1m\"";
    let ensembles = "[ensembles.default]\nmembers = [\"a\"]\n[ensembles.slow]\nmembers = [\"b\"]";
    let urls = [&a.url, &b.url];
    let coordinator = Coordinator::start_with(&format!("workers = {urls:?}\n{bounds}\n{ensembles}")).await;
    let slow = proto::GenerateRequest { ensemble: "slow".to_owned(), ..ask("well?") };
    let running = coordinator.generate(slow).await.unwrap();
    assert_eq!(counts(&coordinator).await, (1, 0));
    let ended = async {
        counted(&coordinator, (1, 1)).await;
        let status = coordinator.generate(ask("and me")).await.unwrap_err();
        assert!(is_told_when_to_come_back(&status), "{status:?}");
        drop(running);
    };
    let (waiting, ()) = tokio::join!(coordinator.answer(ask("me too")), ended);
    assert_eq!(text(&waiting), "here");
    counted(&coordinator, (0, 0)).await;
}

#[tokio::test]
async fn a_wait_that_is_over_is_a_refusal() {
    let a = hanging().await;
    let coordinator = crowded(&a, "max_generations = 1\nmax_wait = \"100ms\"").await;
    let _first = coordinator.generate(ask("well?")).await.unwrap();
    let status = coordinator.generate(ask("me too")).await.unwrap_err();
    assert!(is_told_when_to_come_back(&status), "{status:?}");
    assert!(status.message().starts_with("there was no place among 1 running generations within 100ms"), "{status:?}");
}

#[tokio::test]
async fn a_client_that_leaves_the_queue_is_forgotten() {
    let a = hanging().await;
    let coordinator = crowded(&a, "max_generations = 1\nmax_wait = \"1m\"").await;
    let _first = coordinator.generate(ask("well?")).await.unwrap();
    let waiting = coordinator.generate(ask("me too"));
    tokio::select! {
        _ = waiting => panic!("there was no room"),
        () = counted(&coordinator, (1, 1)) => {}
    }
    counted(&coordinator, (1, 0)).await;
}

#[tokio::test]
async fn a_request_does_not_wait_beyond_its_own_deadline() {
    let a = hanging().await;
    let coordinator = crowded(&a, "max_generations = 1\nmax_wait = \"1m\"").await;
    let _first = coordinator.generate(ask("well?")).await.unwrap();
    let begun = Instant::now();
    let status = coordinator.client().generate(within(Duration::from_millis(300))).await.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::DeadlineExceeded, "the request's deadline passed before it could be started")
    );
    assert!(begun.elapsed() < Duration::from_secs(5));
    counted(&coordinator, (1, 0)).await;
}

#[tokio::test]
async fn an_answer_that_is_not_finished_by_its_deadline_ends_and_frees_its_place() {
    let a = worker("a", &[Draft::Say(" one"), Draft::Hang], &[]).await;
    let coordinator = crowded(&a, "max_generations = 1").await;
    coordinator.ready(1).await;
    let stream = coordinator.client().generate(within(Duration::from_millis(500))).await.unwrap();
    let told = finish(stream.into_inner()).await;
    assert_eq!((told.segments.len(), told.end.unwrap_err().code()), (1, Code::DeadlineExceeded));
    a.in_flight(0).await;
    counted(&coordinator, (0, 0)).await;
}

#[tokio::test]
async fn members_that_are_all_busy_are_a_refusal_too() {
    let a = worker("a", &[Draft::Fail(Code::ResourceExhausted, "the queue is full")], &[]).await;
    let coordinator = crowded(&a, "").await;
    let status = coordinator.answer(ask("well?")).await.end.unwrap_err();
    assert!(is_told_when_to_come_back(&status), "{status:?}");
}

#[tokio::test]
async fn a_deadline_that_is_none_is_refused() {
    let a = sound("a").await;
    let coordinator = crowded(&a, "").await;
    let mut request = Request::new(ask("well?"));
    request.metadata_mut().insert("grpc-timeout", "soon".parse().unwrap());
    let status = coordinator.client().generate(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().starts_with("grpc-timeout: "), "{status:?}");
}

#[tokio::test]
async fn the_stop_refuses_those_who_wait() {
    let a = hanging().await;
    let coordinator = crowded(&a, "max_generations = 1\nmax_wait = \"1m\"").await;
    let _first = coordinator.generate(ask("well?")).await.unwrap();
    let stopped = async {
        counted(&coordinator, (1, 1)).await;
        coordinator.shutdown.begin();
    };
    let (waiting, ()) = tokio::join!(coordinator.generate(ask("me too")), stopped);
    let status = waiting.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "this coordinator is stopping"));
}

#[tokio::test]
async fn under_four_times_the_load_every_request_is_answered_or_told_when_to_come_back() {
    let a = worker("a", &[Draft::Say(" one"), Draft::End(" two")], &[]).await;
    let coordinator = crowded(&a, "max_generations = 8\nmax_waiting = 8\nmax_wait = \"1m\"").await;
    coordinator.ready(1).await;
    let told = join_all((0..32).map(|_| coordinator.answer(ask("well?")))).await;
    let (answered, refused): (Vec<_>, Vec<_>) = told.iter().partition(|told| told.end.is_ok());
    assert!(answered.len() >= 16, "{} were answered", answered.len());
    assert!(answered.iter().all(|told| text(told) == " one two"));
    for told in refused {
        let status = told.end.as_ref().unwrap_err();
        assert!(is_told_when_to_come_back(status), "{status:?}");
    }
    counted(&coordinator, (0, 0)).await;
    a.in_flight(0).await;
}

#[tokio::test]
async fn headers_that_are_too_large_do_no_harm() {
    let a = sound("a").await;
    let coordinator = crowded(&a, "").await;
    let mut request = Request::new(ask("well?"));
    for _ in 0..20 {
        request.metadata_mut().append("x-large", "x".repeat(1 << 10).parse().unwrap());
    }
    let refused = finish(coordinator.client().generate(request).await.unwrap().into_inner()).await;
    assert!(refused.end.is_err() && a.drafts().is_empty(), "{refused:?}");
    assert_eq!(text(&coordinator.answer(ask("well?")).await), " yes");
}

#[tokio::test]
async fn a_request_that_is_too_large_is_refused() {
    let a = sound("a").await;
    let coordinator = crowded(&a, "").await;
    let status = coordinator.generate(ask(&"x".repeat(5 << 20))).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange, "{status:?}");
}
