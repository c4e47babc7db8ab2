//! `/v1/completions`.

use axum::{Extension, extract::State, response::Response};

use super::{
    Http, RequestId,
    asking::{self, Ended, Head},
    error::{ErrorBody, HttpError},
    extract::Body,
    models,
    told::Told,
    types::{
        AnswerExtension, CompletionAnswer, CompletionChoice, CompletionExtension, CompletionLogprobs,
        CompletionRequest, TokenLogprob, Usage,
    },
    wanted,
};
use crate::api::intake::Asker;

/// Continue a text as it is, without a chat template.
///
/// With `stream` it comes as events, each a `Completion`, and `[DONE]` after the last.
#[utoipa::path(
    post,
    path = "/v1/completions",
    tag = "openai",
    request_body = CompletionRequest,
    responses(
        (status = 200, description = "The continuation, or a stream of chunks", content(
            (CompletionAnswer = "application/json"),
            (String = "text/event-stream"),
        )),
        (status = "4XX", description = "What is wrong and what is allowed", body = ErrorBody),
        (status = "5XX", description = "No member answers, or this coordinator stops", body = ErrorBody),
    ),
)]
pub(super) async fn completions(
    State(http): State<Http>,
    asker: Asker,
    Extension(RequestId(request_id)): Extension<RequestId>,
    Body(request): Body<CompletionRequest>,
) -> Result<Response, HttpError> {
    models::check(&http, &request.model)?;
    let wanted = wanted::completion(request, &request_id)?;
    asking::ask(&http.intake, wanted, asker, ("cmpl", &request_id)).await?.respond(answer, chunk, last).await
}

fn answer(head: Head, mut ended: Vec<Ended>, usage: Usage) -> CompletionAnswer {
    let segments = ended.iter_mut().map(|ended| std::mem::take(&mut ended.segments)).collect();
    let told = AnswerExtension { request_id: head.request_id.clone(), choices: segments };
    let choice = |(index, ended): (usize, Ended)| CompletionChoice {
        index,
        logprobs: ended.logprobs.map(|tokens| logprobs(tokens, 0)),
        text: ended.text,
        finish_reason: ended.reason,
    };
    CompletionAnswer {
        choices: ended.into_iter().enumerate().map(choice).collect(),
        usage: Some(usage),
        specfuse: Some(CompletionExtension::Answer(told)),
        ..empty(&head)
    }
}

fn chunk(head: &Head, mut told: Told) -> CompletionAnswer {
    let (index, text) = (told.index, std::mem::take(&mut told.text));
    let logprobs = told.logprobs.take().map(|tokens| logprobs(tokens, told.characters));
    let (specfuse, finish_reason) = told.extension();
    let choice = CompletionChoice { index, text, logprobs, finish_reason };
    CompletionAnswer {
        choices: vec![choice],
        specfuse: specfuse.map(|chunk| CompletionExtension::Chunk(Box::new(chunk))),
        ..empty(head)
    }
}

fn last(head: &Head, usage: Usage) -> CompletionAnswer {
    CompletionAnswer { usage: Some(usage), ..empty(head) }
}

fn empty(head: &Head) -> CompletionAnswer {
    CompletionAnswer {
        id: head.id.clone(),
        object: "text_completion",
        created: head.created,
        model: head.model.clone(),
        choices: Vec::new(),
        usage: None,
        specfuse: None,
    }
}

/// `offset`: characters of the answer before them.
fn logprobs(tokens: Vec<TokenLogprob>, mut offset: usize) -> CompletionLogprobs {
    let mut told = CompletionLogprobs::default();
    for token in tokens {
        told.text_offset.push(offset);
        offset += token.token.chars().count();
        told.top_logprobs.push(token.top_logprobs.into_iter().map(|other| (other.token, other.logprob)).collect());
        told.token_logprobs.push(token.logprob);
        told.tokens.push(token.token);
    }
    told
}
