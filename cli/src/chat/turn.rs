//! One question and its answer. Where all that was said is too long for every member, the oldest of it is forgotten.

use std::{io, process::ExitCode};

use specfuse_proto::v1::{Conversation as Messages, GenerateRequest, generate_request::Prompt};
use tonic::{Code, Status};

use super::{After, Chat, ChatError, command, conversation};
use crate::{
    interrupt::Interrupt,
    output, request,
    stream::{self, Answer, StreamError},
    summary,
    view::View,
};

/// Why a coordinator refuses a prompt that fits no member's context length, in the details of its status.
const TOO_LONG: &[u8] = b"PROMPT_TOO_LONG";

impl Chat {
    pub(super) async fn ask(&mut self, question: String, interrupt: &mut Interrupt) -> Result<After, ChatError> {
        let question = command::question(question);
        if question.len() > request::LONGEST {
            self.complain(&format!("the question is longer than {} bytes", request::LONGEST));
            return Ok(After::Next);
        }
        let left_out = self.conversation.make_room(&question);
        if left_out > 0 {
            output::complain(&format!(
                "the oldest {left_out} messages are forgotten: a coordinator takes {} and {} MiB at a time",
                conversation::MOST,
                conversation::LARGEST >> 20
            ));
        }
        let mut view = View::choose(&self.view);
        let outcome = tokio::select! {
            answer = Box::pin(self.answered(&question, &mut view)) => Ok(answer),
            signal = interrupt.received() => Err(signal),
        };
        match outcome {
            Ok(Ok(answer)) => {
                output::complain(&summary::line(&answer));
                self.conversation.add(question, answer.text);
            }
            // Whoever read the answers has read enough.
            Ok(Err(StreamError::Output(error))) if error.kind() == io::ErrorKind::BrokenPipe => {
                return Ok(After::End(ExitCode::SUCCESS));
            }
            Ok(Err(StreamError::Output(error))) => return Err(ChatError::Output(error)),
            Ok(Err(error)) => self.complain(&error.to_string()),
            Err(signal) => {
                // Whether the reader is still there shows at the next answer.
                let _ = output::write(&view.broken_off());
                return Ok(self.stopped(signal, "stopped: neither the question nor its answer is kept"));
            }
        }
        Ok(After::Next)
    }

    /// Asks until what is asked fits. The refusal comes before any of the answer.
    async fn answered(&mut self, question: &str, view: &mut View) -> Result<Answer, StreamError> {
        loop {
            match stream::answer(&self.access, self.request(question), view, None).await {
                Err(StreamError::Refused(status)) if is_too_long(&status) && self.conversation.forget_oldest() => {
                    output::complain("the oldest 2 messages are forgotten: all that was said fits no member any more");
                }
                outcome => return outcome,
            }
        }
    }

    fn request(&self, question: &str) -> GenerateRequest {
        let request = request::build(self.ensemble.clone(), String::new(), self.prompt.clone());
        let messages = self.conversation.asked(question);
        GenerateRequest { prompt: Some(Prompt::Conversation(Messages { messages })), ..request }
    }
}

/// The reason stands in the encoded details as it is.
fn is_too_long(status: &Status) -> bool {
    status.code() == Code::InvalidArgument && status.details().windows(TOO_LONG.len()).any(|bytes| bytes == TOO_LONG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_that_is_too_long_is_known_by_its_reason() {
        let status = |code, details: &'static [u8]| Status::with_details(code, "no", details.into());
        assert!(is_too_long(&status(Code::InvalidArgument, b"\x0a\x0fPROMPT_TOO_LONG\x12\x00")));
        assert!(!is_too_long(&status(Code::InvalidArgument, b"\x0a\x0cCONTEXT_FULL")));
        assert!(!is_too_long(&status(Code::Internal, b"PROMPT_TOO_LONG")));
        assert!(!is_too_long(&status(Code::InvalidArgument, b"")));
    }
}
