//! Sign-flip permutation test of a paired difference (Fisher 1935).
//!
//! If two losses do equally well, each difference could as well have had the other sign. The p-value
//! is the share of all 2ⁿ choices of signs whose mean is at least as far from 0 as the one that was
//! measured. It needs no bell curve; but with n pairs it is never below 2/2ⁿ, so 5 seeds cannot
//! reach 0.05, and the pairs must be independent: there is no correction for splits drawn anew.

use super::validate;
use crate::Result;
use crate::random::Stream;

/// The outcome of a sign-flip test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignFlips {
    /// The two-sided p-value.
    pub p: f64,
    /// How many choices of signs were looked at.
    pub choices: u64,
    /// Whether these were all there are.
    pub exact: bool,
}

/// Tests paired `differences` against 0. All choices of signs are looked at for up to 20 pairs,
/// beyond that 9,999 that are drawn with `seed` (as SciPy does; p = 0.05 is then off by 0.002), the
/// measured one counting as one more (Phipson and Smyth 2010), so that p is never 0.
///
/// ```
/// use steepness_measure::sign_flips;
/// assert_eq!(sign_flips(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 0)?.p, 2.0 / 64.0);
/// # Ok::<(), steepness_measure::Error>(())
/// ```
///
/// # Errors
/// No differences, or one that is not finite.
pub fn sign_flips(differences: &[f64], seed: u64) -> Result<SignFlips> {
    const ENUMERATED: usize = 20;
    const DRAWN: u64 = 9_999;
    validate(differences)?;
    // Sums that are equal but for rounding count as equal.
    let size: f64 = differences.iter().map(|d| d.abs()).sum();
    let threshold = differences.iter().sum::<f64>().abs() - 1e-12 * size;
    if differences.len() <= ENUMERATED {
        let choices = 1u64 << differences.len();
        let extreme = enumerate(differences, 0.0, threshold);
        return Ok(SignFlips { p: extreme as f64 / choices as f64, choices, exact: true });
    }
    // 64 signs come at a time, and the sums of all signs of eight differences are known beforehand.
    let sums: Vec<[f64; 256]> = differences.chunks(8).map(signed_sums).collect();
    let stream = Stream::new(seed, "sign flips");
    let is_extreme = |draw: &u64| {
        let signs = stream.part(*draw);
        let of_word = |(word, sums): (usize, &[[f64; 256]])| {
            let bytes = signs.bits(word as u64).to_le_bytes();
            sums.iter().zip(bytes).map(|(sums, byte)| sums[usize::from(byte)]).sum::<f64>()
        };
        sums.chunks(8).enumerate().map(of_word).sum::<f64>().abs() >= threshold
    };
    let extreme = (0..DRAWN).filter(is_extreme).count();
    let choices = DRAWN + 1;
    Ok(SignFlips { p: (extreme + 1) as f64 / choices as f64, choices, exact: false })
}

/// The sum of up to eight differences for each choice of their signs, a set bit for +.
fn signed_sums(eight: &[f64]) -> [f64; 256] {
    std::array::from_fn(|signs| {
        let signed = |(bit, d): (usize, &f64)| if signs >> bit & 1 == 1 { *d } else { -d };
        eight.iter().enumerate().map(signed).sum()
    })
}

/// How many choices of signs for `left` bring `sum` to at least ±`threshold`.
fn enumerate(left: &[f64], sum: f64, threshold: f64) -> u64 {
    match left {
        [] => u64::from(sum.abs() >= threshold),
        [next, left @ ..] => {
            enumerate(left, sum + next, threshold) + enumerate(left, sum - next, threshold)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::uniform;

    #[test]
    fn agrees_with_scipy() {
        // scipy.stats.permutation_test((d,), numpy.mean, permutation_type="samples",
        //                              n_resamples=numpy.inf).pvalue
        let ties = [0.005, -0.001, 0.004, 0.007, 0.002, -0.001, 0.003, 0.0];
        let exact = sign_flips(&ties, 0).unwrap();
        assert_eq!((exact.p, exact.choices, exact.exact), (TIED, 256, true));
        // d = numpy.fromiter(uniform(2, 12), float) - .3 of sample.rs
        let d: Vec<f64> = uniform(2).take(12).map(|u| u - 0.3).collect();
        assert_eq!(sign_flips(&d, 0).unwrap().p, TWELVE);
    }

    const TIED: f64 = 0.078125;
    const TWELVE: f64 = 0.00244140625;

    #[test]
    fn draws_come_close_to_all_choices() {
        // Of 21 differences the last is 0, so that all choices are those of the first 20.
        let mut d: Vec<f64> = uniform(6).take(20).map(|u| u - 0.4).collect();
        let exact = sign_flips(&d, 0).unwrap();
        d.push(0.0);
        let drawn = sign_flips(&d, 1).unwrap();
        assert!(!drawn.exact && drawn.choices == 10_000);
        let deviation = (exact.p * (1.0 - exact.p) / 1e4).sqrt();
        assert!((drawn.p - exact.p).abs() < 4.0 * deviation, "{drawn:?} {exact:?}");
        assert_eq!(sign_flips(&d, 1).unwrap(), drawn);
    }

    #[test]
    fn many_pairs_take_no_time() {
        let d: Vec<f64> = uniform(8).take(10_000).map(|u| u - 0.49).collect();
        let start = std::time::Instant::now();
        for pairs in [300, 10_000] {
            let found = sign_flips(&d[..pairs], 0).unwrap();
            assert!(found.p > 0.0 && found.p <= 1.0, "{found:?}");
        }
        let seconds = start.elapsed().as_secs_f64();
        println!("{seconds:.2} s");
        // A tenth of a second; this is for a machine that is busy with other tests.
        assert!(seconds < 30.0, "{seconds} s");
    }

    #[test]
    fn odd_input_has_a_defined_result() {
        assert_eq!(sign_flips(&[3.0], 0).unwrap().p, 1.0);
        assert_eq!(sign_flips(&[0.0; 4], 0).unwrap().p, 1.0);
        assert_eq!(sign_flips(&[0.1; 10], 0).unwrap().p, 2.0 / 1024.0);
        assert!(sign_flips(&[], 0).is_err());
        let complaint = sign_flips(&[1.0, f64::NAN], 0).unwrap_err().to_string();
        assert_eq!(complaint, "difference 1 is NaN");
    }
}
