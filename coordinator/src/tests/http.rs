//! The HTTP interface as OpenAI's clients see it.

mod client;
mod refusals;

use serde_json::{Value, json};

pub(super) use self::client::{begin, json_head};
use self::client::{get, post};
use super::*;

const CHAT: &str = "/v1/chat/completions";

fn asked(change: impl Fn(&mut Value)) -> Value {
    let mut request = json!({ "model": "default", "messages": [{ "role": "user", "content": "well?" }] });
    change(&mut request);
    request
}

async fn streamed(coordinator: &Coordinator, change: impl Fn(&mut Value)) -> Vec<String> {
    let request = asked(|request| {
        request["stream"] = true.into();
        change(request);
    });
    let begun = begin(coordinator.address, &json_head(CHAT), &request.to_string()).await;
    assert_eq!((begun.status, begun.headers["content-type"].as_str()), (200, "text/event-stream"));
    begun.events().await
}

fn parsed(event: &str) -> Value {
    serde_json::from_str(event).unwrap()
}

#[tokio::test]
async fn an_answer_is_the_same_streamed_or_not_with_a_chunk_for_each_round() {
    let a = worker("a", &[Draft::Say(" Hello"), Draft::End(" there")], &[Score::Prefer(" Hello")]).await;
    let b = worker("b", &[Draft::Say(" Hi"), Draft::End(" there")], &[Score::Prefer(" Hello")]).await;
    let coordinator = Coordinator::start(&[&a, &b], PAIR).await;

    let whole = post(coordinator.address, CHAT, &asked(|_| {})).await;
    let told = whole.json();
    assert_eq!(told["choices"][0]["message"]["content"], " Hello there", "{told}");
    assert_eq!(told["choices"][0]["finish_reason"], "stop");
    assert_eq!((&told["object"], &told["model"]), (&json!("chat.completion"), &json!("default")));
    assert_eq!(told["id"], format!("chatcmpl-{}", whole.headers["x-request-id"]));
    assert_eq!(told["usage"]["specfuse"]["rounds"], 2);
    assert_eq!(told["specfuse"]["choices"][0][1]["text"], " there");

    let events = streamed(&coordinator, |request| request["stream_options"] = json!({ "include_usage": true })).await;
    let [first, second, end, usage, done] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(done, "[DONE]");
    let [first, second, end, usage] = [first, second, end, usage].map(|event| parsed(event));
    assert_eq!(first["choices"][0]["delta"], json!({ "role": "assistant", "content": " Hello" }));
    assert_eq!(first["specfuse"]["winner"], "a");
    assert_eq!(first["specfuse"]["active"], json!(["a", "b"]));
    assert_eq!(second["choices"][0]["delta"], json!({ "content": " there" }));
    assert_eq!(end["choices"][0]["finish_reason"], "stop");
    assert_eq!((usage["choices"].as_array().map(Vec::len), &usage["usage"]), (Some(0), &told["usage"]));
}

