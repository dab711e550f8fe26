//! Start values of weights.
//!
//! A layer keeps the size of its signal when the variance of its weights is right for the number
//! of inputs each unit sums (fan-in), and keeps the size of its gradients when it is right for the
//! number of units each input feeds (fan-out).

use retrograd_tensor::random::Rng;
use retrograd_tensor::{Float, Shape, Tensor};

/// How to draw the start values of a weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// Every value the same.
    Constant(f64),
    /// Uniform in `[low, high)`.
    Uniform(f64, f64),
    /// Normal with mean 0 and this standard deviation.
    Normal(f64),
    /// Uniform in ±√(6 / (fan-in + fan-out)) (Glorot and Bengio 2010, eq. 16); Keras's default.
    XavierUniform,
    /// As `XavierUniform`, times a gain that undoes the slope of the activation at 0: 4 for the
    /// sigmoid (Glorot and Bengio 2010, section 4.2; its slope is ¼).
    XavierUniformGain(f64),
    /// Normal with variance 2 / (fan-in + fan-out) (Glorot and Bengio 2010).
    XavierNormal,
    /// Uniform in ±√(6 / fan-in), for ReLU and its kin (He et al. 2015).
    HeUniform,
    /// Normal with variance 2 / fan-in, for ReLU and its kin (He et al. 2015, eq. 10).
    HeNormal,
    /// Uniform in ±1/√fan-in, PyTorch's default for weights of linear layers.
    FanIn,
    /// Orthonormal rows or, when there are more rows than columns, orthonormal columns
    /// (Saxe et al. 2014); a kernel counts as part of the row.
    Orthogonal,
}

impl Init {
    /// Start values for a weight `[out, in]` or `[out, in, kernel ...]`.
    #[must_use]
    pub fn draw<T: Float>(self, shape: impl Into<Shape>, rng: &mut Rng) -> Tensor<T> {
        let shape = shape.into();
        let (fan_in, fan_out) = fans(&shape);
        let uniform = |limit: f64, rng: &mut Rng| Tensor::uniform(shape, -limit, limit, rng);
        match self {
            Self::Constant(value) => Tensor::full(shape, T::from_f64(value)),
            Self::Uniform(low, high) => Tensor::uniform(shape, low, high, rng),
            Self::Normal(deviation) => Tensor::normal(shape, 0.0, deviation, rng),
            Self::XavierUniform => uniform((6.0 / (fan_in + fan_out)).sqrt(), rng),
            Self::XavierUniformGain(gain) => uniform(gain * (6.0 / (fan_in + fan_out)).sqrt(), rng),
            Self::XavierNormal => {
                Tensor::normal(shape, 0.0, (2.0 / (fan_in + fan_out)).sqrt(), rng)
            }
            Self::HeUniform => uniform((6.0 / fan_in).sqrt(), rng),
            Self::HeNormal => Tensor::normal(shape, 0.0, (2.0 / fan_in).sqrt(), rng),
            Self::FanIn => uniform(fan_in.sqrt().recip(), rng),
            Self::Orthogonal => orthogonal(shape, rng),
        }
    }
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
fn orthogonal<T: Float>(shape: Shape, rng: &mut Rng) -> Tensor<T> {
    let rows = shape.first().copied().unwrap_or(1);
    let columns = shape.elements() / rows.max(1);
    let (count, length) = (rows.min(columns), rows.max(columns));
    let mut vectors: Vec<Vec<f64>> = Vec::new();
    for _ in 0..count {
        let mut vector = Tensor::<f64>::normal([length], 0.0, 1.0, rng).to_vec();
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
    let flat = vectors.concat().into_iter().map(T::from_f64).collect();
    let wide = Tensor::from_vec(flat, [count, length]);
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
    use retrograd_tensor::random;

    #[test]
    fn variances_are_the_published_ones() {
        let variance = |init: Init| {
            let w: Tensor<f64> = init.draw([300, 200], &mut random::rng(1));
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
            (Init::Normal(0.1), 0.01),
        ] {
            let found = variance(init);
            assert!(
                (found / expected - 1.0).abs() < 0.03,
                "{init:?}: {found} for {expected}"
            );
        }
        assert_eq!(fans(&Shape::from([8, 3, 5, 5])), (75.0, 200.0));
    }

    #[test]
    fn orthogonal_rows_or_columns_are_orthonormal() {
        for [rows, columns] in [[3, 5], [5, 3], [4, 4], [1, 1]] {
            let w: Tensor<f64> = Init::Orthogonal.draw([rows, columns], &mut random::rng(2));
            let gram = if rows <= columns {
                w.matmul(&w.t())
            } else {
                w.t().matmul(&w)
            };
            let identity = Tensor::eye(rows.min(columns));
            assert!(
                (&gram - &identity).iter().all(|e| e.abs() < 1e-15),
                "{gram}"
            );
        }
    }
}
