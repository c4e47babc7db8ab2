//! A judge: another model that compares each answer with the best member's, in both orders, so that neither gains by its place.
//!
//! What it says is kept beside the answers: the same comparison is never asked for twice.

mod bouts;
mod endpoint;
mod verdict;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use futures::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use specfuse_eval::{
    question::{Measure, Question},
    record::Record,
    report::{SINGLE, Strategy},
};

use self::{
    bouts::{Bout, Comparison, bouts},
    endpoint::{Endpoint, EndpointError},
    verdict::Verdict,
};
use super::{
    args::JudgeArgs,
    bar::Bar,
    lines::{Lines, LinesError},
    store::JUDGEMENTS,
};
use crate::{
    key::{self, Key, KeyError},
    output,
};

/// Comparisons under way at the same time.
const CONCURRENCY: usize = 8;
/// Its name among a record's measures.
const MEASURE: &str = "judge";

#[derive(Debug, thiserror::Error)]
pub(crate) enum JudgeError {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    #[error(transparent)]
    Lines(#[from] LinesError),
    #[error("no member is asked alone: say with --baseline what answers are compared with")]
    NoBaseline,
    #[error("--baseline {0}: it is none of the strategies asked")]
    UnknownBaseline(String),
}

#[derive(Debug)]
pub(super) struct Judge {
    endpoint: Endpoint,
    baseline: Option<String>,
}

/// A line of the file of judgements.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Judgement {
    question: String,
    strategy: String,
    baseline: String,
    model: String,
    /// Of all that the judge has read.
    digest: String,
    /// The strategy's answer was shown first.
    first: bool,
    verdict: Verdict,
}

impl Judge {
    /// None where none is asked for.
    pub(super) fn given(args: &JudgeArgs) -> Result<Option<Self>, JudgeError> {
        let (Some(url), Some(model)) = (&args.judge, &args.judge_model) else { return Ok(None) };
        let key = match &args.judge_key_file {
            Some(file) => Some(Key::from_file("--judge-key-file", file.clone())?),
            None => key::judges()?,
        };
        let endpoint = Endpoint::new(url, model.clone(), key.as_ref())?;
        Ok(Some(Self { endpoint, baseline: args.baseline.clone() }))
    }

    /// An error where nothing could be compared with anything.
    pub(super) fn has_baseline(&self, strategies: &[Strategy]) -> Result<(), JudgeError> {
        self.baseline(&[], strategies, &[]).map(|_| ())
    }

    /// An error where it would not answer, said before anything is asked of others.
    pub(super) async fn probe(&self) -> Result<(), JudgeError> {
        self.endpoint.probe(verdict::SYSTEM, &verdict::asked_of("How much is 2 + 2?", None, ("4", "5"))).await?;
        Ok(())
    }

    /// Adds what the judge says to the records' measures; it is the quality of those that only a judge can tell about. Tells how many
    /// comparisons have no verdict. After an error the records are as they were. `folder`: of the evaluation. Cancel safe: what the
    /// judge has said is kept.
    pub(super) async fn judge(
        &self,
        questions: &[Question],
        strategies: &[Strategy],
        records: &mut [Record],
        folder: &Path,
    ) -> Result<usize, JudgeError> {
        let baseline = self.baseline(questions, strategies, records)?;
        let (mut lines, known): (_, Vec<Judgement>) = Lines::open(&folder.join(JUDGEMENTS))?;
        let mut known: BTreeMap<String, Verdict> = known.into_iter().map(|it| (it.digest, it.verdict)).collect();
        let bouts = bouts(questions, records, &baseline, &self.endpoint.model);
        let all = bouts.iter().flat_map(Bout::comparisons).count();
        let pending: Vec<_> = bouts
            .iter()
            .flat_map(|bout| bout.comparisons().map(move |comparison| (bout, comparison)))
            .filter(|(_, comparison)| !known.contains_key(&comparison.digest))
            .collect();
        let mut bar = Bar::new("judge", all - pending.len(), all);
        let mut missing = Vec::new();
        let asked = pending
            .into_iter()
            .map(|(bout, comparison)| async move { (bout, comparison, self.verdict(&comparison.asked).await) });
        let mut answers = stream::iter(asked).buffer_unordered(CONCURRENCY);
        while let Some((bout, comparison, verdict)) = answers.next().await {
            bar.one(verdict.is_err());
            match verdict {
                Ok(verdict) => {
                    lines.append(&self.judgement(bout, comparison, (&baseline, verdict)))?;
                    known.insert(comparison.digest.clone(), verdict);
                }
                Err(error) if error.concerns_all() => return Err(error.into()),
                Err(error) => missing.push(error),
            }
        }
        drop((bar, answers));
        if let Some(first) = missing.first() {
            output::complain(&format!("{} comparisons have no verdict; the first: {first}", missing.len()));
        }
        let judged = bouts.iter().filter_map(|bout| Some((bout.key(), bout.quality(&known)?))).collect();
        let open = questions.iter().filter(|it| it.measure == Measure::Open).map(|it| it.id.clone()).collect();
        apply(records, &baseline, &judged, &open);
        Ok(missing.len())
    }

