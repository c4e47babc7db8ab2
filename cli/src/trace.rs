//! Every round in readable columns: what was drafted, what each member thought of it, what won and who left.

pub(crate) mod table;

use std::fmt::Write;

use specfuse_proto::v1::{
    Decision, DraftReport, Exit, ExitReason, FinishReason, Finished, ScoreRow, ScoredCandidate, Segment,
    draft_report::Outcome,
};

use crate::{
    palette::Palette,
    text,
    trace::table::{Cell, Table},
};

#[derive(Debug)]
pub(crate) struct Trace {
    palette: Palette,
    winner: String,
    /// What the plain view would have shown.
    answer: String,
}

impl Trace {
    pub(crate) fn new(palette: Palette) -> Self {
        Self { palette, winner: String::new(), answer: String::new() }
    }

    pub(crate) fn segment(&mut self, segment: &Segment) -> String {
        self.palette.meet(&segment.active);
        // What a round without a winner shows was held back: it is the last winner's.
        if !segment.winner.is_empty() {
            self.winner.clone_from(&segment.winner);
        }
        self.append(&segment.text);
        let mut out = self.heading(segment);
        out += &if segment.candidates.is_empty() { self.proposals(segment) } else { self.candidates(segment) };
        for report in &segment.drafts {
            out += &self.missed(report);
        }
        if segment.scored || segment.candidates.iter().any(|candidate| candidate.aggregate.is_some()) {
            out += &self.scores(segment);
        }
        out += &self.standing(segment);
        for exit in &segment.exits {
            out += &self.exit(exit);
        }
        for member in &segment.recalled {
            out += &format!("  {} takes part again\n", self.names(std::slice::from_ref(member)));
        }
        out + "\n"
    }

    pub(crate) fn finished(&mut self, finished: &Finished) -> String {
        self.append(&finished.text);
        let why = match finished.reason() {
            FinishReason::Stop => "stop",
            FinishReason::Length => "length",
            FinishReason::Unspecified => "unspecified",
        };
        let end = if self.answer.ends_with('\n') { "" } else { "\n" };
        format!("{} {}\n{}{end}", self.palette.bold("answer"), self.palette.dim(&format!("({why})")), self.answer)
    }

    fn append(&mut self, text: &str) {
        self.answer += &self.palette.paint(&self.winner, &text::harmless(text));
    }

    fn heading(&self, segment: &Segment) -> String {
        let timing = segment.timing.unwrap_or_default();
        let millis = |micros: u64| format!("{}.{} ms", micros / 1000, micros / 100 % 10);
        let mut facts = format!("{} active, draft {}", segment.active.len(), millis(timing.draft_micros));
        if segment.scored {
            facts += &format!(", score {}", millis(timing.score_micros));
        }
        if let Some(entropy) = segment.entropy {
            facts += &format!(", entropy {entropy:.3}");
        }
        match decision(segment.decided_by()) {
            Some(decision) => facts += &format!(", decided by {decision}"),
            None if segment.candidates.is_empty() => facts += ", nothing decided",
            None => {}
        }
        format!("{}  {}\n", self.palette.bold(&format!("round {}", segment.round)), self.palette.dim(&facts))
    }

    /// One line each: the winner is marked.
    fn candidates(&self, segment: &Segment) -> String {
        let mut table = Table::default();
        for (at, candidate) in segment.candidates.iter().enumerate() {
            let mark = if at == segment.winning_candidate as usize { "*" } else { " " };
            let authors = Cell::styled(candidate.authors.join(", "), |_| self.names(&candidate.authors));
            let text = Cell::styled(shown(&candidate.text, candidate.finished), |text| self.by_author(candidate, text));
            table.row([Cell::left(format!("{mark} {}", at + 1)), authors, text]);
        }
        table.render()
    }

    /// Drafts of a round that decides nothing: a later one answers from them.
    fn proposals(&self, segment: &Segment) -> String {
        let mut table = Table::default();
        for report in &segment.drafts {
            let Some(Outcome::Draft(draft)) = &report.outcome else { continue };
            if !draft.text.is_empty() || draft.finished {
                let name = format!("  {}", text::harmless(&report.member));
                let text =
                    Cell::styled(shown(&draft.text, draft.finished), |it| self.palette.paint(&report.member, it));
                table.row([Cell::styled(name, |name| self.palette.paint(&report.member, name)), text]);
            }
        }
        table.render()
    }

    fn names(&self, members: &[String]) -> String {
        let painted: Vec<_> =
            members.iter().map(|member| self.palette.paint(member, &text::harmless(member))).collect();
        painted.join(", ")
    }

