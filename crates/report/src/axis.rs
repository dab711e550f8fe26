//! From values to positions along an axis, and the round numbers that label it.
//!
//! The chart draws in *axis space*: the values themselves on a linear axis, their decimal
//! logarithms on a logarithmic one. What cannot be drawn has no position.

use std::ops::Range;

/// Values beyond this magnitude (or, on a logarithmic axis, below its inverse) are not drawn; the
/// arithmetic of an axis would overflow long before anybody could read it.
const LARGEST: f64 = 1e100;
/// Decades a positive quantity must span before a logarithmic axis says more than a linear one.
const LOG_DECADES: f64 = 2.0;
/// Room above and below the data, as a share of its span.
const PADDING: f64 = 0.05;
/// The narrowest span shown, relative to the values: below, one would look at rounding errors.
const NARROWEST: f64 = 1e-9;
/// Decades up to which a logarithmic axis also labels 2 and 5 times the powers of ten.
const LABELLED_DECADES: f64 = 2.5;
/// The most powers of ten to label.
const MOST_POWERS: f64 = 8.0;

/// How values become positions along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scale {
    /// Logarithmic when every value is positive and they span more than two decades.
    #[default]
    Auto,
    /// Equal distances are equal differences.
    Linear,
    /// Equal distances are equal ratios; values that are not positive are not drawn. Linear when
    /// no value is positive.
    Logarithmic,
}

/// An axis: the stretch of axis space it shows, and where its labels go.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Axis {
    logarithmic: bool,
    range: Range<f64>,
    ticks: Vec<f64>,
    decimals: usize,
}

impl Axis {
    /// A linear axis that shows exactly the given values, with `count` labels or a few more.
    pub(crate) fn exact(values: impl Iterator<Item = f64> + Clone, count: usize) -> Self {
        let whole = values.clone().all(|value| value.fract() == 0.0);
        let (low, high) = extent(values.filter(|value| drawable(*value)));
        let margin = if high > low { 0.0 } else { 0.5 * scale_of(low) };
        // Between two epochs there is nothing to label.
        let finest = if whole { 1.0 } else { 0.0 };
        Self::linear(low - margin..high + margin, count, finest)
    }

    /// An axis that shows the given values with some room, logarithmic if the scale says so.
    pub(crate) fn padded(
        values: impl Iterator<Item = f64> + Clone,
        scale: Scale,
        count: usize,
    ) -> Self {
        let finite = values.filter(|value| drawable(*value));
        let positive = finite
            .clone()
            .filter(|value| *value >= LARGEST.recip())
            .map(f64::log10);
        let logarithmic = match scale {
            Scale::Linear => false,
            Scale::Logarithmic => positive.clone().next().is_some(),
            Scale::Auto => {
                let (low, high) = extent(positive.clone());
                high - low > LOG_DECADES && finite.clone().all(|value| value > 0.0)
            }
        };
        if logarithmic {
            return Self::logarithmic(extent(positive));
        }
        let (low, high) = extent(finite);
        let margin = if high - low > NARROWEST * low.abs().max(high.abs()) {
            PADDING * (high - low)
        } else {
            0.1 * scale_of(low)
        };
        // Losses that are never negative should not look as if they were.
        let bottom = if low >= 0.0 { 0.0 } else { f64::MIN };
        Self::linear((low - margin).max(bottom)..high + margin, count, 0.0)
    }

    /// Widens the range about its middle until it spans `span`, keeping about `count` labels.
    pub(crate) fn widened(&self, span: f64, count: usize) -> Self {
        let middle = 0.5 * (self.range.start + self.range.end);
        Self::linear(middle - 0.5 * span..middle + 0.5 * span, count, 0.0)
    }

    fn linear(range: Range<f64>, count: usize, finest: f64) -> Self {
        let span = range.end - range.start;
        let step = round_step(span / count.max(1) as f64).max(finest);
        let first = (range.start / step - 1e-6).ceil() as i64;
        let last = (range.end / step + 1e-6).floor() as i64;
        Self {
            logarithmic: false,
            ticks: (first..=last).map(|tick| tick as f64 * step).collect(),
            decimals: (-step.log10().floor()).clamp(0.0, 12.0) as usize,
            range,
        }
    }

    fn logarithmic((low, high): (f64, f64)) -> Self {
        let margin = (PADDING * (high - low)).max(0.05);
        let range = low - margin..high + margin;
        let (first, last) = (range.start.floor() as i32, range.end.ceil() as i32);
        let stride = ((range.end - range.start) / MOST_POWERS).ceil() as i32;
        let multiples: &[f64] = if high - low <= LABELLED_DECADES {
            &[1.0, 2.0, 5.0]
        } else {
            &[1.0]
        };
        let ticks = (first..=last)
            .filter(|power| power % stride == 0)
            .flat_map(|power| multiples.iter().map(move |m| f64::from(power) + m.log10()))
            .filter(|tick| range.contains(tick))
            .collect();
        Self {
            logarithmic: true,
            range,
            ticks,
            decimals: 0,
        }
    }

