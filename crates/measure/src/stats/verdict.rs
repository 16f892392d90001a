//! What a comparison may claim: is the difference above a margin, below it, within it, or open?
//!
//! A margin δ ≥ 0 says which differences are worth having. With the interval of a mean difference d there
//! are four answers (the rule of Schuirmann 1987's two one-sided tests, on both sides of the margin):
//!
//! * above: the interval lies above δ;
//! * below: it lies below −δ;
//! * within: it lies between −δ and δ, which without a margin never happens;
//! * open: it holds δ or −δ, and more seeds are needed.
//!
//! That is a test of whether the true difference is the nearer one of ±δ, p = P(|T| ≥ ||d| − δ|/SE). Where
//! several losses are compared with the same first one, these p-values are corrected after Holm, so
//! that the chance of a false claim about any of them stays at α.

use super::{Estimate, holm};
use crate::{Error, Result};

/// On which side of a margin a difference lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// It is greater than the margin.
    Above,
    /// It is less than minus the margin.
    Below,
    /// It is neither.
    Within,
    /// The data do not tell.
    Open,
}

/// What is said of one of several differences.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// On which side of the margin it lies.
    pub side: Side,
    /// The p-value of that, corrected for the other differences.
    pub p: f64,
    /// Whether this difference would have been settled if it were the only one.
    pub alone: Side,
}

/// Judges differences to the same first loss by the `margin`, at level `alpha` for all of them together.
///
/// ```
/// use steepness_measure::{Estimate, Overlap, Side, verdicts};
/// let better = Estimate::of_seeds(&[1.0, 1.2, 0.9, 1.1, 1.0], Overlap::None).unwrap();
/// let unclear = Estimate::of_seeds(&[0.9, -0.4, 1.3, 0.2, 0.6], Overlap::None).unwrap();
/// let judged = verdicts(&[better, unclear], 0.5, 0.05)?;
/// assert_eq!((judged[0].side, judged[1].side), (Side::Above, Side::Open));
/// # Ok::<(), steepness_measure::Error>(())
/// ```
///
/// # Errors
/// A margin that is no number of 0 or more; an `alpha` outside (0, 1); an estimate without an error.
pub fn verdicts(estimates: &[Estimate], margin: f64, alpha: f64) -> Result<Vec<Verdict>> {
    if !(margin >= 0.0 && margin.is_finite()) {
        return Err(Error::Request(format!("a margin of {margin} is no number of 0 or more")));
    }
    if !(alpha > 0.0 && alpha < 1.0) {
        return Err(Error::Request(format!("an alpha of {alpha} is not between 0 and 1")));
    }
    // What each would be if it were settled, and how surely it is.
    let nearer = |of: &Estimate| match of.mean {
        mean if mean > margin => (Side::Above, of.p(margin)),
        mean if mean < -margin => (Side::Below, of.p(-margin)),
        mean => (Side::Within, of.p(margin.copysign(mean))),
    };
    let (sides, p): (Vec<Side>, Vec<f64>) = estimates.iter().map(nearer).unzip();
    let settled = |side, p: f64| if p <= alpha { side } else { Side::Open };
    let judged = sides.into_iter().zip(p.iter().zip(holm(&p)?));
    Ok(judged
        .map(|(side, (own, p))| Verdict { side: settled(side, p), p, alone: settled(side, *own) })
        .collect())
}

/// Comparisons whose truth is known. `cargo test --profile core -p steepness-measure simulated -- --nocapture`
/// prints the shares that docs/verdicts.md quotes.
#[cfg(test)]
mod simulated {
    use super::*;
    use crate::random::Stream;
    use crate::{Overlap, TwoWay, power};

    const COMPARISONS: u64 = 2000;
    const ALPHA: f64 = 0.05;

    /// How often, in per cent, `claims` of what is said of comparison after comparison.
    fn share(
        comparison: impl Fn(u64) -> Vec<Estimate>,
        margin: f64,
        claims: impl Fn(&[Verdict]) -> bool,
    ) -> f64 {
        let judged = |which| verdicts(&comparison(which), margin, ALPHA).unwrap();
        let found = (0..COMPARISONS).filter(|&which| claims(&judged(which))).count();
        100.0 * found as f64 / COMPARISONS as f64
    }

    fn any(side: Side) -> impl Fn(&[Verdict]) -> bool {
        move |verdicts| verdicts.iter().any(|verdict| verdict.side == side)
    }

    fn any_claim(verdicts: &[Verdict]) -> bool {
        verdicts.iter().any(|verdict| verdict.side != Side::Open)
    }

