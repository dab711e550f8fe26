//! Tensors that are almost equal: the traits of the `approx` crate, and its assertions in more words.

pub use approx::{AbsDiff, Relative};
use approx::{AbsDiffEq, RelativeEq, UlpsEq};

use crate::array::Array;
use crate::element::{Element, Float};
use crate::shape::Shape;

/// Same shape, and each element near its counterpart.
fn all<T: Element>(a: &Array<T>, b: &Array<T>, near: impl Fn(&T, &T) -> bool) -> bool {
    a.shape() == b.shape() && a.iter().zip(b.iter()).all(|(a, b)| near(&a, &b))
}

impl<T: Float> AbsDiffEq for Array<T> {
    type Epsilon = T;

    fn default_epsilon() -> T {
        T::default_epsilon()
    }

    fn abs_diff_eq(&self, other: &Self, epsilon: T) -> bool {
        all(self, other, |a, b| a.abs_diff_eq(b, epsilon))
    }
}

impl<T: Float> RelativeEq for Array<T> {
    fn default_max_relative() -> T {
        T::default_max_relative()
    }

    fn relative_eq(&self, other: &Self, epsilon: T, max_relative: T) -> bool {
        all(self, other, |a, b| a.relative_eq(b, epsilon, max_relative))
    }
}

impl<T: Float> UlpsEq for Array<T> {
    fn default_max_ulps() -> u32 {
        T::default_max_ulps()
    }

    fn ulps_eq(&self, other: &Self, epsilon: T, max_ulps: u32) -> bool {
        all(self, other, |a, b| a.ulps_eq(b, epsilon, max_ulps))
    }
}

/// `approx::assert_relative_eq!` for numbers, slices of them and tensors, that says where they are
/// furthest apart, and how far. A message may follow, as in `assert!`.
///
/// ```
/// use retrograd_tensor::{Array, assert_relative_eq};
///
/// let x = Array::<f64>::linspace(1.0, 2.0, 5);
/// assert_relative_eq!(x.scale(0.1).scale(10.0), x, max_relative = 1e-15);
/// assert_relative_eq!(x.sum(..).item(), 7.5);
/// ```
#[macro_export]
macro_rules! assert_relative_eq {
    ($($comparison:tt)*) => { $crate::assert_near!(Relative, $($comparison)*) };
}

/// `approx::assert_abs_diff_eq!`, as [`assert_relative_eq!`] is.
#[macro_export]
macro_rules! assert_abs_diff_eq {
    ($($comparison:tt)*) => { $crate::assert_near!(AbsDiff, $($comparison)*) };
}

#[doc(hidden)]
#[macro_export]
macro_rules! assert_near {
    (
        $test:ident, $left:expr, $right:expr
        $(, $option:ident = $bound:expr)* $(, $context:literal $($argument:tt)*)?
    ) => {
        match (&$left, &$right) {
            (left, right) => assert!(
                $crate::approximate::$test::default()$(.$option($bound))*.eq(left, right),
                concat!("{} is not {}{}", $("\n  ", stringify!($option), " {:?}",)* "\n{}"),
                stringify!($left),
                stringify!($right),
                String::new() $(+ ": " + &format!($context $($argument)*))?,
                $($bound,)*
                $crate::approximate::apart(left, right)
            ),
        }
    };
}

/// What the assertions compare, as numbers of a shape.
pub trait Values {
    fn values(&self) -> (Shape, Vec<f64>);
}

impl Values for f32 {
    fn values(&self) -> (Shape, Vec<f64>) {
        f64::from(*self).values()
    }
}

impl Values for f64 {
    fn values(&self) -> (Shape, Vec<f64>) {
        (Shape::SCALAR, vec![*self])
    }
}

impl<T: Float> Values for [T] {
    fn values(&self) -> (Shape, Vec<f64>) {
        let values = self.iter().map(|x| x.to_f64()).collect();
        (Shape::from([self.len()]), values)
    }
}

impl<T: Float> Values for Array<T> {
    fn values(&self) -> (Shape, Vec<f64>) {
        (*self.shape(), self.iter().map(T::to_f64).collect())
    }
}

impl<V: Values + ?Sized> Values for &V {
    fn values(&self) -> (Shape, Vec<f64>) {
        (**self).values()
    }
}

