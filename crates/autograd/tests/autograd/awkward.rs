//! Shapes and values that rules get wrong: empty, rank 0, strided, broadcast, repeated, tied,
//! infinite.

use retrograd_autograd::check::{Check, gradcheck, gradgradcheck};
use retrograd_autograd::{Expr, Pointwise, Tape, Var, grad};
use retrograd_tensor::{
    Array, Convolution, DType, Pooling, Shape, Slice, Tensor, assert_abs_diff_eq, keep, random,
};

type Function = fn(&[Var]) -> Var;
type Pair = fn(&Var, &Var) -> Var;

fn normal(shape: impl Into<Shape>) -> Tensor {
    Tensor::normal(shape, 0.0, 1.0, &mut random::rng(5), DType::F64)
}

/// Orders 1 and 2; returns how many first derivatives were compared.
fn agrees(what: &str, f: impl Fn(&[Var]) -> Var, inputs: &[Tensor]) -> usize {
    let report = gradcheck(&f, inputs).unwrap_or_else(|failure| panic!("{what}: {failure}"));
    gradgradcheck(&f, inputs).unwrap_or_else(|failure| panic!("{what}: {failure}"));
    report.entries
}

/// The gradient of Σ f(x).
fn slope(f: impl Fn(&Var) -> Var, x: &[f64]) -> Vec<f64> {
    let tape = Tape::new();
    let x = tape.leaf(Tensor::from_vec(x.to_vec(), [x.len()]));
    let gradients = f(&x).sum(..).backward();
    gradients.of(&x).expect("f depends on x").to_vec()
}

/// The second derivative of Σ f(x), by a gradient of a gradient.
fn curvature(f: impl Fn(&Var) -> Var, x: &[f64]) -> Vec<f64> {
    let tape = Tape::new();
    let x = tape.leaf(Tensor::from_vec(x.to_vec(), [x.len()]));
    let first = grad(&f(&x).sum(..), &[&x]).remove(0);
    grad(&first.sum(..), &[&x]).remove(0).value().to_vec()
}

#[test]
fn nothing_at_all_has_a_gradient_of_nothing() {
    let unary: [(&str, Function); 9] = [
        ("exp", |x| x[0].exp()),
        ("mul itself", |x| &x[0] * &x[0]),
        ("sum", |x| x[0].sum(..)),
        ("sum of the empty axis", |x| x[0].sum(0)),
        ("sum of the other axis", |x| x[0].sum(keep(1))),
        ("reshape", |x| x[0].reshape(&[3, 0])),
        ("t", |x| x[0].t()),
        ("flip", |x| x[0].flip(0)),
        ("cat", |x| Var::cat(&[&x[0], &x[0]], 1)),
    ];
    for (name, f) in unary {
        assert_eq!(agrees(name, f, &[Tensor::zeros([0, 3], DType::F64)]), 0);
    }
    assert_eq!(
        agrees(
            "add a row",
            |x| &x[0] + &x[1],
            &[Tensor::zeros([0, 3], DType::F64), normal([3])]
        ),
        0
    );
    // Maxima along the axis that is not empty exist: there are none of them.
    agrees("max", |x| x[0].max(1), &[Tensor::zeros([0, 3], DType::F64)]);
    agrees("min", |x| x[0].min(1), &[Tensor::zeros([0, 3], DType::F64)]);
    agrees(
        "logsumexp",
        |x| x[0].logsumexp(1),
        &[Tensor::zeros([0, 3], DType::F64)],
    );
}

#[test]
fn windows_on_no_images_and_on_views_have_gradients() {
    let plain = Convolution::<2>::default();
    let none = [
        Tensor::zeros([0, 2, 3, 3], DType::F64),
        normal([1, 2, 2, 2]),
    ];
    agrees(
        "conv of no images",
        |x| x[0].conv2d(&x[1], None, &plain),
        &none,
    );
    agrees(
        "pool of no images",
        |x| x[0].max_pool2d(&Pooling::new([2, 2])),
        &none[..1],
    );
    agrees(
        "stretching no images",
        |x| x[0].upsample_nearest([6, 6]),
        &none[..1],
    );
    let turned = [
        normal([3, 4, 2, 1]).permute(&[3, 2, 1, 0]),
        normal([2, 1, 2, 2]).permute(&[1, 0, 3, 2]),
    ];
    agrees(
        "conv of views",
        |x| x[0].conv2d(&x[1], None, &plain),
        &turned,
    );
    // The weight of one is the input of the other.
    let both = |x: &[Var]| x[0].conv2d(&x[0], None, &plain.padding([1, 1]));
    agrees("conv with itself", both, &[normal([2, 2, 3, 3])]);
    // Windows that tie: all of the derivative goes to the first.
    let tied = slope(
        |x| x.max_pool1d(&Pooling::new([2]).stride([1])),
        &[2.0, 2.0, 1.0, 1.0],
    );
    assert_eq!(tied, [1.0, 1.0, 1.0, 0.0]);
}