    fn by_author(&self, candidate: &ScoredCandidate, text: &str) -> String {
        match candidate.authors.first() {
            Some(author) => self.palette.paint(author, text),
            None => text.to_owned(),
        }
    }

    fn missed(&self, report: &DraftReport) -> String {
        let why = match &report.outcome {
            Some(Outcome::Missed(why)) => why.as_str(),
            // A draft without text is nobody's candidate.
            Some(Outcome::Draft(draft)) if draft.text.is_empty() && !draft.finished => "drafted nothing",
            Some(Outcome::Draft(_)) => return String::new(),
            None => "no draft",
        };
        format!("  {} {}\n", self.names(std::slice::from_ref(&report.member)), text::harmless(why))
    }

    /// A row for each scorer, a column for each candidate, the aggregate last.
    fn scores(&self, segment: &Segment) -> String {
        let mut table = Table::default();
        let numbers = (1..=segment.candidates.len()).map(|number| Cell::right(number.to_string()));
        let heading = match segment.decided_by() {
            Decision::Author => "  authors' own",
            Decision::Majority => "  answers alike",
            Decision::None
            | Decision::Unopposed
            | Decision::Scores
            | Decision::Blend
            | Decision::Gate
            | Decision::Unspecified => "  scores",
        };
        table.row([Cell::left(heading.to_owned())].into_iter().chain(numbers));
        for row in &segment.scores {
            table.row(self.score_row(row, segment));
        }
        let aggregates = segment.candidates.iter().map(|candidate| match candidate.aggregate {
            Some(count) if segment.decided_by() == Decision::Majority => Cell::right(format!("{count:.0}")),
            Some(value) => Cell::right(format!("{value:.3}")),
            None => Cell::right("-".to_owned()),
        });
        table.row([Cell::left("  aggregate".to_owned())].into_iter().chain(aggregates));
        table.render()
    }

    fn score_row(&self, row: &ScoreRow, segment: &Segment) -> Vec<Cell> {
        let standing = segment.standing.iter().find(|standing| standing.member == row.member);
        let weight = standing.and_then(|standing| standing.weight).map(|weight| format!(" x{weight:.2}"));
        let label = format!("  {}{}", text::harmless(&row.member), weight.unwrap_or_default());
        let mut cells = vec![Cell::styled(label, |label| self.palette.paint(&row.member, label))];
        if row.abstained.is_empty() {
            cells.extend(row.candidates.iter().map(|score| Cell::right(format!("{:.3}", score.mean))));
        } else {
            cells.push(Cell::left(format!("abstained: {}", text::harmless(&row.abstained))));
        }
        cells
    }

    /// "quality" for each active member, and what it needs to stay.
    fn standing(&self, segment: &Segment) -> String {
        let shown = segment.standing.iter().map(|standing| {
            let keep = standing.keep.map(|keep| format!(" keep {keep:.3}")).unwrap_or_default();
            let name = self.palette.paint(&standing.member, &text::harmless(&standing.member));
            format!("{name} quality {:.3}{keep}", standing.quality)
        });
        let shown: Vec<_> = shown.collect();
        if shown.is_empty() { String::new() } else { format!("  {}\n", shown.join("; ")) }
    }

    fn exit(&self, exit: &Exit) -> String {
        let why = match exit.reason() {
            ExitReason::Quality => "its segments kept losing",
            ExitReason::ContextFull => "the answer no longer fits its context",
            ExitReason::Refused => "its chat template refuses the messages",
            ExitReason::Failed => "it failed too often",
            ExitReason::Budget => "the budget of calls allows fewer members",
            ExitReason::Unspecified => "no reason given",
        };
        let mut line = format!("  {} left: {why}", self.names(std::slice::from_ref(&exit.member)));
        if !exit.detail.is_empty() {
            // Writing to a string does not fail.
            let _ = write!(line, " ({})", text::harmless(&exit.detail));
        }
        line + "\n"
    }
}

fn shown(text: &str, finished: bool) -> String {
    text::quoted(text) + if finished { " ends" } else { "" }
}

/// Where it is anything but what the candidates and their scores tell.
fn decision(decision: Decision) -> Option<&'static str> {
    match decision {
        Decision::Author => Some("author"),
        Decision::Blend => Some("blend"),
        Decision::Gate => Some("gate"),
        Decision::Majority => Some("majority"),
        Decision::None | Decision::Unopposed | Decision::Scores | Decision::Unspecified => None,
    }
}

#[cfg(test)]
mod tests;