/// Where two values are furthest apart, in words.
#[must_use]
pub fn apart<V: Values + ?Sized>(left: &V, right: &V) -> String {
    let ((shape, left), (other, right)) = (left.values(), right.values());
    if shape != other {
        return format!("  shape {shape}, not {other}");
    }
    let largest = |what: &str, size: fn(f64, f64) -> f64| {
        let pairs = left.iter().zip(&right).map(|(&l, &r)| (l, r)).enumerate();
        let sized = pairs.map(|(i, (l, r))| (if l == r { 0.0 } else { size(l, r) }, i));
        // The first of the largest; NaN is above all numbers.
        let worst = sized.rev().max_by(|(a, _), (b, _)| a.total_cmp(b));
        worst.map_or_else(String::new, |(size, i)| {
            let place = match shape.rank() {
                0 => String::new(),
                _ => format!(" at {:?} of {shape}", index(&shape, i)),
            };
            format!("  {what} {size:.3e}{place}: {} for {}", left[i], right[i])
        })
    };
    let difference = largest("difference", |l, r| (l - r).abs());
    let relative = largest("relative", |l, r| ((l - r) / l.abs().max(r.abs())).abs());
    format!("{difference}\n{relative}")
}

/// The index of the element at a position in row-major order.
fn index(shape: &Shape, position: usize) -> Vec<usize> {
    let inner = |axis: usize| shape[axis + 1..].iter().product::<usize>();
    (0..shape.rank())
        .map(|axis| position / inner(axis) % shape[axis])
        .collect()
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use approx::{abs_diff_eq, relative_eq, ulps_eq};

    use super::*;

    fn said(assertion: fn()) -> String {
        let payload = catch_unwind(assertion).expect_err("a failure");
        payload.downcast_ref::<String>().expect("words").clone()
    }

    #[test]
    fn tensors_are_as_near_as_their_worst_element_and_have_one_shape() {
        let a = Array::from_vec(vec![1.0, 1000.0], [2]);
        let b = Array::from_vec(vec![1.0, 1001.0], [2]);
        assert!(abs_diff_eq!(a, b, epsilon = 1.0) && !abs_diff_eq!(a, b, epsilon = 0.9));
        assert!(relative_eq!(a, b, max_relative = 1e-3));
        assert!(!relative_eq!(a, b, max_relative = 9e-4));
        let next = a.map(|x: f64| x.next_up());
        assert!(ulps_eq!(a, next, epsilon = 0.0, max_ulps = 1) && !relative_eq!(a, b));
        assert!(!abs_diff_eq!(
            a,
            a.reshape(&[2, 1]),
            epsilon = f64::INFINITY
        ));
        let nan = Array::scalar(f64::NAN);
        assert!(!relative_eq!(nan, nan, epsilon = f64::INFINITY));
    }

    #[test]
    fn a_failure_names_the_bound_and_the_worst_elements() {
        let text = said(|| {
            let x = Array::from_vec(vec![1.0, 2.0, 3.0, 1000.0], [2, 2]);
            let y = Array::from_vec(vec![1.5, 2.0, 3.0, 1002.0], [2, 2]);
            assert_relative_eq!(x, y, max_relative = 1e-3);
        });
        assert_eq!(
            text,
            "x is not y\n  max_relative 0.001\n  \
             difference 2.000e0 at [1, 1] of [2, 2]: 1000 for 1002\n  \
             relative 3.333e-1 at [0, 0] of [2, 2]: 1 for 1.5"
        );
        let text = said(|| assert_abs_diff_eq!(0.5_f32, 0.75, epsilon = 0.1, "case {}", 3));
        assert!(
            text.contains("case 3\n  epsilon 0.1\n  difference 2.500e-1: 0.5 for 0.75"),
            "{text}"
        );
        let text = said(|| assert_relative_eq!([1.0, 2.0][..], [1.0][..]));
        assert!(text.contains("shape [2], not [1]"), "{text}");
        let text = said(|| assert_relative_eq!([1.0, f64::NAN][..], [9.0, 2.0][..]));
        assert!(
            text.contains("difference NaN at [1] of [2]: NaN for 2"),
            "{text}"
        );
    }
}
