//! What this machine can do at best, measured: how fast all threads read memory, and how fast they multiply large matrices. The two
//! ceilings of a roofline.

use std::hint::black_box;
use std::time::Instant;

use crate::lanes::{self, Kernel, LANES, Lanes};
use crate::matrix::{Format, Matrix, PackError, Row};
use crate::memory::{Memory, OutOfMemory};
use crate::parallel;

/// Rows of the large product.
const ROWS: usize = 240;
/// Inputs and outputs of it: large against a panel, small against the caches.
const WIDTH: usize = 2048;
/// Vectors that are summed side by side, so that reading is what takes the time.
const AT_ONCE: usize = 8;
/// Elements that a thread reads at a time.
const PIECE: usize = 1 << 16;

/// Memory that is read again and again. It should be larger than the caches.
#[derive(Debug)]
pub struct ReadBuffer {
    memory: Memory,
}

impl ReadBuffer {
    pub fn new(bytes: usize) -> Result<Self, OutOfMemory> {
        let mut memory = Memory::zeroed(bytes / size_of::<f32>(), size_of::<f32>())?;
        memory.floats_mut().fill(1.0);
        Ok(Self { memory })
    }

    /// Bytes a second that all threads together read; the best of `tries`.
    pub fn bandwidth(&self, tries: usize) -> f64 {
        let floats = self.memory.floats();
        let pieces = floats.len() / PIECE;
        best(tries, (pieces * PIECE * size_of::<f32>()) as f64, || {
            rayon::scope(|_| {
                parallel::each(pieces, |piece| {
                    black_box(sum(&floats[piece * PIECE..(piece + 1) * PIECE]));
                });
            });
        })
    }
}

/// Operations a second of a large product with weights in this format; the best of `tries`.
pub fn product_rate(format: Format, tries: usize) -> Result<f64, PackError> {
    let values: Vec<f32> = (0..WIDTH).map(|input| (input as f32 * 0.7).sin()).collect();
    let row = |_| match format {
        // Any bytes are blocks.
        Format::Q4K | Format::Q6K => Row::Stored(vec![17; format.row_bytes(WIDTH)].into()),
        Format::F32 | Format::F16 | Format::Bf16 | Format::Q8_0 => Row::Widened(values.clone()),
    };
    let matrix = Matrix::pack(format, WIDTH, WIDTH, row, |_| ())?.rounding_rows();
    let x = vec![0.5; ROWS * WIDTH];
    Ok(best(tries, (2 * ROWS * WIDTH * WIDTH) as f64, || {
        rayon::scope(|_| {
            black_box(matrix.product(&x, ROWS, None));
        });
    }))
}

/// The rate of the fastest of some tries at `amount`.
fn best(tries: usize, amount: f64, mut work: impl FnMut()) -> f64 {
    let one = |_| {
        let from = Instant::now();
        work();
        amount / from.elapsed().as_secs_f64()
    };
    (0..tries).map(one).fold(0.0, f64::max)
}

/// Of whole chunks.
fn sum(floats: &[f32]) -> f32 {
    let mut sum = 0.0;
    lanes::run(Sum { floats, sum: &mut sum });
    sum
}

struct Sum<'a> {
    floats: &'a [f32],
    sum: &'a mut f32,
}

impl Kernel for Sum<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        // SAFETY: chunks are whole vectors.
        unsafe {
            let mut sums = [L::splat(0.0); AT_ONCE];
            for chunk in self.floats.chunks_exact(AT_ONCE * LANES) {
                for (sum, part) in sums.iter_mut().zip(chunk.chunks_exact(LANES)) {
                    L::prefetch(part.as_ptr().cast::<u8>().wrapping_add(4096));
                    *sum = L::add(*sum, L::load(part.as_ptr()));
                }
            }
            for sum in sums {
                *self.sum += L::sum(sum);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_takes_in_every_element_once() {
        for element in 0..2 * AT_ONCE * LANES {
            let mut floats = vec![0.0; 2 * AT_ONCE * LANES];
            floats[element] = 3.0;
            assert_eq!(sum(&floats), 3.0, "element {element}");
        }
    }
}
