//! Where questions come from: a line editor with its history on a terminal, plain lines of standard input elsewhere. A line that ends
//! with a backslash goes on in the next.

use std::io::{self, IsTerminal};

use rustyline::error::ReadlineError;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, BufReader, Stdin};

use super::terminal::Terminal;
use crate::request::LONGEST;

#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    #[error("cannot read from the terminal")]
    Terminal(#[source] ReadlineError),
    #[error("cannot read questions from standard input")]
    Read(#[source] io::Error),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Not blank.
    Line(String),
    /// Why a line is no question.
    Wrong(String),
    /// Ctrl-C at the prompt.
    Interrupted,
    /// The same from elsewhere.
    Signalled,
    End,
}

pub(super) struct Input(Source);

enum Source {
    Terminal(Box<Terminal>),
    Lines(BufReader<Stdin>),
}

impl Input {
    pub(super) async fn open() -> Result<Self, InputError> {
        Ok(Self(if Self::is_from_terminal() {
            Source::Terminal(Box::new(Terminal::open().await?))
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
                Source::Terminal(terminal) => terminal.next().await?,
                Source::Lines(lines) => read(lines).await?,
            };
            match said {
                Said::Line(line) if line.trim().is_empty() => {}
                said @ (Said::Line(_) | Said::Wrong(_) | Said::Interrupted | Said::Signalled | Said::End) => {
                    return Ok(said);
                }
            }
        }
    }

    /// However the chat ends.
    pub(super) async fn close(self) {
        match self.0 {
            Source::Terminal(terminal) => terminal.close().await,
            Source::Lines(_) => {}
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
            if bytes.last() != Some(&b'\n') {
                skip_line(lines).await?;
            }
            return Ok(Said::Wrong(format!("a question is longer than {LONGEST} bytes")));
        }
        let Ok(line) = String::from_utf8(bytes) else {
            return Ok(Said::Wrong("a line is not UTF-8".to_owned()));
        };
        let line = line.strip_suffix('\n').unwrap_or(&line);
        if joined(&mut text, line.strip_suffix('\r').unwrap_or(line)) {
            return Ok(Said::Line(text));
        }
    }
}

/// The rest of a line, of which nothing is held.
async fn skip_line(lines: &mut (impl AsyncBufRead + Unpin)) -> Result<(), InputError> {
    loop {
        let held = lines.fill_buf().await.map_err(InputError::Read)?;
        let end = held.iter().position(|byte| *byte == b'\n');
        let (skipped, is_over) = (end.map_or(held.len(), |at| at + 1), end.is_some() || held.is_empty());
        lines.consume(skipped);
        if is_over {
            return Ok(());
        }
    }
}

/// Whether that was the last line.
pub(super) fn joined(text: &mut String, line: &str) -> bool {
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
    async fn a_line_that_is_no_question_is_told_and_the_next_is_read() {
        let long = [vec![b'a'; 3 * LONGEST], b"\nnext\n".to_vec()].concat();
        for text in [long.as_slice(), b"\xff\nnext\n"] {
            let mut lines = text;
            assert!(matches!(read(&mut lines).await, Ok(Said::Wrong(_))));
            assert_eq!(read(&mut lines).await.unwrap(), Said::Line("next".to_owned()));
        }
    }
}
