//! Programs over blocks against the naive run, under every instruction set of the machine.

use super::{Binary, Combine, Program, Source, Unary, naive};
use crate::Slice;
use crate::array::Array;
use crate::element::Float;
use crate::random;
use crate::shape::{self, Shape};
use crate::simd::Isa;

/// Four outputs, choices, constants, a value read after being an output, an input that is an output
/// and a comparison that is both part of a choice and read elsewhere.
fn program() -> Program {
    let mut p = Program::new(3);
    let [a, b, c] = [Source::Input(0), Source::Input(1), Source::Input(2)];
    let two = p.constant(2.0);
    let one = p.constant(1.0);
    let product = p.binary(Binary::Mul, a, b);
    let size = p.unary(Unary::Abs, product);
    let above = p.binary(Binary::Add, size, one);
    let squashed = p.binary(Binary::Div, product, above);
    let smaller = p.binary(Binary::Less, squashed, c);
    let doubled = p.binary(Binary::Mul, squashed, two);
    let chosen = p.select(smaller, doubled, c);
    let below = p.binary(Binary::LessEqual, a, two);
    let clipped = p.select(below, a, two);
    let all = p.binary(Binary::Add, clipped, smaller);
    p.output(squashed);
    p.output(chosen);
    p.output(b);
    p.output(all);
    p
}

/// Operands of three shapes that broadcast, strided and reversed ones among them.
fn operands<T: Float>() -> Vec<[Array<T>; 3]> {
    let mut rng = random::rng(2);
    let mut draw = |shape: &[usize]| Array::<T>::normal(shape, 0.0, 1.0, &mut rng);
    let mut all = Vec::new();
    for (rows, columns) in [
        (1, 1),
        (0, 3),
        (3, 0),
        (5, 7),
        (2, 513),
        (700, 3),
        (33, 32),
        (65, 1025),
        (3, 5000),
    ] {
        let x = draw(&[rows, columns]);
        let wide = draw(&[rows, 2 * columns]);
        all.push([x.clone(), draw(&[columns]), draw(&[rows, 1])]);
        all.push([x.clone(), x.clone(), draw(&[])]);
        all.push([draw(&[columns, rows]).t(), x.flip(0), x.flip(1)]);
        all.push([wide.slice(1, Slice::all().step(2)), x, draw(&[4, 1, 1])]);
    }
    all.push([draw(&[]), draw(&[]), draw(&[])]);
    all.push([draw(&[2, 3, 1, 5]), draw(&[3, 4, 1]), draw(&[1, 1, 4, 5])]);
    all.push([draw(&[3, 1, 5, 1100]), draw(&[4, 1, 1]), draw(&[1100])]);
    all.push([draw(&[90, 1, 40]), draw(&[1, 30, 1]), draw(&[90, 30, 40])]);
    all
}

fn shape_of<T: Float>(inputs: &[&Array<T>]) -> Shape {
    let shapes: Vec<Shape> = inputs.iter().map(|x| *x.shape()).collect();
    shape::broadcast("test", &shapes).unwrap()
}

/// Every shape that `shape` can be summed to: each axis kept or not.
fn targets(shape: Shape) -> impl Iterator<Item = Shape> {
    (0..1_usize << shape.rank()).map(move |kept| {
        let size = |axis| {
            if kept >> axis & 1 == 1 {
                shape[axis]
            } else {
                1
            }
        };
        Shape::from((0..shape.rank()).map(size).collect::<Vec<_>>())
    })
}

fn close<T: Float>(fast: &Array<T>, slow: &Array<T>, terms: usize) -> bool {
    // At most 200 additions one after another, of numbers of size 10 or less (Higham 1993).
    let bound = 200.0 * T::EPSILON.to_f64() * 10.0 * terms.max(1) as f64;
    let near = |(a, b): (T, T)| a == b || (a.to_f64() - b.to_f64()).abs() <= bound;
    fast.shape() == slow.shape() && fast.iter().zip(slow.iter()).all(near)
}

/// The naive sum to a smaller shape.
fn summed<T: Float>(x: &Array<T>, target: Shape) -> Array<T> {
    let mut sums = vec![0.0; target.elements()];
    let place = Array::<f64>::arange(target.elements())
        .reshape_to(target)
        .broadcast_to(*x.shape());
    x.iter()
        .zip(place.iter())
        .for_each(|(x, place)| sums[place as usize] += x.to_f64());
    Array::from_vec(sums.into_iter().map(T::from_f64).collect(), target)
}

impl Array<f64> {
    fn reshape_to(&self, shape: Shape) -> Self {
        Self::from_vec(self.to_vec(), shape)
    }
}

