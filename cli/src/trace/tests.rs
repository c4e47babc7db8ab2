//! A whole round, as a reader sees it.

use specfuse_proto::v1::{CandidateScore, Draft, MemberStanding, Timing};

use super::*;

fn candidate(text: &str, authors: &[&str], aggregate: f64) -> ScoredCandidate {
    let authors = authors.iter().map(ToString::to_string).collect();
    ScoredCandidate { text: text.to_owned(), finished: false, authors, aggregate: Some(aggregate) }
}

fn draft(member: &str, outcome: Outcome) -> DraftReport {
    DraftReport { member: member.to_owned(), outcome: Some(outcome) }
}

fn row(member: &str, means: &[f64]) -> ScoreRow {
    let candidates = means.iter().map(|&mean| CandidateScore { mean, tokens: 2, sum_logprob: 2.0 * mean }).collect();
    ScoreRow { member: member.to_owned(), candidates, ..ScoreRow::default() }
}

fn standing(member: &str, quality: f64) -> MemberStanding {
    MemberStanding { member: member.to_owned(), quality, keep: Some(0.5), weight: None }
}

fn a_round() -> Segment {
    let names = ["alpha", "be", "gamma"].map(str::to_owned);
    Segment {
        round: 2,
        text: " is 85".to_owned(),
        winner: "be".to_owned(),
        winning_candidate: 1,
        drafts: vec![
            draft("alpha", Outcome::Draft(Draft { text: " was".to_owned(), ..Draft::default() })),
            draft("be", Outcome::Draft(Draft { text: " is 85".to_owned(), ..Draft::default() })),
            draft("gamma", Outcome::Missed("it was late".to_owned())),
        ],
        candidates: vec![candidate(" was", &["alpha"], -1.5), candidate(" is 85", &["be"], -0.25)],
        scored: true,
        scores: vec![
            row("alpha", &[-0.5, -0.125]),
            row("be", &[-2.5, -0.375]),
            ScoreRow { member: "gamma".to_owned(), abstained: "it was late".to_owned(), ..ScoreRow::default() },
        ],
        active: names.to_vec(),
        exits: vec![Exit {
            member: "gamma".to_owned(),
            reason: ExitReason::Failed.into(),
            detail: "3 strikes".to_owned(),
        }],
        standing: vec![standing("alpha", 0.25), standing("be", 0.75)],
        entropy: Some(0.8113),
        timing: Some(Timing { draft_micros: 12_345, score_micros: 6_700 }),
        recalled: Vec::new(),
        decided_by: Decision::Scores.into(),
    }
}

#[test]
fn a_round_shows_candidates_scores_winner_and_exits() {
    let mut trace = Trace::new(Palette::new(false));
    let expected = "\
round 2  3 active, draft 12.3 ms, score 6.7 ms, entropy 0.811
  1  alpha  \" was\"
* 2  be     \" is 85\"
  gamma it was late
  scores          1       2
  alpha      -0.500  -0.125
  be         -2.500  -0.375
  gamma      abstained: it was late
  aggregate  -1.500  -0.250
  alpha quality 0.250 keep 0.500; be quality 0.750 keep 0.500
  gamma left: it failed too often (3 strikes)

";
    assert_eq!(trace.segment(&a_round()), expected);
    let finished = Finished { reason: FinishReason::Stop.into(), text: "!".to_owned(), usage: None };
    assert_eq!(trace.finished(&finished), "answer (stop)\n is 85!\n");
}

#[test]
fn a_round_that_decides_nothing_shows_what_was_proposed() {
    let drafts = vec![
        draft("alpha", Outcome::Draft(Draft { text: "It is 85.".to_owned(), finished: true, ..Draft::default() })),
        draft("be", Outcome::Missed("it was late".to_owned())),
    ];
    let active = ["alpha", "be"].map(str::to_owned).to_vec();
    let round = Segment { round: 1, drafts, active, decided_by: Decision::None.into(), ..Segment::default() };
    let expected =
        "round 1  2 active, draft 0.0 ms, nothing decided\n  alpha  \"It is 85.\" ends\n  be it was late\n\n";
    assert_eq!(Trace::new(Palette::new(false)).segment(&round), expected);
}

#[test]
fn a_round_says_what_decided_without_scores_and_who_is_back() {
    let mut round = Segment {
        scored: false,
        scores: Vec::new(),
        decided_by: Decision::Majority.into(),
        recalled: vec!["be".to_owned()],
        exits: Vec::new(),
        standing: Vec::new(),
        entropy: None,
        ..a_round()
    };
    round.candidates[1].aggregate = Some(2.0);
    round.candidates[0].aggregate = Some(1.0);
    let expected = "\
round 2  3 active, draft 12.3 ms, decided by majority
  1  alpha  \" was\"
* 2  be     \" is 85\"
  gamma it was late
  answers alike  1  2
  aggregate      1  2
  be takes part again

";
    assert_eq!(Trace::new(Palette::new(false)).segment(&round), expected);
}

#[test]
fn colours_change_nothing_but_colours() {
    let plain = Trace::new(Palette::new(false)).segment(&a_round());
    let colored = Trace::new(Palette::new(true)).segment(&a_round());
    let mut stripped = String::new();
    let mut rest = colored.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        stripped += before;
        rest = after.split_once('m').map_or("", |(_, after)| after);
    }
    assert_ne!(colored, plain);
    assert_eq!(stripped + rest, plain);
}
