//! Input for the tests: a fixed sample, and draws that Python can repeat.
//!
//! ```python
//! def uniform(seed, n):  # SplitMix64
//!     for i in range(1, n + 1):
//!         x = (seed + i * 0x9E3779B97F4A7C15) % 2**64
//!         x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
//!         x = (x ^ (x >> 27)) * 0x94D049BB133111EB % 2**64
//!         yield ((x ^ (x >> 31)) >> 11) / 2**53
//! z = numpy.float32([2, -1, .5, 1.5,  0, 0, 0, 0,  -3, 8, 1, 2,  40, 0, -5, 1,
//!                    -2, -3, -1, -4,  .25, .5, 3.75, 3.5]).reshape(6, 4)
//! y = [0, 2, 1, 0, 0, 3]
//! def draw(seed, rows, classes, scale):
//!     u = numpy.fromiter(uniform(seed, rows * classes + rows), float)
//!     z = ((2 * u[:rows * classes] - 1) * scale).astype("f4").astype("f8")
//!     return z.reshape(rows, classes), (u[rows * classes:] * classes).astype(int)
//! def clusters(seed, rows, columns, classes, spread):
//!     u = 2 * numpy.fromiter(uniform(seed, (classes + rows) * columns), float) - 1
//!     u = u.reshape(-1, columns); i = numpy.arange(rows); y = i * i // 7 % classes
//!     return spread * u[:classes][y] + 3 * u[classes:], y
//! ```

/// z: six rows of four classes.
pub const LOGITS: [f32; 24] = [
    2.0, -1.0, 0.5, 1.5, 0.0, 0.0, 0.0, 0.0, -3.0, 8.0, 1.0, 2.0, 40.0, 0.0, -5.0, 1.0, -2.0, -3.0,
    -1.0, -4.0, 0.25, 0.5, 3.75, 3.5,
];
/// y: their labels.
pub const LABELS: [i64; 6] = [0, 2, 1, 0, 0, 3];

/// Uniform numbers in \[0, 1).
pub fn uniform(seed: u64) -> impl Iterator<Item = f64> {
    (1u64..).map(move |i| {
        let x = seed.wrapping_add(i.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((x ^ (x >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    })
}

/// Logits uniform in ±`scale`, and labels.
pub fn draw(seed: u64, rows: usize, classes: usize, scale: f64) -> (Vec<f32>, Vec<i64>) {
    let mut numbers = uniform(seed);
    let mut next = || numbers.next().unwrap();
    let logits = (0..rows * classes).map(|_| ((2.0 * next() - 1.0) * scale) as f32).collect();
    let labels = (0..rows).map(|_| (next() * classes as f64) as i64).collect();
    (logits, labels)
}

/// Features of overlapping classes, uniform in ±3 around centers uniform in ±`spread`, and labels.
pub fn clusters(
    seed: u64,
    rows: usize,
    columns: usize,
    classes: usize,
    spread: f64,
) -> (Vec<f64>, Vec<i64>) {
    let mut numbers = uniform(seed);
    let mut signed = || 2.0 * numbers.next().unwrap() - 1.0;
    let centers: Vec<f64> = (0..classes * columns).map(|_| spread * signed()).collect();
    let labels: Vec<i64> = (0..rows).map(|row| (row * row / 7 % classes) as i64).collect();
    let mut values = Vec::with_capacity(rows * columns);
    for label in &labels {
        let center = &centers[*label as usize * columns..][..columns];
        values.extend(center.iter().map(|c| c + 3.0 * signed()));
    }
    (values, labels)
}
