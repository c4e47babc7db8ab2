//! `specfuse chat`: question after question, each asked with all that was said before. What goes wrong in one turn is told and leaves
//! the conversation as it was.

mod command;
mod conversation;
mod input;
mod offered;

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use specfuse_proto::v1::{Conversation as Messages, GenerateRequest, generate_request::Prompt};

use self::{
    command::Command,
    conversation::Conversation,
    input::{Input, InputError, Said},
};
use crate::{
    access::{Access, AccessError},
    args::{AccessArgs, LocalArgs, PromptArgs, ViewArgs},
    ask::{self, AskError},
    cluster::Cluster,
    interrupt::{Interrupt, Interrupted},
    output, request,
    stream::{self, StreamError},
    summary,
    view::View,
};

const EXAMPLES: &str = "\
Examples:
  specfuse chat                                          with the bundled models
  specfuse chat --endpoint http://127.0.0.1:7070 --system \"Be brief.\"
  printf 'How much is 2 + 2?\\nAnd twice that?\\n' | specfuse chat --model ~/models/A --model ~/models/B

Without a terminal every line of standard input is a question, or a command such as /reset; the exit code is 1 if one failed.";

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

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, mut_arg("raw", |raw| raw.hide(true)))]
pub(crate) struct ChatArgs {
    /// Ask a running coordinator, such as http://127.0.0.1:7070, instead of starting a cluster.
    #[arg(long, value_name = "URL", conflicts_with_all = ["model", "settings", "segment_tokens"])]
    endpoint: Option<String>,
    #[command(flatten)]
    access: AccessArgs,
    /// Ensemble that answers; default: the coordinator's only one, or the one named "default".
    #[arg(long, value_name = "NAME")]
    ensemble: Option<String>,
    #[command(flatten)]
    prompt: PromptArgs,
    #[command(flatten)]
    view: ViewArgs,
    #[command(flatten)]
    local: LocalArgs,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ChatError {
    #[error("--raw continues a text that is no conversation: it is for `specfuse ask`")]
    Raw,
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Start(#[from] AskError),
    #[error(transparent)]
    Input(#[from] InputError),
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
}

pub(crate) async fn run(args: ChatArgs) -> Result<ExitCode, ChatError> {
    let ChatArgs { endpoint, access, ensemble, mut prompt, view, local } = args;
    if prompt.raw {
        return Err(ChatError::Raw);
    }
    let running = endpoint.map(|url| Access::given(url, access)).transpose()?;
    let mut interrupt = Interrupt::listen().map_err(ChatError::Signals)?;
    let (cluster, access) = match running {
        Some(access) => (None, access),
        None => tokio::select! {
            cluster = Box::pin(ask::start(&local)) => {
                let cluster = cluster?;
                let access = Access::local(cluster.endpoint())?;
                (Some(cluster), access)
            }
            signal = interrupt.received() => return Ok(signal.into()),
        },
    };
    let conversation = Conversation::new(prompt.system.take());
    let chat = Chat { access, ensemble, prompt, view, conversation, failed: false };
    let outcome = converse(chat, interrupt, cluster.as_ref()).await;
    if let Some(cluster) = cluster {
        cluster.stop().await;
    }
    outcome
}

struct Chat {
    access: Access,
    ensemble: Option<String>,
    prompt: PromptArgs,
    view: ViewArgs,
    conversation: Conversation,
    /// A turn went wrong.
    failed: bool,
}

/// How a turn leaves the chat.
enum After {
    Next,
    End(ExitCode),
}

async fn converse(mut chat: Chat, mut interrupt: Interrupt, cluster: Option<&Cluster>) -> Result<ExitCode, ChatError> {
    let mut input = Input::open()?;
    if input.is_terminal() {
        let members: Vec<_> = cluster.iter().flat_map(|cluster| cluster.workers()).map(|(name, _)| name).collect();
        let with = if members.is_empty() { chat.access.url.clone() } else { members.join(", ") };
        output::complain(&format!("with {with}; /help lists the commands, Ctrl-D ends"));
    }
    loop {
        let said = tokio::select! {
            said = input.next() => said?,
            signal = interrupt.received() => return Ok(signal.into()),
        };
        let line = match said {
            Said::Line(line) => line,
            Said::Interrupted => {
                output::complain("Ctrl-D or /quit ends");
                continue;
            }
            // A script wants to know; a person has seen it.
            Said::End if chat.failed && !input.is_terminal() => return Ok(ExitCode::FAILURE),
            Said::End => return Ok(ExitCode::SUCCESS),
        };
        let after = match command::parse(&line) {
            Some(command) => Box::pin(chat.obey(command)).await?,
            None => Box::pin(chat.ask(line, &mut interrupt)).await?,
        };
        if let After::End(code) = after {
            return Ok(code);
        }
    }
}

impl Chat {
    async fn ask(&mut self, question: String, interrupt: &mut Interrupt) -> Result<After, ChatError> {
        let question = command::question(question);
        if question.len() > request::LONGEST {
            self.complain(&format!("the question is longer than {} bytes", request::LONGEST));
            return Ok(After::Next);
        }
        let left_out = self.conversation.make_room();
        if left_out > 0 {
            output::complain(&format!(
                "the oldest {left_out} messages are forgotten: a coordinator takes {} at a time",
                conversation::MOST
            ));
        }
        let request = self.request(&question);
        let mut view = View::choose(&self.view);
        let outcome = tokio::select! {
            answer = Box::pin(stream::answer(&self.access, request, &mut view, None)) => Ok(answer),
            signal = interrupt.received() => Err(signal),
        };
        match outcome {
            Ok(Ok(answer)) => {
                output::complain(&summary::line(&answer));
                self.conversation.add(question, answer.text);
            }
            // Whoever read the answers has read enough.
            Ok(Err(StreamError::Output(error))) if error.kind() == io::ErrorKind::BrokenPipe => {
                return Ok(After::End(ExitCode::SUCCESS));
            }
            Ok(Err(StreamError::Output(error))) => return Err(ChatError::Output(error)),
            Ok(Err(error)) => self.complain(&error.to_string()),
            Err(signal) => {
                // Whether the reader is still there shows at the next answer.
                let _ = output::write(&view.broken_off());
                if signal == Interrupted::Terminate {
                    return Ok(After::End(signal.into()));
                }
                output::complain("stopped: neither the question nor its answer is kept");
            }
        }
        Ok(After::Next)
    }

    fn request(&self, question: &str) -> GenerateRequest {
        let request = request::build(self.ensemble.clone(), String::new(), self.prompt.clone());
        let messages = self.conversation.asked(question);
        GenerateRequest { prompt: Some(Prompt::Conversation(Messages { messages })), ..request }
    }

    async fn obey(&mut self, command: Command) -> Result<After, ChatError> {
        match command {
            Command::Help => self.tell(HELP)?,
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
            Command::Strategy(name) => self.strategy(name).await?,
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
            Command::Quit => {
                let is_failure = self.failed && !Input::is_from_terminal();
                return Ok(After::End(if is_failure { ExitCode::FAILURE } else { ExitCode::SUCCESS }));
            }
        }
        Ok(After::Next)
    }

    /// Which there are, or the one that answers from now on.
    async fn strategy(&mut self, name: Option<String>) -> Result<(), ChatError> {
        let offered = match offered::strategies(&self.access, self.ensemble.as_deref()).await {
            Ok(offered) => offered,
            Err(error) => {
                self.complain(&error.to_string());
                return Ok(());
            }
        };
        let known = offered.names.join(", ");
        match name {
            None => {
                let now = self.prompt.strategy.as_deref().unwrap_or(&offered.own);
                self.tell(&format!("{now}; there are: {known}"))?;
            }
            Some(name) if offered.names.contains(&name) => self.prompt.strategy = Some(name),
            Some(name) => self.complain(&format!("no strategy is named {name:?}; there are: {known}")),
        }
        Ok(())
    }

    /// How many.
    fn save(&self, file: &Path) -> io::Result<usize> {
        let messages = self.conversation.object();
        fs::write(PathBuf::from(file), format!("{messages:#}\n"))?;
        Ok(messages.as_array().map_or(0, Vec::len))
    }

    /// What was asked for; with --json nothing but events is on standard output.
    fn tell(&self, text: &str) -> Result<(), ChatError> {
        if self.view.json {
            text.lines().for_each(output::complain);
            return Ok(());
        }
        match output::write(&format!("{}\n", crate::text::harmless(text))) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(ChatError::Output(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn complain(&mut self, why: &str) {
        self.failed = true;
        output::complain(&format!("error: {why}"));
    }
}
