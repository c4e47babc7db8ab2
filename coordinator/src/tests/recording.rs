//! What decides an answer is told before its end where that is asked for, and kept for who asked.

use specfuse_core::{
    recording::{Drafted, Recording, Scored},
    replay::{self, Replayed},
};
use specfuse_proto::v1::generate_response::Event;
use tonic::{Status, Streaming};

use super::{coordinator::Coordinator, *};

/// What a stream told until its end, in the order in which it did.
struct Heard {
    segments: usize,
    recording: Option<String>,
    /// Of the recording.
    parts: usize,
    /// Nothing but the end came after the recording.
    is_last: bool,
    end: Result<proto::Finished, Status>,
}

async fn hear(mut stream: Streaming<proto::GenerateResponse>) -> Heard {
    let (mut segments, mut parts, mut recording, mut is_last) = (0, 0, None::<String>, false);
    let end = loop {
        match stream.message().await {
            Ok(response) => match response.and_then(|response| response.event).unwrap() {
                Event::Segment(_) => (segments, is_last) = (segments + 1, false),
                Event::Recording(told) => {
                    recording = Some(recording.unwrap_or_default() + &told.json);
                    (parts, is_last) = (parts + 1, true);
                }
                Event::Finished(finished) => break Ok(finished),
            },
            Err(status) => break Err(status),
        }
    };
    Heard { segments, recording, parts, is_last, end }
}

fn recorded(question: &str) -> proto::GenerateRequest {
    proto::GenerateRequest { record: true, request_id: "r-1".to_owned(), ..ask(question) }
}

fn read(json: &str) -> Recording {
    serde_json::from_str(json).unwrap()
}

async fn kept(coordinator: &Coordinator, request_id: &str) -> Result<String, Status> {
    let request = proto::GetRecordingRequest { request_id: request_id.to_owned() };
    let mut parts = coordinator.client().get_recording(request).await?.into_inner();
    let mut json = String::new();
    while let Some(part) = parts.message().await? {
        json.push_str(&part.recording.unwrap().json);
    }
    Ok(json)
}

async fn pair() -> (ScriptedWorker, ScriptedWorker) {
    let a = worker("a", &[Draft::Say(" Hello"), Draft::End(" there")], &[Score::Prefer(" Hello")]).await;
    let b = worker("b", &[Draft::Say(" Hi"), Draft::End(" there")], &[Score::Prefer(" Hello")]).await;
    (a, b)
}

#[tokio::test]
async fn an_answer_is_recorded_before_its_end_kept_and_follows_from_what_was_recorded() {
    let (a, b) = pair().await;
    let coordinator = Coordinator::start(&[&a, &b], PAIR).await;
    coordinator.ready(2).await;
    let heard = hear(coordinator.generate(recorded("greet me")).await.unwrap()).await;
    assert!(heard.end.is_ok() && heard.is_last && heard.segments == 2);
    let json = heard.recording.unwrap();
    assert_eq!(kept(&coordinator, "r-1").await.unwrap(), json);
    let recording = read(&json);
    assert_eq!(serde_json::to_string(&recording).unwrap(), json, "it is read back to the bit");
    assert_eq!(replay::check(&recording), Ok(Replayed::Follows { rounds: 2 }));
    let first = &recording.rounds[0];
    assert_eq!((first.winner.as_deref(), first.decided_by.as_str()), (Some("a"), "scores"));
    let Drafted::Drafted { text, token_logprobs, tokens_cached, .. } = &first.drafts[1].outcome else { panic!() };
    assert_eq!((text.as_str(), token_logprobs.as_slice(), *tokens_cached), (" Hi", &[-0.5f32; 3][..], 10));
    let Scored::Scored { terms, means } = &first.scores[0].outcome else { panic!() };
    assert_eq!((terms.as_slice(), means.as_slice()), (&[vec![-0.125; 2], vec![-2.0; 2]][..], &[-0.125, -2.0][..]));
    let ending = recording.ending.unwrap();
    assert_eq!((ending.reason.as_str(), ending.error, ending.completion_tokens), ("stop", None, 6));
}

