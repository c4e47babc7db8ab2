use super::*;
use crate::config::Config;

fn ensembles() -> Ensembles {
    let text = "workers = [\"http://a:1\"]\n[ensembles.default]\nmembers = [\"a\"]\n[ensembles.x]\nmembers = [\"a\"]";
    Config::parse(text, std::path::Path::new("test")).unwrap().ensembles
}

fn valid() -> proto::GenerateRequest {
    let raw = Some(proto::generate_request::Prompt::Raw("Once".to_owned()));
    proto::GenerateRequest { prompt: raw, ..Default::default() }
}

fn conversation(messages: &[(&str, &str)]) -> proto::GenerateRequest {
    let message = |(role, content): &(&str, &str)| proto::Message { role: (*role).into(), content: (*content).into() };
    let messages = messages.iter().map(message).collect();
    let prompt = proto::generate_request::Prompt::Conversation(proto::Conversation { messages });
    proto::GenerateRequest { prompt: Some(prompt), ..Default::default() }
}

fn sampled(change: impl Fn(&mut proto::Sampling)) -> proto::GenerateRequest {
    let mut sampling = proto::Sampling::default();
    change(&mut sampling);
    proto::GenerateRequest { sampling: Some(sampling), ..valid() }
}

#[test]
fn what_is_absent_has_a_default() {
    let request = request(valid(), &ensembles()).unwrap();
    assert_eq!(request.ensemble.name.as_ref(), "default");
    assert_eq!(request.max_tokens.get(), 256);
    let greedy = Sampling {
        temperature: 0.0,
        top_p: None,
        top_k: 0,
        min_p: 0.0,
        seed: 0,
        repetition_penalty: None,
        presence_penalty: 0.0,
        frequency_penalty: 0.0,
    };
    assert_eq!(request.sampling, greedy);
    assert_eq!(request.request_id.len(), 36);
}

#[test]
fn what_is_valid_is_taken_as_it_is() {
    let messages = [("system", ""), ("user", "a"), ("assistant", "b")];
    let wire = proto::GenerateRequest {
        ensemble: "x".to_owned(),
        max_tokens: Some(4096),
        stop: vec!["\n".to_owned(); 16],
        request_id: "é".repeat(128),
        sampling: Some(proto::Sampling {
            temperature: 100.0,
            top_p: Some(1.0),
            top_k: 1,
            min_p: 1.0,
            seed: u64::MAX,
            repetition_penalty: Some(10.0),
            presence_penalty: -2.0,
            frequency_penalty: 2.0,
        }),
        ..conversation(&messages)
    };
    let request = request(wire, &ensembles()).unwrap();
    assert_eq!(request.ensemble.name.as_ref(), "x");
    assert_eq!(request.max_tokens.get(), 4096);
    let Prompt::Conversation(parsed) = request.prompt.as_ref() else { panic!("{:?}", request.prompt) };
    assert_eq!(parsed[2], Message { role: Role::Assistant, content: "b".to_owned() });
}

fn adjusted(change: impl Fn(&mut proto::Adjustment)) -> proto::GenerateRequest {
    let mut adjustment = proto::Adjustment::default();
    change(&mut adjustment);
    proto::GenerateRequest { adjustment: Some(adjustment), ..valid() }
}

#[test]
fn an_adjustment_that_says_nothing_changes_nothing() {
    let request = request(adjusted(|_| {}), &ensembles()).unwrap();
    assert!(Arc::ptr_eq(&request.strategy, &request.ensemble.strategy));
}

#[test]
fn an_adjustment_is_of_its_request_alone() {
    let wire = adjusted(|it| {
        it.segment_tokens = Some(256);
        it.exit = Some("no_entropy".to_owned());
        it.theta = Some(1.0);
        it.tau = Some(0.001);
        it.score = Some("mean_prob".to_owned());
        it.min_members = Some(1);
    });
    let request = request(wire, &ensembles()).unwrap();
    assert_eq!(request.strategy.name, request.ensemble.strategy.name);
    assert_ne!(request.strategy, request.ensemble.strategy);
}

