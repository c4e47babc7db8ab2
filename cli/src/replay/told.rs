//! What a recording is of, and whether it follows, for people. All of it came from a file: nothing in it may pass for a line of ours.

use specfuse_core::{
    recording::{Member, Recording},
    replay::Replayed,
};

use crate::text::one_line;

pub(super) fn heading(recording: &Recording) -> String {
    let Recording { ensemble, strategy, asked_at, request_id, .. } = recording;
    let first = format!("{ensemble}, strategy {strategy}, asked at {asked_at}, request {request_id:?}");
    let width = recording.members.iter().map(|member| one_line(&member.name).chars().count()).max().unwrap_or(0);
    let lines = recording.members.iter().map(|it| format!("  {:width$}  {}\n", one_line(&it.name), model(it)));
    one_line(&first) + "\n" + &lines.collect::<String>()
}

fn model(member: &Member) -> String {
    let known = match member.fingerprints.as_slice() {
        [] => "fingerprint unknown".to_owned(),
        [one] => format!("fingerprint {one}"),
        several => format!("fingerprints {}", several.join(", ")),
    };
    let named = if member.model == member.name { String::new() } else { format!("model {}, ", member.model) };
    one_line(&format!("{named}{known}"))
}

pub(super) fn outcome(replayed: &Replayed, recording: &Recording) -> String {
    match replayed {
        Replayed::Follows { rounds } | Replayed::FollowsToItsEnd { rounds, .. } => {
            let ending = match &recording.ending {
                None if let Replayed::FollowsToItsEnd { ending, .. } = replayed => {
                    format!(", to the answer's end ({ending}), before which the client left")
                }
                None => "; the client left before its end".to_owned(),
                Some(ending) => match &ending.error {
                    Some(error) => format!("; it failed: {}", one_line(error)),
                    None => format!(", and the ending ({})", one_line(&ending.reason)),
                },
            };
            let rounds =
                if *rounds == 1 { "the round follows".to_owned() } else { format!("all {rounds} rounds follow") };
            format!("{rounds}{ending}\n")
        }
        Replayed::Differs(difference) => format!(
            "round {}: {} does not follow\n  recorded       {}\n  decided again  {}\n",
            difference.round,
            difference.what,
            one_line(&difference.recorded),
            one_line(&difference.decided_again),
        ),
    }
}

#[cfg(test)]
mod tests {
    use specfuse_core::replay::Difference;

    use super::*;

    fn recording() -> Recording {
        Recording {
            version: 1,
            request_id: String::new(),
            asked_at: String::new(),
            ensemble: String::new(),
            strategy: String::new(),
            question: specfuse_core::recording::Question {
                prompt: specfuse_core::recording::Prompt::Raw(String::new()),
                max_tokens: 1,
                stop: vec![],
                sampling: specfuse_core::recording::Sampling {
                    temperature: 0.0,
                    top_p: None,
                    top_k: 0,
                    min_p: 0.0,
                    seed: 0,
                    repetition_penalty: None,
                    presence_penalty: 0.0,
                    frequency_penalty: 0.0,
                },
            },
            members: vec![],
            stages: vec![],
            rounds: vec![],
            ending: None,
        }
    }

    #[test]
    fn a_model_is_known_by_its_fingerprints() {
        let member = |model: &str, fingerprints: &[&str]| Member {
            name: "a".to_owned(),
            model: model.to_owned(),
            fingerprints: fingerprints.iter().map(ToString::to_string).collect(),
        };
        assert_eq!(model(&member("a", &[])), "fingerprint unknown");
        assert_eq!(model(&member("b", &["1f"])), "model b, fingerprint 1f");
        assert_eq!(model(&member("a", &["1f", "\u{1b}2"])), "fingerprints 1f, \\u{1b}2");
    }

    #[test]
    fn a_difference_is_shown_in_full() {
        let difference = Difference {
            round: 3,
            what: "winner",
            recorded: "Some(\"a\")".to_owned(),
            decided_again: "Some(\"b\u{7}\")".to_owned(),
        };
        let recording = recording();
        let shown = outcome(&Replayed::Differs(difference), &recording);
        let lines =
            ["round 3: winner does not follow", "  recorded       Some(\"a\")", "  decided again  Some(\"b\\u{7}\")"];
        assert_eq!(shown.lines().collect::<Vec<_>>(), lines);
        assert_eq!(
            outcome(&Replayed::Follows { rounds: 2 }, &recording),
            "all 2 rounds follow; the client left before its end\n"
        );
    }

    #[test]
    fn a_name_does_not_pass_for_the_verdict() {
        let member =
            Member { name: "a\nall 9 rounds follow".to_owned(), model: "b\nc".to_owned(), fingerprints: vec![] };
        let told = heading(&Recording { members: vec![member], strategy: "fuse\nx".to_owned(), ..recording() });
        assert_eq!(told.lines().count(), 2, "{told}");
        assert!(told.lines().all(|line| !line.starts_with("all 9")), "{told}");
    }
}
