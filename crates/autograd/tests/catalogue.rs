//! Every operation on Vars, checked against differences at orders 1 and 2.
//!
//! `cargo test -p retrograd-autograd --test catalogue -- --nocapture` prints the list with the
//! largest error of each. A new operation needs a row here: the last two tests read the sources of
//! the rules, and fail when an operation or a primitive is missing.

use std::collections::BTreeSet;
use std::path::Path;

use retrograd_autograd::check::Check;
use retrograd_autograd::{Tape, Var, grad};
use retrograd_tensor::{Convolution, Pooling, Shape, Slice, Tensor, keep, random};

/// Relative tolerance of rules that are exact for differences of any step.
const LINEAR: f64 = 1e-12;
/// Relative tolerance of everything else.
const SMOOTH: f64 = 1e-8;

/// Row `operation` (a method's name, then what is special about it), the function, its inputs, and
/// the tolerance of order 1.
struct Row {
    operation: &'static str,
    f: fn(&[Var<f64>]) -> Var<f64>,
    inputs: Vec<Tensor<f64>>,
    tolerance: f64,
}

fn row(
    tolerance: f64,
    operation: &'static str,
    inputs: &[Tensor<f64>],
    f: fn(&[Var<f64>]) -> Var<f64>,
) -> Row {
    Row {
        operation,
        f,
        inputs: inputs.to_vec(),
        tolerance,
    }
}

/// Irregular numbers of either sign in random order, at least 0.15 from 0 and from each other: more
/// than two of the largest difference steps, 1/16, so that no step crosses a kink or a tie.
fn sample(shape: impl Into<Shape>) -> Tensor<f64> {
    let shape = shape.into();
    let mut order =
        random::permutation(shape.elements(), &mut random::rng(shape.elements() as u64));
    let half = shape.elements() as f64 / 2.0;
    Tensor::from_fn(shape, |_| {
        let rank = order.pop().expect("one a element") as f64 + 0.5 - half;
        // 0.2 apart, irregular by up to 0.04, and away from 0.
        let value = 0.2 * rank + 0.04 * (3.0 * rank).sin().abs();
        value + 0.2_f64.copysign(value)
    })
}

/// As [`sample`], all at least 0.3.
fn positive(shape: impl Into<Shape>) -> Tensor<f64> {
    let x = sample(shape);
    x.map(|v| v.abs() + 0.2)
}

/// Functions of each element, no element near a kink.
fn elementwise() -> Vec<Row> {
    let x = &[sample([2, 3])];
    let p = &[positive([2, 3])];
    vec![
        row(LINEAR, "neg", x, |x| -&x[0]),
        row(LINEAR, "abs", x, |x| x[0].abs()),
        row(LINEAR, "sign", x, |x| x[0].sign()),
        row(SMOOTH, "recip", p, |x| x[0].recip()),
        row(SMOOTH, "square", x, |x| x[0].square()),
        row(SMOOTH, "sqrt", p, |x| x[0].sqrt()),
        row(SMOOTH, "exp", x, |x| x[0].exp()),
        row(SMOOTH, "expm1", x, |x| x[0].expm1()),
        row(SMOOTH, "log", p, |x| x[0].log()),
        row(SMOOTH, "log1p", p, |x| x[0].log1p()),
        row(SMOOTH, "sin", x, |x| x[0].sin()),
        row(SMOOTH, "cos", x, |x| x[0].cos()),
        row(SMOOTH, "tanh", x, |x| x[0].tanh()),
        row(SMOOTH, "sigmoid", x, |x| x[0].sigmoid()),
        row(SMOOTH, "softplus", x, |x| x[0].softplus()),
        row(SMOOTH, "erf", x, |x| x[0].erf()),
        row(LINEAR, "relu", x, |x| x[0].relu()),
        row(SMOOTH, "silu", x, |x| x[0].silu()),
        row(SMOOTH, "gelu", x, |x| x[0].gelu()),
        row(SMOOTH, "selu", x, |x| x[0].selu()),
        row(SMOOTH, "elu", x, |x| x[0].elu(0.7)),
        row(LINEAR, "leaky_relu", x, |x| x[0].leaky_relu(0.01)),
        row(LINEAR, "clamp", x, |x| x[0].clamp(-0.36, 0.44)),
        row(SMOOTH, "powf 3", x, |x| x[0].powf(3.0)),
        row(SMOOTH, "powf -1.5", p, |x| x[0].powf(-1.5)),
        row(LINEAR, "powf 0", p, |x| x[0].powf(0.0)),
    ]
}

