//! The gated activation between the two products of a feed-forward layer.

use candle_core::{Result, Tensor, bail};
use specfuse_kernels::rows;

use super::config::Activation;
use super::host;

/// activation(gate) · up, of rows that hold the gate first, then up: [rows, 2 inner] to [rows, inner]. With our kernels or without.
pub(super) fn activate(activation: Activation, gate_up: &Tensor, inner: usize, kernels: bool) -> Result<Tensor> {
    let kernel = match activation {
        Activation::Silu => Some(rows::Activation::Silu),
        Activation::GeluTanh => Some(rows::Activation::GeluTanh),
        Activation::Gelu => None,
    };
    if let (Some(kernel), true) = (kernel, kernels) {
        return host::apply(gate_up, "gate", inner, |x| match x.len().is_multiple_of(2 * inner) {
            true => Ok(rows::gated(x, inner, kernel)),
            false => bail!("a gate of {inner} for {} elements", x.len()),
        });
    }
    let (gate, up) = (gate_up.narrow(1, 0, inner)?, gate_up.narrow(1, inner, inner)?);
    let gate = match activation {
        Activation::Silu => gate.silu()?,
        Activation::Gelu => gate.gelu_erf()?,
        Activation::GeluTanh => gate.gelu()?,
    };
    gate * up
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn the_gate_goes_through_its_own_function_and_scales_up() {
        let gate_up = Tensor::new(&[[1f32, -2.0, 3.0, 10.0]], &Device::Cpu).unwrap();
        // silu(1) and silu(-2); Φ(1) and Φ(-2), exactly and by 0.5 (1 + tanh(√(2/π) (x + 0.044715 x³))).
        for (activation, expected) in [
            (Activation::Silu, [3.0 * 0.731_058_6, 10.0 * -0.238_405_84]),
            (Activation::Gelu, [3.0 * 0.841_344_7, 10.0 * -0.045_500_26]),
            (Activation::GeluTanh, [3.0 * 0.841_192, 10.0 * -0.045_402_3]),
        ] {
            for kernels in [true, false] {
                let found = activate(activation, &gate_up, 2, kernels).unwrap().to_vec2::<f32>().unwrap();
                for (found, expected) in found[0].iter().zip(expected) {
                    assert!((found - expected).abs() < 2e-6, "{activation:?}, {kernels}: {found} for {expected}");
                }
            }
        }
    }
}
