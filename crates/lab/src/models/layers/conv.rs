//! A two-dimensional convolution.

use tch::Tensor;

use super::{Window, towards_images};
use crate::Result;
use crate::models::{Init, Mode, Weights};

/// The convolution.
#[derive(Debug)]
pub struct Conv {
    weight: Tensor,
    bias: Option<Tensor>,
    window: Window,
}

impl Conv {
    /// Draws the weights and the bias of `inputs` → `outputs` channels as PyTorch does by default.
    pub fn new(
        weights: &mut Weights,
        name: &str,
        [inputs, outputs]: [usize; 2],
        window: Window,
    ) -> Result<Self> {
        let init = Init::fan_in(inputs / window.groups * window.kernel * window.kernel);
        Self::with(weights, name, [inputs, outputs], window, init, Some(init))
    }

    /// Draws the weights of `inputs` → `outputs` channels as told, and a bias if told how.
    pub fn with(
        weights: &mut Weights,
        name: &str,
        [inputs, outputs]: [usize; 2],
        window: Window,
        weight: Init,
        bias: Option<Init>,
    ) -> Result<Self> {
        let shape = [outputs, inputs / window.groups, window.kernel, window.kernel];
        let weight = weights.parameter(format!("{name}.weight"), &shape, weight)?;
        let bias = bias.map(|init| weights.parameter(format!("{name}.bias"), &[outputs], init));
        Ok(Self { weight, bias: bias.transpose()?, window })
    }

    /// (N, inputs, H, W) → (N, outputs, H′, W′).
    pub fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        let (x, weight) = (&mode.cast(x)?, mode.cast(&self.weight)?);
        let bias = self.bias.as_ref().map(|bias| mode.cast(bias)).transpose()?;
        let [stride, before, after, groups] = [
            self.window.stride,
            self.window.padding[0],
            self.window.padding[1],
            self.window.groups,
        ]
        .map(|n| n as i64);
        let convolve =
            |x: &Tensor, zeros: i64| x.f_conv2d(&weight, bias.as_ref(), stride, zeros, 1, groups);
        if towards_images::serves(x, &weight, &self.window) {
            let convolved = convolve(&x.f_detach()?, before)?;
            return towards_images::attached(x, &convolved, &weight, &self.window);
        }
        Ok(if before == after {
            convolve(x, before)?
        } else {
            convolve(&x.f_constant_pad_nd([before, after, before, after])?, 0)?
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    /// A 3×3 kernel of ones at stride 2 on a 4×4 image of ones counts the pixels that it covers.
    #[test]
    fn zeros_lie_where_the_window_says() {
        let covered = |window: Window| -> Vec<f32> {
            let mut weights = Weights::new(0);
            let one = Init::Constant(1.0);
            let conv = Conv::with(&mut weights, "c", [1, 1], window, one, None).unwrap();
            let x = Tensor::ones([1, 1, 4, 4], (Kind::Float, Device::Cpu));
            conv.forward(&x, Mode::Evaluate).unwrap().flatten(0, -1).try_into().unwrap()
        };
        assert_eq!(covered(Window::same(3).with_stride(2)), [4.0, 6.0, 6.0, 9.0]);
        assert_eq!(
            covered(Window::same(3).with_stride(2).with_tensorflow_padding()),
            [9.0, 6.0, 6.0, 4.0]
        );
        assert_eq!(covered(Window::valid(3)), [9.0; 4]);
        assert_eq!(Window::same(5).with_stride(2).with_tensorflow_padding().padding, [1, 2]);
        assert_eq!(Window::same(5).with_tensorflow_padding(), Window::same(5));
    }
}
