pub(super) mod fixture;

use super::*;
use crate::record::{Lead, Recall};
use fixture::{KINDS, MEMBERS, bare, evaluation, left, strategies};

fn near(a: Option<f64>, b: f64) {
    assert!(a.is_some_and(|a| (a - b).abs() < 1e-9), "{a:?} is not {b}");
}

#[test]
fn rows_are_in_the_order_of_the_strategies_and_end_with_the_oracle() {
    let (strategies, records) = evaluation(90);
    let report = Report::build(&strategies, &records, 1);
    let names: Vec<&str> = report.rows.iter().map(|row| row.strategy.as_str()).collect();
    let mut expected: Vec<&str> = strategies.iter().map(|strategy| strategy.name.as_str()).collect();
    expected.push(ORACLE);
    assert_eq!(names, expected);
    assert_eq!(report.questions, 90);
    for row in &report.rows {
        assert!(row.low <= row.quality && row.quality <= row.high, "{}", row.strategy);
        near(row.quality, row.right.unwrap() as f64 / row.answers as f64);
    }
}

/// Three questions, one for each member; one is wrong everywhere.
#[test]
fn the_oracle_takes_the_best_member_and_the_gain_is_measured_against_it() {
    let strategies = strategies(&[("single/a", SINGLE), ("single/b", SINGLE), ("fuse", "fuse")]);
    let right = [("single/a", [1, 1, 0, 0]), ("single/b", [0, 0, 1, 0]), ("fuse", [1, 0, 1, 0])];
    let mut records = Vec::new();
    for (strategy, qualities) in right {
        for (question, quality) in qualities.into_iter().enumerate() {
            records.push(bare(strategy, question, f64::from(quality)));
        }
    }
    records.retain(|record| (record.strategy.as_str(), record.question.as_str()) != ("single/b", "q3"));
    records[1].cost.draft_calls = 7;
    let report = Report::build(&strategies, &records, 1);
    assert_eq!(report.best_single.as_deref(), Some("single/a"));
    let oracle = report.row(ORACLE).unwrap();
    // Without the fourth question: not every member answered it.
    assert_eq!((oracle.answers, oracle.quality), (3, Some(1.0)));
    assert_eq!(oracle.cost, MeanCost::default());
    let fuse = report.row("fuse").unwrap();
    near(fuse.gain_taken, 0.0);
    near(report.row("single/a").unwrap().gain_taken, 0.0);
    near(report.row("single/b").unwrap().gain_taken, -1.0);
    near(oracle.gain_taken, 1.0);
    let gain = Gain { questions: 3, own: 2.0 / 3.0, best_single: 2.0 / 3.0, oracle: 1.0 };
    assert_eq!(fuse.gain, Some(gain));
    assert_eq!(report.row("single/a").unwrap().versus, Versus::default());
    assert_eq!((fuse.versus.pairs, fuse.versus.only_it_right, fuse.versus.only_other_right), (4, Some(1), Some(1)));
    assert_eq!((fuse.versus.p_mcnemar, fuse.versus.questions_needed), (Some(1.0), None));
}

#[test]
fn a_failed_answer_is_wrong_and_an_unjudged_one_is_left_out() {
    let strategies = strategies(&[("single/a", SINGLE)]);
    let mut records: Vec<_> = (0..4).map(|question| bare("single/a", question, 1.0)).collect();
    records[0].error = Some("no member left".to_owned());
    records[0].cost.draft_calls = 1000;
    records[1].quality = None;
    records[2].quality = Some(f64::NAN);
    let report = Report::build(&strategies, &records, 1);
    let row = report.row("single/a").unwrap();
    assert_eq!((row.answers, row.failed, row.unjudged, row.right), (4, 1, 2, Some(1)));
    near(row.quality, 0.5);
    near(row.cost.calls, 1.0);
    assert!(report.findings.contains(&"Failed, and counted as wrong: 1 answer.".to_owned()), "{:?}", report.findings);
    assert!(report.findings.contains(&"Not judged yet, and left out of every quality: 2 answers.".to_owned()));
}

