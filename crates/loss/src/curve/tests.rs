//! What holds for every curve.

use super::*;

fn log(le: f64, clamp: f64, start: f64) -> Curve {
    let bonus = Bonus { shape: Shape::Log { le, clamp, start }, ..Bonus::log(1.0) };
    Curve { base: Base::CrossEntropy, bonus: Some(bonus) }
}

/// Every curve of the cards, and more numbers of some.
fn catalogue() -> Vec<Curve> {
    let mut all: Vec<Curve> =
        cards().flat_map(|card| card.examples).map(|spec| read(spec)).collect();
    all.extend([0.0, 0.25, 0.5, 0.75, 1.0].map(Curve::encouraging));
    all.extend([log(1.0, 0.0, 0.0), log(1.0, 1e-5, 0.5), log(0.8, 1e-5, 0.3)]);
    all.push(Curve::from(Shape::LogFraction { sub: 0.7, clamp: 1e-5 }));
    all.extend([1.0, 2.0, 0.5].map(|gamma| Curve::from(Shape::Power { gamma, start: 0.0 })));
    all.push(Curve::from(Shape::Power { gamma: 3.0, start: 0.4 }));
    all.push(Curve::from(Shape::Cosine));
    let mut half = Curve::encouraging(0.75);
    half.bonus = half.bonus.map(|b| Bonus { rho: 0.5, abrupt: Some(0.9), ..b });
    all.push(half);
    all.extend([Base::Zero, Base::Poly { eps: 2.0 }, Base::Poly { eps: -0.5 }].map(Curve::from));
    all.extend([0.0, 0.5, 1.0, 2.0].map(|gamma| Curve::from(Base::Focal { gamma })));
    all.extend([0.0, 1.0, 2.5].map(|gamma| Curve::from(Base::AntiFocal { gamma })));
    all.extend([1.0, 2.0].map(|gamma| Curve::from(Base::Halted { gamma, at: 0.5 })));
    all.extend([0.7, 1.0].map(|q| Curve::from(Base::Generalised { q })));
    all.push(Curve::from(Base::Probability));
    all.push(Curve { base: Base::Focal { gamma: 2.0 }, bonus: Some(Bonus::log(0.5)) });
    all
}

/// Where the slope of a curve jumps, as probabilities.
fn kinks(curve: &Curve) -> Vec<f64> {
    let of = |described: Option<(&'static Card, Numbers)>| {
        let (card, numbers) = described.unwrap_or((&Card::EMPTY, vec![]));
        let kink = |name| card.parameters.iter().any(|p| p.kink && p.name == name);
        numbers.into_iter().filter(move |(name, _)| kink(*name)).map(|(_, value)| value)
    };
    let mut kinks: Vec<f64> = of(curve.base.described()).collect();
    if let Some(bonus) = curve.bonus {
        kinks.extend(bonus.abrupt);
        kinks.extend(of(bonus.shape.described()));
    }
    kinks
}

/// Compares a curve with (p, value, steepness), to nine decimals.
pub(super) fn golden(spec: &str, expected: &[(f64, f64, f64)]) {
    let curve = read(spec);
    for (p, value, steepness) in expected {
        let odds = Odds::from_probability(*p);
        let found = (curve.value(&odds), curve.steepness(&odds));
        assert!((found.0 - value).abs() < 6e-10, "{spec} at {p}: {found:?}");
        assert!((found.1 - steepness).abs() < 6e-10, "{spec} at {p}: {found:?}");
    }
}

fn read(spec: &str) -> Curve {
    let loss: crate::Loss = spec.parse().unwrap_or_else(|error| panic!("{error}"));
    *loss.curve().unwrap_or_else(|| panic!("{spec} is no curve"))
}

fn cards() -> impl Iterator<Item = &'static Card> {
    let with_presets = |family: &Family| {
        let card = family.card;
        [card].into_iter().chain(card.presets.iter().copied())
    };
    FAMILIES.iter().flat_map(with_presets)
}

/// The front page and the head of curve.rs include it. `STEEPNESS_BLESS=1` writes it anew.
#[test]
fn the_table_of_the_documentation_is_that_of_the_cards() {
    let mut table = "| in a spec | L(p), q = 1 − p | w(p) | what it is | source |\n".to_owned();
    table += "|---|---|---|---|---|\n";
    for Form { spec, value, weight, title, source } in cards().flat_map(|card| card.forms) {
        let source = if source.is_empty() { "-" } else { source };
        table += &format!("| `{spec}` | {value} | {weight} | {title} | {source} |\n");
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/curves.md");
    if std::env::var_os("STEEPNESS_BLESS").is_some() {
        std::fs::write(path, &table).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), table, "STEEPNESS_BLESS=1 writes it");
}

