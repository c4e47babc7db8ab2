//! The coordinator as its clients see it, before workers that do what a script says.

mod admission;
mod content;
mod coordinator;
mod details;
mod faults;
mod http;
mod keys;
mod lifecycle;
mod membership;
mod recording;
mod stragglers;
mod strategies;
mod tls;
mod worker;

use specfuse_proto::v1 as proto;
use tonic::Code;

use self::{
    coordinator::{Coordinator, ask},
    worker::{Draft, Score, Script, ScriptedWorker},
};

/// Never exits by quality, so that a test's members stay.
const PAIR: &str = "[ensembles.default]\nmembers = [\"a\", \"b\"]\nexit = { rule = \"never\" }\n";

async fn worker(model: &'static str, drafts: &[Draft], scores: &[Score]) -> ScriptedWorker {
    ScriptedWorker::start(Script { model, drafts: drafts.to_vec(), scores: scores.to_vec() }).await
}

/// Says " yes" for a round, prefers it, and ends.
async fn sound(model: &'static str) -> ScriptedWorker {
    worker(model, &[Draft::Say(" yes"), Draft::End("")], &[Score::Prefer(" yes")]).await
}

fn text(told: &coordinator::Told) -> String {
    let segments = told.segments.iter().map(|segment| segment.text.as_str());
    segments.chain(told.end.as_ref().ok().map(|finished| finished.text.as_str())).collect()
}

/// An answer of two rounds by both members, with its request's sampling but for the seed.
struct Pair {
    a: ScriptedWorker,
    b: ScriptedWorker,
    penalised: proto::Sampling,
    told: coordinator::Told,
}

impl Pair {
    async fn answered() -> Self {
        let a = worker("a", &[Draft::Say(" Hello"), Draft::End(" there")], &[Score::Prefer(" Hello")]).await;
        let b = worker("b", &[Draft::Say(" Hi"), Draft::End(" there")], &[Score::Prefer(" Hello")]).await;
        let coordinator = Coordinator::start(&[&a, &b], PAIR).await;
        let penalised = proto::Sampling {
            temperature: 0.5,
            repetition_penalty: Some(1.1),
            presence_penalty: 0.5,
            frequency_penalty: -0.25,
            ..Default::default()
        };
        let request = proto::GenerateRequest {
            sampling: Some(proto::Sampling { seed: 7, ..penalised }),
            request_id: "r-1".to_owned(),
            ..ask("greet me")
        };
        let told = coordinator.answer(request).await;
        Self { a, b, penalised, told }
    }
}

#[tokio::test]
async fn two_members_write_one_answer_and_every_round_is_told() {
    let Pair { told, .. } = Pair::answered().await;
    assert_eq!(text(&told), " Hello there");
    let [first, second] = told.segments.as_slice() else { panic!("{told:?}") };
    assert_eq!((first.round, first.winner.as_str(), first.winning_candidate, first.scored), (1, "a", 0, true));
    let candidates: Vec<(&str, f64)> =
        first.candidates.iter().map(|candidate| (candidate.text.as_str(), candidate.aggregate.unwrap())).collect();
    assert_eq!(candidates, [(" Hello", -0.125), (" Hi", -2.0)]);
    assert_eq!(first.scores.len(), 2);
    assert_eq!(first.scores[0].candidates[1], proto::CandidateScore { mean: -2.0, tokens: 2, sum_logprob: -4.0 });
    assert_eq!(first.active, ["a", "b"]);
    assert!(first.standing.iter().all(|standing| standing.keep.is_some() && standing.weight.is_none()));
    assert!(first.entropy.is_some());
    let Some(proto::draft_report::Outcome::Draft(draft)) = &first.drafts[1].outcome else { panic!("{first:?}") };
    assert_eq!((draft.text.as_str(), draft.token_logprobs.len(), draft.work.unwrap().tokens_cached), (" Hi", 3, 10));
    assert_eq!(
        (second.scored, second.candidates[0].authors.as_slice()),
        (false, ["a".to_owned(), "b".to_owned()].as_slice())
    );
    assert_eq!((second.entropy, second.standing[0].keep), (None, None));
}

#[tokio::test]
async fn an_answer_ends_with_what_it_cost() {
    let finished = Pair::answered().await.told.end.unwrap();
    assert_eq!(finished.reason(), proto::FinishReason::Stop);
    let usage = finished.usage.unwrap();
    assert_eq!((usage.completion_tokens, usage.rounds, usage.members_per_round), (6, 2, 2.0));
    assert_eq!((usage.draft_calls, usage.score_calls), (4, 2));
    let expected = proto::MemberUsage {
        member: "a".to_owned(),
        segments_won: 2,
        bytes_won: 12,
        drafted_tokens: 6,
        tokens_computed: 8,
        tokens_cached: 20,
        scored_tokens: 4,
    };
    assert_eq!(usage.members[0], expected);
}

