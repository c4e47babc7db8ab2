//! The way from here to the coordinator: how long a call takes, whether it is encrypted, and whether the two clocks agree.

use std::{
    net::IpAddr,
    time::{Duration, SystemTime},
};

use tonic::transport::Uri;

use crate::doctor::finding::{Finding, Subject, median};

/// Milliseconds from which on the way is told to be slow: a round waits for it.
const SLOW: f64 = 250.0;
/// The header counts seconds, and the answer takes a moment.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(5);

pub(super) fn connection(calls: &[f64]) -> Finding {
    let middle = median(calls).unwrap_or_default();
    let most = calls.iter().copied().fold(0.0, f64::max);
    let what =
        format!("the coordinator answers; a call takes {middle:.1} ms (median of {}, at most {most:.1})", calls.len());
    if middle > SLOW {
        return Subject::Connection
            .warning(what, "call from nearer, or see whether the coordinator's machine is overloaded");
    }
    Subject::Connection.ok(what)
}

/// Of a coordinator that has answered at this URL.
pub(super) fn encryption(url: &str) -> Finding {
    if url.starts_with("https://") {
        return Subject::Tls.ok("calls to the coordinator are encrypted, and its certificate was accepted");
    }
    if is_here(url) {
        return Subject::Tls.ok("calls to the coordinator are not encrypted and do not leave this machine");
    }
    let remedy = "start the coordinator with --tls-cert and --tls-key, and call it as https:// with --tls-ca";
    Subject::Tls
        .warning("calls to the coordinator cross the network in plaintext, prompts, answers and keys included", remedy)
}

/// Whether the URL is of this machine. One without a host is not.
pub(super) fn is_here(url: &str) -> bool {
    let full = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    let Ok(uri) = full.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// `told`: a response's date, and the time here when it came.
pub(super) fn clock(told: Option<&(String, SystemTime)>) -> Finding {
    let read = told.and_then(|(date, here)| Some((httpdate::parse_http_date(date).ok()?, *here)));
    let Some((there, here)) = read else {
        return Subject::Clock.ok("the coordinator does not tell its time: it cannot be compared with ours");
    };
    let apart = here.duration_since(there).unwrap_or_else(|error| error.duration());
    if apart > CLOCK_TOLERANCE {
        let what = format!("the coordinator's clock and ours are {} s apart", apart.as_secs());
        return Subject::Clock.warning(what, "run a time service on both: certificates and logs depend on it");
    }
    Subject::Clock.ok("the coordinator's clock agrees with ours, to a few seconds")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity;

    #[test]
    fn plaintext_is_a_warning_only_where_it_leaves_the_machine() {
        for url in ["http://127.0.0.1:7070", "localhost:7070", "http://[::1]:7070", "https://far.example:7070"] {
            assert_eq!(encryption(url).severity, Severity::Ok, "{url}");
        }
        for url in ["http://far.example:7070", "10.0.0.7:7070", "http://0.0.0.0:1"] {
            assert_eq!(encryption(url).severity, Severity::Warning, "{url}");
        }
    }

    #[test]
    fn a_clock_that_is_off_is_a_warning_and_one_that_is_not_told_is_said_to_be() {
        let date = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let told = |here: SystemTime| clock(Some(&(httpdate::fmt_http_date(date), here)));
        assert_eq!(told(date + Duration::from_secs(4)).severity, Severity::Ok);
        assert_eq!(told(date - Duration::from_secs(60)).severity, Severity::Warning);
        assert!(told(date + Duration::from_secs(60)).what.contains("60 s apart"));
        assert!(clock(None).what.contains("cannot be compared"));
    }

    #[test]
    fn a_slow_way_is_a_warning() {
        assert_eq!(connection(&[1.0, 2.0, 900.0]).severity, Severity::Ok);
        assert_eq!(connection(&[300.0, 400.0, 1.0]).severity, Severity::Warning);
    }
}
