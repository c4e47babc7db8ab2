//! `specfuse eval`: every strategy and every member alone on the same questions, and what follows from the answers.
//!
//! It asks, keeps and shows; what questions are, what an answer is worth and what a report says is the crate `specfuse-eval`'s.
//!
//! - [`source`], [`questions`], [`target`], [`ablation`]: what is asked, and whom
//! - [`store`] with [`conditions`] and [`lines`]: the folder that lets it go on where it was stopped
//! - [`probing`], [`sweep`], [`asking`], [`heard`], [`bar`]: asking
//! - [`judge`]: what another model thinks of the answers
//! - [`graded`], [`results`]: what the answers are worth, and the report
//! - [`calibrate`]: learning how the members' log-probabilities compare

mod ablation;
mod args;
mod asking;
mod bar;
mod calibrate;
mod conditions;
mod digest;
mod graded;
mod heard;
mod judge;
mod lines;
mod probing;
mod questions;
mod results;
mod source;
mod store;
mod sweep;
mod target;

use std::{collections::BTreeMap, io, process::ExitCode};

use specfuse_eval::report::Strategy;

pub(crate) use self::args::Args;
use self::{
    asking::Asker,
    calibrate::CalibrateError,
    conditions::Conditions,
    judge::{Judge, JudgeError},
    questions::{Questions, QuestionsError},
    results::ResultsError,
    source::{Source, SourceError},
    store::{Store, StoreError},
    sweep::{Sweep, SweepError},
    target::{Target, TargetError},
};
use crate::{
    access::{Access, AccessError},
    cluster::{Cluster, ClusterError, Ended, Plan},
    interrupt::{Interrupt, Interrupted},
    output,
};

#[derive(Debug, thiserror::Error)]
pub(crate) enum EvalError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Questions(#[from] QuestionsError),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
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

/// Who answers.
enum Whom {
    Running(Box<Access>),
    /// A cluster of our own, which is started where there is anything to ask.
    Planned(Plan),
}

pub(crate) async fn run(args: Args) -> Result<ExitCode, EvalError> {
    let mut interrupt = Interrupt::listen().map_err(EvalError::Signals)?;
    if let Some(text) = &args.calibrate.calibrate {
        return tokio::select! {
            done = Box::pin(calibrate::run(text, &args)) => Ok(done.map(|()| ExitCode::SUCCESS)?),
            signal = interrupt.received() => Ok(signal.into()),
        };
    }
    let Source { files, plan } = Source::given(&args)?;
    let questions = Questions::read(&files, &args.what)?;
    let judge = Judge::given(&args.judge)?;
    let mut store = Store::open(&args.out, args.fresh)?;
    let (target, whom) = tokio::select! {
        target = target(&args, plan) => target?,
        signal = interrupt.received() => return Ok(signal.into()),
    };
    let mut strategies = target.strategies(&args.what.strategy)?;
    strategies.retain(|strategy| args.ablate.is_none() || ablation::concerns(strategy));
    store.agree(conditions(&args, &questions, &target, &strategies))?;
    let ensemble = target.ensemble;
    let mut evaluation =
        Evaluation { args: &args, questions: &questions, judge: judge.as_ref(), ensemble, strategies, store };
    if let Some(signal) = evaluation.ask(whom, &mut interrupt).await? {
        return Ok(signal.into());
    }
    tokio::select! {
        code = Box::pin(evaluation.report()) => code,
        signal = interrupt.received() => Ok(evaluation.stopped(signal).into()),
    }
}

async fn target(args: &Args, plan: Option<Plan>) -> Result<(Target, Whom), EvalError> {
    match (&args.endpoint, plan) {
        (Some(url), _) => {
            let access = Access::given(url.clone(), args.access.clone())?;
            Ok((Target::running(&access, args.ensemble.as_deref()).await?, Whom::Running(Box::new(access))))
        }
        (None, Some(plan)) => Ok((Target::planned(&plan)?, Whom::Planned(plan))),
        (None, None) => Err(SourceError::Nobody.into()),
    }
}

fn conditions(args: &Args, questions: &Questions, target: &Target, strategies: &[Strategy]) -> Conditions {
    let settings = strategies.iter().map(|strategy| (strategy.name.clone(), target.settings_of(strategy)));
    Conditions {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        files: questions.files.clone(),
        models: target.models.clone(),
        ensemble: target.settings.clone(),
        strategies: settings.collect(),
        max_tokens: args.what.max_tokens,
        stop: args.what.stop.clone(),
        temperature: args.what.temperature,
        seed: args.what.seed,
        concurrency: args.what.concurrency,
        refused: BTreeMap::new(),
    }
}

struct Evaluation<'a> {
    args: &'a Args,
    questions: &'a Questions,
    judge: Option<&'a Judge>,
    ensemble: String,
    /// Those that take the questions, as far as it is known.
    strategies: Vec<Strategy>,
    store: Store,
}

