//! The one line that is left on standard error after an answer.

use specfuse_proto::v1::{FinishReason, Usage};

use crate::stream::Answer;

pub(crate) fn line(answer: &Answer) -> String {
    let usage = answer.finished.usage.clone().unwrap_or_default();
    let mut parts = vec![format!("{}, {:.1} members per round", rounds(usage.rounds), usage.members_per_round)];
    if usage.gated_rounds > 0 {
        parts.push(format!("{} decided by the gate", rounds(usage.gated_rounds)));
    }
    parts.extend(shares(&usage));
    let seconds = answer.total.as_secs_f64();
    if seconds > 0.0 {
        parts.push(format!("{:.1} tokens/s", f64::from(usage.completion_tokens) / seconds));
    }
    if let Some(first) = answer.first_segment {
        parts.push(format!("first segment after {:.2} s", first.as_secs_f64()));
    }
    if answer.finished.reason() == FinishReason::Length {
        parts.push("ended at the token limit".to_owned());
    }
    parts.join(" · ")
}

fn rounds(count: u32) -> String {
    if count == 1 { "1 round".to_owned() } else { format!("{count} rounds") }
}

/// "a 75%, b 25%": parts of the answer's bytes, the largest first.
fn shares(usage: &Usage) -> Option<String> {
    let total: u32 = usage.members.iter().map(|member| member.bytes_won).sum();
    let mut writers: Vec<_> = usage.members.iter().filter(|member| member.bytes_won > 0).collect();
    writers.sort_by_key(|member| std::cmp::Reverse(member.bytes_won));
    let share = |bytes: u32| f64::from(bytes) * 100.0 / f64::from(total);
    let shares = writers.iter().map(|member| format!("{} {:.0}%", member.member, share(member.bytes_won)));
    if writers.is_empty() { None } else { Some(shares.collect::<Vec<_>>().join(", ")) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use specfuse_proto::v1::{Finished, MemberUsage};

    use super::*;

    #[test]
    fn the_summary_says_who_wrote_how_much_and_how_fast() {
        let member =
            |name: &str, bytes_won| MemberUsage { member: name.to_owned(), bytes_won, ..MemberUsage::default() };
        let usage = Usage {
            completion_tokens: 40,
            rounds: 4,
            members_per_round: 2.75,
            members: vec![member("a", 10), member("b", 30), member("c", 0)],
            ..Usage::default()
        };
        let finished = Finished { reason: FinishReason::Stop.into(), usage: Some(usage), ..Finished::default() };
        let first_segment = Some(Duration::from_millis(120));
        let answer = Answer { text: String::new(), finished, first_segment, total: Duration::from_secs(2) };
        let expected = "4 rounds, 2.8 members per round · b 75%, a 25% · 20.0 tokens/s · first segment after 0.12 s";
        assert_eq!(line(&answer), expected);
    }
}
