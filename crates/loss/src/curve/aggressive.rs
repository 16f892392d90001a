//! The aggressive bonus: `el`'s, for the well classified only; a special case of `el` with a name.

use super::PUBLISHED_CLAMP;
use super::card::{Card, Form, Parameter, Range};

pub(super) static CARD: Card = Card {
    name: "aggressive",
    parameters: &[
        Parameter::new("start", 0.5, Range::Unit).kink(),
        Parameter::option("clamp", PUBLISHED_CLAMP, Range::Unit),
    ],
    fixed: &[("le", 1.0)],
    forms: &[Form {
        spec: "aggressive(start=s)",
        value: "−ln p, from s on −ln p + ln q − ln(1−s)",
        weight: "1, then 1/q",
        title: "bonus for the well classified only",
        source: "Table 3",
    }],
    examples: &["aggressive(start=0.5)"],
    ..Card::EMPTY
};

#[cfg(test)]
mod tests {
    use crate::curve::tests::golden;

    #[test]
    fn golden_values() {
        /* from math import *
        for p in .2, .6, .9, .99:
            q = 1 - p
            print(p, -log(p) if p < .5 else -log(p) + log(q) - log(.5), q * (1 if p < .5 else 1/q)) */
        golden(
            "aggressive(start=0.5)",
            &[
                (0.2, 1.609437912, 0.800000000),
                (0.6, 0.287682072, 1.000000000),
                (0.9, -1.504077397, 1.000000000),
                (0.99, -3.901972670, 1.000000000),
            ],
        );
    }
}
