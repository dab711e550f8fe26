//! Both modes against each other and against differences, nested in every way.

use retrograd_tensor::{assert_abs_diff_eq, assert_relative_eq};

use super::rules::Chain;
use super::tape::Node;
use super::{
    Direction, Dual, Duals, Function, Real, Scalar, ScalarTape, gradient_of, gradient_of_sum,
    jacobian_of, jacobians, pull_backs, recurrence, sum_of, value_into, values,
};

/// Every operation, so that a wrong slope of any shows in the derivatives.
pub(super) fn everything<R: Real>(a: R, b: R) -> R {
    let powers = a.powi(3) - a.powf(1.5) / b + a.pow(b) * 0.25;
    let waves = (a * b).sin() + (a - b).cos() * 2.0 - (b / 3.0).tanh() + a.atan();
    let logs = a.log() * b.sqrt() + (b + 1.0).log1p() - (-a).exp() + (R::from(1.0) / b).recip();
    let shares =
        a.sigmoid() * b.hypot(a) + b.rhypot(a) - R::logsumexp(&[a, b, a * b, R::from(0.3)]);
    let products =
        R::dot(&[a, b, a], &[b, b, R::from(0.7)]) / 2.0 - R::linear(&[0.5, -1.5], &[a, b]);
    let field = a.rhypot_slopes(b)[0] - a.rhypot_slopes(b)[1] * 2.0;
    powers + field + waves.abs() * logs + a.square().max(b).min(b * 4.0) - 1.0 + shares * products
}

/// The first and second derivatives of [`everything`] by duals of duals, at (0.8, 1.7).
fn by_duals() -> [f64; 5] {
    let (a, b) = (0.8, 1.7);
    let still = |x: f64| Dual::constant(Dual::constant(x));
    // ε moves the first number, the outer ε the second.
    let seed = |x: f64, inner: f64, outer: f64| Dual {
        value: Dual {
            value: x,
            slope: inner,
        },
        slope: Dual::constant(outer),
    };
    let aa = everything(seed(a, 1.0, 1.0), still(b)).slope;
    let ab = everything(seed(a, 1.0, 0.0), seed(b, 0.0, 1.0)).slope;
    let bb = everything(still(a), seed(b, 1.0, 1.0)).slope;
    [aa.value, bb.value, aa.slope, ab.slope, bb.slope]
}

fn assert_close(found: &[f64], expected: &[f64]) {
    for (found, expected) in found.iter().zip(expected) {
        assert_relative_eq!(found, expected, epsilon = 1e-13, max_relative = 1e-13);
    }
}

#[test]
fn both_modes_agree_with_differences() {
    let [da, db, ..] = by_duals();
    let h = 1e-5;
    let slope_a = (everything(0.8 + h, 1.7) - everything(0.8 - h, 1.7)) / (2.0 * h);
    let slope_b = (everything(0.8, 1.7 + h) - everything(0.8, 1.7 - h)) / (2.0 * h);
    assert_abs_diff_eq!(slope_a, da, epsilon = 1e-8);
    assert_abs_diff_eq!(slope_b, db, epsilon = 1e-8);
    let tape = ScalarTape::new();
    let (a, b) = (tape.variable(0.8), tape.variable(1.7));
    let slopes = everything(a, b).backward();
    assert_close(&[slopes.of(a), slopes.of(b)], &[da, db]);
}

#[test]
fn forward_over_reverse() {
    let [da, db, daa, dab, dbb] = by_duals();
    let tape = ScalarTape::new();
    let (a, b) = (
        tape.variable(Dual::variable(0.8)),
        tape.variable(1.7.into()),
    );
    let along_a = everything(a, b).backward();
    let (a, b) = (along_a.of(a), along_a.of(b));
    assert_close(&[a.value, b.value, a.slope, b.slope], &[da, db, daa, dab]);
    let (a, b) = (
        tape.variable(0.8.into()),
        tape.variable(Dual::variable(1.7)),
    );
    assert_close(&[everything(a, b).backward().of(b).slope], &[dbb]);
}

