//! Figures of a model's output that are no terms of its loss.

use retrograd_autograd::Var;
use retrograd_tensor::Tensor;

use crate::loss::{self, Reduction};

/// A figure over all held-out samples, which come batch by batch.
pub trait Metric {
    /// Its name in tables.
    fn name(&self) -> &'static str;

    /// Takes note of a batch of outputs and what they should have been.
    fn add(&mut self, output: &Tensor, target: &Tensor);

    /// The figure over what came since the last time, which is then forgotten.
    fn take(&mut self) -> f64;
}

/// A mean, weighed by what it is a mean of.
#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    sum: f64,
    weight: f64,
}

impl Mean {
    fn add(&mut self, value: f64, weight: usize) {
        self.sum += value * weight as f64;
        self.weight += weight as f64;
    }

    fn take(&mut self) -> f64 {
        let Self { sum, weight } = std::mem::take(self);
        sum / weight
    }
}

/// The share of samples whose largest output, `[batch, classes]`, is that of their class, `[batch]`
/// (whole numbers) or `[batch, classes]` (the largest is the class).
#[derive(Clone, Debug, Default)]
pub struct Accuracy(Mean);

impl Accuracy {
    /// Of no samples yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Metric for Accuracy {
    fn name(&self) -> &'static str {
        "accuracy"
    }

    fn add(&mut self, output: &Tensor, target: &Tensor) {
        let found = output.argmax(1);
        let right = |class: usize, found: i64| found == class as i64;
        let hits = if target.rank() == 1 {
            let classes = target.iter().map(|class| class as usize);
            classes
                .zip(found.iter())
                .filter(|&(c, f)| right(c, f))
                .count()
        } else {
            let classes = target.argmax(1);
            classes
                .iter()
                .zip(found.iter())
                .filter(|(c, f)| c == f)
                .count()
        };
        let samples = found.elements();
        self.0.add(hits as f64 / samples.max(1) as f64, samples);
    }

    fn take(&mut self) -> f64 {
        self.0.take()
    }
}

/// The peak signal-to-noise ratio in decibels, 10 log₁₀(peak² / MSE), of the mean square over all
/// samples.
#[derive(Clone, Debug)]
pub struct Psnr {
    peak: f64,
    error: Mean,
}

impl Psnr {
    /// For values from 0 to `peak`.
    #[must_use]
    pub fn new(peak: f64) -> Self {
        Self {
            peak,
            error: Mean::default(),
        }
    }
}

impl Metric for Psnr {
    fn name(&self) -> &'static str {
        "psnr"
    }

    fn add(&mut self, output: &Tensor, target: &Tensor) {
        self.error
            .add(mean_square(output, target), output.elements());
    }

    fn take(&mut self) -> f64 {
        10.0 * (self.peak.powi(2) / self.error.take()).log10()
    }
}

/// The mean structural similarity of images (Wang et al. 2004; see [`loss::Ssim`]).
#[derive(Clone, Debug)]
pub struct Similarity {
    /// `[channels, rows, columns]`
    image: [usize; 3],
    options: loss::Ssim,
    mean: Mean,
}

impl Similarity {
    /// Of images `[channels, rows, columns]`, which may lie flat in batches `[batch, features]`.
    #[must_use]
    pub fn new(image: [usize; 3], options: loss::Ssim) -> Self {
        Self {
            image,
            options,
            mean: Mean::default(),
        }
    }
}

impl Metric for Similarity {
    fn name(&self) -> &'static str {
        "ssim"
    }

    fn add(&mut self, output: &Tensor, target: &Tensor) {
        let [channels, rows, columns] = self.image.map(|size| size as isize);
        let image = |x: &Tensor| Var::constant(x.reshape(&[-1, channels, rows, columns]));
        let (output, target) = (image(output), image(target));
        let samples = output.shape()[0];
        let similarity = self.options.similarity(&output, &target, Reduction::Mean);
        self.mean.add(similarity.item(), samples);
    }

    fn take(&mut self) -> f64 {
        self.mean.take()
    }
}

/// The share of the targets' variance that the outputs explain, R² = 1 − Σ(y − t)² / Σ(t − t̄)², over
/// all features together, each with its own mean. Targets that are NaN are missing, and left out.
#[derive(Clone, Debug, Default)]
pub struct RSquared {
    residual: f64,
    /// How many there are of each feature, and their sum.
    features: Vec<(f64, f64)>,
    squares: f64,
}

impl Metric for RSquared {
    fn name(&self) -> &'static str {
        "r2"
    }

    fn add(&mut self, output: &Tensor, target: &Tensor) {
        let samples = target.shape().first().copied().unwrap_or(1);
        let features = target.elements() / samples.max(1);
        // What is missing is not to be explained, and is met by 0.
        let known = target.map(|t| (!t.is_nan()).into());
        let target = target.map(|t| if t.is_nan() { 0.0 } else { t });
        self.residual += mean_square(&(output * &known), &target) * output.elements() as f64;
        self.features.resize(features, (0.0, 0.0));
        for (i, (t, known)) in target.iter().zip(known.iter()).enumerate() {
            let (count, sum) = &mut self.features[i % features];
            *count += known;
            *sum += t;
            self.squares += t * t;
        }
    }

    fn take(&mut self) -> f64 {
        let Self {
            residual,
            features,
            squares,
        } = std::mem::take(self);
        let known = features.iter().filter(|(count, _)| *count > 0.0);
        let explained: f64 = known.map(|(count, sum)| sum * sum / count).sum();
        1.0 - residual / (squares - explained)
    }
}

