//! Products along axes.
//!
//! Halves are multiplied until one is left. So there is no division, and every order of derivative
//! is right with any number of zeros among the factors.

use retrograd_tensor::{Axes, keep};

use crate::var::Var;

impl Var {
    /// Product along axes; that of nothing is 1.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[track_caller]
    #[must_use]
    pub fn prod(&self, axes: impl Into<Axes>) -> Self {
        let axes = self.reduced("prod", axes);
        let result = axes.result(self.shape());
        let mut product = self.clone();
        for axis in (0..self.rank()).filter(|&axis| axes.contains(axis)) {
            product = product.multiplied(axis as isize);
        }
        product.with_shape(result)
    }

    /// The product along one axis, which stays with size 1.
    #[track_caller]
    fn multiplied(self, axis: isize) -> Self {
        let size = self.shape()[axis as usize] as isize;
        match size {
            // The sum of nothing is 0, and leads back to what there was nothing of.
            0 => self.sum(keep(axis)) + 1.0,
            1 => self,
            _ => {
                let half = size / 2;
                let product = self.slice(axis, ..half) * self.slice(axis, half..2 * half);
                let product = product.multiplied(axis);
                if size % 2 == 1 {
                    product * self.slice(axis, size - 1..)
                } else {
                    product
                }
            }
        }
    }
}
