//! `specfuse models pull`: brings what a worker reads of a repository into the shared cache. Files come side by side, each goes on where
//! it stopped, and the snapshot appears when all of them are there and are what the hub says they are.

mod bar;
mod file;
mod link;
mod needed;

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use futures::{StreamExt, TryStreamExt, stream};
use indicatif::HumanBytes;

pub(super) use self::needed::is_whole;
use self::{
    bar::Bar,
    file::FileError,
    link::{Link, LinkError},
};
use super::{
    Homeless, Hub, Repo,
    client::{Checksum, Entry, HubError, Remote},
};
use crate::{interrupt::Interrupt, output};

/// Files that come at a time.
const SIDE_BY_SIDE: usize = 4;

const EXAMPLES: &str = "\
Examples:
  specfuse models pull Qwen/Qwen2.5-0.5B-Instruct
  specfuse models pull Qwen/Qwen2.5-0.5B-Instruct@main
  HF_TOKEN=hf_... specfuse models pull meta-llama/Llama-3.2-1B-Instruct
  specfuse models pull Qwen/Qwen2.5-0.5B-Instruct --link ~/models/small      then: specfuse worker --model ~/models/small
  specfuse ask --model hf:Qwen/Qwen2.5-0.5B-Instruct \"Why is the sky blue?\"

An interrupted download goes on where it stopped when the same command is given again. A commit (40 hexadecimal digits) that was pulled
before and is all there needs no hub: nothing is asked. HF_ENDPOINT, HF_TOKEN, HF_HUB_CACHE, HF_HOME and
HF_HUB_OFFLINE mean what they mean to the hub's own programs, whose cache this is.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PullArgs {
    /// The model on the hub: OWNER/NAME, or OWNER/NAME@REVISION.
    #[arg(value_name = "REPO")]
    pub(crate) repo: Repo,
    /// Make PATH a symbolic link to the folder of what was pulled; one that is there is replaced in one step.
    #[arg(long, value_name = "PATH")]
    pub(crate) link: Option<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum PullError {
    #[error(transparent)]
    Hub(#[from] HubError),
    #[error(
        "the hub cannot be asked about {repo}; commit {commit} of it is here: HF_HUB_OFFLINE=1 takes that as it is, and who names a whole commit needs no hub once it was pulled"
    )]
    Unasked { repo: Repo, commit: String, source: Box<HubError> },
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("HF_HUB_OFFLINE is set, and {repo} is not in {}: pull it once without", cache.display())]
    Offline { repo: Repo, cache: PathBuf },
    #[error("{repo} has no {missing}: it is not a checkpoint that a worker reads{}", instead(.gguf))]
    NoCheckpoint { repo: Repo, missing: &'static str, gguf: bool },
    #[error("{} more are needed, and {} has {}: make room, or choose another place by HF_HUB_CACHE", HumanBytes(*.needed), .folder.display(), HumanBytes(*.free))]
    NoRoom { needed: u64, free: u64, folder: PathBuf },
    #[error("cannot write to {}", folder.display())]
    Write { folder: PathBuf, source: io::Error },
    #[error("cannot read what is in {}", folder.display())]
    Read { folder: PathBuf, source: io::Error },
    #[error(transparent)]
    Homeless(#[from] Homeless),
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
}

fn instead(gguf: &bool) -> &'static str {
    if *gguf { "; it has GGUF files: download one of them, and give it to --model" } else { "" }
}

/// A file to bring, and its name among the blobs.
struct Wanted {
    entry: Entry,
    checksum: Checksum,
}

pub(crate) async fn run(args: PullArgs) -> Result<ExitCode, PullError> {
    let hub = Hub::told()?;
    let link = args.link.as_deref().map(Link::at).transpose()?;
    let mut interrupt = Interrupt::listen().map_err(PullError::Signals)?;
    let snapshot = tokio::select! {
        pulled = Box::pin(pull(&hub, &args.repo)) => pulled?,
        signal = interrupt.received() => {
            output::complain("stopped; the same command goes on from here");
            return Ok(signal.into());
        }
    };
    if let Some(link) = link {
        link.lead_to(&snapshot)?;
        output::complain(&format!("to use it: specfuse worker --model {}", link.path().display()));
    } else {
        output::complain(&format!("to use it: specfuse ask --model hf:{} \"...\"", args.repo));
    }
    // Whether anyone reads the path does not matter any more.
    let _ = output::write(&format!("{}\n", snapshot.display()));
    Ok(ExitCode::SUCCESS)
}

