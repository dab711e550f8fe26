//! Numbers whose squares overflow, sums that are large beside their parts, and tensors of nothing.

use retrograd_autograd::{Attention, Tape, Var, grad};
use retrograd_tensor::{DType, Tensor, assert_relative_eq, keep};

fn row<const N: usize>(values: [f64; N], dtype: DType) -> Tensor {
    Tensor::from_vec(values.to_vec(), [N]).cast(dtype)
}

/// A function and the derivative of the sum of its elements.
fn value_and_slope(f: impl Fn(&Var) -> Var, x: Tensor) -> (Tensor, Tensor) {
    let tape = Tape::new();
    let x = tape.leaf(x);
    let y = f(&x);
    let slope = grad(&y.sum(..), &[&x]).remove(0);
    (y.value().clone(), slope.value().clone())
}

#[test]
fn norms_survive_squares_that_do_not() {
    // 3-4-5 triangles, some beyond what squares can hold, in rows of different sizes.
    for unit in [1.0, 1e20, 1e-25, 1e37, 1e-38] {
        let x = Tensor::from_vec(
            [3.0, -4.0, 6.0 * unit, 8.0 * unit]
                .map(|v| v as f32)
                .to_vec(),
            [2, 2],
        );
        let (norm, slope) = value_and_slope(|x| x.norm(2.0, 1), x.clone());
        assert_relative_eq!(
            norm.to_vec()[0],
            5.0,
            max_relative = 4.0 * DType::F32.epsilon()
        );
        let expected = DType::F32.round(10.0 * unit);
        assert_relative_eq!(
            norm.to_vec()[1],
            expected,
            max_relative = 4.0 * DType::F32.epsilon()
        );
        let directions = row([0.6, -0.8, 0.6, 0.8], DType::F32).with_shape([2, 2].into());
        assert_relative_eq!(slope, directions, max_relative = 8.0 * DType::F32.epsilon());
        let (unit_rows, _) = value_and_slope(|x| x.normalize(2.0, 1, 0.0), x.clone());
        assert_relative_eq!(
            unit_rows,
            directions,
            max_relative = 8.0 * DType::F32.epsilon()
        );
        let (cosine, _) = value_and_slope(
            |x| x.cosine_similarity(&Var::constant(x.value().clone()), 1, 0.0),
            x,
        );
        assert_relative_eq!(
            cosine,
            Tensor::ones([2], DType::F32),
            max_relative = 8.0 * DType::F32.epsilon()
        );
    }
    let (norm, slope) = value_and_slope(|x| x.norm(2.0, ..), row([3e200, -4e200], DType::F64));
    assert_relative_eq!(norm.item(), 5e200, max_relative = 4.0 * f64::EPSILON);
    assert_relative_eq!(
        slope,
        row([0.6, -0.8], DType::F64),
        max_relative = 4.0 * f64::EPSILON
    );
    let (norm, slope) = value_and_slope(|x| x.norm(2.0, ..), row([0.0, 0.0], DType::F64));
    assert_eq!((norm.item(), slope.to_vec()), (0.0, vec![0.0, 0.0]));
    let (norm, _) = value_and_slope(|x| x.norm(2.0, ..), row([f64::INFINITY, 1.0], DType::F32));
    assert_eq!(norm.item(), f64::INFINITY);
}

#[test]
fn normalisation_by_the_mean_square_works_in_any_unit() {
    let one = row([1.0, -2.0, 2.0], DType::F32);
    let expected = &one / &Tensor::scalar(3.0_f32.sqrt());
    for unit in [1.0, 1e20, 1e37] {
        let x = &one * &Tensor::scalar(unit as f32);
        let (y, _) = value_and_slope(|x| x.rms_norm(1, None, 1e-6), x);
        // ε counts where numbers are near 1.
        assert_relative_eq!(y, expected, max_relative = 1e-6);
    }
    let tiny = &one * &Tensor::scalar(3e-25_f32);
    let (y, _) = value_and_slope(|x| x.rms_norm(1, None, 0.0), tiny.clone());
    assert_relative_eq!(y, expected, max_relative = 8.0 * DType::F32.epsilon());
    let (y, _) = value_and_slope(|x| x.rms_norm(1, None, 1e-6), tiny.clone());
    let by_epsilon = &tiny / &Tensor::scalar(1e-3_f32);
    assert_relative_eq!(y, by_epsilon, max_relative = 8.0 * DType::F32.epsilon());
}

