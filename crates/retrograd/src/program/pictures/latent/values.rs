//! How large the numbers of the code are.

use retrograd::report::{Chart, Picture, Scale, number};
use retrograd::tensor::Tensor;

use super::super::show::{Show, stairs};
use crate::program::failure::Failure;
use crate::program::folder::CODES;

/// Bars of the histogram.
const BARS: usize = 40;
/// A number below this share of the largest counts as 0.
const NEARLY_ZERO: f64 = 0.01;

/// The histogram of all numbers.
pub(super) fn picture(show: &Show<'_>, codes: &Tensor) -> Result<Picture, Failure> {
    let histogram = Histogram::of(codes);
    show.chart(CODES, &histogram.chart(), &histogram.caption())
}

/// How often each value occurs.
struct Histogram {
    low: f64,
    high: f64,
    /// Shares of all numbers.
    bars: Vec<f64>,
    mean: f64,
    /// The share of numbers that are about 0.
    zero: f64,
    samples: usize,
}

impl Histogram {
    fn of(codes: &Tensor) -> Self {
        let values = codes.to_vec();
        let count = values.len() as f64;
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // One value alone still needs a bar around it.
        let (low, high) = if low < high {
            (low, high)
        } else {
            (low - 0.5, low + 0.5)
        };
        let mut bars = vec![0.0; BARS];
        for &value in &values {
            let share = (value - low) / (high - low);
            bars[((share * BARS as f64) as usize).min(BARS - 1)] += 1.0 / count;
        }
        let largest = values.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
        let small = values.iter().filter(|x| x.abs() <= NEARLY_ZERO * largest);
        Self {
            low,
            high,
            bars,
            mean: values.iter().sum::<f64>() / count,
            zero: small.count() as f64 / count,
            samples: codes.shape()[0],
        }
    }

    fn chart(&self) -> Chart {
        let top = self.bars.iter().copied().fold(0.0, f64::max);
        Chart::curves("Values of the code", "value", "share of all numbers")
            .line("codes", stairs(&self.bars, self.low, self.high))
            .dashed(
                format!("mean {}", number(self.mean)),
                [(self.mean, 0.0), (self.mean, top)],
            )
            .y_scale(Scale::Linear)
    }

    fn caption(&self) -> String {
        format!(
            "All numbers of the codes of {} held-out samples. {:.0} % of them are 0 or next to it (below a hundredth of the largest).",
            self.samples,
            100.0 * self.zero
        )
    }
}
