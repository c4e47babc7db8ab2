//! How findings look: a list grouped by subject for people, one JSON object for programs.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use super::finding::{Examined, Finding, Severity};
use crate::text;

const SEVERITIES: [Severity; 3] = [Severity::Ok, Severity::Warning, Severity::Error];

pub(crate) fn list(all: &[Examined], colored: bool) -> String {
    let mut shown = String::new();
    for examined in all {
        // Writing to a string does not fail.
        let _ = writeln!(shown, "{}", styled(Style::new().bold(), &text::harmless(&examined.target), colored));
        let mut subject = None;
        for finding in &examined.findings {
            if subject.replace(finding.subject) != Some(finding.subject) {
                let _ = writeln!(shown, "  {}", finding.subject.name());
            }
            shown.push_str(&line(finding, colored));
        }
        let [ok, warnings, errors] = SEVERITIES.map(|severity| examined.count(severity));
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        let (some_warnings, some_errors) = (plural(warnings), plural(errors));
        let _ = writeln!(shown, "  {ok} ok, {warnings} warning{some_warnings}, {errors} error{some_errors}\n");
    }
    shown
}

fn line(finding: &Finding, colored: bool) -> String {
    let color = match finding.severity {
        Severity::Ok => AnsiColor::Green,
        Severity::Warning => AnsiColor::Yellow,
        Severity::Error => AnsiColor::Red,
    };
    let severity = styled(color.on_default(), &format!("{:<7}", finding.severity.name()), colored);
    let mut line = format!("    {severity}  {}\n", one_line(&finding.what));
    if let Some(remedy) = &finding.remedy {
        line.push_str(&format!("             try: {}\n", one_line(remedy)));
    }
    line
}

/// What a template or a server says may have any shape.
fn one_line(what: &str) -> String {
    text::harmless(&what.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn styled(style: Style, text: &str, colored: bool) -> String {
    if colored { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

pub(crate) fn json(all: &[Examined]) -> Value {
    let sum = |severity| all.iter().map(|examined| examined.count(severity)).sum::<usize>();
    json!({
        "healthy": sum(Severity::Error) == 0,
        "errors": sum(Severity::Error),
        "warnings": sum(Severity::Warning),
        "examined": all.iter().map(examined).collect::<Vec<_>>(),
    })
}

fn examined(examined: &Examined) -> Value {
    let findings = examined.findings.iter().map(|finding| {
        json!({
            "severity": finding.severity.name(), "subject": finding.subject.name(),
            "what": finding.what, "remedy": finding.remedy,
        })
    });
    json!({ "target": examined.target, "findings": findings.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::super::finding::Subject;
    use super::*;

    fn found() -> Vec<Examined> {
        let findings = vec![Subject::Files.ok("a\u{1b}[2J"), Subject::Ends.error("no end\nof turn", "write one")];
        vec![Examined::new("models/a".to_owned(), findings)]
    }

    #[test]
    fn each_finding_is_a_line_and_its_remedy_another() {
        let expected = "models/a\n  files\n    ok       a\\u{1b}[2J\n  ends of turn\n    error    no end of turn\n             \
                        try: write one\n  1 ok, 0 warnings, 1 error\n\n";
        assert_eq!(list(&found(), false), expected);
    }

    #[test]
    fn colours_are_there_where_they_are_wanted() {
        assert!(list(&found(), true).contains("\u{1b}[31merror"));
    }

    #[test]
    fn programs_read_the_same() {
        let json = json(&found());
        assert_eq!((&json["healthy"], &json["errors"]), (&json!(false), &json!(1)));
        assert_eq!(json["examined"][0]["findings"][1]["remedy"], "write one");
    }
}
