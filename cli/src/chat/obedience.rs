//! What the commands of a chat do.

use std::{io, path::Path, process::ExitCode};

use super::{After, Chat, ChatError, command::Command};
use crate::{
    ensembles,
    interrupt::Interrupt,
    output,
    place::{Place, PlaceError},
    text,
};

const HELP: &str = "\
/help            this
/reset           forget all that was said, but for the system message
/system TEXT     put this before all that is said; without TEXT nothing
/strategy NAME   answer in this way from now on; without NAME: which there are
/trace on|off    show every round, or only the answer
/undo            forget the last question and its answer
/save FILE       write the messages to a file, as JSON
/quit            end; so does Ctrl-D
A line that ends with \\ goes on in the next; one that begins with // is a question that begins with /. Ctrl-C stops an answer.";

impl Chat {
    pub(super) async fn obey(&mut self, command: Command, interrupt: &mut Interrupt) -> Result<After, ChatError> {
        match command {
            Command::Help => return self.tell(HELP),
            Command::Reset => {
                let forgotten = self.conversation.reset();
                output::complain(&format!("{forgotten} messages are forgotten"));
            }
            Command::System(text) => {
                let said =
                    if text.is_some() { "the system message is another one" } else { "there is no system message" };
                self.conversation.system = text;
                output::complain(said);
            }
            Command::Strategy(name) => {
                let outcome = tokio::select! {
                    outcome = Box::pin(self.strategy(name)) => Ok(outcome),
                    signal = interrupt.received() => Err(signal),
                };
                return outcome.unwrap_or_else(|signal| Ok(self.stopped(signal, "stopped: the strategy is as it was")));
            }
            Command::Trace(_) if self.view.json => self.complain("with --json every round is shown already"),
            Command::Trace(on) => self.view.trace = on,
            Command::Undo => match self.conversation.undo() {
                Some(question) => output::complain(&format!("forgotten: {question}")),
                None => self.complain("there is nothing to forget"),
            },
            Command::Save(file) => match self.save(&file) {
                Ok(messages) => output::complain(&format!("{messages} messages are in {}", file.display())),
                Err(error) => self.complain(&format!("cannot write {}: {error}", file.display())),
            },
            Command::Wrong(why) => self.complain(&why),
            Command::Quit => return Ok(After::End(self.end())),
        }
        Ok(After::Next)
    }

    /// Which there are, or the one that answers from now on.
    async fn strategy(&mut self, name: Option<String>) -> Result<After, ChatError> {
        let ensemble = match ensembles::ensemble(&self.access, self.ensemble.as_deref()).await {
            Ok(ensemble) => ensemble,
            Err(error) => {
                self.complain(&error.to_string());
                return Ok(After::Next);
            }
        };
        let names: Vec<String> = ensemble.strategies.into_iter().map(|strategy| strategy.name).collect();
        let known = names.join(", ");
        match name {
            None => {
                let now = self.prompt.strategy.as_deref().unwrap_or(&ensemble.default_strategy);
                return self.tell(&format!("{now}; there are: {known}"));
            }
            Some(name) if names.contains(&name) => self.prompt.strategy = Some(name),
            Some(name) => self.complain(&format!("no strategy is named {name:?}; there are: {known}")),
        }
        Ok(After::Next)
    }

    /// How many.
    fn save(&self, file: &Path) -> Result<usize, PlaceError> {
        let messages = self.conversation.object();
        Place::take(file)?.write(&format!("{messages:#}\n"))?;
        Ok(messages.as_array().map_or(0, Vec::len))
    }

    /// What was asked for; with --json nothing but events is on standard output.
    fn tell(&self, text: &str) -> Result<After, ChatError> {
        if self.view.json {
            text.lines().for_each(output::complain);
            return Ok(After::Next);
        }
        match output::write(&format!("{}\n", text::harmless(text))) {
            // Whoever read the answers has read enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(After::End(ExitCode::SUCCESS)),
            Err(error) => Err(ChatError::Output(error)),
            Ok(()) => Ok(After::Next),
        }
    }
}
