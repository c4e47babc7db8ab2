//! What other programs read of the command line: completions for shells, pages for `man`. Both are made from the flags themselves.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::{args::Cli, output};

const NAME: &str = "specfuse";

const COMPLETIONS: &str = "\
Examples:
  specfuse completions bash > ~/.local/share/bash-completion/completions/specfuse
  specfuse completions zsh > ~/.zfunc/_specfuse          with that folder in zsh's fpath
  specfuse completions fish > ~/.config/fish/completions/specfuse.fish";

const PAGES: &str = "\
Examples:
  specfuse man | man -l -                                the main page
  specfuse man ~/.local/share/man/man1                   all pages; then: man specfuse-ask";

#[derive(Debug, Args)]
#[command(after_help = COMPLETIONS)]
pub(crate) struct CompletionsArgs {
    /// Who reads it.
    shell: Shell,
}

#[derive(Debug, Args)]
#[command(after_help = PAGES)]
pub(crate) struct ManArgs {
    /// Folder for the pages of all commands; default: the main page, to standard output.
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ManualError {
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
    #[error("cannot write pages to {}", folder.display())]
    Pages { folder: PathBuf, source: io::Error },
}

pub(crate) fn completions(args: &CompletionsArgs) -> Result<ExitCode, ManualError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), NAME, &mut script);
    show(&script)
}

pub(crate) fn pages(args: &ManArgs) -> Result<ExitCode, ManualError> {
    match &args.folder {
        None => {
            let mut page = Vec::new();
            Man::new(Cli::command()).render(&mut page).map_err(ManualError::Output)?;
            show(&page)
        }
        Some(folder) => {
            write(folder).map_err(|source| ManualError::Pages { folder: folder.clone(), source })?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn write(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    clap_mangen::generate_to(Cli::command(), folder)
}

fn show(text: &[u8]) -> Result<ExitCode, ManualError> {
    output::tell(&String::from_utf8_lossy(text)).map_err(ManualError::Output)?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_and_every_flag_is_completed() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path()).unwrap();
        for page in ["specfuse.1", "specfuse-ask.1", "specfuse-chat.1", "specfuse-models-pull.1", "specfuse-worker.1"] {
            let text = fs::read_to_string(folder.path().join(page)).unwrap();
            assert!(text.contains(".SH NAME"), "{page}: {text}");
        }
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), NAME, &mut script);
            let script = String::from_utf8(script).unwrap();
            assert!(script.contains("chat") && script.contains("strategy"), "{shell}: {script}");
        }
    }

    #[test]
    fn every_command_shows_how_it_is_used() {
        fn check(command: &clap::Command, path: &str) {
            let deeper: Vec<_> = command.get_subcommands().filter(|inner| inner.get_name() != "help").collect();
            let shown = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(!deeper.is_empty() || shown.starts_with("Examples:"), "{path} has no examples");
            for inner in deeper {
                check(inner, &format!("{path} {}", inner.get_name()));
            }
        }
        check(&Cli::command(), NAME);
    }
}
