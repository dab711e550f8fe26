//! The 35 test functions of Moré, Garbow and Hillstrom (ACM Transactions on Mathematical Software 7, 1981):
//! each a sum of squares of residuals.

use std::f64::consts::PI;

use retrograd_autograd::Var;
use retrograd_tensor::Tensor;

const BARD: [f64; 15] = [
    0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39,
];
const GAUSSIAN: [f64; 8] = [
    0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521, 0.3989,
];
const MEYER: [f64; 16] = [
    34780.0, 28610.0, 23650.0, 19630.0, 16370.0, 13720.0, 11540.0, 9744.0, 8261.0, 7030.0, 6005.0,
    5147.0, 4427.0, 3820.0, 3307.0, 2872.0,
];
const KOWALIK: [f64; 11] = [
    0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246,
];
const OSBORNE_1: [f64; 33] = [
    0.844, 0.908, 0.932, 0.936, 0.925, 0.908, 0.881, 0.850, 0.818, 0.784, 0.751, 0.718, 0.685,
    0.658, 0.628, 0.603, 0.580, 0.558, 0.538, 0.522, 0.506, 0.490, 0.478, 0.467, 0.457, 0.448,
    0.438, 0.431, 0.424, 0.420, 0.414, 0.411, 0.406,
];
const OSBORNE_2: [f64; 65] = [
    1.366, 1.191, 1.112, 1.013, 0.991, 0.885, 0.831, 0.847, 0.786, 0.725, 0.746, 0.679, 0.608,
    0.655, 0.616, 0.606, 0.602, 0.626, 0.651, 0.724, 0.649, 0.649, 0.694, 0.644, 0.624, 0.661,
    0.612, 0.558, 0.533, 0.495, 0.500, 0.423, 0.395, 0.375, 0.372, 0.391, 0.396, 0.405, 0.428,
    0.429, 0.523, 0.562, 0.607, 0.653, 0.672, 0.708, 0.633, 0.668, 0.645, 0.632, 0.591, 0.559,
    0.597, 0.625, 0.739, 0.710, 0.729, 0.720, 0.636, 0.581, 0.428, 0.292, 0.162, 0.098, 0.054,
];

/// The residuals of a function at `x`, `[variables]`.
pub(super) fn residuals(number: usize, x: &Var) -> Var {
    match number {
        1..=12 => of_two_or_three(number, x),
        13..=20 => of_some(number, x),
        _ => of_many(number, x),
    }
}

fn of_two_or_three(number: usize, x: &Var) -> Var {
    let [a, b] = [0, 1].map(|i| x.select(0, i));
    let c = || x.select(0, 2);
    match number {
        1 => rosenbrock(x),
        2 => list(&[
            -13.0 + &a + ((5.0 - &b) * &b - 2.0) * &b,
            -29.0 + &a + ((&b + 1.0) * &b - 14.0) * &b,
        ]),
        3 => list(&[1e4 * &a * &b - 1.0, (-&a).exp() + (-&b).exp() - 1.0001]),
        4 => list(&[&a - 1e6, &b - 2e-6, &a * &b - 2.0]),
        5 => {
            constants(&[1.5, 2.25, 2.625])
                - a * (1.0 - list(&[b.clone(), b.powf(2.0), b.powf(3.0)]))
        }
        6 => {
            let i = series(10, |i| i);
            2.0 + 2.0 * &i - ((&i * a).exp() + (&i * b).exp())
        }
        7 => {
            let half_turn = if a.item() < 0.0 { 0.5 } else { 0.0 };
            let angle = (&b / &a).atan() / (2.0 * PI) + half_turn;
            let radius = (a.square() + b.square()).sqrt();
            list(&[10.0 * (c() - 10.0 * angle), 10.0 * (radius - 1.0), c()])
        }
        8 => {
            let (u, v) = (series(15, |u| u), series(15, |u| 16.0 - u));
            let w = series(15, |u| u.min(16.0 - u));
            constants(&BARD) - (a + u / (v * b + w * c()))
        }
        9 => {
            let y = series(15, |i| GAUSSIAN[7 - (8.0 - i).abs() as usize]);
            let t = series(15, |i| (8.0 - i) / 2.0);
            a * (-b * (t - c()).square() / 2.0).exp() - y
        }
        10 => a * (b / (series(16, |i| 45.0 + 5.0 * i) + c())).exp() - constants(&MEYER),
        11 => {
            let t = series(99, |i| i / 100.0);
            // The paper multiplies where it means to subtract.
            let y = series(99, |i| 25.0 + (-50.0 * (i / 100.0).ln()).powf(2.0 / 3.0));
            (-(y - b).abs().pow(&c()) / a).exp() - t
        }
        12 => {
            let (t, y) = (
                series(10, |i| -0.1 * i),
                series(10, |i| (-0.1 * i).exp() - (-i).exp()),
            );
            (&t * a).exp() - (&t * b).exp() - c() * y
        }
        other => panic!("no function {other} of two or three"),
    }
}