/// The number of units of a code, `[batch, units]`, that say something about the sample: those whose
/// variance over the samples is above 0.01 (Burda et al. 2016, section 5.2). The output is the code,
/// of a variational autoencoder its mean; the target is not used.
#[derive(Clone, Debug, Default)]
pub struct ActiveUnits {
    samples: f64,
    /// Sum and sum of squares of each unit.
    units: Vec<(f64, f64)>,
}

impl ActiveUnits {
    /// The variance above which a unit is active.
    const ACTIVE: f64 = 0.01;
}

impl Metric for ActiveUnits {
    fn name(&self) -> &'static str {
        "active_units"
    }

    fn add(&mut self, output: &Tensor, _: &Tensor) {
        let samples = output.shape().first().copied().unwrap_or(1);
        let units = output.elements() / samples.max(1);
        self.samples += samples as f64;
        self.units.resize(units, (0.0, 0.0));
        for (i, value) in output.iter().enumerate() {
            let unit = &mut self.units[i % units];
            unit.0 += value;
            unit.1 += value.powi(2);
        }
    }

    fn take(&mut self) -> f64 {
        let Self { samples, units } = std::mem::take(self);
        let variance = |(sum, squares): &(f64, f64)| squares / samples - (sum / samples).powi(2);
        let active = units.iter().filter(|unit| variance(unit) > Self::ACTIVE);
        active.count() as f64
    }
}

fn mean_square(output: &Tensor, target: &Tensor) -> f64 {
    let constant = |x: &Tensor| Var::constant(x.clone());
    let error = loss::mse(&constant(output), &constant(target), Reduction::Mean);
    error.item()
}

impl<M: Metric + ?Sized> Metric for Box<M> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn add(&mut self, output: &Tensor, target: &Tensor) {
        (**self).add(output, target);
    }

    fn take(&mut self) -> f64 {
        (**self).take()
    }
}

/// What metrics compare on a batch: output and target.
pub type Prediction<'a, V> = dyn Fn(&V) -> (Var, Var) + 'a;

/// A metric and what it is of.
pub(super) struct Measures<'a, V> {
    pub(super) predict: Box<Prediction<'a, V>>,
    pub(super) metric: Box<dyn Metric + 'a>,
}

impl<V> Measures<'_, V> {
    pub(super) fn add(&mut self, vars: &V) {
        let (output, target) = (self.predict)(vars);
        self.metric.add(output.value(), target.value());
    }

    pub(super) fn take(&mut self) -> (&'static str, f64) {
        (self.metric.name(), self.metric.take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::assert_abs_diff_eq;

    fn of(metric: &mut dyn Metric, batches: &[(Tensor, Tensor)]) -> f64 {
        batches.iter().for_each(|(y, t)| metric.add(y, t));
        metric.take()
    }

    fn column(values: &[f64]) -> Tensor {
        Tensor::from_vec(values.to_vec(), [values.len(), 1])
    }

    #[test]
    fn figures_are_those_of_all_samples_together() {
        let (y, t) = ([1.0, 2.0, 4.0, 4.5], [1.0, 2.5, 3.0, 5.5]);
        let whole = [(column(&y), column(&t))];
        let parts = [
            (column(&y[..3]), column(&t[..3])),
            (column(&y[3..]), column(&t[3..])),
        ];
        // Σ(y − t)² = 2.25, t̄ = 3, Σ(t − t̄)² = 10.5.
        for batches in [&whole[..], &parts] {
            let r2 = of(&mut RSquared::default(), batches);
            assert_abs_diff_eq!(r2, (1.0 - 2.25 / 10.5), epsilon = 1e-12);
            let psnr = of(&mut Psnr::new(2.0), batches);
            assert_abs_diff_eq!(
                psnr,
                10.0 * (4.0 / (2.25_f64 / 4.0)).log10(),
                epsilon = 1e-12
            );
        }
    }

    #[test]
    fn what_is_missing_explains_nothing_and_is_not_explained() {
        let (y, t) = ([1.0, 2.0, 9.0, 4.0, 4.5], [1.0, 2.5, f64::NAN, 3.0, 5.5]);
        let r2 = of(&mut RSquared::default(), &[(column(&y), column(&t))]);
        assert_abs_diff_eq!(r2, (1.0 - 2.25 / 10.5), epsilon = 1e-12);
    }

    #[test]
    fn accuracy_takes_classes_as_numbers_or_as_shares() {
        let output = Tensor::from_vec(vec![0.1, 0.9, 0.8, 0.2, 0.4, 0.6], [3, 2]);
        let classes = Tensor::from_vec(vec![1.0, 0.0, 0.0], [3]);
        let shares = Tensor::from_vec(vec![0.0, 1.0, 1.0, 0.0, 1.0, 0.0], [3, 2]);
        for target in [classes, shares] {
            let accuracy = of(&mut Accuracy::default(), &[(output.clone(), target)]);
            assert_abs_diff_eq!(accuracy, 2.0 / 3.0, epsilon = 1e-12);
        }
    }

    #[test]
    fn an_image_is_similar_to_itself() {
        let image = Tensor::from_fn([2, 144], |at| ((at[1] * 7 + at[0]) % 13) as f64 / 13.0);
        let mut metric = Similarity::new([1, 12, 12], loss::Ssim::default());
        let same = of(&mut metric, &[(image.clone(), image.clone())]);
        assert_abs_diff_eq!(same, 1.0, epsilon = 1e-12);
        let other = of(&mut metric, &[(image.flip(1), image)]);
        assert!(other < 0.9, "{other}");
    }

    #[test]
    fn a_constant_unit_is_not_active() {
        let code = Tensor::from_vec(vec![1.0, 0.5, -1.0, 0.5, 1.0, 0.6], [3, 2]);
        assert_eq!(
            of(&mut ActiveUnits::default(), &[(code.clone(), code)]),
            1.0
        );
    }
}
