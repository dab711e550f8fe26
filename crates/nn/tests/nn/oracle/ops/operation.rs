//! A row of the tables: the name of PyTorch's operation, and ours as a function of its arguments.

use retrograd_autograd::Var;
use retrograd_tensor::{Array, Axes, keep};

use super::args::{Args, Key};

/// One output of an operation.
#[derive(Debug)]
pub(crate) enum Output {
    Var(Var),
    /// Where chosen elements were.
    Positions(Array<i64>),
    /// PyTorch gives it and we do not.
    Absent,
}

impl From<Var> for Output {
    fn from(y: Var) -> Self {
        Self::Var(y)
    }
}

impl From<Array<i64>> for Output {
    fn from(positions: Array<i64>) -> Self {
        Self::Positions(positions)
    }
}

/// Ours, or why a case is not for it.
type Run = Box<dyn Fn(&Args) -> Result<Vec<Output>, &'static str>>;

/// A row of the tables.
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) run: Run,
    /// The bound of values and first order in f64 where the usual one is not met, and why.
    pub(crate) double: Option<(f64, &'static str)>,
    /// How many times larger the bound in f32 is than the usual one, and why.
    pub(crate) single: Option<(f64, &'static str)>,
}

impl Operation {
    /// The same row with another bound in f64.
    pub(crate) fn within(mut self, bound: f64, reason: &'static str) -> Self {
        self.double = Some((bound, reason));
        self
    }

    /// The same row with a bound in f32 that is `times` as large.
    pub(crate) fn single_times(mut self, times: f64, reason: &'static str) -> Self {
        self.single = Some((times, reason));
        self
    }
}

/// An operation of one output.
pub(crate) fn one(name: &'static str, f: fn(&Args) -> Var) -> Operation {
    partial(name, move |x| Ok(vec![f(x).into()]))
}

/// An operation of several outputs.
pub(crate) fn many(name: &'static str, f: fn(&Args) -> Vec<Output>) -> Operation {
    partial(name, move |x| Ok(f(x)))
}

/// An operation that not all cases are for; the others get a reason.
pub(crate) fn partial(
    name: &'static str,
    f: impl Fn(&Args) -> Result<Vec<Output>, &'static str> + 'static,
) -> Operation {
    Operation {
        name,
        run: Box::new(f),
        double: None,
        single: None,
    }
}

/// An operation of the one tensor of a case, and nothing else.
pub(crate) fn unary(name: &'static str, f: fn(&Var) -> Var) -> Operation {
    partial(name, move |x| Ok(vec![f(x.var(0)).into()]))
}

/// An operation of two tensors, and nothing else.
pub(crate) fn binary(name: &'static str, f: fn(&Var, &Var) -> Var) -> Operation {
    partial(name, move |x| Ok(vec![f(x.var(0), x.var(1)).into()]))
}

/// A function along one axis that keeps it. PyTorch lets a scalar have an axis here.
pub(crate) fn along(x: &Args, f: fn(&Var, isize) -> Var) -> Var {
    let (var, axis) = (x.var(0), x.int((1, "dim")).expect("an axis"));
    f(&lifted(var), axis).with_shape(*var.shape())
}

/// Itself, or a scalar as a vector.
pub(crate) fn lifted(var: &Var) -> Var {
    if var.rank() > 0 {
        var.clone()
    } else {
        var.unsqueeze(0)
    }
}

/// The axes at `key`, all if there are none, kept if `keepdim` says so. Here too a scalar has one.
pub(crate) fn axes(x: &Args, key: impl Into<Key>) -> Axes {
    let key = key.into();
    let given = x.ints(key).filter(|list| !list.is_empty());
    let axes = match given {
        Some(list) if x.var(0).rank() > 0 => Axes::from(&list[..]),
        _ => Axes::from(..),
    };
    if x.flag(key.next("keepdim")) {
        keep(axes)
    } else {
        axes
    }
}