#[test]
fn order_on_nothing_and_with_ties_has_gradients() {
    let nothing = Array::from_vec(vec![], [2, 0]);
    let empty = |x: &[Var]| x[0].gather(&nothing);
    agrees("gathering nothing", empty, &[normal([2, 3])]);
    agrees("none of them", |x| x[0].topk(0).0, &[normal([2, 3])]);
    agrees(
        "sums of nothing",
        |x| x[0].cumsum(1),
        &[Tensor::zeros([2, 0], DType::F64)],
    );
    assert_eq!(
        slope(|x| x.topk(2).0, &[1.0, 3.0, 1.0, 3.0, 3.0]),
        [0.0, 1.0, 0.0, 1.0, 0.0]
    );
    assert_eq!(
        slope(|x| x.sort(true).0.slice(0, ..1), &[3.0, 3.0]),
        [1.0, 0.0]
    );
}

#[test]
fn a_check_of_nothing_says_so() {
    let report = gradcheck(|x| x[0].exp(), &[Tensor::zeros([0], DType::F64)]).unwrap();
    assert_eq!((report.entries, report.worst.as_ref()), (0, None));
    let text = report.to_string();
    assert!(text.contains("nothing to compare"), "{text}");
    // What is wrong about the function itself is still found.
    gradcheck(|x| x[0].stop_gradient(), &[Tensor::zeros([0], DType::F64)]).unwrap_err();
    // The sum of nothing is a number, but nothing moves it.
    let sum = gradcheck(|x| x[0].sum(..), &[Tensor::zeros([0], DType::F64)]).unwrap();
    assert_eq!(sum.entries, 0);
    // An empty input beside one that is not leaves the other's derivatives to compare.
    let both = gradcheck(
        |x| x[0].sum(..) * x[1].exp(),
        &[Tensor::zeros([0], DType::F64), normal([2])],
    );
    assert_eq!(both.unwrap().entries, 4);
}

#[test]
#[should_panic(expected = "nothing would be checked")]
fn a_check_along_no_directions_is_refused() {
    let _ = Check::order(1).directions(0);
}

#[test]
fn an_empty_operand_leaves_zeros_in_the_other() {
    // A [2, 0] · B [0, 3] is a matrix of zeros that depends on nothing.
    agrees(
        "empty inner size",
        |x| x[0].matmul(&x[1]),
        &[
            Tensor::zeros([2, 0], DType::F64),
            Tensor::zeros([0, 3], DType::F64),
        ],
    );
    agrees(
        "no rows",
        |x| x[0].matmul(&x[1]),
        &[Tensor::zeros([0, 2], DType::F64), normal([2, 3])],
    );
    agrees(
        "no batch",
        |x| x[0].matmul_nt(&x[1]),
        &[Tensor::zeros([0, 2, 2], DType::F64), normal([3, 2])],
    );
    // A slice of nothing, and something joined with nothing.
    agrees("empty slice", |x| x[0].slice(0, 2..2), &[normal([3])]);
    agrees(
        "empty reversed slice",
        |x| x[0].slice(0, Slice::span(0, 2).step(-1)),
        &[normal([3])],
    );
    agrees(
        "cat with nothing",
        |x| Var::cat(&[&x[0], &x[1]], 0),
        &[Tensor::zeros([0, 2], DType::F64), normal([2, 2])],
    );
    let tape = Tape::new();
    let row = tape.leaf(normal([3]));
    let y = tape.constant(Tensor::zeros([0, 3], DType::F64)) * &row;
    assert_eq!(y.sum(..).backward().of(&row).unwrap().to_vec(), [0.0; 3]);
}

