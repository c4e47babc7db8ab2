//! `specfuse eval --calibrate`: how far the members' log-probabilities of the same text lie apart, and the affine corrections that
//! make them comparable.

mod fit;
mod passages;
mod scores;
mod settings;

use std::{
    fs, io,
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use self::{fit::FitError, scores::ScoresError, settings::SettingsError};
use super::args::Args;
use crate::{
    cluster::{self, ClusterError},
    local::{self, LocalError},
    output,
};

/// Passages of the text that every member scores.
const PASSAGES: usize = 200;

#[derive(Debug, thiserror::Error)]
pub(crate) enum CalibrateError {
    #[error("cannot read the text {}", file.display())]
    Read { file: PathBuf, source: io::Error },
    #[error(transparent)]
    Local(#[from] LocalError),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Scores(#[from] ScoresError),
    #[error(transparent)]
    Fit(#[from] FitError),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
}

/// Prints the key, or puts it into a file.
pub(super) async fn run(text: &Path, args: &Args) -> Result<(), CalibrateError> {
    let read = fs::read_to_string(text);
    let text = read.map_err(|source| CalibrateError::Read { file: text.to_owned(), source })?;
    let passages = passages::cut(&text, PASSAGES);
    fit::suffices(passages.len())?;
    let plan = local::plan(&args.local, (Ipv4Addr::LOCALHOST, 0).into())?;
    let workers = cluster::start_workers(&plan).await?;
    let named = workers.iter().map(|worker| (worker.name().to_owned(), worker.url()));
    let scores = scores::of(named.collect(), &passages).await;
    cluster::stop_all(workers).await;
    let corrections = fit::fit(&scores?)?;
    match &args.calibrate.write {
        Some(file) => {
            settings::write(file, &corrections)?;
            output::complain(&format!("written to {}", file.display()));
            Ok(())
        }
        None => output::tell(&settings::shown(&corrections)).map_err(CalibrateError::Output),
    }
}