#[test]
fn numbers_that_are_the_same_do_not_vary() {
    for count in 2..40 {
        for value in [0.1, 1000000.3, -1e-30, 7e30] {
            let x = Tensor::full([count], value);
            let (std, slope) = value_and_slope(|x| x.std(.., 1.0), x.clone());
            assert_eq!(std.item(), 0.0, "{count} times {value}");
            assert_eq!(
                slope,
                Tensor::zeros([count], DType::F64),
                "{count} times {value}"
            );
            let single = x.cast(DType::F32);
            let (y, _) = value_and_slope(|x| x.layer_norm(1, None, None, 1e-5), single);
            assert_eq!(
                y,
                Tensor::zeros([count], DType::F32),
                "{count} times {value}"
            );
        }
    }
}

#[test]
fn a_large_mean_costs_no_digits() {
    // Whole numbers near 1e6 are exact in f32; the deviations alternate between −1 and 1.
    let deviations = Tensor::from_fn([1000], |i| if i[0] % 2 == 0 { 1.0_f32 } else { -1.0 });
    for mean in [0.0_f32, 1e3, 1e6, 1.5e7] {
        let x = &deviations + &Tensor::scalar(mean);
        let (variance, slope) = value_and_slope(|x| x.var(.., 0.0), x.clone());
        assert_relative_eq!(variance.item(), 1.0, max_relative = 1e-6);
        let expected = &deviations * &Tensor::scalar(2.0_f32 / 1000.0);
        assert_relative_eq!(slope, expected, max_relative = 1e-6);
        let (y, _) = value_and_slope(|x| x.layer_norm(1, None, None, 0.0), x);
        assert_relative_eq!(y, deviations, max_relative = 1e-6);
    }
}

#[test]
fn normalisation_of_large_numbers_does_not_end_in_zeros() {
    let x = row([1e30, -1e30, 1e30, -1e30], DType::F32);
    let (y, _) = value_and_slope(|x| x.layer_norm(1, None, None, 1e-5), x);
    assert_relative_eq!(
        y,
        row([1.0, -1.0, 1.0, -1.0], DType::F32),
        max_relative = 8.0 * DType::F32.epsilon()
    );
}

#[test]
fn shares_do_not_feel_an_offset() {
    let base = row([0.0, 0.5, 1.0, 1.5], DType::F32);
    let shares = |x: Tensor| value_and_slope(|x| x.softmax(0), x).0;
    let logarithms = |x: Tensor| value_and_slope(|x| x.log_softmax(0), x).0;
    for offset in [1e3_f32, -1e3, 1e5, -1e5] {
        // Halves are exact up to 2²².
        let moved = || &base + &Tensor::scalar(offset);
        let bound = 4.0 * DType::F32.epsilon();
        assert_relative_eq!(shares(moved()), shares(base.clone()), max_relative = bound);
        assert_relative_eq!(
            logarithms(moved()),
            logarithms(base.clone()),
            max_relative = bound
        );
    }
}

#[test]
fn shares_next_to_impossible_ones_are_as_without_them() {
    let x = row([f64::NEG_INFINITY, 0.0, 3.0_f64.ln()], DType::F64);
    let (shares, _) = value_and_slope(|x| x.softmax(0), x.clone());
    assert_relative_eq!(
        shares,
        row([0.0, 0.25, 0.75], DType::F64),
        max_relative = 4.0 * f64::EPSILON
    );
    let (_, slope) = value_and_slope(|x| x.logsumexp(0), x);
    assert_relative_eq!(
        slope,
        row([0.0, 0.25, 0.75], DType::F64),
        max_relative = 4.0 * f64::EPSILON
    );
}

