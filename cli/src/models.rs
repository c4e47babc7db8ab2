//! Which checkpoints a local cluster serves, and under which names. A member is given as a folder, as a GGUF file, or as "hf:" and the
//! name of a repository of the Hugging Face hub that was pulled before.
//!
//! - [`inventory`]: all that there are, for `specfuse models`

pub(crate) mod inventory;

use std::{
    collections::BTreeSet,
    io,
    path::{Component, Path, PathBuf},
};

use crate::hub::{Homeless, Hub, PREFIX, Repo, RepoError, cache::Cache};

const CONFIG: &str = "config.json";
/// How the name of a GGUF file ends.
const GGUF: &str = "gguf";

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
        "no folder \"models\" here or above, nor beside the program; name one with --models, or members with --model (`specfuse models` lists what there is)"
    )]
    NotFound,
    #[error("no folder \"models\" with questions here or above, nor beside the program; name one with --models")]
    NotBundled,
    #[error("{} has no {}: these are not the bundled models", folder.display(), missing.display())]
    Without { folder: PathBuf, missing: PathBuf },
    #[error("{} holds no model: no sub-folder of it has a config.json, and it has no GGUF file", folder.display())]
    Empty { folder: PathBuf },
    #[error("cannot read {}", folder.display())]
    Unreadable { folder: PathBuf, source: io::Error },
    #[error("{}: there is no such folder or file{}", .0.display(), remedy(.0))]
    Absent(PathBuf),
    #[error("{}: it has no config.json, so it is no checkpoint folder{}", .0.display(), inside(.0))]
    NoCheckpoint(PathBuf),
    #[error("hf:{repo} is not in {}; to bring it there: specfuse models pull {repo}", cache.display())]
    NotPulled { repo: Repo, cache: PathBuf },
    #[error("hf:{repo}: {source}")]
    Homeless { repo: Repo, source: Homeless },
    #[error(transparent)]
    Repo(#[from] RepoError),
}

/// What may help who gave the name of a repository for a path.
fn remedy(path: &Path) -> String {
    let is_relative = path.components().all(|part| matches!(part, Component::Normal(_)));
    match path.to_str().filter(|_| is_relative).and_then(|text| text.parse::<Repo>().ok()) {
        Some(repo) if repo.id.contains('/') => {
            format!("; of the Hugging Face hub: specfuse models pull {repo}, then --model {PREFIX}{repo}")
        }
        Some(_) | None => String::new(),
    }
}

/// What may help who gave a folder of checkpoints for one.
fn inside(folder: &Path) -> &'static str {
    if checkpoints(folder).is_ok() { "; it holds some: give it to --models, or one of them to --model" } else { "" }
}

/// The folders given by hand, else those of `models`, else those of the bundled folder nearest to here or to the program.
pub(crate) fn choose(given: &[PathBuf], models: Option<&Path>) -> Result<Chosen, ModelsError> {
    if !given.is_empty() {
        let cache = cache();
        let members: Result<_, _> = given.iter().map(|path| member(path, cache.as_ref()).and_then(present)).collect();
        return Ok(Chosen { models: named(members?), folder: None });
    }
    if let Some(folder) = models {
        return Chosen::all_of(folder);
    }
    nearest(ModelsError::NotFound, Chosen::all_of)
}

/// Those given by hand, whether they are checkpoints or not.
pub(crate) fn given(paths: &[PathBuf]) -> Result<Vec<LocalModel>, ModelsError> {
    let cache = cache();
    let members: Result<_, _> = paths.iter().map(|path| member(path, cache.as_ref())).collect();
    Ok(named(members?))
}

