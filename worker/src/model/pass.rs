//! One batch as the layers meet it. What depends on its rows alone is worked out once, before the first layer, so that no layer
//! copies anything to a device.

use candle_core::Result;

use super::attention::Gathers;
use super::kv::{KvStore, Writes};
use super::options::Compute;
use super::rope::{Angles, Rope};
use crate::engine::batch::Batch;

pub(super) struct Pass<'a> {
    pub(super) batch: &'a Batch,
    /// Those of every rotary embedding of the model.
    pub(super) angles: Vec<Angles>,
    /// None: our kernels read the batch as it is.
    pub(super) on_device: Option<OnDevice>,
}

pub(super) struct OnDevice {
    pub(super) writes: Writes,
    pub(super) gathers: Gathers,
}

impl<'a> Pass<'a> {
    /// `windows`: those of the model's layers.
    pub(super) fn new(
        batch: &'a Batch,
        ropes: &[Rope],
        windows: &[Option<usize>],
        store: &KvStore,
        compute: &Compute,
    ) -> Result<Self> {
        let angles = ropes.iter().map(|rope| rope.angles(batch, compute)).collect::<Result<_>>()?;
        let on_device = match compute.kernels {
            true => None,
            false => Some(OnDevice {
                writes: Writes::new(&batch.writes, store, &compute.device)?,
                gathers: Gathers::new(&batch.spans, windows, store.slots(), &compute.device)?,
            }),
        };
        Ok(Self { batch, angles, on_device })
    }
}
