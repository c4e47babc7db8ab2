//! What streams over HTTP cost: how much later than its first round the first byte of one comes, and what many cost that wait.
//!
//! The member answers its first draft at once and no other, so that streams which have begun stay idle.

mod client;
mod quiet;

use std::{fmt, fs, path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use serde::Serialize;
use tokio::time::Instant;

use self::{client::EventStream, quiet::Quiet};
use crate::{
    fleet::{Fleet, Member, Plan, await_ready},
    measure::{Memory, Spread},
    process::Process,
    up::bundled_models,
};

/// Milliseconds that the first byte may come later than the first round is decided.
const MOST_LATER: f64 = 5.0;
const IDLE: usize = 200;
/// Mebibytes.
const MOST_MEMORY: f64 = 50.0;
const QUESTION: &str = "A shop has 47 apples and gets 38 more. How many apples are there now?";

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    pub answers: usize,
    /// From the request to the first event's first byte, in milliseconds.
    pub first_byte_ms: Spread,
    /// Of that, what its first round did not take.
    pub beyond_the_round_ms: Spread,
    pub idle_streams: usize,
    /// Of the coordinator, without them and with them, in mebibytes.
    pub idle_mib: (f64, f64),
}

/// Asks so many questions, one after the other, then opens the idle streams.
pub async fn run(program: &Path, answers: usize) -> Result<Option<Verdict>> {
    let names = ["abacus-llama", "calendar-qwen2", "speller-mistral"];
    let members = names.iter().map(|name| Member::of(bundled_models().join(name))).collect();
    let Some(fleet) = Plan::of(program, members).ensemble(Default::default()).start().await? else { return Ok(None) };
    let (mut first, mut beyond) = (Vec::new(), Vec::new());
    for _ in 0..answers {
        let (byte, round) = first_byte(&fleet).await?;
        first.push(byte);
        beyond.push(byte.saturating_sub(round));
    }
    drop(fleet);
    let idle_mib = idle(program).await?;
    Ok(Some(Verdict {
        answers,
        first_byte_ms: Spread::of(first),
        beyond_the_round_ms: Spread::of(beyond),
        idle_streams: IDLE,
        idle_mib,
    }))
}

/// Until the first byte, and how long the first round took.
async fn first_byte(fleet: &Fleet) -> Result<(Duration, Duration)> {
    let coordinator = fleet.coordinators.first().context("no coordinator")?;
    let begun = Instant::now();
    let mut stream = EventStream::open(coordinator.address, QUESTION).await?;
    let first = stream.event().await?.context("no event")?;
    let byte = begun.elapsed();
    let trace = &first["specfuse"]["trace"];
    let micros = |name: &str| trace[name].as_u64().with_context(|| format!("no {name}: {first}"));
    let round = Duration::from_micros(micros("draft_micros")? + micros("score_micros")?);
    while stream.event().await?.is_some() {}
    Ok((byte, round))
}

/// What the coordinator holds before and while the streams are open.
async fn idle(program: &Path) -> Result<(f64, f64)> {
    let quiet = Quiet::start().await?;
    let settings = tempfile::NamedTempFile::new()?;
    let config = format!(
        "listen = \"127.0.0.1:0\"\nworkers = [{:?}]\nmax_generations = {}\n[ensembles.default]\nmembers = [{:?}]\n",
        quiet.url,
        2 * IDLE,
        quiet::NAME
    );
    fs::write(settings.path(), config)?;
    let file = settings.path().to_str().context("the file's name is not UTF-8")?;
    let coordinator = Process::start(program, &["coordinator", "--config", file]).await?;
    await_ready(&coordinator.url(), std::slice::from_ref(&quiet.url)).await?;
    // What the first streams make grow stays for all that follow.
    drop(open(&coordinator, 4).await?);
    let mut memory = Memory::of("coordinator", coordinator.id()?)?;
    let streams = open(&coordinator, IDLE).await?;
    memory.measure()?;
    ensure!(streams.len() == IDLE, "{} streams", streams.len());
    Ok((memory.first_mib, memory.last_mib))
}

async fn open(coordinator: &Process, streams: usize) -> Result<Vec<EventStream>> {
    let open = (0..streams).map(async |_| {
        let mut stream = EventStream::open(coordinator.address, QUESTION).await?;
        stream.event().await?.context("no event")?;
        Ok::<_, anyhow::Error>(stream)
    });
    try_join_all(open).await
}

impl Verdict {
    pub fn is_clean(&self) -> bool {
        self.beyond_the_round_ms.p99 <= MOST_LATER && self.idle_mib.1 - self.idle_mib.0 < MOST_MEMORY
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { answers, first_byte_ms: first, beyond_the_round_ms: beyond, idle_streams, idle_mib } = self;
        writeln!(to, "{answers} streams, one after the other    p50     p99     max")?;
        writeln!(to, "first byte, ms                {:8.2}{:8.2}{:8.2}", first.p50, first.p99, first.max)?;
        writeln!(to, "beyond the first round, ms    {:8.2}{:8.2}{:8.2}", beyond.p50, beyond.p99, beyond.max)?;
        let more = idle_mib.1 - idle_mib.0;
        writeln!(to, "{idle_streams} idle streams: {:.1} MiB more than {:.1} MiB", more, idle_mib.0)
    }
}
