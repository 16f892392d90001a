//! How tables say that a value is not known, and what then stands in for it.

use super::super::Inputs;
use crate::data::Examples;

/// As pandas has it, and what is common beside; the case of letters does not matter.
const WORDS: [&str; 17] = [
    "na", "n/a", "nan", "null", "none", "<na>", "#n/a", "#na", "#n/a n/a", "-nan", "1.#ind",
    "-1.#ind", "1.#qnan", "-1.#qnan", "?", "-", "--",
];

/// Whether `cell` says that the value is not known.
pub(super) fn is_missing(cell: &str) -> bool {
    // The longest word has eight letters.
    cell.len() <= 8 && (cell.is_empty() || WORDS.iter().any(|word| cell.eq_ignore_ascii_case(word)))
}

/// The median of each number that a row is, over `examples`; values that are missing, NaN, do not count,
/// and a number that no row has is 0. Of what is no table there are none.
pub(crate) fn medians(examples: &Examples) -> Vec<f32> {
    let Inputs::Numbers(values) = &examples.inputs else { return Vec::new() };
    let width = examples.shape.values().max(1);
    let mut known = Vec::with_capacity(examples.len());
    let mut median = |at: usize| {
        known.clear();
        known.extend(values.iter().skip(at).step_by(width).filter(|value| !value.is_nan()));
        let (half, odd) = (known.len() / 2, known.len() % 2 == 1);
        if known.is_empty() {
            return 0.0;
        }
        let (below, middle, _) = known.select_nth_unstable_by(half, f32::total_cmp);
        let middle = *middle;
        match odd {
            true => middle,
            false => below.iter().copied().fold(f32::MIN, f32::max).midpoint(middle),
        }
    };
    (0..width).map(&mut median).collect()
}

/// Whether some value of `examples` is missing.
pub(crate) fn has_missing(examples: &Examples) -> bool {
    matches!(&examples.inputs, Inputs::Numbers(values) if values.iter().any(|value| value.is_nan()))
}

/// Puts `with`, one value for each number of a row, where values are missing.
pub(crate) fn fill(examples: &mut Examples, with: &[f32]) {
    if let Inputs::Numbers(values) = &mut examples.inputs {
        for row in values.chunks_exact_mut(with.len().max(1)) {
            for (value, with) in row.iter_mut().zip(with).filter(|(value, _)| value.is_nan()) {
                *value = *with;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Shape;

    #[test]
    fn what_is_missing_is_told_as_pandas_does() {
        for cell in ["", "NA", "n/a", "NaN", "NULL", "None", "<NA>", "#N/A", "?", "-", "--"] {
            assert!(is_missing(cell), "{cell}");
        }
        for cell in ["0", "Nan-Tong", "no", "unknown", "-1", "North America"] {
            assert!(!is_missing(cell), "{cell}");
        }
    }

    /// `numpy.nanmedian(x, 0)`
    #[test]
    fn medians_stand_in_and_stay_the_same() {
        let x = f32::NAN;
        let inputs = Inputs::Numbers(vec![1.0, x, x, 3.0, 7.0, x, 10.0, x, x, 4.0, 8.0, x]);
        let classes = vec!["a".to_owned()];
        let mut examples = Examples { inputs, shape: Shape::Row(3), labels: vec![0; 4], classes };
        assert!(has_missing(&examples));
        assert_eq!(medians(&examples), [3.5, 7.5, 0.0]);
        fill(&mut examples, &[3.5, 7.5, 0.0]);
        let Inputs::Numbers(values) = &examples.inputs else { panic!() };
        assert_eq!(values[..6], [1.0, 7.5, 0.0, 3.0, 7.0, 0.0]);
        assert!(!has_missing(&examples));
        // The median of what was filled in with it is the same: a run can ask the part it learned from.
        assert_eq!(medians(&examples), [3.5, 7.5, 0.0]);
    }
}