/// Functions of pairs and threes, equal shapes and broadcast on either side.
fn broadcasting() -> Vec<Row> {
    let same = &[sample([2, 3]), positive([3, 2]).t()];
    let right = &[sample([2, 3]), positive([3])];
    let left = &[sample([2, 1]), positive([2, 1, 3])];
    let powers = &[positive([2, 3]), sample([3])];
    // Twelve numbers that are apart: half of them meet the other half.
    let apart = sample([4, 3]);
    let rivals = &[apart.slice(0, ..2), apart.slice(0, 2..)];
    // The condition is not near 0, where it changes.
    let three = &[sample([2, 3]), sample([3]), sample([2, 1])];
    vec![
        row(LINEAR, "add", same, |x| &x[0] + &x[1]),
        row(LINEAR, "add right", right, |x| &x[0] + &x[1]),
        row(LINEAR, "add left", left, |x| &x[0] + &x[1]),
        row(LINEAR, "add number", &same[..1], |x| &x[0] + 2.5),
        row(LINEAR, "sub number left", &same[..1], |x| 2.5 - &x[0]),
        row(SMOOTH, "div number left", &same[..1], |x| 2.5 / &x[0]),
        row(LINEAR, "sub", same, |x| &x[0] - &x[1]),
        row(LINEAR, "sub right", right, |x| &x[0] - &x[1]),
        row(LINEAR, "sub left", left, |x| &x[0] - &x[1]),
        row(LINEAR, "mul", same, |x| &x[0] * &x[1]),
        row(LINEAR, "mul right", right, |x| &x[0] * &x[1]),
        row(LINEAR, "mul left", left, |x| &x[0] * &x[1]),
        row(SMOOTH, "div", same, |x| &x[0] / &x[1]),
        row(SMOOTH, "div right", right, |x| &x[0] / &x[1]),
        row(SMOOTH, "div left", left, |x| &x[0] / &x[1]),
        row(LINEAR, "maximum", rivals, |x| x[0].maximum(&x[1])),
        row(LINEAR, "minimum", rivals, |x| x[0].minimum(&x[1])),
        row(SMOOTH, "pow", powers, |x| x[0].pow(&x[1])),
        row(LINEAR, "where_", three, |x| {
            Var::where_(&x[0], &x[1], &x[2])
        }),
    ]
}

/// All four readings, in two dimensions and in batches that broadcast on either side.
fn products() -> Vec<Row> {
    let pair = |a: &[usize], b: &[usize]| {
        let shape = |sizes: &[usize]| Shape::new(sizes).expect("a small shape");
        [sample(shape(a)), sample(shape(b))]
    };
    let linear = |name, inputs: [Tensor<f64>; 2], f: fn(&[Var<f64>]) -> Var<f64>| {
        row(LINEAR, name, &inputs, f)
    };
    vec![
        linear("matmul", pair(&[2, 3], &[3, 4]), |x| x[0].matmul(&x[1])),
        linear("matmul_nt", pair(&[2, 3], &[4, 3]), |x| {
            x[0].matmul_nt(&x[1])
        }),
        linear("matmul_tn", pair(&[3, 2], &[3, 4]), |x| {
            x[0].matmul_tn(&x[1])
        }),
        linear("matmul_tt", pair(&[3, 2], &[4, 3]), |x| {
            x[0].matmul_tt(&x[1])
        }),
        row(
            LINEAR,
            "affine",
            &[sample([2, 3]), sample([4, 3]), sample([4])],
            |x| x[0].affine(&x[1], &x[2]),
        ),
        linear("matmul batched", pair(&[2, 2, 3], &[2, 3, 1]), |x| {
            x[0].matmul(&x[1])
        }),
        linear("matmul broadcast right", pair(&[2, 2, 3], &[3, 2]), |x| {
            x[0].matmul(&x[1])
        }),
        linear("matmul broadcast left", pair(&[1, 2, 3], &[2, 3, 2]), |x| {
            x[0].matmul(&x[1])
        }),
        linear(
            "matmul broadcast both",
            pair(&[2, 1, 1, 2], &[3, 2, 1]),
            |x| x[0].matmul(&x[1]),
        ),
        linear("matmul_nt batched", pair(&[2, 1, 3], &[2, 3]), |x| {
            x[0].matmul_nt(&x[1])
        }),
        linear("matmul_tn batched", pair(&[3, 2], &[2, 3, 1]), |x| {
            x[0].matmul_tn(&x[1])
        }),
        linear("matmul_tt batched", pair(&[2, 3, 2], &[1, 2, 3]), |x| {
            x[0].matmul_tt(&x[1])
        }),
    ]
}