#[tokio::test]
async fn every_choice_is_an_answer_of_its_own() {
    let a = worker("a", &[Draft::End(" yes")], &[]).await;
    let coordinator = Coordinator::start(&[&a], "[ensembles.default]\nmembers = [\"a\"]").await;
    let request = asked(|request| {
        request["n"] = 3.into();
        request["seed"] = 7.into();
        request["temperature"] = 1.into();
    });
    let told = post(coordinator.address, CHAT, &request).await.json();
    let choices = told["choices"].as_array().unwrap();
    let indices: Vec<_> = choices.iter().map(|choice| choice["index"].as_u64().unwrap()).collect();
    assert_eq!(indices, [0, 1, 2]);
    assert!(choices.iter().all(|choice| choice["message"]["content"] == " yes"), "{told}");
    let mut seeds: Vec<u64> = a.drafts().iter().map(|draft| draft.sampling.unwrap().seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    assert_eq!(seeds.len(), 3);
}

#[tokio::test]
async fn a_member_alone_and_a_raw_text_are_asked_for_as_they_are() {
    let (a, b) = (sound("a").await, sound("b").await);
    let coordinator = Coordinator::start(&[&a, &b], PAIR).await;
    let request = json!({ "model": "default/b", "prompt": ["Once", "Twice"], "max_tokens": 60, "stop": "x" });
    let told = post(coordinator.address, "/v1/completions", &request).await.json();
    assert_eq!((&told["object"], told["choices"].as_array().map(Vec::len)), (&json!("text_completion"), Some(2)));
    assert_eq!(told["choices"][1]["text"], " yes");
    assert!(a.drafts().is_empty());
    let mut prompts: Vec<_> = b.drafts().into_iter().map(|draft| draft.context.unwrap().prompt.unwrap()).collect();
    prompts.dedup();
    let raw = |text: &str| proto::context::Prompt::Raw(text.to_owned());
    assert!(prompts.contains(&raw("Once")) && prompts.contains(&raw("Twice")), "{prompts:?}");

    let listed = get(coordinator.address, "/v1/models").await.json();
    let ids: Vec<_> = listed["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["default", "default/a", "default/b"]);
    assert_eq!(get(coordinator.address, "/v1/models/default/b").await.json()["id"], "default/b");
    assert_eq!(get(coordinator.address, "/v1/models/default").await.json()["id"], "default");
    let unknown = get(coordinator.address, "/v1/models/default/c").await;
    assert_eq!(unknown.error(), (404, "model".to_owned(), "model_not_found".to_owned()));
}

#[tokio::test]
async fn roles_and_parts_come_to_what_the_members_read() {
    let a = sound("a").await;
    let coordinator = Coordinator::start(&[&a], "[ensembles.default]\nmembers = [\"a\"]").await;
    let parts = json!([{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }]);
    let messages = json!([{ "role": "developer", "content": "be brief" }, { "role": "user", "content": parts }]);
    let told = post(coordinator.address, CHAT, &asked(|request| request["messages"] = messages.clone())).await;
    assert_eq!(told.status, 200, "{told:?}");
    let message = |role: &str, content: &str| proto::Message { role: role.to_owned(), content: content.to_owned() };
    let messages = vec![message("system", "be brief"), message("user", "ab")];
    let expected = proto::context::Prompt::Conversation(proto::Conversation { messages });
    assert_eq!(a.drafts()[0].context.as_ref().unwrap().prompt, Some(expected));
}

#[tokio::test]
async fn an_error_in_the_middle_is_an_event_and_what_was_told_stands() {
    let a = worker("a", &[Draft::Say(" Hello"), Draft::Fail(Code::Internal, "broken")], &[]).await;
    let coordinator = Coordinator::start(&[&a], "[ensembles.default]\nmembers = [\"a\"]").await;
    let events = streamed(&coordinator, |_| {}).await;
    let [first, rest @ ..] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(parsed(first)["choices"][0]["delta"]["content"], " Hello");
    let last = parsed(rest.last().unwrap());
    assert_eq!(last["error"]["code"], "members_unavailable", "{last}");
    let whole = post(coordinator.address, CHAT, &asked(|_| {})).await;
    assert_eq!((whole.error().0, &whole.json()["specfuse"]["texts"]), (503, &json!([" Hello"])));
}

#[tokio::test]
async fn an_answer_that_outgrows_its_members_ends_at_its_length() {
    let a = worker("a", &[Draft::Say(" Hello"), Draft::Fail(Code::OutOfRange, "full")], &[]).await;
    let coordinator = Coordinator::start(&[&a], "[ensembles.default]\nmembers = [\"a\"]").await;
    let told = post(coordinator.address, CHAT, &asked(|_| {})).await.json();
    assert_eq!(told["choices"][0]["message"]["content"], " Hello", "{told}");
    assert_eq!(
        (&told["choices"][0]["finish_reason"], &told["usage"]["completion_tokens"]),
        (&json!("length"), &json!(3))
    );
    let events = streamed(&coordinator, |_| {}).await;
    assert_eq!(parsed(&events[events.len() - 2])["choices"][0]["finish_reason"], "length");
}

#[tokio::test]
async fn choices_begin_as_there_is_room_and_hold_up_nobody() {
    let a = worker("a", &[Draft::End(" yes")], &[]).await;
    let settings = "max_generations = 1\n[ensembles.default]\nmembers = [\"a\"]";
    let coordinator = Coordinator::start(&[&a], settings).await;
    let told = post(coordinator.address, CHAT, &asked(|request| request["n"] = 4.into())).await.json();
    assert_eq!(told["choices"].as_array().map(Vec::len), Some(4), "{told}");
    assert!(a.drafts().iter().any(|draft| draft.request_id.ends_with("-3")), "each has an id of its own");
}

#[tokio::test]
async fn an_error_before_the_first_round_is_the_answers_status() {
    let a = worker("a", &[Draft::Fail(Code::FailedPrecondition, "no system")], &[]).await;
    let coordinator = Coordinator::start(&[&a], "[ensembles.default]\nmembers = [\"a\"]").await;
    let request = asked(|request| request["stream"] = true.into());
    let refused = post(coordinator.address, CHAT, &request).await;
    assert_eq!(refused.error(), (400, "messages".to_owned(), "prompt_refused".to_owned()));
    assert!(refused.body.contains("no system"), "{refused:?}");
}

#[tokio::test]
async fn a_client_that_leaves_frees_the_workers() {
    let a = worker("a", &[Draft::Say(" Hello"), Draft::Hang], &[]).await;
    let coordinator = Coordinator::start(&[&a], "[ensembles.default]\nmembers = [\"a\"]").await;
    for streams in [true, false] {
        let request = asked(|request| request["stream"] = streams.into());
        let (head, body) = (json_head(CHAT), request.to_string());
        let mut asking = Box::pin(begin(coordinator.address, &head, &body));
        tokio::select! {
            begun = &mut asking => {
                let mut begun = begun;
                assert!(begun.event().await.is_some());
                a.in_flight(1).await;
                drop(begun);
            }
            () = a.in_flight(1), if !streams => {}
        }
        drop(asking);
        a.in_flight(0).await;
    }
    let counted = async {
        loop {
            let metrics = get(coordinator.address, "/metrics").await.body;
            if metrics.contains("specfuse_answers_total{ensemble=\"default\",outcome=\"left\"} 2\n") {
                return metrics;
            }
        }
    };
    let metrics = tokio::time::timeout(std::time::Duration::from_secs(10), counted).await.unwrap();
    assert!(metrics.contains("specfuse_begun_answers_total{ensemble=\"default\"} 2\n"), "{metrics}");
    assert!(!metrics.contains("discovery_last_sync"), "nothing was discovered: {metrics}");
}

#[tokio::test]
async fn what_watches_the_coordinator_sees_what_it_does() {
    let a = sound("a").await;
    let coordinator = Coordinator::start(&[&a], "[ensembles.default]\nmembers = [\"a\"]").await;
    post(coordinator.address, CHAT, &asked(|_| {})).await;
    let cluster = get(coordinator.address, "/v1/specfuse/cluster").await.json();
    assert_eq!(cluster["workers"][0]["state"], "ready", "{cluster}");
    assert_eq!((&cluster["activity"]["answers"], &cluster["activity"]["members_per_round"]), (&json!(1), &json!(1.0)));
    assert_eq!(cluster["ensembles"][0]["default_strategy"], "fuse");
    let metrics = get(coordinator.address, "/metrics").await;
    assert!(metrics.headers["content-type"].starts_with("application/openmetrics-text"), "{metrics:?}");
    for line in [
        "specfuse_answers_total{ensemble=\"default\",outcome=\"stop\"} 1",
        "specfuse_http_responses_total{status=\"200\"} 2",
        "specfuse_workers{state=\"ready\"} 1",
        "# EOF",
    ] {
        assert!(metrics.body.lines().any(|told| told == line), "{line}: {}", metrics.body);
    }
    let document = get(coordinator.address, "/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["paths"][CHAT]["post"]["requestBody"].is_object(), "{document}");
    for (path, media_type) in
        [("/", "text/html; charset=utf-8"), ("/console/console.js", "text/javascript; charset=utf-8")]
    {
        let page = get(coordinator.address, path).await;
        assert_eq!((page.status, page.headers["content-type"].as_str()), (200, media_type));
        assert!(page.headers["content-security-policy"].starts_with("default-src 'none'"), "{page:?}");
    }
}

#[tokio::test]
async fn a_coordinator_is_not_ready_before_it_has_tried_its_workers() {
    // Connections wait here, and nobody answers them.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let coordinator =
        Coordinator::start_with(&format!("workers = [{url:?}]\n[ensembles.default]\nmembers = [\"a\"]")).await;
    let told = get(coordinator.address, "/readyz").await;
    assert_eq!((told.status, told.body.as_str()), (503, "not every worker has been tried yet\n"));
    drop(silent);
    let ready = async { while get(coordinator.address, "/readyz").await.status != 200 {} };
    tokio::time::timeout(std::time::Duration::from_secs(20), ready).await.unwrap();
}

#[tokio::test]
async fn a_stop_lets_streams_finish_and_is_seen_by_who_looks() {
    let a = worker("a", &[Draft::Say(" Hello"), Draft::Hang], &[]).await;
    let settings = "shutdown_grace = \"300ms\"\n[ensembles.default]\nmembers = [\"a\"]";
    let mut coordinator = Coordinator::start(&[&a], settings).await;
    let ready = async { while get(coordinator.address, "/readyz").await.status != 200 {} };
    tokio::time::timeout(std::time::Duration::from_secs(10), ready).await.unwrap();
    let request = asked(|request| request["stream"] = true.into());
    let mut begun = begin(coordinator.address, &json_head(CHAT), &request.to_string()).await;
    begun.event().await.unwrap();
    coordinator.shutdown.begin();
    assert_eq!(get(coordinator.address, "/readyz").await.status, 503);
    assert_eq!(get(coordinator.address, "/healthz").await.status, 200);
    let refused = post(coordinator.address, CHAT, &asked(|_| {})).await;
    assert_eq!((refused.error().0, refused.headers["connection"].as_str()), (503, "close"));
    let rest = begun.events().await;
    assert_eq!(parsed(rest.last().unwrap())["error"]["code"], "coordinator_stopping", "{rest:?}");
    assert!(coordinator.ended().await.is_err());
}
