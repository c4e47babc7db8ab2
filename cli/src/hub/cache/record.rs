//! Which files a snapshot has when nothing is missing: for each commit that we brought whole, a file `.specfuse/COMMIT` in the repository's
//! folder, with a name a line. A folder alone does not tell: other programs fill theirs file by file, under the same name.

use std::{
    fs::{self, Permissions},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use tempfile::Builder;

const FOLDER: &str = ".specfuse";

/// The names of a commit's files; None: it has never come whole, as far as we know.
pub(super) fn read(repository: &Path, commit: &str) -> Option<Vec<String>> {
    let names = fs::read_to_string(repository.join(FOLDER).join(commit)).ok()?;
    Some(names.lines().map(str::to_owned).collect())
}

/// Nobody finds half of it, also after the machine has failed.
pub(super) fn write<'a>(repository: &Path, commit: &str, names: impl Iterator<Item = &'a str>) -> io::Result<()> {
    let folder = repository.join(FOLDER);
    fs::create_dir_all(&folder)?;
    let mut file = Builder::new().prefix(".record-").permissions(Permissions::from_mode(0o666)).tempfile_in(&folder)?;
    for name in names {
        writeln!(file, "{name}")?;
    }
    file.as_file().sync_all()?;
    file.persist(folder.join(commit)).map_err(|error| error.error)?;
    Ok(())
}
