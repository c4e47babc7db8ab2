//! Whether a worker's numbers can be relied on: finite, the same every time and in any company, and those of a draft the same when
//! its text is scored. Observes through the worker's own calls; what follows is a pure function of that.

use futures::future::join_all;
use specfuse_proto::v1::{CandidateTerms, Context, DraftResponse, ScoreResponse};
use tonic::{Code, Status};

use super::{
    finding::{Finding, Subject},
    worker::{Worker, asked, candidate, raw},
};

/// Prompts and their continuations.
const TEXTS: [(&str, &str); 4] = [
    ("The capital of France is", " Paris, a large city on a river."),
    ("A shop has 47 apples and gets 38 more.", " Now there are 85 apples."),
    ("def square(x):\n", "    return x * x\n"),
    ("Привет, мир: 床前明月光", ", как дела?"),
];
const QUESTIONS: [&str; 3] = [
    "A shop has 47 apples and gets 38 more. How many apples are there now?",
    "Today is Friday. What day is it in 16 days?",
    "Why is the sky blue?",
];
const DRAFTED: u32 = 48;
/// Between log-probabilities that should be the same: on a device, and of a draft.
const TOLERANCE: f32 = 1e-3;

/// Terms of one text, computed in several ways.
#[derive(Debug)]
struct Repeated {
    first: Vec<f32>,
    again: Vec<f32>,
    in_a_batch: Vec<f32>,
}

/// A draft's log-probabilities, and the terms of its text.
#[derive(Debug)]
struct Redrafted {
    finished: bool,
    drafted: Vec<f32>,
    terms: Vec<f32>,
}

/// How a draft and its score compare.
#[derive(Debug, PartialEq)]
enum Compared {
    /// So many terms, and the largest difference between two.
    Terms(usize, f32),
    /// The text has other tokens than were drafted.
    OtherTokens,
}

#[derive(Debug, Default)]
struct Observed {
    repeated: Vec<Repeated>,
    redrafted: Vec<Redrafted>,
    /// What the worker said where a call failed.
    failures: Vec<String>,
}

impl Observed {
    /// A worker that cannot read these texts, as the tokenizer or the template decides, says nothing of numbers.
    fn failed(&mut self, status: &Status) {
        if !matches!(status.code(), Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange) {
            self.failures.push(status.message().to_owned());
        }
    }
}

pub(crate) async fn examine(worker: &Worker) -> Vec<Finding> {
    let observed = observe(worker).await;
    findings(&observed, worker.description.device == "cpu")
}

async fn observe(worker: &Worker) -> Observed {
    let mut observed = Observed::default();
    for (prompt, text) in TEXTS {
        match repeat(worker, prompt, text).await {
            Ok(repeated) => observed.repeated.push(repeated),
            Err(status) => observed.failed(&status),
        }
    }
    let chats = worker.description.capabilities.iter().any(|capability| capability == "chat");
    for question in QUESTIONS {
        let context = if chats { asked(question) } else { raw(question) };
        match redraft(worker, context).await {
            Ok(redrafted) => observed.redrafted.extend(redrafted),
            Err(status) => observed.failed(&status),
        }
    }
    observed
}

async fn repeat(worker: &Worker, prompt: &str, text: &str) -> Result<Repeated, Status> {
    let alone = || worker.score(raw(prompt), vec![candidate(text, false)]);
    let (first, again) = (terms(&alone().await?, 0), terms(&alone().await?, 0));
    // Beside other candidates, and beside other calls.
    let others = TEXTS.iter().map(|(_, other)| candidate(other, false));
    let candidates = others.chain([candidate(text, false)]).collect();
    let elsewhere = TEXTS.map(|(_, other)| worker.score(raw(other), vec![candidate(prompt, false)]));
    let (together, _) = tokio::join!(worker.score(raw(prompt), candidates), join_all(elsewhere));
    Ok(Repeated { first, again, in_a_batch: terms(&together?, TEXTS.len()) })
}

/// None: the draft is void, so that nothing can be scored.
async fn redraft(worker: &Worker, context: Context) -> Result<Option<Redrafted>, Status> {
    let drafted = worker.draft(context.clone(), DRAFTED, false).await?;
    let DraftResponse { text, finished, token_logprobs, .. } = drafted;
    if text.is_empty() && !finished {
        return Ok(None);
    }
    let scored = worker.score(context, vec![candidate(&text, finished)]).await?;
    Ok(Some(Redrafted { finished, drafted: token_logprobs, terms: terms(&scored, 0) }))
}

