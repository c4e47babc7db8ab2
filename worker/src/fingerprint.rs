//! What tells one checkpoint from another: a hash over its small files as a whole, and over the lengths, the beginnings and samples of
//! its weights. The same for the same files wherever they lie. Reads a few MiB of a weight file, however large it is; proves nothing
//! against a forger.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
};

use aws_lc_rs::digest::{Context, SHA256};

use crate::model::{LoadError, weight_files};

/// Those that a folder may have beside its weights.
const SMALL: [&str; 5] =
    ["chat_template.jinja", "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"];
/// Bytes of a weight file's beginning, where its header is.
const FIRST: u64 = 1 << 20;
/// Pieces of the rest, evenly spaced, and bytes of each.
const SAMPLES: u64 = 64;
const SAMPLE: u64 = 64 << 10;

/// Of a folder in the Hugging Face format.
pub(crate) fn of_folder(folder: &Path) -> Result<String, LoadError> {
    let mut sum = Sum::new();
    for name in SMALL {
        let path = folder.join(name);
        match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => sum.whole(name, opened).map_err(|source| LoadError::Read { path, source })?,
        }
    }
    for name in weight_files(folder)? {
        let path = folder.join(&name);
        sum.sampled(&name, File::open(&path)).map_err(|source| LoadError::Read { path, source })?;
    }
    Ok(sum.told())
}

/// Of a model in one file, whatever that is called.
pub(crate) fn of_gguf(path: &Path) -> Result<String, LoadError> {
    let mut sum = Sum::new();
    sum.sampled("gguf", File::open(path)).map_err(|source| LoadError::Read { path: path.to_owned(), source })?;
    Ok(sum.told())
}

/// Of a model that is nothing but this config.json, with random weights.
pub(crate) fn of_random(config: &Path) -> Result<String, LoadError> {
    let mut sum = Sum::new();
    sum.whole("random", File::open(config)).map_err(|source| LoadError::Read { path: config.to_owned(), source })?;
    Ok(sum.told())
}

/// The hash so far. Each file enters with its name and its length, so that no two sets of files read alike.
struct Sum(Context);

impl Sum {
    fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    fn whole(&mut self, name: &str, opened: io::Result<File>) -> io::Result<()> {
        let mut file = opened?;
        let length = self.begin(name, &file)?;
        self.add(&mut file, length)
    }

    fn sampled(&mut self, name: &str, opened: io::Result<File>) -> io::Result<()> {
        let mut file = opened?;
        let length = self.begin(name, &file)?;
        if length <= FIRST + SAMPLES * SAMPLE {
            return self.add(&mut file, length);
        }
        self.add(&mut file, FIRST)?;
        // The last piece ends where the file does, but for less than SAMPLES bytes.
        let step = (length - FIRST - SAMPLE) / (SAMPLES - 1);
        for sample in 0..SAMPLES {
            file.seek(SeekFrom::Start(FIRST + sample * step))?;
            self.add(&mut file, SAMPLE)?;
        }
        Ok(())
    }

    /// The file's length.
    fn begin(&mut self, name: &str, file: &File) -> io::Result<u64> {
        let length = file.metadata()?.len();
        self.0.update(&(name.len() as u64).to_le_bytes());
        self.0.update(name.as_bytes());
        self.0.update(&length.to_le_bytes());
        Ok(length)
    }

    /// The next bytes, so many of them.
    fn add(&mut self, file: &mut File, bytes: u64) -> io::Result<()> {
        let mut left = file.take(bytes);
        let mut buffer = vec![0; SAMPLE as usize];
        loop {
            let read = left.read(&mut buffer)?;
            match buffer.get(..read) {
                Some(read) if !read.is_empty() => self.0.update(read),
                Some(_) | None => break,
            }
        }
        if left.limit() == 0 { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    fn told(self) -> String {
        let digits = self.0.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        format!("sha256:{digits}")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    /// Larger than what is read as a whole.
    const LARGE: usize = 6 << 20;

    type Files = Vec<(&'static str, Vec<u8>)>;

    fn files() -> Files {
        let weights = (0..LARGE as u32).map(|place| (place % 251) as u8).collect();
        vec![
            ("config.json", b"{\"a\": 1}".to_vec()),
            ("tokenizer.json", b"{}".to_vec()),
            ("chat_template.jinja", b"{{ x }}".to_vec()),
            ("model.safetensors", weights),
        ]
    }

    fn folder(files: &Files) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        folder
    }

    fn of(files: &Files) -> String {
        of_folder(folder(files).path()).unwrap()
    }

    /// With one byte changed.
    fn changed(file: usize, place: usize) -> String {
        let mut files = files();
        files[file].1[place] ^= 1;
        of(&files)
    }

    #[test]
    fn the_same_files_in_another_folder_are_the_same_checkpoint() {
        let first = of(&files());
        assert_eq!(first, of(&files()));
        let digits = first.strip_prefix("sha256:").unwrap();
        assert!(digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()), "{first}");
        let mut more = files();
        more.push(("README.md", b"hello".to_vec()));
        assert_eq!(first, of(&more), "what is not loaded has no part in it");
    }

    #[test]
    fn one_byte_of_a_small_file_makes_another() {
        for file in 0..3 {
            assert_ne!(of(&files()), changed(file, 1), "{}", files()[file].0);
        }
        let mut renamed = files();
        renamed[2].0 = "generation_config.json";
        assert_ne!(of(&files()), of(&renamed));
    }

    #[test]
    fn weights_count_by_their_beginning_their_samples_and_their_length() {
        for place in [0, (1 << 20) - 1, 1 << 20, LARGE - 100] {
            assert_ne!(of(&files()), changed(3, place), "{place}");
        }
        let mut longer = files();
        longer[3].1.push(0);
        assert_ne!(of(&files()), of(&longer));
        let mut small = files();
        small[3].1.truncate(1 << 20);
        let before = of(&small);
        small[3].1[1 << 19] ^= 1;
        assert_ne!(before, of(&small));
    }

    #[test]
    fn every_shard_counts() {
        let sharded = |second: &[u8]| {
            let mut files = files();
            files.pop();
            files.push((
                "model.safetensors.index.json",
                br#"{"weight_map":{"a":"1.safetensors","b":"2.safetensors"}}"#.to_vec(),
            ));
            files.extend([("1.safetensors", b"one".to_vec()), ("2.safetensors", second.to_vec())]);
            of(&files)
        };
        assert_eq!(sharded(b"two"), sharded(b"two"));
        assert_ne!(sharded(b"two"), sharded(b"twa"));
    }

    #[test]
    fn a_file_is_the_same_by_any_name_and_one_that_cannot_be_read_is_named() {
        let folder = folder(&vec![("a.gguf", vec![1; 9]), ("b.gguf", vec![1; 9]), ("c.gguf", vec![2; 9])]);
        let of = |name| of_gguf(&folder.path().join(name));
        assert_eq!(of("a.gguf").unwrap(), of("b.gguf").unwrap());
        assert_ne!(of("a.gguf").unwrap(), of("c.gguf").unwrap());
        let error = of("d.gguf").unwrap_err();
        assert!(matches!(&error, LoadError::Read { path, .. } if path.ends_with("d.gguf")), "{error}");
    }
}