fn of_some(number: usize, x: &Var) -> Var {
    let v: Vec<Var> = (0..x.elements()).map(|i| x.select(0, i)).collect();
    match number {
        13 => powell(x),
        14 => list(&[
            10.0 * (&v[1] - v[0].square()),
            1.0 - &v[0],
            90.0_f64.sqrt() * (&v[3] - v[2].square()),
            1.0 - &v[2],
            10.0_f64.sqrt() * (&v[1] + &v[3] - 2.0),
            (&v[1] - &v[3]) / 10.0_f64.sqrt(),
        ]),
        15 => {
            let u = constants(&[
                4.0, 2.0, 1.0, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625,
            ]);
            let above = u.square() + &u * &v[1];
            constants(&KOWALIK) - &v[0] * above / (u.square() + &u * &v[2] + &v[3])
        }
        16 => {
            let t = |f: fn(f64) -> f64| series(20, move |i| f(i / 5.0));
            let first = &v[0] + t(|t| t) * &v[1] - t(f64::exp);
            first.square() + (&v[2] + &v[3] * t(f64::sin) - t(f64::cos)).square()
        }
        17 => {
            let t = series(33, |i| -10.0 * (i - 1.0));
            let decay = &v[1] * (&t * &v[3]).exp() + &v[2] * (&t * &v[4]).exp();
            constants(&OSBORNE_1) - (&v[0] + decay)
        }
        18 => {
            let t = series(13, |i| -0.1 * i);
            let y = t.exp() - 5.0 * (10.0 * &t).exp() + 3.0 * (4.0 * &t).exp();
            let wave = |i: usize, j: usize| &v[i] * (&t * &v[j]).exp();
            wave(2, 0) - wave(3, 1) + wave(5, 4) - y
        }
        19 => {
            let t = series(65, |i| (i - 1.0) / 10.0);
            let bell = |k: usize| &v[k] * (-(&t - &v[7 + k]).square() * &v[4 + k]).exp();
            let sum = &v[0] * (-&t * &v[4]).exp() + bell(1) + bell(2) + bell(3);
            constants(&OSBORNE_2) - sum
        }
        20 => {
            let t = |i: usize| (i + 1) as f64 / 29.0;
            let value = product(29, x, |i, j| t(i).powi(j as i32));
            let slope = product(29, x, |i, j| j as f64 * t(i).powi(j as i32 - 1));
            let ends = list(&[v[0].clone(), &v[1] - v[0].square() - 1.0]);
            Var::cat(&[&(slope - value.square() - 1.0), &ends], 0)
        }
        other => panic!("no function {other} of some"),
    }
}

