//! What came from the hub before, in the layout that all its programs share: `models--OWNER--NAME/{blobs,refs,snapshots}`. A blob is
//! named by its checksum; a snapshot is a folder of links to blobs, named by its commit; a ref is a file that holds a commit.

use std::{
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use super::{MAIN, Repo, is_commit};

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

    /// The folder of a repository's revision, if it is here.
    pub(crate) fn snapshot(&self, repo: &Repo) -> Option<PathBuf> {
        let folder = self.folder(repo);
        let revision = repo.revision();
        let commit =
            if is_commit(revision) { revision.to_owned() } else { commit_in(&folder.join("refs").join(revision))? };
        Some(folder.join("snapshots").join(commit)).filter(|snapshot| snapshot.join("config.json").is_file())
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

    /// Makes the snapshot of files whose blobs are all here, then the ref: nobody finds a snapshot that lacks some.
    pub(super) fn publish(&self, repo: &Repo, commit: &str, files: &[(&str, &str)]) -> io::Result<PathBuf> {
        let folder = self.folder(repo);
        let snapshot = folder.join("snapshots").join(commit);
        fs::create_dir_all(&snapshot)?;
        for (name, checksum) in files {
            let link = snapshot.join(name);
            match fs::remove_file(&link) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => symlink(Path::new("../../blobs").join(checksum), &link)?,
            }
        }
        let revision = repo.revision();
        if !is_commit(revision) {
            let reference = folder.join("refs").join(revision);
            fs::create_dir_all(reference.parent().unwrap_or(&folder))?;
            fs::write(reference, commit)?;
        }
        Ok(snapshot)
    }
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

    fn cache_of(root: &Path, commits: &[&str]) -> Cache {
        let cache = Cache::at(root.to_owned());
        for commit in commits {
            let repo = Repo::new("o/m");
            let blob = cache.blob(&repo, "c0");
            fs::create_dir_all(blob.parent().unwrap()).unwrap();
            fs::write(blob, "{}").unwrap();
            cache.publish(&repo, commit, &[("config.json", "c0")]).unwrap();
        }
        cache
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