fn terms(scored: &ScoreResponse, candidate: usize) -> Vec<f32> {
    scored.candidates.get(candidate).map(|CandidateTerms { terms }| terms.clone()).unwrap_or_default()
}

fn findings(observed: &Observed, exact: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut failures = observed.failures.clone();
    failures.dedup();
    for failure in &failures {
        let remedy = if failure.contains("finite") {
            "the weights hold numbers that are not finite, or overflow as they are kept: download them again, or try --dtype f32"
        } else {
            "the worker's own log says more: run specfuse-worker --model with --log debug"
        };
        findings.push(Subject::Numbers.error(format!("a call fails: {failure}"), remedy));
    }
    if !observed.repeated.is_empty() {
        findings.push(finite(observed));
        let again = observed.repeated.iter().map(|one| (&one.first, &one.again));
        findings.push(alike("scored twice", again, exact));
        let batch = observed.repeated.iter().map(|one| (&one.first, &one.in_a_batch));
        findings.push(alike("scored alone and in a batch", batch, exact));
    }
    findings.extend(redrafts(&observed.redrafted));
    if findings.is_empty() {
        let what = "the model reads none of the texts that are tried: its numbers cannot be judged";
        findings.push(Subject::Numbers.warning(what, "see what is said of the tokenizer and the chat template"));
    }
    findings
}

fn finite(observed: &Observed) -> Finding {
    let terms = observed.repeated.iter().flat_map(|one| one.first.iter().chain(&one.again).chain(&one.in_a_batch));
    let (count, bad) = terms.fold((0, 0), |(count, bad), term| (count + 1, bad + usize::from(!term.is_finite())));
    match bad {
        0 => Subject::Numbers.ok(format!("{count} log-probabilities are finite")),
        bad => Subject::Numbers.error(format!("{bad} of {count} log-probabilities are not finite"), "try --dtype f32"),
    }
}

/// To the bit where that is promised, else within the tolerance.
fn alike<'a>(how: &str, pairs: impl Iterator<Item = (&'a Vec<f32>, &'a Vec<f32>)>, exact: bool) -> Finding {
    let allowed = if exact { 0.0 } else { TOLERANCE };
    let (mut texts, mut most) = (0, 0.0_f32);
    for (a, b) in pairs {
        texts += 1;
        most = most.max(distance(a, b));
    }
    if most > allowed {
        let what = format!("a text {how} differs by {most:.1e} in a term, allowed is {allowed:.0e}");
        return Subject::Numbers
            .error(what, "report it with the processor and the checkpoint: answers are not reproducible");
    }
    let same = if exact { "is the same to the bit".to_owned() } else { format!("differs by {most:.1e} at most") };
    Subject::Numbers.ok(format!("a text {how} {same} ({texts} texts)"))
}

/// Infinite where the two are not of one length, or one is no number.
fn distance(a: &[f32], b: &[f32]) -> f32 {
    if a.len() != b.len() {
        return f32::INFINITY;
    }
    let apart = |(a, b): (&f32, &f32)| if a.to_bits() == b.to_bits() { 0.0 } else { (a - b).abs() };
    let far = |most: f32, apart: f32| if apart.is_nan() { f32::INFINITY } else { most.max(apart) };
    a.iter().zip(b).map(apart).fold(0.0, far)
}

fn redrafts(all: &[Redrafted]) -> Vec<Finding> {
    let compared: Vec<Compared> = all.iter().map(compare).collect();
    let same = compared.iter().filter_map(|one| match one {
        Compared::Terms(terms, apart) => Some((*terms, *apart)),
        Compared::OtherTokens => None,
    });
    let (terms, apart) = same.fold((0, 0.0_f32), |(terms, most), (count, apart)| (terms + count, most.max(apart)));
    let others = compared.iter().filter(|one| **one == Compared::OtherTokens).count();
    let mut findings = Vec::new();
    if apart > TOLERANCE {
        let what = format!("a draft scored again differs by {apart:.1e} in a term, allowed is {TOLERANCE:.0e}");
        findings.push(
            Subject::Numbers.error(what, "report it with the checkpoint: authors and scorers of a segment disagree"),
        );
    } else if terms > 0 {
        findings
            .push(Subject::Numbers.ok(format!("drafts scored again differ by {apart:.0e} at most ({terms} terms)")));
    }
    if others > 0 {
        let what = format!("{others} of {} drafts are read again as other tokens than were drafted", all.len());
        let remedy = "a trained model draws the tokens of its own tokenizer: see that both are of one checkpoint";
        findings.push(Subject::Numbers.warning(what, remedy));
    }
    findings
}

