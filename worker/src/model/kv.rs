//! Keys and values of every layer, one row for each slot; a slot holds one token. Knows slots, not who owns them: the engine's
//! cache decides that. Written in place, before the attention of the same layer reads.

mod device;

use std::fmt;

use candle_core::{Result, Tensor, bail};
use specfuse_kernels::Memory;
use specfuse_kernels::attention::{HeadShape, elements, place};

use super::host;
use super::options::Compute;
use super::pass::Pass;
pub(super) use device::{DeviceKv, Writes, check_slots};

pub struct KvStore {
    layers: Vec<LayerKv>,
    slots: usize,
    shape: HeadShape,
}

/// One layer's share.
pub(super) enum LayerKv {
    /// In this machine's memory, as our attention wants it.
    Host(HostKv),
    Device(DeviceKv),
}

pub(super) struct HostKv {
    pub(super) keys: Memory,
    pub(super) values: Memory,
    pub(super) slots: usize,
    shape: HeadShape,
}

impl KvStore {
    /// For our kernels the pages are zero and come from the operating system when first written.
    pub(super) fn zeroed(layers: usize, slots: usize, shape: HeadShape, compute: &Compute) -> Result<Self> {
        let layer = |_| match compute.kernels {
            true => HostKv::zeroed(slots, shape).map(LayerKv::Host),
            false => DeviceKv::zeroed(slots, shape, compute).map(LayerKv::Device),
        };
        Ok(Self { layers: (0..layers).map(layer).collect::<Result<_>>()?, slots, shape })
    }

    pub(super) fn slots(&self) -> usize {
        self.slots
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
    /// The pass's rows of `keys` and `values`, both [rows, kv_heads * head_dim], go to their slots, or nowhere.
    pub(super) fn write(&mut self, keys: &Tensor, values: &Tensor, pass: &Pass<'_>) -> Result<()> {
        match (self, &pass.on_device) {
            (Self::Host(host), None) => host.write(keys, values, &pass.batch.writes),
            (Self::Device(device), Some(pass)) => device.write(keys, values, &pass.writes),
            (Self::Host(_) | Self::Device(_), _) => bail!("a store of another device"),
        }
    }
}

impl HostKv {
    pub(super) fn zeroed(slots: usize, shape: HeadShape) -> Result<Self> {
        let zeros = || Memory::of_floats(elements(shape, slots)).map_err(candle_core::Error::wrap);
        Ok(Self { keys: zeros()?, values: zeros()?, slots, shape })
    }

    fn write(&mut self, keys: &Tensor, values: &Tensor, writes: &[Option<u32>]) -> Result<()> {
        for (memory, rows) in [(&mut self.keys, keys), (&mut self.values, values)] {
            host::read(rows, |rows| {
                if rows.len() != writes.len() * self.shape.kv_width() {
                    bail!("{} elements for {} slots of {}", rows.len(), writes.len(), self.shape.kv_width());
                }
                write_heads(memory.floats_mut(), rows, writes, (self.slots, self.shape))
            })?;
        }
        Ok(())
    }
}

/// Every head of a row goes to its own part of the memory.
fn write_heads(
    memory: &mut [f32],
    rows: &[f32],
    writes: &[Option<u32>],
    (slots, shape): (usize, HeadShape),
) -> Result<()> {
    for (row, write) in rows.chunks_exact(shape.kv_width()).zip(writes) {
        let Some(slot) = write.map(|slot| slot as usize) else { continue };
        if slot >= slots {
            bail!("slot {slot} of {slots}");
        }
        for (head, row) in row.chunks_exact(shape.head_dim).enumerate() {
            let at = place(shape, head, slot);
            memory[at..at + shape.head_dim].copy_from_slice(row);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;
    use crate::engine::batch::Batch;

    const SHAPE: HeadShape = HeadShape { heads: 2, kv_heads: 2, head_dim: 1 };

    /// With our kernels and without.
    fn stores(slots: usize) -> [(KvStore, Compute); 2] {
        [true, false].map(|kernels| {
            let compute = Compute { device: Device::Cpu, dtype: DType::F32, kernels };
            (KvStore::zeroed(1, slots, SHAPE, &compute).unwrap(), compute)
        })
    }

    /// Rows (1, 2), (3, 4) and (5, 6) as keys, ten times that as values.
    fn write(store: &mut KvStore, compute: &Compute, writes: [Option<u32>; 3]) -> Result<()> {
        let keys = Tensor::new(&[[1f32, 2.0], [3.0, 4.0], [5.0, 6.0]], &Device::Cpu)?;
        let values = (&keys * 10.0)?;
        let batch = Batch { writes: writes.to_vec(), ..Batch::default() };
        let pass = Pass::new(&batch, &[], &[], store, compute)?;
        store.layers_mut().next().unwrap().write(&keys, &values, &pass)
    }

    /// The keys and values of one head in every slot.
    fn held(store: &KvStore, head: usize) -> (Vec<f32>, Vec<f32>) {
        let slots = store.slots;
        match &store.layers[0] {
            LayerKv::Host(host) => {
                let of = |memory: &Memory| (0..slots).map(|slot| memory.floats()[place(SHAPE, head, slot)]).collect();
                (of(&host.keys), of(&host.values))
            }
            LayerKv::Device(device) => {
                let every = Tensor::arange(0, slots as u32, &Device::Cpu).unwrap();
                let (keys, values) = device.gather(&every, 1).unwrap();
                let of = |tensor: Tensor| tensor.get(head).unwrap().flatten_all().unwrap().to_vec1().unwrap();
                (of(keys), of(values))
            }
        }
    }

    #[test]
    fn rows_land_in_their_slots_and_rows_without_one_nowhere() {
        for (mut store, compute) in stores(4) {
            write(&mut store, &compute, [Some(3), None, Some(0)]).unwrap();
            assert_eq!(held(&store, 0), (vec![5.0, 0.0, 0.0, 1.0], vec![50.0, 0.0, 0.0, 10.0]));
            assert_eq!(held(&store, 1), (vec![6.0, 0.0, 0.0, 2.0], vec![60.0, 0.0, 0.0, 20.0]));
            write(&mut store, &compute, [None, None, None]).unwrap();
            write(&mut store, &compute, [Some(2), Some(1), Some(0)]).unwrap();
            assert_eq!(held(&store, 1).0, [6.0, 4.0, 2.0, 2.0]);
        }
    }

    #[test]
    fn a_store_beyond_any_memory_is_an_error() {
        let wide = HeadShape { heads: 1, kv_heads: 1, head_dim: 1 << 20 };
        let compute = Compute { device: Device::Cpu, dtype: DType::F32, kernels: true };
        assert!(KvStore::zeroed(1, 1 << 40, wide, &compute).is_err());
    }

    #[test]
    fn a_slot_beyond_the_store_is_an_error() {
        for (mut store, compute) in stores(2) {
            assert!(write(&mut store, &compute, [Some(2), None, None]).is_err());
        }
    }
}
