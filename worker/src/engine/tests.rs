//! The engine on tiny random models: what is cached, batched, evicted or preempted never changes an answer, and costs what it should.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use safetensors::Dtype;
use safetensors::tensor::{TensorView, serialize_to_file};
use tempfile::TempDir;

use super::batch::{Batch, Row};
use super::*;

const VOCAB: usize = 40;
/// f32 rounds differently for other row counts.
const CLOSE: f32 = 2e-4;

/// A checkpoint of two layers with random wide weights; `spoil` makes one weight NaN.
fn checkpoint(dir: &Path, spoil: Option<&str>) {
    let (hidden, inner, heads, kv_heads, head_dim) = (24, 32, 4, 2, 6);
    let config = serde_json::json!({
        "model_type": "llama", "vocab_size": VOCAB, "hidden_size": hidden, "intermediate_size": inner,
        "num_attention_heads": heads, "num_key_value_heads": kv_heads, "num_hidden_layers": 2,
        "max_position_embeddings": 512, "tie_word_embeddings": true,
    });
    std::fs::write(dir.join("config.json"), config.to_string()).unwrap();
    let mut shapes: Vec<(String, Vec<usize>)> =
        vec![("model.embed_tokens.weight".into(), vec![VOCAB, hidden]), ("model.norm.weight".into(), vec![hidden])];
    for layer in 0..2 {
        for (name, shape) in [
            ("input_layernorm", vec![hidden]),
            ("post_attention_layernorm", vec![hidden]),
            ("self_attn.q_proj", vec![heads * head_dim, hidden]),
            ("self_attn.k_proj", vec![kv_heads * head_dim, hidden]),
            ("self_attn.v_proj", vec![kv_heads * head_dim, hidden]),
            ("self_attn.o_proj", vec![hidden, heads * head_dim]),
            ("mlp.gate_proj", vec![inner, hidden]),
            ("mlp.up_proj", vec![inner, hidden]),
            ("mlp.down_proj", vec![hidden, inner]),
        ] {
            shapes.push((format!("model.layers.{layer}.{name}.weight"), shape));
        }
    }
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut value = |name: &str| if spoil == Some(name) { f32::NAN } else { rng.random_range(-0.6f32..0.6) };
    let tensors: BTreeMap<String, (Vec<usize>, Vec<u8>)> = shapes
        .into_iter()
        .map(|(name, shape)| {
            let count: usize = shape.iter().product();
            let bytes = (0..count).flat_map(|_| value(&name).to_le_bytes()).collect();
            (name, (shape, bytes))
        })
        .collect();
    let views =
        tensors.iter().map(|(name, (shape, bytes))| (name, TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()));
    serialize_to_file(views, None, &dir.join("model.safetensors")).unwrap();
}

fn model() -> Model {
    let dir = TempDir::new().unwrap();
    checkpoint(dir.path(), None);
    Model::load(dir.path()).unwrap()
}

fn start(tokens: u64, max_batch_rows: usize) -> (Engine, EngineThread) {
    let model = model();
    let cache_memory = tokens * model.bytes_per_token();
    Engine::start(model, EngineConfig { cache_memory, max_batch_rows, max_queue: 64 }).unwrap()
}

fn sampling(temperature: f32, seed: u64) -> Sampling {
    Sampling { temperature, top_p: 0.95, seed, ..Sampling::default() }
}

fn draft_of(tokens: &[u32], max_new: usize, seed: u64) -> DraftJob {
    let (tokens, answer_from) = (tokens.to_vec(), tokens.len());
    DraftJob { tokens, answer_from, max_new, end_of_turn: Arc::new([1]), sampling: sampling(0.8, seed) }
}

fn score_of(context: &[u32], candidates: &[(&[u32], bool)]) -> ScoreJob {
    let one = |(text, finished): &(&[u32], bool)| ScoreSequence {
        tokens: [context, text].concat(),
        from: context.len(),
        finished: *finished,
    };
    ScoreJob { candidates: candidates.iter().map(one).collect(), end_of_turn: Arc::new([1, 2]) }
}

fn prompt(length: usize, seed: u64) -> Vec<u32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..length).map(|_| rng.random_range(3..VOCAB as u32)).collect()
}

fn assert_close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < CLOSE, "{found} for {expected}");
    }
}

