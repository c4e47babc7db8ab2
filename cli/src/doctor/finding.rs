//! What the doctor says: findings as values, made from what was observed, with what to do about each.

/// How bad it is. Only an error makes the command fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    Ok,
    Warning,
    Error,
}

/// What a finding is about. Findings are shown in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    Files,
    Template,
    Tokenizer,
    Ends,
    Worker,
    Numbers,
    Speed,
    Memory,
    Connection,
    Tls,
    Clock,
    Ensembles,
    Workers,
    Replicas,
    Discovery,
    Load,
    Answer,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    pub(crate) subject: Subject,
    /// One line.
    pub(crate) what: String,
    /// One line: what to do. None: nothing needs to be done, or nothing can.
    pub(crate) remedy: Option<String>,
}

/// All that was found about one checkpoint or one cluster.
#[derive(Debug)]
pub(crate) struct Examined {
    /// As it was given.
    pub(crate) target: String,
    pub(crate) findings: Vec<Finding>,
}

impl Severity {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl Subject {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Template => "chat template",
            Self::Tokenizer => "tokenizer",
            Self::Ends => "ends of turn",
            Self::Worker => "worker",
            Self::Numbers => "numbers",
            Self::Speed => "speed",
            Self::Memory => "memory",
            Self::Connection => "connection",
            Self::Tls => "encryption",
            Self::Clock => "clock",
            Self::Ensembles => "ensembles",
            Self::Workers => "workers",
            Self::Replicas => "replicas",
            Self::Discovery => "discovery",
            Self::Load => "load",
            Self::Answer => "answer",
        }
    }

    pub(crate) fn ok(self, what: impl Into<String>) -> Finding {
        Finding { severity: Severity::Ok, subject: self, what: what.into(), remedy: None }
    }

    pub(crate) fn warning(self, what: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { severity: Severity::Warning, subject: self, what: what.into(), remedy: Some(remedy.into()) }
    }

    pub(crate) fn error(self, what: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { severity: Severity::Error, subject: self, what: what.into(), remedy: Some(remedy.into()) }
    }
}

impl Examined {
    /// By subject; within one in the order of finding.
    pub(crate) fn new(target: String, mut findings: Vec<Finding>) -> Self {
        findings.sort_by_key(|finding| finding.subject);
        Self { target, findings }
    }

    pub(crate) fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

/// The middle one; None: there is none.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_grouped_by_subject_and_keep_their_order_in_it() {
        let given =
            vec![Subject::Ends.ok("c"), Subject::Files.ok("a"), Subject::Ends.error("d", ""), Subject::Files.ok("b")];
        let examined = Examined::new("x".to_owned(), given);
        let order: String = examined.findings.iter().map(|finding| finding.what.as_str()).collect();
        assert_eq!((order.as_str(), examined.count(Severity::Error)), ("abcd", 1));
    }

    #[test]
    fn the_median_is_a_value_that_was_seen() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[]), None);
    }
}
