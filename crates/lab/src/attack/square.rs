//! Square (Andriushchenko et al. 2020, algorithms 1 and 2, L∞): no gradient at all. Squares of
//! pixels are set to one end of the box or the other, and what lowers the label's margin stays.

use tch::{Device, Kind, Tensor};

use super::objective::margins;
use super::settings::Settings;
use super::spec::Configurable;
use super::{Attack, Clean, Effort, Model, Norm, Objective, Tag};
use crate::card::{Card, Parameter, Range};
use crate::random::Stream;
use crate::{Error, Result};

pub(super) static CARD: Card = Card {
    name: "square",
    title: "Square",
    what: "random squares of pixels at ±ε, of which stays what lowers the margin; no gradient",
    source: "Andriushchenko et al. 2020, algorithms 1 and 2",
    parameters: &[
        Parameter {
            name: "queries",
            default: Some("5000"),
            range: Range::AtLeast(1.0),
            what: "how often the model is asked about an example",
        },
        Parameter {
            name: "share",
            default: Some("0.8"),
            range: Range::PositiveShare,
            what: "the share of the pixels that a square covers in the beginning",
        },
    ],
    example: "square(queries=1000)",
};

/// The attack and its settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Square {
    /// How often the model is asked about an example.
    pub queries: usize,
    /// p, the share of the pixels that a square covers in the beginning.
    pub share: f64,
}

impl Default for Square {
    /// As in AutoAttack.
    fn default() -> Self {
        Self { queries: 5000, share: 0.8 }
    }
}

/// One example on its way.
struct Walk<'a> {
    /// Where it is in the batch.
    at: usize,
    clean: &'a [f32],
    label: i64,
    best: Vec<f32>,
    /// By how much the model is wrong there.
    margin: f32,
    random: Stream,
    /// How many numbers were drawn.
    drawn: u64,
}

impl Walk<'_> {
    fn sign(&mut self) -> f32 {
        if self.below(2) == 0 { -1.0 } else { 1.0 }
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.drawn += 1;
        self.random.below(self.drawn, bound)
    }

    /// Vertical stripes of ±ε, one sign a channel and column.
    fn stripes(&mut self, [channels, height, width]: [usize; 3], epsilon: f32) -> Vec<f32> {
        let mut pixels = self.clean.to_vec();
        for channel in 0..channels {
            for column in 0..width {
                let move_by = epsilon * self.sign();
                for row in 0..height {
                    let pixel = &mut pixels[(channel * height + row) * width + column];
                    *pixel = (*pixel + move_by).clamp(0.0, 1.0);
                }
            }
        }
        pixels
    }

    /// The best point with a square of `side` pixels at ±ε, one sign a channel.
    fn with_square(
        &mut self,
        [channels, height, width]: [usize; 3],
        side: usize,
        epsilon: f32,
    ) -> Vec<f32> {
        let top = self.below((height - side + 1) as u64) as usize;
        let left = self.below((width - side + 1) as u64) as usize;
        let mut pixels = self.best.clone();
        for channel in 0..channels {
            let move_by = epsilon * self.sign();
            for row in top..top + side {
                for column in left..left + side {
                    let at = (channel * height + row) * width + column;
                    pixels[at] = (self.clean[at] + move_by).clamp(0.0, 1.0);
                }
            }
        }
        pixels
    }
}

impl Square {
    /// The side of the square at `query`: its share of the pixels halves as the paper says for
    /// 10,000 queries, earlier where there are fewer.
    fn side(&self, query: usize, [_, height, width]: [usize; 3]) -> usize {
        let of_ten_thousand = query * 10_000 / self.queries.max(1);
        let after = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000];
        let halvings = after.iter().filter(|&&after| of_ten_thousand > after).count();
        let share = self.share / f64::from(1 << halvings);
        let side = (share * (height * width) as f64).sqrt().round() as usize;
        side.clamp(1, height.min(width))
    }
}

/// By how much the model is wrong about each of `pixels`, and a batch of them.
fn ask(
    model: &Model,
    shape: [usize; 3],
    device: Device,
    pixels: &[Vec<f32>],
    labels: &[i64],
) -> Result<Vec<f32>> {
    let [channels, height, width] = shape.map(|n| n as i64);
    let inputs = Tensor::f_from_slice(&pixels.concat())?.f_view([-1, channels, height, width])?;
    let labels = Tensor::f_from_slice(labels)?.f_to(device)?;
    let logits = tch::no_grad(|| model(&inputs.f_to(device)?))?;
    Ok(Vec::try_from(margins(&logits, &labels, None)?.f_to_kind(Kind::Float)?)?)
}

