//! Each strategy before scripted workers: whom it asks, what it returns, what it costs, and what it refuses.

use specfuse_proto::v1::draft_report::Outcome;

use super::*;

const TRIO: &str = "[ensembles.default]\nmembers = [\"a\", \"b\", \"c\"]\nexit = { rule = \"never\" }\n";

struct Trio {
    workers: [ScriptedWorker; 3],
    coordinator: Coordinator,
}

impl Trio {
    /// Everyone ends with its own words, and prefers the second's.
    async fn start(config: &str) -> Self {
        let member =
            async |model, words| worker(model, &[Draft::End(words)], &[Score::Prefer(" the answer is 7.")]).await;
        let workers = [
            member("a", " 5, so the answer is 5.").await,
            member("b", " the answer is 7.").await,
            member("c", " we see: the answer is 5.").await,
        ];
        let [a, b, c] = &workers;
        let coordinator = Coordinator::start(&[a, b, c], config).await;
        Self { workers, coordinator }
    }

    async fn answer(&self, strategy: &str) -> coordinator::Told {
        self.coordinator.answer(proto::GenerateRequest { strategy: strategy.to_owned(), ..ask("How many?") }).await
    }

    fn drafts(&self) -> [usize; 3] {
        [0, 1, 2].map(|member: usize| self.workers[member].drafts().len())
    }
}

fn calls(told: &coordinator::Told) -> (u32, u32) {
    let usage = told.end.as_ref().unwrap().usage.as_ref().unwrap();
    (usage.draft_calls, usage.score_calls)
}

fn question(draft: &proto::DraftRequest) -> String {
    match draft.context.as_ref().unwrap().prompt.clone().unwrap() {
        proto::context::Prompt::Conversation(conversation) => conversation.messages[0].content.clone(),
        proto::context::Prompt::Raw(raw) => raw,
    }
}

fn drafted(segment: &proto::Segment) -> Vec<&str> {
    segment.drafts.iter().map(|report| report.member.as_str()).collect()
}

#[tokio::test]
async fn every_ensemble_offers_the_strategies_and_each_member_alone() {
    let trio = Trio::start(TRIO).await;
    let listed = trio.coordinator.client().list_ensembles(proto::ListEnsemblesRequest {}).await.unwrap().into_inner();
    let ensemble = &listed.ensembles[0];
    let names: Vec<&str> = ensemble.strategies.iter().map(|strategy| strategy.name.as_str()).collect();
    let expected = ["best_of_n", "fuse", "mixture", "route", "self_fuse", "single/a", "single/b", "single/c", "vote"];
    assert_eq!((names.as_slice(), ensemble.default_strategy.as_str()), (&expected[..], "fuse"));
    assert_eq!(ensemble.strategies[6].kind, "single");
}

#[tokio::test]
async fn a_single_member_is_asked_alone() {
    let trio = Trio::start(TRIO).await;
    let told = trio.answer("single/c").await;
    assert_eq!((text(&told).as_str(), calls(&told)), (" we see: the answer is 5.", (1, 0)));
    assert_eq!((told.segments[0].winner.as_str(), trio.drafts()), ("c", [0, 0, 1]));
    assert_eq!(told.segments[0].decided_by(), proto::Decision::Unopposed);
}

#[tokio::test]
async fn the_best_of_whole_answers_is_the_one_that_all_prefer() {
    let trio = Trio::start(TRIO).await;
    let told = trio.answer("best_of_n").await;
    assert_eq!((text(&told).as_str(), calls(&told)), (" the answer is 7.", (3, 3)));
    assert_eq!(trio.workers[0].drafts()[0].max_tokens, 256, "the whole answer is drafted at once");
    let usage = told.end.unwrap().usage.unwrap();
    assert_eq!((usage.scored_rounds, usage.members[0].scored_tokens), (1, 6));
}