#[test]
fn reverse_over_reverse() {
    let [da, db, daa, dab, dbb] = by_duals();
    let outer = ScalarTape::new();
    let (a, b) = (outer.variable(0.8), outer.variable(1.7));
    let inner = ScalarTape::new();
    let (x, y) = (inner.variable(a), inner.variable(b));
    let slopes = everything(x, y).backward();
    let (slope_a, slope_b) = (slopes.of(x), slopes.of(y));
    assert_close(&[slope_a.value(), slope_b.value()], &[da, db]);
    let second = slope_a.backward();
    assert_close(&[second.of(a), second.of(b)], &[daa, dab]);
    drop(second);
    assert_close(&[slope_b.backward().of(b)], &[dbb]);
}

#[test]
fn reverse_over_forward_and_three_deep() {
    let [_, _, daa, dab, _] = by_duals();
    let tape = ScalarTape::new();
    let (a, b) = (tape.variable(0.8), tape.variable(1.7));
    let moving = Dual {
        value: a,
        slope: 1.0.into(),
    };
    let slope = everything(moving, Dual::constant(b)).slope;
    let second = slope.backward();
    assert_close(&[second.of(a), second.of(b)], &[daa, dab]);

    // The third derivative of x⁴ with a mode of its own for each order.
    let outer = ScalarTape::new();
    let x = outer.variable(Dual::variable(1.5));
    let inner = ScalarTape::new();
    let z = inner.variable(x);
    let first = (z * z * z * z).backward().of(z);
    let second = first.backward().of(x);
    assert_eq!(
        (first.value().value, second.value, second.slope),
        (13.5, 27.0, 36.0)
    );
}

#[test]
fn constants_and_strangers_have_no_say() {
    let tape = ScalarTape::new();
    let (x, idle) = (tape.variable(0.0), tape.variable(0.0));
    // Steep, and not on the path: infinity times nothing.
    let _ = idle.sqrt();
    let y = x * 3.0;
    let slopes = y.backward();
    assert_eq!((slopes.of(x), slopes.of(idle)), (3.0, 0.0));
    let constant: Scalar = 2.0.into();
    assert_eq!(constant.exp().backward().of(x), 0.0);
    assert_eq!((tape.len(), constant.is_constant()), (4, true));
}

#[test]
#[should_panic(expected = "belong to two tapes")]
fn numbers_of_two_tapes_do_not_mix() {
    let (one, two) = (ScalarTape::new(), ScalarTape::new());
    let _ = one.variable(1.0) * two.variable(2.0);
}

#[test]
#[should_panic(expected = "with respect to a constant")]
fn a_constant_is_nothing_to_differentiate_by() {
    let tape = ScalarTape::new();
    let y = tape.variable(1.0).exp();
    let _ = y.backward().of(2.0.into());
}

#[test]
fn nodes_are_small_and_a_cleared_tape_keeps_its_room() {
    assert_eq!(size_of::<Node<f64>>(), 24);
    let mut tape = ScalarTape::new();
    let mut rooms = Vec::new();
    for _ in 0..3 {
        tape.clear();
        let x = tape.variable(0.5);
        let y = (0..1000).fold(x, |y, _| y * x + 1.0);
        let _ = y.backward().of(x);
        rooms.push((
            tape.nodes.borrow().capacity(),
            tape.room.borrow().capacity(),
        ));
    }
    assert_eq!(tape.len(), 2001);
    assert!(rooms[1..].iter().all(|room| *room == rooms[0]), "{rooms:?}");
}

/// Many results of two inputs and a constant, with a branch.
struct Wave {
    results: usize,
}

impl Function for Wave {
    fn inputs(&self) -> usize {
        2
    }
    fn outputs(&self) -> usize {
        self.results
    }
    fn constants(&self) -> usize {
        1
    }
    #[inline(always)]
    fn eval<R: Real>(&self, x: &[R], y: &mut [R]) {
        for (i, y) in y.iter_mut().enumerate() {
            let phase = x[0] * (i as f64) + x[2];
            *y = if x[1] < 1.0 {
                phase.sin() * x[1]
            } else {
                R::logsumexp(&[phase, x[1], x[0], x[2], phase * x[1]])
            };
        }
    }
}

