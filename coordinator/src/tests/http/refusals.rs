//! What is refused, and how: always in OpenAI's form, naming the field.

use super::{client::Answer, *};

fn named_by(answer: &Answer) -> (u16, String) {
    let (status, param, _) = answer.error();
    (status, param)
}

#[tokio::test]
async fn what_cannot_be_honoured_is_refused_by_name_and_what_asks_for_nothing_is_not() {
    let a = sound("a").await;
    let coordinator = Coordinator::start(&[&a], "[ensembles.default]\nmembers = [\"a\"]").await;
    let image = json!([{ "role": "user", "content": [{ "type": "image_url", "image_url": {} }] }]);
    let refused = [
        ("model", json!(""), "model"),
        ("model", json!("nobody"), "model"),
        ("model", json!("default/nobody"), "model"),
        ("messages", json!([]), "messages"),
        ("messages", json!([{ "role": "tool", "content": "x" }]), "messages[0].role"),
        ("messages", json!([{ "role": "user" }]), "messages[0].content"),
        ("messages", json!([{ "role": "user", "content": "x", "name": "ada" }]), "messages[0].name"),
        ("messages", image, "messages[0].content[0].type"),
        ("temperature", json!(-1), "temperature"),
        ("temperature", json!("hot"), "temperature"),
        ("top_p", json!(0), "top_p"),
        ("max_tokens", json!(0), "max_tokens"),
        ("max_completion_tokens", json!(5000), "max_completion_tokens"),
        ("stop", json!(["x", ""]), "stop[1]"),
        ("n", json!(0), "n"),
        ("n", json!(17), "n"),
        ("top_logprobs", json!(2), "top_logprobs"),
        ("stream_options", json!({ "include_usage": true }), "stream_options"),
        ("tools", json!([{ "type": "function" }]), "tools"),
        ("tool_choice", json!("auto"), "tool_choice"),
        ("response_format", json!({ "type": "json_object" }), "response_format.type"),
        ("response_format", json!({ "type": "text", "json_schema": {} }), "response_format"),
        ("logit_bias", json!({ "50256": -100 }), "logit_bias"),
        ("store", json!(true), "store"),
        ("frobnicate", json!(1), "frobnicate"),
        ("specfuse", json!({ "strategy": "nothing" }), "specfuse.strategy"),
        ("specfuse", json!({ "min_p": 2 }), "specfuse.min_p"),
        ("specfuse", json!({ "frobnicate": 2 }), "specfuse.frobnicate"),
    ];
    for (field, value, param) in refused {
        let answer = post(coordinator.address, CHAT, &asked(|request| request[field] = value.clone())).await;
        let expected = if matches!(param, "model" | "specfuse.strategy") { 404 } else { 400 };
        assert_eq!(named_by(&answer), (expected, param.to_owned()), "{field}: {value}: {}", answer.body);
    }
    assert!(a.drafts().is_empty());
    let taken = asked(|request| {
        for (field, value) in [
            ("tools", json!([])),
            ("tool_choice", json!("none")),
            ("response_format", json!({ "type": "text" })),
            ("logit_bias", json!({})),
            ("store", json!(false)),
            ("user", json!("ada")),
            ("metadata", json!({ "a": "b" })),
            ("service_tier", json!("auto")),
            ("reasoning_effort", Value::Null),
        ] {
            request[field] = value;
        }
    });
    let answer = post(coordinator.address, CHAT, &taken).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn what_is_no_request_is_refused_in_the_same_form() {
    let a = sound("a").await;
    let coordinator = Coordinator::start(&[&a], "[ensembles.default]\nmembers = [\"a\"]").await;
    let address = coordinator.address;
    for body in ["", "{", "[]", "\"x\"", "{}", "{} {}", "{\"model\":1}"] {
        assert_eq!(begin(address, &json_head(CHAT), body).await.end().await.error().0, 400, "{body}");
    }
    let text = format!("POST {CHAT} HTTP/1.0\r\ncontent-type: text/plain");
    assert_eq!(begin(address, &text, &asked(|_| {}).to_string()).await.end().await.error().0, 415);
    let large = asked(|request| request["messages"][0]["content"] = "x".repeat(4 << 20).into());
    assert_eq!(post(address, CHAT, &large).await.error().0, 413);
    let quoted = asked(|request| request["messages"][0]["role"] = "x".repeat(1 << 20).into());
    let refused = post(address, CHAT, &quoted).await;
    assert!(refused.error().0 == 400 && refused.body.len() < 8192, "{} bytes", refused.body.len());
    assert_eq!(get(address, CHAT).await.error().0, 405);
    assert_eq!(get(address, "/v1/nothing").await.error().0, 404);
    assert_eq!(get(address, "/console/../Cargo.toml").await.error().0, 404);
    let absent = get(address, "/v1/specfuse/recordings/nobody").await;
    assert_eq!(absent.error(), (404, "request_id".to_owned(), "no_recording".to_owned()));
    let head = format!("{}\r\nx-request-id: mine", json_head(CHAT));
    let named = begin(address, &head, &asked(|_| {}).to_string()).await;
    assert_eq!(named.headers["x-request-id"], "mine");
    let head = format!("{}\r\nx-request-id: {}", json_head(CHAT), "x".repeat(129));
    let long = begin(address, &head, &asked(|_| {}).to_string()).await.end().await;
    assert_eq!(named_by(&long), (400, "x-request-id".to_owned()));
    for path in ["/v1/models/%ff", "/v1/specfuse/recordings/%ff"] {
        assert_eq!(get(address, path).await.error().0, 400, "{path}");
    }
    let rebound = begin(address, "GET /v1/specfuse/cluster HTTP/1.0\r\nhost: evil.example:80", "").await;
    assert_eq!(rebound.end().await.error().0, 403);
    for host in ["localhost:7070", "127.0.0.1:7070", "[::1]:7070", "localhost"] {
        let head = format!("GET /v1/specfuse/cluster HTTP/1.0\r\nhost: {host}");
        assert_eq!(begin(address, &head, "").await.status, 200, "{host}");
    }
    assert_eq!(a.drafts()[0].request_id, "mine");
}

#[tokio::test]
async fn who_has_no_place_is_told_when_to_come_back() {
    let a = worker("a", &[Draft::Hang], &[]).await;
    let settings = "max_generations = 1\nmax_waiting = 0\n[ensembles.default]\nmembers = [\"a\"]";
    let coordinator = Coordinator::start(&[&a], settings).await;
    let running = coordinator.generate(ask("well?")).await.unwrap();
    a.in_flight(1).await;
    let refused = post(coordinator.address, CHAT, &asked(|_| {})).await;
    assert_eq!((refused.error().0, refused.error().2), (429, "rate_limit_exceeded".to_owned()));
    let seconds: u64 = refused.headers["retry-after"].parse().unwrap();
    let millis: u64 = refused.headers["retry-after-ms"].parse().unwrap();
    assert!((1..=3).contains(&seconds) && millis <= seconds * 1000, "{refused:?}");
    drop(running);
}

#[tokio::test]
async fn pages_of_other_sites_ask_only_where_they_are_let() {
    let a = sound("a").await;
    let ensemble = "[ensembles.default]\nmembers = [\"a\"]";
    let settings = format!("cors_origins = [\"https://good.example\"]\n{ensemble}");
    let (closed, open) = (Coordinator::start(&[&a], ensemble).await, Coordinator::start(&[&a], &settings).await);
    let allowed = async |coordinator: &Coordinator, origin: &str| {
        let head = format!(
            "OPTIONS {CHAT} HTTP/1.0\r\norigin: {origin}\r\naccess-control-request-method: POST\r\n\
             access-control-request-headers: content-type,x-stainless-lang"
        );
        let answer = begin(coordinator.address, &head, "").await;
        let taken = answer.headers.get("access-control-allow-headers");
        assert!(taken.is_some_and(|taken| taken.contains("x-stainless-lang")), "{:?}", answer.headers);
        answer.headers.get("access-control-allow-origin").cloned()
    };
    assert_eq!(allowed(&closed, "https://good.example").await, None);
    assert_eq!(allowed(&open, "https://evil.example").await, None);
    assert_eq!(allowed(&open, "https://good.example").await.as_deref(), Some("https://good.example"));
}