#[tokio::test]
async fn the_vote_goes_to_the_final_answer_of_most() {
    let trio = Trio::start(TRIO).await;
    let told = trio.answer("vote").await;
    assert_eq!((text(&told).as_str(), calls(&told)), (" 5, so the answer is 5.", (3, 0)));
    let first = &told.segments[0];
    assert_eq!((first.decided_by(), first.scored), (proto::Decision::Majority, false));
    assert_eq!(first.candidates.iter().map(|it| it.aggregate.unwrap()).collect::<Vec<_>>(), [2.0, 1.0, 2.0]);
}

#[tokio::test]
async fn samples_of_one_member_are_scored_once_by_it() {
    let trio = Trio::start(&format!(
        "{TRIO}[ensembles.default.strategies.twins]\nkind = \"self_fuse\"\nmember = \"b\"\nsamples = 2\n"
    ))
    .await;
    let told = trio.answer("twins").await;
    assert_eq!((text(&told).as_str(), calls(&told)), (" the answer is 7.", (2, 0)));
    assert_eq!((drafted(&told.segments[0]), trio.drafts()), (vec!["b", "b#2"], [0, 2, 0]));
    let sampling: Vec<proto::Sampling> = trio.workers[1].drafts().iter().map(|draft| draft.sampling.unwrap()).collect();
    assert!(sampling[0].seed != sampling[1].seed && sampling.iter().all(|it| it.temperature == 0.7), "{sampling:?}");
}

#[tokio::test]
async fn a_mixture_is_written_by_one_member_that_has_read_the_proposals() {
    let config =
        format!("{TRIO}[ensembles.default.strategies.moa]\nkind = \"mixture\"\naggregator = \"b\"\nlayers = 2\n");
    let trio = Trio::start(&config).await;
    let told = trio.answer("moa").await;
    assert_eq!((text(&told).as_str(), calls(&told)), (" the answer is 7.", (7, 0)));
    let rounds: Vec<(u32, usize, &str)> =
        told.segments.iter().map(|it| (it.round, it.drafts.len(), it.winner.as_str())).collect();
    assert_eq!(rounds, [(1, 3, ""), (2, 3, ""), (3, 1, "b")]);
    assert!(told.segments.iter().take(2).all(|it| it.decided_by() == proto::Decision::None && it.text.is_empty()));
    let asked = trio.workers[1].drafts();
    assert_eq!(question(&asked[0]), "How many?");
    assert!(asked[1..].iter().all(|draft| question(draft).contains("[3] we see: the answer is 5.")), "{asked:?}");
    assert_eq!(told.end.unwrap().usage.unwrap().rounds, 3);
}

