//! Keys and values on a device, written and read with candle's operations.

use candle_core::{Device, Result, Tensor, bail};

use super::KvStore;
use crate::model::attention::HeadShape;
use crate::model::options::Compute;

pub(in crate::model) struct DeviceKv {
    keys: Tensor,   // [kv_heads, slots, head_dim]
    values: Tensor, // [kv_heads, slots, head_dim]
    shape: HeadShape,
}

/// Which rows of a batch are kept, and where: the same in every layer.
pub(in crate::model) struct Writes {
    /// None: no row is kept.
    kept: Option<Kept>,
}

struct Kept {
    /// None: all, in their order.
    rows: Option<Tensor>, // [kept]
    slots: Tensor, // [kv_heads, kept, head_dim], the slot in every element
}

impl Writes {
    /// Row i goes to slot `writes[i]`, or nowhere.
    pub(in crate::model) fn new(writes: &[Option<u32>], store: &KvStore, device: &Device) -> Result<Self> {
        let (rows, slots): (Vec<u32>, Vec<u32>) =
            (0u32..).zip(writes).filter_map(|(row, write)| write.map(|slot| (row, slot))).unzip();
        check_slots(&slots, store.slots)?;
        if rows.is_empty() {
            return Ok(Self { kept: None });
        }
        let every = (store.shape.kv_heads, rows.len(), store.shape.head_dim);
        let slots = Tensor::new(slots, device)?.reshape((1, rows.len(), 1))?.broadcast_as(every)?.contiguous()?;
        let rows = if rows.len() == writes.len() { None } else { Some(Tensor::new(rows, device)?) };
        Ok(Self { kept: Some(Kept { rows, slots }) })
    }
}

impl DeviceKv {
    pub(super) fn zeroed(slots: usize, shape: HeadShape, compute: &Compute) -> Result<Self> {
        let zeros = || Tensor::zeros((shape.kv_heads, slots, shape.head_dim), compute.dtype, &compute.device);
        Ok(Self { keys: zeros()?, values: zeros()?, shape })
    }

    /// Rows of [rows, kv_heads * head_dim].
    pub(in crate::model) fn write(&mut self, keys: &Tensor, values: &Tensor, writes: &Writes) -> Result<()> {
        let Some(Kept { rows, slots }) = &writes.kept else { return Ok(()) };
        for (store, written) in [(&self.keys, keys), (&self.values, values)] {
            let written = match rows {
                Some(rows) => written.index_select(rows, 0)?,
                None => written.clone(),
            };
            let written = written.reshape(((), self.shape.kv_heads, self.shape.head_dim))?;
            store.scatter_set(slots, &written.transpose(0, 1)?.contiguous()?, 1)?;
        }
        Ok(())
    }

    /// Keys and values of `slots`, [count * longest]: both [kv_heads * count, longest, head_dim].
    pub(in crate::model) fn gather(&self, slots: &Tensor, count: usize) -> Result<(Tensor, Tensor)> {
        let shape = (self.shape.kv_heads * count, (), self.shape.head_dim);
        let gathered = |store: &Tensor| store.index_select(slots, 1)?.reshape(shape);
        Ok((gathered(&self.keys)?, gathered(&self.values)?))
    }
}

/// A device does not look.
pub(in crate::model) fn check_slots(slots: &[u32], held: usize) -> Result<()> {
    match slots.iter().find(|slot| **slot as usize >= held) {
        Some(slot) => bail!("slot {slot} of {held}"),
        None => Ok(()),
    }
}
