//! How fast is a matrix product?
//!
//! ```text
//! C [m, n] = A [m, k] · B [k, n]        2·m·n·k floating-point operations
//! ```
//!
//! Products: squares in three transpositions, and every product of the networks W1 to W9. A fully
//! connected layer `inputs → outputs` needs three: forward X·Wᵀ (NT), Ȳ·W for the cotangent of its
//! input (NN), and Ȳᵀ·X for that of its weight (TN).

use std::collections::HashSet;

use retrograd_tensor::{Array, Precision, random};

use super::Suite;
use crate::case::{Case, Work, repeat};
use crate::networks::LAYERS;
use crate::rivals::{self, Multiplied, Operand};

/// Sides of the squares.
const SQUARES: [usize; 8] = [16, 32, 64, 128, 256, 512, 1024, 2048];
/// Multiply-adds above which the naive product is left out: it would take most of the time.
const MOST_NAIVE: usize = 512 * 512 * 512;
/// Multiply-adds from which the product is to be faster than every peer: 64³.
const LEAST_WITH_GOAL: usize = 64 * 64 * 64;
/// Multiply-adds from which it is measured in mixed precision as well: 128³.
const LEAST_MIXED: usize = 128 * 128 * 128;

/// Which operands lie transposed in memory (T).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transposition {
    /// Neither.
    NN,
    /// The right one: forward.
    NT,
    /// The left one: the cotangent of a weight.
    TN,
}

/// A product to measure.
#[derive(Clone, Debug)]
struct Product {
    /// Where it comes from.
    label: String,
    sizes: [usize; 3],
    transposition: Transposition,
}

impl Product {
    fn new(label: impl Into<String>, transposition: Transposition, sizes: [usize; 3]) -> Self {
        Self {
            label: label.into(),
            sizes,
            transposition,
        }
    }

    /// Such as `W1 forward NT 256x784x128`; the peers read the last two words.
    fn name(&self) -> String {
        let ([m, k, n], transposition) = (self.sizes, self.transposition);
        format!("{} {transposition:?} {m}x{k}x{n}", self.label)
    }

    /// A and B, the transposed ones as views.
    fn operands<T: Multiplied>(&self) -> (Array<T>, Array<T>) {
        let [m, k, n] = self.sizes;
        let draw = |shape, seed| Array::normal(shape, 0.0, 1.0, &mut random::rng(seed));
        let a = match self.transposition {
            Transposition::TN => draw([k, m], 0).t(),
            Transposition::NN | Transposition::NT => draw([m, k], 0),
        };
        let b = match self.transposition {
            Transposition::NT => draw([n, k], 1).t(),
            Transposition::NN | Transposition::TN => draw([k, n], 1),
        };
        (a, b)
    }

    /// Multiply-adds.
    fn size(&self) -> usize {
        self.sizes.iter().product()
    }

    fn work(&self, double: bool) -> Work {
        Work::Flops {
            count: 2.0 * self.size() as f64,
            double,
        }
    }

    /// Our product of operands rounded to bf16. Its share is one of what `f32` can reach.
    fn mixed(&self) -> Case {
        let product = self.clone();
        let name = format!("mixed {}", self.name());
        Case::new(name, self.work(false), move || {
            let (a, b) = product.operands::<f32>();
            repeat(move || Precision::Mixed.scope(|| a.matmul(&b)))
        })
    }

    /// The product by everyone, in numbers of type `T`.
    fn cases<T: Multiplied>(&self) -> Vec<Case> {
        let size = self.size();
        let work = self.work(size_of::<T>() == 8);
        let name = self.name();
        let product = self.clone();
        let mut ours = Case::new(&*name, work, move || {
            let (a, b) = product.operands::<T>();
            repeat(move || a.matmul(&b))
        });
        if size >= LEAST_WITH_GOAL {
            ours = ours.goal(1.0);
        }
        let rival = |system, kernel: fn(&Operand<T>, &Operand<T>, &mut [T])| {
            let product = self.clone();
            let build = move || {
                let (a, b) = product.operands::<T>();
                let mut c = vec![T::ZERO; a.shape()[0] * b.shape()[1]];
                let (a, b) = (Operand::of(&a), Operand::of(&b));
                repeat(move || kernel(&a, &b, &mut c))
            };
            Case::new(&*name, work, build).by(system)
        };
        let mut cases = vec![
            ours,
            rival("matrixmultiply", T::matrixmultiply),
            rival("gemm", |a, b, c| {
                rivals::gemm(a, b, c, rayon::current_num_threads())
            }),
        ];
        if size <= MOST_NAIVE {
            cases.push(rival("naive", rivals::naive));
        }
        cases
    }
}

/// The products of squares and of networks, each by this framework and by three others.
///
/// `matrixmultiply` uses one thread, whatever it is offered.
#[must_use]
pub fn suite() -> Suite {
    let single: Vec<_> = squares("square").into_iter().chain(layers()).collect();
    let mixed = single
        .iter()
        .filter(|product| product.size() >= LEAST_MIXED);
    let mixed = mixed.map(Product::mixed).collect::<Vec<_>>();
    let double = squares("f64 square");
    Suite {
        name: "gemm",
        cases: single
            .iter()
            .flat_map(Product::cases::<f32>)
            .chain(mixed)
            .chain(double.iter().flat_map(Product::cases::<f64>))
            .collect(),
    }
}

fn squares(label: &str) -> Vec<Product> {
    use Transposition::{NN, NT, TN};
    let square = |side: usize| [NN, NT, TN].map(|t| Product::new(label, t, [side; 3]));
    SQUARES.into_iter().flat_map(square).collect()
}

/// Every product of a step of every network, those that occur twice once.
fn layers() -> Vec<Product> {
    use Transposition::{NN, NT, TN};
    let mut products = Vec::new();
    for layer in LAYERS {
        let (network, batch) = (layer.network, layer.batch);
        for &[inputs, outputs] in layer.sizes {
            let label = |which: &str| format!("{network} {which}");
            products.push(Product::new(label("forward"), NT, [batch, inputs, outputs]));
            if layer.input_learns || [inputs, outputs] != layer.sizes[0] {
                products.push(Product::new(label("input"), NN, [batch, outputs, inputs]));
            }
            products.push(Product::new(label("weight"), TN, [outputs, batch, inputs]));
        }
    }
    let mut seen = HashSet::new();
    products.retain(|product| seen.insert((product.transposition, product.sizes)));
    products
}
