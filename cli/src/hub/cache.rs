//! What came from the hub before, in the layout that all its programs share: `models--OWNER--NAME/{blobs,refs,snapshots}`. A blob is
//! named by its checksum; a snapshot is a folder of links to blobs, named by its commit; a ref is a file that holds a commit.
//! Beside these is one thing of our own, which others do not look at: [`record`], of the snapshots that came whole.

mod record;

use std::{
    fs::{self, Permissions},
    io::{self, Write},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use tempfile::Builder;

use super::{MAIN, Repo, is_commit, pull::is_whole};

const MODELS: &str = "models--";
/// Bytes of a ref, at most.
const LONGEST_REF: usize = 64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cache {
    pub(crate) root: PathBuf,
}

/// A revision that is here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub(crate) repo: Repo,
    pub(crate) folder: PathBuf,
}

impl Cache {
    pub(crate) fn at(root: PathBuf) -> Self {
        Self { root }
    }

    fn folder(&self, repo: &Repo) -> PathBuf {
        self.root.join(format!("{MODELS}{}", repo.id.replace('/', "--")))
    }

    /// The folder of a repository's revision, if it is here with all that a worker needs.
    pub(crate) fn snapshot(&self, repo: &Repo) -> Option<PathBuf> {
        let folder = self.folder(repo);
        let revision = repo.revision();
        let commit =
            if is_commit(revision) { revision.to_owned() } else { commit_in(&folder.join("refs").join(revision))? };
        Some(folder.join("snapshots").join(commit)).filter(|snapshot| is_whole(snapshot))
    }

    /// The folder of a commit of which everything is here that is ever pulled of it, so that there is nothing to ask about it. A snapshot that
    /// another program brought may lack a file that a worker can do without, and would not miss.
    pub(super) fn complete(&self, repo: &Repo) -> Option<PathBuf> {
        let commit = Some(repo.revision()).filter(|revision| is_commit(revision))?;
        let names = record::read(&self.folder(repo), commit)?;
        self.snapshot(repo).filter(|snapshot| names.iter().all(|name| snapshot.join(name).is_file()))
    }

    /// All that is here, in order of their names: of each repository the revision "main" by its name alone, others by their commits.
    pub(crate) fn snapshots(&self) -> Vec<Snapshot> {
        let mut found = Vec::new();
        for folder in folders(&self.root) {
            let Some(id) = id_of(&folder) else { continue };
            let main = commit_in(&folder.join("refs").join(MAIN));
            for snapshot in folders(&folder.join("snapshots")) {
                let commit = snapshot.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let revision = (main.as_ref() != Some(&commit)).then_some(commit);
                found.push(Snapshot { repo: Repo { id: id.clone(), revision }, folder: snapshot });
            }
        }
        found
    }

    pub(super) fn blob(&self, repo: &Repo, checksum: &str) -> PathBuf {
        self.folder(repo).join("blobs").join(checksum)
    }

    /// Held by who downloads the blob, whatever program that is.
    pub(super) fn lock(&self, repo: &Repo, checksum: &str) -> PathBuf {
        let folder = self.folder(repo);
        self.root.join(".locks").join(folder.file_name().unwrap_or_default()).join(format!("{checksum}.lock"))
    }

    /// Makes the snapshot of files whose blobs are all here, then what leads to it: nobody finds a snapshot that lacks some.
    pub(super) fn publish(&self, repo: &Repo, commit: &str, files: &[(&str, &str)]) -> io::Result<PathBuf> {
        let folder = self.folder(repo);
        let snapshot = folder.join("snapshots").join(commit);
        if snapshot.is_dir() {
            mend(&snapshot, files)?;
        } else {
            make(&folder, &snapshot, files)?;
        }
        record::write(&folder, commit, files.iter().map(|(name, _)| *name))?;
        let revision = repo.revision();
        if !is_commit(revision) {
            refer(&folder, revision, commit)?;
        }
        Ok(snapshot)
    }
}