/// A finished draft is scored whole; its last term is that of every end of turn together, so at least that of the one drawn. Of
/// another the end may have been cut, within a token too: its last term is left out, and where others differ, the text may have been
/// read as other tokens.
fn compare(Redrafted { finished, drafted, terms }: &Redrafted) -> Compared {
    if let (true, Some((drawn, drafted)), Some((ended, terms))) = (*finished, drafted.split_last(), terms.split_last())
    {
        return match drafted.len() == terms.len() {
            true => Compared::Terms(terms.len() + 1, distance(drafted, terms).max(drawn - ended)),
            false => Compared::OtherTokens,
        };
    }
    let shared = terms.len().saturating_sub(1).min(drafted.len());
    let (Some(drafted), Some(terms)) = (drafted.get(..shared), terms.get(..shared)) else {
        return Compared::OtherTokens;
    };
    match distance(drafted, terms) {
        apart if apart <= TOLERANCE => Compared::Terms(shared, apart),
        _ => Compared::OtherTokens,
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Severity;
    use super::*;

    fn repeated(again: &[f32], in_a_batch: &[f32]) -> Observed {
        let one = Repeated { first: vec![-1.0, -2.0], again: again.to_vec(), in_a_batch: in_a_batch.to_vec() };
        Observed { repeated: vec![one], ..Observed::default() }
    }

    fn errors(observed: &Observed, exact: bool) -> Vec<String> {
        let errors = findings(observed, exact).into_iter().filter(|finding| finding.severity == Severity::Error);
        errors.map(|finding| finding.what).collect()
    }

    #[test]
    fn the_same_numbers_are_well() {
        assert!(errors(&repeated(&[-1.0, -2.0], &[-1.0, -2.0]), true).is_empty());
    }

    #[test]
    fn a_bit_is_an_error_on_a_processor_and_none_on_a_device() {
        let almost = repeated(&[-1.0, -2.0], &[-1.0, -2.000_000_2]);
        assert!(errors(&almost, false).is_empty());
        let [only] = errors(&almost, true).try_into().unwrap();
        assert!(only.contains("in a batch"), "{only}");
    }

    #[test]
    fn what_is_no_number_or_missing_is_never_the_same() {
        assert_eq!(errors(&repeated(&[-1.0, f32::NAN], &[-1.0, -2.0]), false).len(), 2);
        assert_eq!(errors(&repeated(&[-1.0], &[-1.0, -2.0]), false).len(), 1);
    }

    #[test]
    fn a_failed_call_is_told_once_and_named() {
        let failures = vec!["a logit that is not a finite number".to_owned(); 3];
        let [only] = errors(&Observed { failures, ..Observed::default() }, true).try_into().unwrap();
        assert!(only.contains("not a finite number"), "{only}");
    }

    #[test]
    fn a_draft_is_compared_as_far_as_its_tokens_are_known() {
        let compared = |finished, drafted: &[f32], terms: &[f32]| {
            compare(&Redrafted { finished, drafted: drafted.to_vec(), terms: terms.to_vec() })
        };
        assert_eq!(compared(true, &[-1.0, -2.0], &[-1.0, -2.5]), Compared::Terms(2, 0.5));
        assert_eq!(compared(true, &[-1.0, -2.0], &[-1.5, -1.5]), Compared::Terms(2, 0.5));
        assert_eq!(compared(true, &[-1.0, -2.0], &[-1.0, -1.5]), Compared::Terms(2, 0.0));
        assert_eq!(compared(true, &[-1.0, -2.0], &[-1.0]), Compared::OtherTokens);
        assert_eq!(compared(false, &[-1.0, -2.0, -3.0], &[-1.0, -9.0]), Compared::Terms(1, 0.0));
        assert_eq!(compared(false, &[-1.0, -2.0], &[-3.0, -2.0]), Compared::OtherTokens);
    }
}
