//! Records that nobody measured, for tests of what is made from records.

use crate::{
    record::{Cost, Exit, Lead, Record},
    report::Strategy,
};

pub(crate) const MEMBERS: [&str; 3] = ["abacus-llama", "calendar-qwen2", "speller-mistral"];
pub(crate) const KINDS: [&str; 3] = ["arithmetic", "calendar", "spelling"];

pub(crate) fn strategies(named: &[(&str, &str)]) -> Vec<Strategy> {
    named.iter().map(|(name, kind)| Strategy { name: (*name).to_owned(), kind: (*kind).to_owned() }).collect()
}

/// An answer with a cost of one round of one member and one call.
pub(crate) fn bare(strategy: &str, question: usize, quality: f64) -> Record {
    Record {
        question: format!("q{question}"),
        kind: String::new(),
        strategy: strategy.to_owned(),
        text: "42".to_owned(),
        quality: Some(quality),
        measures: [("exact".to_owned(), quality)].into(),
        cost: Cost {
            rounds: 1,
            members_per_round: 1.0,
            draft_calls: 1,
            completion_tokens: 10,
            first_segment_ms: Some(20.0),
            total_ms: 100.0,
            ..Cost::default()
        },
        ..Record::default()
    }
}

pub(crate) fn left(member: &str, round: u32, reason: &str) -> Exit {
    Exit { member: member.to_owned(), round, reason: reason.to_owned() }
}

/// Every kind of strategy over so many questions. Member k is good at kind k; strategies differ in how often they are right, and in cost.
pub(crate) fn evaluation(questions: usize) -> (Vec<Strategy>, Vec<Record>) {
    // Name, kind, percent right, members per round.
    let table = [
        ("single/abacus-llama", "single", 0, 1.0),
        ("single/calendar-qwen2", "single", 0, 1.0),
        ("single/speller-mistral", "single", 0, 1.0),
        ("fuse", "fuse", 78, 2.1),
        ("vote", "vote", 66, 3.0),
        ("best-of-3", "best_of_n", 64, 1.0),
        ("mixture", "mixture", 70, 3.0),
        ("weights/hedge", "fuse", 76, 2.1),
        ("exit/never", "fuse", 79, 3.0),
        ("exit/no_entropy", "fuse", 75, 1.8),
        ("exit/first_rounds", "fuse", 62, 1.3),
        ("exit/theta=0.3", "fuse", 78, 2.5),
        ("exit/theta=0.7", "fuse", 74, 1.7),
        ("exit/theta=0.9", "fuse", 67, 1.4),
        ("exit/tau=0.5", "fuse", 73, 1.6),
        ("exit/tau=2", "fuse", 79, 2.6),
    ];
    let mut records = Vec::new();
    for (place, (name, kind, percent, members)) in table.iter().enumerate() {
        for question in 0..questions {
            let topic = question % KINDS.len();
            let chance = if *kind == "single" { if topic == place { 88 } else { 31 } } else { *percent };
            let dice = ((question * 97 + place * 31) as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
            let dice = dice as usize % 100;
            let mut record = bare(name, question, f64::from(u8::from(dice < chance)));
            record.kind = KINDS[topic].to_owned();
            record.cost = cost(*members, 2 + (question * 5 % 11) as u32);
            if *kind == "fuse" {
                tell_rounds(&mut record, topic, question, *members < 3.0);
            }
            records.push(record);
        }
    }
    (strategies(&table.map(|(name, kind, _, _)| (name, kind))), records)
}

fn cost(members: f64, rounds: u32) -> Cost {
    let drafts = (members * f64::from(rounds)).round() as u32;
    let scores = if members > 1.0 { drafts } else { 0 };
    Cost {
        rounds,
        members_per_round: members,
        draft_calls: drafts,
        score_calls: scores,
        scored_rounds: if members > 1.0 { rounds } else { 0 },
        completion_tokens: rounds * 9,
        drafted_tokens: u64::from(drafts) * 10,
        scored_tokens: u64::from(scores) * 25,
        computed_tokens: u64::from(drafts) * 10 + u64::from(scores) * 26 + 60,
        first_segment_ms: Some(14.0 + 5.0 * members),
        total_ms: f64::from(rounds) * (9.0 + 5.0 * members) + 12.0,
        ..Cost::default()
    }
}

fn tell_rounds(record: &mut Record, topic: usize, question: usize, leaves: bool) {
    let rounds = record.cost.rounds;
    let other = (topic + 1 + question % 2) % MEMBERS.len();
    record.won.insert(MEMBERS[topic].to_owned(), rounds - rounds / 3);
    record.won.insert(MEMBERS[other].to_owned(), rounds / 3);
    if leaves {
        let reason = if question.is_multiple_of(17) { "failed" } else { "quality" };
        let round = 1 + (question / 3) as u32 % (2 + 3 * topic as u32);
        record.exits.push(left(MEMBERS[(topic + 2 - question % 2) % MEMBERS.len()], round, reason));
    }
    record.leads = (0..rounds)
        .map(|round| Lead {
            mean_logprob: -f64::from((round * 37 + question as u32 * 11) % 100) / 80.0,
            won: (round * 37 + question as u32 * 11) % 100 < 70,
        })
        .collect();
}
