//! The inner loops of the operations on graphs: over the features of a node, which are added up in the
//! same order whatever the width of the processor's registers.

/// How many sums a dot product keeps side by side.
const LANES: usize = 16;

/// `to` += `factor` · `from`.
#[inline(always)]
pub fn add_scaled(to: &mut [f32], factor: f32, from: &[f32]) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to += factor * from;
    }
}

/// `to` += `from`.
#[inline(always)]
pub fn add(to: &mut [f32], from: &[f32]) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to += from;
    }
}

/// `to` = `factor` · `from`.
#[inline(always)]
pub fn set_scaled(to: &mut [f32], factor: f32, from: &[f32]) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to = factor * from;
    }
}

/// Σ a·b.
#[inline(always)]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0f32; LANES];
    let (a_whole, b_whole) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = a_whole.remainder().iter().zip(b_whole.remainder());
    let rest: f32 = rest.map(|(a, b)| a * b).sum();
    for (a, b) in a_whole.zip(b_whole) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// Row `at` of a matrix of `width` columns.
#[inline(always)]
pub fn row(matrix: &[f32], at: usize, width: usize) -> &[f32] {
    &matrix[at * width..(at + 1) * width]
}

/// The same, to be written.
#[inline(always)]
pub fn row_mut(matrix: &mut [f32], at: usize, width: usize) -> &mut [f32] {
    &mut matrix[at * width..(at + 1) * width]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_features_are_counted_whatever_their_number() {
        for width in [0, 1, 15, 16, 17, 40] {
            let a: Vec<f32> = (0..width).map(|x| x as f32).collect();
            let squares = (0..width).map(|x| (x * x) as f32).sum::<f32>();
            assert_eq!(dot(&a, &a), squares);
            let mut to = a.clone();
            add_scaled(&mut to, 2.0, &a);
            add(&mut to, &a);
            assert!(to.iter().zip(&a).all(|(to, a)| *to == 4.0 * a));
            set_scaled(&mut to, 0.5, &a);
            assert!(to.iter().zip(&a).all(|(to, a)| *to == 0.5 * a));
        }
    }
}