/// A snapshot that was not there: it appears with all its links.
fn make(folder: &Path, snapshot: &Path, files: &[(&str, &str)]) -> io::Result<()> {
    fs::create_dir_all(snapshot.parent().unwrap_or(folder))?;
    let beside = Builder::new().prefix(".snapshot-").permissions(Permissions::from_mode(0o777)).tempdir_in(folder)?;
    for (name, checksum) in files {
        symlink(blob_of(checksum), beside.path().join(name))?;
    }
    match fs::rename(beside.path(), snapshot) {
        // Another process was faster.
        Err(_) if snapshot.is_dir() => mend(snapshot, files),
        done => done,
    }
}

/// Puts right what is not, link by link. A worker may be reading those that are right.
fn mend(snapshot: &Path, files: &[(&str, &str)]) -> io::Result<()> {
    for (name, checksum) in files {
        let (link, blob) = (snapshot.join(name), blob_of(checksum));
        if fs::read_link(&link).is_ok_and(|target| target == blob) {
            continue;
        }
        let beside = Builder::new().prefix(".link-").make_in(snapshot, |path| symlink(&blob, path))?;
        beside.persist(&link).map_err(|error| error.error)?;
    }
    Ok(())
}

/// Nobody finds a ref that is half written.
fn refer(folder: &Path, revision: &str, commit: &str) -> io::Result<()> {
    let reference = folder.join("refs").join(revision);
    let beside = reference.parent().unwrap_or(folder);
    fs::create_dir_all(beside)?;
    let mut file = Builder::new().prefix(".ref-").permissions(Permissions::from_mode(0o666)).tempfile_in(beside)?;
    file.write_all(commit.as_bytes())?;
    file.persist(&reference).map_err(|error| error.error)?;
    Ok(())
}

/// As a link in a snapshot has it.
fn blob_of(checksum: &str) -> PathBuf {
    Path::new("../../blobs").join(checksum)
}

fn commit_in(reference: &Path) -> Option<String> {
    let commit = fs::read_to_string(reference).ok().filter(|text| text.len() <= LONGEST_REF)?.trim().to_owned();
    is_commit(&commit).then_some(commit)
}

/// The repository whose folder this is. A name has no "--", so what stands between two is whole.
fn id_of(folder: &Path) -> Option<String> {
    let id = folder.file_name()?.to_str()?.strip_prefix(MODELS)?.replace("--", "/");
    id.parse::<Repo>().ok().map(|repo| repo.id)
}

