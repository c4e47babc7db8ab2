//! Which checkpoints a local cluster serves, and under which names.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
};

/// A member to be: a checkpoint folder or GGUF file and a name that no other member has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LocalModel {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
}

/// The members to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) models: Vec<LocalModel>,
    /// The folder that holds these and no others; None: they were given one by one.
    pub(crate) folder: Option<PathBuf>,
}

/// Members' names have at most 64 characters; the rest is for a number.
const LONGEST_NAME: usize = 56;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ModelsError {
    #[error(
        "no folder \"models\" here or above, nor beside the program; name one with --models, or members with --model"
    )]
    NotFound,
    #[error("no folder \"models\" with questions here or above, nor beside the program; name one with --models")]
    NotBundled,
    #[error("{} has no {}: these are not the bundled models", folder.display(), missing.display())]
    Without { folder: PathBuf, missing: PathBuf },
    #[error("{folder} holds no model: no sub-folder of it has a config.json")]
    Empty { folder: PathBuf },
    #[error("cannot read {folder}")]
    Unreadable { folder: PathBuf, source: io::Error },
}

/// The folders given by hand, else those of `models`, else those of the bundled folder nearest to here or to the program.
pub(crate) fn choose(given: &[PathBuf], models: Option<&Path>) -> Result<Chosen, ModelsError> {
    if !given.is_empty() {
        return Ok(Chosen { models: named(given.to_vec()), folder: None });
    }
    if let Some(folder) = models {
        return Chosen::all_of(folder);
    }
    nearest(ModelsError::NotFound, Chosen::all_of)
}

/// As `choose`, but of folders that have `beside` in them.
pub(crate) fn bundled(models: Option<&Path>, beside: &Path) -> Result<Chosen, ModelsError> {
    let with = |folder: &Path| {
        let chosen = Chosen::all_of(folder)?;
        if folder.join(beside).is_file() {
            Ok(chosen)
        } else {
            Err(ModelsError::Without { folder: folder.to_path_buf(), missing: beside.to_path_buf() })
        }
    };
    match models {
        Some(folder) => with(folder),
        None => nearest(ModelsError::NotBundled, with),
    }
}

/// The first folder "models" here or above, or beside the program or above, that is one. One that merely happens to be called so does
/// not end the search.
fn nearest(none: ModelsError, of: impl Fn(&Path) -> Result<Chosen, ModelsError>) -> Result<Chosen, ModelsError> {
    let starts = [std::env::current_dir().ok(), std::env::current_exe().ok()];
    let mut unfit = None;
    for folder in starts.iter().flatten().flat_map(|start| start.ancestors()).map(|above| above.join("models")) {
        match of(&folder) {
            Ok(found) => return Ok(found),
            Err(ModelsError::Unreadable { source, .. })
                if matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
            Err(error) => unfit = unfit.or(Some(error)),
        }
    }
    Err(unfit.unwrap_or(none))
}

impl Chosen {
    fn all_of(folder: &Path) -> Result<Self, ModelsError> {
        Ok(Self { models: named(checkpoints(folder)?), folder: Some(folder.to_path_buf()) })
    }
}

/// Sub-folders with a config.json, sorted by name.
fn checkpoints(folder: &Path) -> Result<Vec<PathBuf>, ModelsError> {
    let unreadable = |source| ModelsError::Unreadable { folder: folder.to_path_buf(), source };
    let mut found = Vec::new();
    for entry in folder.read_dir().map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.join("config.json").is_file() {
            found.push(path);
        }
    }
    if found.is_empty() {
        return Err(ModelsError::Empty { folder: folder.to_path_buf() });
    }
    found.sort();
    Ok(found)
}

fn named(folders: Vec<PathBuf>) -> Vec<LocalModel> {
    let mut taken = BTreeSet::new();
    let mut models = Vec::with_capacity(folders.len());
    for folder in folders {
        let base = base_name(&folder);
        let mut name = base.clone();
        let mut copy = 1;
        while !taken.insert(name.clone()) {
            copy += 1;
            name = format!("{base}-{copy}");
        }
        models.push(LocalModel { name, folder });
    }
    models
}

/// The folder's own name, or the file's without ".gguf", also where the path ends in "." or "..", in the letters that a member's name may have.
fn base_name(folder: &Path) -> String {
    let resolved = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    // A link is called what the user calls it.
    let name = folder.file_name().or_else(|| resolved.file_name()).unwrap_or_default().to_string_lossy().into_owned();
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' };
    let name: String = name.strip_suffix(".gguf").unwrap_or(&name).chars().take(LONGEST_NAME).map(plain).collect();
    if name.is_empty() { "model".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(chosen: &Chosen) -> Vec<&str> {
        chosen.models.iter().map(|model| model.name.as_str()).collect()
    }

    #[test]
    fn sub_folders_with_a_configuration_are_models_in_order_of_their_names() {
        let root = tempfile::tempdir().unwrap();
        for name in ["zeta", "alpha", "recipe"] {
            std::fs::create_dir(root.path().join(name)).unwrap();
        }
        for name in ["zeta", "alpha"] {
            std::fs::write(root.path().join(name).join("config.json"), "{}").unwrap();
        }
        assert_eq!(names(&choose(&[], Some(root.path())).unwrap()), ["alpha", "zeta"]);
    }

    #[test]
    fn folders_of_one_name_get_distinct_names() {
        let given = ["a/tiny", "b/tiny", "tiny-2", "c/tiny"].map(PathBuf::from);
        assert_eq!(names(&choose(&given, None).unwrap()), ["tiny", "tiny-2", "tiny-2-2", "tiny-3"]);
        assert_eq!(names(&choose(&["a/tiny-Q8_0.gguf".into()], None).unwrap()), ["tiny-Q8_0"]);
    }

    #[test]
    fn a_name_has_only_letters_that_members_may_have() {
        assert_eq!(
            names(&choose(&["my models/größe 1.5B".into(), "/".into()], None).unwrap()),
            ["gr--e-1.5B", "model"]
        );
    }

    #[test]
    fn bundled_models_have_questions_beside_them() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("a")).unwrap();
        std::fs::write(root.path().join("a/config.json"), "{}").unwrap();
        let beside = Path::new("questions/set.jsonl");
        let error = bundled(Some(root.path()), beside).unwrap_err().to_string();
        assert!(error.ends_with("has no questions/set.jsonl: these are not the bundled models"), "{error}");
        std::fs::create_dir(root.path().join("questions")).unwrap();
        std::fs::write(root.path().join(beside), "").unwrap();
        assert_eq!(names(&bundled(Some(root.path()), beside).unwrap()), ["a"]);
    }

    #[test]
    fn a_folder_without_models_is_named_in_the_error() {
        let root = tempfile::tempdir().unwrap();
        let error = choose(&[], Some(root.path())).unwrap_err().to_string();
        assert!(error.contains(&root.path().display().to_string()), "{error}");
    }
}