#[test]
fn an_adjustment_out_of_range_not_allowed_or_of_no_use_is_refused_by_name() {
    let cases = [
        (adjusted(|it| it.segment_tokens = Some(0)), "adjustment.segment_tokens: 0 is not in 1 to 256"),
        (adjusted(|it| it.segment_tokens = Some(257)), "adjustment.segment_tokens: 257 is not in 1 to 256"),
        (
            adjusted(|it| it.exit = Some("first_rounds".to_owned())),
            "adjustment.exit: \"first_rounds\" is not one of \"cumulative\", \"no_entropy\" and \"never\"",
        ),
        (adjusted(|it| it.exit = Some(String::new())), "adjustment.exit: \"\" is not one of"),
        (adjusted(|it| it.theta = Some(1.5)), "adjustment.theta: 1.5 is not in 0 to 1"),
        (adjusted(|it| it.theta = Some(f64::NAN)), "adjustment.theta: NaN is not in 0 to 1"),
        (adjusted(|it| it.tau = Some(0.0)), "adjustment.tau: 0 is not in 0.001 to 1000"),
        (adjusted(|it| it.tau = Some(f64::INFINITY)), "adjustment.tau: inf is not in"),
        (
            adjusted(|it| it.score = Some("MEAN_PROB".to_owned())),
            "adjustment.score: \"MEAN_PROB\" is not one of \"mean_logprob\" and \"mean_prob\"",
        ),
        (adjusted(|it| it.min_members = Some(0)), "adjustment.min_members: 0 is not in 1 to 1"),
        (adjusted(|it| it.min_members = Some(2)), "adjustment.min_members: 2 is not in 1 to 1"),
        (
            proto::GenerateRequest { strategy: "route".to_owned(), ..adjusted(|it| it.theta = Some(0.5)) },
            "adjustment.theta: strategy route makes no use of it: it may be given segment_tokens",
        ),
    ];
    for (wire, expected) in cases {
        let error = request(wire, &ensembles()).expect_err(expected).to_string();
        assert!(error.starts_with(expected), "{expected}: {error}");
    }
    for (allowed, told) in [("", "nothing"), ("\"tau\", \"segment_tokens\"", "segment_tokens, tau")] {
        let text = format!("workers = [\"http://a:1\"]\n[ensembles.x]\nmembers = [\"a\"]\nadjustable = [{allowed}]");
        let ensembles = Config::parse(&text, std::path::Path::new("test")).unwrap().ensembles;
        let error = request(adjusted(|it| it.theta = Some(0.5)), &ensembles).unwrap_err().to_string();
        let expected = format!("adjustment.theta: ensemble x does not let requests change it: they may change {told}");
        assert_eq!(error, expected);
    }
}