/// log p of every token of the vocabulary after every prefix, in one pass and without the engine.
fn one_pass(tokens: &[u32]) -> Vec<Vec<f64>> {
    let model = model();
    let mut store = model.store(tokens.len()).unwrap();
    let row = |(slot, token): (u32, &u32)| Row { token: *token, write: Some(slot), read: true };
    let rows: Vec<Row> = (0u32..).zip(tokens).map(row).collect();
    let mut batch = Batch::default();
    batch.push(0, (0..tokens.len() as u32).collect(), &rows);
    let logits = model.forward(&batch, &mut store).unwrap();
    let log_softmax = |row: &[f32]| {
        let total: f64 = row.iter().map(|logit| f64::from(*logit).exp()).sum();
        row.iter().map(|logit| f64::from(*logit) - total.ln()).collect()
    };
    (0..tokens.len()).map(|row| log_softmax(logits.row(row))).collect()
}

#[tokio::test]
async fn alternatives_are_those_of_the_plain_softmax_and_change_nothing_drawn() {
    let (engine, _thread) = start(200, 16);
    let context = prompt(12, 1);
    let job = || draft_of(&context, 5, 3);
    let plain = engine.draft(job()).await.unwrap();
    assert!(plain.alternatives.is_empty());
    let told = engine.draft(ReadyDraft::from(job()).telling(3)).await.unwrap();
    assert_eq!(told.tokens, plain.tokens);
    assert_eq!(told.alternatives.len(), told.logprobs.len());
    let logs = one_pass(&[context.as_slice(), &told.tokens].concat());
    for (place, found) in told.alternatives.iter().enumerate() {
        let row = &logs[context.len() - 1 + place];
        let mut order: Vec<usize> = (0..VOCAB).collect();
        order.sort_by(|a, b| row[*b].total_cmp(&row[*a]));
        assert_eq!(found.iter().map(|one| one.token as usize).collect::<Vec<_>>(), order[..3]);
        let (logprobs, expected): (Vec<f32>, Vec<f32>) =
            found.iter().map(|one| (one.logprob, row[one.token as usize] as f32)).unzip();
        assert_close(&logprobs, &expected);
    }
}

#[tokio::test]
async fn terms_are_the_log_softmax_of_one_pass() {
    let context = prompt(20, 1);
    let (text, other) = (prompt(6, 2), prompt(3, 3));
    let job = score_of(&context, &[(&text, false), (&other, true), (&[], true), (&text, true)]);
    for rows in [1, 5, 256] {
        let (engine, _thread) = start(200, rows);
        let scored = engine.score(job.clone()).await.unwrap();
        for (candidate, terms) in job.candidates.iter().zip(&scored.terms) {
            let logs = one_pass(&candidate.tokens);
            let mut expected: Vec<f32> = (candidate.from..candidate.tokens.len())
                .map(|place| logs[place - 1][candidate.tokens[place] as usize] as f32)
                .collect();
            if candidate.finished {
                let last = logs.last().unwrap();
                expected.push((last[1].exp() + last[2].exp()).ln() as f32);
            }
            assert_close(terms, &expected);
        }
    }
}

#[tokio::test]
async fn a_draft_is_the_same_cached_batched_and_evicted() {
    let mut jobs: Vec<DraftJob> = (0..6).map(|seed| draft_of(&prompt(12, seed % 3), 10, seed)).collect();
    for job in &mut jobs[3..] {
        job.answer_from = 8;
        job.sampling = Sampling { repetition_penalty: 1.2, frequency_penalty: 0.7, ..job.sampling.clone() };
    }
    let mut expected = Vec::new();
    for job in &jobs {
        let (engine, _thread) = start(200, 256);
        let drafted = engine.draft(job.clone()).await.unwrap();
        let again = engine.draft(job.clone()).await.unwrap();
        assert_eq!(drafted.tokens, again.tokens);
        assert_close(&drafted.logprobs, &again.logprobs);
        expected.push(drafted);
    }
    // A roomy cache, one where drafts must give way to each other, and one that holds a single draft.
    for (tokens, rows) in [(400, 256), (400, 3), (48, 256), (22, 256), (22, 2)] {
        let (engine, _thread) = start(tokens, rows);
        let mut calls = tokio::task::JoinSet::new();
        for (index, job) in jobs.iter().cloned().enumerate() {
            let engine = engine.clone();
            calls.spawn(async move { (index, engine.draft(job).await.unwrap()) });
        }
        while let Some(call) = calls.join_next().await {
            let (index, drafted) = call.unwrap();
            assert_eq!(drafted.tokens, expected[index].tokens, "{tokens} tokens of cache, {rows} rows");
            assert_eq!(drafted.finished, expected[index].finished);
            assert_close(&drafted.logprobs, &expected[index].logprobs);
        }
    }
}

