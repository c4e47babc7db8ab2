//! The ensemble that must repeat a recorded run.

use specfuse_tests::{
    ensemble::{Ensemble, Exit, Weights},
    recorded::{self, ExitPolicy, NamedWeights, Run, Score},
};

pub(super) fn of(run: &Run) -> Ensemble {
    let plain = Ensemble::default();
    let score = match run.score {
        Score::MeanLogprob => "mean_logprob",
        Score::MeanProb => "mean_prob",
    };
    let rule = match run.exit.policy {
        ExitPolicy::Cumulative => "cumulative",
        ExitPolicy::NoEntropy => "no_entropy",
        ExitPolicy::Never => "never",
        ExitPolicy::FirstRounds => "first_rounds",
    };
    let exit = Exit {
        rule: rule.to_owned(),
        rounds: run.exit.rounds,
        theta: run.exit.theta.unwrap_or(plain.exit.theta),
        tau: run.exit.tau.unwrap_or(plain.exit.tau),
    };
    let weights = match run.weights {
        recorded::Weights::Named(NamedWeights::Uniform) => Weights { rule: "uniform".to_owned(), rate: None },
        recorded::Weights::Hedge { rate } => Weights { rule: "hedge".to_owned(), rate: Some(rate) },
    };
    Ensemble {
        members: run.members.clone(),
        segment_tokens: run.segment_tokens,
        score: score.to_owned(),
        exit,
        weights,
        min_members: run.min_members,
        ..plain
    }
}
