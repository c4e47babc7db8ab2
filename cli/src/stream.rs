//! One answer from a coordinator: the stream of events, and how long it took.

use std::{error::Error, io, time::Duration};

use serde::de::IgnoredAny;
use specfuse_proto::v1::{
    Finished, GenerateRequest, ensemble_service_client::EnsembleServiceClient, generate_response::Event,
};
use tokio::time::Instant;
use tonic::{Code, Status};

use crate::{
    access::Access,
    output,
    record::{Record, RecordError},
    view::View,
};

#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamError {
    #[error("no coordinator answers at {url}: {reason}; `specfuse up` starts one on this machine")]
    Connect { url: String, reason: String },
    #[error("what answers at {url} is no SpecFuse coordinator")]
    NoCoordinator { url: String },
    #[error(
        "what answers at {url} does not speak gRPC; if it speaks TLS, begin the URL with https:// and give --tls-ca"
    )]
    NoGrpc { url: String },
    #[error("{}", said(.0))]
    Refused(Box<Status>),
    #[error("the coordinator closed the stream before the answer was finished")]
    Unfinished,
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error("cannot write to standard output")]
    Output(#[from] io::Error),
}

/// The end of an answer, for the summary.
#[derive(Debug)]
pub(crate) struct Answer {
    /// All of it.
    pub(crate) text: String,
    pub(crate) finished: Finished,
    /// From the request to the first segment.
    pub(crate) first_segment: Option<Duration>,
    /// From the request to the end.
    pub(crate) total: Duration,
}

/// Asks, and writes each event to standard output the moment it arrives; a recording goes to its place.
pub(crate) async fn answer(
    access: &Access,
    request: GenerateRequest,
    view: &mut View,
    record: Option<Record>,
) -> Result<Answer, StreamError> {
    let mut client = EnsembleServiceClient::new(access.channel());
    let begun = Instant::now();
    let mut events =
        client.generate(access.request(request)).await.map_err(|status| rejected(&access.url, status))?.into_inner();
    let (mut first_segment, mut text, mut recording) = (None, String::new(), String::new());
    loop {
        let event = match events.message().await {
            Ok(event) => event.ok_or(StreamError::Unfinished),
            Err(status) => Err(StreamError::Refused(Box::new(status))),
        };
        match event.map(|response| response.event) {
            Ok(Some(Event::Segment(segment))) => {
                first_segment.get_or_insert_with(|| begun.elapsed());
                output::write(&view.segment(&segment))?;
                text.push_str(&segment.text);
            }
            Ok(Some(Event::Finished(finished))) => {
                output::write(&view.finished(&finished))?;
                recorded(record, &recording)?;
                text.push_str(&finished.text);
                return Ok(Answer { text, finished, first_segment, total: begun.elapsed() });
            }
            Ok(Some(Event::Recording(part))) => {
                if record.is_some() {
                    recording.push_str(&part.json);
                }
            }
            // An event that this program is too old to know.
            Ok(None) => {}
            Err(error) => {
                output::write(&view.broken_off())?;
                // The error's own recording, unless the stream broke off within it.
                if serde_json::from_str::<IgnoredAny>(&recording).is_ok() {
                    recorded(record, &recording)?;
                }
                return Err(error);
            }
        }
    }
}

/// All its parts have come.
fn recorded(record: Option<Record>, json: &str) -> Result<(), RecordError> {
    match record {
        Some(record) if json.is_empty() => Err(record.missed()),
        Some(record) => record.write(json),
        None => Ok(()),
    }
}

/// A transport's own text says little, such as "transport error"; what went wrong is at the end of its chain.
pub(crate) fn innermost(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// A status that no coordinator wrote means that there is none: another gRPC server, or none at all.
pub(crate) fn rejected(url: &str, status: Status) -> StreamError {
    let url = url.to_owned();
    match (status.code(), status.source()) {
        (Code::Unavailable, Some(source)) => StreamError::Connect { url, reason: innermost(source) },
        (Code::Unimplemented, _) => StreamError::NoCoordinator { url },
        (_, Some(_)) => StreamError::NoGrpc { url },
        (_, None) => StreamError::Refused(Box::new(status)),
    }
}

/// What the coordinator said, and what may help.
fn said(status: &Status) -> String {
    match (status.code(), status.message()) {
        (code, "") => code.description().to_owned(),
        (Code::Internal | Code::Unknown, message) => format!("the coordinator failed: {message}"),
        (Code::Unauthenticated, message) => {
            format!("{message}; give a key by --api-key-file, or in the environment variable SPECFUSE_API_KEY")
        }
        (_, message) => message.to_owned(),
    }
}
