//! The link that leads to what was pulled: whoever follows it finds one snapshot or the next, and never nothing in between.

use std::{
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf, absolute},
};

use tempfile::Builder;

#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error("--link {}: what is there is no link, and stays: move it away, or name another path", .0.display())]
    Taken(PathBuf),
    #[error("--link {}: it names no place for a link", .0.display())]
    Nameless(PathBuf),
    #[error("--link {}: cannot be made", path.display())]
    Make { path: PathBuf, source: io::Error },
}

/// A place where there is a link, or nothing.
#[derive(Debug)]
pub(super) struct Link {
    path: PathBuf,
    folder: PathBuf,
}

impl Link {
    /// Makes the folders above it, so that who may not write there learns it before anything is downloaded.
    pub(super) fn at(path: &Path) -> Result<Self, LinkError> {
        // With a separator at its end a path would mean what the link leads to.
        let path: PathBuf = path.components().collect();
        let unmade = |source| LinkError::Make { path: path.clone(), source };
        let whole = absolute(&path).map_err(unmade)?;
        let named = whole.file_name().and(whole.parent());
        let folder = named.ok_or_else(|| LinkError::Nameless(path.clone()))?.to_owned();
        fs::create_dir_all(&folder).map_err(unmade)?;
        let link = Self { path, folder };
        link.is_free()?;
        Ok(link)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts it in the place of the one that is there, in one step.
    pub(super) fn lead_to(&self, snapshot: &Path) -> Result<(), LinkError> {
        let unmade = |source| LinkError::Make { path: self.path.clone(), source };
        // A download takes long enough for something else to be put there.
        self.is_free()?;
        let snapshot = absolute(snapshot).map_err(unmade)?;
        let beside = Builder::new().prefix(".link-").make_in(&self.folder, |path| symlink(&snapshot, path));
        beside.map_err(unmade)?.persist(&self.path).map_err(|error| unmade(error.error))?;
        Ok(())
    }

    fn is_free(&self) -> Result<(), LinkError> {
        match self.path.symlink_metadata() {
            Ok(there) if there.is_symlink() => Ok(()),
            Ok(_) => Err(LinkError::Taken(self.path.clone())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(source) => Err(LinkError::Make { path: self.path.clone(), source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_made_with_the_folders_above_it_and_is_replaced() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/b/model");
        for snapshot in ["/first", "/second"] {
            Link::at(&path).unwrap().lead_to(Path::new(snapshot)).unwrap();
            assert_eq!(fs::read_link(&path).unwrap(), Path::new(snapshot));
        }
        // What it leads to is a folder now: the link is replaced all the same, and nothing is put inside.
        let folder = root.path().join("snapshot");
        fs::create_dir(&folder).unwrap();
        Link::at(&path).unwrap().lead_to(&folder).unwrap();
        Link::at(&path.join("")).unwrap().lead_to(Path::new("/third")).unwrap();
        assert_eq!(fs::read_link(&path).unwrap(), Path::new("/third"));
        assert_eq!(
            (fs::read_dir(&folder).unwrap().count(), fs::read_dir(root.path().join("a/b")).unwrap().count()),
            (0, 1)
        );
    }

    #[test]
    fn what_is_no_link_stays() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        fs::write(&file, "precious").unwrap();
        for path in [root.path(), &file] {
            let error = Link::at(path).unwrap_err();
            assert!(matches!(&error, LinkError::Taken(_)) && error.to_string().contains("--link"), "{error}");
        }
        assert!(matches!(Link::at(&file.join("below")), Err(LinkError::Make { .. })));
        for path in ["/", "..", ""] {
            let error = Link::at(Path::new(path)).unwrap_err();
            assert!(error.to_string().contains("--link"), "{error}");
        }
        let late = Link::at(&root.path().join("late")).unwrap();
        fs::create_dir(root.path().join("late")).unwrap();
        assert!(matches!(late.lead_to(Path::new("/snapshot")), Err(LinkError::Taken(_))));
        assert_eq!(fs::read_to_string(file).unwrap(), "precious");
    }
}
