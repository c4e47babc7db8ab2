//! The rounds of a recording under another policy: who would have won each of them, and who would have left. The text goes on as
//! recorded, since the drafts continue it; so does the length of segments.

use serde::Serialize;

use super::{
    Contradiction, Difference, Replayed,
    play::play,
    script::{Scene, Script},
};
use crate::{
    candidate::Candidate,
    generation::{Generation, Held, Request, ScoreOutcome},
    member::MemberIndex,
    policy::Policy,
    recording::{self, Recording, Round},
};

/// Round by round.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Alternative {
    pub rounds: Vec<AnotherRound>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AnotherRound {
    pub round: u32,
    /// Who won it; None: nobody.
    pub recorded: Option<String>,
    /// The answer came to its end here.
    pub ended: bool,
    pub verdict: Verdict,
}

/// What the other policy makes of a round.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Verdict {
    Decided {
        /// The same candidate wins, or none in both.
        agrees: bool,
        round: Box<Round>,
        /// How the answer would end here.
        ends: Option<&'static str>,
    },
    /// It wants scores that were not recorded.
    NoScores,
    /// Nobody whom it would have kept has drafted.
    NoDrafts,
}

/// Why there is no telling.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAlternative {
    #[error(transparent)]
    Contradiction(#[from] Contradiction),
    #[error("round {}: its own policy decides something else than was recorded", .0.round)]
    Differs(Difference),
    #[error("the answer took {0} generations: another policy can be told of one alone")]
    Stages(usize),
}

/// What another policy would have decided from the same drafts and scores.
pub fn what_if(recording: &Recording, policy: &Policy) -> Result<Alternative, NoAlternative> {
    let script = Script::read(recording)?;
    let [stage] = recording.stages.as_slice() else { return Err(NoAlternative::Stages(recording.stages.len())) };
    let own = &stage.policy;
    let policy = Policy { segment_tokens: own.segment_tokens, whole: own.whole, ..policy.clone() };
    let mut other = Generation::another(Request { policy, ..script.request(0, 0) });
    let mut rounds = Vec::new();
    let replayed = play(&script, |before, scene| {
        let held = other.hold(before, &scene.drafts, |member, candidates| score(scene, member, candidates));
        rounds.push(told(&script, scene, held));
    })?;
    let ending = match replayed {
        Replayed::Differs(difference) => return Err(NoAlternative::Differs(difference)),
        Replayed::FollowsToItsEnd { ending, .. } => Some(ending),
        Replayed::Follows { .. } => recording.ending.as_ref().map(|ending| ending.reason.as_str()),
    };
    if let (Some(last), Some(ending)) = (rounds.last_mut(), ending) {
        last.ended = ending != "failed";
    }
    Ok(Alternative { rounds })
}

/// What a member was recorded to think of some of the round's candidates.
fn score(scene: &Scene<'_>, member: MemberIndex, candidates: &[Candidate]) -> Option<ScoreOutcome> {
    let (_, outcome) = scene.scores.iter().find(|(scorer, _)| *scorer == member)?;
    let recorded = &scene.recorded.candidates;
    let terms = match outcome {
        ScoreOutcome::Scored(terms) if terms.len() == recorded.len() => terms,
        ScoreOutcome::Scored(_) if candidates.len() != recorded.len() => return Some(ScoreOutcome::Abstained),
        ScoreOutcome::Scored(_) | ScoreOutcome::Abstained | ScoreOutcome::Failed => return Some(outcome.clone()),
    };
    let column = |wanted: &Candidate| terms.get(recorded.iter().position(|it| is_same(it, wanted))?).cloned();
    Some(ScoreOutcome::Scored(candidates.iter().map(column).collect::<Option<_>>()?))
}

fn is_same(recorded: &recording::Candidate, candidate: &Candidate) -> bool {
    recorded.finished == candidate.finished && recorded.text == candidate.text
}

fn told(script: &Script<'_>, scene: &Scene<'_>, held: Held) -> AnotherRound {
    let recorded = scene.recorded;
    let won = recorded.winning_candidate.and_then(|winner| recorded.candidates.get(winner));
    let verdict = match held {
        Held::Decided { round, ending } => {
            let winner = round.candidates.get(round.winner);
            let agrees = match (won, winner) {
                (Some(won), Some(winner)) => is_same(won, winner),
                (won, winner) => won.is_none() && winner.is_none(),
            };
            let round = Box::new(recording::round(&round, script));
            Verdict::Decided { agrees, round, ends: ending.map(|ending| ending.name()) }
        }
        Held::NoScores => Verdict::NoScores,
        Held::NoDrafts | Held::Failed => Verdict::NoDrafts,
    };
    AnotherRound { round: recorded.round, recorded: recorded.winner.clone(), ended: false, verdict }
}

impl Alternative {
    /// Rounds of which something can be told.
    pub fn decided(&self) -> usize {
        self.rounds.iter().filter(|round| round.agrees().is_some()).count()
    }

    pub fn agreeing(&self) -> usize {
        self.rounds.iter().filter(|round| round.agrees() == Some(true)).count()
    }

    /// Number of the first round that another candidate wins.
    pub fn first_different(&self) -> Option<u32> {
        self.rounds.iter().find(|round| round.agrees() == Some(false)).map(|round| round.round)
    }
}

impl AnotherRound {
    /// None: it cannot be told.
    pub fn agrees(&self) -> Option<bool> {
        match &self.verdict {
            Verdict::Decided { agrees, .. } => Some(*agrees),
            Verdict::NoScores | Verdict::NoDrafts => None,
        }
    }

    /// How the answer would end here, where it went on.
    pub fn ends_earlier(&self) -> Option<&'static str> {
        match &self.verdict {
            Verdict::Decided { ends: Some(ends), .. } if !self.ended => Some(ends),
            Verdict::Decided { .. } | Verdict::NoScores | Verdict::NoDrafts => None,
        }
    }

    /// It would go on, where it came to its end.
    pub fn goes_on(&self) -> bool {
        self.ended && matches!(self.verdict, Verdict::Decided { ends: None, .. })
    }
}