/// Over all axes, some, and none kept or kept.
fn reductions() -> Vec<Row> {
    let x = &[sample([2, 3, 2])];
    vec![
        row(LINEAR, "sum", x, |x| x[0].sum(..)),
        row(LINEAR, "sum middle", x, |x| x[0].sum(1)),
        row(LINEAR, "sum kept", x, |x| x[0].sum(keep([0, -1]))),
        row(LINEAR, "mean", x, |x| x[0].mean(..)),
        row(LINEAR, "mean middle", x, |x| x[0].mean(1)),
        row(LINEAR, "mean kept", x, |x| x[0].mean(keep([0, -1]))),
        row(LINEAR, "max", x, |x| x[0].max(..)),
        row(LINEAR, "max middle", x, |x| x[0].max(1)),
        row(LINEAR, "max kept", x, |x| x[0].max(keep([0, -1]))),
        row(LINEAR, "min", x, |x| x[0].min(..)),
        row(LINEAR, "min middle", x, |x| x[0].min(1)),
        row(LINEAR, "min kept", x, |x| x[0].min(keep([0, -1]))),
        row(SMOOTH, "logsumexp", x, |x| x[0].logsumexp(..)),
        row(SMOOTH, "logsumexp middle", x, |x| x[0].logsumexp(1)),
        row(SMOOTH, "logsumexp kept", x, |x| {
            x[0].logsumexp(keep([0, -1]))
        }),
        row(LINEAR, "sum_to", x, |x| x[0].sum_to(&Shape::from([3, 1]))),
        row(LINEAR, "sum_to number", x, |x| x[0].sum_to(&Shape::SCALAR)),
        row(LINEAR, "broadcast_to", &[sample([3, 1])], |x| {
            x[0].broadcast_to([2, 3, 2])
        }),
    ]
}

/// Nothing is computed, so every derivative is 0 or 1.
fn movements() -> Vec<Row> {
    let x = &[sample([2, 3, 4])];
    let m = &[sample([3, 4])];
    let parts = &[sample([2, 1]), sample([2, 3]), sample([2, 2])];
    vec![
        row(LINEAR, "reshape", x, |x| x[0].reshape(&[4, -1])),
        row(LINEAR, "with_shape", x, |x| {
            x[0].with_shape(Shape::from([3, 8]))
        }),
        row(LINEAR, "permute", x, |x| x[0].permute(&[1, 2, 0])),
        row(LINEAR, "t", m, |x| x[0].t()),
        row(LINEAR, "t batched", x, |x| x[0].t()),
        row(LINEAR, "slice", m, |x| x[0].slice(0, 1..3)),
        row(LINEAR, "slice step 2", m, |x| {
            x[0].slice(-1, Slice::all().step(2))
        }),
        row(LINEAR, "slice step -1", m, |x| {
            x[0].slice(1, Slice::span(-1, 0).step(-1))
        }),
        row(LINEAR, "slice step -2", x, |x| {
            x[0].slice(-1, Slice::all().step(-2))
        }),
        row(LINEAR, "flip", m, |x| x[0].flip(-1)),
        row(LINEAR, "select", m, |x| x[0].select(-1, 2)),
        row(LINEAR, "unsqueeze", m, |x| x[0].unsqueeze(1)),
        row(LINEAR, "squeeze", &[sample([3, 1, 2])], |x| x[0].squeeze(1)),
        row(LINEAR, "cat", parts, |x| {
            Var::cat(&[&x[0], &x[1], &x[2]], -1)
        }),
        row(LINEAR, "cat twice the same", m, |x| {
            Var::cat(&[&x[0], &x[0]], 0)
        }),
    ]
}