impl Configurable for Square {
    fn settings(&mut self, each: &mut Settings) -> Result<()> {
        each.whole("queries", &mut self.queries)?;
        each.number("share", &mut self.share)
    }
}

impl Attack for Square {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn tags(&self) -> Vec<Tag> {
        vec![Norm::Linf.tag()]
    }

    fn setting(&self) -> String {
        format!(
            "L∞, {} random squares at first over {} % of the pixels, no gradient",
            self.queries,
            100.0 * self.share
        )
    }

    fn norm(&self) -> Norm {
        Norm::Linf
    }

    fn objective(&self) -> Option<Objective> {
        None
    }

    fn effort(&self) -> Effort {
        Effort::Standing
    }

    fn gradients_a_target(&self) -> usize {
        0
    }

    fn cost(&self) -> f64 {
        // Forward alone takes a third.
        self.queries as f64 / 3.0
    }

    fn perturb(&self, model: &Model, clean: &Clean, epsilon: f64) -> Result<Tensor> {
        let size = clean.inputs.size();
        let [_, channels, height, width] = size[..] else {
            return Err(Error::Request(format!("square needs images (N, C, H, W), not {size:?}")));
        };
        let shape = [channels, height, width].map(|n| n as usize);
        let device = clean.inputs.device();
        let pixels = Vec::<f32>::try_from(clean.inputs.f_flatten(0, -1)?)?;
        let labels = Vec::<i64>::try_from(clean.labels)?;
        let random = Stream::new(clean.seed, "square");
        let epsilon = epsilon as f32;
        let examples = pixels.chunks_exact(shape.iter().product()).zip(&labels).enumerate();
        let mut walks: Vec<Walk> = examples
            .map(|(at, (clean_pixels, &label))| Walk {
                at,
                clean: clean_pixels,
                label,
                best: clean_pixels.to_vec(),
                margin: f32::NEG_INFINITY,
                random: random.part(clean.numbers[at] as u64),
                drawn: 0,
            })
            .collect();
        let mut moved = pixels.clone();
        for query in 0..self.queries {
            let side = self.side(query, shape);
            let tried: Vec<Vec<f32>> = walks
                .iter_mut()
                .map(|walk| match query {
                    0 => walk.stripes(shape, epsilon),
                    _ => walk.with_square(shape, side, epsilon),
                })
                .collect();
            let labels: Vec<i64> = walks.iter().map(|walk| walk.label).collect();
            let margins = ask(model, shape, device, &tried, &labels)?;
            for ((walk, tried), margin) in walks.iter_mut().zip(tried).zip(margins) {
                if margin > walk.margin {
                    (walk.best, walk.margin) = (tried, margin);
                }
            }
            walks.retain(|walk| {
                let stands = walk.margin <= 0.0 && query + 1 < self.queries;
                if !stands {
                    let place = walk.at * walk.best.len();
                    moved[place..place + walk.best.len()].copy_from_slice(&walk.best);
                }
                stands
            });
            if walks.is_empty() {
                break;
            }
        }
        Ok(Tensor::f_from_slice(&moved)?.f_view(size.as_slice())?.f_to(device)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attack::tests::{attacked, images, keeps_the_rules, linear};

    #[test]
    fn keeps_the_rules_of_an_attack() {
        keeps_the_rules(&Square { queries: 30, ..Square::default() });
    }

    #[test]
    fn needs_no_gradient() {
        // Steps of the logits: flat wherever one looks.
        let smooth = linear(&[1.0, 0.0, 0.0, 1.0], 2);
        let model = move |inputs: &Tensor| Ok((smooth(inputs)? * 10.0).round());
        let inputs = images(&[0.6, 0.4], 2);
        let labels = Tensor::from_slice(&[0i64]);
        let attack = Square { queries: 60, ..Square::default() };
        let moved = attacked(&attack, &model, &inputs, &labels, 0.2, 0);
        assert_eq!(model(&moved).unwrap().argmax(1, false).int64_value(&[0]), 1);
    }

    #[test]
    fn squares_shrink_as_published() {
        let square = Square { queries: 10_000, share: 0.8 };
        let sides = [0, 10, 11, 51, 201, 501, 1001, 2001, 4001, 6001, 8001, 9999];
        let sides = sides.map(|query| square.side(query, [1, 28, 28]));
        // round(28·√(0.8/2ᵏ)), k = 0, 0, 1, 2, …, 9, 9.
        assert_eq!(sides, [25, 25, 18, 13, 9, 6, 4, 3, 2, 2, 1, 1]);
    }
}
