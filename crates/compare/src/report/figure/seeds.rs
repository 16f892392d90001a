//! Curves of several seeds as one line and a band.

use crate::measure::{mean, std};
use crate::report::chart::{Mark, Shape};

/// The mean over seeds at each x, with a band of ±1 sample standard deviation where two or more
/// seeds have that x. `curves` holds one curve a seed, each with increasing x; values that are not
/// finite are left out.
pub fn mean_and_band(series: usize, curves: &[Vec<(f64, f64)>]) -> Vec<Mark> {
    let mut line = Vec::new();
    let mut band = Vec::new();
    for (x, values) in by_x(curves) {
        let Some(mean) = mean(&values) else { continue };
        line.push((x, mean));
        if let Some(std) = std(&values) {
            band.push((x, mean - std, mean + std));
        }
    }
    vec![Mark { series, shape: Shape::Band(band) }, Mark { series, shape: Shape::Line(line) }]
}

/// The values at each x, x increasing.
pub fn by_x(curves: &[Vec<(f64, f64)>]) -> Vec<(f64, Vec<f64>)> {
    let finite = |point: &&(f64, f64)| point.0.is_finite() && point.1.is_finite();
    let mut points: Vec<(f64, f64)> = curves.iter().flatten().filter(finite).copied().collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points
        .chunk_by(|a, b| a.0 == b.0)
        .map(|same| (same[0].0, same.iter().map(|point| point.1).collect()))
        .collect()
}

/// "mean over 5 seeds (1 2 3 4 5), band ±1 standard deviation", or "one seed (7)".
pub fn described(seeds: &[u64]) -> String {
    let list: Vec<String> = seeds.iter().map(u64::to_string).collect();
    match seeds.len() {
        1 => format!("one seed ({})", list[0]),
        n => format!("mean over {n} seeds ({}), band ±1 standard deviation", list.join(" ")),
    }
}

/// "mean over 5 seeds (1 2 3 4 5)", or "one seed (7)".
pub fn mean_only(seeds: &[u64]) -> String {
    described(seeds).replace(", band ±1 standard deviation", "")
}

/// "all 5 seeds (1 2 3 4 5) pooled", or "one seed (7)".
pub fn pooled(seeds: &[u64]) -> String {
    let list: Vec<String> = seeds.iter().map(u64::to_string).collect();
    match seeds.len() {
        1 => format!("one seed ({})", list[0]),
        n => format!("all {n} seeds ({}) pooled", list.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_averaged_x_by_x() {
        let curves = [vec![(1.0, 1.0), (2.0, 5.0)], vec![(1.0, 3.0), (2.0, f64::NAN), (3.0, 7.0)]];
        let marks = mean_and_band(4, &curves);
        let [Shape::Band(band), Shape::Line(line)] = [&marks[0].shape, &marks[1].shape] else {
            panic!("{marks:?}")
        };
        assert_eq!(line, &[(1.0, 2.0), (2.0, 5.0), (3.0, 7.0)]);
        let std = 2f64.sqrt();
        assert_eq!(band, &[(1.0, 2.0 - std, 2.0 + std)]);
    }

    #[test]
    fn captions_say_which_seeds() {
        assert_eq!(described(&[7]), "one seed (7)");
        assert_eq!(pooled(&[1, 2]), "all 2 seeds (1 2) pooled");
    }
}
