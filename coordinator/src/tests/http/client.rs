//! The least of an HTTP client: HTTP/1.0, so that a body ends where its connection does.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// An answer whose body has not been read yet.
pub(in crate::tests) struct Begun {
    pub(in crate::tests) status: u16,
    pub(in crate::tests) headers: BTreeMap<String, String>,
    body: BufReader<TcpStream>,
}

#[derive(Debug)]
pub(in crate::tests) struct Answer {
    pub(in crate::tests) status: u16,
    pub(in crate::tests) headers: BTreeMap<String, String>,
    pub(in crate::tests) body: String,
}

pub(in crate::tests) async fn begin(address: SocketAddr, head: &str, body: &str) -> Begun {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    // A server that refuses early may not read all of it.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut body = BufReader::new(stream);
    let begun = async {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            body.read_line(&mut line).await.unwrap();
            match line.trim_end() {
                "" => break lines,
                line => lines.push(line.to_owned()),
            }
        }
    };
    let lines = tokio::time::timeout(PATIENCE, begun).await.expect("no answer");
    let status = lines[0].split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines[1..].iter().filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Begun { status, headers, body }
}

pub(in crate::tests) async fn get(address: SocketAddr, path: &str) -> Answer {
    begin(address, &format!("GET {path} HTTP/1.0"), "").await.end().await
}

pub(in crate::tests) fn json_head(path: &str) -> String {
    format!("POST {path} HTTP/1.0\r\ncontent-type: application/json")
}

pub(in crate::tests) async fn post(address: SocketAddr, path: &str, body: &Value) -> Answer {
    begin(address, &json_head(path), &body.to_string()).await.end().await
}

impl Begun {
    pub(in crate::tests) async fn end(mut self) -> Answer {
        let mut body = String::new();
        let read = tokio::time::timeout(PATIENCE, self.body.read_to_string(&mut body)).await;
        read.expect("the body does not end").unwrap();
        Answer { status: self.status, headers: self.headers, body }
    }

    /// The next event of a stream.
    pub(in crate::tests) async fn event(&mut self) -> Option<String> {
        let mut line = String::new();
        loop {
            line.clear();
            let read = tokio::time::timeout(PATIENCE, self.body.read_line(&mut line)).await;
            if read.expect("no event").unwrap() == 0 {
                return None;
            }
            if let Some(event) = line.strip_prefix("data: ") {
                return Some(event.trim_end().to_owned());
            }
        }
    }

    pub(in crate::tests) async fn events(mut self) -> Vec<String> {
        let mut events = Vec::new();
        while let Some(event) = self.event().await {
            events.push(event);
        }
        events
    }
}

impl Answer {
    pub(in crate::tests) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Status, the field that is wrong, and the error's code.
    pub(in crate::tests) fn error(&self) -> (u16, String, String) {
        let error = &self.json()["error"];
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{self:?}");
        assert!(error["type"].is_string(), "{self:?}");
        let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        (self.status, text("param"), text("code"))
    }
}
