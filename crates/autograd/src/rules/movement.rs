//! Movement: reshape, permute, slice, place, join. All linear, so nothing is saved, and the
//! adjoint of each is another of them.

use std::borrow::Cow;

use retrograd_tensor::{Axes, MAX_RANK, OrPanic, ReducedAxes, Shape, Slice, Tensor, shape};
use smallvec::SmallVec;

use super::{of_each, one};
use crate::primitive::{Batched, Cotangents, Inputs, Needed, Output, Primitive, Saves};
use crate::var::Var;

type Order = SmallVec<[usize; MAX_RANK]>;

/// Other sizes for the same elements; the adjoint restores the old ones.
#[derive(Clone, Copy, Debug)]
struct Reshape(Shape);

impl Primitive for Reshape {
    fn name(&self) -> Cow<'static, str> {
        "reshape".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].with_shape(self.0)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::NOTHING
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        one(g.with_shape(*x.shape(0)))
    }
    moves!(Linear);
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        Some(x[0].value.with_shape(x[0].behind(&self.0, 0)))
    }
    fn formula(&self) -> Cow<'static, str> {
        "y = x in another shape".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄ = g in the shape of x".into()
    }
    fn flops(&self, _x: &[Shape], _y: &Shape) -> u64 {
        0
    }
}

/// Axes in another order; the adjoint applies the inverse order.
#[derive(Clone, Debug)]
struct Permute(Order);

impl Primitive for Permute {
    fn name(&self) -> Cow<'static, str> {
        "permute".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].permute(&self.0)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::NOTHING
    }
    fn vjp(&self, _x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let mut inverse: Order = SmallVec::from_elem(0, self.0.len());
        self.0
            .iter()
            .enumerate()
            .for_each(|(to, &from)| inverse[from] = to);
        one(g.permute(&inverse))
    }
    moves!(Linear);
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        let order: Order = std::iter::once(0)
            .chain(self.0.iter().map(|axis| axis + 1))
            .collect();
        Some(x[0].value.permute(&order))
    }
    fn formula(&self) -> Cow<'static, str> {
        "y = x with its axes in another order".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄ = g with its axes in the old order".into()
    }
    fn flops(&self, _x: &[Shape], _y: &Shape) -> u64 {
        0
    }
}

/// Some positions of one axis; the adjoint places the cotangent among zeros, or adds it in place to
/// what there is already.
#[derive(Clone, Copy, Debug)]
struct Take {
    axis: usize,
    positions: Slice,
}

impl Primitive for Take {
    fn name(&self) -> Cow<'static, str> {
        "slice".into()
    }
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].slice(self.axis as isize, self.positions)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::NOTHING
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let Self { axis, positions } = *self;
        one(Var::apply(
            Place {
                shape: *x.shape(0),
                axis,
                positions,
            },
            &[g],
        ))
    }
    fn add_cotangent(&self, g: &Tensor, total: &mut Tensor) -> bool {
        total.add_at(self.axis as isize, self.positions, g);
        true
    }
    moves!(Linear);
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        let axis = self.axis + 1;
        Some(Self { axis, ..*self }.forward(&[x[0].value]))
    }
    fn formula(&self) -> Cow<'static, str> {
        "y = x at some positions".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄ = g at those positions, 0 elsewhere".into()
    }
    fn flops(&self, _x: &[Shape], _y: &Shape) -> u64 {
        0
    }
}

/// Zeros of `shape` with the input at some positions of one axis; the adjoint takes them.
#[derive(Clone, Copy, Debug)]
struct Place {
    shape: Shape,
    axis: usize,
    positions: Slice,
}

impl Primitive for Place {
    fn name(&self) -> Cow<'static, str> {
        "place".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].place(self.shape, self.axis as isize, self.positions)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::NOTHING
    }
    fn vjp(&self, _x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let Self {
            axis, positions, ..
        } = *self;
        one(Var::apply(Take { axis, positions }, &[g]))
    }
    moves!(Linear);
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        let (axis, shape) = (self.axis + 1, x[0].behind(&self.shape, 0));
        Some(
            Self {
                axis,
                shape,
                ..*self
            }
            .forward(&[x[0].value]),
        )
    }
    fn formula(&self) -> Cow<'static, str> {
        "y = x at some positions, 0 elsewhere".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄ = g at those positions".into()
    }
    fn flops(&self, _x: &[Shape], _y: &Shape) -> u64 {
        0
    }
}

