//! Einstein's notation, as products of matrices.
//!
//! Operands are multiplied from left to right, two at a time. The axes of a pair fall into four
//! groups, and each group becomes one axis of a batch of matrices:
//!
//! ```text
//! [batch, left, summed] · [batch, summed, right]  →  [batch, left, right]
//! ```
//!
//! Summed is what both have and nobody needs afterwards, batch what both have and somebody does.
//! Everything is made of permutations, reshapes and products, and so are the derivatives.

use retrograd_tensor::{OrPanic, Shape, shape};

use crate::var::Var;

/// A Var whose axes have names, each a different one.
struct Named {
    var: Var,
    labels: Vec<usize>,
}

impl Named {
    /// An operand: along the diagonal where a name stands twice, and without axes that are
    /// stretched, which are the same everywhere.
    #[track_caller]
    fn operand(var: &Var, labels: &[usize], plan: &shape::Einsum) -> Self {
        let mut named = Self {
            var: var.clone(),
            labels: labels.to_vec(),
        };
        for axis in (0..labels.len()).rev() {
            if named.var.shape()[axis] == 1 && plan.size(named.labels[axis]) != 1 {
                named.var = named.var.squeeze(axis as isize);
                named.labels.remove(axis);
            }
        }
        while let Some((first, second)) = repeated(&named.labels) {
            named.var = named.var.diagonal(0, [first as isize, second as isize]);
            let label = named.labels.remove(second);
            named.labels.remove(first);
            named.labels.push(label);
        }
        named
    }

    /// Summed over the axes that are not `needed`.
    #[track_caller]
    fn summed(self, needed: impl Fn(usize) -> bool) -> Self {
        let dropped = (0..self.labels.len()).filter(|&axis| !needed(self.labels[axis]));
        let axes: Vec<isize> = dropped.map(|axis| axis as isize).collect();
        if axes.is_empty() {
            return self;
        }
        Self {
            var: self.var.sum(&axes[..]),
            labels: self.labels.into_iter().filter(|&l| needed(l)).collect(),
        }
    }

    /// The axes in the order of `groups`, each group as one axis.
    #[track_caller]
    fn grouped(&self, groups: [&[usize]; 3], plan: &shape::Einsum) -> Var {
        let size = |group: &[usize]| group.iter().map(|&label| plan.size(label)).product();
        self.ordered(&groups.concat())
            .with_shape(Shape::from(groups.map(size)))
    }

    /// The axes in the order of `labels`.
    #[track_caller]
    fn ordered(&self, labels: &[usize]) -> Var {
        let place = |label: &usize| self.labels.iter().position(|other| other == label);
        let order: Vec<usize> = labels
            .iter()
            .map(|label| place(label).expect("all labels are here"))
            .collect();
        if order.is_sorted() {
            self.var.clone()
        } else {
            self.var.permute(&order)
        }
    }

    /// The product with `other`, summed over what is not `needed` afterwards.
    #[track_caller]
    fn times(self, other: Self, needed: impl Fn(usize) -> bool, plan: &shape::Einsum) -> Self {
        let shared = |label: &usize| other.labels.contains(label);
        let (both, left): (Vec<usize>, Vec<usize>) = self.labels.iter().partition(|l| shared(l));
        let (batch, inner): (Vec<usize>, Vec<usize>) = both.iter().partition(|&&l| needed(l));
        let right: Vec<usize> = other
            .labels
            .iter()
            .copied()
            .filter(|label| !both.contains(label))
            .collect();
        let labels = [&batch[..], &left, &right].concat();
        let a = self.grouped([&batch, &left, &inner], plan);
        let product = if inner.is_empty() {
            // Nothing is summed: elementwise, stretched to each other.
            a * other.grouped([&batch, &[], &right], plan)
        } else {
            a.matmul(&other.grouped([&batch, &inner, &right], plan))
        };
        Self {
            var: product.with_shape(plan.shape(&labels).or_panic()),
            labels,
        }
    }
}

/// The first two places of a name that stands twice.
fn repeated(labels: &[usize]) -> Option<(usize, usize)> {
    (0..labels.len()).find_map(|second| {
        let first = labels[..second].iter().position(|&l| l == labels[second])?;
        Some((first, second))
    })
}

impl Var {
    /// The sum of products that an equation in Einstein's notation describes; see
    /// [`shape::einsum`](retrograd_tensor::shape::einsum) for what can be written.
    ///
    /// ```
    /// use retrograd_autograd::Var;
    /// use retrograd_tensor::{DType, Tensor};
    ///
    /// let a = Var::constant(Tensor::ones([2, 3], DType::F64));
    /// let b = Var::constant(Tensor::ones([2, 3], DType::F64));
    /// assert_eq!(Var::einsum("ij,ij->i", &[&a, &b]).value().to_vec(), [3.0, 3.0]);
    /// assert_eq!(Var::einsum("ij,kj", &[&a, &b]).shape(), [2, 2]);
    /// ```
    ///
    /// Operands are multiplied from left to right, so the order of three or more decides how much
    /// there is to do.
    ///
    /// # Panics
    /// If the equation cannot be read or the operands do not fit it, or if the product of the first
    /// few operands has more than eight axes.
    #[track_caller]
    #[must_use]
    pub fn einsum(equation: &str, operands: &[&Self]) -> Self {
        let shapes: Vec<Shape> = operands.iter().map(|operand| *operand.shape()).collect();
        let plan = shape::einsum(equation, &shapes).or_panic();
        let mut product: Option<Named> = None;
        for (i, (operand, labels)) in operands.iter().zip(&plan.operands).enumerate() {
            let later = &plan.operands[i + 1..];
            let needed = |label: usize| {
                plan.output.contains(&label) || later.iter().any(|other| other.contains(&label))
            };
            let operand = Named::operand(operand, labels, &plan);
            product = Some(match product {
                None => operand.summed(needed),
                Some(before) => {
                    // What only this operand's stretched axis would have named ends here.
                    let before =
                        before.summed(|label| needed(label) || operand.labels.contains(&label));
                    let shared = before.labels.clone();
                    let operand = operand.summed(|label| needed(label) || shared.contains(&label));
                    before.times(operand, needed, &plan)
                }
            });
        }
        let product = product.expect("an equation names at least one operand");
        product.ordered(&plan.output)
    }
}
