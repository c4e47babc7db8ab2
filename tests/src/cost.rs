//! What telemetry costs: the same answers from two clusters in turn, one that sends every span to a collector and is scraped every
//! second, and one that is left alone.

use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use serde::Serialize;
use specfuse_proto::v1::{GenerateRequest, Sampling};
use tokio::{
    task::JoinSet,
    time::{Instant, interval},
};

use crate::{
    answer,
    collector::Collector,
    ensemble::Ensemble,
    fleet::{self, Fleet, Member, Plan},
    process::{self, DEADLINE, Process},
    scrape,
};

/// At a time.
const CLIENTS: u64 = 4;
/// In the words of random weights.
const QUESTION: &str = "t17 t4 t99 t1024 t7 t300";
/// Of one answer: random weights find no end.
const TOKENS: u32 = 128;
/// What it may cost, of the processor time.
const MOST: f64 = 0.02;
const SCRAPES: Duration = Duration::from_secs(1);

#[derive(Clone, Debug)]
pub struct Trial {
    pub program: PathBuf,
    /// A config.json: a model of this shape decodes, alone.
    pub shape: PathBuf,
    /// Blocks of answers from each.
    pub blocks: usize,
}

/// Tokens of answers per second.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    pub left_alone: f64,
    pub observed: f64,
    /// Median over the pairs of blocks of what is lost, and its quartiles.
    pub lost: f64,
    pub lost_quartiles: (f64, f64),
    /// How much more processor time the same answers took, of the whole: what a machine that does other things tells best.
    pub more_processor_time: f64,
    pub spans: usize,
}

pub async fn run(trial: &Trial) -> Result<Option<Verdict>> {
    let collector = Collector::start().await?;
    let observed = trial.plan().flag("--otlp-endpoint", &collector.endpoint).start();
    let (Some(alone), Some(observed)) = tokio::try_join!(trial.plan().start(), observed)? else { return Ok(None) };
    // The first block of each meets cold caches.
    block(&alone).await?;
    watched_block(&observed).await?;
    let before = (processor_time(&alone)?, processor_time(&observed)?);
    let mut pairs = Vec::new();
    for number in 0..trial.blocks {
        // Whoever is first is so every other time.
        let pair = if number % 2 == 0 {
            let first = block(&alone).await?;
            (first, watched_block(&observed).await?)
        } else {
            let first = watched_block(&observed).await?;
            collector.quiet().await;
            (block(&alone).await?, first)
        };
        collector.quiet().await;
        pairs.push(pair);
    }
    let after = (processor_time(&alone)?, processor_time(&observed)?);
    let spent = [after.0 - before.0, after.1 - before.1].map(|spent| spent.as_secs_f64());
    let at = |mut values: Vec<f64>, share: f64| {
        values.sort_by(f64::total_cmp);
        let place = ((values.len() as f64 - 1.0) * share).round() as usize;
        values.get(place).copied().unwrap_or_default()
    };
    let lost: Vec<f64> = pairs.iter().map(|(alone, observed)| 1.0 - observed / alone).collect();
    Ok(Some(Verdict {
        left_alone: at(pairs.iter().map(|pair| pair.0).collect(), 0.5),
        observed: at(pairs.iter().map(|pair| pair.1).collect(), 0.5),
        lost: at(lost.clone(), 0.5),
        lost_quartiles: (at(lost.clone(), 0.25), at(lost, 0.75)),
        more_processor_time: spent[1] / spent[0] - 1.0,
        spans: collector.count(),
    }))
}

impl Trial {
    fn plan(&self) -> Plan {
        let cache = ["--cache-memory", "64MiB"].map(str::to_owned).to_vec();
        let member = Member { name: "random".to_owned(), folder: self.shape.clone(), flags: cache };
        Plan::of(&self.program, vec![member]).ensemble(Ensemble::nobody_leaves())
    }
}

/// Several clients ask at once; tokens per second.
async fn block(fleet: &Fleet) -> Result<f64> {
    let begun = Instant::now();
    let clients = (0..CLIENTS).map(async |client| {
        let sampling = Some(Sampling { temperature: 1.0, seed: client, ..Sampling::default() });
        let request = GenerateRequest { sampling, ..answer::question(QUESTION, TOKENS) };
        let answer = fleet.client(0)?.ask(&request, DEADLINE).await.outcome?;
        Ok::<_, anyhow::Error>(answer.finished.usage.context("no usage")?.completion_tokens)
    });
    let tokens: u32 = try_join_all(clients).await?.into_iter().sum();
    ensure!(tokens > 0, "no tokens");
    Ok(f64::from(tokens) / begun.elapsed().as_secs_f64())
}

/// The same, scraped meanwhile.
async fn watched_block(fleet: &Fleet) -> Result<f64> {
    let mut scraping = JoinSet::new();
    for process in processes(fleet) {
        scraping.spawn(scraped(fleet::admin(process)));
    }
    block(fleet).await
}

/// Of all processes.
fn processor_time(fleet: &Fleet) -> Result<Duration> {
    processes(fleet).map(|process| process::processor_time(process.id()?)).sum()
}

fn processes(fleet: &Fleet) -> impl Iterator<Item = &Process> {
    fleet.coordinators.iter().chain(fleet.workers.iter().map(|worker| &worker.process))
}

async fn scraped(address: SocketAddr) {
    let mut tact = interval(SCRAPES);
    loop {
        tact.tick().await;
        // What it costs to be asked, not what it says.
        let _ = scrape::get(address, "/metrics").await;
    }
}

impl Verdict {
    pub fn is_cheap(&self) -> bool {
        self.more_processor_time <= MOST
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { left_alone, observed, lost, lost_quartiles: (low, high), more_processor_time: more, spans } = self;
        writeln!(to, "tokens per second: {left_alone:.1} left alone, {observed:.1} observed")?;
        let [lost, low, high] = [lost, low, high].map(|share| share * 100.0);
        writeln!(to, "lost: {lost:.2} % (quartiles of pairs {low:.2} to {high:.2}), {spans} spans sent")?;
        writeln!(to, "processor time: {:.2} % more", more * 100.0)
    }
}
