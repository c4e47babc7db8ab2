//! Against a server on this machine that answers as it is told.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinSet,
    time::{Instant, timeout},
};

use super::*;

const ANSWER: &str =
    r#"{"id": "x", "choices": [{"index": 0, "message": {"role": "assistant", "content": "Verdict: A"}}]}"#;

/// Gives one answer to each connection, and tells what it was sent.
async fn server(answers: Vec<(&'static str, &'static str)>) -> (SocketAddr, JoinSet<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut task = JoinSet::new();
    task.spawn(async move {
        let mut heard = Vec::new();
        for (head, body) in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            heard.push(request(&mut stream).await);
            let length = body.len();
            let text = format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
            stream.write_all(text.as_bytes()).await.unwrap();
        }
        heard
    });
    (address, task)
}

/// Head and body, which is as long as the head says.
async fn request(stream: &mut tokio::net::TcpStream) -> String {
    let mut text = String::new();
    let mut bytes = [0; 4096];
    loop {
        let read = stream.read(&mut bytes).await.unwrap();
        text += std::str::from_utf8(&bytes[..read]).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if read == 0 || body.len() >= length.parse().unwrap() {
            return text;
        }
    }
}

fn endpoint(address: SocketAddr, key: Option<&Key>) -> Endpoint {
    let endpoint = Endpoint::new(&format!("http://{address}/v1/"), "judge-1".to_owned(), key).unwrap();
    Endpoint { first_wait: Duration::from_millis(1), patience: Duration::from_secs(5), ..endpoint }
}

async fn outcome(answers: Vec<(&'static str, &'static str)>) -> (Result<String, EndpointError>, Vec<String>) {
    let (address, mut task) = server(answers).await;
    let asked = endpoint(address, None).ask("system", "user").await;
    let heard = timeout(Duration::from_secs(10), task.join_next()).await.unwrap().unwrap().unwrap();
    (asked, heard)
}

#[tokio::test]
async fn the_request_is_what_openai_compatible_servers_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "s3cret\n").unwrap();
    let key = Key::from_file("--judge-key-file", file).unwrap();
    let (address, mut task) = server(vec![("200 OK", ANSWER)]).await;
    let endpoint = endpoint(address, Some(&key));
    assert!(!format!("{endpoint:?}").contains("s3cret"));
    assert_eq!(endpoint.ask("be fair", "which?").await.unwrap(), "Verdict: A");
    let heard = task.join_next().await.unwrap().unwrap().remove(0);
    let (head, body) = heard.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /v1/chat/completions HTTP/1.1"), "{head}");
    assert!(head.contains("authorization: Bearer s3cret") && head.contains("content-type: application/json"));
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!((&body["model"], &body["messages"][1]["content"]), (&json!("judge-1"), &json!("which?")));
}

#[tokio::test]
async fn what_may_pass_is_tried_again_as_late_as_told() {
    let begun = Instant::now();
    let answers = vec![
        ("429 Too Many Requests\r\nretry-after: 1", "slow down"),
        ("503 Service Unavailable\r\nretry-after: Wed, 21 Oct 2015 07:28:00 GMT", ""),
        ("500 Internal Server Error", "oh"),
        ("200 OK", ANSWER),
    ];
    let (asked, heard) = outcome(answers).await;
    assert_eq!((asked.unwrap().as_str(), heard.len()), ("Verdict: A", 4));
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn what_does_not_pass_ends_with_the_patience() {
    let (address, _task) = server(vec![("500 Internal Server Error", "broken")]).await;
    let endpoint = Endpoint { patience: Duration::ZERO, ..endpoint(address, None) };
    let error = endpoint.ask("system", "user").await.unwrap_err();
    assert!(error.concerns_all() && error.to_string().ends_with("500 Internal Server Error: broken"), "{error}");
}

#[tokio::test]
async fn a_refusal_is_final_and_says_whether_others_would_meet_it() {
    let (asked, _) = outcome(vec![("401 Unauthorized", "no such key")]).await;
    let error = asked.unwrap_err();
    assert!(error.concerns_all(), "{error}");
    assert_eq!(error.to_string(), "the judge refuses (401 Unauthorized): no such key");
    let (asked, _) = outcome(vec![("400 Bad Request", "too long")]).await;
    assert!(!asked.unwrap_err().concerns_all());
    let (asked, _) = outcome(vec![("302 Found\r\nlocation: http://127.0.0.1:1/", "")]).await;
    assert!(matches!(asked, Err(EndpointError::Refused { status: StatusCode::FOUND, .. })));
}

#[tokio::test]
async fn what_is_no_chat_completion_is_said_to_be_none() {
    for body in ["<html>", "{\"choices\": []}", "{}"] {
        let (asked, _) = outcome(vec![("200 OK", body)]).await;
        assert!(matches!(asked, Err(EndpointError::Foreign(_))), "{body}");
    }
    let (asked, _) = outcome(vec![("200 OK", "{\"choices\": [{\"message\": {\"content\": null}}]}")]).await;
    assert_eq!(asked.unwrap(), "");
}

#[tokio::test]
async fn nobody_there_is_said_after_some_tries() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let endpoint = Endpoint { patience: Duration::from_millis(20), ..endpoint(free, None) };
    assert!(matches!(endpoint.ask("s", "u").await, Err(EndpointError::Unavailable(_))));
    assert!(matches!(endpoint.probe("s", "u").await, Err(EndpointError::Unavailable(_))));
}

#[test]
fn a_url_is_one_of_http() {
    for url in ["", "127.0.0.1:8000", "ftp://a/v1", "http://"] {
        assert!(matches!(Endpoint::new(url, "m".to_owned(), None), Err(EndpointError::Url(_))), "{url}");
    }
    assert_eq!(
        Endpoint::new("https://a.example/v1", "m".to_owned(), None).unwrap().url.as_str(),
        "https://a.example/v1/chat/completions"
    );
}