/// Padded, strided, dilated, in groups, with and without a bias, both ways.
fn convolutions() -> Vec<Row> {
    let signal = &[sample([2, 2, 5]), sample([3, 2, 2]), sample([3])];
    let image = &[sample([1, 2, 4, 3]), sample([2, 2, 2, 3]), sample([2])];
    let grouped = &[sample([2, 4, 2, 2]), sample([2, 2, 1, 2])];
    vec![
        row(LINEAR, "conv1d", signal, |x| {
            let halving = Convolution::default().stride([2]).padding([1]);
            x[0].conv1d(&x[1], Some(&x[2]), &halving)
        }),
        row(LINEAR, "conv2d", image, |x| {
            let wide = Convolution::default().padding([1, 1]).dilation([2, 1]);
            x[0].conv2d(&x[1], Some(&x[2]), &wide)
        }),
        row(LINEAR, "conv2d groups", grouped, |x| {
            x[0].conv2d(&x[1], None, &Convolution::default().groups(2))
        }),
        row(LINEAR, "conv_transpose1d", signal, |x| {
            let (turned, doubling) = (x[1].permute(&[1, 0, 2]), Convolution::default().stride([2]));
            x[0].conv_transpose1d(&turned, Some(&x[2]), &doubling, [1])
        }),
        row(LINEAR, "conv_transpose2d", image, |x| {
            let doubling = Convolution::default().stride([2, 2]).padding([0, 1]);
            x[0].conv_transpose2d(&x[1], Some(&x[2]), &doubling, [1, 0])
        }),
    ]
}

/// Windows that overlap, that are rounded up and that reach into the padding; sizes that go up
/// and down.
fn windows() -> Vec<Row> {
    let (signal, image) = (&[sample([2, 7])], &[sample([2, 3, 4])]);
    vec![
        row(LINEAR, "max_pool1d", signal, |x| {
            x[0].max_pool1d(&Pooling::new([3]).stride([2]).padding([1]))
        }),
        row(LINEAR, "max_pool2d", image, |x| {
            x[0].max_pool2d(&Pooling::new([2, 2]).ceil())
        }),
        row(LINEAR, "max_pool2d overlapping", image, |x| {
            x[0].max_pool2d(&Pooling::new([2, 2]).stride([1, 1]).dilation([1, 2]))
        }),
        row(LINEAR, "avg_pool1d", signal, |x| {
            x[0].avg_pool1d(&Pooling::new([3]).stride([2]).padding([1]), true)
        }),
        row(LINEAR, "avg_pool2d", image, |x| {
            x[0].avg_pool2d(&Pooling::new([2, 2]).padding([1, 0]).ceil(), false)
        }),
        row(LINEAR, "upsample_nearest", image, |x| {
            x[0].upsample_nearest([5, 8])
        }),
        row(LINEAR, "upsample_nearest down", signal, |x| {
            x[0].upsample_nearest([3])
        }),
        row(LINEAR, "upsample_linear", image, |x| {
            x[0].upsample_linear([5, 3], false)
        }),
        row(LINEAR, "upsample_linear corners", signal, |x| {
            x[0].upsample_linear([12], true)
        }),
    ]
}

/// Indices of rank 2, one of them twice in the first row.
fn indices() -> Tensor<i64> {
    Tensor::from_vec(vec![3, 0, 3, 1, 2, 0], [2, 3])
}

