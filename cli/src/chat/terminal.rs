//! The line editor of a terminal. It reads on a thread of its own, which nobody can call back while it waits for a key: what the
//! editor changed of the terminal is put back here, however the chat ends.

use std::{io, process::Stdio, time::Duration};

use rustyline::{
    Config, Editor, ExternalPrinter,
    error::{ReadlineError, Signal},
    history::MemHistory,
};
use tokio::process::Command;

use super::input::{InputError, Said, joined};
use crate::output;

const PROMPT: &str = "> ";
const GOES_ON: &str = ". ";
/// Pasted text is not bracketed any more.
const PASTE_AS_IT_IS: &str = "\x1b[?2004l\n";
/// Of the system's own program for a terminal's settings.
const SETTINGS_DEADLINE: Duration = Duration::from_secs(5);

type Lines = Editor<(), MemHistory>;

pub(super) struct Terminal {
    /// None while it is read from.
    editor: Option<Box<Lines>>,
    /// While there is one, the editor waits for signals as well as for keys.
    _printer: Box<dyn ExternalPrinter + Send>,
    /// Before the editor changed them, as `stty` tells and takes them. None: it did not tell.
    settings: Option<String>,
}

impl Terminal {
    pub(super) async fn open() -> Result<Self, InputError> {
        let settings = stty("-g").await.map(|told| told.trim().to_owned()).filter(|told| !told.is_empty());
        let made = Editor::with_history(Config::default(), MemHistory::new());
        let mut editor: Box<Lines> = Box::new(made.map_err(InputError::Terminal)?);
        let printer = Box::new(editor.create_external_printer().map_err(InputError::Terminal)?);
        Ok(Self { editor: Some(editor), _printer: printer, settings })
    }

    /// A question of one or several lines. Dropped before its end, it can only be closed.
    pub(super) async fn next(&mut self) -> Result<Said, InputError> {
        let Some(mut editor) = self.editor.take() else { return Ok(Said::End) };
        let reading = tokio::task::spawn_blocking(move || {
            let said = question(&mut editor);
            (editor, said)
        });
        let (editor, said) = reading.await.map_err(|error| InputError::Read(io::Error::other(error)))?;
        self.editor = Some(editor);
        said.map_err(InputError::Terminal)
    }

    /// Leaves the terminal as it was.
    pub(super) async fn close(self) {
        if self.editor.is_some() {
            return;
        }
        if let Some(settings) = self.settings {
            stty(&settings).await;
        }
        // A terminal that is gone needs nothing.
        let _ = output::write(PASTE_AS_IT_IS);
    }
}

/// What it says. None: it failed.
async fn stty(argument: &str) -> Option<String> {
    let mut command = Command::new("stty");
    command.arg(argument).stdin(Stdio::inherit()).stderr(Stdio::null()).kill_on_drop(true);
    let ran = tokio::time::timeout(SETTINGS_DEADLINE, command.output()).await.ok()?.ok()?;
    ran.status.success().then(|| String::from_utf8_lossy(&ran.stdout).into_owned())
}

fn question(editor: &mut Lines) -> Result<Said, ReadlineError> {
    let mut text = String::new();
    loop {
        let line = match editor.readline(if text.is_empty() { PROMPT } else { GOES_ON }) {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => return Ok(Said::Interrupted),
            Err(ReadlineError::Signal(Signal::Interrupt)) => return Ok(Said::Signalled),
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
