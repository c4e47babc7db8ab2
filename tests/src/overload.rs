//! More than a coordinator takes: what it takes it answers in its time, and what it does not take it refuses at once.

use std::{fmt, path::Path, time::Duration};

use anyhow::{Context, Result};
use serde::Serialize;
use specfuse_proto::v1::ensemble_service_client::EnsembleServiceClient;
use tokio::{task::JoinSet, time::Instant};
use tonic::{Code, Status};

use crate::{
    answer::{self, Answer},
    chaos::question,
    client::channel,
    ensemble::Ensemble,
    fleet::{Fleet, Member, Plan},
    measure::{Memory, Spread},
    up::bundled_models,
};

/// Generations that run at a time, and requests that may wait: what two cores carry beside the clients.
const LIMIT: u8 = 2;
const WAITING: u8 = 0;
/// Clients for each generation that may run.
const EXCESS: u8 = 4;
const MAX_TOKENS: u32 = 128;
/// What the slowest admitted requests may take, compared with those of one client alone.
const MOST_SLOWER: f64 = 2.0;
/// Where the time to come back is told, in milliseconds.
const RETRY_DELAY: &str = "grpc-retry-pushback-ms";

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Verdict {
    pub limit: u8,
    pub clients: u8,
    pub seconds: f64,
    /// While overloaded.
    pub answered: usize,
    /// Refused with RESOURCE_EXHAUSTED and a time to come back.
    pub refused: usize,
    /// Any other end.
    pub errors: usize,
    /// From an admitted request to its end, in milliseconds: of one client alone, of as many as are admitted, and of four
    /// times as many.
    pub alone_ms: Spread,
    pub at_limit_ms: Spread,
    pub overload_ms: Spread,
    /// From a request to its refusal.
    pub refusal_ms: Spread,
    pub memory: Vec<Memory>,
    pub complaints: Vec<String>,
}

#[derive(Debug, Default)]
struct Tally {
    answered: Vec<Duration>,
    refused: Vec<Duration>,
    errors: Vec<Status>,
}

/// Overloads this program for so long, after half as long at its limit.
pub async fn run(program: &Path, time: Duration) -> Result<Option<Verdict>> {
    let members = ["abacus-llama", "calendar-qwen2", "speller-mistral"];
    let members = members.iter().map(|name| Member::of(bundled_models().join(name))).collect();
    let plan = Plan::of(program, members).ensemble(Ensemble::default());
    let plan = plan.set("max_generations", i64::from(LIMIT)).set("max_waiting", i64::from(WAITING));
    let Some(fleet) = plan.start().await? else { return Ok(None) };
    let url = fleet.urls().first().cloned().context("no coordinator")?;
    let alone = ask(&url, 1, time / 8).await?;
    let at_limit = ask(&url, LIMIT, time / 2).await?;
    let mut memory = watched(&fleet)?;
    let start = Instant::now();
    let overload = ask(&url, LIMIT * EXCESS, time).await?;
    let seconds = start.elapsed().as_secs_f64();
    for process in &mut memory {
        process.measure()?;
    }
    let errors: Vec<&Status> = [&alone, &at_limit, &overload].into_iter().flat_map(|tally| &tally.errors).collect();
    let refused_at_limit = alone.refused.len() + at_limit.refused.len();
    let complaints = errors.iter().map(ToString::to_string).take(20);
    Ok(Some(Verdict {
        limit: LIMIT,
        clients: LIMIT * EXCESS,
        seconds,
        answered: overload.answered.len(),
        refused: overload.refused.len(),
        errors: errors.len() + refused_at_limit,
        complaints: complaints.chain((refused_at_limit > 0).then(|| "refused below the limit".to_owned())).collect(),
        alone_ms: Spread::of(alone.answered),
        at_limit_ms: Spread::of(at_limit.answered),
        overload_ms: Spread::of(overload.answered),
        refusal_ms: Spread::of(overload.refused),
        memory,
    }))
}

