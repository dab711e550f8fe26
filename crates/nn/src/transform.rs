//! What is done to a batch before a model sees it, anew each time.
//!
//! A transform is a function of the batch and of a random stream. Whoever loads batches hands it the
//! stream of this seed, epoch and batch, so that what a sample becomes in epoch 7 depends on nothing
//! that epoch 6 did, and a run that is taken up again goes on with the same bits.
//!
//! ```
//! use retrograd_nn::transform::{Bernoulli, Mask, Transform, chain};
//! use retrograd_tensor::{Tensor, random};
//!
//! let transform = chain([Box::new(Bernoulli) as Box<dyn Transform>, Box::new(Mask::zero(0.25))]);
//! let batch = transform.apply(Tensor::full([2, 8], 0.5), &mut random::stream(42, "batch", &[0, 3]));
//! assert!(batch.iter().all(|x| x == 0.0 || x == 1.0));
//! ```
//!
//! What is the same every time, such as a fitted scale, is done once to the data before it is loaded.

use std::fmt;

use retrograd_tensor::random::Rng;
use retrograd_tensor::{Array, Element, Tensor, typed};

/// A change of a batch `[batch, features ...]`, the first axis of which stays.
///
/// Any function of batch and stream is one: `|x: Tensor, _: &mut Rng| x.flip(-1)`.
pub trait Transform: Send + Sync {
    /// The changed batch; random choices come from `stream` alone.
    fn apply(&self, batch: Tensor, stream: &mut Rng) -> Tensor;
}

impl<F: Fn(Tensor, &mut Rng) -> Tensor + Send + Sync> Transform for F {
    fn apply(&self, batch: Tensor, stream: &mut Rng) -> Tensor {
        self(batch, stream)
    }
}

impl Transform for Box<dyn Transform> {
    fn apply(&self, batch: Tensor, stream: &mut Rng) -> Tensor {
        (**self).apply(batch, stream)
    }
}

/// Transforms one after the other, all from one stream.
pub struct Chain(Vec<Box<dyn Transform>>);

/// The transforms in this order; without any, batches stay as they are.
pub fn chain(transforms: impl IntoIterator<Item = Box<dyn Transform>>) -> Chain {
    Chain(transforms.into_iter().collect())
}

impl Transform for Chain {
    fn apply(&self, batch: Tensor, stream: &mut Rng) -> Tensor {
        let mut batch = batch;
        for transform in &self.0 {
            batch = transform.apply(batch, stream);
        }
        batch
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chain of {} transforms", self.0.len())
    }
}

/// x + σ·ε with ε ~ N(0, 1): the corruption of a denoising autoencoder (Vincent et al. 2008).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Noise {
    /// σ, in the unit of the values.
    pub deviation: f64,
}

impl Transform for Noise {
    fn apply(&self, mut batch: Tensor, stream: &mut Rng) -> Tensor {
        let noise = Tensor::normal(*batch.shape(), 0.0, self.deviation, stream, batch.dtype());
        batch.add_assign(&noise);
        batch
    }
}

/// Replaces each value by another with a probability: masking noise where that is 0 (Vincent et al.
/// 2008).
///
/// Unlike dropout, what stays is not scaled: the model is to fill the holes in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mask {
    /// The probability of each value, in [0, 1].
    pub probability: f64,
    /// What takes its place.
    pub value: f64,
}

impl Mask {
    /// Replaces values by 0.
    #[must_use]
    pub fn zero(probability: f64) -> Self {
        Self {
            probability,
            value: 0.0,
        }
    }
}

impl Transform for Mask {
    fn apply(&self, mut batch: Tensor, stream: &mut Rng) -> Tensor {
        let (probability, value) = (batch.dtype().round(self.probability), self.value);
        each(&mut batch, stream, |x, drawn| match drawn < probability {
            true => value,
            false => x,
        });
        batch
    }
}

/// 1 with the probability that a value states and 0 otherwise: a fresh binary sample of a grey image
/// each time (Salakhutdinov & Murray 2008).
///
/// Values below 0 count as 0, and those above 1 as 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bernoulli;

impl Transform for Bernoulli {
    fn apply(&self, mut batch: Tensor, stream: &mut Rng) -> Tensor {
        each(&mut batch, stream, |x, drawn| match drawn < x {
            true => 1.0,
            false => 0.0,
        });
        batch
    }
}

/// Changes every value, given a number uniform in [0, 1).
fn each(batch: &mut Tensor, stream: &mut Rng, change: impl Fn(f64, f64) -> f64) {
    typed!(batch.dtype(), T => {
        let drawn = Array::<T>::uniform(*batch.shape(), 0.0, 1.0, stream);
        for (x, drawn) in batch.make_mut::<T>().iter_mut().zip(drawn.iter()) {
            *x = T::from_f64(change(x.to_f64(), drawn.to_f64()));
        }
    });
}

/// Changes every value in place.
fn every(batch: &mut Tensor, change: impl Fn(f64) -> f64) {
    typed!(batch.dtype(), T => {
        for x in batch.make_mut::<T>() {
            *x = T::from_f64(change(x.to_f64()));
        }
    });
}

/// 1 where a value is above the threshold and 0 elsewhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold(pub f64);

impl Transform for Threshold {
    fn apply(&self, mut batch: Tensor, _stream: &mut Rng) -> Tensor {
        every(&mut batch, |x| if x > self.0 { 1.0 } else { 0.0 });
        batch
    }
}

