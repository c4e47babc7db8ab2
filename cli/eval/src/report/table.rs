//! The report as text: a table for a terminal with what it says below, and a table for a README.

use super::{
    EXIT, FUSE, Report, Row,
    number::{decimals, interval, milliseconds, p, percent, points, shortened},
};

/// A strategy's name is cut to no less than this.
const NAME_LEAST: usize = 12;

struct Column {
    title: &'static str,
    cell: fn(&Row) -> String,
}

const STRATEGY: Column = Column { title: "strategy", cell: |row| row.strategy.clone() };
const QUALITY: Column = Column { title: "quality", cell: |row| percent(row.quality) };
const INTERVAL: Column = Column { title: "95 %", cell: |row| interval(row.low, row.high) };
const DIFFERENCE: Column = Column { title: "diff", cell: |row| points(row.versus.difference) };
const P: Column = Column { title: "p", cell: |row| p(row.versus.p_vs_best_single) };
const MEMBERS: Column = Column { title: "members", cell: |row| decimals(row.cost.members_per_round, 2) };
const CALLS: Column = Column { title: "calls", cell: |row| decimals(row.cost.calls, 1) };
const FIRST: Column = Column { title: "first ms", cell: |row| milliseconds(row.cost.ttfs_ms) };
const SPEED: Column = Column { title: "tokens/s", cell: |row| decimals(row.cost.tokens_s, 1) };

const TOKENS: Column = Column { title: "tokens", cell: |row| decimals(row.cost.computed_tokens, 0) };
const WITH_INTERVAL: Column = Column {
    title: "quality, %",
    cell: |row| match row.quality {
        Some(_) => format!("{} ({})", percent(row.quality), interval(row.low, row.high)),
        None => percent(None),
    },
};

const NOTE: &str = "quality in percent, with its 95 % interval; diff in points and p against the best member alone (*); p is not corrected \
                    for the number of strategies; members: asked per round; calls: to members, for an answer; first ms: to the first segment";

/// Aligned columns, no wider than `width` characters where that can be, and the findings, broken at that width. Ends with a line end.
pub fn terminal(report: &Report, width: usize) -> String {
    let columns = [STRATEGY, QUALITY, INTERVAL, DIFFERENCE, P, MEMBERS, CALLS, FIRST, SPEED];
    let mut lines = vec![columns.iter().map(|column| column.title.to_owned()).collect::<Vec<_>>()];
    for row in &report.rows {
        let mut cells: Vec<String> = columns.iter().map(|column| (column.cell)(row)).collect();
        if let Some(name) = cells.first_mut().filter(|name| report.best_single.as_ref() == Some(name)) {
            name.push_str(" *");
        }
        lines.push(cells);
    }
    let mut text = aligned(lines, width);
    text.push('\n');
    text.push_str(&wrapped(NOTE, width));
    text.push('\n');
    for finding in &report.findings {
        text.push_str(&wrapped(finding, width));
    }
    text
}

/// The same rows for a README: the ensemble in bold, and its other rules of exit folded below, where there are any.
pub fn markdown(report: &Report) -> String {
    let (rules, others): (Vec<&Row>, Vec<&Row>) = report.rows.iter().partition(|row| row.strategy.starts_with(EXIT));
    let mut text = markdown_table(&others);
    if !rules.is_empty() {
        let summary = format!("{FUSE} with other rules of exit ({})", rules.len());
        text.push_str(&format!(
            "\n<details>\n<summary>{summary}</summary>\n\n{}\n</details>\n",
            markdown_table(&rules)
        ));
    }
    text
}

fn markdown_table(rows: &[&Row]) -> String {
    let columns = [
        ("quality, % (95 %)", WITH_INTERVAL),
        ("difference, points", DIFFERENCE),
        ("p", P),
        ("members per round", MEMBERS),
        ("member calls", CALLS),
        ("computed tokens", TOKENS),
        ("first segment, ms", FIRST),
        ("tokens/s", SPEED),
    ];
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let titles = columns.iter().map(|(title, _)| (*title).to_owned());
    let mut text = line(["strategy".to_owned()].into_iter().chain(titles).collect());
    text.push_str(&format!("|---|{}\n", "--:|".repeat(columns.len())));
    for row in rows {
        let bold = |cell: String| if row.strategy == FUSE { format!("**{cell}**") } else { cell };
        // In code no character but a vertical bar or a backtick means anything.
        let name = format!("`{}`", row.strategy.replace('|', "\\|").replace('`', "'"));
        let cells = columns.iter().map(|(_, column)| (column.cell)(row));
        text.push_str(&line([name].into_iter().chain(cells).map(bold).collect()));
    }
    text
}

/// The first column to the left, the others to the right, the first line underlined. What is too wide loses space between columns
/// first, then the ends of names.
fn aligned(lines: Vec<Vec<String>>, width: usize) -> String {
    let length = |cell: &String| cell.chars().count();
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let mut widths: Vec<usize> = (0..columns)
        .map(|column| lines.iter().filter_map(|cells| cells.get(column)).map(length).max().unwrap_or(0))
        .collect();
    let needed = |widths: &[usize], gap: usize| widths.iter().sum::<usize>() + gap * columns.saturating_sub(1);
    let gap = if needed(&widths, 2) <= width { 2 } else { 1 };
    let excess = needed(&widths, gap).saturating_sub(width);
    if let Some(name) = widths.first_mut() {
        *name = (*name).min(name.saturating_sub(excess).max(NAME_LEAST));
    }
    let mut text = String::new();
    for (number, cells) in lines.iter().enumerate() {
        let padded = cells.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if column == 0 { format!("{:<width$}", shortened(cell, width)) } else { format!("{cell:>width$}") }
        });
        text.push_str(padded.collect::<Vec<_>>().join(&" ".repeat(gap)).trim_end());
        text.push('\n');
        if number == 0 {
            text.push_str(&"─".repeat(needed(&widths, gap)));
            text.push('\n');
        }
    }
    text
}

fn wrapped(sentence: &str, width: usize) -> String {
    let mut text = String::new();
    let mut used = 0;
    // A number and its percent sign stay together.
    for word in sentence.replace(" %", "\u{a0}%").split(' ').map(|word| word.replace('\u{a0}', " ")) {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            text.push('\n');
            used = 0;
        } else if used > 0 {
            text.push(' ');
            used += 1;
        }
        text.push_str(&word);
        used += length;
    }
    text.push('\n');
    text
}
