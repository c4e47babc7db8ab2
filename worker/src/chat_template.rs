//! A model's chat template: messages to the one string that the model was trained to read, rendered as transformers does.
//!
//! The template comes with a checkpoint. It never sees a file, the environment or anything but the messages and the special tokens;
//! instructions, text and lists that it makes cost fuel, and what it writes is bounded. One thing costs none: a value that holds the
//! same value twice, some dozens of times over, is small to make and endless to compare or to write into a string. So a rendering
//! also has a deadline. It cannot be stopped, only left behind, and after a few of those the template renders no more.

mod json;
mod python;
mod source;

use std::{
    fmt::Write as _,
    io,
    path::Path,
    sync::{
        Mutex, PoisonError,
        mpsc::{RecvTimeoutError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::{
    contained::{Panicked, contained},
    gguf::Gguf,
};
use minijinja::{Environment, Error, ErrorKind, Value, context, syntax::SyntaxConfig, value::merge_maps};

pub use source::TemplateLoadError;

/// Bytes of a rendered conversation.
pub const MAX_RENDERED: usize = 4 << 20;

/// Fuel of a rendering: an instruction, or 64 bytes of text made, takes one unit. More for a longer conversation, up to a limit.
const BASE_FUEL: usize = 400_000;
const FUEL_PER_MESSAGE: usize = 300;
const CONTENT_BYTES_PER_FUEL: usize = 8;
const MAX_FUEL: usize = 1_000_000;

/// Nested template calls (a macro counts four).
const MAX_RECURSION: usize = 120;

/// The deepest value that [`MAX_FUEL`] can nest, or the deepest expression that a template file can, needs some 90 MiB to be
/// walked. Pages that are not touched cost nothing.
const STACK_BYTES: usize = 128 << 20;

/// Far more than any rendering needs whose work costs fuel, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(15);
/// Renderings of one template that were left behind and have not ended.
const MAX_ABANDONED: usize = 2;

const NAME: &str = "chat_template";
const CLOCK: &str = "strftime_now";

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Message {
    pub role: Role,
    pub content: String,
}

/// Who speaks. Which roles it takes, and in which order, is the template's to decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    System,
    User,
    Assistant,
}

/// A compiled chat template.
#[derive(Debug)]
pub struct ChatTemplate {
    environment: Environment<'static>,
    special_tokens: Value,
    abandoned: Mutex<Vec<JoinHandle<()>>>,
}

/// Why a conversation has no rendering.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The template's own words (`raise_exception`).
    #[error("the model's chat template refuses these messages: {0}")]
    Refused(String),
    #[error("the model's chat template failed on these messages")]
    Failed(#[source] Error),
    #[error("the rendered messages are longer than {MAX_RENDERED} bytes")]
    TooLong,
    #[error("the model's chat template came to no end on these messages")]
    TooSlow,
    #[error("the model's chat template has come to no end too often")]
    Abandoned,
    #[error("the template engine failed")]
    Panicked(#[source] Panicked),
    #[error("no thread to render the messages on")]
    NoThread(#[source] io::Error),
}

impl Role {
    pub const ALL: [Self; 3] = [Self::System, Self::User, Self::Assistant];

    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

impl ChatTemplate {
    /// Loads the template of a checkpoint folder. None: the model has none, and takes raw prompts only.
    pub fn load(folder: &Path) -> Result<Option<Self>, TemplateLoadError> {
        source::find(folder)?.map(Self::compiled).transpose()
    }

    /// The same of a GGUF file.
    pub fn from_gguf(file: &Gguf) -> Result<Option<Self>, TemplateLoadError> {
        source::find_in_gguf(file)?.map(Self::compiled).transpose()
    }

    /// A template that lies in no file.
    pub fn from_source(template: &str) -> Result<Self, TemplateLoadError> {
        let (path, template) = (std::path::PathBuf::new(), template.to_owned());
        Self::compiled(source::Found { path, template, special_tokens: Default::default() })
    }

    fn compiled(found: source::Found) -> Result<Self, TemplateLoadError> {
        let template = source::without_generation_blocks(&found.template);
        let environment = on_a_deep_stack(|| compile(template))
            .map_err(TemplateLoadError::NoThread)?
            .map_err(|source| TemplateLoadError::Broken { path: found.path, source })?;
        let special_tokens = Value::from(found.special_tokens);
        Ok(Self { environment, special_tokens, abandoned: Mutex::default() })
    }

    /// The same messages may be rendered differently at another time.
    pub fn reads_clock(&self) -> bool {
        self.environment.get_template(NAME).is_ok_and(|template| template.source().contains(CLOCK))
    }

    /// The prompt for `messages`, with the generation prompt added.
    pub fn render(&self, messages: &[Message]) -> Result<String, RenderError> {
        self.render_within(messages, PATIENCE)
    }

    /// The same without the generation prompt: a conversation that nobody is about to continue.
    pub fn render_closed(&self, messages: &[Message]) -> Result<String, RenderError> {
        self.render_variables(messages, false, PATIENCE)
    }

    fn render_within(&self, messages: &[Message], patience: Duration) -> Result<String, RenderError> {
        self.render_variables(messages, true, patience)
    }

    fn render_variables(
        &self,
        messages: &[Message],
        prompted: bool,
        patience: Duration,
    ) -> Result<String, RenderError> {
        let bytes: usize = messages.iter().map(|message| message.content.len()).sum();
        if bytes > MAX_RENDERED {
            return Err(RenderError::TooLong);
        }
        {
            let mut abandoned = self.abandoned.lock().unwrap_or_else(PoisonError::into_inner);
            abandoned.retain(|rendering| !rendering.is_finished());
            if abandoned.len() >= MAX_ABANDONED {
                return Err(RenderError::Abandoned);
            }
        }
        let fuel = BASE_FUEL + messages.len() * FUEL_PER_MESSAGE + bytes / CONTENT_BYTES_PER_FUEL;
        let mut environment = self.environment.clone();
        environment.set_fuel(Some(fuel.min(MAX_FUEL) as u64));
        let variables = self.variables(messages, prompted);
        let (sender, rendered) = sync_channel(1);
        let work = move || {
            // Nobody hears it who has lost patience.
            _ = sender.send(contained(|| render(&environment, variables)));
        };
        let thread = deep_thread().spawn(work).map_err(RenderError::NoThread)?;
        match rendered.recv_timeout(patience) {
            Ok(rendered) => rendered.map_err(RenderError::Panicked)?,
            Err(RecvTimeoutError::Disconnected) => Err(RenderError::Panicked(Panicked)),
            Err(RecvTimeoutError::Timeout) => {
                self.abandoned.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
                Err(RenderError::TooSlow)
            }
        }
    }

    fn variables(&self, messages: &[Message], prompted: bool) -> Value {
        let messages: Value = messages
            .iter()
            .map(|message| context! { role => message.role.name(), content => message.content.as_str() })
            .collect();
        let given = context! { messages, add_generation_prompt => prompted, tools => (), documents => () };
        merge_maps([given, self.special_tokens.clone()])
    }
}

fn render(environment: &Environment<'_>, variables: Value) -> Result<String, RenderError> {
    let mut sink = Sink { bytes: Vec::new(), overflowed: false };
    let rendered =
        environment.get_template(NAME).and_then(|template| template.render_captured_to(variables, &mut sink).map(drop));
    match rendered {
        Ok(()) => Ok(String::from_utf8_lossy(&sink.bytes).into_owned()),
        Err(_) if sink.overflowed => Err(RenderError::TooLong),
        Err(error) => Err(match raised(&error) {
            Some(message) => RenderError::Refused(message),
            None => RenderError::Failed(error),
        }),
    }
}

/// A thread whose stack no template can overflow.
fn deep_thread() -> thread::Builder {
    thread::Builder::new().name(NAME.to_owned()).stack_size(STACK_BYTES)
}

/// Runs `work` on such a thread.
fn on_a_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let thread = deep_thread().spawn_scoped(scope, || contained(work))?;
        thread.join().unwrap_or(Err(Panicked)).map_err(io::Error::other)
    })
}

/// What transformers gives a template: jinja2 with trimmed blocks, loop controls, Python's string methods and three functions.
fn compile(template: String) -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_unknown_method_callback(python::method);
    environment.set_recursion_limit(MAX_RECURSION);
    environment.set_debug(false);
    environment.add_function("raise_exception", |message: String| -> Result<Value, Error> {
        Err(Error::new(ErrorKind::InvalidOperation, "raise_exception").with_source(Raised(message)))
    });
    environment.add_function(CLOCK, strftime_now);
    environment.add_filter("tojson", json::tojson);
    // Both write before they count: a deep value would fill the memory.
    environment.remove_filter("pprint");
    environment.remove_global("debug");
    environment.add_template_owned(NAME, template)?;
    Ok(environment)
}

fn strftime_now(format: &str) -> Result<String, Error> {
    let mut text = String::new();
    write!(text, "{}", chrono::Local::now().format(format)).map_err(|_| {
        Error::new(ErrorKind::InvalidOperation, format!("strftime_now does not know the format {format:?}"))
    })?;
    Ok(text)
}

/// What a template said when it refused.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Raised(String);

fn raised(error: &Error) -> Option<String> {
    let mut next = std::error::Error::source(error);
    while let Some(source) = next {
        if let Some(Raised(message)) = source.downcast_ref() {
            return Some(message.clone());
        }
        next = source.source();
    }
    None
}

/// The rendered text, up to [`MAX_RENDERED`].
struct Sink {
    bytes: Vec<u8>,
    overflowed: bool,
}

impl io::Write for Sink {
    fn write(&mut self, written: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + written.len() > MAX_RENDERED {
            self.overflowed = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(written);
        Ok(written.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
