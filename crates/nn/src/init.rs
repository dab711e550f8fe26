//! Start values of weights.
//!
//! A layer keeps the size of its signal when the variance of its weights is right for the number
//! of inputs each unit sums (fan-in), and keeps the size of its gradients when it is right for the
//! number of units each input feeds (fan-out).
//!
//! ```text
//! linear [out, in]              fan-in = in,             fan-out = out
//! kernel [out, in, k₁, k₂ ...]  fan-in = in · k₁ k₂ ..., fan-out = out · k₁ k₂ ...   (He et al. 2015, section 2.2)
//! ```
//!
//! PyTorch counts in the same way, also for transposed convolutions, whose weights are `[in, out,
//! ...]` and whose fans are thereby exchanged, and for groups, whose weights have fewer inputs.

use retrograd_tensor::random::{Rng, permutation};
use retrograd_tensor::{Array, DType, Shape, Tensor};

use crate::layers::Activation;

/// How to draw the start values of a weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// Every value the same.
    Constant(f64),
    /// Uniform in `[low, high)`.
    #[doc(alias = "RandomUniform")]
    Uniform(f64, f64),
    /// Normal with mean 0 and this standard deviation.
    #[doc(alias = "RandomNormal")]
    Normal(f64),
    /// Uniform in ±√(6 / (fan-in + fan-out)) (Glorot and Bengio 2010, eq. 16); Keras's default.
    #[doc(alias = "GlorotUniform")]
    XavierUniform,
    /// As `XavierUniform`, times a gain that undoes the slope of the activation at 0: 4 for the
    /// sigmoid (Glorot and Bengio 2010, section 4.2; its slope is ¼).
    XavierUniformGain(f64),
    /// Normal with variance 2 / (fan-in + fan-out) (Glorot and Bengio 2010).
    #[doc(alias = "GlorotNormal")]
    XavierNormal,
    /// Uniform in ±√(6 / fan-in), for ReLU and its kin (He et al. 2015).
    #[doc(alias = "kaiming_uniform_")]
    HeUniform,
    /// Normal with variance 2 / fan-in, for ReLU and its kin (He et al. 2015, eq. 10).
    #[doc(alias = "kaiming_normal_")]
    HeNormal,
    /// Uniform in ±√(3 / fan-in), for SELU and inputs of variance 1 (LeCun et al. 1998, eq. 16).
    LecunUniform,
    /// Normal with variance 1 / fan-in (LeCun et al. 1998, eq. 16; Klambauer et al. 2017).
    LecunNormal,
    /// Of variance gain² / fan: all of the above that depend on a fan are of this form. For the gain see
    /// [`gain`].
    #[doc(alias = "VarianceScaling")]
    Variance {
        /// The factor of the deviation.
        gain: f64,
        /// What is counted.
        fan: Fan,
        /// How values are distributed.
        law: Law,
    },
    /// Normal with mean 0 and this standard deviation, of which no value is further from 0 than 2.27 of
    /// it: a wider normal cut at twice its own deviation (Keras's `TruncatedNormal` has the wider one's
    /// deviation in its name, and a smaller one in its values).
    #[doc(alias = "trunc_normal_")]
    TruncatedNormal(f64),
    /// For each unit (row), this share of its weights is 0, others are normal with this deviation
    /// (Martens 2010, section 5).
    Sparse {
        /// Share of zeros, rounded up.
        zeros: f64,
        /// Of the weights that are not 0.
        deviation: f64,
    },
    /// 1 from input i to unit i, at the middle of the kernel, and 0 elsewhere: the layer gives its
    /// input (PyTorch's `eye_` and `dirac_`).
    #[doc(alias = "eye_")]
    #[doc(alias = "dirac_")]
    Identity,
    /// Uniform in ±1/√fan-in, PyTorch's default for weights of linear layers.
    FanIn,
    /// Orthonormal rows or, when there are more rows than columns, orthonormal columns
    /// (Saxe et al. 2014); a kernel counts as part of the row.
    Orthogonal,
}

/// What the variance of a weight depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fan {
    /// Inputs of a unit: keeps the size of signals.
    In,
    /// Units of an input: keeps the size of gradients.
    Out,
    /// The mean of both.
    Mean,
}

