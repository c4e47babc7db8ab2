//! What a line of a chat means, if it is no question.

use std::{env, path::PathBuf};

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Help,
    Reset,
    /// None: without one.
    System(Option<String>),
    /// None: which there are.
    Strategy(Option<String>),
    Trace(bool),
    Undo,
    Save(PathBuf),
    Quit,
    /// Why it is none of these.
    Wrong(String),
}

/// None: it is a question.
pub(super) fn parse(line: &str) -> Option<Command> {
    let text = line.trim().strip_prefix('/').filter(|text| !text.starts_with('/'))?;
    let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    let given = (!rest.is_empty()).then(|| rest.to_owned());
    let command = match (name, given) {
        ("help", None) => Command::Help,
        ("reset", None) => Command::Reset,
        ("system", given) => Command::System(given),
        ("strategy", given) => Command::Strategy(given),
        ("trace", Some(switch)) if switch == "on" => Command::Trace(true),
        ("trace", Some(switch)) if switch == "off" => Command::Trace(false),
        ("trace", _) => Command::Wrong("/trace on, or /trace off".to_owned()),
        ("undo", None) => Command::Undo,
        ("save", Some(file)) => Command::Save(at_home(file)),
        ("save", None) => Command::Wrong("/save needs the name of a file".to_owned()),
        ("quit", None) => Command::Quit,
        ("help" | "reset" | "undo" | "quit", Some(_)) => Command::Wrong(format!("/{name} takes nothing")),
        _ => Command::Wrong(format!("there is no command /{name}; /help lists them, // begins a question with /")),
    };
    Some(command)
}

/// No shell reads the line: "~/" is the folder that it would be.
fn at_home(file: String) -> PathBuf {
    match file.strip_prefix("~/").zip(env::home_dir()) {
        Some((rest, home)) => home.join(rest),
        None => file.into(),
    }
}

/// A question as it is meant: one that begins with "//" begins with "/".
pub(super) fn question(line: String) -> String {
    match line.trim_start().strip_prefix("//") {
        Some(rest) => format!("/{rest}"),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_begin_with_a_slash_are_commands() {
        assert_eq!(parse("why?"), None);
        assert_eq!(parse(" /undo "), Some(Command::Undo));
        assert_eq!(parse("/system  Be brief. "), Some(Command::System(Some("Be brief.".to_owned()))));
        assert_eq!(parse("/system"), Some(Command::System(None)));
        assert_eq!(parse("/trace off"), Some(Command::Trace(false)));
        assert_eq!(parse("/save a b.json"), Some(Command::Save("a b.json".into())));
        assert_eq!(parse("/quit"), Some(Command::Quit));
        let home = env::home_dir().unwrap();
        assert_eq!(parse("/save ~/b.json"), Some(Command::Save(home.join("b.json"))));
    }

    #[test]
    fn what_is_no_command_is_told_and_not_asked() {
        for line in ["/", "/nonsense", "/trace", "/trace maybe", "/save", "/reset all"] {
            assert!(matches!(parse(line), Some(Command::Wrong(_))), "{line}");
        }
    }

    #[test]
    fn a_question_may_begin_with_a_slash() {
        assert_eq!(parse("//etc/passwd?"), None);
        assert_eq!(question("//etc/passwd?".to_owned()), "/etc/passwd?");
        assert_eq!(question("why?".to_owned()), "why?");
    }
}
