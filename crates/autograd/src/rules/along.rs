//! Reading, writing and adding along any axis at indices, one for each element. All are linear in
//! the values; reading and adding are adjoints. The indices are an operand that does not move.

use std::borrow::Cow;

use retrograd_tensor::{Array, OrPanic, Shape, Tensor, shape};

use super::{at_indices, of_each};
use crate::primitive::{Batched, Cotangents, Inputs, Needed, Output, Primitive, Saves, Tangent};
use crate::var::Var;

/// An element for each index; the adjoint adds the cotangents up where they came from.
#[derive(Clone, Copy, Debug)]
struct GatherAlong {
    axis: usize,
}

impl Primitive for GatherAlong {
    fn name(&self) -> Cow<'static, str> {
        "gather_along".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].gather_along(self.axis as isize, x[1].array())
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::input(1)
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let sums = SumAlong {
            shape: *x.shape(0),
            axis: self.axis,
        };
        at_indices(Var::apply(sums, &[g, &x[1]]))
    }
    moves!(Multilinear);
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        let [x, indices] = &of_each(x);
        let axis = self.axis + 1;
        Some(Self { axis }.forward(&[x, indices]))
    }
    fn formula(&self) -> Cow<'static, str> {
        "y[j] = x[i[j]] along an axis".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄[i[j]] += g[j]".into()
    }
    fn flops(&self, _x: &[Shape], _y: &Shape) -> u64 {
        0
    }
}

/// Terms added to zeros of `shape`; the adjoint reads there.
#[derive(Clone, Copy, Debug)]
struct SumAlong {
    shape: Shape,
    axis: usize,
}

impl Primitive for SumAlong {
    fn name(&self) -> Cow<'static, str> {
        "sum_along".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].scatter_add_along(self.shape, self.axis as isize, x[1].array())
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::input(1)
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let axis = self.axis;
        at_indices(Var::apply(GatherAlong { axis }, &[g, &x[1]]))
    }
    moves!(Multilinear);
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        let [x, indices] = &of_each(x);
        let members = x.shape()[0];
        let shape = Shape::from([&[members], &self.shape[..]].concat());
        let axis = self.axis + 1;
        Some(Self { shape, axis }.forward(&[x, indices]))
    }
    fn formula(&self) -> Cow<'static, str> {
        "y[i[j]] += x[j] along an axis".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄[j] = g[i[j]]".into()
    }
    fn attributes(&self) -> String {
        format!("axis: {}", self.axis)
    }
    fn flops(&self, x: &[Shape], _y: &Shape) -> u64 {
        x[0].elements() as u64
    }
}

/// The first input with the second written at indices. What was written over has no effect any
/// more, and neither has a value that another was written over.
#[derive(Clone, Copy, Debug)]
struct Scatter {
    axis: usize,
}

impl Primitive for Scatter {
    fn name(&self) -> Cow<'static, str> {
        "scatter".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].scatter_along(self.axis as isize, x[2].array(), x[1])
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::input(2)
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let axis = self.axis;
        let kept = x.needs(0).then(|| {
            let zeros = Var::constant(g.raw().constant_like(*x.shape(1), 0.0));
            Var::apply(*self, &[g, &zeros, &x[2]])
        });
        let written = x.needs(1).then(|| {
            let read = Var::apply(GatherAlong { axis }, &[g, &x[2]]);
            match stays(g, axis, &x[2]) {
                None => read,
                Some(stays) => read * stays,
            }
        });
        Cotangents::from_iter([kept, written, None])
    }
    /// Linear in the first two together.
    fn jvp(&self, x: &[&Var], _y: &Output, t: &[Option<&Var>]) -> Tangent {
        if t.iter().all(Option::is_none) {
            return Tangent::Zero;
        }
        let part = |i: usize| match t[i] {
            Some(t) => t.clone(),
            None => Var::constant(x[i].raw().constant_like(x[i].shape(), 0.0)),
        };
        Tangent::Of(Var::apply(*self, &[&part(0), &part(1), x[2]]))
    }
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        let [x, values, indices] = &of_each(x);
        let axis = self.axis + 1;
        Some(Self { axis }.forward(&[x, values, indices]))
    }
    fn formula(&self) -> Cow<'static, str> {
        "y = x₀, with y[i[j]] = x₁[j] along an axis".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄₀ = g, 0 at i; x̄₁[j] = g[i[j]] where x₁[j] stays".into()
    }
    fn flops(&self, _x: &[Shape], _y: &Shape) -> u64 {
        0
    }
}