/// How values of mean 0 and a given variance are distributed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// Uniform in ±√3 deviations.
    Uniform,
    /// Normal.
    Normal,
    /// As [`Init::TruncatedNormal`].
    TruncatedNormal,
}

/// The factor by which an activation shrinks the deviation of a signal around 0, inverted: the gain
/// of weights in front of it (PyTorch's `calculate_gain`; He et al. 2015, eq. 15, for ReLU and its
/// kin). 1 where nothing is known.
#[must_use]
pub fn gain(activation: Activation) -> f64 {
    match activation {
        Activation::Relu => 2.0_f64.sqrt(),
        Activation::LeakyRelu(slope) => (2.0 / (1.0 + slope * slope)).sqrt(),
        // By trial, and what everybody uses.
        Activation::Tanh => 5.0 / 3.0,
        Activation::Selu => 0.75,
        _ => 1.0,
    }
}

impl Init {
    /// All 0, as biases start.
    pub const ZEROS: Self = Self::Constant(0.0);

    /// Start values for a weight `[out, in]` or `[out, in, kernel ...]`.
    #[must_use]
    pub fn draw(self, shape: impl Into<Shape>, rng: &mut Rng, dtype: DType) -> Tensor {
        let shape = shape.into();
        let (fan_in, fan_out) = fans(&shape);
        let uniform = |limit: f64, rng: &mut Rng| Tensor::uniform(shape, -limit, limit, rng, dtype);
        match self {
            Self::Constant(value) => Tensor::full(shape, value).cast(dtype),
            Self::Uniform(low, high) => Tensor::uniform(shape, low, high, rng, dtype),
            Self::Normal(deviation) => Tensor::normal(shape, 0.0, deviation, rng, dtype),
            Self::XavierUniform => uniform((6.0 / (fan_in + fan_out)).sqrt(), rng),
            Self::XavierUniformGain(gain) => uniform(gain * (6.0 / (fan_in + fan_out)).sqrt(), rng),
            Self::XavierNormal => {
                Tensor::normal(shape, 0.0, (2.0 / (fan_in + fan_out)).sqrt(), rng, dtype)
            }
            Self::HeUniform => uniform((6.0 / fan_in).sqrt(), rng),
            Self::HeNormal => Tensor::normal(shape, 0.0, (2.0 / fan_in).sqrt(), rng, dtype),
            Self::LecunUniform => uniform((3.0 / fan_in).sqrt(), rng),
            Self::LecunNormal => Tensor::normal(shape, 0.0, fan_in.sqrt().recip(), rng, dtype),
            Self::Variance { gain, fan, law } => {
                let fan = match fan {
                    Fan::In => fan_in,
                    Fan::Out => fan_out,
                    Fan::Mean => 0.5 * (fan_in + fan_out),
                };
                law.draw(shape, gain / fan.sqrt(), rng, dtype)
            }
            Self::TruncatedNormal(deviation) => {
                Law::TruncatedNormal.draw(shape, deviation, rng, dtype)
            }
            Self::Sparse { zeros, deviation } => sparse(shape, zeros, deviation, rng, dtype),
            Self::Identity => identity(shape).cast(dtype),
            Self::FanIn => uniform(fan_in.sqrt().recip(), rng),
            Self::Orthogonal => orthogonal(shape, rng).cast(dtype),
        }
    }
}

impl Law {
    fn draw(self, shape: Shape, deviation: f64, rng: &mut Rng, dtype: DType) -> Tensor {
        match self {
            Self::Uniform => {
                let limit = 3.0_f64.sqrt() * deviation;
                Tensor::uniform(shape, -limit, limit, rng, dtype)
            }
            Self::Normal => Tensor::normal(shape, 0.0, deviation, rng, dtype),
            Self::TruncatedNormal => truncated(shape, deviation, rng).cast(dtype),
        }
    }
}

/// Normal values, those beyond ±2 drawn again, scaled to this deviation.
fn truncated(shape: Shape, deviation: f64, rng: &mut Rng) -> Tensor {
    /// Where the normal distribution is cut.
    const CUT: f64 = 2.0;
    /// What is left of its deviation: √(1 − 2cφ(c) / (2Φ(c) − 1)) at c = 2.
    const LEFT: f64 = 0.879_625_661_034_239_8;
    let mut values: Vec<f64> = Vec::with_capacity(shape.elements());
    while values.len() < shape.elements() {
        let missing = shape.elements() - values.len();
        let drawn = Tensor::normal([missing], 0.0, 1.0, rng, DType::F64);
        let kept = drawn.iter().filter(|z| z.abs() <= CUT);
        values.extend(kept.map(|z| deviation / LEFT * z));
    }
    Tensor::from_vec(values, shape)
}