    /// The one named; else the member that answers best alone, of the questions that have a key; else the first one.
    fn baseline(
        &self,
        questions: &[Question],
        strategies: &[Strategy],
        records: &[Record],
    ) -> Result<String, JudgeError> {
        if let Some(named) = &self.baseline {
            let is_known = strategies.iter().any(|strategy| strategy.name == *named);
            return if is_known { Ok(named.clone()) } else { Err(JudgeError::UnknownBaseline(named.clone())) };
        }
        let open: BTreeSet<&str> =
            questions.iter().filter(|it| it.measure == Measure::Open).map(|it| it.id.as_str()).collect();
        let quality = |strategy: &Strategy| {
            let own = records.iter().filter(|it| it.strategy == strategy.name && !open.contains(it.question.as_str()));
            let qualities: Vec<f64> = own.map(|record| record.quality.unwrap_or(0.0)).collect();
            if qualities.is_empty() { 0.0 } else { qualities.iter().sum::<f64>() / qualities.len() as f64 }
        };
        let mut best: Option<(&Strategy, f64)> = None;
        for single in strategies.iter().filter(|strategy| strategy.kind == SINGLE) {
            let quality = quality(single);
            if best.is_none_or(|(_, highest)| quality > highest) {
                best = Some((single, quality));
            }
        }
        best.map(|(single, _)| single.name.clone()).ok_or(JudgeError::NoBaseline)
    }

    /// One that is unclear is asked for once more.
    async fn verdict(&self, asked: &str) -> Result<Verdict, EndpointError> {
        for _ in 0..2 {
            let verdict = verdict::parsed(&self.endpoint.ask(verdict::SYSTEM, asked).await?);
            if let Some(verdict) = verdict {
                return Ok(verdict);
            }
        }
        Ok(Verdict::Unclear)
    }

    fn judgement(&self, bout: &Bout<'_>, comparison: &Comparison, said: (&str, Verdict)) -> Judgement {
        let (baseline, verdict) = said;
        let (question, strategy) = bout.key();
        Judgement {
            question,
            strategy,
            baseline: baseline.to_owned(),
            model: self.endpoint.model.clone(),
            digest: comparison.digest.clone(),
            first: comparison.first,
            verdict,
        }
    }
}

/// The baseline is as good as itself.
fn apply(records: &mut [Record], baseline: &str, judged: &BTreeMap<(String, String), f64>, open: &BTreeSet<String>) {
    for record in records.iter_mut() {
        let is_baseline = record.strategy == baseline;
        let key = (record.question.clone(), record.strategy.clone());
        let Some(quality) = judged.get(&key).copied().or(is_baseline.then_some(0.5)) else { continue };
        record.measures.insert(MEASURE.to_owned(), quality);
        if record.error.is_none() && open.contains(&record.question) {
            record.quality = Some(quality);
        }
    }
}

#[cfg(test)]
mod tests;
