//! Requests and whole answers, in the words of the tests.

use anyhow::{Context, Result};
use specfuse_proto::v1::{
    Conversation, Finished, GenerateRequest, GenerateResponse, Message, Segment, draft_report::Outcome,
    generate_request::Prompt, generate_response::Event,
};
use tonic::{Status, Streaming};

/// An answer that has ended well.
#[derive(Clone, Debug)]
pub struct Answer {
    pub segments: Vec<Segment>,
    pub finished: Finished,
}

impl Answer {
    pub fn text(&self) -> String {
        let shown: String = self.segments.iter().map(|segment| segment.text.as_str()).collect();
        shown + &self.finished.text
    }

    pub async fn read(mut stream: Streaming<GenerateResponse>) -> Result<Self, Status> {
        let mut segments = Vec::new();
        while let Some(response) = stream.message().await? {
            match response.event {
                Some(Event::Segment(segment)) => segments.push(segment),
                Some(Event::Finished(finished)) => return Ok(Self { segments, finished }),
                Some(Event::Recording(_)) => return Err(Status::internal("a recording that was not asked for")),
                None => return Err(Status::internal("a response without an event")),
            }
        }
        Err(Status::internal("the stream ended before the answer"))
    }
}

/// What a segment says of the answer, without what it says of time and work.
pub fn decision(mut segment: Segment) -> Segment {
    segment.timing = None;
    for report in &mut segment.drafts {
        if let Some(Outcome::Draft(draft)) = &mut report.outcome {
            draft.work = None;
        }
    }
    for row in &mut segment.scores {
        row.work = None;
    }
    segment
}

/// The next segment of an answer that is not over yet.
pub async fn next_segment(stream: &mut Streaming<GenerateResponse>) -> Result<Segment> {
    match stream.message().await?.context("the stream ended")?.event {
        Some(Event::Segment(segment)) => Ok(segment),
        other => anyhow::bail!("{other:?} instead of a segment"),
    }
}

pub fn message(role: &str, content: &str) -> Message {
    Message { role: role.to_owned(), content: content.to_owned() }
}

/// A greedy request for these messages, to the ensemble that answers by default.
pub fn chat(messages: Vec<Message>, max_tokens: u32) -> GenerateRequest {
    let prompt = Some(Prompt::Conversation(Conversation { messages }));
    GenerateRequest { prompt, max_tokens: Some(max_tokens), ..GenerateRequest::default() }
}

pub fn question(text: &str, max_tokens: u32) -> GenerateRequest {
    chat(vec![message("user", text)], max_tokens)
}