#[test]
fn one_number_in_any_rank() {
    let unary: [(&str, Function); 10] = [
        ("tanh", |x| x[0].tanh()),
        ("sum", |x| x[0].sum(..)),
        ("mean", |x| x[0].mean(keep(..))),
        ("max", |x| x[0].max(..)),
        ("min", |x| x[0].min(keep(..))),
        ("logsumexp", |x| x[0].logsumexp(..)),
        ("logsumexp kept", |x| x[0].logsumexp(keep(..))),
        ("reshape", |x| x[0].reshape(&[1, 1])),
        ("unsqueeze", |x| x[0].unsqueeze(0)),
        ("broadcast_to", |x| x[0].broadcast_to([2, 3])),
    ];
    for shape in [&[][..], &[1], &[1, 1, 1]] {
        let x = Tensor::full(Shape::new(shape).unwrap(), 0.7);
        for (name, f) in unary {
            if name != "broadcast_to" || shape.len() < 3 {
                agrees(name, f, std::slice::from_ref(&x));
            }
        }
        let pair = [x, normal([2, 3])];
        if shape.len() < 3 {
            agrees("div left", |x| &x[1] / &x[0], &pair);
            agrees("mul right", |x| &x[0] * &x[1], &pair);
        }
    }
    agrees(
        "1×1 product",
        |x| x[0].matmul(&x[1]),
        &[normal([1, 1]), normal([1, 1])],
    );
    agrees(
        "column by row",
        |x| x[0].matmul(&x[1]),
        &[normal([3, 1]), normal([1, 2])],
    );
    agrees(
        "row by column",
        |x| x[0].matmul(&x[1]),
        &[normal([1, 3]), normal([3, 1])],
    );
    agrees(
        "permute of no axes",
        |x| x[0].permute(&[]),
        &[Tensor::scalar(2.0)],
    );
}

#[test]
fn leaves_may_be_views() {
    let views = |x: &Tensor| {
        [
            x.t(),
            x.flip(0).flip(1),
            x.slice(1, Slice::all().step(-2)),
            x.slice(0, 1..3).slice(1, 1..),
            x.slice(1, 0..1).broadcast_to([4, 3]),
        ]
    };
    for view in views(&normal([4, 5])) {
        assert!(!view.is_contiguous() || view.rank() == 2);
        let x = [view];
        agrees("exp", |x| x[0].exp(), &x);
        agrees("sum", |x| x[0].sum(0), &x);
        agrees("mean of squares", |x| x[0].square().mean(-1), &x);
        agrees("logsumexp", |x| x[0].logsumexp(0), &x);
        agrees("reshape", |x| x[0].reshape(&[-1]), &x);
        agrees("gram", |x| x[0].matmul_nt(&x[0]), &x);
        agrees("gram of columns", |x| x[0].matmul_tn(&x[0]), &x);
        agrees("flip", |x| x[0].flip(0), &x);
        agrees(
            "place beside itself",
            |x| Var::cat(&[&x[0], &x[0].flip(1)], 1),
            &x,
        );
    }
    let strided = normal([3, 2, 4]).permute(&[2, 0, 1]);
    agrees(
        "batched",
        |x| x[0].matmul(&x[1]),
        &[strided, normal([3, 2]).t()],
    );
}

#[test]
fn broadcast_on_either_side() {
    let operations: [(&str, Function); 5] = [
        ("add", |x| &x[0] + &x[1]),
        ("sub", |x| &x[0] - &x[1]),
        ("mul", |x| &x[0] * &x[1]),
        ("div", |x| &x[0] / x[1].exp()),
        ("pow", |x| x[0].exp().pow(&x[1])),
    ];
    let shapes: [(&[usize], &[usize]); 6] = [
        (&[2, 3], &[]),
        (&[2, 3], &[3]),
        (&[2, 3], &[2, 1]),
        (&[2, 1], &[1, 3]),
        (&[2, 3], &[2, 2, 3]),
        (&[1], &[2, 1, 2]),
    ];
    for (name, f) in operations {
        for (a, b) in shapes {
            let [a, b] = [a, b].map(|sizes| normal(Shape::new(sizes).unwrap()));
            agrees(name, f, &[a.clone(), b.clone()]);
            agrees(name, f, &[b, a]);
        }
    }
}

#[test]
fn the_same_operand_twice() {
    let x = &[normal([3, 3])];
    let operations: [(&str, Function); 8] = [
        ("add", |x| &x[0] + &x[0]),
        ("sub", |x| &x[0] - &x[0]),
        ("mul", |x| &x[0] * &x[0]),
        ("div", |x| &x[0] / &x[0]),
        ("matmul", |x| x[0].matmul(&x[0])),
        ("matmul_nt", |x| x[0].matmul_nt(&x[0])),
        ("matmul_tn", |x| x[0].matmul_tn(&x[0])),
        ("where_", |x| Var::where_(&x[0], &x[0], &x[0])),
    ];
    for (name, f) in operations {
        agrees(name, f, x);
    }
    // One leaf given as two inputs of one function, sharing one buffer.
    agrees(
        "shared buffer",
        |x| &x[0] * &x[1],
        &[x[0].clone(), x[0].t()],
    );
}

