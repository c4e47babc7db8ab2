//! A coordinator that answers only those who show a key, and only as much as the key may ask for.

use std::{fs, path::Path, time::Duration};

use tonic::{Request, Status, metadata::MetadataValue};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest,
};
use tonic_types::StatusExt;

use super::{coordinator::finish, *};
use crate::config::{Config, KeyFile, Sha256};

/// A file of keys that goes with the value.
struct File(tempfile::NamedTempFile);

impl File {
    fn of(keys: &[(&str, &str)]) -> Self {
        let file = Self(tempfile::NamedTempFile::new().unwrap());
        file.write(keys);
        file
    }

    /// Each key, which is its own name, with its limits.
    fn write(&self, keys: &[(&str, &str)]) {
        let hash = |key: &str| Sha256::of(key.as_bytes()).0.map(|byte| format!("{byte:02x}")).concat();
        let entry = |(key, limits): &(&str, &str)| format!("[keys.{key}]\nsha256 = \"{}\"\n{limits}\n", hash(key));
        fs::write(self.0.path(), keys.iter().map(entry).collect::<String>()).unwrap();
    }
}

async fn guarded(worker: &ScriptedWorker, settings: &str, keys: &File) -> Coordinator {
    let text = format!("workers = [{:?}]\n{settings}\n[ensembles.solo]\nmembers = [\"a\"]", worker.url);
    let config = Config::parse(&text, Path::new("test")).unwrap();
    Coordinator::start_as(Config { api_keys: Some(KeyFile::load(keys.0.path()).unwrap()), ..config }).await
}

fn with<T>(key: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let header = if key.is_empty() { None } else { Some(format!("Bearer {key}").parse().unwrap()) };
    header.map(|header: MetadataValue<_>| request.metadata_mut().insert("authorization", header));
    request
}

async fn asked(coordinator: &Coordinator, key: &str) -> Result<String, Status> {
    let stream = coordinator.client().generate(with(key, ask("well?"))).await?.into_inner();
    let told = finish(stream).await;
    told.end.as_ref().map_err(Clone::clone)?;
    Ok(text(&told))
}

fn pushback(status: &Status) -> Duration {
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    let millis = status.metadata().get("grpc-retry-pushback-ms").unwrap();
    Duration::from_millis(millis.to_str().unwrap().parse().unwrap())
}

async fn reflect(coordinator: &Coordinator, key: &str) -> Result<(), Status> {
    let list = ServerReflectionRequest {
        message_request: Some(MessageRequest::ListServices(String::new())),
        ..Default::default()
    };
    let requests = futures::stream::iter([list]);
    let mut client = ServerReflectionClient::new(coordinator.channel.clone());
    let mut answers = client.server_reflection_info(with(key, requests)).await?.into_inner();
    answers.message().await.map(|answer| assert!(answer.is_some()))
}

async fn healthy(coordinator: &Coordinator, key: &str) -> Result<(), Status> {
    let mut client = HealthClient::new(coordinator.channel.clone());
    client.check(with(key, HealthCheckRequest::default())).await.map(drop)
}

#[tokio::test]
async fn every_method_wants_a_key_and_health_does_not_unless_told_to() {
    let a = sound("a").await;
    let keys = File::of(&[("alice", "")]);
    let coordinator = guarded(&a, "", &keys).await;
    assert_eq!(asked(&coordinator, "alice").await.unwrap(), " yes");
    for (tried, key) in ["", "mallory", "alice "].into_iter().enumerate() {
        let mut client = coordinator.client();
        let refused = [
            asked(&coordinator, key).await.unwrap_err(),
            client.list_ensembles(with(key, proto::ListEnsemblesRequest {})).await.unwrap_err(),
            client.get_cluster(with(key, proto::GetClusterRequest {})).await.unwrap_err(),
            reflect(&coordinator, key).await.unwrap_err(),
        ];
        for status in refused {
            assert_eq!(status.code(), Code::Unauthenticated, "{key:?}: {status:?}");
            assert!(!status.message().contains("mallory"), "{status:?}");
            let reason = status.get_error_details().error_info().unwrap().reason.clone();
            assert_eq!(reason, ["API_KEY_MISSING", "API_KEY_UNKNOWN", "API_KEY_MALFORMED"][tried]);
        }
        healthy(&coordinator, key).await.unwrap();
    }
    reflect(&coordinator, "alice").await.unwrap();

    let strict = guarded(&a, "health_needs_key = true\nreflection = false", &keys).await;
    assert_eq!(healthy(&strict, "").await.unwrap_err().code(), Code::Unauthenticated);
    healthy(&strict, "alice").await.unwrap();
    assert_eq!(reflect(&strict, "alice").await.unwrap_err().code(), Code::Unimplemented);
}