impl Verdict {
    /// How much longer the slowest admitted requests took than those of one client alone.
    pub fn slower(&self) -> f64 {
        self.overload_ms.p99 / self.alone_ms.p99
    }

    pub fn is_clean(&self) -> bool {
        let flat = !self.memory.iter().any(Memory::has_grown);
        self.errors == 0 && self.refused > 0 && self.slower() <= MOST_SLOWER && flat
    }
}

fn watched(fleet: &Fleet) -> Result<Vec<Memory>> {
    let coordinators = fleet.coordinators.iter().map(|process| Memory::of("coordinator", process.id()?));
    let workers =
        fleet.workers.iter().map(|worker| Memory::of(&format!("worker {}", worker.member), worker.process.id()?));
    coordinators.chain(workers).collect()
}

/// So many clients ask one question after the other. Whoever is refused comes back when it is told to.
async fn ask(url: &str, clients: u8, time: Duration) -> Result<Tally> {
    let end = Instant::now() + time;
    let mut asking = JoinSet::new();
    for place in 0..clients {
        let client = EnsembleServiceClient::new(channel(url)?);
        asking.spawn(async move {
            let mut client = client;
            let mut tally = Tally::default();
            let mut number = 0;
            while Instant::now() < end {
                number += 1;
                let question = answer::question(&question::of(place.into(), number), MAX_TOKENS);
                let start = Instant::now();
                let answer = match client.generate(question).await {
                    Ok(stream) => Answer::read(stream.into_inner()).await,
                    Err(status) => Err(status),
                };
                let Err(status) = answer else {
                    tally.answered.push(start.elapsed());
                    continue;
                };
                match retry_delay(&status) {
                    Some(delay) => {
                        tally.refused.push(start.elapsed());
                        tokio::time::sleep(delay).await;
                    }
                    None => tally.errors.push(status),
                }
            }
            tally
        });
    }
    let mut all = Tally::default();
    for tally in asking.join_all().await {
        all.answered.extend(tally.answered);
        all.refused.extend(tally.refused);
        all.errors.extend(tally.errors);
    }
    Ok(all)
}

/// None: another error, or nobody says when to come back.
fn retry_delay(status: &Status) -> Option<Duration> {
    let told = status.metadata().get(RETRY_DELAY).filter(|_| status.code() == Code::ResourceExhausted)?;
    told.to_str().ok()?.parse().ok().map(Duration::from_millis)
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limit, clients, seconds, .. } = self;
        writeln!(out, "{clients} clients for {seconds:.0} s, where {limit} are answered at a time")?;
        writeln!(out)?;
        writeln!(out, "{:<26}{:>8}", "answered", self.answered)?;
        writeln!(out, "{:<26}{:>8}", "refused", self.refused)?;
        writeln!(out, "{:<26}{:>8}", "other errors", self.errors)?;
        writeln!(out)?;
        writeln!(out, "{:<26}{:>8}{:>8}{:>8}", "ms", "p50", "p99", "max")?;
        let rows = [
            ("answer to one client", self.alone_ms),
            ("answer at the limit", self.at_limit_ms),
            ("answer under overload", self.overload_ms),
            ("refusal", self.refusal_ms),
        ];
        for (what, Spread { p50, p99, max }) in rows {
            writeln!(out, "{what:<26}{p50:>8.0}{p99:>8.0}{max:>8.0}")?;
        }
        writeln!(out, "{:<34}{:>8.2}", "p99, of that of one client", self.slower())?;
        writeln!(out)?;
        writeln!(out, "{:<26}{:>8}{:>8}", "MiB", "first", "last")?;
        for memory in &self.memory {
            writeln!(out, "{:<26}{:>8.1}{:>8.1}", memory.process, memory.first_mib, memory.last_mib)?;
        }
        self.complaints.iter().try_for_each(|complaint| writeln!(out, "\n{complaint}"))
    }
}
