//! The two ceilings of the roofline, as the best implementation at hand reaches them where the model computes. They are measured again
//! between any two steps, for what the machine has to give may change at any time: a step is held against the better of those before
//! and after it.

use std::collections::{BTreeMap, btree_map::Entry};

use specfuse_kernels::OutOfMemory;
use specfuse_kernels::ceiling::{ReadBuffer, product_rate};
use specfuse_kernels::matrix::{Format, PackError};

use super::roofline::Cost;
use crate::model::{ForwardError, LoadOptions, Model, Place, Product, WeightFormat};

/// Larger than the caches of any processor known to us.
const BUFFER: usize = 1 << 30;
const TRIES: usize = 3;

/// Bytes and operations a second, of all threads or of the device.
#[derive(Clone, Debug, PartialEq)]
pub struct Ceilings {
    pub traffic: Traffic,
    pub bandwidth: f64,
    /// Of large products of floats. On a CPU the best of ours and candle's, on a device candle's in what the rows are.
    pub floats: f64,
    /// Of large products with weights in the formats of the models: the best of ours and candle's.
    pub formats: BTreeMap<WeightFormat, f64>,
}

/// What the bandwidth is that of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// Reads by all threads of this machine.
    Reads,
    /// Copies on the device, bytes read and bytes written.
    Copies,
}

