//! Every curve of the softmax probability, with parameters in general position.

pub const CURVES: &[&str] = &[
    "ce",
    "el(le=1)",
    "el(le=1, clamp=0)",
    "el(le=0.75)",
    "el(le=0)",
    "el(le=0.8, start=0.3, rho=0.5, abrupt=0.95)",
    "el(sub=0.7)",
    "aggressive(start=0.5)",
    "power(gamma=2)",
    "cosine",
    "poly(eps=2)",
    "focal(gamma=2)",
    "focal(gamma=0.5)",
    "focal(gamma=2) + bonus(le=0.5)",
    "antifocal(gamma=1)",
    "halted(gamma=1, at=0.5)",
    "gce(q=0.7)",
    "prob",
];