fn check<T: Float>(isa: Isa) {
    let program = program();
    for inputs in &operands::<T>() {
        let inputs: Vec<&Array<T>> = inputs.iter().collect();
        let shape = shape_of(&inputs);
        let run =
            |targets: &[Shape; 4]| program.reduce_on(isa, &inputs, &shape, targets, Combine::Sum);
        let slow = naive::run(&program, &inputs);
        for (f, s) in run(&[shape; 4]).iter().zip(&slow) {
            assert_eq!(f, s, "{isa}: {shape}");
        }
        for target in targets(shape) {
            // Some outputs as they are, beside those that are summed.
            let wanted = [target, shape, target, Shape::SCALAR];
            for ((fast, slow), target) in run(&wanted).iter().zip(&slow).zip(wanted) {
                let terms = shape.elements() / target.elements().max(1);
                let slow = summed(slow, target);
                assert!(
                    close(fast, &slow, terms),
                    "{isa}: {shape} to {target}: {fast} {slow}"
                );
            }
        }
    }
}

#[test]
fn agrees_with_the_naive_run_on_awkward_shapes() {
    for isa in Isa::available() {
        check::<f64>(isa);
        check::<f32>(isa);
    }
}

fn same<T: Float>(a: &Array<T>, b: Vec<T>) -> bool {
    let equal = |(a, b): (T, T)| {
        (a.is_nan() && b.is_nan())
            || (a == b && a.to_f64().is_sign_negative() == b.to_f64().is_sign_negative())
    };
    a.iter().zip(b).all(equal)
}

/// In what a function is the same under all instruction sets.
#[derive(Clone, Copy)]
enum Alike {
    Bits,
    /// All but the last ones.
    Digits,
    /// The same of terms of this size, that may cancel.
    Terms(f64),
}

fn check_functions<T: Float>(isa: Isa) {
    let awkward = [
        0.0,
        -0.0,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
        1e-40,
        -1e30,
        2.5,
        -2.5,
    ];
    let values = |seed: u64| {
        let drawn = Array::<T>::uniform([1201], -3.0, 3.0, &mut random::rng(seed));
        let pairs = awkward
            .iter()
            .flat_map(|&a| awkward.iter().map(move |&b| [a, b][seed as usize % 2]));
        let all: Vec<T> = drawn.iter().chain(pairs.map(T::from_f64)).collect();
        Array::from_vec(all.clone(), [all.len()])
    };
    let (x, y) = (values(4), values(5));
    let check = |program: Program, name: String, alike: Alike, at: &dyn Fn(T, T) -> T| {
        let run = |x: &Array<T>, y: &Array<T>| {
            let inputs = &[x, y][..program.inputs()];
            program
                .reduce_on(isa, inputs, x.shape(), &[*x.shape()], Combine::Sum)
                .swap_remove(0)
        };
        let whole = run(&x, &y);
        // An element's value does not depend on its place in a block.
        let alone = |i: isize| run(&x.slice(0, i..i + 1), &y.slice(0, i..i + 1)).item();
        assert!(
            same(&whole, (0..x.elements() as isize).map(alone).collect()),
            "{isa} {name}"
        );
        let at_points: Vec<T> = x.iter().zip(y.iter()).map(|(a, b)| at(a, b)).collect();
        // Functions differ between instruction sets, by their bound of 2 units in the last place (sinh
        // and cosh of 4).
        let near = |(a, b): (T, T)| {
            let (a, b) = (a.to_f64(), b.to_f64());
            let least = match alike {
                Alike::Terms(size) => size,
                _ => T::MIN_POSITIVE.to_f64(),
            };
            (a - b).abs() <= 8.0 * T::EPSILON.to_f64() * b.abs().max(least)
                || a == b
                || (a.is_nan() && b.is_nan())
        };
        let agrees = match alike {
            Alike::Bits => same(&whole, at_points),
            _ => whole.iter().zip(at_points).all(near),
        };
        assert!(agrees, "{isa} {name}");
    };
    for f in Unary::ALL {
        use Unary::{Abs, Ceil, Floor, Neg, Recip, Round, Sign, Sqrt, Square, Trunc};
        let alike = match f {
            Neg | Abs | Sign | Recip | Square | Sqrt | Floor | Ceil | Round | Trunc => Alike::Bits,
            _ => Alike::Digits,
        };
        check(Program::of_unary(f), format!("{f:?}"), alike, &|x, _| {
            f.at(x)
        });
    }
    for f in Binary::ALL {
        use Binary::{LogisticLoss, LogisticSlope, Pow};
        check(
            Program::of_binary(f),
            format!("{f:?}"),
            match f {
                Pow => Alike::Digits,
                // Targets beyond [0, 1] take away from it.
                LogisticLoss | LogisticSlope => Alike::Terms(12.0),
                _ => Alike::Bits,
            },
            &|a, b| f.at(a, b),
        );
    }
}

