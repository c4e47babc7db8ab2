//! Keys and values of every layer, one row for each slot; a slot holds one token. Knows slots, not who owns them: the engine's
//! cache decides that. Written in place, before the attention of the same layer reads.

use std::fmt;

use candle_core::{DType, Device, Result, Storage, Tensor, bail};
use specfuse_kernels::Memory;
use specfuse_kernels::attention::HeadShape;

use super::host;

pub struct KvStore {
    layers: Vec<LayerKv>,
    slots: usize,
}

/// One layer's share.
pub(super) enum LayerKv {
    /// In this machine's memory, [kv_heads, slots, head_dim]: attention reads one head after the other.
    Host(HostKv),
    Device(DeviceKv),
}

pub(super) struct HostKv {
    pub(super) keys: Memory,
    pub(super) values: Memory,
    pub(super) slots: usize,
    shape: HeadShape,
}

pub(super) struct DeviceKv {
    pub(super) keys: Tensor,   // [slots, kv_heads * head_dim]
    pub(super) values: Tensor, // [slots, kv_heads * head_dim]
}

impl KvStore {
    /// On the CPU the pages are zero and come from the operating system when first written.
    pub(super) fn zeroed(
        layers: usize,
        slots: usize,
        shape: HeadShape,
        (dtype, device): (DType, &Device),
    ) -> Result<Self> {
        let layer = |_| match device.is_cpu() {
            true => HostKv::zeroed(slots, shape).map(LayerKv::Host),
            false => DeviceKv::zeroed(slots, shape.kv_width(), dtype, device).map(LayerKv::Device),
        };
        Ok(Self { layers: (0..layers).map(layer).collect::<Result<_>>()?, slots })
    }

    /// Writes every slot once: what was never written is not real memory yet. For timing.
    pub(crate) fn fill(&mut self) {
        for layer in &mut self.layers {
            if let LayerKv::Host(host) = layer {
                host.keys.floats_mut().fill(0.25);
                host.values.floats_mut().fill(0.5);
            }
        }
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
    /// Row i of `keys` and `values`, both [rows, kv_heads * head_dim], goes to slot `writes[i]`, or nowhere.
    pub(super) fn write(&mut self, keys: &Tensor, values: &Tensor, writes: &[Option<u32>]) -> Result<()> {
        match self {
            Self::Host(host) => host.write(keys, values, writes),
            Self::Device(device) => device.write(keys, values, writes),
        }
    }
}

impl HostKv {
    pub(super) fn zeroed(slots: usize, shape: HeadShape) -> Result<Self> {
        let zeros = || Memory::of_floats(slots.saturating_mul(shape.kv_width())).map_err(candle_core::Error::wrap);
        Ok(Self { keys: zeros()?, values: zeros()?, slots, shape })
    }

    fn write(&mut self, keys: &Tensor, values: &Tensor, writes: &[Option<u32>]) -> Result<()> {
        for (memory, rows) in [(&mut self.keys, keys), (&mut self.values, values)] {
            let (storage, layout) = rows.storage_and_layout();
            let Storage::Cpu(storage) = &*storage else { bail!("keys of another device") };
            let rows = host::contiguous(storage, layout)?;
            if rows.len() != writes.len() * self.shape.kv_width() {
                bail!("{} elements for {} slots of {}", rows.len(), writes.len(), self.shape.kv_width());
            }
            write_heads(memory.floats_mut(), rows, writes, (self.slots, self.shape.head_dim))?;
        }
        Ok(())
    }
}

/// Every head of a row goes to its own part of the memory.
fn write_heads(
    memory: &mut [f32],
    rows: &[f32],
    writes: &[Option<u32>],
    (slots, head_dim): (usize, usize),
) -> Result<()> {
    let width = rows.len() / writes.len().max(1);
    for (row, write) in rows.chunks_exact(width.max(1)).zip(writes) {
        let Some(slot) = write.map(|slot| slot as usize) else { continue };
        if slot >= slots {
            bail!("slot {slot} of {slots}");
        }
        for (head, row) in row.chunks_exact(head_dim).enumerate() {
            let at = (head * slots + slot) * head_dim;
            memory[at..at + head_dim].copy_from_slice(row);
        }
    }
    Ok(())
}

impl DeviceKv {
    pub(super) fn zeroed(slots: usize, width: usize, dtype: DType, device: &Device) -> Result<Self> {
        let zeros = || Tensor::zeros((slots, width), dtype, device);
        Ok(Self { keys: zeros()?, values: zeros()? })
    }

    pub(super) fn write(&mut self, keys: &Tensor, values: &Tensor, writes: &[Option<u32>]) -> Result<()> {
        let (rows, slots): (Vec<u32>, Vec<u32>) =
            (0u32..).zip(writes).filter_map(|(row, write)| write.map(|slot| (row, slot))).unzip();
        if rows.is_empty() {
            return Ok(());
        }
        let (device, (_, width)) = (self.keys.device().clone(), self.keys.dims2()?);
        let at = Tensor::new(slots, &device)?.unsqueeze(1)?.broadcast_as((rows.len(), width))?.contiguous()?;
        let written = Tensor::new(rows, &device)?;
        self.keys.scatter_set(&at, &keys.index_select(&written, 0)?, 0)?;
        self.values.scatter_set(&at, &values.index_select(&written, 0)?, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: HeadShape = HeadShape { heads: 2, kv_heads: 2, head_dim: 1 };

    fn rows() -> (Tensor, Tensor) {
        let rows = Tensor::new(&[[1f32, 2.0], [3.0, 4.0], [5.0, 6.0]], &Device::Cpu).unwrap();
        let tens = (&rows * 10.0).unwrap();
        (rows, tens)
    }

    #[test]
    fn rows_land_in_their_slots_and_rows_without_one_nowhere() {
        let (keys, values) = rows();
        let mut store = KvStore::zeroed(1, 4, SHAPE, (DType::F32, &Device::Cpu)).unwrap();
        let layer = store.layers_mut().next().unwrap();
        layer.write(&keys, &values, &[Some(3), None, Some(0)]).unwrap();
        let LayerKv::Host(host) = layer else { panic!("not in memory") };
        assert_eq!(host.keys.floats()[..8], [5.0, 0.0, 0.0, 1.0, 6.0, 0.0, 0.0, 2.0]);
        assert_eq!(host.values.floats()[3], 10.0);
        let mut device = DeviceKv::zeroed(4, 2, DType::F32, &Device::Cpu).unwrap();
        device.write(&keys, &values, &[Some(3), None, Some(0)]).unwrap();
        assert_eq!(device.keys.to_vec2::<f32>().unwrap(), [[5.0, 6.0], [0.0, 0.0], [0.0, 0.0], [1.0, 2.0]]);
        assert_eq!(device.values.to_vec2::<f32>().unwrap()[3], [10.0, 20.0]);
    }

    #[test]
    fn a_store_beyond_any_memory_is_an_error() {
        let wide = HeadShape { heads: 1, kv_heads: 1, head_dim: 1 << 20 };
        assert!(KvStore::zeroed(1, 1 << 40, wide, (DType::F32, &Device::Cpu)).is_err());
    }

    #[test]
    fn a_slot_beyond_the_store_is_an_error() {
        let (keys, values) = rows();
        let mut store = KvStore::zeroed(1, 2, SHAPE, (DType::F32, &Device::Cpu)).unwrap();
        assert!(store.layers_mut().next().unwrap().write(&keys, &values, &[Some(2), None, None]).is_err());
    }
}
