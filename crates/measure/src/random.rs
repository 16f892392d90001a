//! Counter-based randomness: every number is a pure function of (seed, purpose, part, counter).
//!
//! There is no generator whose state moves on, so no random choice depends on threads, timing or on
//! what was drawn before: a resumed run continues bit for bit, and two losses with the same seed see
//! the same initial weights and the same batches. The numbers are those of Philox4x32-10 (Salmon et
//! al. 2011, "Parallel random numbers: as easy as 1, 2, 3").

/// The random numbers of one seed for one purpose.
///
/// ```
/// use steepness_measure::random::Stream;
/// let weights = Stream::new(7, "weights");
/// assert_eq!(weights.uniform(3), Stream::new(7, "weights").uniform(3));
/// assert_ne!(weights.uniform(3), Stream::new(7, "batches").uniform(3));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    key: [u32; 2],
    part: u64,
}

impl Stream {
    /// The numbers of `seed` for `purpose`, such as "split", "batches" or "weights/conv1".
    pub fn new(seed: u64, purpose: &str) -> Self {
        let [a, b, ..] = philox(words(fnv1a(purpose), 0), halves(seed));
        Self { key: [a, b], part: 0 }
    }

    /// An independent stream of the same seed and purpose, such as one an epoch.
    pub fn part(self, part: u64) -> Self {
        Self { part, ..self }
    }

    /// 64 random bits.
    pub fn bits(&self, counter: u64) -> u64 {
        self.pair(counter).0
    }

    /// Uniform in \[0, 1), with all 53 bits of precision.
    pub fn uniform(&self, counter: u64) -> f64 {
        unit(self.bits(counter))
    }

    /// Standard normal (Box and Muller 1958).
    pub fn normal(&self, counter: u64) -> f64 {
        let (a, b) = self.pair(counter);
        let radius = (-2.0 * (1.0 - unit(a)).ln()).sqrt(); // 1 − u lies in (0, 1]
        radius * (std::f64::consts::TAU * unit(b)).cos()
    }

    /// Uniform in 0..`bound`, for a `bound` above 0.
    pub fn below(&self, counter: u64, bound: u64) -> u64 {
        // The high word of a product: its bias is below bound / 2⁶⁴.
        ((u128::from(self.bits(counter)) * u128::from(bound)) >> 64) as u64
    }

    /// A random order of 0..`n` (Fisher and Yates).
    pub fn permutation(&self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        for last in (1..n).rev() {
            order.swap(last, self.below(last as u64, last as u64 + 1) as usize);
        }
        order
    }

    fn pair(&self, counter: u64) -> (u64, u64) {
        let [a, b, c, d] = philox(words(counter, self.part), self.key);
        (u64::from(b) << 32 | u64::from(a), u64::from(d) << 32 | u64::from(c))
    }
}

/// The upper 53 bits as a fraction.
fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 * (-53f64).exp2()
}

fn halves(x: u64) -> [u32; 2] {
    [x as u32, (x >> 32) as u32]
}

fn words(low: u64, high: u64) -> [u32; 4] {
    let ([a, b], [c, d]) = (halves(low), halves(high));
    [a, b, c, d]
}

/// Philox4x32 with ten rounds.
fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
    const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
    for _ in 0..10 {
        let [low0, high0] = halves(u64::from(MULTIPLIERS[0]) * u64::from(counter[0]));
        let [low1, high1] = halves(u64::from(MULTIPLIERS[1]) * u64::from(counter[2]));
        counter = [high1 ^ counter[1] ^ key[0], low1, high0 ^ counter[3] ^ key[1], low0];
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    counter
}

/// FNV-1a, 64 bits: a name as a number.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers of Random123's `kat_vectors`, `philox4x32 10`.
    #[test]
    fn philox_gives_the_published_answers() {
        assert_eq!(philox([0; 4], [0; 2]), [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
        assert_eq!(
            philox([u32::MAX; 4], [u32::MAX; 2]),
            [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]
        );
        assert_eq!(
            philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]),
            [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1]
        );
    }

    /// A change here changes every published result: it needs a new version of the recipes.
    #[test]
    fn numbers_are_pinned() {
        let stream = Stream::new(1, "weights").part(2);
        assert_eq!(stream.bits(0), PINNED_BITS);
        assert_eq!(Stream::new(0, "split").permutation(8), PINNED_ORDER);
    }

    const PINNED_BITS: u64 = 231328464875274852;
    const PINNED_ORDER: [usize; 8] = [2, 1, 0, 5, 4, 6, 3, 7];

    #[test]
    fn uniforms_are_uniform_and_streams_independent() {
        const N: u64 = 40_000;
        let (a, b) = (Stream::new(3, "a"), Stream::new(3, "b"));
        for (x, y) in [(a, b), (a, Stream::new(4, "a")), (a, a.part(1))] {
            let mut cells = [0u32; 16];
            for i in 0..N {
                let (u, v) = (x.uniform(i), y.uniform(i));
                assert!((0.0..1.0).contains(&u));
                cells[(u * 4.0) as usize * 4 + (v * 4.0) as usize] += 1;
            }
            let expected = N as f64 / 16.0;
            let chi2: f64 =
                cells.iter().map(|&n| (f64::from(n) - expected).powi(2) / expected).sum();
            assert!(chi2 < 37.7, "{chi2}"); // 15 degrees of freedom, p = 0.001
        }
    }

    #[test]
    fn normals_have_the_moments_of_a_normal() {
        const N: u64 = 40_000;
        let stream = Stream::new(5, "normal");
        let moment = |k| (0..N).map(|i| stream.normal(i).powi(k)).sum::<f64>() / N as f64;
        assert!(moment(1).abs() < 0.02, "{}", moment(1));
        assert!((moment(2) - 1.0).abs() < 0.03, "{}", moment(2));
        assert!((moment(4) - 3.0).abs() < 0.2, "{}", moment(4));
    }

    #[test]
    fn permutations_are_permutations_and_all_of_them() {
        let mut seen = std::collections::BTreeMap::new();
        for epoch in 0..2400 {
            let order = Stream::new(1, "batches").part(epoch).permutation(4);
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3]);
            *seen.entry(order).or_insert(0) += 1;
        }
        assert_eq!(seen.len(), 24);
        assert!(seen.values().all(|n| (60..150).contains(n)), "{seen:?}"); // 100 expected
        assert!(Stream::new(1, "batches").permutation(0).is_empty());
    }
}