/// What reads and adds at indices, and what finds them by order.
fn indexing() -> Vec<Row> {
    let x = &[sample([2, 4])];
    let table = &[sample([4, 3])];
    let terms = &[sample([2, 3])];
    let rows = &[sample([2, 3, 2])];
    let coded = &[sample([2, 3]), sample([4, 5])];
    let given = &[sample([2, 5]), sample([4, 5])];
    let both = &[sample([2, 3]), sample([2, 5])];
    vec![
        row(LINEAR, "cumsum", x, |x| x[0].cumsum(1)),
        row(LINEAR, "cumsum_reverse", rows, |x| x[0].cumsum_reverse(-2)),
        row(LINEAR, "gather", x, |x| x[0].gather(&indices())),
        row(LINEAR, "scatter_add", terms, |x| {
            x[0].scatter_add(&indices(), 4)
        }),
        row(LINEAR, "gather_rows", table, |x| {
            x[0].gather_rows(&indices())
        }),
        row(LINEAR, "scatter_add_rows", rows, |x| {
            x[0].scatter_add_rows(&indices(), 4)
        }),
        row(LINEAR, "topk", x, |x| x[0].topk(3).0),
        row(LINEAR, "sort", x, |x| x[0].sort(false).0),
        row(LINEAR, "sort falling", x, |x| x[0].sort(true).0),
        row(LINEAR, "sparse_decode", coded, |x| {
            x[0].sparse_decode(&indices(), &x[1])
        }),
        row(LINEAR, "sparse_encode", given, |x| {
            x[0].sparse_encode(&indices(), &x[1])
        }),
        row(LINEAR, "sparse_outer", both, |x| {
            x[0].sparse_outer(&indices(), &x[1], 4)
        }),
    ]
}

