//! `/v1/chat/completions`.

use axum::{Extension, extract::State, response::Response};

use super::{
    Http, RequestId,
    asking::{self, Ended, Head},
    error::{ErrorBody, HttpError},
    extract::Body,
    models,
    told::Told,
    types::{
        AnswerExtension, AssistantMessage, ChatAnswer, ChatChoice, ChatChunk, ChatChunkChoice, ChatRequest, Delta,
        Logprobs, TokenLogprob, Usage,
    },
    wanted,
};
use crate::api::intake::Asker;

/// Answer a conversation.
///
/// With `stream` the answer comes as events, each a `ChatCompletionChunk`, and `[DONE]` after the last; an error in the middle is an
/// event too.
#[utoipa::path(
    post,
    path = "/v1/chat/completions",
    tag = "openai",
    request_body = ChatRequest,
    responses(
        (status = 200, description = "The answer, or a stream of chunks", content(
            (ChatAnswer = "application/json"),
            (String = "text/event-stream"),
        )),
        (status = "4XX", description = "What is wrong and what is allowed", body = ErrorBody),
        (status = "5XX", description = "No member answers, or this coordinator stops", body = ErrorBody),
    ),
)]
pub(super) async fn chat(
    State(http): State<Http>,
    asker: Asker,
    Extension(RequestId(request_id)): Extension<RequestId>,
    Body(request): Body<ChatRequest>,
) -> Result<Response, HttpError> {
    models::check(&http, &request.model)?;
    let wanted = wanted::chat(request, &request_id)?;
    asking::ask(&http.intake, wanted, asker, ("chatcmpl", &request_id)).await?.respond(answer, chunk, last).await
}

fn answer(head: Head, mut ended: Vec<Ended>, usage: Usage) -> ChatAnswer {
    let segments = ended.iter_mut().map(|ended| std::mem::take(&mut ended.segments)).collect();
    let choice = |(index, ended): (usize, Ended)| ChatChoice {
        index,
        message: AssistantMessage { role: "assistant", content: ended.text, refusal: None },
        logprobs: ended.logprobs.map(logprobs),
        finish_reason: ended.reason,
    };
    ChatAnswer {
        id: head.id,
        object: "chat.completion",
        created: head.created,
        model: head.model,
        choices: ended.into_iter().enumerate().map(choice).collect(),
        usage,
        specfuse: AnswerExtension { request_id: head.request_id, choices: segments },
    }
}

fn chunk(head: &Head, mut told: Told) -> ChatChunk {
    let (index, logprobs) = (told.index, told.logprobs.take().map(logprobs));
    let role = told.is_first.then_some("assistant");
    let content = Some(std::mem::take(&mut told.text));
    let (specfuse, finish_reason) = told.extension();
    let choice = ChatChunkChoice { index, delta: Delta { role, content }, logprobs, finish_reason };
    ChatChunk { choices: vec![choice], usage: None, specfuse, ..empty(head) }
}

fn last(head: &Head, usage: Usage) -> ChatChunk {
    ChatChunk { usage: Some(usage), ..empty(head) }
}

fn empty(head: &Head) -> ChatChunk {
    ChatChunk {
        id: head.id.clone(),
        object: "chat.completion.chunk",
        created: head.created,
        model: head.model.clone(),
        choices: Vec::new(),
        usage: None,
        specfuse: None,
    }
}

fn logprobs(content: Vec<TokenLogprob>) -> Logprobs {
    Logprobs { content, refusal: None }
}
