//! `specfuse eval`: every strategy and every member alone on the same questions, and what follows from the answers.
//!
//! It asks, keeps and shows; what questions are, what an answer is worth and what a report says is the crate `specfuse-eval`'s.
//!
//! - [`questions`], [`target`], [`ablation`]: what is asked, and whom
//! - [`store`] with [`conditions`] and [`lines`]: the folder that lets it go on where it was stopped
//! - [`sweep`], [`asking`], [`heard`], [`bar`]: asking
//! - [`judge`]: what another model thinks of the answers
//! - [`results`]: the report
//! - [`calibrate`]: learning how the members' log-probabilities compare

mod ablation;
mod args;
mod asking;
mod bar;
mod calibrate;
mod conditions;
mod digest;
mod heard;
mod judge;
mod lines;
mod questions;
mod results;
mod store;
mod sweep;
mod target;

use std::{io, net::Ipv4Addr, path::PathBuf, process::ExitCode};

use specfuse_eval::report::{Report, Strategy};

pub(crate) use self::args::Args;
use self::{
    asking::Asker,
    calibrate::CalibrateError,
    conditions::Conditions,
    judge::{Judge, JudgeError},
    questions::{Questions, QuestionsError},
    results::ResultsError,
    store::{Store, StoreError},
    sweep::{Sweep, SweepError},
    target::{Target, TargetError},
};
use crate::{
    access::{Access, AccessError},
    cluster::{Cluster, Ended},
    interrupt::{Interrupt, Interrupted},
    local::{self, LocalError},
    models::{self, ModelsError},
    output,
};