/// Rows of which a share, chosen anew for each, is 0.
fn sparse(shape: Shape, zeros: f64, deviation: f64, rng: &mut Rng, dtype: DType) -> Tensor {
    let rows = shape.first().copied().unwrap_or(1);
    let columns = shape.elements() / rows.max(1);
    let zeros = (zeros.clamp(0.0, 1.0) * columns as f64).ceil() as usize;
    let mut weight = Array::<f64>::normal(shape, 0.0, deviation, rng);
    for row in weight.make_mut().chunks_mut(columns.max(1)) {
        for column in permutation(row.len(), rng).into_iter().take(zeros) {
            row[column] = 0.0;
        }
    }
    Tensor::from(weight).cast(dtype)
}

fn identity(shape: Shape) -> Tensor {
    let middle = shape.iter().skip(2).map(|size| size / 2);
    let middle: Vec<usize> = middle.collect();
    Tensor::from_fn(shape, |index| {
        let units = index.iter().take(2);
        let same = units.clone().all(|unit| Some(unit) == index.first());
        if same && index.iter().skip(2).eq(&middle) {
            1.0
        } else {
            0.0
        }
    })
}

/// (fan-in, fan-out) of a weight; at least 1 each.
fn fans(shape: &Shape) -> (f64, f64) {
    let kernel: usize = shape.iter().skip(2).product();
    let size = |axis: usize| shape.get(axis).copied().unwrap_or(1);
    let fan = |units: usize| (units * kernel).max(1) as f64;
    (fan(size(1)), fan(size(0)))
}