async fn pull(hub: &Hub, repo: &Repo) -> Result<PathBuf, PullError> {
    if hub.offline {
        let here = hub.cache.snapshot(repo);
        return here.ok_or_else(|| PullError::Offline { repo: repo.clone(), cache: hub.cache.root.clone() });
    }
    if let Some(here) = hub.cache.complete(repo) {
        output::complain(&format!("{repo} is here already; the hub was not asked, since a commit never changes"));
        return Ok(here);
    }
    let remote = Remote::new(hub, repo)?;
    let commit = remote.commit().await.map_err(|source| unasked(hub, repo, source))?;
    let entries = remote.entries(&commit).await?;
    let needed = needed::of(repo, entries)?;
    let wanted: Vec<Wanted> = stream::iter(needed)
        .map(|entry| with_checksum(&remote, &commit, entry))
        .buffered(SIDE_BY_SIDE)
        .try_collect()
        .await?;
    let missing = missing(hub, repo, &wanted).await?;
    has_room(hub, repo, &missing)?;
    let all = missing.iter().map(|wanted| wanted.entry.size).sum();
    let bar = Bar::new(&repo.to_string(), all);
    let source = file::Source { remote: &remote, commit: &commit, cache: &hub.cache, repo, bar: &bar };
    let arriving = stream::iter(&missing).map(|wanted| source.bring(&wanted.entry, &wanted.checksum));
    arriving.buffer_unordered(SIDE_BY_SIDE).try_collect::<()>().await?;
    drop(bar);
    let files: Vec<_> = wanted.iter().map(|wanted| (wanted.entry.path.as_str(), wanted.checksum.hex())).collect();
    let published = hub.cache.publish(repo, &commit, &files);
    let snapshot = published.map_err(|source| PullError::Write { folder: hub.cache.root.clone(), source })?;
    let bytes = HumanBytes(wanted.iter().map(|wanted| wanted.entry.size).sum());
    let (count, new) = (wanted.len(), missing.len());
    output::complain(&format!("{repo} is here: {count} files, {bytes}; {new} of them are new"));
    Ok(snapshot)
}

/// Says of a hub that is away what can be done without it.
fn unasked(hub: &Hub, repo: &Repo, source: HubError) -> PullError {
    let is_away = matches!(source, HubError::Unreachable { .. });
    let here = hub.cache.snapshot(repo).filter(|_| is_away);
    let commit = here.as_deref().and_then(Path::file_name).map(|commit| commit.to_string_lossy().into_owned());
    match commit {
        Some(commit) => PullError::Unasked { repo: repo.clone(), commit, source: Box::new(source) },
        None => source.into(),
    }
}

async fn with_checksum(remote: &Remote, commit: &str, entry: Entry) -> Result<Wanted, HubError> {
    let checksum = match entry.checksum.clone() {
        Some(checksum) => checksum,
        None => remote.checksum(commit, &entry.path).await?,
    };
    Ok(Wanted { entry, checksum })
}

/// What is not here, or is here and damaged. Files of one content are one blob: it is brought once.
async fn missing<'a>(hub: &Hub, repo: &Repo, wanted: &'a [Wanted]) -> Result<Vec<&'a Wanted>, PullError> {
    let mut blobs = BTreeSet::new();
    let distinct = wanted.iter().filter(|wanted| blobs.insert(wanted.checksum.hex()));
    let is_here = |wanted: &&Wanted| {
        let blob = hub.cache.blob(repo, wanted.checksum.hex()).metadata();
        blob.is_ok_and(|blob| blob.len() == wanted.entry.size)
    };
    let (here, mut missing): (Vec<_>, Vec<_>) = distinct.partition(is_here);
    if !here.is_empty() {
        let bytes = HumanBytes(here.iter().map(|wanted| wanted.entry.size).sum());
        output::complain(&format!("checking {} files that are here, {bytes}", here.len()));
    }
    let unreadable = |source| PullError::Read { folder: hub.cache.root.clone(), source };
    let checked = stream::iter(here).map(async |wanted| {
        let blob = hub.cache.blob(repo, wanted.checksum.hex());
        let is_right = file::is_right(&blob, &wanted.entry, &wanted.checksum).await.map_err(unreadable)?;
        Ok::<_, PullError>((wanted, is_right))
    });
    let checked: Vec<_> = checked.buffered(SIDE_BY_SIDE).try_collect().await?;
    for (wanted, _) in checked.into_iter().filter(|(_, is_right)| !is_right) {
        output::complain(&format!("{} is damaged: it comes again", wanted.entry.path));
        missing.push(wanted);
    }
    Ok(missing)
}

/// Refuses what cannot fit, less what has come before.
fn has_room(hub: &Hub, repo: &Repo, missing: &[&Wanted]) -> Result<(), PullError> {
    let root = &hub.cache.root;
    let unwritable = |source| PullError::Write { folder: root.clone(), source };
    fs::create_dir_all(root).map_err(unwritable)?;
    let rest = missing.iter().map(|wanted| {
        let here = file::incomplete(&hub.cache.blob(repo, wanted.checksum.hex()));
        wanted.entry.size.saturating_sub(here.metadata().map_or(0, |here| here.len()))
    });
    let (needed, free) = (rest.sum(), free(root).map_err(unwritable)?);
    if needed > free { Err(PullError::NoRoom { needed, free, folder: root.clone() }) } else { Ok(()) }
}

/// Bytes that a disk has for us.
fn free(folder: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}
