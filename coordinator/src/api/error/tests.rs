use std::num::NonZeroU32;

use super::*;
use crate::admission::Bounds;

/// Bytes of headers that common clients take.
const MOST_HEADERS: usize = 16 << 10;

fn failed(failure: Failure, misses: Vec<CallError>) -> ApiError {
    let misses = misses.into_iter().map(|miss| (Arc::from("m"), Miss::Call(miss))).collect();
    GenerateError::Failed { ensemble: "e".into(), failure, misses }.into()
}

fn over(limit: OverLimit) -> ApiError {
    ApiError::OverLimit { key: "alice".into(), limit, standings: Default::default() }
}

/// Each kind of error once, with its code and its reason.
fn all() -> Vec<(ApiError, Code, &'static str)> {
    let allowed = NonZeroU32::new(3).unwrap();
    let after = Duration::from_micros(2_500_100);
    let bounds = Bounds { running: 4, waiting: 2, max_wait: Duration::from_secs(1) };
    let unsupported = crate::strategy::Unsupported::Stop("vote".into());
    let unknown = Invalid::UnknownStrategy { ensemble: "e".into(), name: "n".into(), known: "fuse".into() };
    let busy = || CallError::Busy("full".to_owned());
    let gone = || CallError::Unreachable("gone".to_owned());
    vec![
        (Stranger::NoKey.into(), Code::Unauthenticated, "API_KEY_MISSING"),
        (Stranger::Malformed.into(), Code::Unauthenticated, "API_KEY_MALFORMED"),
        (Stranger::Unknown.into(), Code::Unauthenticated, "API_KEY_UNKNOWN"),
        (Invalid::NoPrompt.into(), Code::InvalidArgument, "INVALID_FIELD"),
        (Invalid::from(unsupported).into(), Code::InvalidArgument, "UNSUPPORTED_BY_STRATEGY"),
        (Invalid::UnknownEnsemble { name: "n".into(), known: "e".into() }.into(), Code::NotFound, "UNKNOWN_ENSEMBLE"),
        (unknown.into(), Code::NotFound, "UNKNOWN_STRATEGY"),
        (NoRecording { request_id: "r".to_owned(), why: Missing::Unknown }.into(), Code::NotFound, "NO_RECORDING"),
        (over(OverLimit::Requests { allowed, after }), Code::ResourceExhausted, "KEY_REQUESTS_PER_MINUTE"),
        (over(OverLimit::Generations { allowed }), Code::ResourceExhausted, "KEY_MAX_GENERATIONS"),
        (over(OverLimit::TooMany { asked: NonZeroU32::MAX, allowed }), Code::InvalidArgument, "TOO_MANY_CHOICES"),
        (over(OverLimit::Tokens { allowed, after }), Code::ResourceExhausted, "KEY_TOKENS_PER_MINUTE"),
        (Denied::Full(bounds).into(), Code::ResourceExhausted, "COORDINATOR_FULL"),
        (Denied::Late(bounds).into(), Code::ResourceExhausted, "NO_PLACE_IN_TIME"),
        (Denied::Expired.into(), Code::DeadlineExceeded, "DEADLINE_EXCEEDED"),
        (Denied::Stopping.into(), Code::Unavailable, "COORDINATOR_STOPPING"),
        (GenerateError::Cut.into(), Code::Unavailable, "COORDINATOR_STOPPING"),
        (GenerateError::DeadlineExceeded.into(), Code::DeadlineExceeded, "DEADLINE_EXCEEDED"),
        (GenerateError::Unread.into(), Code::Aborted, "ANSWER_UNREAD"),
        (failed(Failure::Refused, Vec::new()), Code::InvalidArgument, "PROMPT_REFUSED"),
        (failed(Failure::PromptTooLong, Vec::new()), Code::InvalidArgument, "PROMPT_TOO_LONG"),
        (failed(Failure::ContextFull, Vec::new()), Code::OutOfRange, "CONTEXT_FULL"),
        (failed(Failure::Unavailable, vec![busy(), busy()]), Code::ResourceExhausted, "MEMBERS_BUSY"),
        (failed(Failure::Unavailable, vec![busy(), gone()]), Code::Unavailable, "MEMBERS_UNAVAILABLE"),
        (failed(Failure::NoQuorum, Vec::new()), Code::Unavailable, "NO_QUORUM"),
    ]
}

