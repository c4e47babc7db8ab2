//! Drafts, and the candidates they become: drafts alike are one candidate with several authors.

use crate::member::MemberIndex;

/// What a member proposes as the next segment.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    pub text: String,
    /// The member ended its turn.
    pub finished: bool,
    /// Tokens drafted, cut from the text or not.
    pub tokens: u32,
    pub own: OwnScore,
}

/// What an author thinks of what it drew: every token of the draft, and the end of turn.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct OwnScore {
    /// Natural, under the plain softmax; finite.
    pub sum_logprob: f64,
    pub tokens: u32,
}

/// A distinct draft of a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub text: String,
    pub finished: bool,
    /// Who drafted it, in ensemble order; never empty.
    pub authors: Vec<MemberIndex>,
}

/// One scorer's terms for one candidate: at least one, all finite natural log-probabilities.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms(Vec<f64>);

/// Why a list of terms is not [`Terms`]: the scorer abstains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTerms {
    #[error("no terms")]
    Empty,
    #[error("a term is not a finite number")]
    NotFinite,
}

impl Draft {
    /// Nothing proposed (section 2.4): not a candidate.
    pub fn is_void(&self) -> bool {
        self.text.is_empty() && !self.finished
    }
}

impl OwnScore {
    /// 0 where nothing was drawn.
    pub fn mean(self) -> f64 {
        self.sum_logprob / f64::from(self.tokens.max(1))
    }

    #[must_use]
    pub fn with(self, later: Self) -> Self {
        Self { sum_logprob: self.sum_logprob + later.sum_logprob, tokens: self.tokens.saturating_add(later.tokens) }
    }
}

impl Terms {
    pub fn new(terms: Vec<f64>) -> Result<Self, BadTerms> {
        if terms.is_empty() {
            return Err(BadTerms::Empty);
        }
        if !terms.iter().all(|term| term.is_finite()) {
            return Err(BadTerms::NotFinite);
        }
        Ok(Self(terms))
    }

    pub fn as_slice(&self) -> &[f64] {
        &self.0
    }
}

/// The candidates of a round, ordered by first author, from its drafts in ensemble order.
pub fn group<'a>(drafts: impl IntoIterator<Item = (MemberIndex, &'a Draft)>) -> Vec<Candidate> {
    let mut candidates: Vec<Candidate> = Vec::new();
    for (member, draft) in drafts {
        if draft.is_void() {
            continue;
        }
        let alike = candidates.iter_mut().find(|known| known.finished == draft.finished && known.text == draft.text);
        match alike {
            Some(candidate) => candidate.authors.push(member),
            None => {
                candidates.push(Candidate { text: draft.text.clone(), finished: draft.finished, authors: vec![member] })
            }
        }
    }
    candidates
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(text: &str, finished: bool) -> Draft {
        Draft { text: text.to_owned(), finished, tokens: 3, own: OwnScore::default() }
    }

    #[test]
    fn drafts_alike_are_one_candidate_of_several_authors() {
        let drafts = [draft("a", false), draft("b", false), draft("a", false), draft("a", true), draft("b", false)];
        let grouped = group(drafts.iter().enumerate().map(|(i, draft)| (MemberIndex(i), draft)));
        let authors: Vec<Vec<usize>> = grouped.iter().map(|c| c.authors.iter().map(|m| m.0).collect()).collect();
        assert_eq!(authors, [vec![0, 2], vec![1, 4], vec![3]]);
        assert_eq!(grouped.iter().map(|c| c.finished).collect::<Vec<_>>(), [false, false, true]);
    }

    #[test]
    fn an_empty_draft_is_a_candidate_only_when_finished() {
        let drafts = [draft("", false), draft("", true)];
        let grouped = group(drafts.iter().enumerate().map(|(i, draft)| (MemberIndex(i), draft)));
        assert_eq!(grouped, [Candidate { text: String::new(), finished: true, authors: vec![MemberIndex(1)] }]);
    }

    #[test]
    fn terms_are_finite_and_not_none() {
        assert_eq!(Terms::new(vec![]), Err(BadTerms::Empty));
        assert_eq!(Terms::new(vec![-1.0, f64::NAN]), Err(BadTerms::NotFinite));
        assert_eq!(Terms::new(vec![f64::NEG_INFINITY]), Err(BadTerms::NotFinite));
        assert_eq!(Terms::new(vec![-1.0, 0.0]).map(|terms| terms.as_slice().len()), Ok(2));
    }
}
