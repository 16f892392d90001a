//! The gradient of a first convolution with respect to its images, which attacks follow.
//!
//! With one channel, libtorch's takes as long as a whole convolution of 16 to 32 channels, for its
//! kernels hold channels in vectors. Here each pixel of the upstream gradient is spread over its
//! window: one product of matrices for all windows, and sums of rows. With three channels its own are
//! as fast.

use tch::{Device, Kind, Tensor};

use super::Window;
use crate::Result;
use crate::autograd::{Operation, Values, attach, filled};

/// What the backward pass takes.
struct TowardsImages {
    /// (outputs, 1, K, K).
    weight: Tensor,
    /// (N, 1, H, W).
    size: Vec<i64>,
    padding: usize,
}

/// Whether [`attached`] is for these images and this convolution.
pub fn serves(x: &Tensor, weight: &Tensor, window: &Window) -> bool {
    let [before, after] = window.padding;
    x.requires_grad()
        && (x.device(), x.kind()) == (Device::Cpu, Kind::Float)
        && weight.size()[1] == 1
        && (window.stride, window.groups, before) == (1, 1, after)
}

/// `convolved`, of images (N, 1, H, W) that were no part of the graph, with a gradient that reaches
/// `x`.
///
/// # Errors
/// Only what libtorch refuses.
pub fn attached(
    x: &Tensor,
    convolved: &Tensor,
    weight: &Tensor,
    window: &Window,
) -> Result<Tensor> {
    let operation =
        TowardsImages { weight: weight.f_detach()?, size: x.size(), padding: window.padding[0] };
    // The first takes weights and bias where they always were.
    attach(convolved, &[convolved, x], operation)
}

impl Operation for TowardsImages {
    fn backward(&self, upstream: &Tensor) -> Result<Vec<Option<Tensor>>> {
        // What each pixel of the upstream gradient adds to each of its window: (N, K·K, H′·W′).
        let spread = self.weight.f_flatten(1, -1)?.f_tr()?.f_matmul(&upstream.f_flatten(2, -1)?)?;
        let spread = Values::of::<f32>(&spread)?;
        let side = |tensor: &Tensor, at: usize| tensor.size()[at] as usize;
        let taps = [side(&self.weight, 2), side(&self.weight, 3)];
        let from = [side(upstream, 2), side(upstream, 3)];
        let to = [self.size[2] as usize, self.size[3] as usize];
        let gradient = filled(&self.size, |images| {
            fold(spread.slice(), images, taps, from, to, self.padding);
        })?;
        Ok(vec![Some(upstream.shallow_clone()), Some(gradient)])
    }
}

/// Adds each plane `spread` (N, K·K, H′·W′) to `images` (N, H, W), moved by its place in the window.
fn fold(
    spread: &[f32],
    images: &mut [f32],
    taps: [usize; 2],
    from: [usize; 2],
    to: [usize; 2],
    padding: usize,
) {
    let (window, plane) = (taps[0] * taps[1], from[0] * from[1]);
    let planes = spread.chunks_exact(window * plane);
    for (image, planes) in images.chunks_exact_mut(to[0] * to[1]).zip(planes) {
        for (tap, plane) in planes.chunks_exact(plane).enumerate() {
            let [down, right] = [tap / taps[1], tap % taps[1]];
            // Columns that do not fall into the zeros around the image.
            let first = padding.saturating_sub(right);
            let last = from[1].min((to[1] + padding).saturating_sub(right));
            for (row, values) in plane.chunks_exact(from[1]).enumerate() {
                let Some(row) = (row + down).checked_sub(padding).filter(|row| *row < to[0]) else {
                    continue;
                };
                let start = row * to[1] + first + right - padding;
                let values = &values[first..last.max(first)];
                let sums = &mut image[start..start + values.len()];
                sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::layers::Conv;
    use crate::models::{Init, Mode, Weights};
    use crate::random::Stream;

    /// Gradients of images, weights and bias are libtorch's, with zeros around the images and without.
    #[test]
    fn gradients_are_those_of_libtorch() {
        let cases = [
            (Window::valid(5), [9, 7]),
            (Window::same(3), [4, 5]),
            (Window { padding: [4; 2], ..Window::valid(5) }, [3, 2]),
            (Window::valid(1), [2, 2]),
        ];
        for (window, [height, width]) in cases {
            let mut weights = Weights::new(1);
            let conv = Conv::new(&mut weights, "c", [1, 6], window).unwrap();
            let draws = Init::Normal(1.0).values(Stream::new(2, "x"), 3 * height * width);
            let images = Tensor::from_slice(&draws).view([3, 1, height as i64, width as i64]);
            let parameters: Vec<&Tensor> = weights.parameters().collect();
            let found = [false, true].map(|ours| {
                let x = images.copy().set_requires_grad(true);
                let y = match ours {
                    true => conv.forward(&x, Mode::Evaluate).unwrap(),
                    false => {
                        let zeros = window.padding[0] as i64;
                        x.conv2d(parameters[0], Some(parameters[1]), 1, zeros, 1, 1)
                    }
                };
                // Upstream the gradient is 3y².
                (&y * &y * &y).sum(Kind::Float).backward();
                let gradients = parameters.iter().map(|parameter| {
                    let gradient = parameter.grad().copy();
                    let _ = parameter.grad().zero_();
                    gradient
                });
                [y.detach(), x.grad()].into_iter().chain(gradients).collect::<Vec<_>>()
            });
            for (ours, theirs) in found[1].iter().zip(&found[0]) {
                let gap = (ours - theirs).abs().max().double_value(&[]);
                assert!(gap < 1e-5 * theirs.abs().max().double_value(&[]), "{window:?}: {gap}");
            }
        }
    }

    #[test]
    fn images_of_which_no_gradient_is_asked_are_left_to_libtorch() {
        let mut weights = Weights::new(1);
        let _ = Conv::new(&mut weights, "c", [1, 2], Window::valid(3)).unwrap();
        let weight = weights.parameters().next().unwrap();
        let x = Tensor::zeros([1, 1, 4, 4], (Kind::Float, Device::Cpu));
        assert!(!serves(&x, weight, &Window::valid(3)));
        let x = x.set_requires_grad(true);
        assert!(serves(&x, weight, &Window::valid(3)));
        assert!(!serves(&x, weight, &Window::valid(3).with_stride(2)));
        assert!(!serves(&x.to_kind(Kind::BFloat16), weight, &Window::valid(3)));
    }
}
