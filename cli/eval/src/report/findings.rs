//! What the numbers say, as sentences, the unwelcome ones too.

use super::{
    Agreement, FUSE, ORACLE, Report, Rival, Row, Sides,
    number::{self, counted, distance, exact, interval, milliseconds, p, percent, points},
};
use crate::stats::ALPHA;

pub(super) fn findings(report: &Report) -> Vec<String> {
    let fused = report.row(FUSE).filter(|row| row.quality.is_some());
    let best = report.best_single.as_deref().and_then(|name| report.row(name));
    let mut found = vec![best_single(best)];
    if let Some(fused) = fused {
        found.extend(difference(fused));
        found.extend(power(fused));
        found.extend(gain(report, fused));
        found.extend(rivals(report));
        found.extend(exits(report));
        found.extend(gate(report));
    }
    found.extend(order(report));
    found.extend(missing(report));
    found
}

fn best_single(best: Option<&Row>) -> String {
    match best {
        None => "No member was asked alone: there is nothing to compare with.".to_owned(),
        Some(best) => format!(
            "The best member alone is {}: {} % ({}). It is chosen by these same questions, which favours it.",
            best.strategy,
            percent(best.quality),
            interval(best.low, best.high)
        ),
    }
}

fn difference(fused: &Row) -> Option<String> {
    let versus = &fused.versus;
    let difference = versus.difference?;
    let how = if difference.abs() < 1e-9 {
        "as good as it".to_owned()
    } else {
        format!("{} points {}", distance(difference), if difference > 0.0 { "better" } else { "worse" })
    };
    Some(format!(
        "On {} {FUSE} answers {} % and that member {} %: {how} (95 % interval of the difference {} to {}, p {}).",
        shared(versus.pairs),
        percent(versus.own_quality),
        percent(versus.other_quality),
        points(versus.difference_low),
        points(versus.difference_high),
        told(versus.p_vs_best_single)
    ))
}

/// "the 500 questions that both have"
fn shared(questions: usize) -> String {
    format!("the {} that both have", counted(questions, "question"))
}

/// A p, and whether it says anything.
fn told(value: Option<f64>) -> String {
    let doubtful = value.is_none_or(|p| p >= ALPHA);
    format!("{}{}", p(value), if doubtful { ", not significant" } else { "" })
}

fn power(fused: &Row) -> Option<String> {
    let needed = fused.versus.questions_needed?;
    let asked = fused.versus.pairs;
    let enough = if usize::try_from(needed).is_ok_and(|needed| needed <= asked) { "enough" } else { "too few" };
    Some(format!(
        "To see a difference of {} points four times in five takes {}; {asked} were asked: {enough}.",
        distance(fused.versus.difference?),
        counted(usize::try_from(needed).unwrap_or(usize::MAX), "question")
    ))
}

fn gain(report: &Report, fused: &Row) -> Option<String> {
    report.row(ORACLE)?;
    let Some(gain) = fused.gain else {
        return Some(format!(
            "How much {FUSE} takes of what the oracle gains cannot be told: there is no question that {FUSE}, the best member alone and the oracle all have."
        ));
    };
    let reached = format!(
        "Knowing for every question which member to ask would give {} % (oracle) on {}, the best member alone gives {} %",
        percent(Some(gain.oracle)),
        counted(gain.questions, "question"),
        percent(Some(gain.best_single))
    );
    Some(match fused.gain_taken {
        Some(taken) if taken > 0.0 => {
            format!(
                "{reached} and {FUSE} {} %: it takes {} % of that gain.",
                percent(Some(gain.own)),
                percent(Some(taken))
            )
        }
        Some(_) => format!("{reached} and {FUSE} {} %: it takes nothing of that gain.", percent(Some(gain.own))),
        None => format!("{reached}: there is nothing to gain over it by choosing a member."),
    })
}

