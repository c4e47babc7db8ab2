use super::*;
use crate::engine::DraftJob;
use crate::engine::Sampling;

const ID: SequenceId = SequenceId { call: 0, index: 0 };

fn draft(tokens: &[u32], max_new: usize) -> Sequence {
    let (tokens, answer_from) = (tokens.to_vec(), tokens.len());
    let end_of_turn = Arc::new([0]);
    Sequence::draft(ID, DraftJob { tokens, answer_from, max_new, end_of_turn, sampling: Sampling::default() })
}

fn score(tokens: &[u32], from: usize, finished: bool) -> Sequence {
    Sequence::score(ID, ScoreSequence { tokens: tokens.to_vec(), from, finished }, Arc::new([0]))
}

fn rows(sequence: &mut Sequence, cache: &mut Cache) -> Vec<Row> {
    (0..sequence.remaining()).map(|_| sequence.next_row(cache).unwrap()).collect()
}

/// Logits that make `token` certain enough.
fn certain(token: usize) -> [f32; 4] {
    let mut logits = [0.0; 4];
    logits[token] = 9.0;
    logits
}

#[test]
fn a_draft_reads_its_last_row_and_grows() {
    let mut cache = Cache::new(8);
    let mut draft = draft(&[1, 2, 3], 2);
    assert_eq!(draft.admit(&mut cache, None), 0);
    let reads: Vec<bool> = rows(&mut draft, &mut cache).iter().map(|row| row.read).collect();
    assert_eq!(reads, [false, false, true]);
    assert_eq!(draft.read(&certain(2)), Ok(None));
    assert_eq!(draft.remaining(), 1);
    assert_eq!(draft.next_row(&mut cache).map(|row| (row.token, row.read)), Some((2, true)));
    let Ok(Some(Outcome::Draft { tokens, logprobs, finished: false, .. })) = draft.read(&certain(1)) else { panic!() };
    assert_eq!((tokens, logprobs.len()), (vec![2, 1], 2));
}

#[test]
fn an_end_of_turn_token_is_not_part_of_the_draft_but_its_probability_is() {
    let mut draft = draft(&[1], 5);
    assert_eq!(draft.read(&certain(3)), Ok(None));
    let Ok(Some(Outcome::Draft { tokens, logprobs, finished: true, .. })) = draft.read(&certain(0)) else { panic!() };
    assert_eq!((tokens, logprobs.len()), (vec![3], 2));
}

#[test]
fn a_cached_context_costs_one_row_which_is_not_written_again() {
    let mut cache = Cache::new(8);
    let mut first = draft(&[1, 2, 3], 1);
    first.admit(&mut cache, None);
    assert!(rows(&mut first, &mut cache).iter().all(|row| row.write.is_some()));
    let mut second = draft(&[1, 2, 3], 1);
    assert_eq!(second.admit(&mut cache, None), 2);
    assert_eq!(rows(&mut second, &mut cache), [Row { token: 3, write: None, read: true }]);
}

#[test]
fn a_score_computes_only_what_its_terms_need() {
    for (finished, expected) in [(false, vec![false, true, true]), (true, vec![false, true, true, true])] {
        let mut cache = Cache::new(8);
        let mut score = score(&[1, 2, 3, 1], 2, finished);
        score.admit(&mut cache, None);
        let reads: Vec<bool> = rows(&mut score, &mut cache).iter().map(|row| row.read).collect();
        assert_eq!(reads, expected);
        let mut last = Ok(None);
        for _ in reads.iter().filter(|read| **read) {
            assert_eq!(last, Ok(None));
            last = score.read(&certain(3));
        }
        let Ok(Some(Outcome::Score { terms })) = last else { panic!("{last:?}") };
        assert_eq!(terms.len(), if finished { 3 } else { 2 });
        assert!(terms[0] > -0.01 && terms[1] < -8.0);
    }
}

#[test]
fn a_preempted_score_goes_on_after_the_terms_it_has() {
    let mut cache = Cache::new(8);
    let mut score = score(&[1, 2, 3, 1], 1, false);
    score.admit(&mut cache, None);
    score.next_row(&mut cache).unwrap();
    assert_eq!(score.read(&certain(2)), Ok(None));
    score.leave(&mut cache);
    assert_eq!(score.admit(&mut cache, None), 1);
    assert_eq!(rows(&mut score, &mut cache).len(), 2);
}

#[test]
fn a_candidate_without_terms_needs_no_row() {
    assert!(score(&[1, 2], 2, false).is_empty());
    assert!(!score(&[1, 2], 2, true).is_empty());
    assert!(!score(&[1, 2], 1, false).is_empty());
}

#[test]
fn a_logit_that_is_no_number_is_an_error() {
    assert_eq!(draft(&[1], 1).read(&[f32::NAN, 0.0]), Err(NotFinite));
}
