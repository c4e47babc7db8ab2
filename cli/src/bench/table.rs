//! A bench's report as a table for people.

use std::fmt::Write as _;

use specfuse_worker::bench::{Measured, Report};

pub(super) fn report(report: &Report) -> String {
    let ceilings = &report.ceilings;
    let mut text = format!(
        "{} threads, {}: reads {:.1} GB/s; large products {:.0} GFLOP/s, with q8_0 weights {:.0}, with q4_k {:.0}\n",
        report.threads,
        report.instructions,
        ceilings.bandwidth / 1e9,
        ceilings.matrix / 1e9,
        ceilings.matrix_q8_0 / 1e9,
        ceilings.matrix_q4k / 1e9,
    );
    report.models.iter().for_each(|measured| model(&mut text, measured));
    text
}

fn model(text: &mut String, measured: &Measured) {
    let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let peak = measured.peak_bytes.map_or_else(|| "unknown".to_owned(), |peak| format!("{:.0} MiB", mebibytes(peak)));
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "\n{} {}, {:.1}M parameters on {}: weights {:.0} MiB, cache {:.0} MiB, peak {peak}, loaded in {:.2} s",
        measured.family,
        measured.dtype,
        measured.parameters as f64 / 1e6,
        measured.device,
        mebibytes(measured.weight_bytes),
        mebibytes(measured.cache_bytes),
        measured.load_s,
    );
    let _ = writeln!(text, "  step       rows  context          ms   tokens/s  of the roofline");
    for step in &measured.steps {
        let _ = writeln!(
            text,
            "  {:<9} {:>5}  {:>7}  {:>10.2}  {:>9.1}  {:>14.0} %",
            step.kind.name(),
            step.rows,
            step.context,
            step.ms,
            step.tokens_s,
            step.roofline_share * 100.0,
        );
    }
    let _ =
        writeln!(text, "  {} tokens computed, {} found in the cache", measured.computed_tokens, measured.cached_tokens);
}
