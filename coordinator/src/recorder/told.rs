//! A round as it was reported, in the words of a recording.

use std::{collections::BTreeMap, time::Duration};

use specfuse_core::{
    member::MemberIndex,
    recording::{self, Call, Round, Witness},
};

use crate::driver::{Note, RoundReport};

pub(crate) fn round(report: &RoundReport) -> Round {
    Round {
        stage: report.stage,
        draft_micros: micros(report.draft_time),
        score_micros: micros(report.score_time),
        ..recording::round(&report.round, report)
    }
}

impl Witness for RoundReport {
    fn name(&self, member: MemberIndex) -> String {
        self.label(member)
    }

    fn draft(&self, member: MemberIndex) -> Call {
        call(&self.drafts, member)
    }

    fn score(&self, member: MemberIndex) -> Call {
        call(&self.scores, member)
    }
}

fn call(notes: &BTreeMap<MemberIndex, Note>, member: MemberIndex) -> Call {
    let Some(note) = notes.get(&member) else { return Call::default() };
    Call {
        token_logprobs: note.token_logprobs.clone(),
        tokens_computed: note.work.map_or(0, |work| work.tokens_computed),
        tokens_cached: note.work.map_or(0, |work| work.tokens_cached),
        why: note.miss.as_ref().map(ToString::to_string).unwrap_or_default(),
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
