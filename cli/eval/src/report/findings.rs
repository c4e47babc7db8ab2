//! What the numbers say, as sentences, the unwelcome ones too.

use super::{
    Agreement, Dominating, FUSE, ORACLE, Report, Row,
    number::{counted, decimals, distance, interval, p, percent, points},
};

pub(super) fn findings(report: &Report) -> Vec<String> {
    let fused = report.row(FUSE).filter(|row| row.quality.is_some());
    let best = report.best_single.as_deref().and_then(|name| report.row(name));
    let mut found = vec![best_single(best)];
    if let Some(fused) = fused {
        found.extend(difference(fused));
        found.extend(power(fused));
        found.extend(gain(report, fused));
        found.extend(domination(&report.dominating));
        found.extend(exits(report));
        found.extend(gate(report));
    }
    found.extend(missing(report));
    found
}

fn best_single(best: Option<&Row>) -> String {
    match best {
        None => "No member was asked alone: there is nothing to compare with.".to_owned(),
        Some(best) => format!(
            "The best member alone is {}: {} % ({}).",
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
        "{FUSE} answers {} %: {how} (95 % interval of the difference {} to {}, p {}).",
        percent(fused.quality),
        points(versus.difference_low),
        points(versus.difference_high),
        p(versus.p_vs_best_single)
    ))
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
    let oracle = report.row(ORACLE)?;
    let reached =
        format!("Knowing for every question which member to ask would give {} % (oracle)", percent(oracle.quality));
    Some(match fused.gain_taken {
        Some(gain) if gain >= 0.0 => format!("{reached}: {FUSE} takes {} % of that gain.", percent(Some(gain))),
        Some(_) => format!("{reached}: {FUSE} takes nothing of that gain."),
        None => format!("{reached}: there is nothing to gain over the best member alone."),
    })
}

fn domination(dominating: &[Dominating]) -> Vec<String> {
    if dominating.is_empty() {
        return vec![format!("No strategy answers better than {FUSE} with as many member calls or fewer.")];
    }
    let sentence = |other: &Dominating| {
        let saved = if other.calls_saved < 0.05 {
            "as many member calls".to_owned()
        } else {
            format!("{} member calls fewer", decimals(Some(other.calls_saved), 1))
        };
        format!(
            "{} answers {} points better than {FUSE} with {saved} (p {}).",
            other.strategy,
            distance(other.better_by),
            p(other.p)
        )
    };
    dominating.iter().map(sentence).collect()
}

fn exits(report: &Report) -> Option<String> {
    let agreement: Agreement = report.exits.iter().find(|exits| exits.strategy == FUSE)?.agreement?;
    let stayed = agreement.stayed_right.map_or_else(String::new, |right| {
        format!(
            " Of those who stay, {} % are right, of all {} %.",
            percent(Some(right)),
            percent(Some(1.0 - agreement.wrong))
        )
    });
    Some(format!(
        "Of the members that leave {FUSE}, {} % are wrong on that question when they are asked alone; of all members, {} %.{stayed}",
        percent(Some(agreement.left_wrong)),
        percent(Some(agreement.wrong))
    ))
}

fn gate(report: &Report) -> Option<String> {
    let gate = report.gates.iter().find(|gate| gate.strategy == FUSE)?;
    Some(match gate.bound {
        None => format!(
            "The leader's draft wins {} % of the scored rounds, and no bound on its log-probability makes that 99 %.",
            percent(Some(gate.won))
        ),
        Some(bound) => format!(
            "Where the leader's mean log-probability is {} or more, its draft wins {} % of the scored rounds: {}, {} % of all.",
            decimals(Some(bound.mean_logprob), 3),
            percent(Some(bound.won)),
            counted(bound.rounds, "round"),
            percent(Some(bound.covered))
        ),
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
