//! Every modifier of a spec with every curve.

use super::reference::{Part, Rows, plain};
use super::{COUNTS, CURVES, draws, labels, loss};
use steepness::{
    Base, Bonus, Criterion, Curve, Error, Loss, Shape, effective_number_weights, ldam_margins,
};

const CLASSES: usize = COUNTS.len();
const ROWS: usize = 3;

/// What a modifier makes of a curve: the parts that the loss is the sum of.
type Expected = Box<dyn Fn(Curve) -> Vec<Part>>;

/// Base and bonus apart.
fn split(curve: Curve) -> (Part, Option<Part>) {
    let base = plain(Curve { bonus: None, ..curve }, CLASSES);
    let bonus = curve.bonus.map(|_| plain(Curve { base: Base::Zero, ..curve }, CLASSES));
    (base, bonus)
}

fn whole(change: impl Fn(&mut Part) + 'static) -> Expected {
    Box::new(move |curve| {
        let mut part = plain(curve, CLASSES);
        change(&mut part);
        vec![part]
    })
}

fn adjusted(adjust: impl Fn(&mut [f64], usize) + Clone + 'static) -> Expected {
    whole(move |part| part.adjust = Box::new(adjust.clone()))
}

/// The bonus changed apart from the base.
fn apart(
    change_base: impl Fn(&mut Part) + 'static,
    change_bonus: impl Fn(&mut Part) + 'static,
) -> Expected {
    Box::new(move |curve| {
        let (mut base, bonus) = split(curve);
        change_base(&mut base);
        let changed = bonus.map(|mut bonus| {
            change_bonus(&mut bonus);
            bonus
        });
        [Some(base), changed].into_iter().flatten().collect()
    })
}

/// The bonus with class weights of its own, its mean being over rows.
fn bonus_weights(base: Vec<f64>, bonus: Vec<f64>) -> Expected {
    apart(
        move |part| part.class_weights = base.clone(),
        move |part| {
            part.class_weights = bonus.clone();
            part.by_weights = false;
        },
    )
}

fn rescheduled(change: impl Fn(&mut Bonus) + 'static) -> Expected {
    Box::new(move |mut curve| {
        if let Some(bonus) = &mut curve.bonus {
            change(bonus);
        }
        vec![plain(curve, CLASSES)]
    })
}

/// A modifier, the epoch and the number of epochs, and its definition.
fn cases() -> Vec<(&'static str, usize, usize, Expected)> {
    let weights = effective_number_weights(0.999, &COUNTS);
    let largest = weights.iter().copied().fold(0.0, f64::max);
    let over_largest: Vec<f64> = weights.iter().map(|w| w / largest).collect();
    let total: u64 = COUNTS.iter().sum();
    let log_priors = COUNTS.map(|n| (n as f64 / total as f64).ln());
    let margins = ldam_margins(0.5, &COUNTS);
    let ldam = move |z: &mut [f64], y: usize| {
        z[y] -= margins[y];
        z.iter_mut().for_each(|z| *z *= 5.0);
    };
    let ones = vec![1.0; CLASSES];
    let deferred = || -> Expected { Box::new(|curve| vec![split(curve).0]) };
    let rho = |factor: f64| rescheduled(move |bonus| bonus.rho *= factor);
    let le = |factor: f64| {
        rescheduled(move |bonus| match &mut bonus.shape {
            Shape::Log { le, .. } => *le *= factor,
            other => panic!("{other:?} has no le"),
        })
    };
    let heavy = weights.clone();
    vec![
        ("", 0, 0, whole(|_| {})),
        ("smooth(0.1)", 0, 0, whole(|part| part.smoothing = 0.1)),
        (
            "smooth(0.1, bonus=0.3)",
            0,
            0,
            apart(|base| base.smoothing = 0.1, |bonus| bonus.smoothing = 0.3),
        ),
        (
            "smooth(0.1, bonus=0)",
            0,
            0,
            apart(|base| base.smoothing = 0.1, |bonus| bonus.smoothing = 0.0),
        ),
        (
            "softcap(3)",
            0,
            0,
            adjusted(|z, _| z.iter_mut().for_each(|z| *z = 3.0 * (*z / 3.0).tanh())),
        ),
        ("temp(2)", 0, 0, adjusted(|z, _| z.iter_mut().for_each(|z| *z /= 2.0))),
        (
            "adjust(tau=0.7)",
            0,
            0,
            adjusted(move |z, _| {
                z.iter_mut().zip(log_priors).for_each(|(z, prior)| *z += 0.7 * prior)
            }),
        ),
        ("ldam(max=0.5, scale=5)", 0, 0, adjusted(ldam.clone())),
        (
            "ldam(max=0.5, scale=5, bonus=raw)",
            0,
            0,
            apart(move |base| base.adjust = Box::new(ldam.clone()), |_| {}),
        ),
        (
            "margin(m=0.35, scale=4)",
            0,
            0,
            adjusted(|z, y| {
                z[y] -= 0.35;
                z.iter_mut().for_each(|z| *z *= 4.0);
            }),
        ),
        ("weights(beta=0.999)", 0, 0, {
            let weights = weights.clone();
            whole(move |part| part.class_weights = weights.clone())
        }),
        ("weights(beta=0.999, bonus=none)", 0, 0, bonus_weights(weights.clone(), ones.clone())),
        ("weights(beta=0.999, bonus=same)", 0, 0, bonus_weights(weights.clone(), weights.clone())),
        ("weights(beta=0.999, bonus=max)", 0, 0, bonus_weights(weights.clone(), over_largest)),
        // Epochs 1 to 9 of 10 run without weights, and without the bonus that they would weigh.
        ("drw(beta=0.999, from=0.9)", 9, 10, deferred()),
        ("drw(beta=0.999, from=0.9)", 10, 10, bonus_weights(weights.clone(), weights.clone())),
        ("drw(beta=0.999, from=0.9, bonus=none)", 9, 10, bonus_weights(ones.clone(), ones)),
        ("shots(off=few)", 0, 0, bonus_weights(vec![1.0; 4], vec![1.0, 1.0, 0.0, 1.0])),
        ("shots(off=medium-and-many)", 0, 0, bonus_weights(vec![1.0; 4], vec![0.0, 0.0, 1.0, 0.0])),
        ("shots(off=0.25)", 0, 0, bonus_weights(vec![1.0; 4], vec![0.0, 1.0, 1.0, 1.0])),
        ("zloss(0.02)", 0, 0, whole(|part| part.z_loss = 0.02)),
        ("schedule(rho, linear)", 3, 10, rho(0.3)),
        ("schedule(rho, linear, epochs=6)", 8, 10, rho(1.0)),
        ("schedule(rho, exp, rate=5)", 3, 10, rho((-3.5f64).exp())),
        ("schedule(rho, exp, rate=-5)", 3, 10, rho(1.0 - (-1.5f64).exp())),
        ("schedule(rho, cosine)", 5, 10, rho(0.5)),
        ("schedule(le, linear)", 3, 10, le(0.3)),
        (
            "softcap(4) + temp(0.5) + adjust(tau=1) + weights(beta=0.999) + smooth(0.1) + zloss(0.01)",
            0,
            0,
            whole(move |part| {
                part.smoothing = 0.1;
                part.class_weights = heavy.clone();
                part.z_loss = 0.01;
                part.adjust = Box::new(move |z, _| {
                    for (z, prior) in z.iter_mut().zip(log_priors) {
                        *z = 4.0 * (*z / 4.0).tanh() / 0.5 + prior;
                    }
                });
            }),
        ),
    ]
}