#[tokio::test]
async fn a_mixture_survives_a_member_that_cannot_propose_and_fails_with_its_aggregator() {
    let mut trio = Trio::start(&format!("{TRIO}draft_timeout = \"2s\"\n")).await;
    trio.workers[2].die();
    let told = trio.answer("mixture").await;
    assert_eq!(text(&told), " 5, so the answer is 5.");
    let missed = |segment: &proto::Segment| matches!(segment.drafts[2].outcome, Some(Outcome::Missed(_)));
    assert!(missed(&told.segments[0]), "{told:?}");
    trio.workers[0].die();
    assert_eq!(trio.answer("mixture").await.end.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn proposals_that_are_too_long_for_the_aggregator_are_shortened_until_it_answers() {
    let long = "We count them one by one, and then once more, and so the answer is 5.";
    let full = Draft::Fail(Code::OutOfRange, "the context has 100 tokens");
    let a = worker("a", &[Draft::End(long), full], &[Score::Prefer(long)]).await;
    let b = worker("b", &[Draft::End(long)], &[Score::Prefer(long)]).await;
    let coordinator = Coordinator::start(&[&a, &b], PAIR).await;
    let told = coordinator.answer(proto::GenerateRequest { strategy: "mixture".to_owned(), ..ask("How many?") }).await;
    let status = told.end.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().starts_with("the prompt fits no member's context length: a: "), "{status:?}");
    let read: Vec<usize> = a.drafts().iter().map(|draft| question(draft).len()).collect();
    assert!(read.len() == 4 && read[1] > read[2] && read[2] > read[3] && read[3] == read[0], "{read:?}");
}

#[tokio::test]
async fn after_the_first_scored_round_the_route_is_taken_by_the_best_alone() {
    let member =
        async |model, words, end| worker(model, &[Draft::Say(words), Draft::End(end)], &[Score::Prefer(" b")]).await;
    let (a, b) = (member("a", " a", " A").await, member("b", " b", " B").await);
    let coordinator = Coordinator::start(&[&a, &b], PAIR).await;
    let told = coordinator.answer(proto::GenerateRequest { strategy: "route".to_owned(), ..ask("?") }).await;
    assert_eq!((text(&told).as_str(), calls(&told)), (" b B", (3, 2)));
    assert_eq!(told.segments[0].exits[0].member, "a");
}

#[tokio::test]
async fn a_request_may_change_the_policy_of_its_strategy_for_itself() {
    let trio = Trio::start(&format!("{TRIO}adjustable = [\"segment_tokens\", \"min_members\"]\n")).await;
    let listed = trio.coordinator.client().list_ensembles(proto::ListEnsemblesRequest {}).await.unwrap().into_inner();
    assert_eq!(listed.ensembles[0].adjustable, ["segment_tokens", "min_members"]);
    let adjusted = |adjustment| proto::GenerateRequest { adjustment: Some(adjustment), ..ask("How many?") };
    let shorter = proto::Adjustment { segment_tokens: Some(4), ..Default::default() };
    assert!(trio.coordinator.answer(adjusted(shorter)).await.end.is_ok());
    assert!(trio.answer("").await.end.is_ok());
    let asked: Vec<u32> = trio.workers[0].drafts().iter().map(|draft| draft.max_tokens).collect();
    assert_eq!(asked, [4, 10]);
    let colder = proto::Adjustment { tau: Some(0.5), ..Default::default() };
    let status = trio.coordinator.answer(adjusted(colder)).await.end.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().starts_with("adjustment.tau: ensemble default does not let"), "{status:?}");
}

#[tokio::test]
async fn a_strategy_may_be_the_ensembles_own_and_a_table_may_change_any() {
    let config = format!(
        "{TRIO}strategy = \"cheap\"\n[ensembles.default.strategies.cheap]\nkind = \"fuse\"\nrank = {{ rule = \"author\" }}\n"
    );
    let trio = Trio::start(&config).await;
    let told = trio.answer("").await;
    assert_eq!((calls(&told), told.segments[0].decided_by()), ((3, 0), proto::Decision::Author));
    let told = trio.answer("fuse").await;
    assert_eq!((calls(&told), told.segments[0].decided_by()), ((3, 3), proto::Decision::Scores));
}

#[tokio::test]
async fn what_a_strategy_does_not_know_or_cannot_do_is_refused_by_name() {
    let trio = Trio::start(TRIO).await;
    let status = trio.answer("guess").await.end.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    let known =
        "strategy: ensemble default has no \"guess\"; it has: best_of_n, fuse, mixture, route, self_fuse, single/a";
    assert!(status.message().starts_with(known), "{status:?}");
    let raw = Some(proto::generate_request::Prompt::Raw("x".to_owned()));
    let request = proto::GenerateRequest { strategy: "mixture".to_owned(), prompt: raw, ..Default::default() };
    let status = trio.coordinator.answer(request).await.end.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().starts_with("raw: strategy mixture"), "{status:?}");
    let request = proto::GenerateRequest { strategy: "vote".to_owned(), stop: vec!["5".to_owned()], ..ask("?") };
    let status = trio.coordinator.answer(request).await.end.unwrap_err();
    assert!(status.message().starts_with("stop: strategy vote"), "{status:?}");
    assert_eq!(trio.drafts(), [0; 3], "nobody was asked");
}
