//! A tensor is a buffer and a way to walk it, and most operations change only the way.
//!
//! ```text
//! position of x[i, j] in the buffer = offset + i · stride₀ + j · stride₁
//! ```
//!
//! Run it with `cargo run --release -p retrograd-examples --example 01_tensors`. It prints
//!
//! ```text
//! Views
//!   x           shape [2, 3]  offset 0  strides [3, 1]
//!   x.t()       shape [3, 2]  offset 0  strides [1, 3]
//!   x[:, 1..2]  shape [2, 1]  offset 1  strides [3, 1]
//!   x[:, ::2]   shape [2, 2]  offset 0  strides [3, 2]
//!   x.flip(1)   shape [2, 3]  offset 2  strides [3, -1]
//! Writes
//!   written [9.0, 0.0, 0.0], the clone keeps [0.0, 0.0, 0.0]
//! Broadcasting
//!   [2, 3] - [2, 1] is [2, 3]:
//! [[-1.0,  0.0,  1.0],
//!  [-2.0,  0.0,  2.0]]
//! Products
//! [[ 5.0, 14.0],
//!  [14.0, 50.0]]
//! Random numbers
//!   seed 1        [-0.2348, -1.4108,  0.3330, -1.1268]
//!   seed 1 again  [-0.2348, -1.4108,  0.3330, -1.1268]
//!   seed 2        [0.8071, 0.2120, 1.4529, 0.7727]
//!   the order of epoch 7 is [2, 1, 5, 3, 0, 4], whoever asked before
//! ```

use retrograd_tensor::{DType, Slice, Tensor, keep, random};

fn main() {
    views();
    writes();
    broadcasting();
    products();
    randomness();
}

/// Turning, cutting and reversing copy nothing: they are other strides over the same numbers.
fn views() {
    println!("Views");
    let x = Tensor::arange(6, DType::F32).reshape(&[2, 3]);
    let second_column = x.slice(1, 1..2);
    let every_other = x.slice(1, Slice::all().step(2));
    for (name, view) in [
        ("x", &x),
        ("x.t()", &x.t()),
        ("x[:, 1..2]", &second_column),
        ("x[:, ::2]", &every_other),
        ("x.flip(1)", &x.flip(1)),
    ] {
        assert!(view.shares_storage_with(&x));
        let layout = view.layout();
        let (offset, strides) = (layout.offset(), layout.strides());
        println!(
            "  {name:<10}  shape {:<6}  offset {offset}  strides {strides:?}",
            view.shape().to_string()
        );
    }
}

/// Because views share, a write must not show through them: it copies first, unless nobody else
/// holds the buffer.
fn writes() {
    println!("Writes");
    let mut x = Tensor::zeros([3], DType::F32);
    let before = x.clone();
    x.make_mut::<f32>()[0] = 9.0;
    println!("  written {x:.1}, the clone keeps {before:.1}");
    assert!(!x.shares_storage_with(&before));
}

/// Shapes meet at their last axes, and an axis of size 1 stretches to whatever it meets.
///
/// `keep` leaves a reduced axis behind with size 1, so that a mean can be subtracted at once.
fn broadcasting() {
    println!("Broadcasting");
    let x = Tensor::from_vec(vec![1.0_f32, 2.0, 3.0, 5.0, 7.0, 9.0], [2, 3]);
    let mean = x.mean(keep(1));
    let centred = &x - &mean;
    println!("  {} - {} is {}:", x.shape(), mean.shape(), centred.shape());
    println!("{centred:.1}");
    assert_eq!(centred.sum(1).to_vec(), [0.0, 0.0]);
}

/// A product reads its operands through their strides, so a transposed view costs no copy.
///
/// Here X·Xᵀ: the products of every row of X with every other, which is symmetric.
fn products() {
    println!("Products");
    let x = Tensor::arange(6, DType::F32).reshape(&[2, 3]);
    let gram = x.matmul(&x.t());
    println!("{gram:.1}");
    assert_eq!(gram, gram.t());
}

/// Random numbers come from a generator that is seeded by name; there is no hidden global one.
///
/// `stream` gives every purpose and position numbers of its own, so that what one part of a
/// program draws never shifts what another part gets.
fn randomness() {
    println!("Random numbers");
    let draw = |seed| Tensor::normal([4], 0.0, 1.0, &mut random::rng(seed), DType::F32);
    println!("  seed 1        {}", draw(1));
    println!("  seed 1 again  {}", draw(1));
    println!("  seed 2        {}", draw(2));
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
    let epoch = |epoch| random::permutation(6, &mut random::stream(1, "order", &[epoch]));
    println!(
        "  the order of epoch 7 is {:?}, whoever asked before",
        epoch(7)
    );
}