#[test]
fn a_query_that_sees_nothing_spoils_nothing() {
    let tape = Tape::new();
    let leaf = |seed: f64| {
        tape.leaf(Tensor::from_fn([3, 2], |i| {
            (seed + (2 * i[0] + i[1]) as f64).sin()
        }))
    };
    let (q, k, v) = (leaf(1.0), leaf(2.0), leaf(3.0));
    let hidden = Tensor::from_fn([3, 3], |i| if i[0] == 1 { f64::NEG_INFINITY } else { 0.0 });
    let mask = Var::constant(hidden);
    let y = q.attention(&k, &v, Some(&mask), &Attention::default());
    assert_eq!(y.select(0, 1).value().to_vec(), [0.0, 0.0]);
    let all = grad(&y.sum(..), &[&q, &k, &v]);
    let others = y.select(0, 0) + y.select(0, 2);
    let seeing = grad(&others.sum(..), &[&q, &k, &v]);
    for (all, seeing) in all.iter().zip(&seeing) {
        assert!(all.value().is_finite());
        assert_relative_eq!(*all.value(), *seeing.value(), max_relative = 1e-15);
    }
    assert_eq!(all[0].select(0, 1).value().to_vec(), [0.0, 0.0]);
}

#[test]
fn reductions_of_nothing_lead_back_to_it() {
    let nothing = || Tensor::zeros([0, 3], DType::F64);
    let (product, slope) = value_and_slope(|x| x.prod(0), nothing());
    assert_eq!(
        (product.to_vec(), *slope.shape()),
        (vec![1.0; 3], [0, 3].into())
    );
    let (sum, slope) = value_and_slope(|x| x.sum(keep(0)), nothing());
    assert_eq!(
        (sum.to_vec(), *slope.shape()),
        (vec![0.0; 3], [0, 3].into())
    );
    let (norm, slope) = value_and_slope(|x| x.norm(2.0, 0), nothing());
    assert_eq!(
        (norm.to_vec(), *slope.shape()),
        (vec![0.0; 3], [0, 3].into())
    );
    let (variance, _) = value_and_slope(|x| x.var(0, 0.0), nothing());
    assert!(variance.iter().all(f64::is_nan));
}

#[test]
fn powers_of_zero_are_one_convention() {
    let slopes = |a: f64, b: f64| {
        let tape = Tape::new();
        let (a, b) = (tape.leaf(Tensor::scalar(a)), tape.leaf(Tensor::scalar(b)));
        let slopes = grad(&a.pow(&b), &[&a, &b]);
        [slopes[0].item(), slopes[1].item()]
    };
    assert_eq!(slopes(0.0, -1.0)[1], f64::NEG_INFINITY);
    assert_eq!(slopes(0.0, 0.0), [0.0, 0.0]);
    assert_eq!(slopes(0.0, 2.0), [0.0, 0.0]);
}

#[test]
fn the_tangent_form_of_gelu_keeps_its_digits() {
    let double = value_and_slope(|x| x.gelu_tanh(), row([-5.0], DType::F64))
        .0
        .item();
    let single = value_and_slope(|x| x.gelu_tanh(), row([-5.0], DType::F32))
        .0
        .item();
    // The exponent of about 15 is rounded, and with it the result.
    assert_relative_eq!(single, double, max_relative = 32.0 * DType::F32.epsilon());
}

#[test]
fn functions_keep_their_digits_at_their_ends() {
    // x·Φ(x) and Φ(x) + x·φ(x), with thirty digits.
    let known = [
        (-5.0, -1.433_257_859_395_969_6e-6, -7.146_946_001_792_295e-6),
        (
            -10.0,
            -7.619_853_024_160_526e-23,
            -7.618_400_096_464_814e-22,
        ),
        (-1.0, -0.158_655_253_931_457_05, -0.083_315_470_587_686_3),
        (5.0, 4.999_998_566_742_141, 1.000_007_146_946_002),
    ];
    for (x, value, slope) in known {
        let (y, g) = value_and_slope(|x| x.gelu(), row([x], DType::F64));
        assert_relative_eq!(y.item(), value, max_relative = 1e-15);
        assert_relative_eq!(g.item(), slope, max_relative = 1e-13);
        let (y, g) = value_and_slope(|x| x.gelu(), row([x], DType::F32));
        assert_relative_eq!(y.item(), value, max_relative = 2e-7);
        // The density loses x²/2 roundings.
        let lost = (1.0 + x * x / 2.0) * DType::F32.epsilon();
        assert_relative_eq!(g.item(), slope, max_relative = 2.0 * lost);
    }
    // e^710 overflows, and half of it does not.
    let half = (710.0_f64 - std::f64::consts::LN_2).exp();
    for (x, sinh, cosh) in [(710.0, half, half), (-710.0, -half, half)] {
        let (y, g) = value_and_slope(|x| x.sinh(), row([x], DType::F64));
        assert_relative_eq!(y.item(), sinh, max_relative = 1e-12);
        assert_relative_eq!(g.item(), cosh, max_relative = 1e-12);
        let (y, g) = value_and_slope(|x| x.cosh(), row([x], DType::F64));
        assert_relative_eq!(y.item(), cosh, max_relative = 1e-12);
        assert_relative_eq!(g.item(), sinh, max_relative = 1e-12);
    }
    for x in [1e-8, 0.3, 1.0, 20.0, -3.0] {
        let near = 4.0 * f64::EPSILON;
        let (y, _) = value_and_slope(|x| x.sinh(), row([x], DType::F64));
        assert_relative_eq!(y.item(), x.sinh(), max_relative = near);
        let (y, _) = value_and_slope(|x| x.cosh(), row([x], DType::F64));
        assert_relative_eq!(y.item(), x.cosh(), max_relative = near);
    }
}

