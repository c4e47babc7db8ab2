//! How a model is loaded: what its weights become, and where they lie.

use candle_core::{DType, Device};

/// How weights are kept in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// As the file has them.
    #[default]
    Stored,
    F32,
    F16,
    Bf16,
    /// Quantised where a row has whole blocks, else as the file has them.
    Q8_0,
    /// Quantised in blocks of 256, where a row has no whole ones as Q8_0.
    Q4K,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    Cpu,
    /// By number.
    Cuda(usize),
    Metal,
}

/// What a model is loaded into.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    pub precision: Precision,
    pub(super) device: Device,
    /// See [`Compute::kernels`].
    pub(super) kernels: bool,
}

/// Where the layers compute, and how.
#[derive(Clone, Debug)]
pub(super) struct Compute {
    pub(super) device: Device,
    /// Of rows, keys and values.
    pub(super) dtype: DType,
    /// Our own kernels, in f32 and on the CPU only; else candle's operations, which every device has.
    pub(super) kernels: bool,
}

/// There is no such device here.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    #[error("this program was built without it (cargo feature {0:?})")]
    NotBuilt(&'static str),
    #[error("the device cannot be used")]
    Unusable(#[source] Box<candle_core::Error>),
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self { precision: Precision::Stored, device: Device::Cpu, kernels: true }
    }
}

impl LoadOptions {
    /// Opens the device.
    pub fn new(precision: Precision, kind: DeviceKind) -> Result<Self, DeviceError> {
        let unusable = |source| DeviceError::Unusable(Box::new(without_backtrace(source)));
        let device = match kind {
            DeviceKind::Cpu => Device::Cpu,
            DeviceKind::Cuda(_) if !cfg!(feature = "cuda") => return Err(DeviceError::NotBuilt("cuda")),
            DeviceKind::Metal if !cfg!(feature = "metal") => return Err(DeviceError::NotBuilt("metal")),
            DeviceKind::Cuda(ordinal) => Device::new_cuda(ordinal).map_err(unusable)?,
            DeviceKind::Metal => Device::new_metal(0).map_err(unusable)?,
        };
        Ok(Self { precision, kernels: device.is_cpu(), device })
    }

    /// Weights, keys and values are in this machine's own memory.
    pub(crate) fn is_on_cpu(&self) -> bool {
        self.device.is_cpu()
    }

    /// The CPU as a device like any other: its operations are candle's.
    #[cfg(test)]
    pub(super) fn operations(precision: Precision) -> Self {
        Self { precision, device: Device::Cpu, kernels: false }
    }
}

/// Its text is for a user who set a flag.
fn without_backtrace(error: candle_core::Error) -> candle_core::Error {
    if let candle_core::Error::WithBacktrace { inner, .. } = error { without_backtrace(*inner) } else { error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_s_refusal_is_one_line() {
        let error = candle_core::Error::Msg("no device".to_owned());
        let backtrace = Box::new(std::backtrace::Backtrace::force_capture());
        let error = candle_core::Error::WithBacktrace { inner: Box::new(error), backtrace };
        assert!(error.to_string().lines().count() > 1);
        assert_eq!(without_backtrace(error).to_string(), "no device");
    }
}