#[test]
fn one_operand_may_be_a_constant() {
    let operations: [(&str, Pair); 10] = [
        ("add", |a, b| a + b),
        ("sub", |a, b| a - b),
        ("mul", |a, b| a * b),
        ("div", |a, b| a / b),
        ("pow", |a, b| a.pow(b)),
        ("maximum", |a, b| a.maximum(b)),
        ("matmul", |a, b| a.matmul(b)),
        ("matmul_nt", |a, b| a.matmul_nt(b)),
        ("matmul_tn", |a, b| a.matmul_tn(b)),
        ("cat", |a, b| Var::cat(&[a, b], 0)),
    ];
    let x = [normal([3, 3]).map(|v| v.abs() + 0.5)];
    let c = Var::constant(normal([3, 3]).map(|v| v.abs() + 0.7));
    for (name, f) in operations {
        agrees(name, |x| f(&x[0], &c), &x);
        agrees(name, |x| f(&c, &x[0]), &x);
    }
}

#[test]
fn one_var_in_several_operations() {
    let x = &[normal([2, 3])];
    agrees(
        "three uses",
        |x| x[0].sin() * x[0].sum(keep(0)) + x[0].matmul_nt(&x[0]).sum(..),
        x,
    );
    agrees(
        "a diamond",
        |x| {
            let h = x[0].tanh();
            &h * h.exp() + &h
        },
        x,
    );
    // The result itself is also an operand of nothing: its cotangent starts the sweep.
    agrees("the leaf itself", |x| x[0].clone(), x);
}

#[test]
fn ties_share() {
    let x = [2.0, 5.0, 5.0, 5.0];
    let third = 1.0 / 3.0;
    assert_eq!(slope(|x| x.max(..), &x), [0.0, third, third, third]);
    assert_eq!(slope(|x| (-x).min(..), &x), [0.0, -third, -third, -third]);
    let both = |x: &Var| x.maximum(&Var::constant(Tensor::full([4], 5.0)));
    assert_eq!(slope(both, &x), [0.0, 0.5, 0.5, 0.5]);
    assert_eq!(slope(|x| x.minimum(x), &x), [1.0; 4]);
    assert_eq!(slope(|x| x.maximum(&(x * 1.0)), &x), [1.0; 4]);
    // One of two that tie moves the maximum half: the mean of both sides is what differences see.
    // (There is no second derivative at a tie: the first one jumps.)
    let two = Tensor::full([2], 1.5);
    gradcheck(|x| x[0].max(..), std::slice::from_ref(&two)).unwrap();
    gradcheck(|x| x[0].maximum(&x[1]), &[two, Tensor::scalar(1.5)]).unwrap();
}

#[test]
fn kinks_have_their_documented_slopes() {
    let at_zero = [0.0, -0.0];
    assert_eq!(slope(Var::relu, &at_zero), [0.0; 2]);
    assert_eq!(slope(Var::abs, &at_zero), [0.0; 2]);
    assert_eq!(slope(|x| x.leaky_relu(0.1), &at_zero), [0.1; 2]);
    assert_eq!(slope(|x| x.elu(0.5), &at_zero), [0.5; 2]);
    let x = [-2.0, -1.0, 0.0, 1.0, 2.0];
    assert_eq!(slope(|x| x.clamp(-1.0, 1.0), &x), [0.0, 1.0, 1.0, 1.0, 0.0]);
    // Differences see the mean of both sides, so a check at a kink is refused, not passed.
    assert!(gradcheck(|x| x[0].relu(), &[Tensor::scalar(0.0)]).is_err());
}

#[test]
fn the_branch_not_taken_does_no_harm() {
    let x = [1000.0, -1000.0, f64::INFINITY, f64::NEG_INFINITY];
    for (name, f) in [
        ("elu", (|x| x.elu(1.0)) as fn(&Var) -> Var),
        ("selu", Var::selu),
        ("relu", Var::relu),
        ("softplus", Var::softplus),
        ("sigmoid", Var::sigmoid),
        ("tanh", Var::tanh),
        ("leaky_relu", |x| x.leaky_relu(0.1)),
    ] {
        let (first, second) = (slope(f, &x), curvature(f, &x));
        assert!(first.iter().all(|v| v.is_finite()), "{name}: {first:?}");
        assert!(second.iter().all(|v| v.is_finite()), "{name}: {second:?}");
    }
    let finite = [1000.0, -1000.0];
    for (name, f) in [("silu", Var::silu as fn(&Var) -> Var), ("gelu", Var::gelu)] {
        assert_eq!(slope(f, &finite), [1.0, 0.0], "{name}");
        assert_eq!(curvature(f, &finite), [0.0, 0.0], "{name}");
    }
}

