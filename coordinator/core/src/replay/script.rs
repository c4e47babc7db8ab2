//! What a recording says, checked: members by their places, and the outcomes of each round's calls.

use std::{collections::HashMap, num::NonZeroU32};

use super::Contradiction;
use crate::{
    candidate::{Draft, OwnScore, Terms},
    generation::{DraftOutcome, Request, ScoreOutcome},
    member::MemberIndex,
    recording::{self, Drafted, Recording, Scored, VERSION},
};

/// More than an ensemble has members, or a member samples.
const MOST_MEMBERS: usize = 256;
/// A mixture's layers, with every time that one was begun again.
const MOST_STAGES: usize = 4096;
const MOST_ROUNDS: usize = 1 << 17;
/// Bytes of all drafts.
const MOST_TEXT: usize = 16 << 20;
/// Rounds times those bytes: each round writes the whole text so far.
const MOST_WRITTEN: usize = 1 << 36;

pub(super) struct Script<'a> {
    pub(super) recording: &'a Recording,
    /// Of each stage.
    members: Vec<Vec<MemberIndex>>,
    max_tokens: NonZeroU32,
    pub(super) rounds: Vec<Scene<'a>>,
}

/// A round: what came of its calls.
pub(super) struct Scene<'a> {
    pub(super) recorded: &'a recording::Round,
    pub(super) drafts: Vec<(MemberIndex, DraftOutcome)>,
    pub(super) scores: Vec<(MemberIndex, ScoreOutcome)>,
}

type Places<'a> = HashMap<&'a str, MemberIndex>;

impl<'a> Script<'a> {
    pub(super) fn read(recording: &'a Recording) -> Result<Self, Contradiction> {
        if recording.version != VERSION {
            return Err(Contradiction::Version(recording.version));
        }
        size("members", recording.members.len(), MOST_MEMBERS)?;
        size("stages", recording.stages.len(), MOST_STAGES)?;
        if !recording.rounds.is_empty() {
            size("rounds", recording.rounds.len(), MOST_ROUNDS)?;
        }
        let text: usize = recording.rounds.iter().flat_map(|round| &round.drafts).map(bytes).sum();
        if text > 0 {
            size("bytes of drafts", text, MOST_TEXT)?;
            size("bytes to write", text.saturating_mul(recording.rounds.len()), MOST_WRITTEN)?;
        }
        let max_tokens = NonZeroU32::new(recording.question.max_tokens);
        let no_tokens = Contradiction::Size { what: "tokens allowed", given: 0, most: u32::MAX as usize };
        let mut places = Places::new();
        for (place, member) in recording.members.iter().enumerate() {
            if places.insert(&member.name, MemberIndex(place)).is_some() {
                return Err(Contradiction::SameName(member.name.clone()));
            }
        }
        let stages = recording.stages.iter().enumerate();
        let members = stages.map(|(at, stage)| stage_members(at, stage, &places)).collect::<Result<_, _>>()?;
        let rounds = rounds(recording, &places)?;
        Ok(Self { recording, members, max_tokens: max_tokens.ok_or(no_tokens)?, rounds })
    }

    pub(super) fn request(&self, stage: usize, rounds_before: u32) -> Request {
        let policy = self.recording.stages.get(stage).map(|stage| stage.policy.clone());
        Request {
            members: self.members.get(stage).cloned().unwrap_or_default(),
            rounds_before,
            policy: policy.unwrap_or_default(),
            max_tokens: self.max_tokens,
            stop: self.recording.question.stop.clone(),
            seed: self.recording.question.sampling.seed,
        }
    }

    pub(super) fn name(&self, member: MemberIndex) -> String {
        self.recording.members.get(member.0).map(|member| member.name.clone()).unwrap_or_default()
    }
}

fn size(what: &'static str, given: usize, most: usize) -> Result<(), Contradiction> {
    if (1..=most).contains(&given) { Ok(()) } else { Err(Contradiction::Size { what, given, most }) }
}

fn bytes(draft: &recording::Draft) -> usize {
    match &draft.outcome {
        Drafted::Drafted { text, .. } => text.len(),
        Drafted::Failed { .. } | Drafted::ContextFull { .. } | Drafted::Refused { .. } => 0,
    }
}

