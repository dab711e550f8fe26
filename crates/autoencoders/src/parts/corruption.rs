//! What is done to the input of a denoising autoencoder.

use retrograd_autograd::{Mode, Var};
use retrograd_tensor::random::Rng;
use retrograd_tensor::{Array, Float, Shape, Tensor, typed};

/// A random change of samples, x̃ ~ q(x̃|x).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Corruption {
    /// x̃ = x + σ·ε, ε ~ N(0, 1); then held in [0, 1] if `clip`. Noise of ½ leaves the range of
    /// pixels, and clipping keeps noisy images images.
    Gaussian {
        /// σ.
        deviation: f64,
        /// Whether the result is held in [0, 1].
        clip: bool,
    },
    /// Each feature is 0 with probability `share`, independently, and otherwise divided by
    /// 1 − `share`, so that its mean stays (Srivastava et al. 2014).
    Dropout {
        /// The probability, in [0, 1).
        share: f64,
    },
    /// A fixed share of the features of each sample, chosen at random, is 0; the others stay as they
    /// are (Vincent et al. 2008, section 2.2). Unlike dropout it changes the mean.
    Masking {
        /// The share, in [0, 1]; the number of features is rounded.
        share: f64,
    },
}

impl Corruption {
    /// How much of it there is: the deviation of what is added, the share of what is left out.
    #[must_use]
    pub fn amount(self) -> f64 {
        match self {
            Self::Gaussian { deviation, .. } => deviation,
            Self::Dropout { share } | Self::Masking { share } => share,
        }
    }

    /// The same, but so much of it.
    #[must_use]
    pub fn with_amount(self, amount: f64) -> Self {
        match self {
            Self::Gaussian { clip, .. } => Self::Gaussian {
                deviation: amount,
                clip,
            },
            Self::Dropout { .. } => Self::Dropout { share: amount },
            Self::Masking { .. } => Self::Masking { share: amount },
        }
    }

    /// x̃ for a batch `[batch, features]`, in training and in measuring alike. The noise comes from the
    /// tape's random stream, so a free constant stays as it is.
    #[track_caller]
    #[must_use]
    pub fn spoil(self, x: &Var) -> Var {
        let Some(tape) = x.tape() else {
            return x.clone();
        };
        match self {
            Self::Gaussian { deviation, clip } => {
                let noise =
                    tape.random(|rng| Tensor::normal(*x.shape(), 0.0, deviation, rng, x.dtype()));
                let noisy = x + Var::constant(noise);
                if clip { noisy.clamp(0.0, 1.0) } else { noisy }
            }
            Self::Dropout { share } if x.mode() == Mode::Training => x.dropout(share),
            Self::Dropout { share } => {
                let kept = tape.random(|rng| {
                    let draws = Tensor::uniform(*x.shape(), 0.0, 1.0, rng, x.dtype());
                    draws.map(|draw| f64::from(draw >= share) / (1.0 - share))
                });
                x * Var::constant(kept)
            }
            Self::Masking { share } => {
                let mask = tape.random(|rng| mask(x.value(), share, rng));
                x * Var::constant(mask)
            }
        }
    }

    /// x̃ for samples `[samples, features]`, whatever the mode: to look at, or to judge by.
    #[must_use]
    pub fn of(self, x: &Tensor, rng: &mut Rng) -> Tensor {
        let tape =
            retrograd_autograd::Tape::with(Mode::Training, retrograd_tensor::random::copy(rng));
        let noisy = self.spoil(&tape.constant(x.clone())).into_value();
        tape.random(|after| *rng = retrograd_tensor::random::copy(after));
        noisy
    }
}

/// 0 at a share of the positions of each row, else 1.
fn mask(x: &Tensor, share: f64, rng: &mut Rng) -> Tensor {
    typed!(x.dtype(), T => mask_of::<T>(x.shape(), share, rng).into())
}

