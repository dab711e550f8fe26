//! Reading, writing and adding along any axis at indices, one for each element. All are linear in
//! the values; reading and adding are adjoints.

use std::borrow::Cow;

use retrograd_tensor::{Array, OrPanic, Shape, Tensor, shape};
use smallvec::SmallVec;

use super::one;
use crate::primitive::{Cotangents, Held, Inputs, Needed, Output, Primitive, Saves};
use crate::var::Var;

/// An element for each index; the adjoint adds the cotangents up where they came from.
#[derive(Clone, Debug)]
struct GatherAlong {
    axis: usize,
    indices: Array<i64>,
}

impl Primitive for GatherAlong {
    fn name(&self) -> Cow<'static, str> {
        "gather_along".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].gather_along(self.axis as isize, &self.indices)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::NOTHING
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let sums = SumAlong {
            shape: *x.shape(0),
            places: self.clone(),
        };
        one(Var::apply(sums, &[g]))
    }
    moves!(Linear);
    fn held(&self) -> SmallVec<[Held; 3]> {
        SmallVec::from_iter([Held::array("positions", &self.indices)])
    }
    fn formula(&self) -> Cow<'static, str> {
        "y[j] = x[i[j]] along an axis".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄[i[j]] += g[j]".into()
    }
    fn attributes(&self) -> String {
        format!("axis: {}, {} indices", self.axis, self.indices.shape())
    }
    fn flops(&self, _x: &[Shape], _y: &Shape) -> u64 {
        0
    }
}

/// Terms added to zeros of `shape`; the adjoint reads there.
#[derive(Clone, Debug)]
struct SumAlong {
    shape: Shape,
    places: GatherAlong,
}

impl Primitive for SumAlong {
    fn name(&self) -> Cow<'static, str> {
        "sum_along".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        let GatherAlong { axis, indices } = &self.places;
        x[0].scatter_add_along(self.shape, *axis as isize, indices)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::NOTHING
    }
    fn vjp(&self, _x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        one(Var::apply(self.places.clone(), &[g]))
    }
    moves!(Linear);
    fn held(&self) -> SmallVec<[Held; 3]> {
        SmallVec::from_iter([Held::array("positions", &self.places.indices)])
    }
    fn formula(&self) -> Cow<'static, str> {
        "y[i[j]] += x[j] along an axis".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄[j] = g[i[j]]".into()
    }
    fn attributes(&self) -> String {
        let GatherAlong { axis, indices } = &self.places;
        format!("axis: {axis}, {} indices", indices.shape())
    }
    fn flops(&self, x: &[Shape], _y: &Shape) -> u64 {
        x[0].elements() as u64
    }
}

/// The first input with the second written at indices. What was written over has no effect any
/// more, and neither has a value that another was written over.
#[derive(Clone, Debug)]
struct Scatter(GatherAlong);

impl Primitive for Scatter {
    fn name(&self) -> Cow<'static, str> {
        "scatter".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        let GatherAlong { axis, indices } = &self.0;
        x[0].scatter_along(*axis as isize, indices, x[1])
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::NOTHING
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let GatherAlong { axis, indices } = &self.0;
        let axis = *axis as isize;
        let kept = x.needs(0).then(|| {
            let zeros = Var::constant(g.raw().constant_like(*x.shape(1), 0.0));
            g.scatter(axis, indices, &zeros)
        });
        let written = x.needs(1).then(|| {
            let read = g.gather_along(axis, indices);
            match stays(&g.stand_in(), axis, indices) {
                None => read,
                Some(stays) => read * Var::constant(stays),
            }
        });
        Cotangents::from_iter([kept, written])
    }
    moves!(Linear);
    fn held(&self) -> SmallVec<[Held; 3]> {
        SmallVec::from_iter([Held::array("positions", &self.0.indices)])
    }
    fn formula(&self) -> Cow<'static, str> {
        "y = x₀, with y[i[j]] = x₁[j] along an axis".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄₀ = g, 0 at i; x̄₁[j] = g[i[j]] where x₁[j] stays".into()
    }
    fn attributes(&self) -> String {
        let GatherAlong { axis, indices } = &self.0;
        format!("axis: {axis}, {} indices", indices.shape())
    }
    fn flops(&self, _x: &[Shape], _y: &Shape) -> u64 {
        0
    }
}

/// 1 for each value that stays when all are written, 0 for those that another is written over; or
/// nothing if all stay.
fn stays(g: &Tensor, axis: isize, indices: &Array<i64>) -> Option<Tensor> {
    let numbers: Vec<i64> = (0..indices.elements() as i64).collect();
    let numbers = Array::from_vec(numbers, indices.shape());
    let last = Array::zeros(g.shape())
        .scatter_along(axis, indices, &numbers)
        .gather_along(axis, indices);
    if last == numbers {
        return None;
    }
    let mut pairs = numbers.iter().zip(last.iter());
    let stays = Tensor::from_fn(indices.shape(), |_| match pairs.next() {
        Some((number, last)) if number == last => 1.0,
        _ => 0.0,
    });
    Some(stays.cast(g.dtype()))
}

impl Var {
    /// Element `[i, .., k]` of the result is the element of this at `[i, .., k]` with the position
    /// along `axis` replaced by `indices[i, .., k]`. Of the other axes the indices may cover a part.
    ///
    /// # Panics
    /// If the axis does not exist, the indices have another rank or reach beyond another axis, or
    /// an index is out of range.
    #[track_caller]
    #[must_use]
    pub fn gather_along(&self, axis: isize, indices: &Array<i64>) -> Self {
        Self::apply(self.places("gather_along", axis, indices), &[self])
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
    #[track_caller]
    #[must_use]
    pub fn scatter(&self, axis: isize, indices: &Array<i64>, values: &Self) -> Self {
        let places = self.places("scatter", axis, indices);
        Self::apply(Scatter(places), &[self, values])
    }

    /// This with `terms` added where [`gather_along`](Self::gather_along) would read.
    ///
    /// # Panics
    /// As [`gather_along`](Self::gather_along), and if there is not one term for each index.
    #[track_caller]
    #[must_use]
    pub fn scatter_add_along(&self, axis: isize, indices: &Array<i64>, terms: &Self) -> Self {
        let places = self.places("scatter_add_along", axis, indices);
        let shape = *self.shape();
        self + Self::apply(SumAlong { shape, places }, &[terms])
    }

    #[track_caller]
    fn places(&self, operation: &str, axis: isize, indices: &Array<i64>) -> GatherAlong {
        let axis = self.shape().axis(operation, axis).or_panic();
        shape::along(operation, self.shape(), axis, indices.shape()).or_panic();
        let indices = indices.clone();
        GatherAlong { axis, indices }
    }
}