/// The Jacobian of [`Wave`], by one dual for each column.
fn wave_by_duals(results: usize, x: [f64; 3]) -> Vec<f64> {
    let mut rows = vec![0.0; 2 * results];
    for column in 0..2 {
        let mut moving = x.map(Dual::constant);
        moving[column].slope = 1.0;
        let mut y = vec![Dual::from(0.0); results];
        Wave { results }.eval(&moving, &mut y);
        for (row, y) in y.iter().enumerate() {
            rows[row * 2 + column] = y.slope;
        }
    }
    rows
}

/// Either way round: one or two results go backwards, more go forwards.
#[test]
fn jacobians_by_both_modes() {
    for results in [1, 2, 3, 9] {
        for x in [[0.3, 0.5, 0.2], [0.3, 1.5, 0.2]] {
            let (y, rows) = jacobian_of(&Wave { results }, &x);
            let mut plain = vec![0.0; results];
            Wave { results }.eval(&x, &mut plain);
            assert_close(&y, &plain);
            value_into(&Wave { results }, &x, &mut plain);
            assert_close(&y, &plain);
            assert_close(&rows, &wave_by_duals(results, x));
        }
    }
    let (value, slopes) = gradient_of(&Wave { results: 1 }, &[0.3, 1.5, 0.2]);
    assert_close(&slopes, &wave_by_duals(1, [0.3, 1.5, 0.2]));
    let (y, _) = jacobian_of(&Wave { results: 1 }, &[0.3, 1.5, 0.2]);
    assert_eq!(y, [value]);
    // Both directions, of the first result among several.
    for direction in [Direction::Forward, Direction::Reverse] {
        let (mut tape, mut slopes) = (ScalarTape::new(), [0.0; 2]);
        let f = Wave { results: 3 };
        tape.gradient_into(&f, &[0.3, 1.5, 0.2], direction, &mut slopes);
        assert_close(&slopes, &wave_by_duals(3, [0.3, 1.5, 0.2])[..2]);
    }
    // A Jacobian can be differentiated: forwards over backwards, ∂²y/∂x₀∂x₁.
    let moving = [Dual::variable(0.3), Dual::constant(0.5), 0.2.into()];
    let (_, rows) = jacobian_of(&Wave { results: 2 }, &moving);
    assert_close(
        &[rows[2].slope, rows[3].slope],
        &[-0.5 * 0.5_f64.sin(), 0.5_f64.cos()],
    );
}

/// Seven results: a sweep of four and one of three.
#[test]
fn several_results_are_swept_together() {
    let tape = ScalarTape::new();
    let x = [
        tape.variable(0.3),
        tape.variable(1.5),
        Scalar::constant(0.2),
    ];
    let mut y = [Scalar::from(0.0); 7];
    Wave { results: 7 }.eval(&x, &mut y);
    let mut rows = [0.0; 14];
    tape.jacobian_into(&y, &x[..2], &mut rows);
    assert_close(&rows, &wave_by_duals(7, [0.3, 1.5, 0.2]));
    // A variable that is a result, and one that no result depends on.
    let idle = tape.variable(1.0);
    let mut rows = [9.0; 4];
    tape.jacobian_into(&[x[0], 2.0.into()], &[x[0], idle], &mut rows);
    assert_eq!(rows, [1.0, 0.0, 0.0, 0.0]);
}

