//! Large zeroed memory straight from the operating system: page-aligned, in huge pages where it gives them, touched only when
//! written.

use memmap2::MmapMut;

/// Memory for f32, u16, u8 and the like: every bit pattern is a value of them.
#[derive(Debug)]
pub struct Memory {
    map: MmapMut,
}

/// The operating system gives no memory of this size.
#[derive(Debug, thiserror::Error)]
#[error("no memory for {bytes} bytes")]
pub struct OutOfMemory {
    bytes: usize,
    source: std::io::Error,
}

/// Numbers without padding for which every bit pattern is valid.
///
/// # Safety
/// Exactly that.
pub(crate) unsafe trait Plain: Copy {}
// SAFETY: plain numbers.
unsafe impl Plain for u8 {}
// SAFETY: plain numbers.
unsafe impl Plain for u16 {}
// SAFETY: plain numbers.
unsafe impl Plain for f32 {}

impl Memory {
    /// `count` zeros of a type of `size` bytes.
    pub(crate) fn zeroed(count: usize, size: usize) -> Result<Self, OutOfMemory> {
        let bytes = count.saturating_mul(size).max(1);
        let map = MmapMut::map_anon(bytes).map_err(|source| OutOfMemory { bytes, source })?;
        // Only a wish: without huge pages everything works, a little slower.
        #[cfg(target_os = "linux")]
        let _ = map.advise(memmap2::Advice::HugePage);
        Ok(Self { map })
    }

    /// Room for `count` f32, all 0.
    pub fn of_floats(count: usize) -> Result<Self, OutOfMemory> {
        Self::zeroed(count, size_of::<f32>())
    }

    pub fn floats(&self) -> &[f32] {
        self.slice()
    }

    pub fn floats_mut(&mut self) -> &mut [f32] {
        self.slice_mut()
    }

    pub(crate) fn slice<T: Plain>(&self) -> &[T] {
        // SAFETY: page-aligned, initialised, and of any bit pattern.
        unsafe { std::slice::from_raw_parts(self.map.as_ptr().cast(), self.map.len() / size_of::<T>()) }
    }

    pub(crate) fn slice_mut<T: Plain>(&mut self) -> &mut [T] {
        // SAFETY: the same, and borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.map.as_mut_ptr().cast(), self.map.len() / size_of::<T>()) }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.map.len()
    }
}
