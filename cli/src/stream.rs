//! One answer from a coordinator: the stream of events, and how long it took.

use std::{error::Error, io, time::Duration};

use specfuse_proto::v1::{
    Finished, GenerateRequest, ensemble_service_client::EnsembleServiceClient, generate_response::Event,
};
use tokio::time::Instant;
use tonic::{Code, Status, transport::Endpoint};

use crate::{output, view::View};

const CONNECT_DEADLINE: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamError {
    #[error("{url:?} is not a URL such as http://127.0.0.1:7070")]
    Url { url: String },
    #[error("no coordinator answers at {url}: {reason}")]
    Connect { url: String, reason: String },
    #[error("{url:?}: TLS is not supported, the URL must begin with http://")]
    Tls { url: String },
    #[error("what answers at {url} is no SpecFuse coordinator")]
    NoCoordinator { url: String },
    #[error("{}", said(.0))]
    Refused(Box<Status>),
    #[error("the coordinator closed the stream before the answer was finished")]
    Unfinished,
    #[error("cannot write to standard output")]
    Output(#[from] io::Error),
}

/// The end of an answer, for the summary.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) finished: Finished,
    /// From the request to the first segment.
    pub(crate) first_segment: Option<Duration>,
    /// From the request to the end.
    pub(crate) total: Duration,
}

/// Asks, and writes each event to standard output the moment it arrives.
pub(crate) async fn answer(url: &str, request: GenerateRequest, view: &mut View) -> Result<Answer, StreamError> {
    let mut client = connect(url).await?;
    let begun = Instant::now();
    let mut events = client.generate(request).await.map_err(|status| rejected(url, status))?.into_inner();
    let mut first_segment = None;
    loop {
        let event = match events.message().await {
            Ok(event) => event.ok_or(StreamError::Unfinished),
            Err(status) => Err(StreamError::Refused(Box::new(status))),
        };
        match event.map(|response| response.event) {
            Ok(Some(Event::Segment(segment))) => {
                first_segment.get_or_insert_with(|| begun.elapsed());
                output::write(&view.segment(&segment))?;
            }
            Ok(Some(Event::Finished(finished))) => {
                output::write(&view.finished(&finished))?;
                return Ok(Answer { finished, first_segment, total: begun.elapsed() });
            }
            // An event that this program is too old to know.
            Ok(None) => {}
            Err(error) => {
                output::write(&view.broken_off())?;
                return Err(error);
            }
        }
    }
}

async fn connect(url: &str) -> Result<EnsembleServiceClient<tonic::transport::Channel>, StreamError> {
    let full = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    let endpoint = Endpoint::from_shared(full).map_err(|_| StreamError::Url { url: url.to_owned() })?;
    // Without this the channel would speak plain text to it.
    if endpoint.uri().scheme_str() == Some("https") {
        return Err(StreamError::Tls { url: url.to_owned() });
    }
    match endpoint.connect_timeout(CONNECT_DEADLINE).connect().await {
        Ok(channel) => Ok(EnsembleServiceClient::new(channel)),
        Err(error) => Err(StreamError::Connect { url: url.to_owned(), reason: innermost(&error) }),
    }
}

/// The transport's own text is "transport error"; what went wrong is at the end of its chain.
fn innermost(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// A status that no coordinator wrote means that there is none: another gRPC server, or none at all.
fn rejected(url: &str, status: Status) -> StreamError {
    let unwritten = status.source().is_some() && status.code() != Code::Unavailable;
    if status.code() == Code::Unimplemented || unwritten {
        return StreamError::NoCoordinator { url: url.to_owned() };
    }
    StreamError::Refused(Box::new(status))
}

fn said(status: &Status) -> String {
    match (status.code(), status.message()) {
        (code, "") => code.description().to_owned(),
        (Code::Internal | Code::Unknown, message) => format!("the coordinator failed: {message}"),
        (_, message) => message.to_owned(),
    }
}