/// 21 points: two full blocks and a part of one; in the first all take the same branch, in the others
/// not.
#[test]
fn points_together_are_points_one_by_one() {
    let point = |i: usize| {
        [
            0.1 * i as f64,
            if i.is_multiple_of(3) && i > 8 {
                1.5
            } else {
                0.5
            },
            0.2,
        ]
    };
    for results in [1, 2, 5] {
        let f = Wave { results };
        let mut seen = 0;
        jacobians(
            &f,
            21,
            |i, x| x.copy_from_slice(&point(i)),
            |i, y, rows| {
                let (alone, by_duals) = (
                    jacobian_of(&f, &point(i)).0,
                    wave_by_duals(results, point(i)),
                );
                assert_eq!(i, seen);
                assert_close(y, &alone);
                assert_close(rows, &by_duals);
                seen += 1;
            },
        );
        // Weights of one result at a time, and none at all for the first block of points.
        let weights = |i: usize, c: &mut [f64]| {
            c.fill(0.0);
            c[i % results] = if i < 8 { 0.0 } else { 2.0 };
        };
        let mut seen = 0;
        pull_backs(
            &f,
            21,
            |i, x, c| {
                x.copy_from_slice(&point(i));
                weights(i, c);
            },
            |i, slopes| {
                let mut c = vec![0.0; results];
                weights(i, &mut c);
                let rows = wave_by_duals(results, point(i));
                let by = |column: usize| (0..results).map(|k| c[k] * rows[k * 2 + column]).sum();
                assert_eq!(i, seen);
                assert_close(slopes, &[by(0), by(1)]);
                seen += 1;
            },
        );
        assert_eq!(seen, 21);
        let mut sums = 0.0;
        values(
            &f,
            21,
            |i, x| x.copy_from_slice(&point(i)),
            |_, y| sums += y[0],
        );
        let alone: f64 = (0..21).map(|i| jacobian_of(&f, &point(i)).0[0]).sum();
        assert_close(&[sums], &[alone]);
        assert_eq!(seen, 21);
    }
    jacobians(
        &Wave { results: 1 },
        0,
        |_, _| panic!("no point"),
        |_, _, _| panic!("no point"),
    );
}

#[test]
fn the_gradient_of_a_sum_over_points() {
    let f = Wave { results: 1 };
    for x1 in [0.5, 1.5] {
        let x = [0.7, x1];
        let load = |i: usize, constants: &mut [f64]| constants[0] = i as f64 / 10.0;
        let (value, slopes) = gradient_of_sum(&f, &x, 19, load);
        let mut sums = [0.0; 3];
        for i in 0..19 {
            let (y, row) = gradient_of(&f, &[x[0], x[1], i as f64 / 10.0]);
            for (sum, term) in sums.iter_mut().zip([y, row[0], row[1]]) {
                *sum += term;
            }
        }
        assert_close(&[value, slopes[0], slopes[1]], &sums);
        assert_close(&[sum_of(&f, &x, 19, load)], &sums[..1]);
    }
}

#[test]
fn a_region_leaves_its_slopes() {
    let tape = ScalarTape::new();
    let (a, b) = (tape.variable(0.8), tape.variable(1.7));
    let y = tape.preaccumulate(&[a, b, 2.0.into()], |x| everything(x[0], x[1]) * x[2]);
    assert_eq!(tape.len(), 3);
    let slopes = (y * a).backward();
    let expected = (everything(a, b) * 2.0 * a).backward();
    assert_close(
        &[slopes.of(a), slopes.of(b)],
        &[expected.of(a), expected.of(b)],
    );
    // Regions nest, and a region of constants is a constant.
    let nested = tape.preaccumulate(&[a], |x| {
        let outer = x[0].tape.expect("on the tape of the region");
        outer.preaccumulate(&[x[0]], |x| x[0].sin()) * x[0]
    });
    assert_close(
        &[nested.backward().of(a)],
        &[0.8_f64.sin() + 0.8 * 0.8_f64.cos()],
    );
    let by_function = (Scalar::region(&Both, &[a, b]) * a).backward();
    assert_close(
        &[by_function.of(a), by_function.of(b)],
        &[expected.of(a) / 2.0, expected.of(b) / 2.0],
    );
    assert_eq!(f64::region(&Both, &[0.8, 1.7]), everything(0.8, 1.7));
    assert!(
        tape.preaccumulate(&[3.0.into()], |x| x[0] * x[0])
            .is_constant()
    );
}

struct Both;

impl Function for Both {
    fn inputs(&self) -> usize {
        2
    }
    fn outputs(&self) -> usize {
        1
    }
    fn eval<R: Real>(&self, x: &[R], y: &mut [R]) {
        y[0] = everything(x[0], x[1]);
    }
}