#[derive(Debug, thiserror::Error)]
pub(crate) enum EvalError {
    #[error(transparent)]
    Questions(#[from] QuestionsError),
    #[error(transparent)]
    Models(#[from] ModelsError),
    #[error("the models were given one by one: name their folder with --models")]
    NoFolder,
    #[error(transparent)]
    Local(#[from] LocalError),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Sweep(#[from] SweepError),
    #[error(transparent)]
    Judge(#[from] JudgeError),
    #[error(transparent)]
    Results(#[from] ResultsError),
    #[error(transparent)]
    Calibrate(#[from] CalibrateError),
    #[error("{name} ended: {how}; the answers so far are kept")]
    Ended { name: String, how: String },
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
}

pub(crate) async fn run(args: Args) -> Result<ExitCode, EvalError> {
    let mut interrupt = Interrupt::listen().map_err(EvalError::Signals)?;
    if let Some(text) = &args.calibrate.calibrate {
        return tokio::select! {
            done = Box::pin(calibrate::run(text, &args)) => Ok(done.map(|()| ExitCode::SUCCESS)?),
            signal = interrupt.received() => Ok(signal.into()),
        };
    }
    let questions = Questions::read(&files(&args)?, &args.what)?;
    let judge = Judge::given(&args.judge)?;
    let (target, mut cluster) = tokio::select! {
        target = Box::pin(target(&args)) => target?,
        signal = interrupt.received() => return Ok(signal.into()),
    };
    let evaluation = Evaluation { args: &args, questions: &questions, judge: judge.as_ref() };
    let outcome = evaluation.run(&target, cluster.as_mut(), &mut interrupt).await;
    if let Some(cluster) = cluster {
        cluster.stop().await;
    }
    outcome
}

/// The question sets.
fn files(args: &Args) -> Result<Vec<PathBuf>, EvalError> {
    if !args.bundled {
        return Ok(args.files.clone());
    }
    let chosen = models::choose(&args.local.model, args.local.models.as_deref())?;
    let set = if args.development { "development.jsonl" } else { "held-out.jsonl" };
    Ok(vec![chosen.folder.ok_or(EvalError::NoFolder)?.join("questions").join(set)])
}

async fn target(args: &Args) -> Result<(Target, Option<Cluster>), EvalError> {
    if let Some(url) = &args.endpoint {
        let access = Access::given(url.clone(), args.access.clone())?;
        return Ok((Target::running(access, args.ensemble.as_deref()).await?, None));
    }
    let mut plan = local::plan(&args.local, (Ipv4Addr::LOCALHOST, 0).into())?;
    if args.ablate.is_some() {
        ablation::add(&mut plan.ensemble);
    }
    let (target, cluster) = Target::local(plan).await?;
    Ok((target, Some(cluster)))
}

struct Evaluation<'a> {
    args: &'a Args,
    questions: &'a Questions,
    judge: Option<&'a Judge>,
}

impl Evaluation<'_> {
    /// Until all is asked and reported, or a signal, or the end of a process that the answers need.
    async fn run(
        &self,
        target: &Target,
        mut cluster: Option<&mut Cluster>,
        interrupt: &mut Interrupt,
    ) -> Result<ExitCode, EvalError> {
        let mut strategies = target.strategies(&self.args.what.strategy)?;
        strategies.retain(|strategy| self.args.ablate.is_none() || ablation::concerns(strategy));
        let conditions = self.conditions(target, &strategies);
        let mut store = Store::open(&self.args.out, conditions, self.args.fresh)?;
        let asker = Asker::new(target, &self.args.what);
        let questions = &self.questions.chosen;
        let concurrency = self.args.what.concurrency;
        let sweep = Sweep { asker: &asker, questions, strategies: &strategies, concurrency };
        let done = tokio::select! {
            done = Box::pin(sweep.run(&mut store)) => Ok(done?),
            signal = interrupt.received() => Err(signal),
            ended = ended(&mut cluster) => return Err(ended),
        };
        if let Err(signal) = done {
            return Ok(self.stopped(signal, sweep.progress(&store)));
        }
        let (answered, all) = sweep.progress(&store);
        let judged = Box::pin(self.judge_and_report(&store, &strategies));
        tokio::select! {
            done = judged => done?,
            signal = interrupt.received() => return Ok(self.stopped(signal, (answered, all))),
        }
        if answered < all {
            let failed = all - answered;
            output::complain(&format!("{failed} of {all} answers failed; the same command asks for them again"));
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn judge_and_report(&self, store: &Store, strategies: &[Strategy]) -> Result<(), EvalError> {
        let questions = &self.questions.chosen;
        let mut records: Vec<_> = strategies
            .iter()
            .flat_map(|strategy| questions.iter().filter_map(|question| store.get(&question.id, &strategy.name)))
            .cloned()
            .collect();
        let seed = self.args.what.seed;
        if let Some(judge) = self.judge {
            judge.judge(questions, strategies, &mut records, (&self.args.out, seed)).await?;
        }
        results::write(&self.args.out, &Report::build(strategies, &records, seed), self.args.json)?;
        Ok(())
    }

    fn conditions(&self, target: &Target, strategies: &[Strategy]) -> Conditions {
        let settings = strategies.iter().map(|strategy| (strategy.name.clone(), target.settings_of(strategy)));
        Conditions {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            questions: self.questions.digest.clone(),
            models: target.models.clone(),
            ensemble: target.settings.clone(),
            strategies: settings.collect(),
            max_tokens: self.args.what.max_tokens,
            temperature: self.args.what.temperature,
            seed: self.args.what.seed,
            concurrency: self.args.what.concurrency,
        }
    }

    fn stopped(&self, signal: Interrupted, (answered, all): (usize, usize)) -> ExitCode {
        let folder = self.args.out.display();
        output::complain(&format!("stopped: {answered} of {all} answers are in {folder}; the same command goes on"));
        signal.into()
    }
}

/// An evaluation without one of its members would be another one.
async fn ended(cluster: &mut Option<&mut Cluster>) -> EvalError {
    match cluster {
        Some(cluster) => {
            let Ended { name, status, .. } = cluster.ended().await;
            let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
            EvalError::Ended { name, how }
        }
        None => std::future::pending().await,
    }
}
