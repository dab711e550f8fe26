//! The arguments of a case, as the functions of the tables ask for them.

use std::collections::BTreeMap;

use retrograd_autograd::Var;
use retrograd_tensor::{Array, DType, Tensor};
use serde_json::Value;

/// One argument.
#[derive(Debug)]
pub(crate) enum Arg {
    /// A tensor of numbers: a leaf where the case has derivatives for it, else a constant.
    Var(Var),
    /// Indices and labels.
    Integers(Array<i64>),
    /// Truth values, as 0 and 1.
    Mask(Tensor),
    List(Vec<Arg>),
    /// A number, a truth value, a text or nothing.
    Value(Value),
}

impl Arg {
    /// A number; infinities are texts in the file.
    pub(crate) fn number(&self) -> Option<f64> {
        let Self::Value(value) = self else {
            return None;
        };
        let parsed = |text: &str| text.parse().ok();
        value
            .as_f64()
            .or_else(|| value.as_str().and_then(parsed))
            .or_else(|| value.as_bool().map(|truth| f64::from(u8::from(truth))))
    }

    pub(crate) fn int(&self) -> Option<isize> {
        match self {
            Self::Value(value) => value.as_i64().map(|int| int as isize),
            Self::Integers(tensor) if tensor.elements() == 1 => Some(tensor.item() as isize),
            _ => None,
        }
    }

    fn is_null(&self) -> bool {
        matches!(self, Self::Value(Value::Null))
    }
}

/// Where an argument is: at a position, under a name, or either.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    position: Option<usize>,
    name: &'static str,
}

impl Key {
    /// The position after this one, or a name.
    pub(crate) fn next(self, name: &'static str) -> Self {
        let position = self.position.map(|position| position + 1);
        Self { position, name }
    }
}

impl From<usize> for Key {
    fn from(position: usize) -> Self {
        (position, "").into()
    }
}

impl From<&'static str> for Key {
    fn from(name: &'static str) -> Self {
        let position = None;
        Self { position, name }
    }
}

impl From<(usize, &'static str)> for Key {
    fn from((position, name): (usize, &'static str)) -> Self {
        let position = Some(position);
        Self { position, name }
    }
}

/// All arguments of a case. Keys are positions, names, or `(position, name)` where PyTorch takes
/// either.
#[derive(Debug)]
pub(crate) struct Args {
    /// The element type of all tensors.
    pub(crate) dtype: DType,
    pub(crate) positional: Vec<Arg>,
    pub(crate) named: BTreeMap<String, Arg>,
}

impl Args {
    /// The argument, unless it is left out or null.
    pub(crate) fn get(&self, key: impl Into<Key>) -> Option<&Arg> {
        let Key { position, name } = key.into();
        position
            .and_then(|position| self.positional.get(position))
            .or_else(|| self.named.get(name))
            .filter(|arg| !arg.is_null())
    }

    /// A tensor of numbers that must be there.
    pub(crate) fn var(&self, key: impl Into<Key>) -> &Var {
        let key = key.into();
        self.var_if(key)
            .unwrap_or_else(|| panic!("no tensor at {key:?}"))
    }

    /// A tensor of numbers, if there is one.
    pub(crate) fn var_if(&self, key: impl Into<Key>) -> Option<&Var> {
        match self.get(key)? {
            Arg::Var(var) => Some(var),
            _ => None,
        }
    }

    /// A tensor of numbers or integers, or a number as a tensor without axes.
    pub(crate) fn operand(&self, key: impl Into<Key>) -> Option<Var> {
        match self.get(key)? {
            Arg::Var(var) => Some(var.clone()),
            Arg::Integers(tensor) => {
                let values = tensor.iter().map(|int| int as f64).collect();
                let values = Tensor::from_vec::<f64>(values, *tensor.shape());
                Some(values.cast(self.dtype).into())
            }
            arg => Some(Tensor::scalar(arg.number()?).cast(self.dtype).into()),
        }
    }

    /// The tensors of a list.
    pub(crate) fn vars(&self, key: impl Into<Key>) -> Vec<&Var> {
        let Some(Arg::List(list)) = self.get(key) else {
            panic!("not a list of tensors");
        };
        let vars = list.iter().map(|arg| match arg {
            Arg::Var(var) => var,
            other => panic!("{other:?} among tensors"),
        });
        vars.collect()
    }

    /// A tensor of integers, if there is one.
    pub(crate) fn integers(&self, key: impl Into<Key>) -> Option<&Array<i64>> {
        match self.get(key)? {
            Arg::Integers(tensor) => Some(tensor),
            _ => None,
        }
    }

    /// Truth values as 0 and 1, if there are any.
    pub(crate) fn mask(&self, key: impl Into<Key>) -> Option<&Tensor> {
        match self.get(key)? {
            Arg::Mask(mask) => Some(mask),
            _ => None,
        }
    }

    /// A number, if it is given.
    pub(crate) fn number(&self, key: impl Into<Key>) -> Option<f64> {
        self.get(key)?.number()
    }

    /// An integer, if it is given; a tensor of one integer counts.
    pub(crate) fn int(&self, key: impl Into<Key>) -> Option<isize> {
        self.get(key)?.int()
    }

    /// Integers, if they are given; a single one counts as a list.
    pub(crate) fn ints(&self, key: impl Into<Key>) -> Option<Vec<isize>> {
        match self.get(key)? {
            Arg::List(list) => list.iter().map(Arg::int).collect(),
            arg => Some(vec![arg.int()?]),
        }
    }

    /// A truth value; false if it is not given.
    pub(crate) fn flag(&self, key: impl Into<Key>) -> bool {
        matches!(self.get(key), Some(Arg::Value(Value::Bool(true))))
    }

    /// A text, if it is given.
    pub(crate) fn text(&self, key: impl Into<Key>) -> Option<&str> {
        match self.get(key)? {
            Arg::Value(value) => value.as_str(),
            _ => None,
        }
    }
}
