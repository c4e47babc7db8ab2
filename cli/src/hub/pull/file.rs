//! One file: its bytes go to `BLOB.incomplete`, from where the last try stopped; what is whole is checked, and only then is it a blob.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use aws_lc_rs::digest::{self, Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use tokio::{
    fs::File as AsyncFile,
    io::{AsyncSeekExt, AsyncWriteExt},
    time::sleep,
};

use super::Bar;
use crate::hub::{
    Repo,
    cache::Cache,
    client::{Checksum, Entry, HubError, Remote},
};

/// Tries in a row that bring nothing.
const FRUITLESS: u32 = 4;
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// At a lock that another process has.
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);
/// Bytes read at a time for the checksum.
const BLOCK: usize = 1 << 20;

#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error(transparent)]
    Hub(#[from] HubError),
    #[error("{path} is not what the hub says: its checksum is {found}, expected {expected}; it was removed: try again")]
    Checksum { path: String, expected: String, found: String },
    #[error("cannot write {}", file.display())]
    Write { file: PathBuf, source: io::Error },
}

/// Where files come from and where they go.
pub(super) struct Source<'a> {
    pub(super) remote: &'a Remote,
    pub(super) commit: &'a str,
    pub(super) cache: &'a Cache,
    pub(super) repo: &'a Repo,
    pub(super) bar: &'a Bar,
}

/// Why a try ended before the file did.
enum Cut {
    Hub(HubError),
    /// More bytes came than there are: the offset was not heeded.
    TooMuch,
    Write(io::Error),
}

/// The name that the hub's own programs know too.
pub(super) fn incomplete(blob: &Path) -> PathBuf {
    let mut name = blob.as_os_str().to_owned();
    name.push(".incomplete");
    name.into()
}

impl Source<'_> {
    pub(super) async fn bring(&self, entry: &Entry, checksum: &Checksum) -> Result<(), FileError> {
        let blob = self.cache.blob(self.repo, checksum.hex());
        let partial = incomplete(&blob);
        let unwritable = |source| FileError::Write { file: partial.clone(), source };
        let _lock = self.turn(entry, checksum).await.map_err(unwritable)?;
        // Who had the lock before may have brought it.
        if is_right(&blob, entry, checksum).await.map_err(unwritable)? {
            self.bar.has(entry.size);
            return Ok(());
        }
        fs::create_dir_all(partial.parent().unwrap_or(&self.cache.root)).map_err(unwritable)?;
        self.complete(entry, &partial).await?;
        let found = sum(partial.clone(), checksum.clone(), entry.size).await.map_err(unwritable)?;
        if found != checksum.hex() {
            fs::remove_file(&partial).map_err(unwritable)?;
            let (path, expected) = (entry.path.clone(), checksum.hex().to_owned());
            return Err(FileError::Checksum { path, expected, found });
        }
        fs::rename(&partial, &blob).map_err(unwritable)?;
        self.bar.arrived(&entry.path, entry.size);
        Ok(())
    }

    /// The lock of a blob, once no other process has it.
    async fn turn(&self, entry: &Entry, checksum: &Checksum) -> io::Result<File> {
        let path = self.cache.lock(self.repo, checksum.hex());
        let mut waits = false;
        loop {
            if let Some(lock) = lock(&path)? {
                return Ok(lock);
            }
            if !waits {
                self.bar.tell(&format!("{}: another process downloads it; waiting for it", entry.path));
                waits = true;
            }
            sleep(BETWEEN_LOOKS).await;
        }
    }

    /// Until the file has all its bytes.
    async fn complete(&self, entry: &Entry, partial: &Path) -> Result<(), FileError> {
        let unwritable = |source| FileError::Write { file: partial.to_owned(), source };
        let mut file = open(partial).await.map_err(unwritable)?;
        let mut here = file.seek(io::SeekFrom::End(0)).await.map_err(unwritable)?;
        let (mut wait, mut fruitless) = (FIRST_WAIT, 0);
        self.bar.has(here.min(entry.size));
        while here != entry.size {
            let before = here;
            let cut =
                if here > entry.size { Some(Cut::TooMuch) } else { self.go_on(entry, &mut file, &mut here).await };
            file.flush().await.map_err(unwritable)?;
            let error = match cut {
                None if here == entry.size => break,
                None => None,
                Some(Cut::Write(source)) => return Err(unwritable(source)),
                Some(Cut::TooMuch) => {
                    self.bar.lost(here.min(entry.size));
                    file.set_len(0).await.map_err(unwritable)?;
                    here = file.seek(io::SeekFrom::Start(0)).await.map_err(unwritable)?;
                    None
                }
                Some(Cut::Hub(error @ HubError::Unreachable { .. })) => Some(error),
                Some(Cut::Hub(lasting)) => return Err(lasting.into()),
            };
            (wait, fruitless) = if here > before { (FIRST_WAIT, 0) } else { (wait * 2, fruitless + 1) };
            if fruitless >= FRUITLESS {
                return Err(error.unwrap_or_else(|| self.remote.unfit(&entry.path)).into());
            }
            sleep(wait.mul_f64(rand::random_range(0.5..1.0))).await;
        }
        // A blob that is named is whole, also after the machine has failed.
        file.sync_all().await.map_err(unwritable)
    }

    /// One try, from where the file ends. `here` is what it has.
    async fn go_on(&self, entry: &Entry, file: &mut AsyncFile, here: &mut u64) -> Option<Cut> {
        let mut bytes = match self.remote.bytes(self.commit, entry, *here).await {
            Ok(bytes) => bytes,
            Err(error) => return Some(Cut::Hub(error)),
        };
        loop {
            match self.remote.next(&mut bytes).await {
                Ok(Some(chunk)) => {
                    let chunk = chunk.as_ref();
                    if *here + chunk.len() as u64 > entry.size {
                        *here = entry.size + 1;
                        return Some(Cut::TooMuch);
                    }
                    if let Err(error) = file.write_all(chunk).await {
                        return Some(Cut::Write(error));
                    }
                    *here += chunk.len() as u64;
                    self.bar.has(chunk.len() as u64);
                }
                Ok(None) => return None,
                Err(error) => return Some(Cut::Hub(error)),
            }
        }
    }
}