/// x → `scale`·x + `shift`, such as from bytes to [0, 1] or from there to [−1, 1].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// The factor, before the shift.
    pub scale: f64,
    /// What is added.
    pub shift: f64,
}

impl Transform for Affine {
    fn apply(&self, mut batch: Tensor, _stream: &mut Rng) -> Tensor {
        every(&mut batch, |x| self.scale * x + self.shift);
        batch
    }
}

/// From `[batch, ...]` to `[batch, features]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flatten;

impl Transform for Flatten {
    fn apply(&self, batch: Tensor, _stream: &mut Rng) -> Tensor {
        let sizes = batch.shape();
        let samples = sizes.first().copied().unwrap_or(1);
        let features = sizes.iter().skip(1).product();
        batch.with_shape([samples, features].into())
    }
}

#[cfg(test)]
mod tests {
    use retrograd_tensor::{DType, assert_abs_diff_eq, random};

    use super::*;

    fn stream(batch: u64) -> Rng {
        random::stream(1, "batch", &[0, batch])
    }

    fn grey() -> Tensor {
        Tensor::full([500, 20], 0.3)
    }

    fn mean(x: &Tensor) -> f64 {
        x.iter().sum::<f64>() / x.elements() as f64
    }

    /// Five standard deviations of the mean of 10 000 draws.
    fn near(found: f64, expected: f64, deviation: f64) {
        assert_abs_diff_eq!(found, expected, epsilon = 5.0 * deviation / 100.0);
    }

    #[test]
    fn the_stream_decides_and_nothing_else() {
        let all: [Box<dyn Transform>; 3] = [
            Box::new(Noise { deviation: 0.1 }),
            Box::new(Mask::zero(0.5)),
            Box::new(Bernoulli),
        ];
        for transform in &all {
            let first = transform.apply(grey(), &mut stream(0));
            assert_eq!(first, transform.apply(grey(), &mut stream(0)));
            assert_ne!(first, transform.apply(grey(), &mut stream(1)));
            assert_eq!(first.shape(), grey().shape());
        }
    }

    #[test]
    fn a_batch_that_others_hold_stays_as_it_is() {
        let batch = grey();
        for transform in [
            Box::new(Noise { deviation: 0.1 }) as Box<dyn Transform>,
            Box::new(Mask::zero(0.5)),
            Box::new(Bernoulli),
            Box::new(Threshold(0.1)),
        ] {
            let changed = transform.apply(batch.clone(), &mut stream(0));
            assert_ne!(changed, batch);
            assert_eq!(batch, grey());
        }
    }

    #[test]
    fn noise_has_its_deviation() {
        let noise = Noise { deviation: 0.5 };
        let x = noise.apply(Tensor::zeros([500, 20], DType::F64), &mut stream(0));
        near(mean(&x), 0.0, 0.5);
        // The variance of a square of a normal number is 2σ⁴.
        near(mean(&(&x * &x)), 0.25, 2f64.sqrt() * 0.25);
    }

    #[test]
    fn masks_and_samples_have_their_probabilities() {
        let mask = Mask {
            probability: 0.2,
            value: -1.0,
        };
        let x = mask.apply(grey(), &mut stream(0));
        assert!(x.iter().all(|x| x == -1.0 || x == 0.3));
        near(mean(&x), 0.8 * 0.3 - 0.2, 1.3 * (0.2_f64 * 0.8).sqrt());
        let x = Bernoulli.apply(grey(), &mut stream(0));
        assert!(x.iter().all(|x| x == 0.0 || x == 1.0));
        near(mean(&x), 0.3, (0.3_f64 * 0.7).sqrt());
        let sure = Tensor::from_vec(vec![-0.5, 0.0, 1.0, 1.5], [1, 4]);
        let x = Bernoulli.apply(sure, &mut stream(0));
        assert_eq!(x.to_vec(), [0.0, 0.0, 1.0, 1.0]);
        for (probability, expected) in [(0.0, grey()), (1.0, Tensor::zeros([500, 20], DType::F64))]
        {
            assert_eq!(
                Mask::zero(probability).apply(grey(), &mut stream(0)),
                expected
            );
        }
    }

    #[test]
    fn chains_go_in_order_and_functions_are_transforms() {
        let double = |x: Tensor, _: &mut Rng| x.scale(2.0);
        let chain = chain([
            Box::new(double) as Box<dyn Transform>,
            Box::new(Affine {
                scale: 10.0,
                shift: 1.0,
            }),
            Box::new(Threshold(6.0)),
            Box::new(Flatten),
        ]);
        let x = Tensor::from_vec(vec![0.1, 0.2, 0.3, 0.4], [2, 2, 1]);
        let y = chain.apply(x, &mut stream(0));
        assert_eq!(
            (y.shape().to_vec(), y.to_vec()),
            (vec![2, 2], vec![0.0, 0.0, 1.0, 1.0])
        );
        let nothing = super::chain([]);
        assert_eq!(nothing.apply(grey(), &mut stream(0)), grey());
        let strided = Tensor::arange(6, DType::F64).reshape(&[2, 3]).t();
        let flat = Flatten.apply(strided.unsqueeze(1), &mut stream(0));
        assert_eq!(flat.to_vec(), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
    }
}