fn of_many(number: usize, x: &Var) -> Var {
    let n = x.elements();
    let size = n as f64;
    let i = series(n, |i| i);
    let step = 1.0 / (size + 1.0);
    let t = &i * step;
    // What is beside each variable, 0 at the ends.
    let ended = || Var::cat(&[&constants(&[0.0]), x, &constants(&[0.0])], 0);
    let beside = || [ended().slice(0, ..n as isize), ended().slice(0, 2..)];
    let with = |most: Var, last: Var| Var::cat(&[&most, &last.reshape(&[1])], 0);
    match number {
        21 => rosenbrock(x),
        22 => powell(x),
        23 => with(1e-5_f64.sqrt() * (x - 1.0), x.square().sum(..) - 0.25),
        24 => {
            let grown = (x / 10.0).exp();
            let (first, rest) = (grown.slice(0, ..n as isize - 1), grown.slice(0, 1..));
            let y = series(n - 1, |i| ((i + 1.0) / 10.0).exp() + (i / 10.0).exp());
            let pairs = Var::cat(&[&(&rest + first - y), &(rest - (-0.1_f64).exp())], 0);
            let last = ((size + 1.0 - i) * x.square()).sum(..) - 1.0;
            with(
                Var::cat(
                    &[
                        &(x.select(0, 0) - 0.2).reshape(&[1]),
                        &(1e-5_f64.sqrt() * pairs),
                    ],
                    0,
                ),
                last,
            )
        }
        25 => {
            let sum = (i * (x - 1.0)).sum(..);
            with(with(x - 1.0, sum.clone()), sum.square())
        }
        26 => size - x.cos().sum(..) + i * (1.0 - x.cos()) - x.sin(),
        27 => {
            let most = x.slice(0, ..n as isize - 1) + x.sum(..) - (size + 1.0);
            with(most, x.prod(..) - 1.0)
        }
        28 => {
            let [left, right] = beside();
            2.0 * x - left - right + 0.5 * step * step * (x + t + 1.0).powf(3.0)
        }
        29 => {
            let at = |i: usize| (i + 1) as f64 * step;
            let kernel = |i, j| {
                if j <= i {
                    (1.0 - at(i)) * at(j)
                } else {
                    at(i) * (1.0 - at(j))
                }
            };
            x + 0.5 * step * product(n, &(x + t + 1.0).powf(3.0), kernel)
        }
        30 => {
            let [left, right] = beside();
            (3.0 - 2.0 * x) * x - left - 2.0 * right + 1.0
        }
        31 => {
            let near = |i: usize, j: usize| f64::from(j != i && j + 5 >= i && j <= i + 1);
            x * (2.0 + 5.0 * x.square()) + 1.0 - product(n, &(x * (1.0 + x)), near)
        }
        32 => Var::cat(&[x, &series(n, |_| 0.0)], 0) - x.sum(..) / size - 1.0,
        33 => series(20, |i| i) * (i * x).sum(..) - 1.0,
        34 => {
            let inner = series(n, move |j| if j > 1.0 && j < size { j } else { 0.0 });
            let rows = series(20, |i| if i < 20.0 { i - 1.0 } else { 0.0 });
            rows * (inner * x).sum(..) - 1.0
        }
        35 => {
            let y = 2.0 * x - 1.0;
            let mut chebyshev = vec![
                Var::constant(y.value().constant_like(y.shape(), 1.0)),
                y.clone(),
            ];
            for k in 1..n {
                chebyshev.push(2.0 * &y * &chebyshev[k] - &chebyshev[k - 1]);
            }
            let means: Vec<Var> = chebyshev[1..].iter().map(|each| each.mean(..)).collect();
            let integral = |i: f64| {
                if i % 2.0 == 0.0 {
                    -1.0 / (i * i - 1.0)
                } else {
                    0.0
                }
            };
            list(&means) - series(n, integral)
        }
        other => panic!("no function {other} of many"),
    }
}

fn rosenbrock(x: &Var) -> Var {
    let pairs = x.reshape(&[-1, 2]);
    let [a, b] = [0, 1].map(|i| pairs.select(1, i));
    Var::cat(&[&(10.0 * (b - a.square())), &(1.0 - a)], 0)
}

fn powell(x: &Var) -> Var {
    let fours = x.reshape(&[-1, 4]);
    let [a, b, c, d] = [0, 1, 2, 3].map(|i| fours.select(1, i));
    let residuals = [
        &a + 10.0 * &b,
        5.0_f64.sqrt() * (&c - &d),
        (b - 2.0 * c).square(),
        10.0_f64.sqrt() * (a - d).square(),
    ];
    Var::cat(&residuals.each_ref(), 0)
}

/// Single numbers in a row.
fn list(numbers: &[Var]) -> Var {
    Var::stack(&numbers.iter().collect::<Vec<_>>(), 0)
}

fn constants(values: &[f64]) -> Var {
    Tensor::from_vec(values.to_vec(), [values.len()]).into()
}

/// f(1), f(2), ..., f(m).
fn series(m: usize, f: impl Fn(f64) -> f64) -> Var {
    constants(&(1..=m).map(|i| f(i as f64)).collect::<Vec<_>>())
}

/// A matrix of so many rows times x.
fn product(rows: usize, x: &Var, element: impl Fn(usize, usize) -> f64) -> Var {
    let matrix = Tensor::from_fn([rows, x.elements()], |at: &[usize]| element(at[0], at[1]));
    Var::constant(matrix)
        .matmul(&x.reshape(&[-1, 1]))
        .reshape(&[-1])
}
