//! The request that a recorded run stands for, in the words of the round logic.

use std::num::{NonZeroU32, NonZeroUsize};

use anyhow::{Context, Result};
use specfuse_core::{
    generation::Request,
    member::MemberIndex,
    policy::{ExitPolicy, ExitRule, Policy, ScoreRule, WeightRule},
};
use specfuse_tests::recorded::{self, NamedWeights, Run, Score, Weights};

pub(super) fn of(run: &Run) -> Result<Request> {
    Ok(Request {
        members: MemberIndex::all(run.members.len()),
        rounds_before: 0,
        policy: Policy {
            segment_tokens: NonZeroU32::new(run.segment_tokens).context("no segment tokens")?,
            score: match run.score {
                Score::MeanLogprob => ScoreRule::MeanLogprob,
                Score::MeanProb => ScoreRule::MeanProb,
            },
            exit: exit(&run.exit)?,
            weights: match run.weights {
                Weights::Named(NamedWeights::Uniform) => WeightRule::Uniform,
                Weights::Hedge { rate } => WeightRule::Hedge { rate },
            },
            min_members: NonZeroUsize::new(run.min_members).context("no members need stay")?,
            max_strikes: NonZeroU32::MIN,
            ..Policy::default()
        },
        max_tokens: NonZeroU32::new(run.max_tokens).context("no tokens asked for")?,
        stop: Vec::new(),
        seed: 0,
    })
}

fn exit(exit: &recorded::Exit) -> Result<ExitPolicy> {
    let rule = match exit.policy {
        recorded::ExitPolicy::Cumulative => ExitRule::Cumulative,
        recorded::ExitPolicy::NoEntropy => ExitRule::NoEntropy,
        recorded::ExitPolicy::Never => ExitRule::Never,
        recorded::ExitPolicy::FirstRounds => {
            ExitRule::FirstRounds { rounds: exit.rounds.context("first_rounds without rounds")? }
        }
    };
    Ok(ExitPolicy { rule, theta: exit.theta.unwrap_or(0.5), tau: exit.tau.unwrap_or(1.0) })
}