#[tokio::test]
async fn work_obeys_the_bounds() {
    let (engine, _thread) = start(400, 256);
    let context = prompt(30, 4);
    let first = engine.draft(draft_of(&context, 5, 1)).await.unwrap();
    assert_eq!((first.work.tokens_computed, first.work.tokens_cached), (30 + first.logprobs.len() as u32 - 1, 0));
    let again = engine.draft(draft_of(&context, 5, 1)).await.unwrap();
    assert_eq!((again.work.tokens_computed, again.work.tokens_cached), (1 + again.logprobs.len() as u32 - 1, 29));

    let texts: Vec<Vec<u32>> = (10..14).map(|seed| prompt(8, seed)).collect();
    let candidates: Vec<(&[u32], bool)> = texts.iter().map(|text| (text.as_slice(), true)).collect();
    let scored = engine.score(score_of(&context, &candidates)).await.unwrap();
    assert_eq!((scored.work.tokens_computed, scored.work.tokens_cached), (4 * 9, 29));

    // The winner's keys serve the next draft: one row for its first token.
    let next = engine.draft(draft_of(&[context.as_slice(), &texts[2]].concat(), 1, 1)).await.unwrap();
    assert_eq!((next.work.tokens_computed, next.work.tokens_cached), (1, 37));
    let unfinished = engine.score(score_of(&context, &[(&texts[0], false)])).await.unwrap();
    assert_eq!(unfinished.work.tokens_computed, 8);
}

#[tokio::test]
async fn a_dropped_call_makes_room_for_the_next() {
    // One row a pass: a second call runs only when the first is gone, and the first would run for minutes.
    let (engine, _thread) = start(400_000, 1);
    for seed in 0..5 {
        let endless = DraftJob { end_of_turn: Arc::new([]), ..draft_of(&prompt(50, seed), 390_000, seed) };
        let endless = engine.draft(endless);
        assert!(tokio::time::timeout(Duration::from_millis(3 * seed), endless).await.is_err());
    }
    let next = engine.draft(draft_of(&prompt(50, 99), 10, 99));
    let drafted = tokio::time::timeout(Duration::from_secs(20), next).await.unwrap().unwrap();
    assert!(!drafted.logprobs.is_empty());
}