#[tokio::test]
async fn without_being_asked_nothing_is_recorded_and_an_unknown_id_is_not_found() {
    let (a, b) = pair().await;
    let coordinator = Coordinator::start(&[&a, &b], PAIR).await;
    let request = proto::GenerateRequest { record: false, ..recorded("greet me") };
    let heard = hear(coordinator.generate(request).await.unwrap()).await;
    assert!(heard.end.is_ok() && heard.recording.is_none());
    assert_eq!(kept(&coordinator, "r-1").await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn an_answer_that_fails_is_recorded_with_its_error() {
    let lost = Draft::Fail(Code::Internal, "lost");
    let a = worker("a", &[Draft::Say(" one"), lost], &[]).await;
    let coordinator = Coordinator::start(&[&a], "[ensembles.solo]\nmembers = [\"a\"]").await;
    let heard = hear(coordinator.generate(recorded("count")).await.unwrap()).await;
    assert_eq!(heard.end.unwrap_err().code(), Code::Unavailable);
    assert!(heard.is_last);
    let recording = read(&heard.recording.unwrap());
    assert_eq!(replay::check(&recording), Ok(Replayed::Follows { rounds: recording.rounds.len() }));
    let last = recording.rounds.last().unwrap();
    assert!(matches!(&last.drafts[0].outcome, Drafted::Failed { why } if why.contains("lost")), "{last:?}");
    let ending = recording.ending.unwrap();
    assert_eq!(ending.reason, "failed");
    assert!(ending.error.unwrap().contains("no member is left that answers"));
}

#[tokio::test]
async fn what_a_client_that_left_had_been_told_is_kept_without_an_ending() {
    let a = worker("a", &[Draft::Say(" one"), Draft::Hang], &[]).await;
    let coordinator = Coordinator::start(&[&a], "[ensembles.solo]\nmembers = [\"a\"]").await;
    let mut stream = coordinator.generate(recorded("count")).await.unwrap();
    assert!(matches!(stream.message().await.unwrap().unwrap().event, Some(Event::Segment(_))));
    a.in_flight(1).await;
    drop(stream);
    a.in_flight(0).await;
    let json = async {
        loop {
            match kept(&coordinator, "r-1").await {
                Ok(json) => return json,
                Err(status) => assert_eq!(status.code(), Code::NotFound),
            }
            tokio::task::yield_now().await;
        }
    };
    let recording = read(&tokio::time::timeout(std::time::Duration::from_secs(10), json).await.unwrap());
    assert_eq!((recording.rounds.len(), recording.ending.is_none()), (1, true));
    assert_eq!(replay::check(&recording), Ok(Replayed::Follows { rounds: 1 }));
}

#[tokio::test]
async fn each_generation_of_a_mixture_that_came_to_a_round_is_a_stage() {
    let long = "We count them one by one, and then once more, and so the answer is 5.";
    let full = Draft::Fail(Code::OutOfRange, "the context has 100 tokens");
    let a = worker("a", &[Draft::End(long), full], &[]).await;
    let b = worker("b", &[Draft::End(" the answer is 5."), Draft::End(" 5.")], &[]).await;
    let tables = format!("{PAIR}[ensembles.default.strategies.moa]\nkind = \"mixture\"\naggregator = \"b\"\n");
    let coordinator = Coordinator::start(&[&a, &b], &tables).await;
    let request = proto::GenerateRequest { strategy: "moa".to_owned(), ..recorded("How many?") };
    let recording = read(&hear(coordinator.generate(request).await.unwrap()).await.recording.unwrap());
    let stages: Vec<usize> = recording.rounds.iter().map(|round| round.stage).collect();
    assert_eq!((recording.stages.len(), stages), (2, vec![0, 1]));
    assert!(recording.stages[1].reads_proposals && recording.stages[1].members == ["b"]);
    assert_eq!(replay::check(&recording), Ok(Replayed::Follows { rounds: 2 }));
    let request = proto::GenerateRequest { strategy: "mixture".to_owned(), ..recorded("How many?") };
    let heard = hear(coordinator.generate(request).await.unwrap()).await;
    assert_eq!(heard.end.unwrap_err().code(), Code::InvalidArgument);
    let recording = read(&heard.recording.unwrap());
    assert_eq!((recording.stages.len(), recording.rounds.len()), (1, 1), "no start came to a round");
    assert_eq!(replay::check(&recording), Ok(Replayed::Follows { rounds: 1 }));
}

const SOLO: &str = "[ensembles.solo]\nmembers = [\"a\"]";

fn long_question(bytes: usize) -> proto::GenerateRequest {
    let prompt = Some(proto::generate_request::Prompt::Raw("é".repeat(bytes / 2)));
    proto::GenerateRequest { prompt, ..recorded("") }
}

#[tokio::test]
async fn a_recording_that_is_larger_than_a_message_is_told_and_read_back_in_parts() {
    let a = worker("a", &[Draft::End(" Yes")], &[]).await;
    let coordinator = Coordinator::start(&[&a], SOLO).await;
    let heard = hear(coordinator.generate(long_question(7 << 19)).await.unwrap()).await;
    assert!(heard.end.is_ok() && heard.is_last);
    let json = heard.recording.unwrap();
    assert!(heard.parts == 4 && json.len() > 7 << 19, "{} parts, {} bytes", heard.parts, json.len());
    assert_eq!(replay::check(&read(&json)), Ok(Replayed::Follows { rounds: 1 }));
    assert!(kept(&coordinator, "r-1").await.unwrap() == json);
}

#[tokio::test]
async fn a_recording_that_is_larger_than_its_share_is_neither_told_nor_kept_and_that_is_said() {
    let a = worker("a", &[Draft::End(" Yes")], &[]).await;
    let urls = [a.url.as_str()];
    let coordinator = Coordinator::start_with(&format!("recordings = \"1MiB\"\nworkers = {urls:?}\n{SOLO}")).await;
    let heard = hear(coordinator.generate(long_question(1 << 20)).await.unwrap()).await;
    assert!(heard.end.is_ok() && heard.recording.is_none());
    let status = kept(&coordinator, "r-1").await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert!(status.message().contains("more than the 1048576 bytes"), "{status}");
}

#[tokio::test]
async fn where_none_are_kept_a_request_to_record_is_refused_by_its_field() {
    let a = worker("a", &[Draft::End(" Yes")], &[]).await;
    let urls = [a.url.as_str()];
    let coordinator = Coordinator::start_with(&format!("recordings = \"0\"\nworkers = {urls:?}\n{SOLO}")).await;
    let status = coordinator.generate(recorded("well?")).await.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::InvalidArgument, "record: this coordinator keeps no recordings")
    );
    let request = proto::GenerateRequest { record: false, ..recorded("well?") };
    assert!(hear(coordinator.generate(request).await.unwrap()).await.end.is_ok());
}