#[test]
fn what_is_wrong_is_named_with_what_is_allowed() {
    let cases = [
        (
            proto::GenerateRequest { ensemble: "y".to_owned(), ..valid() },
            "there is no ensemble \"y\"; there are: default, x",
        ),
        (proto::GenerateRequest { prompt: None, ..valid() }, "prompt: either"),
        (conversation(&[]), "conversation.messages: at least one message"),
        (conversation(&[("user", "a"), ("tool", "b")]), "conversation.messages[1].role: \"tool\" is not one of"),
        (conversation(&[("user", "a"); 1025]), "conversation.messages: there are 1025, at most 1024 are allowed"),
        (conversation(&[("user", "")]), "conversation.messages: at least one of them"),
        (
            proto::GenerateRequest { prompt: Some(proto::generate_request::Prompt::Raw(String::new())), ..valid() },
            "raw: the prompt must not be empty",
        ),
        (proto::GenerateRequest { top_logprobs: Some(21), ..valid() }, "top_logprobs: 21 is not in 0 to 20"),
        (proto::GenerateRequest { max_tokens: Some(0), ..valid() }, "max_tokens: 0 is not in 1 to 4096"),
        (proto::GenerateRequest { max_tokens: Some(4097), ..valid() }, "max_tokens: 4097 is not in 1 to 4096"),
        (proto::GenerateRequest { max_tokens: Some(u32::MAX), ..valid() }, "max_tokens: 4294967295"),
        (sampled(|s| s.temperature = -0.1), "sampling.temperature: -0.1 is not in 0 to 100"),
        (sampled(|s| s.temperature = f32::NAN), "sampling.temperature: NaN"),
        (sampled(|s| s.temperature = f32::INFINITY), "sampling.temperature: inf"),
        (sampled(|s| s.top_p = Some(0.0)), "sampling.top_p: 0 is not above 0 and at most 1"),
        (sampled(|s| s.top_p = Some(1.1)), "sampling.top_p: 1.1"),
        (sampled(|s| s.top_p = Some(f32::NAN)), "sampling.top_p: NaN"),
        (sampled(|s| s.min_p = 1.5), "sampling.min_p: 1.5 is not in 0 to 1"),
        (sampled(|s| s.min_p = f32::NAN), "sampling.min_p: NaN"),
        (sampled(|s| s.repetition_penalty = Some(0.0)), "sampling.repetition_penalty: 0 is not above 0 and at most 10"),
        (sampled(|s| s.repetition_penalty = Some(10.5)), "sampling.repetition_penalty: 10.5"),
        (sampled(|s| s.repetition_penalty = Some(f32::NAN)), "sampling.repetition_penalty: NaN"),
        (sampled(|s| s.presence_penalty = 2.5), "sampling.presence_penalty: 2.5 is not in -2 to 2"),
        (sampled(|s| s.presence_penalty = f32::NAN), "sampling.presence_penalty: NaN"),
        (sampled(|s| s.frequency_penalty = -2.5), "sampling.frequency_penalty: -2.5 is not in -2 to 2"),
        (sampled(|s| s.frequency_penalty = f32::INFINITY), "sampling.frequency_penalty: inf"),
        (
            proto::GenerateRequest { stop: vec!["x".to_owned(); 17], ..valid() },
            "stop: 17 strings are given, at most 16",
        ),
        (proto::GenerateRequest { stop: vec!["x".to_owned(), String::new()], ..valid() }, "stop[1]: 0 bytes, 1 to 256"),
        (proto::GenerateRequest { stop: vec!["x".repeat(257)], ..valid() }, "stop[0]: 257 bytes"),
        (proto::GenerateRequest { request_id: "x".repeat(129), ..valid() }, "request_id: 129 characters, at most 128"),
        (proto::GenerateRequest { request_id: "a\nb".to_owned(), ..valid() }, "request_id: control characters"),
        (proto::GenerateRequest { request_id: "\u{1b}[2J".to_owned(), ..valid() }, "request_id: control characters"),
        (proto::GenerateRequest { request_id: "a\u{85}".to_owned(), ..valid() }, "request_id: control characters"),
    ];
    for (wire, expected) in cases {
        let error = request(wire, &ensembles()).expect_err(expected).to_string();
        assert!(error.starts_with(expected), "{expected}: {error}");
    }
}

#[test]
fn a_conversation_may_be_long() {
    assert!(request(conversation(&[("user", "a"); 1024]), &ensembles()).is_ok());
}

#[test]
fn a_deadline_is_told_as_the_protocol_says_or_refused() {
    let now = Instant::now();
    let told = |timeout: &str| {
        let mut metadata = MetadataMap::new();
        metadata.insert("grpc-timeout", timeout.parse().unwrap());
        deadline(&metadata, now)
    };
    assert_eq!(deadline(&MetadataMap::new(), now), Ok(None));
    let cases = [
        ("0m", Duration::ZERO),
        ("1H", Duration::from_secs(3600)),
        ("2M", Duration::from_secs(120)),
        ("3S", Duration::from_secs(3)),
        ("00000004m", Duration::from_millis(4)),
        ("99999999u", Duration::from_micros(99_999_999)),
        ("7n", Duration::from_nanos(7)),
        ("99999999H", Duration::from_secs(99_999_999 * 3600)),
    ];
    for (timeout, expected) in cases {
        assert_eq!(told(timeout), Ok(now.checked_add(expected)), "{timeout}");
    }
    for wrong in ["", "S", "1", "1s", "1 S", "-1S", "+1S", "1.5S", "123456789S", "1SS", "\u{664}S", "infS"] {
        assert_eq!(told(wrong), Err(Invalid::Timeout), "{wrong}");
    }
}

#[test]
fn the_only_ensemble_needs_no_name() {
    let mut only = ensembles();
    only.remove("default");
    assert_eq!(request(valid(), &only).unwrap().ensemble.name.as_ref(), "x");
    only.insert("y".to_owned(), Arc::clone(&only["x"]));
    assert_eq!(request(valid(), &only).unwrap_err(), Invalid::NoDefaultEnsemble { known: "x, y".to_owned() });
}