/// Those in a folder, by name; none where it cannot be read.
fn folders(root: &Path) -> Vec<PathBuf> {
    let entries = root.read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
    let mut folders: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "0123456789012345678901234567890123456789";
    const SECOND: &str = "abcdefabcdefabcdefabcdefabcdefabcdefabcd";

    const FILES: [(&str, &str); 3] = [("config.json", "c0"), ("tokenizer.json", "c0"), ("model.safetensors", "c0")];

    fn cache_of(root: &Path, commits: &[&str]) -> Cache {
        let cache = Cache::at(root.to_owned());
        for commit in commits {
            let repo = Repo::new("o/m");
            let blob = cache.blob(&repo, "c0");
            fs::create_dir_all(blob.parent().unwrap()).unwrap();
            fs::write(blob, "{}").unwrap();
            cache.publish(&repo, commit, &FILES).unwrap();
        }
        cache
    }

    #[test]
    fn a_snapshot_that_lacks_what_a_worker_needs_is_not_here() {
        let root = tempfile::tempdir().unwrap();
        let cache = cache_of(root.path(), &[FIRST]);
        let repo = Repo::new("o/m");
        let snapshot = cache.snapshot(&repo).unwrap();
        for (name, _) in FILES {
            fs::rename(snapshot.join(name), root.path().join("away")).unwrap();
            assert_eq!(cache.snapshot(&repo), None, "without {name}");
            fs::rename(root.path().join("away"), snapshot.join(name)).unwrap();
        }
        assert!(cache.snapshot(&repo).is_some());
    }

    #[test]
    fn there_is_nothing_to_ask_about_a_commit_that_came_whole() {
        let root = tempfile::tempdir().unwrap();
        let cache = cache_of(root.path(), &[FIRST]);
        let commit: Repo = format!("o/m@{FIRST}").parse().unwrap();
        let more = [&FILES[..], &[("chat_template.jinja", "c0")]].concat();
        assert!(cache.complete(&commit).is_some());
        assert_eq!(cache.complete(&Repo::new("o/m")), None, "a branch may have moved");
        let snapshot = cache.publish(&commit, FIRST, &more).unwrap();
        fs::remove_file(snapshot.join("chat_template.jinja")).unwrap();
        assert_eq!((cache.complete(&commit), cache.snapshot(&commit).is_some()), (None, true));
        cache.publish(&commit, FIRST, &more).unwrap();
        assert_eq!(cache.complete(&commit), Some(snapshot));
    }

    #[test]
    fn of_a_snapshot_that_another_program_brought_it_is_not_known_whether_it_is_complete() {
        let root = tempfile::tempdir().unwrap();
        let cache = cache_of(root.path(), &[FIRST]);
        fs::remove_dir_all(root.path().join("models--o--m/.specfuse")).unwrap();
        let commit: Repo = format!("o/m@{FIRST}").parse().unwrap();
        assert_eq!((cache.complete(&commit), cache.snapshot(&commit).is_some()), (None, true));
    }

    #[test]
    fn links_that_are_right_stay_as_they_are_and_others_are_put_right() {
        use std::os::unix::fs::MetadataExt;
        let root = tempfile::tempdir().unwrap();
        let cache = cache_of(root.path(), &[FIRST]);
        let repo = Repo::new("o/m");
        let snapshot = cache.snapshot(&repo).unwrap();
        let number = |name: &str| fs::symlink_metadata(snapshot.join(name)).unwrap().ino();
        let before = number("config.json");
        fs::remove_file(snapshot.join("tokenizer.json")).unwrap();
        fs::write(snapshot.join("tokenizer.json"), "other").unwrap();
        cache.publish(&repo, FIRST, &FILES).unwrap();
        assert_eq!(number("config.json"), before);
        assert_eq!(fs::read_to_string(snapshot.join("tokenizer.json")).unwrap(), "{}");
        let names: Vec<_> = snapshot.read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names.len(), FILES.len(), "{names:?}");
    }

    #[test]
    fn a_snapshot_is_found_by_its_branch_and_by_its_commit() {
        let root = tempfile::tempdir().unwrap();
        let cache = cache_of(root.path(), &[FIRST, SECOND]);
        let found = |name: &str| cache.snapshot(&name.parse().unwrap());
        let main = found("o/m").unwrap();
        assert!(main.ends_with(SECOND) && main.join("config.json").is_file(), "{main:?}");
        assert!(found(&format!("o/m@{FIRST}")).unwrap().ends_with(FIRST));
        assert_eq!((found("o/m@other"), found("o/other")), (None, None));
    }

    #[test]
    fn every_snapshot_is_listed_by_the_name_that_finds_it() {
        let root = tempfile::tempdir().unwrap();
        let cache = cache_of(root.path(), &[FIRST, SECOND]);
        fs::create_dir_all(root.path().join("datasets--o--d/snapshots/x")).unwrap();
        let listed = cache.snapshots();
        let names: Vec<_> = listed.iter().map(|snapshot| snapshot.repo.to_string()).collect();
        assert_eq!(names, [format!("o/m@{FIRST}"), "o/m".to_owned()]);
        assert!(listed.iter().all(|snapshot| cache.snapshot(&snapshot.repo).as_ref() == Some(&snapshot.folder)));
    }

    #[test]
    fn a_ref_that_holds_no_commit_leads_nowhere() {
        let root = tempfile::tempdir().unwrap();
        let cache = cache_of(root.path(), &[FIRST]);
        fs::write(root.path().join("models--o--m/refs/main"), "../../..").unwrap();
        assert_eq!(cache.snapshot(&Repo::new("o/m")), None);
    }
}
