//! An ensemble's settings as the coordinator's configuration file has them.

use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ensemble {
    /// Empty: every member of the cluster.
    pub members: Vec<String>,
    pub segment_tokens: u32,
    pub score: String,
    pub exit: Exit,
    pub weights: Weights,
    pub min_members: usize,
    /// Long: a busy machine must not look like a failing member.
    pub draft_timeout: String,
    pub score_timeout: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Exit {
    pub rule: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rounds: Option<u32>,
    pub theta: f64,
    pub tau: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Weights {
    pub rule: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
}

impl Default for Ensemble {
    fn default() -> Self {
        Self {
            members: Vec::new(),
            segment_tokens: 10,
            score: "mean_logprob".to_owned(),
            exit: Exit { rule: "cumulative".to_owned(), rounds: None, theta: 0.5, tau: 1.0 },
            weights: Weights { rule: "uniform".to_owned(), rate: None },
            min_members: 1,
            draft_timeout: "120s".to_owned(),
            score_timeout: "120s".to_owned(),
        }
    }
}

impl Ensemble {
    /// Nobody leaves for the quality of its segments.
    pub fn nobody_leaves() -> Self {
        let mut ensemble = Self::default();
        ensemble.exit.rule = "never".to_owned();
        ensemble
    }

    pub fn segments_of(mut self, tokens: u32) -> Self {
        self.segment_tokens = tokens;
        self
    }
}
