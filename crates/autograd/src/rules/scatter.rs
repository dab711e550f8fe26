//! Values combined with what is where indices say: sums, means, products and extremes by place.
//!
//! Of a product, pairs of factors are multiplied until one is left. So there is no division, and
//! every order of derivative is right with any number of zeros.

use std::borrow::Cow;

use retrograd_tensor::{Array, Float, Shape, Tensor};

use super::at_indices;
use crate::primitive::{Cotangents, Inputs, Needed, Output, Primitive, Saves};
use crate::var::Var;

/// The largest or smallest of the elements of a vector that belong to each place, of which each has
/// one; elements that tie for it share the cotangent equally.
#[derive(Clone, Copy, Debug)]
struct ScatterExtremum {
    count: usize,
    largest: bool,
}

impl Primitive for ScatterExtremum {
    fn name(&self) -> Cow<'static, str> {
        if self.largest {
            "scatter_max"
        } else {
            "scatter_min"
        }
        .into()
    }
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        let (least, combine): (f64, fn(f64, f64) -> f64) = match self.largest {
            true => (-f64::INFINITY, Float::maximum),
            false => (f64::INFINITY, Float::minimum),
        };
        let mut extremes = vec![least; self.count];
        for (value, place) in x[0].iter().zip(x[1].array::<i64>().iter()) {
            let extreme = &mut extremes[place as usize];
            *extreme = combine(*extreme, value);
        }
        Tensor::from_vec(extremes, [self.count]).cast(x[0].dtype())
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::EVERYTHING
    }
    fn vjp(&self, x: &Inputs, y: &Output, g: &Var) -> Cotangents {
        let places = x[1].raw().array();
        let chosen = x[0].equal(&y.gather(places));
        let ties = chosen.scatter_add(places, self.count);
        at_indices(chosen * (g / ties).gather(places))
    }
    fn formula(&self) -> Cow<'static, str> {
        let name = if self.largest { "max" } else { "min" };
        format!("y[i] = {name} of the x[j] with place i").into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄ = g where x = y, shared by those that tie".into()
    }
    fn attributes(&self) -> String {
        format!("{} places", self.count)
    }
    fn flops(&self, x: &[Shape], _y: &Shape) -> u64 {
        x[0].elements() as u64
    }
}

/// How [`Var::scatter_reduce`] makes one number of those that share a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reduce {
    /// Their sum.
    Sum,
    /// Their arithmetic mean.
    Mean,
    /// Their product.
    Prod,
    /// The largest; NaN if there is one. Those that tie share the derivative.
    Max,
    /// The smallest; NaN if there is one. Those that tie share the derivative.
    Min,
}

impl Var {
    /// This with `values` combined where [`gather_along`](Self::gather_along) would read. Without
    /// `include_self`, what was at a place that gets values has no effect.
    ///
    /// # Panics
    /// As [`gather_along`](Self::gather_along), and if there is not one value for each index.
    #[track_caller]
    #[must_use]
    pub fn scatter_reduce(
        &self,
        axis: isize,
        indices: &Array<i64>,
        values: &Self,
        reduce: Reduce,
        include_self: bool,
    ) -> Self {
        assert!(
            indices.shape() == values.shape(),
            "scatter_reduce: {} x {}: there must be one index a value",
            values.shape(),
            indices.shape()
        );
        if let Reduce::Sum | Reduce::Mean = reduce {
            let zeros = Self::constant(Tensor::zeros(*indices.shape(), self.dtype()));
            let kept = match include_self {
                true => self.clone(),
                false => self.scatter(axis, indices, &zeros),
            };
            let sum = kept.scatter_add_along(axis, indices, values);
            return match reduce {
                Reduce::Sum => sum,
                _ => sum / Self::constant(counts(&self.stand_in(), axis, indices, include_self)),
            };
        }
        let count = self.elements();
        let places = Array::from_vec((0..count as i64).collect(), self.shape());
        let members = members(count, &places.gather_along(axis, indices), include_self);
        let all = Self::cat(&[&self.reshape(&[-1]), &values.reshape(&[-1])], 0);
        let result = match reduce {
            Reduce::Max | Reduce::Min => {
                let [places, numbers] = [0, 1].map(|i| members.iter().map(|m| m[i]).collect());
                let largest = reduce == Reduce::Max;
                let places = Self::constant(Tensor::from_vec(places, [members.len()]));
                let operands = [&read(&all, numbers), &places];
                Self::apply(ScatterExtremum { count, largest }, &operands)
            }
            _ => products(all, members),
        };
        result.with_shape(*self.shape())
    }

    /// The sums of the rows (positions of axis 0) that belong to each of `count` segments: row j to
    /// segment `segments[j]`. A segment without rows is 0.
    ///
    /// The same as [`scatter_add_rows`](Self::scatter_add_rows).
    ///
    /// # Panics
    /// If the first axes are not those of `segments`, or a number is out of range.
    #[track_caller]
    #[must_use]
    pub fn segment_sum(&self, segments: &Array<i64>, count: usize) -> Self {
        self.scatter_add_rows(segments, count)
    }
}

/// How many numbers share each place of `x`.
fn counts(x: &Tensor, axis: isize, indices: &Array<i64>, include_self: bool) -> Tensor {
    let values =
        Tensor::ones(*indices.shape(), x.dtype()).scatter_add_along(*x.shape(), axis, indices);
    match include_self {
        true => values + 1.0,
        false => values.map(|count| count.max(1.0)),
    }
}

/// Which place each member belongs to, and its number: first what was there, then the values. In the
/// order of the places, each of which has a member.
fn members(count: usize, places: &Array<i64>, include_self: bool) -> Vec<[i64; 2]> {
    let mut empty = vec![true; count];
    places
        .iter()
        .for_each(|place| empty[place as usize] = false);
    let own = (0..count).filter(|&place| include_self || empty[place]);
    let own = own.map(|place| [place as i64; 2]);
    let values = places
        .iter()
        .zip(count as i64..)
        .map(|(place, number)| [place, number]);
    let mut members: Vec<[i64; 2]> = own.chain(values).collect();
    members.sort_unstable();
    members
}

/// The product of the members of each place, which are among `all`.
#[track_caller]
fn products(mut all: Var, mut members: Vec<[i64; 2]>) -> Var {
    loop {
        let (mut left, mut right) = (Vec::new(), Vec::new());
        let mut next = Vec::with_capacity(members.len());
        for of_place in members.chunk_by(|a, b| a[0] == b[0]) {
            for pair in of_place.chunks(2) {
                let number = match *pair {
                    [[_, a], [_, b]] => {
                        left.push(a);
                        right.push(b);
                        (all.elements() + left.len() - 1) as i64
                    }
                    _ => pair[0][1],
                };
                next.push([of_place[0][0], number]);
            }
        }
        members = next;
        if left.is_empty() {
            return read(&all, members.iter().map(|member| member[1]).collect());
        }
        let pairs = read(&all, left) * read(&all, right);
        all = Var::cat(&[&all, &pairs], 0);
    }
}

/// The elements of a vector with these numbers.
#[track_caller]
fn read(all: &Var, numbers: Vec<i64>) -> Var {
    let count = numbers.len();
    all.gather(&Array::from_vec(numbers, [count]))
}