/// Each once, in the order of all members.
fn stage_members(at: usize, stage: &recording::Stage, places: &Places<'_>) -> Result<Vec<MemberIndex>, Contradiction> {
    size("members of a stage", stage.members.len(), MOST_MEMBERS)?;
    let mut members: Vec<MemberIndex> = Vec::new();
    for name in &stage.members {
        match places.get(name.as_str()) {
            Some(member) if members.last().is_none_or(|last| last < member) => members.push(*member),
            Some(_) | None => return Err(Contradiction::StageMember { stage: at, name: name.clone() }),
        }
    }
    Ok(members)
}

fn rounds<'a>(recording: &'a Recording, places: &Places<'_>) -> Result<Vec<Scene<'a>>, Contradiction> {
    let mut stage = 0;
    let mut scenes = Vec::new();
    for (before, recorded) in recording.rounds.iter().enumerate() {
        if usize::try_from(recorded.round) != Ok(before + 1) {
            return Err(Contradiction::RoundOrder { expected: before + 1, found: recorded.round });
        }
        if !(stage..recording.stages.len()).contains(&recorded.stage) {
            return Err(Contradiction::StageOrder { round: recorded.round, stage: recorded.stage });
        }
        stage = recorded.stage;
        scenes.push(scene(recorded, places)?);
    }
    Ok(scenes)
}

fn scene<'a>(recorded: &'a recording::Round, places: &Places<'_>) -> Result<Scene<'a>, Contradiction> {
    let round = recorded.round;
    let mut scene = Scene { recorded, drafts: Vec::new(), scores: Vec::new() };
    for draft in &recorded.drafts {
        let member = seated(round, &draft.member, places, &scene.drafts)?;
        let outcome = drafted(&draft.outcome).ok_or_else(|| not_finite(round, &draft.member))?;
        scene.drafts.push((member, outcome));
    }
    for score in &recorded.scores {
        let member = seated(round, &score.member, places, &scene.scores)?;
        let outcome = scored(&score.outcome).ok_or_else(|| not_finite(round, &score.member))?;
        scene.scores.push((member, outcome));
    }
    Ok(scene)
}

fn not_finite(round: u32, name: &str) -> Contradiction {
    Contradiction::NotFinite { round, name: name.to_owned() }
}

fn seated<T>(
    round: u32,
    name: &str,
    places: &Places<'_>,
    so_far: &[(MemberIndex, T)],
) -> Result<MemberIndex, Contradiction> {
    let member = places.get(name).copied().filter(|member| !so_far.iter().any(|(other, _)| other == member));
    member.ok_or_else(|| Contradiction::RoundMember { round, name: name.to_owned() })
}

/// None: a number is none.
fn drafted(outcome: &Drafted) -> Option<DraftOutcome> {
    match outcome {
        Drafted::Drafted { text, finished, tokens, token_logprobs, .. } => {
            let sum_logprob: f64 = token_logprobs.iter().copied().map(f64::from).sum();
            let drawn = u32::try_from(token_logprobs.len()).ok()?;
            let own = OwnScore { sum_logprob, tokens: drawn };
            let draft = Draft { text: text.clone(), finished: *finished, tokens: *tokens, own };
            sum_logprob.is_finite().then_some(DraftOutcome::Drafted(draft))
        }
        Drafted::Failed { .. } => Some(DraftOutcome::Failed),
        Drafted::ContextFull { .. } => Some(DraftOutcome::ContextFull),
        Drafted::Refused { .. } => Some(DraftOutcome::Refused),
    }
}

/// None: a term is none.
fn scored(outcome: &Scored) -> Option<ScoreOutcome> {
    match outcome {
        Scored::Scored { terms, .. } => {
            let terms = terms.iter().map(|terms| Terms::new(terms.clone()).ok()).collect::<Option<_>>()?;
            Some(ScoreOutcome::Scored(terms))
        }
        Scored::Abstained { .. } => Some(ScoreOutcome::Abstained),
        Scored::Failed { .. } => Some(ScoreOutcome::Failed),
    }
}
