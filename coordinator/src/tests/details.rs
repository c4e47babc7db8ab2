//! What a client's program reads of an error beyond its sentence: the reason, the field, the delay.

use tonic_types::StatusExt;

use super::*;

async fn refused(coordinator: &Coordinator, request: proto::GenerateRequest) -> (Code, String, Vec<String>) {
    let status = coordinator.answer(request).await.end.unwrap_err();
    let details = status.get_error_details();
    let info = details.error_info().unwrap();
    assert_eq!(info.domain, "specfuse");
    let violations = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
    (status.code(), info.reason.clone(), violations.into_iter().map(|violation| violation.field).collect())
}

#[tokio::test]
async fn a_wrong_request_is_told_the_path_of_the_field() {
    let a = sound("a").await;
    let coordinator = Coordinator::start(&[&a], "[ensembles.solo]\nmembers = [\"a\"]").await;
    let robot = proto::Message { role: "robot".to_owned(), content: "x".to_owned() };
    let conversation = proto::Conversation { messages: vec![robot] };
    let robot = Some(proto::generate_request::Prompt::Conversation(conversation));
    let hot = proto::Sampling { temperature: -1.0, ..Default::default() };
    let invalid = (Code::InvalidArgument, "INVALID_FIELD");
    let cases = [
        (proto::GenerateRequest { prompt: robot, ..ask("x") }, invalid, "conversation.messages[0].role"),
        (proto::GenerateRequest { sampling: Some(hot), ..ask("x") }, invalid, "sampling.temperature"),
        (proto::GenerateRequest { stop: vec!["x".to_owned(), String::new()], ..ask("x") }, invalid, "stop[1]"),
        (
            proto::GenerateRequest { ensemble: "z".to_owned(), ..ask("x") },
            (Code::NotFound, "UNKNOWN_ENSEMBLE"),
            "ensemble",
        ),
        (
            proto::GenerateRequest { strategy: "z".to_owned(), ..ask("x") },
            (Code::NotFound, "UNKNOWN_STRATEGY"),
            "strategy",
        ),
    ];
    for (request, (code, reason), field) in cases {
        assert_eq!(refused(&coordinator, request).await, (code, reason.to_owned(), vec![field.to_owned()]));
    }
}

#[tokio::test]
async fn a_prompt_that_every_member_refuses_is_the_field_to_blame() {
    let a = worker("a", &[Draft::Fail(Code::FailedPrecondition, "roles must alternate")], &[]).await;
    let coordinator = Coordinator::start(&[&a], "[ensembles.solo]\nmembers = [\"a\"]").await;
    let told = refused(&coordinator, ask("x")).await;
    assert_eq!(told, (Code::InvalidArgument, "PROMPT_REFUSED".to_owned(), vec!["prompt".to_owned()]));
}

#[tokio::test]
async fn an_ensemble_that_nobody_serves_says_when_to_come_back() {
    let coordinator =
        Coordinator::start_with("workers = [\"http://127.0.0.1:1\"]\n[ensembles.solo]\nmembers = [\"a\"]").await;
    let status = coordinator.answer(ask("x")).await.end.unwrap_err();
    let details = status.get_error_details();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert_eq!(details.error_info().unwrap().reason, "MEMBERS_UNAVAILABLE");
    assert_eq!(details.error_info().unwrap().metadata["ensemble"], "solo");
    let delay = details.retry_info().unwrap().retry_delay.unwrap();
    assert!((1.0..=2.002).contains(&delay.as_secs_f64()), "{delay:?}");
}

#[tokio::test]
async fn a_recording_that_is_not_there_is_told_by_the_field_that_names_it() {
    let a = sound("a").await;
    let coordinator = Coordinator::start(&[&a], "[ensembles.solo]\nmembers = [\"a\"]").await;
    let request = proto::GetRecordingRequest { request_id: "none".to_owned() };
    let status = coordinator.client().get_recording(request).await.unwrap_err();
    let details = status.get_error_details();
    assert_eq!(details.bad_request().unwrap().field_violations[0].field, "request_id");
    assert_eq!(details.error_info().unwrap().reason, "NO_RECORDING");
}
