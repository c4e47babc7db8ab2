//! A bench's report as a table for people.

use std::fmt::Write as _;

use specfuse_worker::bench::{Attention, Measured, Report, Rounds};

pub(super) fn report(report: &Report) -> String {
    let ceilings = &report.ceilings;
    let formats =
        ceilings.formats.iter().map(|(format, rate)| format!(", with {} weights {:.0}", format.name(), rate / 1e9));
    let mut text = format!(
        "{} threads, {}: {} {:.1} GB/s; large products of floats {:.0} GFLOP/s{}\n",
        report.threads,
        report.instructions,
        ceilings.traffic.name(),
        ceilings.bandwidth / 1e9,
        ceilings.floats / 1e9,
        formats.collect::<String>(),
    );
    for measured in &report.models {
        text.push_str(&format!("\n{}\n", heading(measured)));
        text.push_str("  step       rows  context          ms   tokens/s  of the roofline\n");
        steps(&mut text, measured);
        if let Some(attention) = &measured.attention {
            text.push_str(&format!("  {}\n", added(attention)));
        }
        text.push_str(&format!("  {}\n", round(measured.rounds.as_ref())));
        text.push_str(&format!(
            "  {} tokens computed, {} found in the cache\n",
            measured.computed_tokens, measured.cached_tokens
        ));
    }
    text
}

fn heading(measured: &Measured) -> String {
    let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let peak = measured.peak_bytes.map_or_else(|| "-".to_owned(), |peak| format!("{:.0} MiB", mebibytes(peak)));
    format!(
        "{} {}, {:.1}M parameters on {}: weights {:.0} MiB, cache {:.0} MiB, peak {peak}, loaded in {:.2} s",
        measured.family,
        measured.dtype,
        measured.parameters as f64 / 1e6,
        measured.device,
        mebibytes(measured.weight_bytes),
        mebibytes(measured.cache_bytes),
        measured.load_s,
    )
}

fn steps(text: &mut String, measured: &Measured) {
    for step in &measured.steps {
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "  {:<9} {:>5}  {:>7}  {:>10.2}  {:>9.1}  {:>15}",
            step.kind.name(),
            step.rows,
            step.context,
            step.ms,
            step.tokens_s,
            percent(step.roofline_share()),
        );
    }
}

fn added(attention: &Attention) -> String {
    let rate = attention.rate.map_or_else(|| "-".to_owned(), |rate| format!("{:.1} GB/s", rate / 1e9));
    let share = percent(attention.share);
    format!("attention of {} rows reads what a longer context adds at {rate}, {share} of the bandwidth", attention.rows)
}

fn round(rounds: Option<&Rounds>) -> String {
    let Some(rounds) = rounds else { return "round -".to_owned() };
    format!(
        "round {:.2} ms (median of {}), model {:.2} ms, outside the model {:.1} %: queue {:.2} ms, wire {:.2} ms, texts and the rest {:.2} ms",
        rounds.ms,
        rounds.counted,
        rounds.model_ms,
        rounds.outside_share * 100.0,
        rounds.queue_ms,
        rounds.wire_ms,
        rounds.text_ms,
    )
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.0} %", share * 100.0))
}