/// Whether `modifier` needs a bonus that `curve` does not have.
pub fn senseless(curve: &Curve, modifier: &str) -> bool {
    let log = matches!(curve.bonus, Some(bonus) if matches!(bonus.shape, Shape::Log { .. }));
    let of_bonus =
        ["bonus=0", "bonus=raw", "bonus=none", "bonus=same", "bonus=max", "shots", "schedule"];
    (curve.bonus.is_none() && of_bonus.iter().any(|part| modifier.contains(part)))
        || (!log && modifier.contains("schedule(le"))
}

pub fn criterion(curve: &str, modifier: &str) -> Criterion {
    let spec = if modifier.is_empty() { curve.into() } else { format!("{curve} + {modifier}") };
    loss(&spec).criterion_with_counts(&COUNTS).unwrap()
}

#[test]
fn every_modifier_with_every_curve() {
    let (mut compared, mut jumps) = (0, 0);
    for (modifier, epoch, epochs, expected) in cases() {
        for (seed, spec) in CURVES.iter().enumerate() {
            let curve = *loss(spec).curve().unwrap();
            if senseless(&curve, modifier) {
                let refused = format!("{spec} + {modifier}").parse::<Loss>();
                assert!(matches!(refused, Err(Error::Spec { .. })), "{spec} + {modifier}");
                continue;
            }
            let mut criterion = criterion(spec, modifier);
            criterion.set_epoch(epoch, epochs);
            let parts = expected(curve);
            for (draw, spread) in [1.0, 3.0, 8.0].into_iter().enumerate() {
                let seed = (100 * draw + seed) as u64;
                let rows = Rows::new(labels(seed, ROWS, CLASSES));
                let logits = draws(seed, ROWS * CLASSES, spread);
                let what = format!("{spec} + {modifier}");
                jumps += rows.check(&what, &criterion, &parts, &logits);
                compared += logits.len();
            }
        }
    }
    assert!(jumps * 50 < compared, "{jumps} of {compared} slopes jump");
}

#[test]
fn what_makes_no_sense_is_refused() {
    for spec in [
        "ce + schedule(rho, linear)",
        "power + schedule(le, linear)",
        "el(le=auto) + schedule(le, linear)",
        "ce + weights(bonus=max)",
        "ce + weights(bonus=none)",
        "bce + weights(bonus=max)",
        "el(sigmoid) + weights(bonus=max)",
        "mse + drw(bonus=max)",
        "mse + zloss(0.1)",
        "bce + match",
        "bce + margin",
        "mae + jsd",
        "multimargin + smooth(0.1)",
        "multimargin + zloss(0.1)",
        "el + margin + smooth(0.1)",
        "el + jsd + match",
        "mse from epoch 5",
    ] {
        assert!(matches!(spec.parse::<Loss>(), Err(Error::Spec { .. })), "{spec}");
    }
    for spec in ["ce + margin", "ce + ldam", "multimargin"] {
        let criterion = loss(spec).criterion_with_counts(&COUNTS).unwrap();
        let soft = steepness::Targets::Soft(&[0.25f64; 4]);
        assert!(matches!(criterion.forward(&[0.0; 4], soft), Err(Error::Option { .. })), "{spec}");
    }
    let error = loss("ce + adjust(tau=1)").criterion(4).unwrap_err();
    assert_eq!(error, Error::ClassCounts { loss: "ce + adjust(tau=1)".to_owned() });
}
