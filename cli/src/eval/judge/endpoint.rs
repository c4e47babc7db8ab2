//! A model behind an OpenAI-compatible endpoint: one question, one answer. What may pass is tried again; what will not is an error
//! that says whether every question would meet it.

use std::time::{Duration, SystemTime};

use reqwest::{
    Client, RequestBuilder, Response, StatusCode, Url,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER},
    redirect,
};
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::{key::Key, stream::innermost};

const CONNECT_DEADLINE: Duration = Duration::from_secs(10);
/// For one answer.
const DEADLINE: Duration = Duration::from_secs(120);
/// How long what may pass is tried again, and how long before anything else is asked.
const PATIENCE: Duration = Duration::from_secs(600);
const PROBE_PATIENCE: Duration = Duration::from_secs(10);
/// Before the second try, at most; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Bytes of an answer.
const LONGEST: usize = 1 << 20;
/// Characters of an error's body that are shown.
const SHOWN: usize = 200;

#[derive(Debug, thiserror::Error)]
pub(crate) enum EndpointError {
    #[error("--judge {0:?}: it is not a URL such as http://127.0.0.1:8000/v1")]
    Url(String),
    #[error("the key for the judge cannot be sent")]
    Key,
    #[error("no client for HTTP can be made")]
    Client(#[source] reqwest::Error),
    #[error("the judge cannot be reached, or is overloaded: {0}")]
    Unavailable(String),
    #[error("the judge refuses ({status}): {said}")]
    Refused { status: StatusCode, said: String },
    #[error("what answers is no judge: {0}")]
    Foreign(String),
}

impl EndpointError {
    /// Whether every other question would meet it too.
    pub(super) fn concerns_all(&self) -> bool {
        match self {
            Self::Refused { status, .. } => !matches!(
                *status,
                StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY
            ),
            Self::Url(_) | Self::Key | Self::Client(_) | Self::Unavailable(_) | Self::Foreign(_) => true,
        }
    }
}

#[derive(Debug)]
pub(super) struct Endpoint {
    client: Client,
    url: Url,
    pub(super) model: String,
    authorization: Option<HeaderValue>,
    first_wait: Duration,
    patience: Duration,
}

#[derive(Deserialize)]
struct Answer {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
}

/// Why a try failed.
enum Failed {
    /// It may pass, after so long if the endpoint says so.
    Passing {
        why: String,
        wait: Option<Duration>,
    },
    Lasting(EndpointError),
}

impl Endpoint {
    /// `base`: what stands before "/chat/completions".
    pub(super) fn new(base: &str, model: String, key: Option<&Key>) -> Result<Self, EndpointError> {
        let wrong = || EndpointError::Url(base.to_owned());
        let mut url = Url::parse(base).map_err(|_| wrong())?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong());
        }
        url.path_segments_mut().map_err(|()| wrong())?.pop_if_empty().extend(["chat", "completions"]);
        // The client takes the process's. There is one already if this is not the first client.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = Client::builder().connect_timeout(CONNECT_DEADLINE).timeout(DEADLINE);
        let client = client.redirect(redirect::Policy::none()).build().map_err(EndpointError::Client)?;
        let authorization = match key {
            Some(key) => {
                let mut value = HeaderValue::try_from(key.bearer()).map_err(|_| EndpointError::Key)?;
                value.set_sensitive(true);
                Some(value)
            }
            None => None,
        };
        Ok(Self { client, url, model, authorization, first_wait: FIRST_WAIT, patience: PATIENCE })
    }

    /// One that gives up at once.
    #[cfg(test)]
    pub(super) fn impatient(self) -> Self {
        Self { patience: Duration::ZERO, ..self }
    }

    /// The text of the answer.
    pub(super) async fn ask(&self, system: &str, user: &str) -> Result<String, EndpointError> {
        self.ask_within(self.patience, system, user).await
    }

    /// Whether it answers.
    pub(super) async fn probe(&self, system: &str, user: &str) -> Result<(), EndpointError> {
        self.ask_within(PROBE_PATIENCE.min(self.patience), system, user).await.map(|_| ())
    }

    /// Tries so long. No two who wait come back together.
    async fn ask_within(&self, patience: Duration, system: &str, user: &str) -> Result<String, EndpointError> {
        let message = |role: &str, content: &str| json!({ "role": role, "content": content });
        let body = json!({
            "model": self.model, "messages": [message("system", system), message("user", user)], "temperature": 0,
        });
        let body = body.to_string();
        let mut backoff = self.first_wait;
        let until = Instant::now() + patience;
        loop {
            let (why, told) = match answered(self.request(body.clone())).await {
                Ok(text) => return Ok(text),
                Err(Failed::Lasting(error)) => return Err(error),
                Err(Failed::Passing { why, wait }) => (why, wait),
            };
            let wait = match told {
                Some(told) => told.min(LONGEST_WAIT).mul_f64(rand::random_range(1.0..1.25)),
                None => backoff.mul_f64(rand::random_range(0.5..1.0)),
            };
            if Instant::now() + wait >= until {
                return Err(EndpointError::Unavailable(why));
            }
            sleep(wait).await;
            backoff = (backoff * 2).min(LONGEST_WAIT);
        }
    }

    fn request(&self, body: String) -> RequestBuilder {
        let mut request = self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/json").body(body);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        request
    }
}

async fn answered(request: RequestBuilder) -> Result<String, Failed> {
    let passing = |error: reqwest::Error| Failed::Passing { why: innermost(&error), wait: None };
    let response = request.send().await.map_err(passing)?;
    let (status, wait) = (response.status(), retry_after(&response));
    let body = body(response).await?;
    if status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::REQUEST_TIMEOUT || status.is_server_error() {
        return Err(Failed::Passing { why: format!("{status}: {}", start(&body)), wait });
    }
    if !status.is_success() {
        return Err(Failed::Lasting(EndpointError::Refused { status, said: start(&body) }));
    }
    let foreign = |why: String| Failed::Lasting(EndpointError::Foreign(why));
    let answer: Answer = serde_json::from_slice(&body).map_err(|error| foreign(error.to_string()))?;
    let first = answer.choices.into_iter().next().ok_or_else(|| foreign("its answer has no choices".to_owned()))?;
    Ok(first.message.content.unwrap_or_default())
}

async fn body(mut response: Response) -> Result<Vec<u8>, Failed> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(error) => return Err(Failed::Passing { why: innermost(&error), wait: None }),
        }
        if body.len() > LONGEST {
            let why = format!("its answer is longer than {LONGEST} bytes");
            return Err(Failed::Lasting(EndpointError::Foreign(why)));
        }
    }
}

/// In seconds, or as a date.
fn retry_after(response: &Response) -> Option<Duration> {
    let told = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    match told.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => {
            let date = httpdate::parse_http_date(told).ok()?;
            Some(date.duration_since(SystemTime::now()).unwrap_or_default())
        }
    }
}

fn start(body: &[u8]) -> String {
    String::from_utf8_lossy(body).trim().chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests;
