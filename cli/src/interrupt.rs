//! The signals that end a command early.

use std::{future, io, process::ExitCode};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens from its creation on, so that no signal falls between two waits.
#[derive(Debug)]
pub(crate) struct Interrupt {
    interrupt: Signal,
    terminate: Signal,
    /// None: whoever starts us decides, as `nohup` does.
    hangup: Option<Signal>,
}

/// Which signal it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interrupted {
    Interrupt,
    Terminate,
    Hangup,
}

impl Interrupt {
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: None,
        })
    }

    /// Listens for the end of our terminal too.
    pub(crate) fn and_hangup(&mut self) -> io::Result<()> {
        self.hangup = Some(signal(SignalKind::hangup())?);
        Ok(())
    }

    /// Completes at the first signal. Cancel safe.
    pub(crate) async fn received(&mut self) -> Interrupted {
        let Self { interrupt, terminate, hangup } = self;
        let hung_up = async {
            match hangup {
                Some(hangup) => hangup.recv().await,
                None => future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupt.recv() => Interrupted::Interrupt,
            _ = terminate.recv() => Interrupted::Terminate,
            _ = hung_up => Interrupted::Hangup,
        }
    }
}

impl From<Interrupted> for ExitCode {
    /// 128 + the signal's number, as shells count.
    fn from(interrupted: Interrupted) -> Self {
        match interrupted {
            Interrupted::Interrupt => ExitCode::from(130),
            Interrupted::Terminate => ExitCode::from(143),
            Interrupted::Hangup => ExitCode::from(129),
        }
    }
}
