//! RMSprop: gradients divided by their recent size.

use retrograd_tensor::Float;

use super::clip::Clipped;
use super::rule::UpdateRule;
use super::running::Running;
use super::walk::walk;

/// RMSprop (Tieleman and Hinton 2012, lecture 6.5; centred by Graves 2013; PyTorch's form).
///
/// ```text
/// v ← α v + (1 − α) g²           u = √v + ε
/// n ← α n + (1 − α) g            u = √(v − n²) + ε    (centred)
/// θ ← θ − γ g / u
/// b ← μ b + g / u,  θ ← θ − γ b                        (with momentum)
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RmsProp {
    /// α: how long squares are remembered.
    pub alpha: f64,
    /// ε: keeps the division finite.
    pub epsilon: f64,
    /// Divide by the deviation from the mean instead of from 0.
    pub centred: bool,
    /// μ: how much of the last step is kept; 0 for none.
    pub momentum: f64,
}

impl Default for RmsProp {
    /// PyTorch's values: 0.99, 1e-8, neither centred nor with momentum. (Keras: 0.9, 1e-7.)
    fn default() -> Self {
        Self {
            alpha: 0.99,
            epsilon: 1e-8,
            centred: false,
            momentum: 0.0,
        }
    }
}

impl UpdateRule for RmsProp {
    fn name(&self) -> &'static str {
        "rmsprop"
    }

    fn slots(&self) -> &'static [&'static str] {
        match (self.centred, self.momentum != 0.0) {
            (false, false) => &["v"],
            (true, false) => &["v", "n"],
            (false, true) => &["v", "b"],
            (true, true) => &["v", "n", "b"],
        }
    }

    fn update<T: Float>(
        &self,
        _step: u64,
        learning_rate: f64,
        parameter: &mut [T],
        gradient: Clipped<'_, T>,
        state: &mut [&mut [T]],
    ) {
        let rate = T::from_f64(learning_rate);
        let (epsilon, momentum) = (T::from_f64(self.epsilon), T::from_f64(self.momentum));
        let running = Running::new(self.alpha);
        let scaled = move |g: T, v: &mut T| {
            running.take(v, g * g);
            g / (v.sqrt() + epsilon)
        };
        let centred = move |g: T, v: &mut T, n: &mut T| {
            running.take(v, g * g);
            running.take(n, g);
            // Rounding may leave a steady gradient less than no variance.
            g / ((*v - *n * *n).maximum(T::ZERO).sqrt() + epsilon)
        };
        match (self.centred, self.momentum != 0.0) {
            (false, false) => walk(parameter, gradient, state, move |p, g, [v]| {
                p - rate * scaled(g, v)
            }),
            (true, false) => walk(parameter, gradient, state, move |p, g, [v, n]| {
                p - rate * centred(g, v, n)
            }),
            (false, true) => walk(parameter, gradient, state, move |p, g, [v, b]| {
                *b = momentum * *b + scaled(g, v);
                p - rate * *b
            }),
            (true, true) => walk(parameter, gradient, state, move |p, g, [v, n, b]| {
                *b = momentum * *b + centred(g, v, n);
                p - rate * *b
            }),
        }
    }
}
