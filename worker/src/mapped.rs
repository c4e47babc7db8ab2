//! Files mapped into memory for reading: weights are far larger than what is kept of them.

use std::{fs::File, io, path::Path};

use memmap2::Mmap;

#[expect(
    unsafe_code,
    reason = "memory-mapping the weights; the files are read-only to us for as long as they are mapped"
)]
pub(crate) fn map(path: &Path) -> io::Result<Mmap> {
    let file = File::open(path)?;
    // SAFETY: a checkpoint is not modified while it is loaded; a file cut short behind our back would end the process.
    unsafe { Mmap::map(&file) }
}

/// Lets the pages of these bytes of a mapped file go: they come back from the file when they are read again.
#[expect(unsafe_code, reason = "the pages of a read-only file mapping may go at any time")]
pub(crate) fn forget(file: &Mmap, bytes: &[u8]) {
    let Some(offset) = (bytes.as_ptr() as usize).checked_sub(file.as_ptr() as usize) else { return };
    if offset + bytes.len() <= file.len() {
        // SAFETY: nobody writes to this mapping, so nothing is lost. A refusal costs memory only.
        let _ = unsafe { file.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, offset, bytes.len()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgotten_bytes_come_back_and_those_of_no_file_stay() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let bytes: Vec<u8> = (0..30_000u32).map(|i| (i % 253) as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        let file = map(&path).unwrap();
        for range in [0..30_000, 5000..5001, 4096..8192, 29_999..30_000, 7..7] {
            forget(&file, &file[range]);
            assert_eq!(&file[..], &bytes[..]);
        }
        // Elsewhere in memory, below or above the mapping.
        let mut elsewhere = vec![7u8; 30_000];
        forget(&file, &elsewhere);
        elsewhere[0] = 8;
        assert!(elsewhere[1..].iter().all(|byte| *byte == 7));
    }
}
