//! In which precision matrix products are taken.

use std::cell::Cell;
use std::fmt;

use crate::simd::Isa;

/// In which precision products of `f32` matrices are taken.
///
/// It is for those of [`matmul`](crate::Array::matmul), [`affine`](crate::Array::affine) and
/// [`add_product`](crate::Array::add_product), so also for linear layers, and for all that is put together from
/// them. Convolutions, Cholesky and LU decompositions and products of `f64` stay as they are.
///
/// ```
/// use retrograd_tensor::{Array, Precision};
///
/// // 1 + 2⁻¹⁰ has more digits than a bf16, which has eight bits of them.
/// let x = Array::full([32, 32], 1.0_f32 + 1.0 / 1024.0);
/// let ones = Array::<f32>::ones([32, 32]);
/// assert_eq!(x.matmul(&ones), Array::full([32, 32], 32.03125));
/// assert_eq!(Precision::Mixed.scope(|| x.matmul(&ones)), Array::full([32, 32], 32.0));
/// ```
#[doc(alias = "autocast")]
#[doc(alias = "set_float32_matmul_precision")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// Operands as they are.
    #[default]
    Full,
    /// Operands rounded to bf16, the nearest number with an exponent of 8 bits and a fraction of 7, and sums
    /// in `f32` (Kalamkar et al. 2019). What is stored, weights above all, stays `f32`, so that small updates
    /// are not lost.
    ///
    /// Products with a side below 32, whose operands take longer to round than the product saves, stay in
    /// full precision.
    ///
    /// Twice as many multiplications a cycle [where the machine has instructions for it](Self::is_fast);
    /// elsewhere they are emulated, and it is slower than `Full`. On either, whether
    /// subnormal numbers count as 0 is the machine's choice.
    Mixed,
}

thread_local! {
    static CURRENT: Cell<Precision> = const { Cell::new(Precision::Full) };
}

impl Precision {
    /// The precision of products that are started on this thread. A product keeps it on every thread that it
    /// is split over.
    #[must_use]
    pub fn current() -> Self {
        CURRENT.get()
    }

    /// Calls `f`, in which the products that this thread starts are taken in this precision.
    ///
    /// Other threads do not inherit it: with rayon's `par_iter` inside of `f`, set it inside of the loop.
    /// Gradients are computed when they are asked for, so `backward` belongs inside of `f` as well.
    pub fn scope<R>(self, f: impl FnOnce() -> R) -> R {
        /// Sets it back, also when `f` panics.
        struct Before(Precision);
        impl Drop for Before {
            fn drop(&mut self) {
                CURRENT.set(self.0);
            }
        }
        let _before = Before(CURRENT.replace(self));
        f()
    }

    /// Whether this machine, with the instruction set in use, has instructions for it, so that products are no
    /// slower than in full precision. For [`Mixed`](Self::Mixed) that is AVX512-BF16.
    #[must_use]
    pub fn is_fast(self) -> bool {
        match self {
            Self::Full => true,
            Self::Mixed => Isa::current().multiplies_bf16(),
        }
    }

    /// Its name: `full` or `mixed`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Mixed => "mixed",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Full, Self::Mixed]
            .into_iter()
            .find(|precision| precision.name() == name)
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_ends_where_it_ends() {
        let inner = Precision::Mixed.scope(|| {
            assert_eq!(Precision::current(), Precision::Mixed);
            Precision::Full.scope(Precision::current)
        });
        assert_eq!(
            (inner, Precision::current()),
            (Precision::Full, Precision::Full)
        );
        let panicked = std::panic::catch_unwind(|| Precision::Mixed.scope(|| panic!("inside")));
        assert!(panicked.is_err());
        assert_eq!(Precision::current(), Precision::Full);
    }

    #[test]
    fn names_lead_back() {
        for precision in [Precision::Full, Precision::Mixed] {
            assert_eq!(Precision::named(precision.name()), Some(precision));
        }
        assert_eq!(Precision::named("half"), None);
    }
}