#[tokio::test]
async fn abandoned_calls_are_gone_within_one_step() {
    // One row a pass: one call runs, the others wait.
    let (engine, _thread) = start(400_000, 1);
    let until = async |expected: &dyn Fn(Load) -> bool| {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !expected(engine.load()) {
            assert!(Instant::now() < deadline, "{:?}", engine.load());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let endless = DraftJob { end_of_turn: Arc::new([]), ..draft_of(&prompt(50, 0), 390_000, 0) };
    let (first, second) = (engine.draft(endless.clone()), engine.draft(endless));
    let third = engine.score(score_of(&prompt(50, 1), &[(&[5], true), (&[6, 7], false), (&[8], false)]));
    let mut calls = Box::pin(async { tokio::join!(first, second, third) });
    assert!(tokio::time::timeout(Duration::from_millis(1), &mut calls).await.is_err());
    until(&|load| (load.live_sequences, load.waiting_calls) == (5, 2) && load.cached_tokens > 0).await;
    drop(calls);
    let steps = engine.load().engine_steps;
    until(&|load| load.live_sequences == 0).await;
    let after = engine.load();
    assert!(after.engine_steps - steps <= 1, "{} steps for nobody", after.engine_steps - steps);
    assert_eq!(after.waiting_calls, 0);

    engine.draft(draft_of(&prompt(50, 2), 3, 2)).await.unwrap();
    until(&|load| load.live_sequences == 0 && load.engine_steps > after.engine_steps + 50).await;
    assert!(engine.load().cached_tokens >= after.cached_tokens + 40, "{:?} {after:?}", engine.load());
}

#[tokio::test]
async fn what_can_never_be_served_is_refused_before_it_starts() {
    let (engine, _thread) = start(20, 16);
    assert_eq!(engine.cache_tokens(), 20);
    let too_large = engine.draft(draft_of(&prompt(15, 0), 6, 0)).await.unwrap_err();
    assert!(matches!(too_large, EngineError::TooLarge { needed: 21, capacity: 20 }));
    let too_large = engine.score(score_of(&prompt(18, 0), &[(&[5, 6, 7], false)])).await.unwrap_err();
    assert!(matches!(too_large, EngineError::TooLarge { needed: 21, capacity: 20 }));
    let unknown = engine.draft(draft_of(&[3, 40], 1, 0)).await.unwrap_err();
    assert!(matches!(unknown, EngineError::UnknownToken { token: 40, vocab_size: VOCAB }));
    for job in [draft_of(&[], 1, 0), draft_of(&[3], 0, 0)] {
        assert!(matches!(engine.draft(job).await.unwrap_err(), EngineError::Malformed(_)));
    }
    for from in [0, 4] {
        let candidates = vec![ScoreSequence { tokens: vec![3, 4, 5], from, finished: false }];
        let job = ScoreJob { candidates, end_of_turn: Arc::new([]) };
        assert!(matches!(engine.score(job).await.unwrap_err(), EngineError::Malformed(_)));
    }
    let model = model();
    let cache_memory = model.bytes_per_token() - 1;
    let none = Engine::start(model, EngineConfig { cache_memory, max_batch_rows: 1, max_queue: 1 }).unwrap_err();
    assert!(
        matches!(none, StartError::NoRoom { cache_memory, bytes_per_token } if cache_memory + 1 == bytes_per_token)
    );
}

#[tokio::test]
async fn calls_that_run_leave_the_queue_and_a_full_queue_says_so() {
    let model = model();
    let cache_memory = 400_000 * model.bytes_per_token();
    let config = EngineConfig { cache_memory, max_batch_rows: 1, max_queue: 1 };
    let (engine, _thread) = Engine::start(model, config).unwrap();
    let endless = || DraftJob { end_of_turn: Arc::new([]), ..draft_of(&[3], 390_000, 0) };
    let mut first = Box::pin(engine.draft(endless()));
    assert!(tokio::time::timeout(Duration::ZERO, &mut first).await.is_err());
    let deadline = Instant::now() + Duration::from_secs(20);
    let second = loop {
        let mut second = Box::pin(engine.draft(endless()));
        match tokio::time::timeout(Duration::from_millis(1), &mut second).await {
            Err(_) => break second,
            Ok(Err(EngineError::QueueFull { limit: 1 })) => assert!(Instant::now() < deadline, "the first never left"),
            Ok(ended) => panic!("{ended:?}"),
        }
        tokio::task::yield_now().await;
    };
    // The first runs, the second waits, the third is one too many; where the second gives up, another may wait.
    let third = engine.draft(endless()).await.unwrap_err();
    assert!(matches!(third, EngineError::QueueFull { limit: 1 }));
    drop(first);
    drop(second);
    let last = async {
        loop {
            match engine.draft(draft_of(&[3], 1, 0)).await {
                Ok(drafted) => return drafted,
                Err(EngineError::QueueFull { .. }) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    };
    assert_eq!(tokio::time::timeout(Duration::from_secs(20), last).await.unwrap().logprobs.len(), 1);
}

#[tokio::test]
async fn a_candidate_without_terms_is_answered_without_work() {
    let (engine, _thread) = start(20, 16);
    let scored = engine.score(score_of(&[3, 4], &[(&[], false), (&[], false)])).await.unwrap();
    assert_eq!(scored.terms, [[0f32; 0]; 2]);
    assert_eq!(scored.work.tokens_computed, 0);
}

#[tokio::test]
async fn logits_that_are_no_numbers_fail_the_call_alone() {
    let dir = TempDir::new().unwrap();
    checkpoint(dir.path(), Some("model.layers.1.mlp.up_proj.weight"));
    let model = Model::load(dir.path()).unwrap();
    let config = EngineConfig { cache_memory: 1 << 20, max_batch_rows: 16, max_queue: 4 };
    let (engine, _thread) = Engine::start(model, config).unwrap();
    for _ in 0..2 {
        let error = engine.score(score_of(&[3, 4], &[(&[5], true), (&[6, 7], false)])).await.unwrap_err();
        assert!(matches!(error, EngineError::NotFinite));
        assert!(matches!(engine.draft(draft_of(&[3], 2, 0)).await.unwrap_err(), EngineError::NotFinite));
    }
}

#[tokio::test]
async fn the_thread_ends_with_the_last_handle() {
    let (engine, mut thread) = start(20, 16);
    let other = engine.clone();
    drop(engine);
    assert!(tokio::time::timeout(Duration::from_millis(20), thread.ended()).await.is_err());
    other.draft(draft_of(&[3], 2, 0)).await.unwrap();
    drop(other);
    assert_eq!(thread.ended().await, Ok(()));
    assert_eq!(thread.ended().await, Ok(()));
}

#[tokio::test]
async fn a_panic_of_the_thread_is_reported_with_its_message() {
    for panic in [|| panic!("out of luck"), || std::panic::panic_any(String::from("out of luck"))] {
        let mut thread = EngineThread::spawn(panic).unwrap();
        assert_eq!(thread.ended().await, Err("out of luck".to_owned()));
    }
}