fn rivals(report: &Report) -> Vec<String> {
    let mut found: Vec<String> = report.dominating.iter().map(rival).collect();
    if found.is_empty() {
        found.push(format!(
            "No strategy answers better than {FUSE} with as many member calls and computed tokens or fewer."
        ));
    }
    found.extend(report.trading.iter().map(|other| {
        let (less, more) = if other.calls.own < other.calls.fused { ("calls", "tokens") } else { ("tokens", "calls") };
        format!("With fewer {less} but more {more}: {}", rival(other))
    }));
    found
}

fn rival(other: &Rival) -> String {
    let times =
        |sides: Sides| format!("{} ms for {} ms", milliseconds(Some(sides.own)), milliseconds(Some(sides.fused)));
    let counts = |sides: Sides, decimals: usize| {
        format!("{} for {}", number::decimals(Some(sides.own), decimals), number::decimals(Some(sides.fused), decimals))
    };
    format!(
        "{} answers {} points better than {FUSE} on the {} that both answered (p {}), with member calls {}, computed tokens {} and time {}.",
        other.strategy,
        distance(other.better_by),
        counted(other.questions, "question"),
        told(other.p),
        counts(other.calls, 1),
        counts(other.computed_tokens, 0),
        times(other.total_ms)
    )
}

fn exits(report: &Report) -> Option<String> {
    let found: Agreement = report.exits.iter().find(|exits| exits.strategy == FUSE)?.agreement?;
    let share = |quality: f64| percent(Some(quality));
    if found.right_or_wrong {
        let stayed = found.stayed_quality.map_or_else(String::new, |right| {
            format!(" Of those who stay, {} % are right, of all {} %.", share(right), share(found.quality))
        });
        return Some(format!(
            "Of the members that leave {FUSE}, {} % are wrong on that question when they are asked alone; of all members, {} %.{stayed}",
            share(1.0 - found.left_quality),
            share(1.0 - found.quality)
        ));
    }
    let stayed = found
        .stayed_quality
        .map_or_else(String::new, |quality| format!("; of those who stay it is {} %", share(quality)));
    Some(format!(
        "The mean quality alone, on the same question, of the members that leave {FUSE} is {} %{stayed}; of all members, {} %.",
        share(found.left_quality),
        share(found.quality)
    ))
}

fn gate(report: &Report) -> Option<String> {
    let gate = report.gates.iter().find(|gate| gate.strategy == FUSE)?;
    Some(match gate.bound {
        None => format!(
            "The sole leader's draft wins {} % of the scored rounds, and no bound on its log-probability makes that 99 %.",
            percent(Some(gate.won))
        ),
        Some(bound) => format!(
            "Where the sole leader's mean log-probability is above {}, its draft wins {} % of the scored rounds: {}, {} % of all.",
            exact(bound.mean_logprob),
            percent(Some(bound.won)),
            counted(bound.rounds, "round"),
            percent(Some(bound.covered))
        ),
    })
}

/// None of fewer than two that were asked.
fn order(report: &Report) -> Option<String> {
    let asked = report.rows.iter().filter(|row| row.kind != ORACLE && row.answers > 0).count();
    (asked > 1).then(|| {
        "Strategies are asked one after another, so the later ones find prompts in the members' prefix caches: their times to the first segment and their computed tokens are a little lower for it.".to_owned()
    })
}

fn missing(report: &Report) -> Vec<String> {
    let count = |of: fn(&Row) -> usize| -> usize { report.rows.iter().filter(|row| row.kind != ORACLE).map(of).sum() };
    let (failed, unjudged) = (count(|row| row.failed), count(|row| row.unjudged));
    let mut found = Vec::new();
    if failed > 0 {
        found.push(format!("Failed, and counted as wrong: {}.", counted(failed, "answer")));
    }
    if unjudged > 0 {
        found.push(format!("Not judged yet, and left out of every quality: {}.", counted(unjudged, "answer")));
    }
    let asked = report.questions;
    let partly = report.rows.iter().filter(|row| row.kind != ORACLE && row.answers < asked);
    let names: Vec<String> = partly.map(|row| format!("{} ({})", row.strategy, row.answers)).collect();
    if !names.is_empty() {
        found.push(format!("Not all {} were put to {}.", counted(asked, "question"), names.join(", ")));
    }
    found
}
