//! Where questions come from: a line editor with its history on a terminal, plain lines of standard input elsewhere. A line that ends
//! with a backslash goes on in the next.

use std::io::{self, IsTerminal};

use rustyline::{Config, Editor, error::ReadlineError, history::MemHistory};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, BufReader, Stdin};

use crate::request::LONGEST;

const PROMPT: &str = "> ";
const GOES_ON: &str = ". ";

#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    #[error("cannot read from the terminal")]
    Terminal(#[source] ReadlineError),
    #[error("cannot read questions from standard input")]
    Read(#[source] io::Error),
    #[error("a question on standard input is longer than {LONGEST} bytes")]
    Long,
}

pub(super) enum Said {
    /// Not blank.
    Line(String),
    /// Ctrl-C at the prompt.
    Interrupted,
    End,
}

pub(super) struct Input(Source);

enum Source {
    /// None while it is read from.
    Terminal(Option<Box<Editor<(), MemHistory>>>),
    Lines(BufReader<Stdin>),
}

impl Input {
    pub(super) fn open() -> Result<Self, InputError> {
        Ok(Self(if Self::is_from_terminal() {
            Source::Terminal(None)
        } else {
            Source::Lines(BufReader::new(tokio::io::stdin()))
        }))
    }

    /// Whether a person writes and sees what is written.
    pub(super) fn is_from_terminal() -> bool {
        io::stdin().is_terminal() && io::stdout().is_terminal()
    }

    pub(super) fn is_terminal(&self) -> bool {
        matches!(self.0, Source::Terminal(_))
    }

    pub(super) async fn next(&mut self) -> Result<Said, InputError> {
        loop {
            let said = match &mut self.0 {
                Source::Terminal(editor) => edited(editor).await?,
                Source::Lines(lines) => read(lines).await?,
            };
            match said {
                Said::Line(line) if line.trim().is_empty() => {}
                said @ (Said::Line(_) | Said::Interrupted | Said::End) => return Ok(said),
            }
        }
    }
}

/// A question of one or several lines. The terminal is read on a thread of its own, which waits for keys.
async fn edited(kept: &mut Option<Box<Editor<(), MemHistory>>>) -> Result<Said, InputError> {
    let mut editor = match kept.take() {
        Some(editor) => editor,
        None => {
            let made = Editor::with_history(Config::default(), MemHistory::new());
            Box::new(made.map_err(InputError::Terminal)?)
        }
    };
    let reading = tokio::task::spawn_blocking(move || {
        let said = question(&mut editor);
        (editor, said)
    });
    let (editor, said) = reading.await.map_err(|error| InputError::Read(io::Error::other(error)))?;
    *kept = Some(editor);
    said.map_err(InputError::Terminal)
}

fn question(editor: &mut Editor<(), MemHistory>) -> Result<Said, ReadlineError> {
    let mut text = String::new();
    loop {
        let line = match editor.readline(if text.is_empty() { PROMPT } else { GOES_ON }) {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => return Ok(Said::Interrupted),
            Err(ReadlineError::Eof) if text.is_empty() => return Ok(Said::End),
            Err(ReadlineError::Eof) => String::new(),
            Err(error) => return Err(error),
        };
        if !line.trim().is_empty() {
            // One that is not kept can be typed again.
            let _ = editor.add_history_entry(line.as_str());
        }
        if joined(&mut text, &line) {
            return Ok(Said::Line(text));
        }
    }
}

async fn read(lines: &mut (impl AsyncBufRead + Unpin)) -> Result<Said, InputError> {
    let mut text = String::new();
    loop {
        let mut bytes = Vec::new();
        let most = LONGEST as u64 + 2;
        let count = lines.take(most).read_until(b'\n', &mut bytes).await.map_err(InputError::Read)?;
        if count == 0 {
            return Ok(if text.is_empty() { Said::End } else { Said::Line(text) });
        }
        if count as u64 == most || text.len() > LONGEST {
            return Err(InputError::Long);
        }
        let line = String::from_utf8(bytes).map_err(|error| InputError::Read(io::Error::other(error)))?;
        let line = line.strip_suffix('\n').unwrap_or(&line);
        if joined(&mut text, line.strip_suffix('\r').unwrap_or(line)) {
            return Ok(Said::Line(text));
        }
    }
}

/// Whether that was the last line.
fn joined(text: &mut String, line: &str) -> bool {
    match line.strip_suffix('\\') {
        Some(line) => {
            text.push_str(line);
            text.push('\n');
            false
        }
        None => {
            text.push_str(line);
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(mut text: &[u8]) -> Vec<String> {
        let mut said = Vec::new();
        while let Said::Line(line) = read(&mut text).await.unwrap() {
            said.push(line);
        }
        said
    }

    #[tokio::test]
    async fn every_line_of_a_pipe_is_said_and_a_backslash_joins_two() {
        assert_eq!(all(b"one\r\ntwo\\\nthree\n\nlast").await, ["one", "two\nthree", "", "last"]);
        assert_eq!(all(b"unended\\").await, ["unended\n"]);
    }

    #[tokio::test]
    async fn an_endless_line_is_not_held() {
        let long = vec![b'a'; LONGEST + 2];
        assert!(matches!(read(&mut long.as_slice()).await, Err(InputError::Long)));
        assert!(matches!(read(&mut [0xff_u8, b'\n'].as_slice()).await, Err(InputError::Read(_))));
    }
}