#[test]
fn a_guarded_formula_stays_guarded() {
    // log where it exists, 0 elsewhere; in one formula, and in separate operations.
    let guarded = Pointwise::new("guarded", |[x]| {
        Expr::select(&Expr::from(0.0).less(&x), &x.log(), &Expr::from(0.0))
    });
    assert_eq!(
        slope(|x| guarded.apply(&[x]), &[2.0, 0.0, -1.0]),
        [0.5, 0.0, 0.0]
    );
    assert_eq!(
        curvature(|x| guarded.apply(&[x]), &[2.0, 0.0, -1.0]),
        [-0.25, 0.0, 0.0]
    );
    // The guarded part is used twice: its two cotangents are both absent, so is their sum.
    let squared = Pointwise::new("squared", |[x]| {
        let log = x.log();
        Expr::select(&Expr::from(0.0).less(&x), &(&log * &log), &Expr::from(0.0))
    });
    assert_eq!(
        slope(|x| squared.apply(&[x]), &[1.0, 0.0, -1.0]),
        [0.0, 0.0, 0.0]
    );
    assert_eq!(
        curvature(|x| squared.apply(&[x]), &[1.0, 0.0, -1.0]),
        [2.0, 0.0, 0.0]
    );
    // Twice, under different guards.
    let nested = Pointwise::new("nested", |[x]| {
        let (log, zero) = (x.log(), Expr::from(0.0));
        let small = Expr::select(&x.less(1.0), &log.exp(), &log);
        Expr::select(&zero.less(&x), &(small + log.square()), &zero)
    });
    assert_eq!(
        slope(|x| nested.apply(&[x]), &[1.0, 0.0, -1.0]),
        [1.0, 0.0, 0.0]
    );
    assert_eq!(
        curvature(|x| nested.apply(&[x]), &[1.0, 0.0, -1.0]),
        [1.0, 0.0, 0.0]
    );
    let infinite = |x: &Var| {
        let chosen = Var::constant(Tensor::from_vec(vec![1.0, 0.0, 0.0], [3]));
        let other = Var::constant(Tensor::from_vec(vec![f64::NAN, f64::INFINITY, 1.0], [3]));
        Var::where_(&chosen, x, &(x * &other).stop_gradient())
    };
    assert_eq!(slope(infinite, &[3.0, 3.0, 3.0]), [1.0, 0.0, 0.0]);
}

#[test]
fn powers_at_zero() {
    let zero = [0.0];
    assert_eq!(slope(|x| x.powf(2.0), &zero), [0.0]);
    assert_eq!(curvature(|x| x.powf(2.0), &zero), [2.0]);
    assert_eq!(slope(|x| x.powf(1.0), &zero), [1.0]);
    assert_eq!(curvature(|x| x.powf(1.0), &zero), [0.0]);
    assert_eq!(slope(|x| x.powf(0.0), &zero), [0.0]);
    // A base that never moves, at 0: the exponent's derivative is the limit 0.
    let base = Var::constant(Tensor::scalar(0.0));
    assert_eq!(slope(|x| base.pow(x), &[3.0]), [0.0]);
    assert_eq!(curvature(|x| base.pow(x), &[3.0]), [0.0]);
    // Negative bases with whole exponents.
    assert_eq!(slope(|x| x.powf(3.0), &[-2.0]), [12.0]);
    assert_eq!(curvature(|x| x.powf(3.0), &[-2.0]), [-12.0]);
}

#[test]
fn impossible_events_have_no_slope() {
    const NEVER: f64 = f64::NEG_INFINITY;
    assert_eq!(
        slope(|x| x.logsumexp(..), &[NEVER, 0.0, 0.0]),
        [0.0, 0.5, 0.5]
    );
    assert_eq!(slope(|x| x.logsumexp(..), &[NEVER, NEVER]), [0.0, 0.0]);
    assert_eq!(curvature(|x| x.logsumexp(..), &[NEVER, NEVER]), [0.0, 0.0]);
    // The rows of a Hessian of log Σ exp add up to 0.
    let rows = curvature(|x| x.logsumexp(..), &[NEVER, 0.0, 1.0]);
    assert_abs_diff_eq!(rows[..], [0.0; 3][..], epsilon = 1e-15);
    // 1000 overflows exp, not log Σ exp.
    assert_eq!(slope(|x| x.logsumexp(..), &[1000.0, 0.0]), [1.0, 0.0]);
    let third = Check::order(3).run(|x| x[0].logsumexp(0), &[normal([3, 2])]);
    third.unwrap();
}
