//! Keys and values of every layer, one row for each slot; a slot holds one token. Knows slots, not who owns them: the engine's
//! cache decides that. Written in place, before the attention of the same layer reads.

use std::fmt;

use candle_core::{CpuStorage, DType, Device, InplaceOp2, Layout, Result, Tensor, bail};

pub struct KvStore {
    layers: Vec<LayerKv>,
    slots: usize,
}

/// One layer's share.
pub(super) struct LayerKv {
    pub(super) keys: Tensor,   // [slots, kv_heads * head_dim]
    pub(super) values: Tensor, // [slots, kv_heads * head_dim]
}

impl KvStore {
    /// The pages are zero and come from the operating system when first written.
    pub(super) fn zeroed(layers: usize, slots: usize, width: usize, device: &Device) -> Result<Self> {
        let zeros = || {
            // A zeroed allocation that is refused would end the process; this one, never touched, is refused as an error.
            Vec::<f32>::new().try_reserve_exact(slots.saturating_mul(width)).map_err(candle_core::Error::wrap)?;
            Tensor::zeros((slots, width), DType::F32, device)
        };
        let layers = (0..layers).map(|_| Ok(LayerKv { keys: zeros()?, values: zeros()? })).collect::<Result<_>>()?;
        Ok(Self { layers, slots })
    }

    pub(super) fn layers_mut(&mut self) -> impl Iterator<Item = &mut LayerKv> {
        self.layers.iter_mut()
    }
}

impl fmt::Debug for KvStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KvStore").field("layers", &self.layers.len()).field("slots", &self.slots).finish()
    }
}

impl LayerKv {
    /// Row i of `keys` and `values` goes to slot `writes[i]`, or nowhere.
    pub(super) fn write(&mut self, keys: &Tensor, values: &Tensor, writes: &[Option<u32>]) -> Result<()> {
        self.keys.inplace_op2(keys, &WriteSlots { writes })?;
        self.values.inplace_op2(values, &WriteSlots { writes })
    }
}

struct WriteSlots<'a> {
    writes: &'a [Option<u32>],
}

impl InplaceOp2 for WriteSlots<'_> {
    fn name(&self) -> &'static str {
        "write-slots"
    }

    fn cpu_fwd(&self, store: &mut CpuStorage, store_at: &Layout, rows: &CpuStorage, rows_at: &Layout) -> Result<()> {
        let (slots, width) = store_at.shape().dims2()?;
        if rows_at.shape().dims2()? != (self.writes.len(), width) {
            bail!("write-slots: rows of shape {:?} for {} slots of {width}", rows_at.shape(), self.writes.len());
        }
        let rows = contiguous(rows, rows_at)?;
        let CpuStorage::F32(store) = store else { bail!("write-slots: the store is not f32") };
        let Some(store) = store_at.contiguous_offsets().and_then(|(from, to)| store.get_mut(from..to)) else {
            bail!("write-slots: the store is not contiguous")
        };
        for (row, write) in rows.chunks_exact(width).zip(self.writes) {
            let Some(slot) = write.map(|slot| slot as usize) else { continue };
            match store.get_mut(slot * width..(slot + 1) * width) {
                Some(at) => at.copy_from_slice(row),
                None => bail!("write-slots: slot {slot} of {slots}"),
            }
        }
        Ok(())
    }
}

/// The elements of a contiguous f32 tensor.
pub(super) fn contiguous<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let elements = storage.as_slice::<f32>()?;
    match layout.contiguous_offsets().and_then(|(from, to)| elements.get(from..to)) {
        Some(elements) => Ok(elements),
        None => bail!("a tensor of shape {:?} is not contiguous", layout.shape()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_land_in_their_slots_and_rows_without_one_nowhere() {
        let mut store = KvStore::zeroed(1, 4, 2, &Device::Cpu).unwrap();
        let rows = Tensor::new(&[[1f32, 2.0], [3.0, 4.0], [5.0, 6.0]], &Device::Cpu).unwrap();
        let layer = store.layers_mut().next().unwrap();
        layer.write(&rows, &(&rows * 10.0).unwrap(), &[Some(3), None, Some(0)]).unwrap();
        let keys = layer.keys.to_vec2::<f32>().unwrap();
        assert_eq!(keys, [[5.0, 6.0], [0.0, 0.0], [0.0, 0.0], [1.0, 2.0]]);
        assert_eq!(layer.values.to_vec2::<f32>().unwrap()[3], [10.0, 20.0]);
    }

    #[test]
    fn a_store_beyond_any_memory_is_an_error() {
        assert!(KvStore::zeroed(1, 1 << 40, 1 << 20, &Device::Cpu).is_err());
    }

    #[test]
    fn a_slot_beyond_the_store_is_an_error() {
        let mut store = KvStore::zeroed(1, 2, 1, &Device::Cpu).unwrap();
        let rows = Tensor::new(&[[1f32]], &Device::Cpu).unwrap();
        assert!(store.layers_mut().next().unwrap().write(&rows, &rows, &[Some(2)]).is_err());
    }
}
