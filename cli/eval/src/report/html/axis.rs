//! From values to places on a plot.

/// A straight scale with round ticks.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    from: f64,
    to: f64,
    /// Where `from` and `to` lie.
    start: f64,
    end: f64,
    step: f64,
}

impl Axis {
    /// A little wider than the values, to the next tick. `floor` and `ceiling` bound it, where values have bounds.
    pub(super) fn around(values: impl Iterator<Item = f64>, bounds: (f64, f64), places: (f64, f64)) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.filter(|value| value.is_finite()) {
            (low, high) = (low.min(value), high.max(value));
        }
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        let margin = ((high - low) * 0.06).max(high.abs() * 0.01).max(1e-3);
        let (low, high) = ((low - margin).max(bounds.0), (high + margin).min(bounds.1));
        let step = round_step((high - low).max(1e-6) / 7.0);
        let (from, to) = ((low / step).floor() * step, (high / step).ceil() * step);
        Self { from: from.max(bounds.0), to: to.min(bounds.1), start: places.0, end: places.1, step }
    }

    pub(super) fn place(&self, value: f64) -> f64 {
        self.start + (value - self.from) / (self.to - self.from).max(1e-12) * (self.end - self.start)
    }

    /// Values, and how they are written.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        let decimals = (-self.step.log10().floor()).max(0.0) as usize;
        let first = (self.from / self.step - 1e-9).ceil() as i64;
        let last = (self.to / self.step + 1e-9).floor() as i64;
        let tick = |number: i64| {
            let value = number as f64 * self.step;
            (value, format!("{value:.decimals$}"))
        };
        (first..=last).map(tick).collect()
    }
}

/// 1, 2 or 5 times a power of ten, the least that is no less.
fn round_step(least: f64) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0].into_iter().map(|digit| digit * power).find(|step| *step >= least * 0.999).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        let axis = Axis::around([44.7, 96.7].into_iter(), (0.0, 100.0), (100.0, 200.0));
        let written: Vec<String> = axis.ticks().into_iter().map(|(_, written)| written).collect();
        assert_eq!(written, ["40", "50", "60", "70", "80", "90", "100"]);
        assert_eq!((axis.place(40.0), axis.place(100.0)), (100.0, 200.0));
        let fine = Axis::around([1.0, 1.4].into_iter(), (0.0, f64::INFINITY), (0.0, 1.0));
        assert_eq!(fine.ticks().first().map(|(_, written)| written.as_str()), Some("0.9"));
    }

    #[test]
    fn an_axis_of_one_value_or_none_has_a_length() {
        for values in [vec![], vec![0.0], vec![100.0], vec![55.0, 55.0]] {
            let axis = Axis::around(values.iter().copied(), (0.0, 100.0), (0.0, 300.0));
            assert!(axis.ticks().len() >= 2, "{axis:?}");
            assert!(values.iter().all(|value| (0.0..=300.0).contains(&axis.place(*value))), "{axis:?}");
        }
    }
}