#[test]
fn cards_are_complete_and_say_what_is_so() {
    for card in cards() {
        let name = card.name;
        assert!(!card.forms.is_empty() && !card.examples.is_empty(), "{name}");
        assert!(card.forms.iter().all(|form| form.spec.starts_with(name)), "{name}");
        for spec in card.examples {
            let loss: crate::Loss = spec.parse().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(loss.to_string(), *spec, "as it is printed");
            let (base, bonus) = (read(spec).base.described(), read(spec).bonus);
            let described = bonus.map_or(base, |bonus| bonus.shape.described());
            let (found, numbers) = described.unwrap_or_else(|| panic!("{spec} has no card"));
            let names = |card: &Card| card.parameters.iter().map(|p| p.name).collect::<Vec<_>>();
            assert!(
                std::ptr::eq(found, card) || found.presets.iter().any(|c| std::ptr::eq(*c, card)),
                "{spec}"
            );
            assert_eq!(names(found), numbers.iter().map(|(name, _)| *name).collect::<Vec<_>>());
        }
        for parameter in card.parameters {
            assert!(parameter.range.validate(parameter.name, parameter.default).is_ok(), "{name}");
        }
    }
}

/// The table of docs/derivations.md §2, to its six decimals.
#[test]
fn golden_values_of_the_documentation() {
    // p, CE, then (loss, ∂L/∂z_y) for LE = 0, 0.25, 0.5, 0.75, 1
    type Line = (f64, f64, [(f64, f64); 5]);
    #[rustfmt::skip]
    #[allow(clippy::approx_constant, reason = "as they are printed")]
    let golden: [Line; 10] = [
        (0.01, 4.605170, [(4.595170, -0.9999), (4.595120, -1.0), (4.595120, -1.0), (4.595120, -1.0), (4.595120, -1.0)]),
        (0.1, 2.302585, [(2.202585, -0.99), (2.197225, -1.0), (2.197225, -1.0), (2.197225, -1.0), (2.197225, -1.0)]),
        (0.25, 1.386294, [(1.136294, -0.9375), (1.098612, -1.0), (1.098612, -1.0), (1.098612, -1.0), (1.098612, -1.0)]),
        (0.5, 0.693147, [(0.193147, -0.75), (0.072132, -0.833333), (0.0, -1.0), (0.0, -1.0), (0.0, -1.0)]),
        (0.6, 0.510826, [(-0.089174, -0.64), (-0.243523, -0.72), (-0.382322, -0.88), (-0.405465, -1.0), (-0.405465, -1.0)]),
        (0.75, 0.287682, [(-0.462318, -0.4375), (-0.666667, -0.5), (-0.905465, -0.625), (-1.098612, -1.0), (-1.098612, -1.0)]),
        (0.9, 0.105361, [(-0.794639, -0.19), (-1.048988, -0.22), (-1.387787, -0.28), (-1.880934, -0.46), (-2.197225, -1.0)]),
        (0.99, 0.010050, [(-0.979950, -0.0199), (-1.264298, -0.0232), (-1.663097, -0.0298), (-2.336244, -0.0496), (-4.595120, -1.0)]),
        (0.9999, 0.000100, [(-0.999800, -2.0e-4), (-1.287449, -2.33e-4), (-1.692847, -3e-4), (-2.385794, -5e-4), (-9.210240, -1.0)]),
        (0.999995, 0.000005, [(-0.999990, -1.0e-5), (-1.287670, -1.2e-5), (-1.693132, -1.5e-5), (-2.386269, -2.5e-5), (-11.512920, -5e-6)]),
    ];
    for (p, ce, els) in golden {
        let odds = Odds::from_probability(p);
        assert!((Curve::CROSS_ENTROPY.value(&odds) - ce).abs() < 6e-7, "ce at {p}");
        for ((loss, gradient), le) in els.into_iter().zip([0.0, 0.25, 0.5, 0.75, 1.0]) {
            let curve = Curve::encouraging(le);
            assert!((curve.value(&odds) - loss).abs() < 6e-7, "le={le} at {p}");
            assert!((curve.steepness(&odds) + gradient).abs() < 6e-7, "le={le} at {p}");
        }
    }
}

/// The table of docs/derivations.md §4, to its two decimals, in its order.
#[test]
fn the_picture_of_the_documentation() {
    let columns = [
        Curve::CROSS_ENTROPY,
        Curve::encouraging(1.0),
        Curve::encouraging(0.75),
        Curve::encouraging(0.0),
        Curve::from(Base::Focal { gamma: 2.0 }),
        log(1.0, 1e-5, 0.5),
        Curve::from(Base::Probability),
    ];
    for (p, row) in [
        (0.1, [0.90, 1.0, 1.0, 0.99, 1.10, 0.90, 0.09]),
        (0.5, [0.50, 1.0, 1.0, 0.75, 0.30, 1.0, 0.25]),
        (0.75, [0.25, 1.0, 1.0, 0.44, 0.04, 1.0, 0.19]),
        (0.9, [0.10, 1.0, 0.46, 0.19, 0.003, 1.0, 0.09]),
        (0.99, [0.01, 1.0, 0.05, 0.02, 0.0, 1.0, 0.01]),
    ] {
        for (curve, expected) in columns.iter().zip(row) {
            let steepness = curve.steepness(&Odds::from_probability(p));
            assert!((steepness - expected).abs() < 6e-3, "{curve:?} at {p}: {steepness}");
        }
    }
}