#[tokio::test]
async fn a_key_over_its_rate_is_told_when_to_come_back_and_others_are_not_held_up() {
    let a = sound("a").await;
    let keys = File::of(&[("alice", "requests_per_minute = 2"), ("bob", "")]);
    let coordinator = guarded(&a, "", &keys).await;
    for _ in 0..2 {
        asked(&coordinator, "alice").await.unwrap();
    }
    let status = asked(&coordinator, "alice").await.unwrap_err();
    let wait = pushback(&status);
    assert!(wait > Duration::from_secs(10) && wait <= Duration::from_secs(31), "{wait:?}");
    let details = status.get_error_details();
    assert_eq!(details.retry_info().unwrap().retry_delay, Some(wait));
    let quota = &details.quota_failure().unwrap().violations[0];
    assert_eq!((quota.subject.as_str(), quota.description.as_str()), ("alice", "requests_per_minute: 2"));
    asked(&coordinator, "bob").await.unwrap();
}

#[tokio::test]
async fn keys_count_over_http_and_say_where_their_limits_stand() {
    let a = sound("a").await;
    let keys = File::of(&[("alice", "requests_per_minute = 2\nmax_generations = 3"), ("bob", "")]);
    let coordinator = guarded(&a, "", &keys).await;
    let body = serde_json::json!({ "model": "solo", "messages": [{ "role": "user", "content": "?" }], "specfuse": { "record": true } });
    let asked = async |key: &str, id: &str, n: u32| {
        let head = http::json_head("/v1/chat/completions");
        let head = format!("{head}\r\nauthorization: Bearer {key}\r\nx-request-id: {id}");
        let mut body = body.clone();
        body["n"] = n.into();
        http::begin(coordinator.address, &head, &body.to_string()).await.end().await
    };
    assert_eq!(asked("mallory", "x", 1).await.error(), (401, String::new(), "invalid_api_key".to_owned()));
    assert_eq!(asked("alice", "many", 4).await.error(), (400, "n".to_owned(), "too_many_choices".to_owned()));
    let first = asked("alice", "mine", 1).await;
    assert_eq!((first.status, first.headers["x-ratelimit-remaining-requests"].as_str()), (200, "1"), "{first:?}");
    asked("alice", "mine", 1).await;
    let refused = asked("alice", "mine", 1).await;
    assert_eq!((refused.error().0, refused.headers["x-ratelimit-remaining-requests"].as_str()), (429, "0"));
    assert!(refused.headers.contains_key("retry-after"));
    for (key, status) in [("alice", 200), ("bob", 404)] {
        let head = format!("GET /v1/specfuse/recordings/mine HTTP/1.0\r\nauthorization: Bearer {key}");
        assert_eq!(http::begin(coordinator.address, &head, "").await.status, status, "{key}");
    }
}

#[tokio::test]
async fn a_key_runs_no_more_generations_than_it_may() {
    let a = worker("a", &[Draft::Hang], &[]).await;
    let keys = File::of(&[("alice", "max_generations = 1"), ("bob", "max_generations = 1")]);
    let coordinator = guarded(&a, "", &keys).await;
    let alices = coordinator.client().generate(with("alice", ask("well?"))).await.unwrap();
    let _bobs = coordinator.client().generate(with("bob", ask("well?"))).await.unwrap();
    a.in_flight(2).await;
    let status = asked(&coordinator, "alice").await.unwrap_err();
    assert!(pushback(&status) >= Duration::from_secs(1));
    assert!(status.message().starts_with("this API key may run 1 generations at once"), "{status:?}");
    drop(alices);
    a.in_flight(1).await;
    let _again = coordinator.client().generate(with("alice", ask("well?"))).await.unwrap();
}

#[tokio::test]
async fn tokens_are_charged_as_they_are_written_even_if_the_client_leaves() {
    let a = worker("a", &[Draft::Say(" one"), Draft::End(" two")], &[]).await;
    let b = worker("a", &[Draft::Say(" one"), Draft::Hang], &[]).await;
    let keys = File::of(&[("alice", "tokens_per_minute = 6"), ("bob", "tokens_per_minute = 3")]);
    let coordinator = guarded(&a, "", &keys).await;
    assert_eq!(asked(&coordinator, "alice").await.unwrap(), " one two");
    let status = asked(&coordinator, "alice").await.unwrap_err();
    assert!(pushback(&status) > Duration::from_secs(5), "{status:?}");
    assert!(status.message().starts_with("this API key may have 6 tokens a minute"), "{status:?}");

    let coordinator = guarded(&b, "", &keys).await;
    let mut stream = coordinator.client().generate(with("bob", ask("well?"))).await.unwrap().into_inner();
    stream.message().await.unwrap().unwrap();
    drop(stream);
    assert!(pushback(&asked(&coordinator, "bob").await.unwrap_err()) > Duration::from_secs(10));
}

#[tokio::test]
async fn a_new_file_counts_and_a_broken_one_does_not() {
    let a = sound("a").await;
    let keys = File::of(&[("alice", "")]);
    let coordinator = guarded(&a, "", &keys).await;
    asked(&coordinator, "alice").await.unwrap();
    keys.write(&[("bob", "")]);
    let known = async {
        while asked(&coordinator, "bob").await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), known).await.unwrap();
    assert_eq!(asked(&coordinator, "alice").await.unwrap_err().code(), Code::Unauthenticated);
    fs::write(keys.0.path(), "[keys.").unwrap();
    for _ in 0..25 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        asked(&coordinator, "bob").await.unwrap();
    }
    keys.write(&[("carol", "")]);
    let known = async {
        while asked(&coordinator, "carol").await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), known).await.unwrap();
}