/// The first input with the second at some positions of an axis. What was there has no effect any more.
#[derive(Clone, Copy, Debug)]
struct With {
    axis: usize,
    positions: Slice,
}

impl Primitive for With {
    fn name(&self) -> Cow<'static, str> {
        "with".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].with(self.axis as isize, self.positions, x[1])
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::NOTHING
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let Self { axis, positions } = *self;
        let kept = x.needs(0).then(|| {
            let zeros = Var::constant(g.raw().constant_like(*x.shape(1), 0.0));
            Var::apply(*self, &[g, &zeros])
        });
        let written = x
            .needs(1)
            .then(|| Var::apply(Take { axis, positions }, &[g]));
        Cotangents::from_iter([kept, written])
    }
    moves!(Linear);
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        let [x, values] = &of_each(x);
        let axis = self.axis + 1;
        Some(Self { axis, ..*self }.forward(&[x, values]))
    }
    fn formula(&self) -> Cow<'static, str> {
        "y = x₀, with x₁ at some positions".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄₀ = g, 0 at those positions; x̄₁ = g at those positions".into()
    }
    fn flops(&self, _x: &[Shape], _y: &Shape) -> u64 {
        0
    }
}

/// Inputs one after another along an axis; the adjoint cuts the cotangent into their parts.
#[derive(Clone, Copy, Debug)]
struct Cat {
    axis: usize,
}

impl Primitive for Cat {
    fn name(&self) -> Cow<'static, str> {
        "cat".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        let tensors: Vec<Tensor> = x.iter().map(|&tensor| tensor.clone()).collect();
        Tensor::cat(&tensors, self.axis as isize)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::NOTHING
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let mut start = 0;
        let part = |i: usize| {
            let end = start + x.shape(i)[self.axis] as isize;
            let part = x.needs(i).then(|| g.slice(self.axis as isize, start..end));
            start = end;
            part
        };
        (0..x.len()).map(part).collect()
    }
    moves!(Linear);
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        let batch = x.iter().find(|x| x.is_batched)?;
        let whole = |x: &Batched<'_>| match x.is_batched {
            true => x.value.clone(),
            false => x.value.broadcast_to(batch.behind(x.value.shape(), 0)),
        };
        let parts: Vec<Tensor> = x.iter().map(whole).collect();
        Some(Tensor::cat(&parts, self.axis as isize + 1))
    }
    fn formula(&self) -> Cow<'static, str> {
        "y = [x₀, x₁, …]".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄₀, x̄₁, … = g cut into their parts".into()
    }
    fn flops(&self, _x: &[Shape], _y: &Shape) -> u64 {
        0
    }
}

impl Var {
    /// The same elements in row-major order under other sizes, one of which may be −1.
    ///
    /// # Panics
    /// If the number of elements differs.
    #[doc(alias = "view")]
    #[track_caller]
    #[must_use]
    pub fn reshape(&self, sizes: &[isize]) -> Self {
        self.with_shape(shape::reshape(self.shape(), sizes).or_panic())
    }

    /// As [`reshape`](Self::reshape), to a known shape; itself if it has that shape.
    ///
    /// # Panics
    /// If the number of elements differs.
    #[track_caller]
    #[must_use]
    pub fn with_shape(&self, shape: Shape) -> Self {
        if *self.shape() == shape {
            self.clone()
        } else {
            Self::apply(Reshape(shape), &[self])
        }
    }

    /// Axis `i` of the result is axis `order[i]` of this.
    ///
    /// # Panics
    /// If `order` does not name every axis once.
    #[doc(alias = "transpose")]
    #[track_caller]
    #[must_use]
    pub fn permute(&self, order: &[usize]) -> Self {
        Self::apply(Permute(SmallVec::from_slice(order)), &[self])
    }

    /// The matrix transpose: the last two axes exchanged.
    ///
    /// # Panics
    /// If there are fewer than two axes.
    #[track_caller]
    #[must_use]
    pub fn t(&self) -> Self {
        assert!(
            self.rank() >= 2,
            "t: {}: a transpose needs at least two axes",
            self.shape()
        );
        let mut order: Order = (0..self.rank()).collect();
        order.swap(self.rank() - 2, self.rank() - 1);
        self.permute(&order)
    }

