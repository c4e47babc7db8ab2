//! A client outside of the chart, of one coordinator: over gRPC and over HTTP, in the clear or by TLS.

use std::{net::SocketAddr, path::Path, pin::Pin};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use specfuse_proto::v1::{GenerateRequest, GenerateResponse, Sampling, ensemble_service_client::EnsembleServiceClient};
use specfuse_runtime::tls::{self, ClientTls, ClientTlsFiles};
use tonic::{
    Streaming,
    body::Body,
    codegen::{Body as _, Service as _, http},
    transport::{Channel, Endpoint},
};

use crate::{answer, process::DEADLINE};

/// Whoever is paid for saying the same again never ends.
const PENALTY: f32 = -2.0;
const QUESTION: &str = "Ben was born on a Tuesday. What day was it 93 days later?";

#[derive(Clone, Debug)]
pub struct Asker {
    channel: Channel,
    url: String,
}

/// A streamed answer over HTTP.
#[derive(Debug)]
pub struct Events {
    body: Body,
    unread: String,
}

impl Asker {
    /// `ca`: who has signed what the coordinator shows; none: it speaks plaintext.
    pub fn of(coordinator: SocketAddr, ca: Option<&Path>) -> Result<Self> {
        let files = ClientTlsFiles::given(("--ca", ca.map(Path::to_owned)), ("--cert", None), ("--key", None))?;
        let tls = files.map(ClientTls::load).transpose()?;
        let url = format!("{}://{coordinator}", if tls.is_some() { "https" } else { "http" });
        let endpoint = Endpoint::from_shared(url.clone())?.connect_timeout(DEADLINE);
        Ok(Self { channel: tls::channel(endpoint, tls.as_ref()), url })
    }

    pub async fn ask(&self, request: GenerateRequest) -> Result<Streaming<GenerateResponse>> {
        Ok(EnsembleServiceClient::new(self.channel.clone()).generate(request).await?.into_inner())
    }

    /// The same question as [`endless`].
    pub async fn ask_over_http(&self, max_tokens: u32) -> Result<Events> {
        let body = json!({
            "model": "default", "messages": [{ "role": "user", "content": QUESTION }], "stream": true,
            "temperature": 0, "frequency_penalty": PENALTY, "max_tokens": max_tokens,
        });
        let request = http::Request::post(format!("{}/v1/chat/completions", self.url))
            .header("content-type", "application/json")
            .body(Body::new(body.to_string()))?;
        let mut channel = self.channel.clone();
        std::future::poll_fn(|context| channel.poll_ready(context)).await?;
        let response = channel.call(request).await?;
        ensure!(response.status() == http::StatusCode::OK, "{response:?}");
        Ok(Events { body: response.into_body(), unread: String::new() })
    }
}

impl Events {
    /// The next event's text. None: the answer was whole.
    pub async fn text(&mut self) -> Result<Option<String>> {
        loop {
            if let Some((event, rest)) = self.unread.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.unread = rest;
                let Some(told) = event.strip_prefix("data: ") else { continue };
                if told == "[DONE]" {
                    return Ok(None);
                }
                let event: Value = serde_json::from_str(told)?;
                ensure!(event.get("error").is_none(), "{event}");
                let text = event.pointer("/choices/0/delta/content").and_then(Value::as_str);
                return Ok(Some(text.unwrap_or_default().to_owned()));
            }
            let frame = std::future::poll_fn(|context| Pin::new(&mut self.body).poll_frame(context)).await;
            if let Ok(bytes) = frame.context("the stream ended before the answer")??.into_data() {
                self.unread += std::str::from_utf8(&bytes)?;
            }
        }
    }

    /// What is left of the answer.
    pub async fn rest(mut self) -> Result<String> {
        let mut whole = String::new();
        while let Some(text) = self.text().await? {
            whole += &text;
        }
        Ok(whole)
    }
}

/// A question whose answer goes on to its last token.
pub fn endless(max_tokens: u32) -> GenerateRequest {
    let sampling = Some(Sampling { frequency_penalty: PENALTY, ..Sampling::default() });
    // Rounds of requests with the same id go to the same replicas.
    let request_id = "the-same".to_owned();
    GenerateRequest { request_id, sampling, ..answer::question(QUESTION, max_tokens) }
}