#[test]
fn the_last_record_of_a_question_counts() {
    let strategies = strategies(&[("single/a", SINGLE)]);
    let records = [bare("single/a", 0, 0.0), bare("single/a", 0, 1.0), bare("unlisted", 0, 0.0)];
    let report = Report::build(&strategies, &records, 1);
    assert_eq!((report.rows.len(), report.row("single/a").unwrap().quality), (2, Some(1.0)));
}

#[test]
fn qualities_between_right_and_wrong_have_the_p_of_the_bootstrap() {
    let strategies = strategies(&[("single/a", SINGLE), ("fuse", "fuse")]);
    let mut records: Vec<_> = (0..40).map(|question| bare("single/a", question, 0.25)).collect();
    records.extend((0..40).map(|question| bare("fuse", question, 0.25 + (question % 10) as f64 / 20.0)));
    let report = Report::build(&strategies, &records, 1);
    let versus = &report.row("fuse").unwrap().versus;
    near(versus.difference, 0.225);
    assert_eq!((versus.p_mcnemar, versus.p_vs_best_single), (None, versus.p_bootstrap));
    assert!(versus.p_bootstrap.unwrap() < 0.001);
    assert_eq!((versus.only_it_right, versus.p_permutation, report.row("fuse").unwrap().right), (None, None, None));
    let few = Report::build(&strategies, &[&records[..6], &records[40..46]].concat(), 1);
    // Of five pairs that differ all are better: 2 / 2^5.
    assert_eq!(few.row("fuse").unwrap().versus.p_vs_best_single, Some(0.0625));
}

/// Right answers of twenty, member calls, computed tokens.
fn rivals(table: &[(&str, usize, u32, u64)]) -> Report {
    let named: Vec<_> = table.iter().map(|(name, ..)| (*name, "other")).collect();
    let mut records = Vec::new();
    for (strategy, right, calls, tokens) in table {
        for question in 0..20 {
            let mut record = bare(strategy, question, f64::from(u8::from(question < *right)));
            (record.cost.draft_calls, record.cost.computed_tokens) = (*calls, *tokens);
            records.push(record);
        }
    }
    Report::build(&strategies(&named), &records, 1)
}

fn names(rivals: &[Rival]) -> Vec<&str> {
    rivals.iter().map(|rival| rival.strategy.as_str()).collect()
}

#[test]
fn who_answers_better_for_no_more_of_anything_is_named() {
    let report = rivals(&[
        ("fuse", 10, 9, 90),
        ("vote", 12, 6, 90),
        ("many calls", 19, 10, 90),
        ("long", 18, 1, 91),
        ("long by chance", 11, 1, 91),
        ("dear", 19, 10, 91),
        ("worse", 8, 1, 1),
    ]);
    assert_eq!(names(&report.dominating), ["vote"]);
    assert_eq!(names(&report.trading), ["many calls", "long"]);
    let plain = "vote answers 10.0 points better than fuse on the 20 questions that both answered (p 0.500, not significant), \
                 with member calls 6.0 for 9.0, computed tokens 90 for 90 and time 100 ms for 100 ms.";
    assert!(report.findings.iter().any(|finding| finding == plain), "{:?}", report.findings);
    let traded = "With fewer calls but more tokens: long answers 40.0 points better than fuse on the 20 questions that both answered (p 0.008), \
                  with member calls 1.0 for 9.0, computed tokens 91 for 90 and time 100 ms for 100 ms.";
    assert!(report.findings.iter().any(|finding| finding == traded), "{:?}", report.findings);
    let alone = rivals(&[("fuse", 10, 9, 90)]);
    assert!(alone.dominating.is_empty() && alone.trading.is_empty());
    let none = "No strategy answers better than fuse with as many member calls and computed tokens or fewer.";
    assert!(alone.findings.iter().any(|finding| finding == none), "{:?}", alone.findings);
}

