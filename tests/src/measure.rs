//! Numbers that trials tell: how long things took, and how much memory processes hold.

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use crate::process;

/// Milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    pub p50: f64,
    pub p99: f64,
    pub max: f64,
}

/// What a process holds at the beginning and at the end of a trial.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Memory {
    pub process: String,
    #[serde(skip)]
    id: u32,
    pub first_mib: f64,
    pub last_mib: f64,
}

impl Spread {
    pub(crate) fn of(times: impl IntoIterator<Item = Duration>) -> Self {
        let mut times: Vec<f64> = times.into_iter().map(|time| time.as_secs_f64() * 1e3).collect();
        times.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let place = (share * times.len() as f64).ceil() as usize;
            times.get(place.saturating_sub(1)).copied().unwrap_or_default()
        };
        Self { p50: at(0.5), p99: at(0.99), max: at(1.0) }
    }
}

impl Memory {
    /// Of the process of this id, from now on.
    pub(crate) fn of(process: &str, id: u32) -> Result<Self> {
        let now = mebibytes(id)?;
        Ok(Self { process: process.to_owned(), id, first_mib: now, last_mib: now })
    }

    pub(crate) fn measure(&mut self) -> Result<()> {
        self.last_mib = mebibytes(self.id)?;
        Ok(())
    }

    /// It holds more than at the beginning: by more than a tenth, and more than an allocator's whims.
    pub fn has_grown(&self) -> bool {
        self.last_mib > self.first_mib * 1.1 + 8.0
    }
}

fn mebibytes(id: u32) -> Result<f64> {
    Ok(process::memory_of(id)? as f64 / f64::from(1 << 20))
}