impl Evaluation<'_> {
    /// Until all is asked, or a signal, or the end of a process that the answers need. Nothing is started where nothing is to be asked.
    async fn ask(&mut self, whom: Whom, interrupt: &mut Interrupt) -> Result<Option<Interrupted>, EvalError> {
        self.drop_refusing()?;
        let (answered, all) = self.progress();
        if let Some(judge) = self.judge {
            judge.has_baseline(&self.strategies)?;
        }
        if answered == all {
            return Ok(None);
        }
        let begun = async {
            if let Some(judge) = self.judge {
                judge.probe().await?;
            }
            results::forget(&self.args.out)?;
            Ok::<_, EvalError>(match whom {
                Whom::Running(access) => (*access, None),
                Whom::Planned(plan) => {
                    let cluster = Box::pin(Cluster::start(plan)).await?;
                    (Access::local(cluster.endpoint())?, Some(cluster))
                }
            })
        };
        let (access, mut cluster) = tokio::select! {
            begun = begun => begun?,
            signal = interrupt.received() => return Ok(Some(self.stopped(signal))),
        };
        let done = tokio::select! {
            done = Box::pin(self.sweep(access)) => done.map(|()| None),
            signal = interrupt.received() => Ok(Some(signal)),
            ended = ended(&mut cluster) => Err(ended),
        };
        if let Some(cluster) = cluster {
            cluster.stop().await;
        }
        Ok(done?.map(|signal| self.stopped(signal)))
    }

    async fn sweep(&mut self, access: Access) -> Result<(), EvalError> {
        let asker = Asker::new(access, &self.ensemble, &self.args.what);
        probing::probe(&asker, &self.questions.chosen, &self.strategies, &mut self.store).await?;
        self.drop_refusing()?;
        let concurrency = self.args.what.concurrency;
        let sweep = Sweep { questions: &self.questions.chosen, strategies: &self.strategies, concurrency };
        Ok(sweep.run(&asker, &mut self.store).await?)
    }

    /// Strategies that do not take such questions are no part of the evaluation.
    fn drop_refusing(&mut self) -> Result<(), SweepError> {
        let mut last = None;
        self.strategies.retain(|strategy| {
            let reason = probing::known(&self.store, &self.questions.chosen, &strategy.name);
            if let Some(reason) = reason {
                output::complain(&format!("{} is left out, it does not take these questions: {reason}", strategy.name));
                last = Some(reason.to_owned());
            }
            reason.is_none()
        });
        match last {
            Some(reason) if self.strategies.is_empty() => Err(SweepError::Refused(reason)),
            _ => Ok(()),
        }
    }

    /// A failure where anything is missing.
    async fn report(&self) -> Result<ExitCode, EvalError> {
        let (questions, seed) = (&self.questions.chosen, self.args.what.seed);
        let mut records = graded::records(questions, &self.strategies, &self.store);
        let mut is_whole = true;
        if let Some(judge) = self.judge {
            match judge.judge(questions, &self.strategies, &mut records, &self.args.out).await {
                Ok(missing) => is_whole = missing == 0,
                Err(error) => {
                    output::complain(&format!("no verdicts are in the report: {error}"));
                    is_whole = false;
                }
            }
        }
        let parts = graded::parts(questions, &records);
        results::write(&self.args.out, &results::reports(&parts, &self.strategies, seed), self.args.json)?;
        let (answered, all) = self.progress();
        if answered < all {
            let failed = all - answered;
            output::complain(&format!("{failed} of {all} answers failed; the same command asks for them again"));
        }
        let damaged = records.iter().filter(|record| record.error.is_none() && record.is_damaged()).count();
        if damaged > 0 {
            output::complain(&format!(
                "in {damaged} of {answered} answers a member failed or was late: they are not what the whole ensemble answers"
            ));
        }
        Ok(if is_whole && answered == all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn progress(&self) -> (usize, usize) {
        let concurrency = self.args.what.concurrency;
        Sweep { questions: &self.questions.chosen, strategies: &self.strategies, concurrency }.progress(&self.store)
    }

    fn stopped(&self, signal: Interrupted) -> Interrupted {
        let (answered, all) = self.progress();
        output::complain(&format!(
            "stopped: {answered} of {all} answers are in {}; the same command goes on",
            self.args.out.display()
        ));
        signal
    }
}

/// An evaluation without one of its members would be another one.
async fn ended(cluster: &mut Option<Cluster>) -> EvalError {
    match cluster {
        Some(cluster) => {
            let Ended { name, status, .. } = cluster.ended().await;
            let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
            EvalError::Ended { name, how }
        }
        None => std::future::pending().await,
    }
}
