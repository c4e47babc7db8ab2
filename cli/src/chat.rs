//! `specfuse chat`: question after question, each asked with all that was said before. What goes wrong in one turn is told and leaves
//! the conversation as it was.

mod command;
mod conversation;
mod input;
mod obedience;
mod terminal;
mod turn;

use std::{future, io, pin::pin, process::ExitCode};

use self::{
    conversation::Conversation,
    input::{Input, InputError, Said},
};
use crate::{
    access::{Access, AccessError},
    args::{AccessArgs, LocalArgs, PromptArgs, ViewArgs},
    ask::{self, AskError},
    cluster::{Cluster, Ended},
    interrupt::{Interrupt, Interrupted},
    output,
};

const EXAMPLES: &str = "\
Examples:
  specfuse chat                                          with the bundled models
  specfuse chat --endpoint http://127.0.0.1:7070 --system \"Be brief.\"
  printf 'How much is 2 + 2?\\nAnd twice that?\\n' | specfuse chat --model ~/models/A --model ~/models/B

Without a terminal every line of standard input is a question, or a command such as /reset; the exit code is 1 if one failed.";

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
    #[error("the coordinator ended: {0}")]
    CoordinatorEnded(String),
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
    let (mut cluster, access) = match ask::coordinator(running, &local, &mut interrupt).await? {
        Ok(reached) => reached,
        Err(signal) => return Ok(signal.into()),
    };
    let conversation = Conversation::new(prompt.system.take());
    let mut input = Input::open().await?;
    if input.is_terminal() {
        interrupt.and_hangup().map_err(ChatError::Signals)?;
    }
    let mut chat =
        Chat { access, ensemble, prompt, view, conversation, with_person: input.is_terminal(), failed: false };
    let outcome = chat.converse(&mut input, &mut interrupt, cluster.as_mut()).await;
    input.close().await;
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
    /// Who sees what goes wrong, and may stop one answer alone.
    with_person: bool,
    /// A turn went wrong.
    failed: bool,
}

/// How a turn leaves the chat.
enum After {
    Next,
    End(ExitCode),
}

impl Chat {
    async fn converse(
        &mut self,
        input: &mut Input,
        interrupt: &mut Interrupt,
        mut cluster: Option<&mut Cluster>,
    ) -> Result<ExitCode, ChatError> {
        if self.with_person {
            let members: Vec<_> = cluster.iter().flat_map(|cluster| cluster.workers()).map(|(name, _)| name).collect();
            let with = if members.is_empty() { self.access.url.clone() } else { members.join(", ") };
            output::complain(&format!("with {with}; /help lists the commands, Ctrl-D ends"));
        }
        loop {
            let said = tokio::select! {
                said = said(input, cluster.as_deref_mut()) => said?,
                signal = interrupt.received() => return Ok(signal.into()),
            };
            let line = match said {
                Said::Line(line) => line,
                Said::Wrong(why) => {
                    self.complain(&why);
                    continue;
                }
                Said::Interrupted => {
                    output::complain("Ctrl-D or /quit ends");
                    continue;
                }
                Said::Signalled => return Ok(Interrupted::Interrupt.into()),
                Said::End => return Ok(self.end()),
            };
            let after = match command::parse(&line) {
                Some(command) => Box::pin(self.obey(command, interrupt)).await?,
                None => Box::pin(self.ask(line, interrupt)).await?,
            };
            if let After::End(code) = after {
                return Ok(code);
            }
        }
    }

    /// A script wants to know whether all went well; a person has seen it.
    fn end(&self) -> ExitCode {
        if self.failed && !self.with_person { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }

    /// Ctrl-C stops what a person waits for, and a script as a whole.
    fn stopped(&self, signal: Interrupted, what: &str) -> After {
        if signal == Interrupted::Interrupt && self.with_person {
            output::complain(what);
            return After::Next;
        }
        After::End(signal.into())
    }

    fn complain(&mut self, why: &str) {
        self.failed = true;
        output::complain(&format!("error: {why}"));
    }
}

/// The next line. A worker that ends meanwhile is told; without a coordinator nothing can be asked.
async fn said(input: &mut Input, mut cluster: Option<&mut Cluster>) -> Result<Said, ChatError> {
    let mut next = pin!(input.next());
    loop {
        let ended = async {
            match &mut cluster {
                Some(cluster) => cluster.ended().await,
                None => future::pending().await,
            }
        };
        let Ended { name, status, coordinator } = tokio::select! {
            said = &mut next => return Ok(said?),
            ended = ended => ended,
        };
        let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        if coordinator {
            return Err(ChatError::CoordinatorEnded(how));
        }
        output::complain(&format!("{name} ended: {how}"));
    }
}