/// Who names no repository of the hub needs none.
fn cache() -> Result<Cache, Homeless> {
    Ok(Hub::told()?.cache)
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

/// What it is to be called, and where it is.
fn member(given: &Path, cache: Result<&Cache, &Homeless>) -> Result<(String, PathBuf), ModelsError> {
    if let Some(repo) = given.to_str().and_then(|text| text.strip_prefix(PREFIX)) {
        let repo: Repo = repo.parse()?;
        let cache = match cache {
            Ok(cache) => cache,
            Err(source) => return Err(ModelsError::Homeless { repo, source: *source }),
        };
        return match cache.snapshot(&repo) {
            Some(folder) => Ok((plain(repo.name()), folder)),
            None => Err(ModelsError::NotPulled { repo, cache: cache.root.clone() }),
        };
    }
    Ok((base_name(given), given.to_owned()))
}

/// A member that may be one.
fn present((name, place): (String, PathBuf)) -> Result<(String, PathBuf), ModelsError> {
    if !place.exists() {
        return Err(ModelsError::Absent(place));
    }
    if place.is_dir() && !place.join(CONFIG).is_file() {
        return Err(ModelsError::NoCheckpoint(place));
    }
    Ok((name, place))
}

impl Chosen {
    fn all_of(folder: &Path) -> Result<Self, ModelsError> {
        let members = checkpoints(folder)?.into_iter().map(|path| (base_name(&path), path)).collect();
        Ok(Self { models: named(members), folder: Some(folder.to_path_buf()) })
    }
}

/// Sub-folders with a config.json, and GGUF files, sorted by name.
fn checkpoints(folder: &Path) -> Result<Vec<PathBuf>, ModelsError> {
    let unreadable = |source| ModelsError::Unreadable { folder: folder.to_path_buf(), source };
    let mut found = Vec::new();
    for entry in folder.read_dir().map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.join(CONFIG).is_file() || (path.extension().is_some_and(|end| end == GGUF) && path.is_file()) {
            found.push(path);
        }
    }
    if found.is_empty() {
        return Err(ModelsError::Empty { folder: folder.to_path_buf() });
    }
    found.sort();
    Ok(found)
}

/// No two have one name.
fn named(members: Vec<(String, PathBuf)>) -> Vec<LocalModel> {
    let mut taken = BTreeSet::new();
    let mut models = Vec::with_capacity(members.len());
    for (base, folder) in members {
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
    plain(name.strip_suffix(".gguf").unwrap_or(&name))
}

fn plain(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' };
    let name: String = name.chars().take(LONGEST_NAME).map(plain).collect();
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
    fn gguf_files_are_models_of_their_folder() {
        let root = tempfile::tempdir().unwrap();
        for name in ["b-Q8_0.gguf", "a.bin", "README.md"] {
            std::fs::write(root.path().join(name), "").unwrap();
        }
        assert_eq!(names(&choose(&[], Some(root.path())).unwrap()), ["b-Q8_0"]);
    }

    fn called(given: &[&str]) -> Vec<String> {
        let members = given.iter().map(|path| (base_name(Path::new(path)), PathBuf::from(path))).collect();
        named(members).into_iter().map(|model| model.name).collect()
    }

    #[test]
    fn folders_of_one_name_get_distinct_names() {
        assert_eq!(called(&["a/tiny", "b/tiny", "tiny-2", "c/tiny"]), ["tiny", "tiny-2", "tiny-2-2", "tiny-3"]);
        assert_eq!(called(&["a/tiny-Q8_0.gguf"]), ["tiny-Q8_0"]);
    }

    #[test]
    fn a_name_has_only_letters_that_members_may_have() {
        assert_eq!(called(&["my models/größe 1.5B", "/"]), ["gr--e-1.5B", "model"]);
    }

    #[test]
    fn a_repository_given_for_a_folder_is_told_how_to_get() {
        let cache = Cache::at("/no/cache".into());
        let error = |given: &str| member(Path::new(given), Ok(&cache)).and_then(present).unwrap_err().to_string();
        let told = error("Qwen/Qwen2.5-0.5B-Instruct");
        assert!(told.contains("no such folder"), "{told}");
        assert!(told.contains("specfuse models pull Qwen/Qwen2.5-0.5B-Instruct"), "{told}");
        assert!(told.ends_with("--model hf:Qwen/Qwen2.5-0.5B-Instruct"), "{told}");
        assert!(error("/no/such/folder").ends_with("/no/such/folder: there is no such folder or file"));
        let told = error("hf:o/m@v1");
        assert_eq!(told, "hf:o/m@v1 is not in /no/cache; to bring it there: specfuse models pull o/m@v1");
        assert!(error("hf:../..").contains("OWNER/NAME"));
    }

    #[test]
    fn a_folder_of_checkpoints_is_not_one() {
        let root = tempfile::tempdir().unwrap();
        let cache = Cache::at(root.path().join("cache"));
        let empty = member(root.path(), Ok(&cache)).and_then(present).unwrap_err().to_string();
        assert!(empty.ends_with("it is no checkpoint folder"), "{empty}");
        std::fs::create_dir(root.path().join("a")).unwrap();
        std::fs::write(root.path().join("a/config.json"), "{}").unwrap();
        let outer = member(root.path(), Ok(&cache)).and_then(present).unwrap_err().to_string();
        assert!(outer.contains("give it to --models"), "{outer}");
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
