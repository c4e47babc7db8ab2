//! `specfuse bench rounds`: what coordination costs. Measured with members that answer at once, where nothing but the coordinator and
//! the wire takes time, and with the bundled models, where that has a share of each round.

mod asked;
mod scripted;
mod told;

use std::{io, path::PathBuf, time::Duration};

use clap::builder::RangedU64ValueParser;
use tokio::{
    task::{JoinError, JoinSet},
    time::Instant,
};
use tonic::Status;

use self::{
    asked::{Answer, Coordinator, Round},
    scripted::Scripted,
    told::Report,
};
use crate::{
    cluster::{self, ClusterError, Plan},
    models::{self, LocalModel, ModelsError},
    output,
};

/// Tokens of an answer by members that answer at once: a hundred rounds of the ten that each says.
const LONG: u32 = 1000;
/// Answers that are not measured: connections are made and processes warm up.
const WARM_UP: usize = 2;
/// How long rounds of the bundled models are measured.
const REAL: Duration = Duration::from_secs(15);
/// Log filter of the processes that are started.
const LOG: &str = "warn";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Members of the ensemble. Where there are more than bundled models, some of these are there twice.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = RangedU64ValueParser::<usize>::new().range(2..=64))]
    members: usize,
    /// Rounds measured with members that answer at once.
    #[arg(long, value_name = "N", default_value_t = 3000, value_parser = RangedU64ValueParser::<usize>::new().range(100..=1_000_000))]
    rounds: usize,
    /// Folder of bundled models; default: "models" here or above, else beside the program or above.
    #[arg(long, value_name = "DIR", env = "SPECFUSE_MODELS")]
    models: Option<PathBuf>,
    /// One JSON object instead of sentences.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum RoundsError {
    #[error(transparent)]
    Models(#[from] ModelsError),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error("the members that answer at once cannot listen")]
    Listen(#[source] io::Error),
    #[error("the coordinator cannot be reached")]
    Connect(#[from] tonic::transport::Error),
    #[error("the coordinator refuses the question: {}", .0.message())]
    Refused(Box<Status>),
    #[error("no round was over within {0:?}")]
    Late(Duration),
    #[error("no answer had more than one round")]
    NoRounds,
    #[error("the bench panicked")]
    Panicked(#[from] JoinError),
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
}

/// Measures, then prints.
pub(crate) async fn run(args: Args) -> Result<(), RoundsError> {
    let bundled = models::choose(&[], args.models.as_deref())?;
    let folders: Vec<PathBuf> =
        bundled.models.into_iter().map(|model| model.folder).cycle().take(args.members).collect();
    let models = models::choose(&folders, None)?.models;
    let names = models.iter().map(|model| model.name.clone()).collect();
    let (scripted, real) = measured(args.members, args.rounds, models).await?;
    let report = Report::of(&scripted, &real, names).ok_or(RoundsError::NoRounds)?;
    let text = if args.json { report.json().to_string() } else { report.sentences() };
    output::tell(&format!("{text}\n")).map_err(RoundsError::Output)
}

/// On the runtime's own threads, where segments arrive: another would have to be woken for each.
async fn measured(
    members: usize,
    wanted: usize,
    models: Vec<LocalModel>,
) -> Result<(Vec<Round>, Vec<Answer>), RoundsError> {
    let mut task = JoinSet::new();
    task.spawn(async move { Ok((scripted_rounds(members, wanted).await?, real_answers(models).await?)) });
    task.join_next().await.transpose()?.unwrap_or(Err(RoundsError::NoRounds))
}

async fn scripted_rounds(members: usize, wanted: usize) -> Result<Vec<Round>, RoundsError> {
    let workers = Scripted::start(members).await.map_err(RoundsError::Listen)?;
    let mut coordinator = Coordinator::start(workers.urls.clone(), workers.names.clone()).await?;
    for _ in 0..WARM_UP {
        coordinator.answer("Go on.".to_owned(), Some(LONG)).await?;
    }
    let mut rounds = Vec::with_capacity(wanted);
    while rounds.len() < wanted {
        rounds.extend(coordinator.answer("Go on.".to_owned(), Some(LONG)).await?);
    }
    rounds.truncate(wanted);
    coordinator.stop().await;
    Ok(rounds)
}

async fn real_answers(models: Vec<LocalModel>) -> Result<Vec<Answer>, RoundsError> {
    let names = models.iter().map(|model| model.name.clone()).collect();
    let listen = ([127, 0, 0, 1], 0).into();
    let plan = Plan { models, listen, ensemble: toml::Table::new(), log: LOG.to_owned() };
    let workers = cluster::start_workers(&plan).await?;
    let mut coordinator = Coordinator::start(workers.iter().map(|worker| worker.url()).collect(), names).await?;
    let mut questions = (0..).map(question);
    for question in questions.by_ref().take(WARM_UP) {
        coordinator.answer(question, None).await?;
    }
    let begun = Instant::now();
    let mut answers = Vec::new();
    for question in questions {
        answers.push(coordinator.answer(question, None).await?);
        if begun.elapsed() > REAL {
            break;
        }
    }
    coordinator.stop().await;
    cluster::stop_all(workers).await;
    Ok(answers)
}

/// One of a few kinds that the bundled models know, each time with other numbers.
fn question(number: u32) -> String {
    let (a, b) = (13 + number * 7 % 80, 11 + number * 11 % 60);
    match number % 4 {
        0 => format!("A shop has {a} books and gets {b} more. How many books are there now?"),
        1 => format!("How much is {a} × 6?"),
        2 => format!("Sort these numbers from largest to smallest: {a}, {b}, 47."),
        _ => format!("How many days are there from {} April to {} April?", 1 + a % 14, 16 + b % 14),
    }
}