#[test]
fn every_error_has_its_code_its_reason_and_what_can_be_done_about_it() {
    for (error, code, reason) in all() {
        let (field, message) = (error.field(), error.message());
        let status = Status::from(error);
        assert_eq!((status.code(), status.message()), (code, message.as_str()));
        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!((info.reason.as_str(), info.domain.as_str()), (reason, "specfuse"), "{status:?}");
        let violated = details.bad_request().map(|bad| bad.field_violations[0].field.clone());
        assert_eq!(violated, field, "{status:?}");
        let blames_the_request = matches!(code, Code::InvalidArgument | Code::NotFound);
        assert_eq!(field.is_some(), blames_the_request, "{status:?}");
        let passes = code == Code::ResourceExhausted || ["MEMBERS_UNAVAILABLE", "NO_QUORUM"].contains(&reason);
        assert_eq!(details.retry_info().is_some(), passes, "{status:?}");
        let is_quota = reason.starts_with("KEY_") || reason == "TOO_MANY_CHOICES";
        assert_eq!(details.quota_failure().is_some(), is_quota, "{status:?}");
    }
}

#[test]
fn the_delay_in_the_details_is_that_of_the_trailer() {
    for (error, ..) in all() {
        let status = Status::from(error);
        let trailer = status.metadata().get("grpc-retry-pushback-ms");
        let trailer = trailer.map(|millis| Duration::from_millis(millis.to_str().unwrap().parse().unwrap()));
        assert_eq!(status.get_error_details().retry_info().and_then(|info| info.retry_delay), trailer, "{status:?}");
    }
    let allowed = NonZeroU32::new(3).unwrap();
    let told = over(OverLimit::Tokens { allowed, after: Duration::from_micros(2_500_100) }).retry_after();
    assert_eq!(told, Some(Duration::from_millis(2501)));
}

#[test]
fn a_violation_names_the_field_once_and_a_quota_the_key_and_its_limit() {
    let status = Status::from(ApiError::from(Invalid::Role { place: 2, role: "robot".to_owned() }));
    let details = status.get_error_details();
    let violation = &details.bad_request().unwrap().field_violations[0];
    assert_eq!(violation.field, "conversation.messages[2].role");
    assert_eq!(violation.description, "\"robot\" is not one of \"system\", \"user\" and \"assistant\"");
    let status = Status::from(over(OverLimit::Generations { allowed: NonZeroU32::new(3).unwrap() }));
    let details = status.get_error_details();
    let violation = &details.quota_failure().unwrap().violations[0];
    assert_eq!((violation.subject.as_str(), violation.description.as_str()), ("alice", "max_generations: 3"));
    assert_eq!(details.error_info().unwrap().metadata["allowed"], "3");
}

#[test]
fn an_error_fits_into_headers_whatever_was_sent() {
    // Two bytes that are six when they are percent-encoded.
    let long = "é".repeat(100_000);
    let role = Invalid::Role { place: usize::MAX, role: long.clone() };
    let unknown = Invalid::UnknownEnsemble { name: long.clone(), known: long.clone() };
    let members = vec![CallError::Invalid(long.clone()); 64];
    let over = ApiError::OverLimit {
        key: long.as_str().into(),
        limit: OverLimit::Generations { allowed: NonZeroU32::MAX },
        standings: Default::default(),
    };
    let errors = [
        role.into(),
        unknown.into(),
        NoRecording { request_id: long, why: Missing::TooLarge(usize::MAX) }.into(),
        failed(Failure::Refused, members.clone()),
        failed(Failure::NoQuorum, members),
        over,
    ];
    for error in errors {
        let reason = error.reason();
        let response = Status::from(error).into_http::<tonic::body::Body>();
        let headers = response.headers().iter();
        // As HTTP/2 counts them.
        let bytes: usize = headers.map(|(name, value)| name.as_str().len() + value.len() + 32).sum();
        assert!(bytes < MOST_HEADERS, "{reason}: {bytes} bytes");
    }
}