/// "cheap" is dear, but not on the one question that both answered.
#[test]
fn rivals_are_compared_on_what_both_answered() {
    let strategies = strategies(&[("fuse", "fuse"), ("cheap", "other")]);
    let mut records = vec![bare("fuse", 0, 0.0), bare("fuse", 1, 1.0), bare("cheap", 0, 1.0), bare("cheap", 1, 0.0)];
    records[1].error = Some("gone".to_owned());
    records[3].cost.draft_calls = 100;
    let report = Report::build(&strategies, &records, 1);
    assert_eq!((report.dominating[0].questions, report.dominating[0].better_by), (1, 1.0));
    assert_eq!(report.dominating[0].calls, Sides { own: 1.0, fused: 1.0 });
}

#[test]
fn the_curve_marks_the_points_that_no_other_beats() {
    let strategies = strategies(&[("fuse", "fuse"), ("exit/never", "fuse"), ("exit/early", "fuse"), ("vote", "vote")]);
    let mut records = Vec::new();
    for (strategy, right, members) in
        [("fuse", 6, 2.0), ("exit/never", 6, 3.0), ("exit/early", 4, 1.5), ("vote", 9, 3.0)]
    {
        for question in 0..10 {
            let mut record = bare(strategy, question, f64::from(u8::from(question < right)));
            record.cost.members_per_round = members;
            records.push(record);
        }
    }
    let curve = Report::build(&strategies, &records, 1).exit_curve;
    let told: Vec<_> =
        curve.iter().map(|point| (point.strategy.as_str(), point.members_per_round, point.efficient)).collect();
    assert_eq!(told, [("exit/early", 1.5, true), ("fuse", 2.0, true), ("exit/never", 3.0, false)]);
}

/// a is wrong on both questions and leaves one of them; b is right on both and leaves none; c is right and leaves for another reason.
#[test]
fn exits_are_held_against_who_is_wrong_alone() {
    let strategies = strategies(&[("single/a", SINGLE), ("single/b", SINGLE), ("single/c", SINGLE), ("fuse", "fuse")]);
    let mut records = Vec::new();
    for question in 0..2 {
        for (strategy, quality) in [("single/a", 0.0), ("single/b", 1.0), ("single/c", 1.0), ("fuse", 1.0)] {
            records.push(bare(strategy, question, quality));
        }
    }
    records[3].exits = vec![left("a", 2, "quality"), left("c", 2, "failed")];
    records[7].exits = vec![left("c", 20, "quality")];
    records[7].won = [("b".to_owned(), 20)].into();
    let report = Report::build(&strategies, &records, 1);
    let [exits] = report.exits.as_slice() else { panic!("{:?}", report.exits) };
    assert_eq!(
        exits.by_reason.iter().map(|(reason, count)| (reason.as_str(), *count)).collect::<Vec<_>>(),
        [("failed", 1), ("quality", 2)]
    );
    assert_eq!(exits.by_round.columns, ["1", "2", "3", "4", "5", "6", "7", "8", "9–16", "17–32"]);
    let all = exits.by_round.rows.iter().find(|row| row.name == "all").unwrap();
    assert_eq!((all.cells[1], all.cells[9], all.cells[2]), (Some(0.5), Some(0.5), Some(0.0)));
    let agreement = exits.agreement.unwrap();
    assert!(agreement.right_or_wrong);
    assert_eq!((agreement.left, agreement.left_quality), (2, 0.5));
    assert_eq!((agreement.members, agreement.stayed, agreement.stayed_quality), (6, 3, Some(2.0 / 3.0)));
    near(Some(agreement.quality), 2.0 / 3.0);
    let told = "Of the members that leave fuse, 50.0 % are wrong on that question when they are asked alone; of all members, 33.3 %. \
                Of those who stay, 66.7 % are right, of all 66.7 %.";
    assert!(report.findings.iter().any(|finding| finding == told), "{:?}", report.findings);
}

