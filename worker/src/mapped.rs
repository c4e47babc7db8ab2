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
