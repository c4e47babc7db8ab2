//! How fast a worker reads and writes, and what memory it takes. Measures through the worker's own account of its calls.

use indicatif::BinaryBytes;
use specfuse_worker::{context::Language, model::Outline};
use tonic::Status;

use super::{
    finding::{Finding, Subject, median},
    worker::{Worker, raw},
};

const REPEATS: usize = 3;
const PREFILLED: usize = 512;
const DECODED: u32 = 32;
const SENTENCE: &str = " The quick brown fox jumps over the lazy dog, and 47 grey geese look on.";
/// Tokens a second below which an answer is slower than reading it aloud.
const SLOW: f64 = 2.0;
/// Bytes of a number in the cache: on the CPU, and on a device, which keeps 16 bits as a rule.
const CPU_NUMBER: u64 = 4;
const DEVICE_NUMBER: u64 = 2;
/// What a process needs besides weights and cache.
const OVERHEAD: u64 = 256 << 20;

/// Medians, in tokens a second. None: nothing could be measured.
#[derive(Debug, Default)]
struct Speed {
    prefill: Option<f64>,
    decode: Option<f64>,
}

/// In bytes, but for counts of tokens.
#[derive(Debug)]
pub(crate) struct Memory {
    pub(crate) resident: Option<u64>,
    /// How the weights are held, as the worker tells it.
    pub(crate) dtype: String,
    /// Of the files.
    pub(crate) weights: u64,
    pub(crate) per_token: u64,
    pub(crate) context_length: u64,
    pub(crate) cache_tokens: u64,
    pub(crate) cached_tokens: u64,
}

pub(crate) async fn examine(worker: &Worker, language: &Language, outline: &Outline, weights: u64) -> Vec<Finding> {
    let speed = measure(worker, language).await;
    let mut findings = match speed {
        Ok(speed) => speeds(&speed),
        Err(status) => {
            let remedy = "see what is said of the numbers";
            vec![Subject::Speed.warning(format!("cannot be measured: {}", status.message()), remedy)]
        }
    };
    let number = if worker.description.device == "cpu" { CPU_NUMBER } else { DEVICE_NUMBER };
    let load = worker.describe().await.ok().and_then(|description| description.load).unwrap_or_default();
    findings.extend(memory(Memory {
        dtype: worker.description.dtype.clone(),
        resident: worker.resident().ok().flatten(),
        weights,
        per_token: outline.cached_numbers as u64 * number,
        context_length: worker.description.context_length.into(),
        cache_tokens: worker.description.cache_tokens,
        cached_tokens: load.cached_tokens,
    }));
    findings
}

async fn measure(worker: &Worker, language: &Language) -> Result<Speed, Status> {
    let room = worker.description.context_length as usize / 2;
    let (mut prefill, mut decode) = (Vec::new(), Vec::new());
    for repeat in 0..REPEATS {
        // Begins otherwise each time: nothing of it is in the cache.
        let text = long_text(language, repeat, PREFILLED.min(room));
        let work = worker.draft(raw(&text), 1, true).await?.work.unwrap_or_default();
        prefill.extend(rate(work.tokens_computed.into(), work.prefill_micros));
        let drafted = worker.draft(raw(&format!("Story {repeat}: the")), DECODED.min(room as u32), true).await?;
        let work = drafted.work.unwrap_or_default();
        // The first token comes with the prefill.
        decode.extend(rate(drafted.drafted_tokens.saturating_sub(1).into(), work.decode_micros));
    }
    Ok(Speed { prefill: median(&prefill), decode: median(&decode) })
}

fn rate(tokens: u64, micros: u64) -> Option<f64> {
    (tokens > 0 && micros > 0).then(|| tokens as f64 * 1e6 / micros as f64)
}

/// A text of about so many tokens.
fn long_text(language: &Language, repeat: usize, tokens: usize) -> String {
    let of_one = language.tokenizer.encode(SENTENCE, false).map_or(1, |ids| ids.len().max(1));
    format!("{repeat}:{}", SENTENCE.repeat((tokens / of_one).max(1)))
}

fn speeds(speed: &Speed) -> Vec<Finding> {
    let told = |name: &str, rate: Option<f64>| match rate {
        None => Subject::Speed.ok(format!("{name}: too fast or too short to be measured")),
        Some(rate) if rate < SLOW => {
            let remedy = "--quantize q8_0, fewer processes on this machine, or a smaller model; specfuse bench engine tells what it can do";
            Subject::Speed.warning(format!("{name}: {rate:.1} tokens/s"), remedy)
        }
        Some(rate) => Subject::Speed.ok(format!("{name}: {rate:.0} tokens/s")),
    };
    vec![told("prefill", speed.prefill), told("decode", speed.decode)]
}

fn memory(memory: Memory) -> Vec<Finding> {
    let Memory { resident, weights, per_token, context_length, cache_tokens, cached_tokens, dtype } = memory;
    let mut findings = Vec::new();
    match resident {
        None => findings.push(Subject::Memory.ok("what the process takes cannot be told on this system")),
        Some(resident) => {
            let (shown, files) = (BinaryBytes(resident), BinaryBytes(weights));
            let what = format!("the process takes {shown}, with the weights in {dtype}; their files have {files}");
            let expected = weights.saturating_mul(2) + cached_tokens * per_token + OVERHEAD;
            findings.push(if resident > expected {
                Subject::Memory.warning(what, "weights were widened: leave --dtype out, or try --quantize q8_0")
            } else {
                Subject::Memory.ok(what)
            });
        }
    }
    let full = context_length * per_token;
    let what = format!(
        "the longest context is {context_length} tokens, whose keys and values take {}; the cache holds {cache_tokens} tokens",
        BinaryBytes(full)
    );
    findings.push(if context_length > cache_tokens {
        let remedy =
            format!("start workers with --cache-memory {}MiB or more, or ask for less", full.div_ceil(1 << 20));
        Subject::Memory.warning(what, remedy)
    } else {
        Subject::Memory.ok(what)
    });
    findings
}

#[cfg(test)]
mod tests {
    use super::super::finding::Severity;
    use super::*;

    fn severities(resident: u64, context_length: u64) -> Vec<Severity> {
        let weights = 1 << 30;
        let told = Memory {
            resident: Some(resident),
            dtype: "bf16".to_owned(),
            weights,
            per_token: 1 << 10,
            context_length,
            cache_tokens: 1000,
            cached_tokens: 10,
        };
        memory(told).iter().map(|finding| finding.severity).collect()
    }

    #[test]
    fn memory_is_held_against_the_weights_and_the_context_against_the_cache() {
        assert_eq!(severities(1 << 30, 1000), [Severity::Ok, Severity::Ok]);
        assert_eq!(severities(4 << 30, 1001), [Severity::Warning, Severity::Warning]);
    }

    #[test]
    fn a_crawl_is_a_warning() {
        let found = speeds(&Speed { prefill: rate(512, 1_000_000), decode: rate(1, 1_000_000) });
        assert_eq!(found.iter().map(|finding| finding.severity).collect::<Vec<_>>(), [Severity::Ok, Severity::Warning]);
        assert_eq!(rate(0, 5), None);
    }
}