    /// Three losses and the first one with `seeds` seeds, each measurement with a variance of 1/2, so that
    /// a difference has one of 1. They lie `truth` above the first; two of its measurements are
    /// correlated by `rho`, as those of parts that overlap are.
    fn comparison(which: u64, seeds: u64, truth: f64, rho: f64, overlap: Overlap) -> Vec<Estimate> {
        let stream = Stream::new(which, "verdicts");
        let measured = |loss: u64, seed: u64| {
            let of = stream.part(loss);
            (rho.sqrt() * of.normal(0) + (1.0 - rho).sqrt() * of.normal(1 + seed)) / 2f64.sqrt()
        };
        let difference = |loss| move |seed| truth + measured(loss, seed) - measured(0, seed);
        let estimate = |loss| {
            let differences: Vec<f64> = (0..seeds).map(difference(loss)).collect();
            Estimate::of_seeds(&differences, overlap).unwrap()
        };
        (1..=3).map(estimate).collect()
    }

    #[test]
    fn simulated_equals_are_rarely_called_better() {
        let equal = |which| comparison(which, 5, 0.0, 0.0, Overlap::None);
        let better = share(equal, 0.0, any(Side::Above));
        let claimed = share(equal, 0.0, any_claim);
        println!("no difference, 3 losses, 5 seeds: {better} % \"better\", {claimed} % any claim");
        assert!(better <= 5.0 && (1.0..6.0).contains(&claimed), "{better} {claimed}");

        let overlap = Overlap::Redrawn { test: 20, train: 80 };
        let drawn = |which| comparison(which, 5, 0.0, 0.2, overlap);
        let better = share(drawn, 0.0, any(Side::Above));
        let claimed = share(drawn, 0.0, any_claim);
        println!("the same, splits drawn anew: {better} % \"better\", {claimed} % any claim");
        assert!(better <= 5.0 && (1.0..6.0).contains(&claimed), "{better} {claimed}");

        // Without Holm's correction each loss has 5 % of its own.
        let alone = |verdicts: &[Verdict]| verdicts.iter().any(|v| v.alone != Side::Open);
        let uncorrected = share(equal, 0.0, alone);
        println!("without Holm's correction: {uncorrected} % any claim");
        assert!(uncorrected > 9.0, "{uncorrected}");
    }

    /// The worst case for a margin: the truth lies on it, so that every claim is wrong.
    #[test]
    fn simulated_differences_on_the_margin_are_rarely_settled() {
        let edge = |which| comparison(which, 5, 2.0, 0.0, Overlap::None);
        let better = share(edge, 2.0, any(Side::Above));
        let equal = share(edge, 2.0, any(Side::Within));
        println!("a difference of just the margin: {better} % \"better\", {equal} % \"equal\"");
        assert!(better <= 5.0 && equal <= 5.0 && better + equal > 1.0, "{better} {equal}");
    }

    #[test]
    fn simulated_differences_are_found_as_often_as_the_power_says() {
        // Twice the standard deviation of what is compared with `expected`.
        let error = |expected: f64| 2.0 * (expected * (1.0 - expected) / COMPARISONS as f64).sqrt();
        for seeds in [5, 10, 20] {
            // A true difference of two standard errors, of one loss to the first.
            let truth = 2.0 / (seeds as f64).sqrt();
            let one = |which| comparison(which, seeds, truth, 0.0, Overlap::None)[..1].to_vec();
            let found = share(one, 0.0, any(Side::Above)) / 100.0;
            let expected = power(truth, seeds as usize, ALPHA, Overlap::None).unwrap();
            println!("two standard errors, {seeds} seeds: found {found:.3}, power {expected:.3}");
            assert!((found - expected).abs() < error(expected), "{found} {expected}");
        }
        // "14 would": with so many seeds four of five such differences are found.
        let seen =
            Estimate { seeds: 1000, mean: 0.8, error: 1e-3f64.sqrt(), freedom: 999, shared: 0.0 };
        let needed = seen.seeds_needed(0.0, 0.8, ALPHA).unwrap().unwrap();
        let one = |which| comparison(which, needed, 0.8, 0.0, Overlap::None)[..1].to_vec();
        let found = share(one, 0.0, any(Side::Above)) / 100.0;
        println!("an effect of 0.8 needs {needed} seeds: found {found:.3}");
        assert!(found > 0.8 - error(0.8) && found < 0.85, "{found}");
        // And so are those of a margin: no difference, within 1.5 standard deviations of one seed.
        let expected = Estimate { mean: 0.0, ..seen }.power(1.5, 8, ALPHA).unwrap();
        let one = |which| comparison(which, 8, 0.0, 0.0, Overlap::None)[..1].to_vec();
        let found = share(one, 1.5, any(Side::Within)) / 100.0;
        println!("equal within a margin: found {found:.3}, power {expected:.3}");
        assert!((found - expected).abs() < error(expected), "{found} {expected}");
    }

    /// How easy 200 test examples are for a loss, whatever the seed: what is common to both losses, and
    /// what each of them finds easy. Over all examples that there are both losses are equally good; over
    /// the 200 one is ahead.
    fn easy(stream: Stream, loss: u64) -> Vec<f64> {
        let of_loss = stream.part(1 + loss);
        (0..200).map(|example| stream.normal(example) + 0.5 * of_loss.normal(example)).collect()
    }

