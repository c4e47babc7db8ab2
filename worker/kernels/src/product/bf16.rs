//! Bf16 weights on a processor that multiplies pairs of bf16 faster than floats: the rows are rounded to bf16 too, to nearest, as
//! every bf16 engine does.

#[cfg(target_arch = "x86_64")]
mod dots;

use super::Group;
use super::block::Shape;
use crate::lanes;
use crate::parallel::{self, Shared};

/// Rows rounded to bf16, those of a block of rows beside each other: [blocks of rows][inputs / 2][rows of a block], each a pair of
/// inputs. An odd last input has a zero beside it.
pub(super) struct Rows {
    pairs: Vec<u32>,
    /// Pairs of inputs.
    steps: usize,
}

impl Rows {
    /// # Safety
    /// [`is_fast`].
    pub(super) unsafe fn of(x: &[f32], rows: usize, shape: Shape) -> Self {
        let inputs = x.len() / rows;
        let steps = inputs.div_ceil(2);
        let mut pairs = vec![0; steps * shape.padded_rows()];
        let size = steps * shape.rows;
        let shared = Shared::new(&mut pairs);
        parallel::each(shape.blocks, |block| {
            // SAFETY: each block of rows is rounded once.
            let pairs = unsafe { shared.part(block * size, size) };
            let x = &x[block * shape.rows * inputs..rows.min((block + 1) * shape.rows) * inputs];
            // SAFETY: the caller's.
            unsafe { round(x, inputs, shape.rows, pairs) };
        });
        Self { pairs, steps }
    }
}

/// Rounds a block of rows.
///
/// # Safety
/// [`is_fast`].
unsafe fn round(x: &[f32], inputs: usize, rows: usize, pairs: &mut [u32]) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the caller's.
    unsafe {
        dots::round(x, inputs, rows, pairs);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (x, inputs, rows, pairs);
}

/// The processor multiplies pairs of bf16 faster than floats.
pub(super) fn is_fast() -> bool {
    #[cfg(target_arch = "x86_64")]
    return lanes::kind() == lanes::Kind::Avx512 && dots::is_fast();
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// The sums of a group.
///
/// # Safety
/// [`is_fast`].
pub(super) unsafe fn run(group: &Group<'_>, rows: &Rows, sums: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the caller's.
    unsafe {
        dots::run(group, rows, sums);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (group, rows, sums);
}