    /// Some positions of one axis, with Python's rules; see [`Slice`].
    ///
    /// # Panics
    /// If the axis does not exist.
    #[doc(alias = "narrow")]
    #[track_caller]
    #[must_use]
    pub fn slice(&self, axis: isize, positions: impl Into<Slice>) -> Self {
        let axis = self.shape().axis("slice", axis).or_panic();
        Self::apply(
            Take {
                axis,
                positions: positions.into(),
            },
            &[self],
        )
    }

    /// This with `values` at some positions of one axis, with Python's rules (see [`Slice`]), in place of
    /// what is there: `x[:, 1:3] = v` is `let x = x.with(1, 1..3, &v)`. The values broadcast to the shape of
    /// that slice.
    ///
    /// ```
    /// use retrograd_autograd::Tape;
    /// use retrograd_tensor::Tensor;
    ///
    /// let tape = Tape::new();
    /// let x = tape.leaf(Tensor::from_vec(vec![1.0, 2.0, 3.0], [3]));
    /// let y = x.with(0, 1.., &(x.slice(0, ..1) * 10.0));
    /// assert_eq!(y.value().to_vec(), [1.0, 10.0, 10.0]);
    /// assert_eq!(y.sum(..).backward().of(&x).unwrap().to_vec(), [21.0, 0.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If the axis does not exist, or the values do not broadcast.
    #[track_caller]
    #[must_use]
    pub fn with(&self, axis: isize, positions: impl Into<Slice>, values: &Self) -> Self {
        let axis = self.shape().axis("with", axis).or_panic();
        let positions = positions.into();
        let place = *self.stand_in().slice(axis as isize, positions).shape();
        Self::apply(
            With { axis, positions },
            &[self, &values.broadcast_to(place)],
        )
    }

    /// The part at one position of an axis, without that axis.
    ///
    /// # Panics
    /// If the axis or the position does not exist.
    #[track_caller]
    #[must_use]
    pub fn select(&self, axis: isize, position: usize) -> Self {
        let shape = *self.stand_in().select(axis, position).shape();
        let start = position as isize;
        self.slice(axis, start..start + 1).with_shape(shape)
    }

    /// The order along some axes reversed: `x.flip(0)`, `x.flip([0, -1])`, `x.flip(..)`.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[doc(alias = "reverse")]
    #[track_caller]
    #[must_use]
    pub fn flip(&self, axes: impl Into<Axes>) -> Self {
        let axes = ReducedAxes::new("flip", self.shape(), &axes.into()).or_panic();
        let mut flipped = self.clone();
        for axis in (0..self.rank()).filter(|&axis| axes.contains(axis)) {
            flipped = flipped.slice(axis as isize, Slice::all().step(-1));
        }
        flipped
    }

    /// A new axis of size 1 at position `axis`, which may count from the end of the result.
    ///
    /// # Panics
    /// If the position does not exist in the result.
    #[doc(alias = "expand_dims")]
    #[track_caller]
    #[must_use]
    pub fn unsqueeze(&self, axis: isize) -> Self {
        self.with_shape(*self.stand_in().unsqueeze(axis).shape())
    }

    /// Without the axis `axis`, whose size must be 1.
    ///
    /// # Panics
    /// If the axis does not exist or its size is not 1.
    #[track_caller]
    #[must_use]
    pub fn squeeze(&self, axis: isize) -> Self {
        self.with_shape(*self.stand_in().squeeze(axis).shape())
    }

    /// Vars laid one after another along an axis.
    ///
    /// # Panics
    /// If there is none, the axis does not exist, or other sizes differ.
    #[doc(alias = "concat")]
    #[doc(alias = "concatenate")]
    #[track_caller]
    #[must_use]
    pub fn cat(vars: &[&Self], axis: isize) -> Self {
        let shapes: Vec<Shape> = vars.iter().map(|var| *var.shape()).collect();
        let (_, axis) = shape::cat(&shapes, axis).or_panic();
        Self::apply(Cat { axis }, vars)
    }
}