#[test]
fn functions_of_matrices_have_slopes_at_equal_eigenvalues() {
    let matrix = Tensor::from_fn([3, 3], |i| {
        if i[0] == i[1] {
            [2.0, 2.0, 5.0][i[0]]
        } else {
            0.0
        }
    });
    let tape = Tape::new();
    let x = tape.leaf(matrix);
    // y = A², and dy₀₁ + dy₁₀ = 2·(a₀₀ + a₁₁)/2 for either of the two entries.
    let y = x.matrix_function(|x| x.square());
    let loss = y.slice(0, 0..1).slice(1, 1..2).sum(..) + y.slice(0, 1..2).slice(1, 0..1).sum(..);
    let slope = loss.backward().of(&x).expect("a slope").clone();
    assert_relative_eq!(slope.at(&[0, 1]), 4.0, max_relative = 1e-9);
    assert_relative_eq!(slope.at(&[1, 0]), 4.0, max_relative = 1e-9);
    let diagonal = x
        .matrix_function(|x| x.exp())
        .slice(0, 0..1)
        .slice(1, 0..1)
        .sum(..);
    let slope = diagonal.backward().of(&x).expect("a slope").at(&[0, 0]);
    assert_relative_eq!(slope, 2.0_f64.exp(), max_relative = 1e-9);
    let zeros = tape.leaf(Tensor::zeros([2, 2], DType::F64));
    let slope = zeros.matrix_function(|x| x.exp()).sum(..).backward();
    assert_relative_eq!(
        slope.of(&zeros).expect("a slope"),
        &Tensor::ones([2, 2], DType::F64),
        max_relative = 1e-9
    );
    // Values alone do not need the vectors.
    let trace = x.eigh().0.square().sum(..).backward();
    assert_relative_eq!(
        trace.of(&x).expect("a slope").at(&[0, 0]),
        4.0,
        max_relative = 1e-12
    );
}

#[test]
#[should_panic(expected = "eigenvalues 0 and 1 are both 2, so their vectors have no derivative")]
fn vectors_of_equal_eigenvalues_have_no_slope() {
    let tape = Tape::new();
    let x = tape.leaf(Tensor::eye(2, DType::F64) * 2.0);
    let (values, vectors) = x.eigh();
    let y = (&vectors * values.square().unsqueeze(-2)).matmul_nt(&vectors);
    let _ = y.slice(0, 0..1).sum(..).backward();
}

#[test]
fn logarithms_of_powers_of_their_base_are_whole_numbers() {
    for k in -1074..1024 {
        let x = row([f64::exp2(k.into())], DType::F64);
        assert_eq!(Var::constant(x).log2().item(), f64::from(k));
    }
    for k in -149..128 {
        let x = row([f64::exp2(k.into())], DType::F32);
        assert_eq!(Var::constant(x).log2().item(), f64::from(k));
    }
    // These powers of 10 are exact.
    for k in 0..=22 {
        let x: f64 = format!("1e{k}").parse().expect("a number");
        assert_eq!(
            Var::constant(row([x], DType::F64)).log10().item(),
            f64::from(k)
        );
    }
    for k in 0..=10 {
        let x: f64 = format!("1e{k}").parse().expect("a number");
        assert_eq!(
            Var::constant(row([x], DType::F32)).log10().item(),
            f64::from(k)
        );
    }
}