#[test]
fn the_steepness_is_the_derivative_by_central_differences() {
    // dL/du = L′(p)·p·q = −w·q, away from the kinks.
    let h = 1e-5;
    for curve in catalogue() {
        let kinks = kinks(&curve);
        for i in 0..2000 {
            let u = -12.0 + 23.0 * f64::from(i) / 1999.0;
            let odds = Odds::from_log_odds(u);
            if kinks.iter().any(|k| (odds.p - k).abs() < 2.0 * h) {
                continue;
            }
            // In the gradient what a curve sees of the row stays as it is.
            let squares = odds.p * odds.p + odds.q * odds.q;
            let value = |u| curve.in_row(&Odds::from_log_odds(u), squares).0;
            let slope = (value(u + h) - value(u - h)) / (2.0 * h);
            let gradient = -curve.steepness(&odds);
            assert!((slope - gradient).abs() < 1e-8, "{curve:?} at {u}: {slope} {gradient}");
        }
    }
}

#[test]
fn values_are_continuous_but_for_the_abrupt_end() {
    for curve in catalogue() {
        for kink in kinks(&curve) {
            if curve.bonus.is_some_and(|b| b.abrupt == Some(kink)) || kink == 0.0 || kink == 1.0 {
                continue;
            }
            let at = |p| curve.value(&Odds::from_probability(p));
            assert!((at(kink - 1e-9) - at(kink + 1e-9)).abs() < 1e-7, "{curve:?} at {kink}");
        }
    }
}

#[test]
fn certainty_and_impossibility_are_defined() {
    for curve in catalogue() {
        for u in [-1e4, -800.0, 800.0, 1e4] {
            let odds = Odds::from_log_odds(u);
            let (value, steepness) = (curve.value(&odds), curve.steepness(&odds));
            assert!(value.is_finite() && steepness.is_finite(), "{curve:?} at {u}");
        }
        let certain = Odds::from_log_odds(f64::INFINITY);
        assert!(!curve.value(&certain).is_nan() && curve.steepness(&certain) == 0.0, "{curve:?}");
        let impossible = Odds::from_log_odds(f64::NEG_INFINITY);
        assert!(!curve.value(&impossible).is_nan(), "{curve:?}");
        assert!(curve.steepness(&impossible).is_finite(), "{curve:?}");
    }
}

#[test]
fn the_exact_bonus_is_minus_the_log_odds() {
    let exact = log(1.0, 0.0, 0.0);
    for u in [-1e4, -3.0, 0.0, 11.6, 40.0, 700.0, 1e4] {
        let odds = Odds::from_log_odds(u);
        assert!((exact.value(&odds) + u).abs() <= 1e-12 * u.abs());
        assert_eq!(exact.steepness(&odds) as f32, 1.0);
    }
    // The published clamp ends it at log-odds ln(1/1e-5 − 1) = 11.51292.
    let clamped = Curve::encouraging(1.0);
    assert_eq!(clamped.steepness(&Odds::from_log_odds(11.512)) as f32, 1.0);
    assert!(clamped.steepness(&Odds::from_log_odds(11.514)) < 1.1e-5);
}

#[test]
fn relatives_agree() {
    let pairs = [
        (Curve::encouraging(0.0), Curve::from(Base::Poly { eps: 1.0 }), 1.0),
        (Curve::encouraging(0.0), Curve::from(Shape::Power { gamma: 1.0, start: 0.0 }), 0.0),
        (Curve::from(Base::Focal { gamma: 0.0 }), Curve::CROSS_ENTROPY, 0.0),
        (Curve::from(Base::AntiFocal { gamma: 0.0 }), Curve::CROSS_ENTROPY, 0.0),
        (Curve::from(Base::Generalised { q: 1.0 }), Curve::from(Base::Probability), -1.0),
    ];
    for (a, b, shift) in pairs {
        for i in 1..100 {
            let odds = Odds::from_probability(f64::from(i) / 100.0);
            assert!((a.value(&odds) + shift - b.value(&odds)).abs() < 1e-14, "{a:?} {b:?}");
            assert!((a.steepness(&odds) - b.steepness(&odds)).abs() < 1e-14, "{a:?} {b:?}");
        }
    }
    // docs/derivations.md §7: the shift of the halted focal loss.
    for (gamma, shift) in [(1.0, 0.34657359), (2.0, 0.51986039)] {
        let halted = Curve::from(Base::Halted { gamma, at: 0.5 });
        let end = halted.value(&Odds::from_log_odds(f64::INFINITY));
        assert!((end + shift).abs() < 1e-8);
    }
}