async fn open(path: &Path) -> io::Result<AsyncFile> {
    AsyncFile::options().read(true).write(true).create(true).truncate(false).open(path).await
}

/// None: somebody else has it.
fn lock(path: &Path) -> io::Result<Option<File>> {
    fs::create_dir_all(path.parent().unwrap_or(Path::new("")))?;
    let file = File::options().write(true).create(true).truncate(false).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

/// Whether a blob is there and is what the hub says.
pub(super) async fn is_right(blob: &Path, entry: &Entry, checksum: &Checksum) -> io::Result<bool> {
    if blob.metadata().is_ok_and(|blob| blob.len() == entry.size) {
        Ok(sum(blob.to_owned(), checksum.clone(), entry.size).await? == checksum.hex())
    } else {
        Ok(false)
    }
}

/// Of what is on the disk: bytes of an earlier try are checked too. Reading ends when nobody waits for the sum any more.
async fn sum(path: PathBuf, kind: Checksum, size: u64) -> io::Result<String> {
    let awaited = Arc::new(());
    let watched = Arc::downgrade(&awaited);
    let read = tokio::task::spawn_blocking(move || {
        let mut context = match kind {
            Checksum::Sha256(_) => Context::new(&SHA256),
            Checksum::GitBlob(_) => {
                let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
                context.update(format!("blob {size}\0").as_bytes());
                context
            }
        };
        let mut file = File::open(path)?;
        let mut block = vec![0; BLOCK];
        loop {
            if watched.strong_count() == 0 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            match file.read(&mut block)? {
                0 => return Ok(hex(&context.finish())),
                count => context.update(block.get(..count).unwrap_or_default()),
            }
        }
    });
    let sum = read.await.map_err(io::Error::other)?;
    drop(awaited);
    sum
}

fn hex(digest: &digest::Digest) -> String {
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn checksums_are_those_of_git_and_of_large_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        fs::write(&path, "hello\n").unwrap();
        let git = sum(path.clone(), Checksum::GitBlob(String::new()), 6).await.unwrap();
        assert_eq!(git, "ce013625030ba8dba906f756967f9e9ca394464a");
        let sha = sum(path, Checksum::Sha256(String::new()), 6).await.unwrap();
        assert_eq!(sha, "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03");
    }

    #[test]
    fn only_one_process_writes_a_blob() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("locks/l");
        let held = lock(&path).unwrap();
        assert!(held.is_some() && lock(&path).unwrap().is_none());
        drop(held);
        assert!(lock(&path).unwrap().is_some());
    }
}