    /// Which of them the loss gets right with a seed, which has its own part in it, and so has chance.
    fn right(easy: &[f64], stream: Stream, loss: u64, seed: u64) -> Vec<f64> {
        let of_seed = stream.part(10 + 20 * loss + seed);
        let everywhere = 0.1 * of_seed.normal(1 << 32);
        let right = |(example, easy): (u64, &f64)| {
            let chance = everywhere + 0.5 * of_seed.normal(example);
            f64::from(u8::from(1.2 + easy + chance > 0.0))
        };
        (0..).zip(easy).map(right).collect()
    }

    #[test]
    fn simulated_test_parts_are_not_taken_for_all_examples() {
        let both = |which| {
            let stream = Stream::new(which, "examples");
            let mut both = TwoWay::new(200);
            let easy = [0, 1].map(|loss| easy(stream, loss));
            for seed in 0..5 {
                let of = |loss: u64| right(&easy[loss as usize], stream, loss, seed);
                let pairs = of(1).into_iter().zip(of(0));
                both.add(&pairs.map(|(own, first)| own - first).collect::<Vec<_>>()).unwrap();
            }
            both
        };
        let estimates: Vec<TwoWay> = (0..COMPARISONS).map(both).collect();
        let of = |which: u64| &estimates[which as usize];
        let alone = |which| of(which).seeds_alone().into_iter().collect();
        let both = |which| of(which).estimate().into_iter().collect();
        let (over_seeds, over_both) = (share(alone, 0.0, any_claim), share(both, 0.0, any_claim));
        let better = share(both, 0.0, any(Side::Above));
        println!(
            "equal on all examples: {over_seeds} % claims over seeds alone, {over_both} % over seeds \
             and examples, {better} % \"better\""
        );
        assert!(over_seeds > 8.0, "{over_seeds}");
        assert!(better <= 5.0 && (3.0..6.5).contains(&over_both), "{better} {over_both}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(mean: f64) -> Estimate {
        Estimate { seeds: 5, mean, error: 0.1, freedom: 4, shared: 0.0 }
    }

    fn side(mean: f64, margin: f64) -> Side {
        verdicts(&[of(mean)], margin, 0.05).unwrap()[0].side
    }

    #[test]
    fn sides_are_those_of_the_interval() {
        // Half its width: scipy.stats.t.ppf(.975, 4) / 10
        let half = 0.277_644_510_519_779_9;
        for (mean, margin, expected) in [
            (half + 1e-6, 0.0, Side::Above),
            (half - 1e-6, 0.0, Side::Open),
            (-half - 1e-6, 0.0, Side::Below),
            (half + 0.5 + 1e-6, 0.5, Side::Above),
            (half + 0.5 - 1e-6, 0.5, Side::Open),
            (0.5 - half - 1e-6, 0.5, Side::Within),
            (0.5 - half + 1e-6, 0.5, Side::Open),
            (half - 0.5 + 1e-6, 0.5, Side::Within),
            (0.0, 0.2, Side::Open),
            (0.0, 0.0, Side::Open),
        ] {
            assert_eq!(side(mean, margin), expected, "{mean}, {margin}");
            let mirrored = match expected {
                Side::Above => Side::Below,
                Side::Below => Side::Above,
                side => side,
            };
            assert_eq!(side(-mean, margin), mirrored, "{}, {margin}", -mean);
        }
    }

    #[test]
    fn several_losses_are_corrected_for_each_other() {
        // p = [2 * scipy.stats.t.sf(t, 4) for t in (3, 5, .5)]
        // statsmodels.stats.multitest.multipletests(p, method="holm")[1]
        let judged = verdicts(&[of(0.3), of(0.5), of(-0.05)], 0.0, 0.05).unwrap();
        let expected = [0.07988393614343765, 0.022471301643823577, 0.6433299631818633];
        for (verdict, expected) in judged.iter().zip(expected) {
            assert!((verdict.p - expected).abs() < 1e-9, "{} is not {expected}", verdict.p);
        }
        let sides: Vec<_> = judged.iter().map(|verdict| (verdict.side, verdict.alone)).collect();
        let open = Side::Open;
        assert_eq!(sides, [(open, Side::Above), (Side::Above, Side::Above), (open, open)]);
    }

    #[test]
    fn odd_input_has_a_defined_result() {
        assert_eq!(verdicts(&[], 0.0, 0.05).unwrap(), []);
        for margin in [-0.5, f64::NAN, f64::INFINITY] {
            assert!(verdicts(&[of(1.0)], margin, 0.05).is_err());
        }
        assert!(verdicts(&[of(1.0)], 0.0, 0.0).is_err());
        assert!(verdicts(&[Estimate { error: 0.0, ..of(0.0) }], 0.0, 0.05).is_err());
    }
}