/// x ← p·x·(1 − x) for two populations that meet.
struct Logistic;

impl Function for Logistic {
    fn inputs(&self) -> usize {
        3
    }
    fn outputs(&self) -> usize {
        2
    }
    fn eval<R: Real>(&self, x: &[R], y: &mut [R]) {
        y[0] = x[2] * x[0] * (1.0 - x[0] * 0.5 - x[1] * 0.25);
        y[1] = x[2] * x[1] * (1.0 - x[1] * 0.75);
    }
}

#[test]
fn a_recurrence_is_its_steps_on_one_tape() {
    let tape = ScalarTape::new();
    let x = [tape.variable(0.4), tape.variable(0.6), tape.variable(1.8)];
    let mut state = [x[0], x[1]];
    for _ in 0..9 {
        let mut next = state;
        Logistic.eval(&[state[0], state[1], x[2]], &mut next);
        state = next;
    }
    let slopes = (state[0] * state[1]).backward();
    let found = recurrence(&Logistic, &[0.4, 0.6], &[1.8], 9, |last| {
        vec![last[1], last[0]]
    });
    assert_close(&found.state, &[state[0].value(), state[1].value()]);
    let all = [found.of_start, found.of_parameters].concat();
    assert_close(&all, &x.map(|x| slopes.of(x)));
}

/// A function of k numbers is ⌈k/2⌉ nodes, whatever stands around it.
#[test]
fn long_operations_go_on_in_the_next_node() {
    for k in 0..6_usize {
        let tape = ScalarTape::new();
        let x: Vec<_> = (0..k).map(|i| tape.variable(i as f64)).collect();
        let c: Vec<Scalar> = (0..k).map(|i| Scalar::constant(1.0 + i as f64)).collect();
        let y = Scalar::dot(&x, &c);
        assert_eq!(tape.len(), k + k.div_ceil(2));
        let again = y * y + y;
        let slopes = again.backward();
        for (i, x) in x.iter().enumerate() {
            let expected = (2.0 * y.value() + 1.0) * (1.0 + i as f64);
            assert_eq!(slopes.of(*x), expected);
        }
    }
}

#[test]
fn directions_on_a_tape_and_a_tape_in_directions() {
    let [da, db, daa, dab, dbb] = by_duals();
    type Both = Duals<2>;
    let tape = ScalarTape::new();
    let (a, b) = (
        tape.variable(Both::variable(0.8, 0)),
        tape.variable(Both::variable(1.7, 1)),
    );
    let slopes = everything(a, b).backward();
    let (a, b) = (slopes.of(a), slopes.of(b));
    assert_close(&[a.value, b.value], &[da, db]);
    assert_close(&[a.slopes, b.slopes].concat(), &[daa, dab, dab, dbb]);
    let tape = ScalarTape::new();
    let (a, b) = (tape.variable(0.8), tape.variable(1.7));
    let y = everything(Duals::<2, Scalar>::variable(a, 0), Duals::variable(b, 1));
    let mut rows = [0.0; 4];
    tape.jacobian_into(&y.slopes, &[a, b], &mut rows);
    assert_close(&rows, &[daa, dab, dab, dbb]);
}

/// Nine numbers are a square of eight columns and a lone one.
struct Nine;

impl Function for Nine {
    fn inputs(&self) -> usize {
        9
    }
    fn outputs(&self) -> usize {
        1
    }
    fn eval<R: Real>(&self, x: &[R], y: &mut [R]) {
        y[0] = x[8] * 10.0 + x[0] - x[7];
    }
}

#[test]
fn a_lone_column_is_loaded_like_the_others() {
    let mut found = Vec::new();
    let load = |point: usize, x: &mut [f64]| {
        let numbers = x.iter_mut().zip(0_u32..);
        numbers.for_each(|(x, i)| *x = point as f64 + 100.0 * f64::from(i));
    };
    values(&Nine, 11, load, |_, y| found.push(y[0]));
    let expected: Vec<f64> = (0..11)
        .map(|point| 10.0 * f64::from(point) + 7300.0)
        .collect();
    assert_eq!(found, expected);
}
