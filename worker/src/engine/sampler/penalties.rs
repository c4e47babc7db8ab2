//! What penalties and bias make of a row of logits before a token is chosen from it. Tokens are counted once for each draft and then
//! as they are drawn, so that a step costs no more than the distinct tokens counted; a draft that asks for none of this has none.

use std::collections::HashMap;

use crate::engine::Sampling;

#[derive(Clone, Debug)]
pub(super) struct Penalties {
    /// How often a token stands in the answer; 0: in the prompt only.
    in_answer: HashMap<u32, u32>,
    /// The last logits, changed.
    changed: Vec<f32>,
}

impl Penalties {
    /// None: nothing would change. The answer is `context[answer_from..]`.
    pub(super) fn new(sampling: &Sampling, context: &[u32], answer_from: usize) -> Option<Self> {
        let counts_answer = sampling.presence_penalty != 0.0 || sampling.frequency_penalty != 0.0;
        let counts_all = sampling.repetition_penalty != 1.0;
        if !counts_answer && !counts_all && sampling.logit_bias.is_empty() {
            return None;
        }
        let (prompt, answer) = context.split_at(answer_from.min(context.len()));
        let mut in_answer = HashMap::new();
        if counts_all {
            in_answer.extend(prompt.iter().map(|token| (*token, 0)));
        }
        let mut penalties = Self { in_answer, changed: Vec::new() };
        if counts_answer || counts_all {
            answer.iter().for_each(|token| penalties.add(*token));
        }
        Some(penalties)
    }

    /// Takes a token that now stands at the answer's end.
    pub(super) fn add(&mut self, token: u32) {
        *self.in_answer.entry(token).or_insert(0) += 1;
    }

    /// The logits to choose from: the repetition penalty first, then those for presence and frequency, then the bias.
    pub(super) fn change(&mut self, sampling: &Sampling, logits: &[f32]) -> &[f32] {
        self.changed.clear();
        self.changed.extend_from_slice(logits);
        for (token, times) in &self.in_answer {
            if let Some(logit) = self.changed.get_mut(*token as usize) {
                *logit = penalised(*logit, *times, sampling);
            }
        }
        for (token, bias) in &sampling.logit_bias {
            if let Some(logit) = self.changed.get_mut(*token as usize) {
                *logit += bias;
            }
        }
        &self.changed
    }
}

/// Stays finite: the smallest penalties would overflow.
fn penalised(logit: f32, times: u32, sampling: &Sampling) -> f32 {
    let repeated = if logit > 0.0 { logit / sampling.repetition_penalty } else { logit * sampling.repetition_penalty };
    let present = if times > 0 { sampling.presence_penalty } else { 0.0 };
    (repeated - present - sampling.frequency_penalty * times as f32).clamp(f32::MIN, f32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::sampler::Sampler;

    /// Token 1 stands twice in the answer, 2 once; 0 in the prompt only, 3 nowhere.
    const CONTEXT: [u32; 5] = [0, 0, 1, 2, 1];
    const ANSWER_FROM: usize = 2;

    fn changed(sampling: Sampling, logits: [f32; 4]) -> Vec<f32> {
        Penalties::new(&sampling, &CONTEXT, ANSWER_FROM).unwrap().change(&sampling, &logits).to_vec()
    }

    #[test]
    fn each_rule_changes_its_own_tokens() {
        let plain = Sampling::default;
        let repetition = Sampling { repetition_penalty: 2.0, ..plain() };
        let presence = Sampling { presence_penalty: 1.5, ..plain() };
        let frequency = Sampling { frequency_penalty: -0.5, ..plain() };
        let bias = Sampling { logit_bias: vec![(0, -100.0), (3, 2.0)], ..plain() };
        for (sampling, logits, expected) in [
            (repetition.clone(), [4.0, -1.0, 0.0, 3.0], [2.0, -2.0, 0.0, 3.0]),
            (Sampling { repetition_penalty: 0.5, ..plain() }, [4.0, -1.0, 0.0, 3.0], [8.0, -0.5, 0.0, 3.0]),
            (presence.clone(), [4.0, -1.0, 0.0, 3.0], [4.0, -2.5, -1.5, 3.0]),
            (frequency.clone(), [4.0, -1.0, 0.0, 3.0], [4.0, 0.0, 0.5, 3.0]),
            (bias.clone(), [4.0, -1.0, 0.0, 3.0], [-96.0, -1.0, 0.0, 5.0]),
            // the bias comes after the division, which would halve it
            (Sampling { logit_bias: bias.logit_bias, ..repetition }, [4.0, 2.0, 2.0, 3.0], [-98.0, 1.0, 1.0, 5.0]),
            (Sampling { frequency_penalty: -0.5, ..presence }, [4.0, 2.0, 2.0, 3.0], [4.0, 1.5, 1.0, 3.0]),
        ] {
            assert_eq!(changed(sampling.clone(), logits), expected, "{sampling:?}");
        }
    }

    #[test]
    fn nothing_asked_for_is_nothing_done() {
        assert!(Penalties::new(&Sampling::default(), &CONTEXT, ANSWER_FROM).is_none());
    }

    #[test]
    fn the_most_probable_token_is_that_after_penalties() {
        let greedy = |sampling: Sampling, logits: [f32; 4]| -> Vec<u32> {
            let mut sampler = Sampler::new(sampling, &CONTEXT, ANSWER_FROM);
            (0..4).map(|_| sampler.draw(&logits)).collect()
        };
        let plain = Sampling::default;
        assert_eq!(greedy(plain(), [1.0, 1.1, 1.0, 0.9]), [1, 1, 1, 1]);
        assert_eq!(greedy(Sampling { repetition_penalty: 1.5, ..plain() }, [1.0, 1.1, 1.0, 0.9]), [3, 1, 1, 1]);
        // what the draft draws counts too: 0 comes back level with 2, which the answer had before
        assert_eq!(greedy(Sampling { frequency_penalty: 2.0, ..plain() }, [1.0, 1.1, 1.0, 0.9]), [0, 3, 0, 2]);
        assert_eq!(greedy(Sampling { presence_penalty: 2.0, ..plain() }, [1.0, 1.1, 1.0, 0.9]), [0, 3, 1, 1]);
        // equal after all: the lowest id
        assert_eq!(greedy(Sampling { logit_bias: vec![(3, 1.0), (1, 1.0)], ..plain() }, [0.0, 1.0, 0.0, 1.0])[0], 1);
    }

    #[test]
    fn an_extreme_penalty_leaves_logits_finite() {
        let sampling = Sampling { repetition_penalty: f32::MIN_POSITIVE, ..Sampling::default() };
        assert_eq!(changed(sampling, [1e30, -1.0, 0.0, 1.0]), [f32::MAX, -f32::MIN_POSITIVE, 0.0, 1.0]);
    }

    #[test]
    fn a_token_that_the_row_lacks_is_left_alone() {
        let sampling = Sampling { repetition_penalty: 2.0, logit_bias: vec![(9, 1.0)], ..Sampling::default() };
        assert_eq!(Penalties::new(&sampling, &[7, 0], 0).unwrap().change(&sampling, &[1.0, 1.0]), [0.5, 1.0]);
    }
}
