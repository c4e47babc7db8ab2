//! The place of a file that is written whole or not at all: it is taken first, and what was there stays until the new file is complete.
//! Only regular files are replaced, through links and with their modes kept: never a device, a pipe or a folder.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

#[derive(Debug, thiserror::Error)]
pub(crate) enum PlaceError {
    #[error("what is there is no regular file")]
    NoFile,
    #[error(transparent)]
    System(#[from] io::Error),
}

/// Dropped before it was written to, it leaves nothing.
#[derive(Debug)]
pub(crate) struct Place {
    /// No link.
    file: PathBuf,
    /// Of the file that is there already.
    permissions: Option<Permissions>,
    draft: NamedTempFile,
}

impl Place {
    pub(crate) fn take(file: &Path) -> Result<Self, PlaceError> {
        let (file, permissions) = match fs::symlink_metadata(file) {
            Ok(_) => {
                let file = file.canonicalize()?;
                let permissions = replaceable(&file)?;
                (file, Some(permissions))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => (file.to_owned(), None),
            Err(error) => return Err(error.into()),
        };
        let folder = match file.parent() {
            Some(folder) if folder != Path::new("") => folder,
            Some(_) | None => Path::new("."),
        };
        let draft = NamedTempFile::new_in(folder)?;
        Ok(Self { file, permissions, draft })
    }

    /// Replaces what was there.
    pub(crate) fn write(mut self, text: &str) -> io::Result<()> {
        self.draft.write_all(text.as_bytes())?;
        if let Some(permissions) = self.permissions {
            self.draft.as_file().set_permissions(permissions)?;
        }
        self.draft.as_file().sync_all()?;
        self.draft.persist(&self.file)?;
        Ok(())
    }
}

/// A file that must not be written to must not be replaced either.
fn replaceable(file: &Path) -> Result<Permissions, PlaceError> {
    // A pipe would wait for its reader when it is opened.
    if !fs::metadata(file)?.is_file() {
        return Err(PlaceError::NoFile);
    }
    let open: File = OpenOptions::new().write(true).open(file)?;
    let metadata = open.metadata()?;
    if metadata.is_file() { Ok(metadata.permissions()) } else { Err(PlaceError::NoFile) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::{
        fs::{PermissionsExt, symlink},
        net::UnixListener,
    };

    use super::*;

    #[test]
    fn a_file_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("answer.json");
        let place = Place::take(&file).unwrap();
        assert!(!file.exists());
        place.write("{}\n").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "{}\n");
        drop(Place::take(&file).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(&file).unwrap(), "{}\n");
    }

    #[test]
    fn a_link_stays_a_link_and_its_file_keeps_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o664)).unwrap();
        symlink("file", &link).unwrap();
        Place::take(&link).unwrap().write("new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o664);
    }

    #[test]
    fn what_is_no_regular_file_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (socket, link) = (folder.path().join("socket"), folder.path().join("link"));
        let _listener = UnixListener::bind(&socket).unwrap();
        symlink("socket", &link).unwrap();
        for place in [folder.path(), &socket, &link] {
            assert!(matches!(Place::take(place), Err(PlaceError::NoFile)), "{}", place.display());
        }
        let dangling = folder.path().join("dangling");
        symlink("nowhere", &dangling).unwrap();
        assert!(matches!(Place::take(&dangling), Err(PlaceError::System(_))));
        assert!(matches!(Place::take(&folder.path().join("none/file")), Err(PlaceError::System(_))));
    }
}
