//! From the command line to one Generate request.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    io::{self, Read},
};

use specfuse_proto::v1::{Conversation, GenerateRequest, Message, Sampling, generate_request::Prompt};

use crate::args::PromptArgs;

/// Bytes of a question: far more than any model reads, and little enough to hold.
pub(crate) const LONGEST: usize = 1 << 20;

#[derive(Debug, thiserror::Error)]
pub(crate) enum QuestionError {
    #[error("cannot read the question from standard input")]
    Stdin(#[source] io::Error),
    #[error("the question is empty")]
    Empty,
    #[error("the question is longer than {LONGEST} bytes")]
    Long,
}

/// The question itself; "-" stands for standard input, whose last line feed is not part of it.
pub(crate) fn question(argument: String) -> Result<String, QuestionError> {
    let question = if argument == "-" {
        let text = read(io::stdin().lock())?;
        text.strip_suffix('\n').map(str::to_owned).unwrap_or(text)
    } else {
        argument
    };
    match question.len() {
        _ if question.trim().is_empty() => Err(QuestionError::Empty),
        bytes if bytes > LONGEST => Err(QuestionError::Long),
        _ => Ok(question),
    }
}

/// All of it, but of an endless source only what shows that it is too long.
fn read(source: impl Read) -> Result<String, QuestionError> {
    let mut bytes = Vec::new();
    source.take(LONGEST as u64 + 2).read_to_end(&mut bytes).map_err(QuestionError::Stdin)?;
    if bytes.len() > LONGEST + 1 {
        return Err(QuestionError::Long);
    }
    String::from_utf8(bytes).map_err(|error| QuestionError::Stdin(io::Error::new(io::ErrorKind::InvalidData, error)))
}

pub(crate) fn build(ensemble: Option<String>, question: String, args: PromptArgs) -> GenerateRequest {
    let message = |role: &str, content: String| Message { role: role.to_owned(), content };
    let prompt = if args.raw {
        Prompt::Raw(question)
    } else {
        let system = args.system.map(|text| message("system", text));
        let messages = system.into_iter().chain([message("user", question)]).collect();
        Prompt::Conversation(Conversation { messages })
    };
    let sampling = Sampling {
        temperature: args.temperature,
        top_p: args.top_p,
        top_k: 0,
        min_p: 0.0,
        seed: args.seed.unwrap_or_else(new_seed),
        repetition_penalty: args.repetition_penalty,
        presence_penalty: args.presence_penalty,
        frequency_penalty: args.frequency_penalty,
    };
    GenerateRequest {
        ensemble: ensemble.unwrap_or_default(),
        prompt: Some(prompt),
        max_tokens: args.max_tokens,
        sampling: Some(sampling),
        stop: args.stop,
        request_id: String::new(),
        strategy: args.strategy.unwrap_or_default(),
        ..GenerateRequest::default()
    }
}

/// Different in every process: the standard library's hashers are keyed at random.
fn new_seed() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_message_comes_first() {
        let args = PromptArgs { system: Some("be brief".to_owned()), ..PromptArgs::default() };
        let Some(Prompt::Conversation(conversation)) = build(None, "why?".to_owned(), args).prompt else {
            panic!("no conversation");
        };
        let roles: Vec<_> = conversation.messages.iter().map(|message| message.role.as_str()).collect();
        assert_eq!(roles, ["system", "user"]);
    }

    #[test]
    fn two_requests_have_different_seeds_unless_told_otherwise() {
        assert_ne!(new_seed(), new_seed());
        let args = || PromptArgs { seed: Some(7), ..PromptArgs::default() };
        assert_eq!(build(None, "q".to_owned(), args()), build(None, "q".to_owned(), args()));
    }

    #[test]
    fn a_blank_question_is_refused() {
        assert!(matches!(question(" \n".to_owned()), Err(QuestionError::Empty)));
    }

    #[test]
    fn a_question_may_be_long_but_not_without_end() {
        assert_eq!(read("why?\n".as_bytes()).unwrap(), "why?\n");
        assert!(matches!(read(io::repeat(b'a')), Err(QuestionError::Long)));
        assert!(matches!(question("a".repeat(LONGEST + 1)), Err(QuestionError::Long)));
        assert!(matches!(read([0xff].as_slice()), Err(QuestionError::Stdin(_))));
    }
}
