//! No schedule: the learning rate of the optimizer, in every step.

use crate::card::Card;

pub(super) static CARD: Card = Card {
    name: "constant",
    title: "constant",
    what: "always 1",
    source: "",
    parameters: &[],
    example: "schedule = \"constant\"",
};

pub(super) const FACTOR: f64 = 1.0;