/// 1 for each value that stays when all are written beside `x`, 0 for those that another is written over;
/// or nothing if all stay.
fn stays(x: &Var, axis: usize, places: &Var) -> Option<Var> {
    let indices: &Array<i64> = places.raw().array();
    let (shape, axis) = match places.batch_size() {
        None => (*x.shape(), axis),
        Some(members) => (Shape::from([&[members], &x.shape()[..]].concat()), axis + 1),
    };
    let numbers: Vec<i64> = (0..indices.elements() as i64).collect();
    let numbers = Array::from_vec(numbers, indices.shape());
    let last = Array::zeros(shape)
        .scatter_along(axis as isize, indices, &numbers)
        .gather_along(axis as isize, indices);
    if last == numbers {
        return None;
    }
    let mut pairs = numbers.iter().zip(last.iter());
    let stays = Tensor::from_fn(indices.shape(), |_| match pairs.next() {
        Some((number, last)) if number == last => 1.0,
        _ => 0.0,
    });
    Some(places.derived(stays.cast(x.dtype())))
}

impl Var {
    /// Element `[i, .., k]` of the result is the element of this at `[i, .., k]` with the position
    /// along `axis` replaced by `indices[i, .., k]`. Of the other axes the indices may cover a part.
    ///
    /// # Panics
    /// If the axis does not exist, the indices have another rank or reach beyond another axis, or
    /// an index is out of range.
    #[doc(alias = "take_along_axis")]
    #[doc(alias = "take_along_dim")]
    #[track_caller]
    #[must_use]
    pub fn gather_along(&self, axis: isize, indices: &Array<i64>) -> Self {
        let axis = self.along("gather_along", axis, indices);
        Self::apply(GatherAlong { axis }, &[self, &self.places(indices)])
    }

    /// As [`gather_along`](Self::gather_along), where the axes other than `axis` of both broadcast.
    ///
    /// # Panics
    /// If the axis does not exist, the ranks differ, the other axes do not broadcast, or an index is
    /// out of range.
    #[track_caller]
    #[must_use]
    pub fn take_along(&self, axis: isize, indices: &Array<i64>) -> Self {
        let place = self.shape().axis("take_along", axis).or_panic();
        let (size, count) = (self.shape()[place], indices.shape().get(place));
        let (Some(&count), true) = (count, self.rank() == indices.rank()) else {
            panic!(
                "take_along: {} x {}: the indices have rank {}, not {}",
                self.shape(),
                indices.shape(),
                indices.rank(),
                self.rank()
            )
        };
        let others = [self.shape().with(place, 1), indices.shape().with(place, 1)];
        let common = shape::broadcast("take_along", &others).or_panic();
        self.broadcast_to(common.with(place, size))
            .gather_along(axis, &indices.broadcast_to(common.with(place, count)))
    }

    /// This with `values` written where [`gather_along`](Self::gather_along) would read.
    ///
    /// Of several values for one place the last stays, and it alone has a derivative.
    ///
    /// # Panics
    /// As [`gather_along`](Self::gather_along), and if there is not one value for each index.
    #[doc(alias = "put_along_axis")]
    #[track_caller]
    #[must_use]
    pub fn scatter(&self, axis: isize, indices: &Array<i64>, values: &Self) -> Self {
        let axis = self.along("scatter", axis, indices);
        Self::apply(Scatter { axis }, &[self, values, &self.places(indices)])
    }

    /// This with `terms` added where [`gather_along`](Self::gather_along) would read.
    ///
    /// # Panics
    /// As [`gather_along`](Self::gather_along), and if there is not one term for each index.
    #[track_caller]
    #[must_use]
    pub fn scatter_add_along(&self, axis: isize, indices: &Array<i64>, terms: &Self) -> Self {
        let axis = self.along("scatter_add_along", axis, indices);
        let shape = *self.shape();
        self + Self::apply(SumAlong { shape, axis }, &[terms, &self.places(indices)])
    }

    /// The axis, if the indices fit beside this.
    #[track_caller]
    fn along(&self, operation: &str, axis: isize, indices: &Array<i64>) -> usize {
        let axis = self.shape().axis(operation, axis).or_panic();
        let places = self.places(indices);
        shape::along(operation, self.shape(), axis, places.shape()).or_panic();
        axis
    }
}