/// a comes back and leaves again, b comes back and stays, c leaves twice, d takes no part, and what e answers alone failed.
#[test]
fn exits_are_those_of_the_end_and_of_who_took_part() {
    let singles = ["single/a", "single/b", "single/c", "single/d", "single/e"];
    let named: Vec<_> = singles.iter().map(|name| (*name, SINGLE)).chain([("fuse", "fuse")]).collect();
    let mut records: Vec<Record> = singles.iter().map(|name| bare(name, 0, 0.4)).collect();
    records[1].quality = Some(0.8);
    records[4].error = Some("gone".to_owned());
    let mut fused = bare("fuse", 0, 0.7);
    fused.exits = vec![
        left("a", 2, "quality"),
        left("b", 2, "quality"),
        left("c", 3, "failed"),
        left("c", 4, "quality"),
        left("a", 5, "quality"),
        left("a", 6, "quality"),
    ];
    let back = |member: &str| Recall { member: member.to_owned(), round: 2 };
    fused.recalled = vec![back("a"), back("b")];
    fused.took_part = ["a", "b", "c", "e"].map(str::to_owned).to_vec();
    records.push(fused);
    let report = Report::build(&strategies(&named), &records, 1);
    let exits = &report.exits[0];
    assert_eq!(exits.by_reason, [("failed".to_owned(), 1), ("quality".to_owned(), 1)].into());
    let all = exits.by_round.rows.last().unwrap();
    assert_eq!(all.cells, [Some(0.0), Some(0.0), Some(0.0), Some(0.0), Some(1.0)]);
    let agreement = exits.agreement.unwrap();
    assert_eq!((agreement.members, agreement.left, agreement.left_quality), (3, 1, 0.4));
    assert_eq!((agreement.stayed, agreement.stayed_quality, agreement.right_or_wrong), (1, Some(0.8), false));
    let told = "The mean quality alone, on the same question, of the members that leave fuse is 40.0 %; of those who stay it is 80.0 %; \
                of all members, 53.3 %.";
    assert!(report.findings.iter().any(|finding| finding == told), "{:?}", report.findings);
}

#[test]
fn wins_are_shares_of_a_kind() {
    let (strategies, records) = evaluation(60);
    let report = Report::build(&strategies, &records, 1);
    let wins = report.wins.iter().find(|wins| wins.strategy == FUSE).unwrap();
    assert_eq!(wins.shares.columns.len(), KINDS.len() + 1);
    assert_eq!(wins.shares.rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), MEMBERS);
    for column in 0..wins.shares.columns.len() {
        near(Some(wins.shares.rows.iter().filter_map(|row| row.cells[column]).sum()), 1.0);
    }
    assert!(report.wins.iter().all(|wins| !wins.strategy.starts_with("single/")));
}

#[test]
fn answers_are_put_in_thirds_by_their_rounds() {
    let strategies = strategies(&[("fuse", "fuse")]);
    let records = [1, 1, 1, 1, 2, 3, 3, 8, 9].iter().enumerate().map(|(question, rounds)| {
        let mut record = bare("fuse", question, 1.0);
        record.cost.rounds = *rounds;
        record
    });
    let report = Report::build(&strategies, &records.collect::<Vec<_>>(), 1);
    let bands: Vec<_> = report.by_length.iter().map(|band| (band.from, band.to, band.questions)).collect();
    assert_eq!(bands, [(1, 1, 4), (2, 3, 3), (8, 9, 2)]);
}

