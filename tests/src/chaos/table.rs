//! A verdict for people.

use std::fmt::{Display, Formatter, Result};

use super::{
    fault::Kind,
    verdict::{Verdict, Weathers},
};
use crate::measure::Spread;

impl Display for Verdict {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        writeln!(out, "{} answers in {:.0} s, after {} in the calm", self.answers, self.seconds, self.calm_answers)?;
        writeln!(out)?;
        for (kind, count) in &self.faults {
            writeln!(out, "{:<26}{count:>8}", name(*kind))?;
        }
        writeln!(out)?;
        writeln!(out, "{:<26}{:>8}", "refused, asked elsewhere", self.turned_away)?;
        writeln!(out, "{:<26}{:>8}", "answers with a miss", self.with_misses)?;
        writeln!(out, "{:<26}{:>8}", "answers failed", self.failed)?;
        writeln!(out, "{:<26}{:>8}", "answers altered", self.altered)?;
        writeln!(out, "{:<26}{:>8}", "sequences left", self.leaked_sequences)?;
        writeln!(out)?;
        writeln!(out, "{:<26}{:>8}{:>8}{:>8}", "ms", "p50", "p99", "max")?;
        weathers(out, "first segment", &self.ttfs_ms)?;
        weathers(out, "whole answer", &self.answer_ms)?;
        writeln!(out)?;
        writeln!(out, "{:<26}{:>8}{:>8}", "MiB", "first", "last")?;
        for memory in &self.memory {
            writeln!(out, "{:<26}{:>8.1}{:>8.1}", memory.process, memory.first_mib, memory.last_mib)?;
        }
        if !self.complaints.is_empty() {
            writeln!(out)?;
        }
        self.complaints.iter().try_for_each(|complaint| writeln!(out, "{complaint}"))
    }
}

fn weathers(out: &mut Formatter<'_>, what: &str, weathers: &Weathers) -> Result {
    for (weather, Spread { p50, p99, max }) in
        [("without faults", weathers.without_faults), ("with faults", weathers.with_faults)]
    {
        writeln!(out, "{:<26}{p50:>8.0}{p99:>8.0}{max:>8.0}", format!("{what} {weather}"))?;
    }
    Ok(())
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::WorkerKilled => "workers killed",
        Kind::WorkerPaused => "workers paused",
        Kind::WorkerCutOff => "workers cut off",
        Kind::CoordinatorRestarted => "coordinators restarted",
        Kind::EtcdRestarted => "etcd restarted",
    }
}
