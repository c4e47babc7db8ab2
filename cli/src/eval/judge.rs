//! A judge: another model that compares each answer with the best member's, in both orders, so that neither gains by its place.
//!
//! What it says is kept beside the answers: the same comparison is never asked for twice.

mod endpoint;
mod verdict;

use std::{collections::BTreeMap, path::Path};

use futures::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use specfuse_eval::{
    question::Question,
    record::Record,
    report::{Report, SINGLE, Strategy},
};

use self::{
    endpoint::{Endpoint, EndpointError},
    verdict::Verdict,
};
use super::{
    args::JudgeArgs,
    bar::Bar,
    digest::Digest,
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
    /// With the strategy's answer before the baseline's, then after it.
    verdicts: [Verdict; 2],
}

/// Two answers to compare.
#[derive(Debug)]
struct Bout<'a> {
    question: &'a Question,
    strategy: &'a str,
    baseline: &'a str,
    answer: &'a str,
    against: &'a str,
    digest: String,
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

    /// Adds what the judge says to the records' measures; it is the quality of those that have no other. `place`: the folder of the
    /// evaluation, and its seed. Cancel safe: what the judge has said is kept.
    pub(super) async fn judge(
        &self,
        questions: &[Question],
        strategies: &[Strategy],
        records: &mut [Record],
        place: (&Path, u64),
    ) -> Result<(), JudgeError> {
        let (folder, seed) = place;
        let baseline = self.baseline(strategies, records, seed)?;
        let (mut lines, known): (_, Vec<Judgement>) = Lines::open(&folder.join(JUDGEMENTS), false)?;
        let mut known: BTreeMap<String, [Verdict; 2]> =
            known.into_iter().map(|judgement| (judgement.digest, judgement.verdicts)).collect();
        let bouts = bouts(questions, records, &baseline, &self.endpoint.model);
        let pending: Vec<_> =
            bouts.iter().filter(|bout| bout.answer != bout.against && !known.contains_key(&bout.digest)).collect();
        let mut bar = Bar::new("judge", bouts.len() - pending.len(), bouts.len());
        let mut unclear = Vec::new();
        let asked = pending.into_iter().map(|bout| async move { (bout, self.compare(bout).await) });
        let mut answers = stream::iter(asked).buffer_unordered(CONCURRENCY);
        while let Some((bout, verdicts)) = answers.next().await {
            bar.one(verdicts.is_err());
            match verdicts {
                Ok(verdicts) => {
                    lines.append(&bout.judged(verdicts, &self.endpoint.model))?;
                    known.insert(bout.digest.clone(), verdicts);
                }
                Err(error) if error.concerns_all() => return Err(error.into()),
                Err(error) => unclear.push(error),
            }
        }
        drop((bar, answers));
        if let Some(first) = unclear.first() {
            output::complain(&format!("{} comparisons have no verdict; the first: {first}", unclear.len()));
        }
        let judged = bouts.iter().filter_map(|bout| Some((bout.key(), bout.quality(&known)?)));
        apply(records, &baseline, &judged.collect());
        Ok(())
    }

    fn baseline(&self, strategies: &[Strategy], records: &[Record], seed: u64) -> Result<String, JudgeError> {
        match &self.baseline {
            Some(named) if strategies.iter().any(|strategy| strategy.name == *named) => Ok(named.clone()),
            Some(named) => Err(JudgeError::UnknownBaseline(named.clone())),
            None => {
                let graded: Vec<Record> = records.iter().filter(|record| record.quality.is_some()).cloned().collect();
                let best = Report::build(strategies, &graded, seed).best_single;
                let first = || strategies.iter().find(|it| it.kind == SINGLE).map(|it| it.name.clone());
                best.or_else(first).ok_or(JudgeError::NoBaseline)
            }
        }
    }

    async fn compare(&self, bout: &Bout<'_>) -> Result<[Verdict; 2], EndpointError> {
        let before = self.verdict(bout.question, bout.answer, bout.against).await?;
        let after = self.verdict(bout.question, bout.against, bout.answer).await?;
        Ok([before, after])
    }

    async fn verdict(&self, question: &Question, first: &str, second: &str) -> Result<Verdict, EndpointError> {
        let answer = self.endpoint.ask(verdict::SYSTEM, &verdict::asked(&question.prompt, first, second)).await?;
        verdict::parsed(&answer).ok_or(EndpointError::Unclear)
    }
}

/// Answers to the same questions, of those that there are.
fn bouts<'a>(questions: &'a [Question], records: &'a [Record], baseline: &'a str, model: &str) -> Vec<Bout<'a>> {
    let questions: BTreeMap<&str, &Question> = questions.iter().map(|it| (it.id.as_str(), it)).collect();
    let answered = || records.iter().filter(|record| record.error.is_none());
    let against: BTreeMap<&str, &Record> = answered()
        .filter(|record| record.strategy == baseline)
        .map(|record| (record.question.as_str(), record))
        .collect();
    let bout = |record: &'a Record| {
        let question = *questions.get(record.question.as_str())?;
        let against = against.get(record.question.as_str())?.text.as_str();
        let mut digest = Digest::new();
        let asked = verdict::asked(&question.prompt, &record.text, against);
        [model, verdict::SYSTEM, &asked].iter().for_each(|part| digest.part(part.as_bytes()));
        let (strategy, answer, digest) = (record.strategy.as_str(), record.text.as_str(), digest.hex());
        Some(Bout { question, strategy, baseline, answer, against, digest })
    };
    answered().filter(|record| record.strategy != baseline).filter_map(bout).collect()
}

impl Bout<'_> {
    fn key(&self) -> (String, String) {
        (self.question.id.clone(), self.strategy.to_owned())
    }

    /// 1: better in both orders; 0: worse in both. Nobody need be asked about answers alike.
    fn quality(&self, known: &BTreeMap<String, [Verdict; 2]>) -> Option<f64> {
        if self.answer == self.against {
            return Some(0.5);
        }
        known.get(&self.digest).map(|[before, after]| f64::midpoint(before.first_share(), 1.0 - after.first_share()))
    }

    fn judged(&self, verdicts: [Verdict; 2], model: &str) -> Judgement {
        Judgement {
            question: self.question.id.clone(),
            strategy: self.strategy.to_owned(),
            baseline: self.baseline.to_owned(),
            model: model.to_owned(),
            digest: self.digest.clone(),
            verdicts,
        }
    }
}

/// The baseline is as good as itself.
fn apply(records: &mut [Record], baseline: &str, judged: &BTreeMap<(String, String), f64>) {
    for record in records.iter_mut().filter(|record| record.error.is_none()) {
        let is_baseline = record.strategy == baseline;
        let key = (record.question.clone(), record.strategy.clone());
        let Some(quality) = judged.get(&key).copied().or(is_baseline.then_some(0.5)) else { continue };
        record.measures.insert(MEASURE.to_owned(), quality);
        record.quality.get_or_insert(quality);
    }
}

#[cfg(test)]
mod tests;