#[test]
fn a_gate_is_the_lowest_bound_that_holds() {
    let strategies = strategies(&[("fuse", "fuse"), ("short", "fuse")]);
    let mut record = bare("fuse", 0, 1.0);
    // From the surest down: 150 won, one lost, 48 won, then every second lost.
    let won = |rank: usize| rank < 199 && rank != 150 || rank >= 199 && rank.is_multiple_of(2);
    record.leads = (0..300).map(|rank| Lead { mean_logprob: -(rank as f64) / 100.0, won: won(rank) }).collect();
    let mut short = bare("short", 0, 1.0);
    short.leads = record.leads[..49].to_vec();
    let report = Report::build(&strategies, &[record, short], 1);
    let bound = report.gates[0].bound.unwrap();
    // The last of them is at -2.00, the next at -2.01.
    assert_eq!((bound.mean_logprob, bound.rounds), (-2.001, 201));
    near(Some(bound.won), 199.0 / 201.0);
    near(Some(bound.covered), 0.67);
    assert_eq!((report.gates[1].rounds, report.gates[1].won, report.gates[1].bound), (49, 1.0, None));
}

#[test]
fn a_report_follows_from_seed_and_records_in_any_order_and_survives_json() {
    let (strategies, mut records) = evaluation(60);
    let report = Report::build(&strategies, &records, 9);
    records.reverse();
    assert_eq!(Report::build(&strategies, &records, 9), report);
    let text = serde_json::to_string(&report).unwrap();
    let read: Report = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap()["rows"].as_array().unwrap().len(), report.rows.len());
    assert_eq!(serde_json::from_value::<Report>(serde_json::to_value(&report).unwrap()).unwrap(), report);
    let fields: serde_json::Value = serde_json::from_str(&text).unwrap();
    let fuse = fields["rows"].as_array().unwrap().iter().find(|row| row["strategy"] == FUSE).unwrap();
    for name in ["quality", "low", "high", "p_vs_best_single", "members_per_round", "calls", "ttfs_ms", "tokens_s"] {
        assert!(fuse[name].is_f64(), "{name}: {}", fuse[name]);
    }
}

#[test]
fn nothing_and_half_of_everything_make_a_report_too() {
    let (strategies, records) = evaluation(12);
    let without_singles: Vec<_> = strategies.iter().filter(|strategy| strategy.kind != SINGLE).cloned().collect();
    let singles: Vec<_> = strategies.iter().filter(|strategy| strategy.kind == SINGLE).cloned().collect();
    for (strategies, records) in [
        (&strategies[..0], &records[..0]),
        (&strategies[..0], &records[..]),
        (&strategies[..], &records[..0]),
        (&strategies[..], &records[..1]),
        (&without_singles[..], &records[..]),
        (&singles[..], &records[..]),
    ] {
        let report = Report::build(strategies, records, 1);
        assert!(!serde_json::to_string(&report).unwrap().contains("NaN"));
        for text in [terminal(&report, 80), markdown(&report), html(&report)] {
            assert!(!text.contains("NaN") && !text.contains("inf "), "{text}");
        }
        assert_eq!(report.rows.iter().filter(|row| row.kind != ORACLE).count(), strategies.len());
    }
    let report = Report::build(&without_singles, &records, 1);
    assert_eq!((report.best_single.as_deref(), report.row(ORACLE)), (None, None));
    assert!(report.findings[0].starts_with("No member was asked alone"), "{:?}", report.findings);
}

#[test]
fn a_terminal_of_any_width_is_kept_to() {
    let (strategies, records) = evaluation(60);
    let report = Report::build(&strategies, &records, 1);
    for width in [80, 100, 120] {
        let text = terminal(&report, width);
        let longest = text.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(longest <= width, "{longest}\n{text}");
        assert!(text.lines().any(|line| line.starts_with("fuse ")), "{text}");
    }
    let table = markdown(&report);
    let lines: Vec<&str> = table.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(lines.len(), report.rows.len() + 4);
    assert!(lines.iter().all(|line| line.matches('|').count() == 10), "{table}");
    assert!(
        table.contains("| **`fuse`** | **") && table.contains("<summary>fuse with other rules of exit (8)</summary>"),
        "{table}"
    );
}