    /// Where a value goes, or `None` for one that cannot be drawn.
    pub(crate) fn position(&self, value: f64) -> Option<f64> {
        if !self.logarithmic {
            return drawable(value).then_some(value);
        }
        (drawable(value) && value >= LARGEST.recip()).then(|| value.log10())
    }

    /// The stretch of axis space that is shown.
    pub(crate) fn shown(&self) -> Range<f64> {
        self.range.clone()
    }

    /// Length of the range, in axis space.
    pub(crate) fn span(&self) -> f64 {
        self.range.end - self.range.start
    }

    /// Positions of the labels, in axis space.
    pub(crate) fn ticks(&self) -> &[f64] {
        &self.ticks
    }

    /// The text of the label at a tick.
    pub(crate) fn label(&self, tick: f64) -> String {
        let value = if self.logarithmic {
            10f64.powf(tick)
        } else {
            tick
        };
        let magnitude = value.abs();
        let extreme = magnitude >= 1e6 || (magnitude > 0.0 && magnitude < 1e-4);
        let text = if self.logarithmic || extreme {
            crate::number(value)
        } else {
            format!("{value:.*}", self.decimals)
        };
        text.replace('-', "\u{2212}")
    }
}

/// Whether the arithmetic of an axis can handle a value.
fn drawable(value: f64) -> bool {
    value.abs() <= LARGEST // false for NaN
}

/// Smallest and largest value; 0 and 0 when there are none.
fn extent(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values
        .fold(None, |extent, value| match extent {
            None => Some((value, value)),
            Some((low, high)) => Some((value.min(low), value.max(high))),
        })
        .unwrap_or((0.0, 0.0))
}

/// A length of the order of a value, for room around a single one.
fn scale_of(value: f64) -> f64 {
    if value == 0.0 {
        1.0
    } else {
        value.abs().max(1e-90)
    }
}

/// The smallest of 1, 2, 5 times a power of ten that is at least `step`, or not far below.
fn round_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0]
        .map(|factor| factor * power)
        .into_iter()
        .find(|&candidate| candidate >= 0.8 * step)
        .unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<String> {
        axis.ticks().iter().map(|&tick| axis.label(tick)).collect()
    }

    #[test]
    fn epochs_get_whole_numbers() {
        let axis = Axis::exact([1.0, 2.0, 3.0].into_iter(), 8);
        assert_eq!(axis.shown(), 1.0..3.0);
        assert_eq!(labels(&axis), ["1", "2", "3"]);
        let axis = Axis::exact((1..=40).map(f64::from), 8);
        assert_eq!(
            labels(&axis),
            ["5", "10", "15", "20", "25", "30", "35", "40"]
        );
    }

    #[test]
    fn a_single_value_has_room_around_it() {
        for value in [0.0, 1.0, -3.5, 1e-80, 1e99] {
            let axis = Axis::padded([value].into_iter(), Scale::Auto, 5);
            assert!(axis.shown().contains(&value), "{value}: {axis:?}");
            assert!(axis.span() > 0.0);
            assert!(
                !axis.ticks().is_empty() && axis.ticks().len() < 30,
                "{axis:?}"
            );
        }
    }

    #[test]
    fn two_decades_make_an_axis_logarithmic() {
        let wide = Axis::padded([0.01, 5.0].into_iter(), Scale::Auto, 5);
        assert!(wide.logarithmic);
        assert_eq!(wide.position(0.1).map(f64::round), Some(-1.0));
        assert_eq!(wide.position(0.0), None);
        assert!(!Axis::padded([0.1, 5.0].into_iter(), Scale::Auto, 5).logarithmic);
        assert!(!Axis::padded([-0.01, 5.0].into_iter(), Scale::Auto, 5).logarithmic);
        assert!(!Axis::padded([0.01, 5.0].into_iter(), Scale::Linear, 5).logarithmic);
        assert!(!Axis::padded([-1.0].into_iter(), Scale::Logarithmic, 5).logarithmic);
    }

    #[test]
    fn logarithmic_labels_are_powers_of_ten() {
        let axis = Axis::padded([1e-6, 1.0].into_iter(), Scale::Auto, 5);
        assert_eq!(labels(&axis)[0], "1e\u{2212}6");
        assert_eq!(labels(&axis).last().map(String::as_str), Some("1"));
    }

    #[test]
    fn undrawable_values_do_not_move_the_axis() {
        let values = [f64::NAN, 1.0, f64::INFINITY, 2.0, -f64::INFINITY, f64::MAX];
        let axis = Axis::padded(values.into_iter(), Scale::Auto, 5);
        assert_eq!(axis, Axis::padded([1.0, 2.0].into_iter(), Scale::Auto, 5));
        assert_eq!(axis.position(f64::NAN), None);
        assert_eq!(axis.position(f64::MAX), None);
    }
}