#[derive(Debug, thiserror::Error)]
pub enum CeilingError {
    #[error(transparent)]
    OutOfMemory(#[from] OutOfMemory),
    #[error(transparent)]
    Pack(#[from] PackError),
    #[error(transparent)]
    Operation(#[from] ForwardError),
}

/// Measures ceilings.
pub(super) struct Probe {
    /// None: the model computes on a device.
    buffer: Option<ReadBuffer>,
    /// Candle's, kept: what is allocated anew each time would count as the model's memory. All are of one place.
    products: BTreeMap<WeightFormat, Product>,
    best: Ceilings,
}

impl Traffic {
    pub fn name(self) -> &'static str {
        match self {
            Self::Reads => "reads",
            Self::Copies => "copies",
        }
    }
}

impl Ceilings {
    fn none(traffic: Traffic) -> Self {
        Self { traffic, bandwidth: 0.0, floats: 0.0, formats: BTreeMap::new() }
    }

    fn raise(&mut self, format: WeightFormat, rate: f64) {
        let known = self.formats.entry(format).or_default();
        *known = known.max(rate);
    }

    /// The better of each.
    pub(super) fn or_better(mut self, other: &Self) -> Self {
        self.bandwidth = self.bandwidth.max(other.bandwidth);
        self.floats = self.floats.max(other.floats);
        other.formats.iter().for_each(|(format, rate)| self.raise(*format, *rate));
        // Weights that are floats can be multiplied as floats.
        for (_, rate) in self.formats.iter_mut().filter(|(format, _)| format.is_float()) {
            *rate = rate.max(self.floats);
        }
        self
    }

    /// Seconds that a step of this cost takes at least; None: nothing was measured for weights in this format.
    pub(super) fn fastest(&self, cost: &Cost, format: Option<WeightFormat>) -> Option<f64> {
        let linear = format.and_then(|format| self.formats.get(&format))?;
        let operations = cost.linear_operations / linear + cost.attention_operations / self.floats;
        Some((cost.bytes() / self.bandwidth).max(operations))
    }
}

impl Probe {
    /// On a CPU, with a first measurement of what no model is needed for.
    pub(super) fn begin(options: &LoadOptions) -> Result<Self, CeilingError> {
        if !options.on_host() {
            return Ok(Self::new(None, Traffic::Copies));
        }
        let mut probe = Self::new(Some(ReadBuffer::new(BUFFER)?), Traffic::Reads);
        probe.measure_host(None)?;
        Ok(probe)
    }

    fn new(buffer: Option<ReadBuffer>, traffic: Traffic) -> Self {
        Self { buffer, products: BTreeMap::new(), best: Ceilings::none(traffic) }
    }

    /// Measures once more: what can be reached now.
    pub(super) fn measure(&mut self, model: &Model, format: Option<WeightFormat>) -> Result<Ceilings, CeilingError> {
        match self.best.traffic {
            Traffic::Reads => self.measure_host(format),
            Traffic::Copies => self.measure_device(model.place(), format),
        }
    }

    /// Of all that was measured.
    pub(super) fn best(self) -> Ceilings {
        self.best
    }

    fn measure_host(&mut self, format: Option<WeightFormat>) -> Result<Ceilings, CeilingError> {
        let mut now = Ceilings::none(Traffic::Reads);
        if let Some(buffer) = &self.buffer {
            now.bandwidth = buffer.bandwidth(TRIES);
        }
        // Not bf16: where the processor multiplies it faster than floats, floats do not go as fast.
        let ours = product_rate(Format::F32, TRIES)?.max(product_rate(Format::F16, TRIES)?);
        now.floats = ours.max(self.candle(Place::host(), WeightFormat::F32)?);
        if let Some(format) = format {
            // Candle's of blocks have threads of their own number.
            now.raise(format, product_rate(format.packed(), TRIES)?);
        }
        Ok(self.known(now))
    }

    fn measure_device(&mut self, place: Place, format: Option<WeightFormat>) -> Result<Ceilings, CeilingError> {
        let mut now = Ceilings::none(Traffic::Copies);
        now.bandwidth = place.copy_bandwidth(TRIES)?;
        now.floats = self.candle(place.clone(), WeightFormat::F32)?;
        if let Some(format) = format {
            let rate = if format.is_float() { now.floats } else { self.candle(place, format)? };
            now.raise(format, rate);
        }
        Ok(self.known(now))
    }

    fn known(&mut self, now: Ceilings) -> Ceilings {
        self.best = self.best.clone().or_better(&now);
        Ceilings::none(now.traffic).or_better(&now)
    }

    fn candle(&mut self, place: Place, format: WeightFormat) -> Result<f64, CeilingError> {
        let product = match self.products.entry(format) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(place.product(format)?),
        };
        Ok(product.rate(TRIES)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_cannot_be_faster_than_its_bytes_nor_than_its_operations() {
        let mut ceilings = Ceilings { bandwidth: 10.0, floats: 100.0, ..Ceilings::none(Traffic::Reads) };
        ceilings.raise(WeightFormat::Q8_0, 400.0);
        ceilings.raise(WeightFormat::Q8_0, 300.0);
        let cost =
            Cost { weight_bytes: 30.0, cache_bytes: 10.0, linear_operations: 800.0, attention_operations: 100.0 };
        // 4 s for the bytes, 2 + 1 s for the operations.
        assert_eq!(ceilings.fastest(&cost, Some(WeightFormat::Q8_0)), Some(4.0));
        let cost = Cost { linear_operations: 8000.0, ..cost };
        assert_eq!(ceilings.fastest(&cost, Some(WeightFormat::Q8_0)), Some(21.0));
    }

    #[test]
    fn a_format_that_was_not_measured_has_no_ceiling() {
        let ceilings = Ceilings { bandwidth: 10.0, floats: 100.0, ..Ceilings::none(Traffic::Reads) };
        assert_eq!(ceilings.fastest(&Cost::default(), Some(WeightFormat::Q4K)), None);
        assert_eq!(ceilings.fastest(&Cost::default(), None), None);
    }

    #[test]
    fn weights_that_are_floats_are_multiplied_as_fast_as_floats_at_least() {
        let mut now = Ceilings { floats: 100.0, ..Ceilings::none(Traffic::Reads) };
        for (format, rate) in [(WeightFormat::F16, 90.0), (WeightFormat::Bf16, 170.0), (WeightFormat::Q4K, 50.0)] {
            now.raise(format, rate);
        }
        let formats = Ceilings::none(Traffic::Reads).or_better(&now).formats;
        let expected = [(WeightFormat::F16, 100.0), (WeightFormat::Bf16, 170.0), (WeightFormat::Q4K, 50.0)];
        assert_eq!(formats, BTreeMap::from(expected));
    }

    #[test]
    fn what_a_device_reaches_is_measured_on_the_device() {
        let mut probe = Probe::new(None, Traffic::Copies);
        let Ceilings { bandwidth, floats, formats, .. } =
            probe.measure_device(Place::host(), Some(WeightFormat::Q4K)).unwrap();
        assert!(bandwidth > 0.0 && floats > 0.0 && formats[&WeightFormat::Q4K] > 0.0);
    }
}
