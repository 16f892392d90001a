//! One axis of a chart: its range, its scale and its ticks.

/// How values become positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Equal steps.
    Linear,
    /// Equal ratios; needs a range above 0.
    Log,
}

/// One axis.
#[derive(Clone, Debug)]
pub struct Axis {
    /// What it shows, with the unit.
    pub label: String,
    /// Left or bottom end.
    pub low: f64,
    /// Right or top end.
    pub high: f64,
    /// How values become positions.
    pub scale: Scale,
    /// Names at given values in place of numbers.
    pub names: Option<Vec<(f64, String)>>,
}

impl Axis {
    /// A linear axis from `low` to `high`.
    pub fn linear(label: &str, low: f64, high: f64) -> Self {
        Self { label: label.to_owned(), low, high, scale: Scale::Linear, names: None }
    }

    /// A linear axis that just holds the finite ones of `values`, rounded out to its ticks.
    pub fn holding(label: &str, values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = range(values).unwrap_or((0.0, 1.0));
        let (low, high) = if high > low {
            (low, high)
        } else {
            let pad = if low == 0.0 { 1.0 } else { 0.1 * low.abs() };
            (low - pad, low + pad)
        };
        let step = step(low, high);
        Self::linear(label, (low / step).floor() * step, (high / step).ceil() * step)
    }

    /// A logarithmic axis that holds the finite positive ones of `values`, rounded out to 1, 2 or 5
    /// times a power of ten.
    pub fn logarithmic(label: &str, values: impl IntoIterator<Item = f64>) -> Self {
        let positive = values.into_iter().filter(|value| *value > 0.0);
        let (least, greatest) = range(positive).unwrap_or((0.1, 1.0));
        // The least and the greatest double themselves have no round number beyond them.
        let (least, greatest) = (least.clamp(1e-300, 1e300), greatest.clamp(1e-300, 1e300));
        let decade = |value: f64| value.log10().floor() as i32;
        let mut round = (decade(least)..=decade(greatest) + 1)
            .flat_map(|power| [1.0, 2.0, 5.0].map(|factor| factor * 10f64.powi(power)));
        let low = round.clone().take_while(|tick| *tick <= least).last().unwrap_or(least / 2.0);
        let high = round.find(|tick| *tick >= greatest && *tick > low).unwrap_or(2.0 * greatest);
        Self { label: label.to_owned(), low, high, scale: Scale::Log, names: None }
    }

    /// Where `value` lies: 0 at the low end, 1 at the high end. `None` where the scale has no
    /// place for it.
    pub fn position(&self, value: f64) -> Option<f64> {
        let at = match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Log => (value / self.low).log10() / (self.high / self.low).log10(),
        };
        at.is_finite().then_some(at)
    }

    /// Tick values and their labels.
    pub fn ticks(&self) -> Vec<(f64, String)> {
        if let Some(names) = &self.names {
            return names.clone();
        }
        match self.scale {
            Scale::Linear => linear_ticks(self.low, self.high),
            Scale::Log => log_ticks(self.low, self.high),
        }
    }
}

/// Least and greatest of the finite values.
pub fn range(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values.into_iter().filter(|value| value.is_finite()).fold(None, |range, value| match range {
        None => Some((value, value)),
        Some((low, high)) => Some((f64::min(low, value), f64::max(high, value))),
    })
}

/// 1, 2 or 5 times a power of ten, for about five steps.
fn step(low: f64, high: f64) -> f64 {
    let rough = (high - low) / 5.0;
    let power = 10f64.powf(rough.log10().floor());
    let factor = match rough / power {
        r if r < 1.5 => 1.0,
        r if r < 3.5 => 2.0,
        r if r < 7.5 => 5.0,
        _ => 10.0,
    };
    factor * power
}

/// A scale has about five.
const MOST_TICKS: i64 = 20;

fn linear_ticks(low: f64, high: f64) -> Vec<(f64, String)> {
    let step = step(low, high);
    let decimals = (-(step.log10() + 1e-9).floor()).clamp(0.0, 12.0) as usize;
    let first = (low / step - 1e-9).ceil() as i64;
    let last = (high / step + 1e-9).floor() as i64;
    // A range so narrow that its numbers cannot be told apart has no steps.
    let last = last.min(first.saturating_add(MOST_TICKS));
    (first..=last)
        .map(|k| {
            let value = k as f64 * step;
            (value, super::number::plain(value, decimals))
        })
        .collect()
}