/// Random directions made orthonormal one after another (modified Gram-Schmidt, twice for
/// orthogonality to rounding; Golub and Van Loan 2013, section 5.2.8).
fn orthogonal(shape: Shape, rng: &mut Rng) -> Tensor {
    let rows = shape.first().copied().unwrap_or(1);
    let columns = shape.elements() / rows.max(1);
    let (count, length) = (rows.min(columns), rows.max(columns));
    let mut vectors: Vec<Vec<f64>> = Vec::new();
    for _ in 0..count {
        let mut vector = Tensor::normal([length], 0.0, 1.0, rng, DType::F64).to_vec();
        for other in vectors.iter().chain(&vectors) {
            let along = dot(&vector, other);
            vector
                .iter_mut()
                .zip(other)
                .for_each(|(v, o)| *v -= along * o);
        }
        let norm = dot(&vector, &vector).sqrt();
        vector.iter_mut().for_each(|v| *v /= norm);
        vectors.push(vector);
    }
    let wide = Tensor::from_vec(vectors.concat(), [count, length]);
    if rows > columns { wide.t() } else { wide }
        .contiguous()
        .with_shape(shape)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::{DType, assert_abs_diff_eq, random};

    fn scaled(gain: f64, fan: Fan, law: Law) -> Init {
        Init::Variance { gain, fan, law }
    }

    #[test]
    fn variances_are_the_published_ones() {
        let variance = |init: Init| {
            let w = init.draw([300, 200], &mut random::rng(1), DType::F64);
            let mean = w.mean(..).item();
            w.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / w.elements() as f64
        };
        // A uniform variable in ±a has variance a²/3. 60 000 draws: five standard errors are 3 %.
        for (init, expected) in [
            (Init::XavierUniform, 2.0 / 500.0),
            (Init::XavierUniformGain(4.0), 32.0 / 500.0),
            (Init::XavierNormal, 2.0 / 500.0),
            (Init::HeUniform, 2.0 / 200.0),
            (Init::HeNormal, 2.0 / 200.0),
            (Init::FanIn, 1.0 / 600.0),
            (Init::LecunUniform, 1.0 / 200.0),
            (Init::LecunNormal, 1.0 / 200.0),
            (Init::TruncatedNormal(0.3), 0.09),
            (scaled(2.0, Fan::In, Law::Uniform), 4.0 / 200.0),
            (scaled(2.0, Fan::Out, Law::Normal), 4.0 / 300.0),
            (scaled(2.0, Fan::Mean, Law::TruncatedNormal), 4.0 / 250.0),
            (Init::Normal(0.1), 0.01),
        ] {
            let found = variance(init);
            assert_abs_diff_eq!(
                found / expected,
                1.0,
                epsilon = 0.03,
                "{init:?}: {found} for {expected}"
            );
        }
        assert_eq!(fans(&Shape::from([8, 3, 5, 5])), (75.0, 200.0));
    }

    #[test]
    fn a_truncated_normal_ends_where_it_should() {
        let w = Init::TruncatedNormal(1.0).draw([200, 300], &mut random::rng(4), DType::F64);
        let largest = w.iter().fold(0.0_f64, |largest, w| largest.max(w.abs()));
        let end = 2.0 / 0.879_625_661_034_239_8;
        assert!(largest <= end && largest > 0.99 * end, "{largest}");
    }

    #[test]
    fn every_unit_has_its_share_of_zeros() {
        let init = Init::Sparse {
            zeros: 0.75,
            deviation: 0.1,
        };
        let w = init.draw([40, 10, 5], &mut random::rng(1), DType::F64);
        let rows: Vec<Vec<f64>> = (0..40).map(|row| w.select(0, row).to_vec()).collect();
        for row in &rows {
            // ⌈0.75 · 50⌉
            assert_eq!(row.iter().filter(|w| **w == 0.0).count(), 38);
        }
        let places = |row: &[f64]| row.iter().map(|w| *w == 0.0).collect::<Vec<_>>();
        assert!(places(&rows[0]) != places(&rows[1]));
        let left: Vec<f64> = rows.concat().into_iter().filter(|w| *w != 0.0).collect();
        let variance = left.iter().map(|w| w * w).sum::<f64>() / left.len() as f64;
        // 480 draws: five standard errors of a variance are a third.
        assert_abs_diff_eq!(variance / 0.01, 1.0, epsilon = 0.33);
    }

    #[test]
    fn the_identity_gives_what_it_gets() {
        let w = Init::Identity.draw([2, 3], &mut random::rng(0), DType::F64);
        assert_eq!(w.to_vec(), [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        let w = Init::Identity.draw([3, 2, 3, 5], &mut random::rng(0), DType::F64);
        assert_eq!(w.sum(..).item(), 2.0);
        assert_eq!((w.at(&[0, 0, 1, 2]), w.at(&[1, 1, 1, 2])), (1.0, 1.0));
    }

    #[test]
    fn gains_are_the_known_ones() {
        assert_eq!(gain(Activation::LeakyRelu(1.0)), 1.0);
        assert_eq!(gain(Activation::LeakyRelu(0.0)), gain(Activation::Relu));
        // ReLU halves the mean square of a symmetric signal.
        let z = Tensor::normal([100_000], 0.0, 1.0, &mut random::rng(2), DType::F64);
        let after = z.iter().map(|z| z.max(0.0).powi(2)).sum::<f64>() / 1e5;
        assert_abs_diff_eq!(after * gain(Activation::Relu).powi(2), 1.0, epsilon = 0.03);
    }

    #[test]
    fn a_seed_decides_every_start() {
        let sparse = Init::Sparse {
            zeros: 0.5,
            deviation: 1.0,
        };
        let inits = [
            Init::Uniform(-1.0, 1.0),
            Init::Normal(1.0),
            Init::LecunNormal,
            Init::TruncatedNormal(1.0),
            Init::Orthogonal,
            sparse,
        ];
        for init in inits {
            let draw = |seed| init.draw([6, 4], &mut random::rng(seed), DType::F32);
            assert_eq!(draw(1), draw(1), "{init:?}");
            assert!(draw(1) != draw(2), "{init:?}");
        }
    }

    #[test]
    fn orthogonal_rows_or_columns_are_orthonormal() {
        for [rows, columns] in [[3, 5], [5, 3], [4, 4], [1, 1]] {
            let w = Init::Orthogonal.draw([rows, columns], &mut random::rng(2), DType::F64);
            let gram = if rows <= columns {
                w.matmul(&w.t())
            } else {
                w.t().matmul(&w)
            };
            let identity = Tensor::eye(rows.min(columns), DType::F64);
            assert_abs_diff_eq!(gram, identity, epsilon = 1e-15);
        }
    }
}
