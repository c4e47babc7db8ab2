//! BLEU: the precision of n-grams up to four, with a penalty for brevity (Papineni et al. 2002). Agrees with `sacrebleu`: 13a tokens,
//! or its "zh" tokens by characters, and exponential smoothing; here from 0 to 1.

mod tokens;

use std::collections::HashMap;

const ORDERS: usize = 4;

/// What BLEU is computed from. Counts of several answers add up to those of a corpus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    matched: [usize; ORDERS],
    total: [usize; ORDERS],
    length: usize,
    /// Of the references, each the nearest in length to its answer.
    reference_length: usize,
}

/// BLEU of one answer, over the orders of n-gram that it is long enough for.
pub fn sentence(text: &str, references: &[String], characters: bool) -> f64 {
    let mut counts = Counts::default();
    counts.add(text, references, characters);
    counts.bleu(true)
}

impl Counts {
    /// Adds one answer. An n-gram matches at most as often as it stands in one of the references.
    pub fn add(&mut self, text: &str, references: &[String], characters: bool) {
        let mut known = HashMap::new();
        let text = numbered(&mut known, text, characters);
        let references: Vec<Vec<u32>> =
            references.iter().map(|reference| numbered(&mut known, reference, characters)).collect();
        for (order, (matched, total)) in (1..).zip(self.matched.iter_mut().zip(&mut self.total)) {
            let mut allowed: HashMap<&[u32], usize> = HashMap::new();
            for reference in &references {
                for (ngram, count) in ngrams(reference, order) {
                    let most = allowed.entry(ngram).or_default();
                    *most = count.max(*most);
                }
            }
            for (ngram, count) in ngrams(&text, order) {
                *total += count;
                *matched += allowed.get(ngram).map_or(0, |most| count.min(*most));
            }
        }
        self.length += text.len();
        let distance = |length: &usize| (length.abs_diff(text.len()), *length);
        self.reference_length += references.iter().map(Vec::len).min_by_key(distance).unwrap_or(0);
    }

    /// Every count by a name of its own.
    pub fn named(&self) -> impl Iterator<Item = (String, f64)> {
        let numbers = self.matched.into_iter().chain(self.total).chain([self.length, self.reference_length]);
        names().zip(numbers.map(count))
    }

    /// From the sums of such counts; None where one is missing.
    pub fn from_named(sum: impl Fn(&str) -> Option<f64>) -> Option<Self> {
        let mut numbers = names().map(|name| sum(&name).map(whole));
        let mut counts = Self::default();
        for place in counts.matched.iter_mut().chain(&mut counts.total) {
            *place = numbers.next()??;
        }
        counts.length = numbers.next()??;
        counts.reference_length = numbers.next()??;
        Some(counts)
    }

    /// BLEU of a corpus; of one answer where `effective` leaves out the orders that no n-gram is long enough for.
    pub fn bleu(&self, effective: bool) -> f64 {
        if self.matched.iter().all(|matched| *matched == 0) {
            return 0.0;
        }
        let (mut logarithms, mut orders, mut smoothing) = (0.0, 0.0, 1.0);
        for (matched, total) in self.matched.iter().zip(self.total) {
            if total == 0 {
                if !effective {
                    return 0.0;
                }
                break;
            }
            if *matched == 0 {
                smoothing *= 2.0;
            }
            let matched = if *matched == 0 { 1.0 / smoothing } else { count(*matched) };
            logarithms += (matched / count(total)).ln();
            orders += 1.0;
        }
        let brevity = (1.0 - count(self.reference_length) / count(self.length)).min(0.0).exp();
        brevity * (logarithms / orders).exp()
    }
}

/// In the order of [`Counts`].
fn names() -> impl Iterator<Item = String> {
    let of = |what: &'static str| (1..=ORDERS).map(move |order| format!("bleu_{what}_{order}"));
    of("matched").chain(of("total")).chain(["bleu_length".to_owned(), "bleu_reference_length".to_owned()])
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sums of counts, which are whole and not negative"
)]
fn whole(sum: f64) -> usize {
    sum as usize
}

fn ngrams(tokens: &[u32], order: usize) -> HashMap<&[u32], usize> {
    let mut counts = HashMap::new();
    for ngram in tokens.windows(order) {
        *counts.entry(ngram).or_default() += 1;
    }
    counts
}

/// Equal tokens get equal numbers.
fn numbered(known: &mut HashMap<String, u32>, text: &str, characters: bool) -> Vec<u32> {
    let text = if characters { tokens::zh(text) } else { tokens::mteval_13a(text) };
    let mut number = |token: &str| {
        let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
        *known.entry(token.to_owned()).or_insert(next)
    };
    text.split(tokens::is_space).filter(|token| !token.is_empty()).map(&mut number).collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts of tokens are far below 2^52")]
fn count(tokens: usize) -> f64 {
    tokens as f64
}
