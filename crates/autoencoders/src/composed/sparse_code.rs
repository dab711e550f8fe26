//! Codes most of whose numbers are 0.

use std::sync::LazyLock;

use retrograd_autograd::{Expr, Pointwise, Var};
use retrograd_nn::Linear;
use retrograd_tensor::{Array, Tensor};

/// The code of a batch by atoms of a dictionary, most of whose numbers are 0.
#[derive(Clone, Debug)]
pub enum SparseCode {
    /// A number for each atom.
    Every {
        /// The numbers, `[batch, atoms]`.
        values: Var,
        /// What decides whether each is above 0, `[batch, atoms]`: mostly W z + c.
        gates: Var,
    },
    /// The numbers of a few atoms alone: what follows touches no others.
    Few {
        /// Their numbers, `[batch, few]`; a 0 where a sample has fewer.
        values: Var,
        /// Which atoms they are of, `[batch, few]`.
        atoms: Array<i64>,
        /// What all atoms were chosen from, `[batch, atoms]`: numbers without a derivative.
        all: Tensor,
    },
}

impl SparseCode {
    /// The numbers of these atoms `[batch, few]`, chosen from `all` as the encoder gives them: its rows of
    /// other atoms are not touched.
    pub(crate) fn few(encoder: &Linear, x: &Var, all: Tensor, atoms: Array<i64>) -> Self {
        let values = preactivations_of(encoder, x, &atoms).relu();
        Self::Few { values, atoms, all }
    }

    /// Σⱼ fⱼ dⱼ, `[batch, width]`, for atoms dⱼ `[atoms, width]`.
    #[track_caller]
    #[must_use]
    pub fn decode(&self, dictionary: &Var) -> Var {
        match self {
            Self::Every { values, .. } => values.matmul(dictionary),
            Self::Few { values, atoms, .. } => values.sparse_decode(atoms, dictionary),
        }
    }

    /// The same with numbers of atoms below `end` alone, `[batch, width]`.
    #[track_caller]
    #[must_use]
    pub fn decode_first(&self, end: usize, dictionary: &Var) -> Var {
        match self {
            Self::Every { values, .. } => {
                let end = end as isize;
                let first = dictionary.slice(0, ..end);
                values.slice(1, ..end).matmul(&first)
            }
            Self::Few { values, atoms, .. } => {
                let is_first = |atom: i64| f64::from((atom as usize) < end);
                let kept = atoms.iter().map(is_first).collect();
                let kept = Tensor::from_vec::<f64>(kept, *atoms.shape()).cast(values.dtype());
                (values * Var::constant(kept)).sparse_decode(atoms, dictionary)
            }
        }
    }

    /// A number for each of `atoms` atoms, `[batch, atoms]`.
    #[must_use]
    pub fn flat(&self, atoms: usize) -> Var {
        match self {
            Self::Every { values, .. } => values.clone(),
            Self::Few {
                values,
                atoms: chosen,
                ..
            } => values.scatter_add(chosen, atoms),
        }
    }

    /// In how many samples each of `atoms` atoms fires, that is, has a number above 0.
    #[must_use]
    pub fn firings(&self, atoms: usize) -> Vec<f64> {
        static FIRES: LazyLock<Pointwise> =
            LazyLock::new(|| Pointwise::new("fires", |[f]: [Expr; 1]| f.greater(0.0)));
        match self {
            Self::Every { values, .. } => {
                let values = Var::constant(values.value().clone());
                FIRES.apply_sum(&[&values], 0).value().to_vec()
            }
            Self::Few {
                values,
                atoms: chosen,
                ..
            } => {
                let mut firings = vec![0.0; atoms];
                for (value, atom) in values.value().iter().zip(chosen.iter()) {
                    firings[atom as usize] += f64::from(value > 0.0);
                }
                firings
            }
        }
    }
}

/// W x + b of these atoms `[batch, few]` alone, for an encoder of W and b.
pub(crate) fn preactivations_of(encoder: &Linear, x: &Var, atoms: &Array<i64>) -> Var {
    let products = x.sparse_encode(atoms, &encoder.weight.beside(x));
    match &encoder.bias {
        Some(bias) => products + bias.beside(x).gather_rows(atoms),
        None => products,
    }
}

/// W x + b of all atoms, `[batch, atoms]`, of which nothing is recorded: for choosing.
pub(crate) fn unrecorded(encoder: &Linear, x: &Var) -> Tensor {
    use retrograd_nn::Module as _;
    let x = Var::constant(x.value().clone());
    encoder.forward(&x).into_value()
}