#[test]
fn softplus_and_sigmoid_together_are_what_they_are_alone() {
    let x = Source::Input(0);
    let together = {
        let mut program = Program::new(1);
        let softplus = program.unary(Unary::Softplus, x);
        let sigmoid = program.unary(Unary::Sigmoid, x);
        program.output(softplus);
        program.output(sigmoid);
        program
    };
    let x = Array::<f32>::normal([1003], 0.0, 10.0, &mut random::rng(1));
    let targets = [*x.shape(); 2];
    for isa in Isa::available() {
        let on = |program: &Program, targets: &[Shape]| {
            program.reduce_on(isa, &[&x], x.shape(), targets, Combine::Sum)
        };
        let both = on(&together, &targets);
        for (f, found) in [Unary::Softplus, Unary::Sigmoid].into_iter().zip(both) {
            assert_eq!(
                found,
                on(&Program::of_unary(f), &targets[..1])[0],
                "{isa} {f:?}"
            );
        }
    }
}

#[test]
fn every_function_runs_over_blocks_as_at_points() {
    for isa in Isa::available() {
        check_functions::<f64>(isa);
        check_functions::<f32>(isa);
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    check_threads(1001, 257);
    // A few long rows, which are cut before they are added to each other.
    check_threads(5, 70_001);
}

fn check_threads(rows: usize, columns: usize) {
    let program = program();
    let mut rng = random::rng(3);
    let x = Array::<f32>::normal([rows, columns], 0.0, 1.0, &mut rng);
    let (row, column) = (x.slice(0, 0..1), x.slice(1, 0..1));
    let shape = *x.shape();
    let targets = [
        Shape::SCALAR,
        Shape::from([columns]),
        shape,
        Shape::from([rows, 1]),
    ];
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| program.run_to(&[&x, &row, &column], &shape, &targets))
    };
    let alone = with(1);
    for threads in [2, 3, 4, 7, 8, 16] {
        assert_eq!(with(threads), alone, "{threads} threads");
    }
    // Nor on whether they are called in.
    assert_eq!(
        program.run_to(&[&x, &row, &column], &shape, &targets),
        alone
    );
}

#[test]
fn extremes_are_found_along_any_axes() {
    let mut identity = Program::new(1);
    identity.output(Source::Input(0));
    let x = Array::<f64>::normal([37, 3, 41], 0.0, 1.0, &mut random::rng(6));
    for isa in Isa::available() {
        for target in targets(*x.shape()) {
            let run = |combine| identity.reduce_on(isa, &[&x], x.shape(), &[target], combine);
            let (most, least) = (run(Combine::Max), run(Combine::Min));
            let place = Array::arange(target.elements())
                .reshape_to(target)
                .broadcast_to(*x.shape());
            let mut extremes = vec![(f64::INFINITY, f64::NEG_INFINITY); target.elements()];
            for (x, place) in x.iter().zip(place.iter()) {
                let (low, high) = &mut extremes[place as usize];
                (*low, *high) = (low.min(x), high.max(x));
            }
            let found: Vec<_> = least[0].iter().zip(most[0].iter()).collect();
            assert_eq!(found, extremes, "{isa} {target}");
        }
    }
}

#[test]
fn the_scratch_comes_from_the_pool() {
    use crate::storage::pool;
    let x = Array::<f32>::ones([100, 30]);
    let row = Array::<f32>::ones([30]);
    let run = || program().run_to(&[&x, &row, &row], x.shape(), &[Shape::from([30]); 4]);
    drop(run());
    let before = pool::counters();
    drop(run());
    assert_eq!(pool::counters().allocated, before.allocated);
}

#[test]
#[should_panic(expected = "pointwise: 1 inputs given, 2 expected")]
fn a_missing_input_is_refused() {
    let _ = Program::of_binary(Binary::Add).run(&[&Array::<f32>::zeros([2])]);
}

#[test]
#[should_panic(expected = "[2]")]
fn a_target_that_does_not_stretch_is_refused() {
    let x = Array::<f32>::zeros([2, 3]);
    let _ = Program::of_unary(Unary::Neg).run_to(&[&x], x.shape(), &[Shape::from([2])]);
}
