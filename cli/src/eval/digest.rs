//! What tells two things apart without keeping them: SHA-256, in hexadecimal.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{Context, SHA256};

/// Bytes of the beginning and of the end of a file that are read: all of a small one. No two trainings agree in as many weights.
const READ: u64 = 1 << 20;

/// Parts follow each other with their lengths, so that no two lists of parts are the same text.
pub(super) struct Digest(Context);

impl Digest {
    pub(super) fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    pub(super) fn part(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    pub(super) fn hex(self) -> String {
        self.0.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The first eight bytes.
    pub(super) fn number(self) -> u64 {
        self.0.finish().as_ref().iter().take(8).fold(0, |number, &byte| number << 8 | u64::from(byte))
    }
}

/// Of a checkpoint folder or a GGUF file.
pub(super) fn of_model(path: &Path) -> io::Result<String> {
    let mut digest = Digest::new();
    for file in files(path)? {
        let mut opened = File::open(&file)?;
        let length = opened.metadata()?.len();
        digest.part(file.file_name().unwrap_or_default().as_encoded_bytes());
        digest.part(&length.to_le_bytes());
        let mut bytes = Vec::new();
        (&mut opened).take(READ).read_to_end(&mut bytes)?;
        if length > READ {
            opened.seek(SeekFrom::Start(READ.max(length - READ)))?;
            opened.take(READ).read_to_end(&mut bytes)?;
        }
        digest.part(&bytes);
    }
    Ok(digest.hex())
}

/// The path itself, or the files in it in order of their names.
fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path()));
    let mut files: Vec<PathBuf> = entries.collect::<io::Result<_>>()?;
    files.retain(|file| file.is_file());
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_told_from_another_by_any_of_its_ends() {
        let folder = tempfile::tempdir().unwrap();
        let weights = folder.path().join("model.safetensors");
        let mut bytes = vec![0_u8; 3 << 20];
        fs::write(folder.path().join("config.json"), "{}").unwrap();
        fs::write(&weights, &bytes).unwrap();
        let before = of_model(folder.path()).unwrap();
        assert_eq!(of_model(folder.path()).unwrap(), before);
        *bytes.last_mut().unwrap() = 1;
        fs::write(&weights, &bytes).unwrap();
        assert_ne!(of_model(folder.path()).unwrap(), before);
        assert_ne!(of_model(&weights).unwrap(), before);
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let of = |parts: [&str; 2]| {
            let mut digest = Digest::new();
            parts.iter().for_each(|part| digest.part(part.as_bytes()));
            digest.hex()
        };
        assert_ne!(of(["ab", "c"]), of(["a", "bc"]));
        assert_eq!(of(["ab", "c"]).len(), 64);
    }
}
