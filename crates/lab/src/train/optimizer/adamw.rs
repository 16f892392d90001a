//! AdamW (Loshchilov and Hutter 2019, algorithm 2): Adam whose weight decay acts beside the gradient,
//! p ← (1 − η·λ)·p, before the step.

use tch::Device;

use super::Rule;
use super::adam::{self, Adam, AdamRecipe};
use crate::card::Card;

pub(super) static CARD: Card = Card {
    name: "adamw",
    title: "AdamW",
    what: "Adam with weight decay beside the gradient",
    source: "Loshchilov and Hutter 2019, algorithm 2; PyTorch's `AdamW`",
    example: "optimizer.adamw = { lr = 0.001, weight_decay = 0.05 }",
    ..adam::CARD
};

pub(super) fn rule(recipe: &AdamRecipe, _: Device) -> Box<dyn Rule> {
    Box::new(Adam::new(recipe, true))
}

#[cfg(test)]
mod tests {
    use super::super::tests::assert_steps;

    /// `torch.optim.AdamW([w, b], lr=.05, weight_decay=.1)`, then with `kernels(w, b)`.
    #[test]
    fn adamw_is_that_of_pytorch() {
        assert_steps(
            "adamw = { lr = 0.05, weight_decay = 0.1 }",
            [
                [0.6465, -1.0445001, 0.149],
                [0.5939233, -0.9896286, 0.1030734],
                [0.5427432, -0.9356336, 0.063897],
                [0.4934152, -0.8827646, 0.0310534],
            ],
        );
        assert_steps(
            "adamw = { lr = 0.05, weight_decay = 0.1, weight_decay_on = 'kernels' }",
            [
                [0.6465, -1.0445001, 0.15],
                [0.5939233, -0.9896286, 0.1046655],
                [0.5427432, -0.9356336, 0.0657386],
                [0.4934152, -0.8827646, 0.0329255],
            ],
        );
    }
}
