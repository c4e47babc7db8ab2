//! Kernels as operations on tensors that lie in this machine's memory.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Storage, Tensor, bail};

/// `work` on the elements of a contiguous f32 tensor, which gives rows of `width` elements.
pub(super) fn apply(
    x: &Tensor,
    name: &'static str,
    width: usize,
    work: impl Fn(&[f32]) -> Result<Vec<f32>>,
) -> Result<Tensor> {
    x.apply_op1_no_bwd(&Rowwise { name, width, work })
}

/// `work` on the elements of a contiguous f32 tensor in this machine's memory.
pub(super) fn read<T>(x: &Tensor, work: impl FnOnce(&[f32]) -> Result<T>) -> Result<T> {
    let (storage, layout) = x.storage_and_layout();
    let Storage::Cpu(storage) = &*storage else { bail!("a tensor of another device") };
    work(contiguous(storage, layout)?)
}

struct Rowwise<F> {
    name: &'static str,
    width: usize,
    work: F,
}

impl<F: Fn(&[f32]) -> Result<Vec<f32>>> CustomOp1 for Rowwise<F> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let out = (self.work)(contiguous(storage, layout)?)?;
        let rows = out.len() / self.width.max(1);
        Ok((CpuStorage::F32(out), (rows, self.width).into()))
    }
}

/// The elements of a contiguous f32 tensor.
fn contiguous<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let elements = storage.as_slice::<f32>()?;
    match layout.contiguous_offsets().and_then(|(from, to)| elements.get(from..to)) {
        Some(elements) => Ok(elements),
        None => bail!("a tensor of shape {:?} is not contiguous", layout.shape()),
    }
}