/// Powers of ten, with twice and five times them where these are few; about six carry a label.
fn log_ticks(low: f64, high: f64) -> Vec<(f64, String)> {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let factors: &[f64] = if last - first > 3 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let stride = ((last - first) / 6 + 1).max(1);
    let inside = |value: &f64| *value >= low * (1.0 - 1e-9) && *value <= high * (1.0 + 1e-9);
    let ticks = (first..=last).flat_map(|power| {
        let values = factors.iter().map(move |factor| factor * 10f64.powi(power)).filter(inside);
        values.map(move |value| {
            let label = if (last - power) % stride != 0 {
                String::new()
            } else if (-4..=4).contains(&power) {
                let decimals = usize::try_from(-power).unwrap_or(0);
                format!("{value:.decimals$}")
            } else {
                format!("{value:e}").replace('-', "−")
            };
            (value, label)
        })
    });
    ticks.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<String> {
        axis.ticks().into_iter().map(|tick| tick.1).collect()
    }

    #[test]
    fn ticks_are_round_numbers() {
        assert_eq!(labels(&Axis::linear("", 0.0, 1.0)), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(
            labels(&Axis::linear("", -3.0, 0.0)),
            ["−3.0", "−2.5", "−2.0", "−1.5", "−1.0", "−0.5", "0.0"]
        );
        assert_eq!(
            labels(&Axis::holding("", [96.3, 99.1])),
            ["96.0", "96.5", "97.0", "97.5", "98.0", "98.5", "99.0", "99.5"]
        );
        assert_eq!(
            labels(&Axis::logarithmic("", [0.001, 10.0])),
            ["0.001", "0.01", "0.1", "1", "10"]
        );
    }

    #[test]
    fn logarithmic_ticks_are_round_numbers() {
        let axis = Axis::logarithmic("", [0.03, 0.7]);
        assert_eq!(labels(&axis), ["0.02", "0.05", "0.1", "0.2", "0.5", "1"]);
        let wide = Axis::logarithmic("", [1e-30, 1e10]);
        let labels = labels(&wide).into_iter().filter(|label| !label.is_empty()).count();
        assert!((4..=8).contains(&labels), "{labels}");
        for odd in [vec![], vec![1.0], vec![f64::MAX], vec![f64::MIN_POSITIVE]] {
            let axis = Axis::logarithmic("", odd.iter().copied());
            assert!(axis.low > 0.0 && axis.low < axis.high && axis.high.is_finite(), "{odd:?}");
        }
    }

    #[test]
    fn a_range_holds_its_finite_values_only() {
        let axis = Axis::holding("", [f64::NAN, 3.0, f64::NEG_INFINITY, 7.0]);
        assert!(axis.low <= 3.0 && axis.low > 0.0 && axis.high >= 7.0 && axis.high < 10.0);
        for empty in [vec![], vec![f64::INFINITY], vec![2.0], vec![0.0, 0.0]] {
            let axis = Axis::holding("", empty);
            assert!(axis.low < axis.high && axis.ticks().len() > 1);
        }
        // The least number above 0, and the widest range there is: few ticks, whatever they say.
        for odd in [[0.0, 5e-324], [-f64::MAX, f64::MAX], [1e15, 1e15 + 0.125]] {
            assert!(Axis::holding("", odd).ticks().len() < 30, "{odd:?}");
        }
        assert!(Axis::logarithmic("", [0.0, -1.0]).low > 0.0);
    }

    #[test]
    fn what_has_no_place_has_no_position() {
        let log = Axis::logarithmic("", [0.1, 10.0]);
        assert_eq!(log.position(0.0), None);
        assert!((log.position(1.0).unwrap() - 0.5).abs() < 1e-12);
        assert_eq!(Axis::linear("", 0.0, 2.0).position(f64::NAN), None);
        assert_eq!(Axis::linear("", 0.0, 2.0).position(1.0), Some(0.5));
    }
}
