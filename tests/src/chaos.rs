//! An answer for every question, whatever breaks: clients ask a whole fleet while its workers, its etcd and a coordinator are
//! killed, stopped, cut off and restarted.
//!
//! - `load`: the clients; `question`: what they ask
//! - `fault`: what may break; `storm`: which breaks when
//! - `scrapes`: what Prometheus would have seen meanwhile
//! - `verdict`: what went wrong; `table`: the same for people

mod fault;
mod load;
pub(crate) mod question;
mod scrapes;
mod storm;
mod table;
mod verdict;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::atomic::Ordering,
    time::Duration,
};

use anyhow::{Context, Result};
use tokio::time::Instant;

use self::storm::Storm;
pub use self::{
    fault::Kind,
    verdict::{Verdict, Weathers},
};
use crate::{
    ensemble::Ensemble,
    fleet::{self, Fleet, Member, Plan},
    measure::Memory,
    up::bundled_models,
};

/// How long sequences that nobody waits for may stay.
const CLEARING: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(100);

#[derive(Clone, Debug)]
pub struct Trial {
    /// While things break, at least.
    pub answers: u32,
    /// At least.
    pub faults: u32,
    /// Before that.
    pub calm_answers: u32,
    pub seed: u64,
    /// Keeps the processes' logs, and a list of the faults, in this folder.
    pub logs: Option<PathBuf>,
}

/// Runs a trial with this program as every role. None: something is not installed, and it is skipped, having said so.
pub async fn run(program: &Path, trial: &Trial) -> Result<Option<Verdict>> {
    let Some(fleet) = plan(program, trial).start_on_namespaces().await? else { return Ok(None) };
    let urls = fleet.urls();
    let workers: Vec<String> = fleet.workers.iter().map(|worker| worker.process.url()).collect();
    let clients = load::Clients { urls: urls.clone(), seed: trial.seed };
    let calm_answers = trial.calm_answers;
    // The first answers meet cold caches and no connections: they are not the calm that the storm is compared with.
    let mut calm = clients.hear(0, move |asked| asked < calm_answers).await?;
    let cold = calm.len() / 3;
    let warm = calm.split_off(cold);

    let mut memory = watched(&fleet)?;
    let start = Instant::now();
    let ensemble = fleet.ensemble.clone();
    let admins = admins(&fleet)?;
    let storm = Storm::over(fleet, trial)?;
    let mut scraped = Vec::new();
    let raging = async {
        tokio::try_join!(
            async {
                let (answers, faults, struck) = (trial.answers, trial.faults, storm.struck());
                let more = move |asked| asked < answers || struck.load(Ordering::Relaxed) < faults;
                let heard = clients.hear(trial.calm_answers, more).await;
                storm.subside();
                heard
            },
            storm.rage()
        )
    };
    let (heard, faults) = tokio::select! {
        raged = raging => raged?,
        never = scrapes::watch(&admins, &mut scraped) => match never {},
    };
    let seconds = start.elapsed().as_secs_f64();

    for url in &urls {
        fleet::await_ready(url, &workers).await?;
    }
    let leaked = leaked_sequences(&workers).await?;
    for process in &mut memory {
        process.measure()?;
    }
    Ok(Some(verdict::of(
        &ensemble,
        verdict::Evidence { cold: calm, calm: warm, heard, faults, leaked, memory, scraped, seconds },
    )))
}

/// Five members of which no two answer alike: the bundled models, and two of them again with their weights rounded.
fn plan(program: &Path, trial: &Trial) -> Plan {
    let folder = bundled_models();
    let bundled = ["abacus-llama", "calendar-qwen2", "speller-mistral"];
    let plain = bundled.iter().map(|name| Member::of(folder.join(name)));
    let rounded = bundled.iter().take(2).map(|name| Member {
        name: format!("{name}-q8"),
        folder: folder.join(name),
        flags: vec!["--quantize".to_owned(), "q8_0".to_owned()],
    });
    let plan = Plan::of(program, plain.chain(rounded).collect());
    let plan = plan.replicas(2).coordinators(2).discovered().ensemble(ensemble());
    match &trial.logs {
        Some(logs) => plan.logs(logs.clone()),
        None => plan,
    }
}

/// Nobody waits long for a member that says nothing.
fn ensemble() -> Ensemble {
    Ensemble {
        draft_timeout: "5s".to_owned(),
        score_timeout: "5s".to_owned(),
        straggler_grace: "1s".to_owned(),
        max_strikes: 3,
        ..Ensemble::default()
    }
}

/// The processes that live as long as the trial: the first coordinator and the worker that nobody kills.
fn watched(fleet: &Fleet) -> Result<Vec<Memory>> {
    let coordinator = fleet.coordinators.first().context("no coordinator")?;
    let worker = fleet.workers.get(storm::SPARED).context("no worker")?;
    Ok(vec![
        Memory::of("coordinator", coordinator.id()?)?,
        Memory::of(&format!("worker {}", worker.member), worker.process.id()?)?,
    ])
}

/// Of the same.
fn admins(fleet: &Fleet) -> Result<[SocketAddr; 2]> {
    let coordinator = fleet.coordinators.first().context("no coordinator")?;
    let worker = fleet.workers.get(storm::SPARED).context("no worker")?;
    Ok([coordinator, &worker.process].map(fleet::admin))
}

/// Sequences that stay when nobody asks any more.
async fn leaked_sequences(workers: &[String]) -> Result<u32> {
    let deadline = Instant::now() + CLEARING;
    loop {
        let mut live = 0;
        for url in workers {
            live += fleet::load(url).await?.live_sequences;
        }
        if live == 0 || Instant::now() >= deadline {
            return Ok(live);
        }
        tokio::time::sleep(POLL).await;
    }
}