fn catalogue() -> Vec<Row> {
    [
        elementwise(),
        broadcasting(),
        products(),
        reductions(),
        movements(),
        convolutions(),
        windows(),
        indexing(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn every_operation_agrees_with_differences() {
    let mut failures = Vec::new();
    println!(
        "{:<24} {:<28} {:>8} {:>8}",
        "operation", "samples", "order 1", "order 2"
    );
    for row in catalogue() {
        let checks = [
            Check::order(1).tolerance(row.tolerance),
            Check::order(2).tolerance(1e-6),
        ];
        let [first, second] = checks.map(|check| match check.run(row.f, &row.inputs) {
            Ok(report) => report.worst_error(),
            Err(failure) => {
                failures.push(format!("{}: {failure}", row.operation));
                f64::INFINITY
            }
        });
        let shapes: Vec<String> = row.inputs.iter().map(|x| x.shape().to_string()).collect();
        println!(
            "{:<24} {:<28} {first:>8.1e} {second:>8.1e}",
            row.operation,
            shapes.join(" ")
        );
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n\n"));
}

/// The same operations checked along random directions, as large Jacobians are.
#[test]
fn directions_agree_too() {
    for row in catalogue() {
        for order in [1, 2] {
            let check = Check::order(order).dense(0).tolerance(if order == 1 {
                row.tolerance
            } else {
                1e-6
            });
            if let Err(failure) = check.run(row.f, &row.inputs) {
                panic!("{}: {failure}", row.operation);
            }
        }
    }
}

/// The public methods of `Var` in the rules are all in the table.
#[test]
fn no_operation_is_missing() {
    let listed: BTreeSet<String> = catalogue()
        .iter()
        .map(|row| row.operation.split(' ').next().expect("a name").to_owned())
        .collect();
    let missing: Vec<String> = sources()
        .iter()
        .flat_map(|source| methods(source))
        .filter(|method| !listed.contains(method))
        .collect();
    assert!(
        missing.is_empty(),
        "operations without a row in the catalogue: {missing:?}"
    );
}

/// The primitives that the rules define are all met while the catalogue runs, forward or in a
/// recorded backward sweep; and all that are met, the sources define, so the reading of the
/// sources does not overlook any form of definition in use.
#[test]
fn no_primitive_is_missing() {
    let mut met = BTreeSet::new();
    for row in catalogue() {
        met.extend(names_met(&row));
    }
    let defined: BTreeSet<String> = sources()
        .iter()
        .flat_map(|source| primitives(source))
        .collect();
    let unmet: Vec<&String> = defined.difference(&met).collect();
    assert!(
        unmet.is_empty(),
        "primitives that the catalogue never runs: {unmet:?}"
    );
    let unknown: Vec<&String> = met.difference(&defined).collect();
    assert!(
        unknown.is_empty(),
        "primitives whose definition was not recognised: {unknown:?}"
    );
}

/// Names of the primitives on the tape after the function, its gradient, and that one's gradient.
fn names_met(row: &Row) -> BTreeSet<String> {
    let tape = Tape::<f64>::new();
    let x: Vec<Var<f64>> = row.inputs.iter().map(|x| tape.leaf(x.clone())).collect();
    let wanted: Vec<&Var<f64>> = x.iter().collect();
    let mut results = vec![(row.f)(&x)];
    for _ in 0..2 {
        let weigh = |y: &Var<f64>| (y * tape.leaf(sample(*y.shape()))).sum(..);
        let total = results.iter().map(weigh).reduce(|a, b| a + b);
        results = grad(&total.expect("a function has a result"), &wanted);
    }
    let nodes = tape.nodes();
    let computed = nodes.iter().filter(|node| !node.is_leaf());
    // A formula's derivatives are named after it, and come from the table of derivatives.
    let derived = |name: &String| {
        name.rsplit_once(".vjp")
            .is_some_and(|(_, i)| !i.is_empty() && i.bytes().all(|byte| byte.is_ascii_digit()))
    };
    computed
        .map(|node| node.name())
        .filter(|name| !derived(name))
        .collect()
}

/// The text of every file of rules.
fn sources() -> Vec<String> {
    fn read(path: &Path) -> Vec<String> {
        if path.is_dir() {
            let entries = std::fs::read_dir(path).expect("the rules are here");
            let paths = entries.map(|entry| entry.expect("readable").path());
            paths.flat_map(|path| read(&path)).collect()
        } else {
            vec![std::fs::read_to_string(path).expect("a rule is text")]
        }
    }
    let sources = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rules"));
    assert!(sources.len() > 4, "every family has a file");
    sources
}

/// Methods that the tables `functions!` and `pairs!` make: lines such as `exp, |x| x.exp(), "..";`.
fn tabled(source: &str) -> Vec<String> {
    let mut inside = false;
    let mut names = Vec::new();
    for line in source.lines() {
        if ["functions! {", "pairs! {"].contains(&line) {
            inside = true;
        } else if line == "}" {
            inside = false;
        } else if inside && let Some((name, _)) = line.split_once(", |") {
            names.push(name.trim().to_owned());
        }
    }
    names
}

/// Names of the operators, `operator!(Add, add, +)`.
fn operators(source: &str) -> Vec<String> {
    let calls = source
        .lines()
        .filter_map(|line| line.strip_prefix("operator!("));
    calls
        .filter_map(|call| Some(call.split(", ").nth(1)?.to_owned()))
        .collect()
}

/// All that the sources add to `Var`.
fn methods(source: &str) -> Vec<String> {
    let declared = source
        .lines()
        .filter_map(|line| line.strip_prefix("    pub fn "));
    let declared = declared.filter_map(|line| Some(line.split(['(', '<']).next()?.to_owned()));
    declared
        .chain(tabled(source))
        .chain(operators(source))
        .collect()
}

/// All names of primitives: the tables', the formulas', and those a `fn name` spells out.
fn primitives(source: &str) -> Vec<String> {
    let mut names = tabled(source);
    names.extend(operators(source));
    let literal = |text: &str| Some(text.split('"').nth(1)?.to_owned());
    let formulas = source.split("Pointwise::new(").skip(1);
    names.extend(
        formulas
            .filter(|text| text.trim_start().starts_with('"'))
            .filter_map(literal),
    );
    for body in source.split("fn name(&self)").skip(1) {
        let body = body.split("\n    }").next().expect("split has a first");
        let spelled: Vec<String> = body
            .split('"')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect();
        assert!(!spelled.is_empty(), "a name that is not spelled out:{body}");
        names.extend(spelled);
    }
    names
}

/// What the tolerances of the table rest on.
#[test]
fn samples_are_further_from_kinks_and_ties_than_a_step() {
    for elements in [1, 2, 3, 6, 8, 12, 14, 24] {
        let mut values = sample([elements]).to_vec();
        values.push(0.0);
        values.sort_by(f64::total_cmp);
        assert!(
            values.windows(2).all(|pair| pair[1] - pair[0] > 0.15),
            "{values:?}"
        );
    }
}
