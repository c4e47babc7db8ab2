//! `specfuse replay`: why an answer is what it is. Every decision of a recording is taken again, and on request under another policy.
//!
//! - `told`: what came of it, for people; `alternative`: the table of another policy

mod alternative;
mod told;

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use serde_json::json;
use specfuse_coordinator::config::{self, ConfigError};
use specfuse_core::{
    policy::Policy,
    recording::{Recording, VERSION, Versioned},
    replay::{self, Alternative, Contradiction, NoAlternative, Replayed},
};

use crate::{args::ReplayArgs, output};

/// Bytes of a recording: more than a coordinator keeps.
const LARGEST: u64 = 256 << 20;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplayError {
    #[error("{}: cannot be read", file.display())]
    Read { file: PathBuf, source: io::Error },
    #[error("{}: is larger than {LARGEST} bytes", .0.display())]
    Large(PathBuf),
    #[error("{}: is no recording", file.display())]
    Form { file: PathBuf, source: serde_json::Error },
    #[error("{}: it is of version {version}; this program reads version {VERSION}", file.display())]
    Version { file: PathBuf, version: u32 },
    #[error("{}: contradicts itself", file.display())]
    Contradiction { file: PathBuf, source: Contradiction },
    #[error(transparent)]
    Policy(#[from] ConfigError),
    #[error(transparent)]
    NoAlternative(#[from] NoAlternative),
    #[error("cannot write to standard output")]
    Output(#[from] io::Error),
}

/// Exit code 1: a decision does not follow.
pub(crate) fn run(args: ReplayArgs) -> Result<ExitCode, ReplayError> {
    let ReplayArgs { file, policy, json } = args;
    let text = read(&file)?;
    let recording = recording(&text, &file)?;
    let policy = policy.map(|policy| other(&policy, &recording)).transpose()?;
    let replayed = replay::check(&recording).map_err(|source| ReplayError::Contradiction { file, source })?;
    let follows = replayed.follows();
    let alternative = match policy {
        Some(policy) if follows => Some(replay::what_if(&recording, &policy)?),
        Some(_) | None => None,
    };
    let shown = if json {
        in_json(&recording, &replayed, alternative.as_ref())
    } else {
        let table = alternative.as_ref().map(alternative::table).unwrap_or_default();
        told::heading(&recording) + &told::outcome(&replayed, &recording) + &table
    };
    output::tell(&shown)?;
    Ok(if follows { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(file: &Path) -> Result<String, ReplayError> {
    let mut text = String::new();
    let read = File::open(file).and_then(|open| open.take(LARGEST + 1).read_to_string(&mut text));
    match read {
        Ok(bytes) if bytes as u64 > LARGEST => Err(ReplayError::Large(file.to_owned())),
        Ok(_) => Ok(text),
        Err(source) => Err(ReplayError::Read { file: file.to_owned(), source }),
    }
}

/// Of another version than this program reads: that is said first.
fn recording(text: &str, file: &Path) -> Result<Recording, ReplayError> {
    let form = |source| ReplayError::Form { file: file.to_owned(), source };
    let Versioned { version } = serde_json::from_str(text).map_err(form)?;
    if version != VERSION {
        return Err(ReplayError::Version { file: file.to_owned(), version });
    }
    serde_json::from_str(text).map_err(form)
}

fn other(file: &Path, recording: &Recording) -> Result<Policy, ReplayError> {
    let text = read(file)?;
    let members: Vec<Arc<str>> = recording.members.iter().map(|member| member.name.as_str().into()).collect();
    let (policy, others) = config::policy(&text, file, &members)?;
    if !others.is_empty() {
        output::complain(&format!("{}: not of a policy, and left out: {}", file.display(), others.join(", ")));
    }
    Ok(policy)
}

fn in_json(recording: &Recording, replayed: &Replayed, alternative: Option<&Alternative>) -> String {
    let told = json!({
        "request_id": recording.request_id,
        "members": recording.members,
        "replay": replayed,
        "alternative": alternative.map(|alternative| json!({
            "rounds": alternative.rounds,
            "decided": alternative.decided(),
            "agreeing": alternative.agreeing(),
            "first_different": alternative.first_different(),
        })),
    });
    format!("{told}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_another_version_that_is_said_and_not_what_else_is_new_in_it() {
        let read = |text: &str| recording(text, Path::new("r.json")).unwrap_err().to_string();
        let newer = read("{\"version\": 2, \"colour\": 1}");
        assert_eq!(newer, "r.json: it is of version 2; this program reads version 1");
        assert_eq!(read("{\"version\": 1}"), "r.json: is no recording");
        assert_eq!(read("{}"), "r.json: is no recording");
    }
}
