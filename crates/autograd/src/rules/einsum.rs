//! Einstein's notation, as products of matrices.
//!
//! Operands are multiplied two at a time, in the order that takes the fewest multiplications. The axes
//! of a pair fall into four groups, and each group becomes one axis of a batch of matrices:
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

    /// The product with `other`, summed over shared axes whose names are not in the set `left`.
    #[track_caller]
    fn times(self, other: Self, left: u64, plan: &shape::Einsum) -> Self {
        let needed = |label: usize| left >> label & 1 == 1;
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

/// Operands to be multiplied. Sets of names and of operands are the bits of a number.
struct Product<'p> {
    factors: Vec<Named>,
    /// The names in each factor.
    names: Vec<u64>,
    plan: &'p shape::Einsum,
}

/// So many operands are multiplied in the best of all orders; it takes 3ⁿ comparisons to find.
const MOST: usize = 8;

impl<'p> Product<'p> {
    #[track_caller]
    fn new(operands: Vec<Named>, plan: &'p shape::Einsum) -> Self {
        let mut product = Self {
            names: operands.iter().map(|x| set(&x.labels)).collect(),
            factors: Vec::new(),
            plan,
        };
        for (i, operand) in operands.into_iter().enumerate() {
            let left = product.left(|k| k == i);
            product
                .factors
                .push(operand.summed(|name| left >> name & 1 == 1));
        }
        product.names = product.factors.iter().map(|x| set(&x.labels)).collect();
        product
    }

    /// All of them.
    #[track_caller]
    fn value(mut self) -> Named {
        while self.factors.len() > MOST {
            let pairs = (0..self.factors.len()).flat_map(|j| (0..j).map(move |i| [i, j]));
            let cost = |[i, j]: &[usize; 2]| self.size(self.names[*i] | self.names[*j]);
            let cheapest = pairs.min_by(|a, b| cost(a).total_cmp(&cost(b)));
            let [i, j] = cheapest.expect("there are pairs");
            let left = self.left(|k| k == i || k == j);
            let second = self.factors.remove(j);
            let first = self.factors.remove(i);
            self.factors.push(first.times(second, left, self.plan));
            self.names = self.factors.iter().map(|x| set(&x.labels)).collect();
        }
        let first_parts = self.first_parts();
        let all = (1 << self.factors.len()) - 1;
        let mut factors: Vec<_> = self.factors.drain(..).map(Some).collect();
        self.multiplied(&mut factors, &first_parts, all)
    }

    /// The product of the factors in a set, by that of its first part and that of the rest.
    #[track_caller]
    fn multiplied(&self, factors: &mut [Option<Named>], first_parts: &[usize], of: usize) -> Named {
        if of.is_power_of_two() {
            let factor = factors[of.trailing_zeros() as usize].take();
            return factor.expect("each factor is used once");
        }
        let first = self.multiplied(factors, first_parts, first_parts[of]);
        let second = self.multiplied(factors, first_parts, of & !first_parts[of]);
        first.times(second, self.left(within(of)), self.plan)
    }

    /// For every set of factors, those that are to be multiplied before the others join them.
    fn first_parts(&self) -> Vec<usize> {
        let all = 1 << self.names.len();
        let (mut costs, mut firsts) = (vec![0.0; all], vec![0; all]);
        for of in (1..all).filter(|of| !of.is_power_of_two()) {
            let cost = |first: usize| {
                let rest = of & !first;
                let names = self.left(within(first)) | self.left(within(rest));
                costs[first] + costs[rest] + self.size(names)
            };
            // From left to right, unless another order is better.
            let mut best = of & !(1 << of.ilog2());
            let mut part = (of - 1) & of;
            while part > 0 {
                if cost(part) < cost(best) {
                    best = part;
                }
                part = (part - 1) & of;
            }
            (costs[of], firsts[of]) = (cost(best), best);
        }
        firsts
    }

    /// The names that are left of some factors when they are multiplied: those that the result or another
    /// factor has.
    fn left(&self, of: impl Fn(usize) -> bool) -> u64 {
        let (mut own, mut others) = (0, set(&self.plan.output));
        for (i, names) in self.names.iter().enumerate() {
            *(if of(i) { &mut own } else { &mut others }) |= names;
        }
        own & others
    }

    /// How many elements axes with these names have.
    fn size(&self, names: u64) -> f64 {
        let sizes = (0..64).filter(|name| names >> name & 1 == 1);
        sizes.map(|name| self.plan.size(name) as f64).product()
    }
}

/// Whether a factor is in a set.
fn within(of: usize) -> impl Fn(usize) -> bool {
    move |i| of >> i & 1 == 1
}

fn set(names: &[usize]) -> u64 {
    names.iter().fold(0, |set, name| set | 1 << name)
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
    /// Three operands or more are multiplied in the order that takes the fewest multiplications, whatever
    /// the order they are written in. Of more than eight, the cheapest pair goes first until eight are
    /// left.
    ///
    /// # Panics
    /// If the equation cannot be read or the operands do not fit it, or if a product of some
    /// operands has more than eight axes.
    #[track_caller]
    #[must_use]
    pub fn einsum(equation: &str, operands: &[&Self]) -> Self {
        let shapes: Vec<Shape> = operands.iter().map(|operand| *operand.shape()).collect();
        let plan = shape::einsum(equation, &shapes).or_panic();
        let mut factors = Vec::new();
        for (operand, labels) in operands.iter().zip(&plan.operands) {
            factors.push(Named::operand(operand, labels, &plan));
        }
        Product::new(factors, &plan).value().ordered(&plan.output)
    }
}