/// [`mask`] in one type.
fn mask_of<T: Float>(shape: &Shape, share: f64, rng: &mut Rng) -> Array<T> {
    let features = shape.last().copied().unwrap_or(1);
    let masked = (features as f64 * share).round() as usize;
    let mut mask = Array::ones(*shape);
    if masked == 0 || features == 0 {
        return mask;
    }
    let draws = Array::<T>::uniform(*shape, 0.0, 1.0, rng);
    let mut order: Vec<usize> = (0..features).collect();
    let rows = mask.make_mut().chunks_mut(features);
    for (row, draws) in rows.zip(draws.values().chunks(features)) {
        // The positions of the smallest draws; of equal ones, the first.
        let by_draw = |&a: &usize, &b: &usize| {
            let draws = (draws[a].to_f64(), draws[b].to_f64());
            draws.0.total_cmp(&draws.1).then(a.cmp(&b))
        };
        order.select_nth_unstable_by(masked - 1, by_draw);
        order[..masked].iter().for_each(|&i| row[i] = T::ZERO);
    }
    mask
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_autograd::Tape;
    use retrograd_tensor::{DType, Tensor, assert_abs_diff_eq, random};

    const ALL: [Corruption; 4] = [
        Corruption::Gaussian {
            deviation: 0.5,
            clip: false,
        },
        Corruption::Gaussian {
            deviation: 0.5,
            clip: true,
        },
        Corruption::Dropout { share: 0.3 },
        Corruption::Masking { share: 0.3 },
    ];

    #[test]
    fn a_stream_repeats_and_goes_on_and_constants_stay_as_they_are() {
        let x = Tensor::uniform([20, 10], 0.0, 1.0, &mut random::rng(1), DType::F64);
        for corruption in ALL {
            assert_eq!(*corruption.spoil(&x.clone().into()).value(), x);
            for mode in [Mode::Evaluation, Mode::Training] {
                let on = |seed| {
                    let tape = Tape::with(mode, random::rng(seed));
                    corruption.spoil(&tape.constant(x.clone())).into_value()
                };
                assert_ne!(on(3), x, "{corruption:?}");
                assert_eq!(on(3), on(3));
                assert_ne!(on(3), on(4));
            }
            let mut rng = random::rng(3);
            let noisy = corruption.of(&x, &mut rng);
            assert_ne!(corruption.of(&x, &mut rng), noisy, "the stream goes on");
        }
    }

    #[test]
    fn each_does_what_it_says() {
        let x = Tensor::full([1000, 10], 0.5);
        let noisy = |corruption: Corruption| corruption.of(&x, &mut random::rng(2));
        let mean = |x: &Tensor| x.mean(..).item();
        let added = &noisy(ALL[0]) - &x;
        let deviation = (&added * &added).mean(..).item().sqrt();
        // 10 000 draws: the error of the deviation is 0.7 %.
        assert_abs_diff_eq!(deviation, 0.5, epsilon = 0.015);
        let clipped = noisy(ALL[1]);
        assert!(clipped.iter().all(|x| (0.0..=1.0).contains(&x)));
        let left_out = noisy(ALL[2]);
        let expected = left_out.map(|x| if x == 0.0 { 0.0 } else { 0.5 / 0.7 });
        assert_abs_diff_eq!(left_out, expected, epsilon = 1e-15);
        assert_abs_diff_eq!(mean(&left_out), 0.5, epsilon = 0.02, "the mean stays");
        let masked = noisy(ALL[3]).to_vec();
        for row in masked.chunks(10) {
            assert_eq!(
                row.iter().filter(|&&x| x == 0.0).count(),
                3,
                "exactly 3 of 10"
            );
            assert_eq!(row.iter().sum::<f64>(), 3.5, "the others stay");
        }
        let columns = noisy(ALL[3]).mean(0);
        let even = Tensor::full([10], 0.35);
        assert_abs_diff_eq!(columns, even, epsilon = 0.04, "no position is spared");
        let share = |share| Corruption::Masking { share }.of(&x, &mut random::rng(2));
        assert_eq!((mean(&share(0.0)), mean(&share(1.0))), (0.5, 0.0));
    }
}
