//! The signals that end a command early.

use std::{io, process::ExitCode};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens from its creation on, so that no signal falls between two waits.
#[derive(Debug)]
pub(crate) struct Interrupt {
    interrupt: Signal,
    terminate: Signal,
}

/// Which signal it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interrupted {
    Interrupt,
    Terminate,
}

impl Interrupt {
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Completes at the first signal. Cancel safe.
    pub(crate) async fn received(&mut self) -> Interrupted {
        tokio::select! {
            _ = self.interrupt.recv() => Interrupted::Interrupt,
            _ = self.terminate.recv() => Interrupted::Terminate,
        }
    }
}

impl From<Interrupted> for ExitCode {
    /// 128 + the signal's number, as shells count.
    fn from(interrupted: Interrupted) -> Self {
        match interrupted {
            Interrupted::Interrupt => ExitCode::from(130),
            Interrupted::Terminate => ExitCode::from(143),
        }
    }
}
