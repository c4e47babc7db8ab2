//! Bf16 weights on a processor that multiplies pairs of bf16 faster than floats: the rows are rounded to bf16 too, to nearest, as
//! every bf16 engine does.

#[cfg(target_arch = "x86_64")]
mod dots;

use half::bf16;

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
    pub(super) fn of(x: &[f32], rows: usize, shape: Shape) -> Self {
        let inputs = x.len() / rows;
        let steps = inputs.div_ceil(2);
        let mut pairs = vec![0; steps * shape.padded_rows()];
        let size = steps * shape.rows;
        let shared = Shared::new(&mut pairs);
        parallel::each(shape.blocks, |block| {
            // SAFETY: each block of rows is rounded once.
            let pairs = unsafe { shared.part(block * size, size) };
            for (row, x) in x.chunks_exact(inputs).skip(block * shape.rows).take(shape.rows).enumerate() {
                for (pair, x) in pairs[row..].iter_mut().step_by(shape.rows).zip(x.chunks(2)) {
                    *pair = x.iter().rev().fold(0, |pair, x| pair << 16 | u32::from(bf16::from_f32(*x).to_bits()));
                }
            }
        });
        Self { pairs, steps }
    }
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