#[tokio::test]
async fn the_tokens_of_every_draft_are_told_where_they_are_asked_for() {
    let (a, b) = (sound("a").await, sound("b").await);
    let coordinator = Coordinator::start(&[&a, &b], PAIR).await;
    let told = coordinator.answer(proto::GenerateRequest { top_logprobs: Some(2), ..ask("greet me") }).await;
    assert_eq!(a.drafts()[0].top_logprobs, Some(2));
    let Some(proto::draft_report::Outcome::Draft(draft)) = &told.segments[0].drafts[1].outcome else { panic!() };
    let [first, second] = draft.tokens.as_slice() else { panic!("{draft:?}") };
    assert_eq!((first.text.as_str(), first.logprob, first.top.len()), (" yes", -0.5, 2));
    assert_eq!(first.top[1], proto::Alternative { text: " other 1".to_owned(), logprob: -1.0 });
    assert_eq!((second.text.as_str(), draft.context_tokens), ("", 10));
    assert_eq!(told.end.unwrap().usage.unwrap().prompt_tokens, 10);
    let told = coordinator.answer(ask("greet me")).await;
    let Some(proto::draft_report::Outcome::Draft(draft)) = &told.segments[0].drafts[1].outcome else { panic!() };
    assert!(draft.tokens.is_empty(), "{draft:?}");
}

#[tokio::test]
async fn members_are_asked_with_the_accepted_text_and_a_seed_of_their_own() {
    let Pair { a, b, penalised, told } = Pair::answered().await;
    assert!(told.end.is_ok());
    let asked = b.drafts();
    assert_eq!(asked[1].context.as_ref().unwrap().accepted, " Hello");
    assert_eq!((asked[0].request_id.as_str(), asked[0].max_tokens), ("r-1", 10));
    let seeds: Vec<u64> = asked.iter().map(|draft| draft.sampling.unwrap().seed).collect();
    assert_ne!(seeds[0], seeds[1]);
    assert_ne!(seeds[0], a.drafts()[0].sampling.unwrap().seed);
    assert_eq!(proto::Sampling { seed: 0, ..asked[0].sampling.unwrap() }, penalised);
}

#[tokio::test]
async fn a_stop_string_is_never_shown_and_its_bytes_are_nobodys() {
    let a = worker("a", &[Draft::Say(" one EN"), Draft::Say("D two")], &[]).await;
    let coordinator = Coordinator::start(&[&a], "[ensembles.solo]\nmembers = [\"a\"]").await;
    let request = proto::GenerateRequest { stop: vec!["END".to_owned()], ..ask("count") };
    let told = coordinator.answer(request).await;
    assert_eq!(text(&told), " one ");
    let finished = told.end.unwrap();
    assert_eq!(finished.reason(), proto::FinishReason::Stop);
    assert_eq!(finished.usage.unwrap().members[0].bytes_won, 5);
}

#[tokio::test]
async fn a_raw_prompt_reaches_the_worker_as_it_is_and_tokens_are_limited() {
    let a = worker("a", &[Draft::Say(" x")], &[]).await;
    let coordinator = Coordinator::start(&[&a], "[ensembles.solo]\nmembers = [\"a\"]\nsegment_tokens = 3").await;
    let raw = Some(proto::generate_request::Prompt::Raw("Once".to_owned()));
    let request = proto::GenerateRequest { prompt: raw, max_tokens: Some(6), ..Default::default() };
    let told = coordinator.answer(request).await;
    assert_eq!(told.end.unwrap().reason(), proto::FinishReason::Length);
    assert_eq!(told.segments.len(), 2);
    let context = a.drafts().remove(1).context.unwrap();
    assert_eq!(
        (context.prompt, context.accepted.as_str()),
        (Some(proto::context::Prompt::Raw("Once".to_owned())), " x")
    );
}

#[tokio::test]
async fn an_unknown_ensemble_is_not_found_and_the_known_ones_are_named() {
    let a = sound("a").await;
    let tables = "[ensembles.x]\nmembers = [\"a\"]\n[ensembles.y]\nmembers = [\"a\"]";
    let coordinator = Coordinator::start(&[&a], tables).await;
    let request = proto::GenerateRequest { ensemble: "z".to_owned(), ..ask("hello") };
    let status = coordinator.answer(request).await.end.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::NotFound, "there is no ensemble \"z\"; there are: x, y"));
    let status = coordinator.answer(ask("hello")).await.end.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn ensembles_and_workers_are_listed() {
    let a = sound("a").await;
    let tables = format!("{PAIR}[ensembles.solo]\nmembers = [\"a\"]\nweights = {{ rule = \"hedge\" }}");
    let coordinator =
        Coordinator::start_with(&format!("workers = [{:?}, \"http://127.0.0.1:1\"]\n{tables}", a.url)).await;
    let solo = proto::GenerateRequest { ensemble: "solo".to_owned(), ..ask("hello") };
    assert_eq!(text(&coordinator.answer(solo).await), " yes");
    let ensembles =
        coordinator.client().list_ensembles(proto::ListEnsemblesRequest {}).await.unwrap().into_inner().ensembles;
    let told: Vec<(&str, bool, &str)> =
        ensembles.iter().map(|told| (told.name.as_str(), told.ready, told.weights.as_str())).collect();
    assert_eq!(told, [("default", false, "uniform"), ("solo", true, "hedge")]);
    let status = coordinator.answer(proto::GenerateRequest { ensemble: "default".to_owned(), ..ask("x") }).await;
    assert_eq!(text(&status), " yes");
    let workers = coordinator.client().get_cluster(proto::GetClusterRequest {}).await.unwrap().into_inner().workers;
    assert_eq!(workers[0].state(), proto::WorkerState::Ready);
    assert_eq!(
        (workers[0].endpoint.as_str(), workers[0].description.as_ref().unwrap().model.as_str()),
        (a.url.as_str(), "a")
    );
    assert_eq!(workers[1].state(), proto::WorkerState::Unreachable);
    assert!(workers[1].error.contains("refused"), "{}", workers[1].error);
}
