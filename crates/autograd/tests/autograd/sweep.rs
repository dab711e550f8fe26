//! What the tape and the backward sweep promise.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use retrograd_autograd::{
    Cotangents, Inputs, Mode, Needed, Output, Primitive, Saves, Tape, Var, checkpoint, grad,
};
use retrograd_tensor::{DType, Shape, Slice, Tensor, random};

type Function = fn(&Var) -> Var;
type Pair = fn(&Var, &Var) -> Var;

fn numbers(values: &[f64]) -> Tensor {
    Tensor::from_vec(values.to_vec(), [values.len()])
}

/// The message of the panic that `f` must end in.
fn panic_text(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("a panic");
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| {
        payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
    })
    .expect("a panic in words")
}

fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

#[test]
fn a_second_sweep_after_freeing_names_node_operation_and_line() {
    let tape = Tape::new();
    let x = tape.leaf(numbers(&[1.0, 2.0]));
    let h = x.exp();
    let line = line!() + 1;
    let y = h.sum(..);
    let _ = y.backward();
    let text = panic_text(|| {
        let _ = y.backward();
    });
    assert_says(
        &text,
        &[
            "backward",
            "node 2",
            "sum",
            &format!("sweep.rs:{line}"),
            "backward_retaining",
        ],
    );
    // A result that only shares a part with the first one is named by that part.
    let text = panic_text(|| {
        let _ = (&h * 2.0).sum(..).backward();
    });
    assert_says(&text, &["node 1", "exp", "sweep.rs"]);
    assert_says(
        &panic_text(|| {
            let _ = grad(&y, &[&x]);
        }),
        &["freed"],
    );
}

#[test]
fn a_retaining_sweep_can_be_repeated() {
    let tape = Tape::new();
    let x = tape.leaf(numbers(&[0.3, -0.7, 1.1]));
    let y = (x.tanh() * &x + x.logsumexp(..)).sum(..);
    let first = y.backward_retaining();
    let second = y.backward_retaining();
    let last = y.backward();
    assert_eq!(first.of(&x), second.of(&x));
    assert_eq!(first.of(&x), last.of(&x));
}

#[test]
fn gradients_of_gradients_of_gradients() {
    for power in [
        (|x| x.powf(4.0)) as fn(&Var) -> Var,
        |x| x.square().square(),
        |x| x * x * x * x,
    ] {
        let tape = Tape::new();
        let x = tape.leaf(Tensor::scalar(1.5));
        let mut y = power(&x);
        let mut found = vec![y.item()];
        for _ in 0..4 {
            y = grad(&y, &[&x]).remove(0);
            found.push(y.item());
        }
        // x⁴, 4x³, 12x², 24x, 24.
        assert_eq!(found, [5.0625, 13.5, 27.0, 36.0, 24.0]);
    }
}

#[test]
fn a_gradient_can_be_swept_like_any_result() {
    let tape = Tape::new();
    let x = tape.leaf(numbers(&[1.0, 2.0]));
    let slope = grad(&(&x * &x * &x).sum(..), &[&x]).remove(0);
    // The penalty Σ (3x²)² has the gradient 36x³.
    assert_eq!(
        slope.square().sum(..).backward().of(&x).unwrap().to_vec(),
        [36.0, 288.0]
    );
}

#[test]
fn only_a_single_number_has_a_gradient() {
    let tape = Tape::new();
    let x = tape.leaf(numbers(&[1.0, 2.0]));
    let text = panic_text(|| {
        let _ = x.exp().backward();
    });
    assert_says(&text, &["shape [2]", "single number", "backward_from"]);
    let text = panic_text(|| {
        let _ = grad(&x.exp(), &[&x]);
    });
    assert_says(&text, &["single number"]);
    let text = panic_text(|| {
        let _ = x.exp().backward_from(&numbers(&[1.0, 1.0, 1.0]));
    });
    assert_says(&text, &["[3]", "[2]"]);
    let text = panic_text(|| {
        let _ = x.exp().backward_from(&Tensor::ones([2], DType::F32));
    });
    assert_says(&text, &["type f32", "type f64", "g.cast(DType::F64)"]);
    let text = panic_text(|| {
        let _ = Var::constant(Tensor::scalar(1.0)).backward();
    });
    assert_says(&text, &["does not depend on any leaf"]);
}

#[test]
fn a_step_has_one_tape() {
    let (one, two) = (Tape::new(), Tape::new());
    let (x, y) = (one.leaf(Tensor::scalar(1.0)), two.leaf(Tensor::scalar(2.0)));
    let text = panic_text(|| {
        let _ = &x * &y;
    });
    assert_says(&text, &["mul", "two tapes", "constant"]);
    assert_says(
        &panic_text(|| {
            let _ = grad(&x.exp(), &[&y]);
        }),
        &["another tape"],
    );
    assert!((&x * one.constant(y.value().clone())).is_tracked());
    // Both leaves are node 0, of their own tapes.
    let gradients = y.square().backward();
    let text = panic_text(|| {
        let _ = gradients.of(&x);
    });
    assert_says(&text, &["node 0", "another tape"]);
}

#[test]
fn constants_record_nothing() {
    let free = Var::constant(numbers(&[1.0, 2.0]));
    let result = (&free * 2.0).exp().sum(..);
    assert!(!result.is_tracked() && result.tape().is_none());

    let tape = Tape::new();
    let _leaf = tape.leaf(Tensor::scalar(1.0));
    let data = tape.constant(numbers(&[1.0, 2.0]));
    let result = (&data * &free).tanh().matmul_free();
    assert!(result.tape().is_some_and(|own| own.is(&tape)));
    assert!(!result.is_tracked());
    assert_eq!(tape.len(), 1);
}

/// A few operations of other families, for the test above.
trait Families {
    fn matmul_free(&self) -> Self;
}

impl Families for Var {
    fn matmul_free(&self) -> Self {
        let row = self.unsqueeze(0);
        Self::cat(&[&row.matmul_nt(&row), &row.t().max(keep_all())], 0)
            .slice(0, 1..)
            .sum(..)
    }
}

fn keep_all() -> retrograd_tensor::Axes {
    retrograd_tensor::keep(..)
}

#[test]
fn nothing_flows_through_stop_gradient() {
    let tape = Tape::new();
    let x = tape.leaf(Tensor::scalar(3.0));
    let before = tape.len();
    let stopped = x.stop_gradient();
    assert!(!stopped.is_tracked() && tape.len() == before);
    assert!(stopped.tape().is_some_and(|own| own.is(&tape)));
    assert_eq!((&x * &stopped).backward().of(&x).unwrap().item(), 3.0);
    let text = panic_text(|| {
        let _ = stopped.exp().backward();
    });
    assert_says(&text, &["no derivative"]);
}

#[test]
fn a_keyed_leaf_is_one_node_however_often_it_is_used() {
    let tape = Tape::new();
    let weight = numbers(&[2.0, -1.0]);
    let first = tape.keyed_leaf(7, "weight", weight.clone());
    let other = tape.keyed_leaf(8, "bias", weight.clone());
    let again = tape.keyed_leaf(7, "weight", weight);
    assert_eq!(first.node(), again.node());
    assert_ne!(first.node(), other.node());
    assert_eq!(tape.len(), 2);
    // Σ w² + 3w: one use of each Var.
    let y = (first.square() + &again * 3.0).sum(..);
    let gradients = y.backward();
    assert_eq!(gradients.of(&first).unwrap().to_vec(), [7.0, 1.0]);
    assert_eq!(gradients.of(&again), gradients.of(&first));
    assert_eq!(gradients.of_key(7), gradients.of(&first));
    assert_eq!((gradients.of_key(8), gradients.of_key(9)), (None, None));
}

#[test]
fn a_keyed_leaf_is_a_constant_in_evaluation() {
    let tape = Tape::with(Mode::Evaluation, random::rng(0));
    let weight = tape.keyed_leaf(7, "weight", numbers(&[2.0, -1.0]));
    assert!(!weight.square().is_tracked() && tape.is_empty());
    assert!(weight.tape().is_some_and(|own| own.is(&tape)));
}

#[test]
fn a_leaf_that_the_result_ignores() {
    let tape = Tape::new();
    let (x, idle) = (
        tape.leaf(Tensor::scalar(2.0)),
        tape.leaf(Tensor::zeros([2, 3], DType::F64)),
    );
    let y = x.square();
    let late = tape.leaf(Tensor::zeros([4], DType::F64));
    let gradients = grad(&y, &[&x, &idle, &late]);
    assert_eq!(gradients[0].item(), 4.0);
    assert_eq!(*gradients[1].value(), Tensor::zeros([2, 3], DType::F64));
    assert_eq!(*gradients[2].value(), Tensor::zeros([4], DType::F64));
    let gradients = y.backward();
    assert!(gradients.of(&idle).is_none() && gradients.of(&late).is_none());
    // What is used, but cannot move the result, is ignored as well.
    let z = x.sign() * &x;
    assert_eq!(z.backward().of(&x).unwrap().item(), 1.0);
}

#[test]
fn grad_reaches_inner_nodes_and_the_result_itself() {
    let tape = Tape::new();
    let x = tape.leaf(Tensor::scalar(0.5));
    let h = x.exp();
    let y = h.square();
    let found = grad(&y, &[&h, &y, &x]);
    assert_eq!(found[0].item(), 2.0 * h.item());
    assert_eq!(found[1].item(), 1.0);
    assert_eq!(found[2].item(), 2.0 * h.item() * h.item());
}

#[test]
fn parameters_are_unique_again_after_the_sweep() {
    let mut weight = Tensor::normal([4, 3], 0.0, 1.0, &mut random::rng(1), DType::F64);
    let mut bias = Tensor::zeros([4], DType::F64);
    let data = Tensor::normal([5, 3], 0.0, 1.0, &mut random::rng(2), DType::F64);
    let tape = Tape::new();
    let gradients = {
        let w = tape.keyed_leaf(0, "weight", weight.clone());
        let b = tape.keyed_leaf(1, "bias", bias.clone());
        let h = (tape.constant(data.clone()).matmul_nt(&w) + &b).relu();
        let y = (&h * &h).mean(..) + w.square().sum(..);
        assert!(!weight.is_unique());
        y.backward()
    };
    // The tape and the gradients are still here; what the nodes saved is not.
    assert!(weight.is_unique() && bias.is_unique() && data.is_unique());
    let address = weight.as_slice::<f64>().unwrap().as_ptr();
    weight.add_assign(&gradients.of_key(0).unwrap().scale(-0.1));
    bias.add_assign(&gradients.of_key(1).unwrap().scale(-0.1));
    assert_eq!(
        weight.as_slice::<f64>().unwrap().as_ptr(),
        address,
        "updated in place"
    );
    assert_eq!(
        tape.nodes().iter().map(|n| n.saved_bytes()).sum::<usize>(),
        0
    );
}

#[test]
fn dropping_every_handle_frees_the_tape() {
    let x = numbers(&[0.5, 2.0]);
    {
        let tape = Tape::new();
        let leaf = tape.keyed_leaf(3, "x", x.clone());
        let y = (leaf.exp() * &leaf).sum(..);
        let slope = grad(&y, &[&leaf]).remove(0);
        let curvature = grad(&slope.sum(..), &[&leaf]).remove(0);
        assert!(!x.is_unique());
        drop((tape, leaf, y, slope));
        // One Var is enough to keep its history.
        assert!(!x.is_unique() && curvature.is_tracked());
    }
    assert!(x.is_unique());
}

/// Gradients of all parameters of a two-layer network, on `threads` threads.
fn network_gradients(threads: usize, dtype: DType) -> Vec<Tensor> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .expect("threads");
    pool.install(|| {
        let mut rng = random::rng(11);
        let mut normal = |shape: &[usize], deviation| {
            let shape = retrograd_tensor::Shape::new(shape).expect("a small shape");
            Tensor::normal(shape, 0.0, deviation, &mut rng, dtype)
        };
        let tape = Tape::new();
        let x = tape.constant(normal(&[200, 301], 1.0));
        let parameters = [
            normal(&[257, 301], 0.1),
            normal(&[257], 0.1),
            normal(&[65, 257], 0.1),
            normal(&[65], 0.1),
        ]
        .map(|value| tape.leaf(value));
        let [w1, b1, w2, b2] = &parameters;
        let hidden = (x.matmul_nt(w1) + b1).gelu();
        let y = (hidden.matmul_nt(w2) + b2).logsumexp(-1).mean(..);
        let gradients = y.backward();
        let of = |leaf| gradients.of(leaf).expect("every parameter counts").clone();
        parameters.iter().map(of).collect()
    })
}

#[test]
fn gradients_are_the_same_bits_on_any_number_of_threads() {
    let bits = |threads| -> Vec<Vec<u32>> {
        let gradients = network_gradients(threads, DType::F32);
        let bits = |g: &Tensor| g.values::<f32>().iter().map(|x| x.to_bits()).collect();
        gradients.iter().map(bits).collect()
    };
    let one = bits(1);
    assert!(one.iter().flatten().any(|&bits| bits != 0));
    for threads in [2, 5] {
        assert!(bits(threads) == one, "{threads} threads");
    }
    let double = |threads| network_gradients(threads, DType::F64);
    let one = double(1);
    assert!(double(2) == one && double(5) == one);
}

#[test]
fn the_second_derivative_of_something_linear_is_zero() {
    let tape = Tape::new();
    let x = tape.leaf(Tensor::scalar(2.0));
    let first = grad(&(&x * 3.0), &[&x]).remove(0);
    assert_eq!((first.item(), grad(&first, &[&x])[0].item()), (3.0, 0.0));
}

#[test]
fn a_derivative_goes_by_the_line_of_what_is_differentiated() {
    let tape = Tape::new();
    let x = tape.leaf(Tensor::scalar(2.0));
    let line = line!() + 1;
    let y = x.tanh();
    let before = tape.len();
    let _ = grad(&y, &[&x]);
    assert!(tape.len() > before);
    assert!(
        tape.nodes()[before..]
            .iter()
            .all(|node| node.location().line() == line)
    );
}

#[test]
fn a_sum_of_constant_cotangents_can_be_differentiated_again() {
    let linear: [(Function, f64); 5] = [
        (|x| x + x, 2.0),
        (|x| x - x, 0.0),
        (|x| x + x + x, 3.0),
        (|x| x * 2.0, 2.0),
        (
            |x| Var::cat(&[&x.unsqueeze(0), &x.unsqueeze(0)], 0).sum(..),
            2.0,
        ),
    ];
    for (f, slope) in linear {
        let tape = Tape::new();
        let x = tape.leaf(Tensor::scalar(1.5));
        let first = grad(&f(&x), &[&x]).remove(0);
        assert_eq!(first.item(), slope);
        assert!(first.tape().is_some_and(|own| own.is(&tape)));
        let second = grad(&first, &[&x]).remove(0);
        assert_eq!((second.item(), grad(&second, &[&x])[0].item()), (0.0, 0.0));
    }
}

/// x, with a rule that panics.
#[derive(Debug)]
struct Faulty;

impl Primitive for Faulty {
    fn name(&self) -> Cow<'static, str> {
        "faulty".into()
    }
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].clone()
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::NOTHING
    }
    fn vjp(&self, _x: &Inputs, _y: &Output, _g: &Var) -> Cotangents {
        panic!("no such rule")
    }
}

#[test]
fn a_rule_that_panics_leaves_the_line_to_what_comes_after() {
    let tape = Tape::new();
    let x = tape.leaf(Tensor::scalar(2.0));
    let y = Var::apply(Faulty, &[&x]);
    let text = panic_text(|| {
        let _ = grad(&y, &[&x]);
    });
    assert_eq!(text, "no such rule");
    let line = line!() + 1;
    let z = x.exp();
    let node = z.node().expect("x is tracked");
    assert_eq!(tape.nodes()[node].location().line(), line);
}

/// A rule that forgets the type.
#[derive(Debug)]
struct Single;

impl Primitive for Single {
    fn name(&self) -> Cow<'static, str> {
        "single".into()
    }
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].clone()
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::NOTHING
    }
    fn vjp(&self, _x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        Cotangents::from_iter([Some(g.value().cast(DType::F32).into())])
    }
}

#[test]
fn a_cotangent_has_the_type_of_its_input() {
    let x = Tape::new().leaf(Tensor::scalar(2.0));
    let text = panic_text(|| {
        let _ = Var::apply(Single, &[&x]).backward();
    });
    let said = "single: the rule gave input 0, of type f64, a cotangent of type f32";
    assert_says(&text, &[said]);
}

#[test]
fn an_operation_has_any_number_of_inputs() {
    let tape = Tape::new();
    let leaves: Vec<Var> = (0..200).map(|i| tape.leaf(numbers(&[i.into()]))).collect();
    // Only some of them need a cotangent, also among those that share a bit.
    let operands: Vec<Var> = leaves
        .iter()
        .enumerate()
        .map(|(i, x)| {
            if i % 3 == 0 {
                x.stop_gradient()
            } else {
                x.clone()
            }
        })
        .collect();
    let joined = Var::cat(&operands.iter().collect::<Vec<_>>(), 0);
    let gradients = joined.square().sum(..).backward();
    for (i, x) in leaves.iter().enumerate() {
        let expected = (i % 3 != 0).then_some(2.0 * i as f64);
        assert_eq!(gradients.of(x).map(|g| g.item()), expected);
    }
    let sum = |x: &[Var]| {
        let all: Vec<&Var> = x.iter().collect();
        Var::stack(&all, 0).square().sum(..)
    };
    let region = checkpoint(&leaves.iter().collect::<Vec<_>>(), sum);
    let gradients = region.backward();
    for (i, x) in leaves.iter().enumerate() {
        assert_eq!(gradients.of(x).expect("a gradient").item(), 2.0 * i as f64);
    }
}

#[test]
fn parts_of_one_tensor_are_added_up_in_place() {
    let tape = Tape::new();
    let x = tape.leaf(Tensor::arange(24, DType::F64).reshape(&[4, 3, 2]));
    let loss = |x: &Var| {
        let rows = x.slice(0, 1..3) * x.slice(0, 0..2);
        let back = x.slice(1, Slice::all().step(-2)).square();
        let columns = (x.select(2, 0) * x.select(2, 1)).sum(..);
        rows.sum(..) + back.sum(..) + columns + x.sum(..)
    };
    let in_place = loss(&x).backward().of(&x).expect("a gradient").clone();
    // A recorded sweep makes each part's cotangent.
    let recorded = grad(&loss(&x), &[&x]).remove(0);
    assert_eq!(&in_place, recorded.value());
}

#[test]
fn the_mean_of_nothing_is_nan() {
    let nothing = Var::constant(Tensor::zeros([2, 0], DType::F64));
    assert!(nothing.mean(..).item().is_nan());
    assert!(nothing.mean(1).value().to_vec().iter().all(|v| v.is_nan()));
}

/// What is said when `f` is given zeros of these shapes, which do not fit.
fn misfit(f: Pair, a: &[usize], b: &[usize]) -> String {
    let zeros = |sizes| {
        Var::constant(Tensor::zeros(
            Shape::new(sizes).expect("a small shape"),
            DType::F64,
        ))
    };
    panic_text(|| {
        let _ = f(&zeros(a), &zeros(b));
    })
}

#[test]
fn products_that_do_not_fit_are_described_as_they_were_written() {
    assert_eq!(
        misfit(|a, b| a.matmul_nt(b), &[32, 128], &[128, 784]),
        "matmul_nt: [32, 128] x [128, 784]: inner sizes 128 (left, axis 1) and 784 (right, axis 1, \
         read transposed) differ"
    );
    assert_eq!(
        misfit(|a, b| a.matmul_tn(b), &[32, 128], &[128, 784]),
        "matmul_tn: [32, 128] x [128, 784]: inner sizes 32 (left, axis 0, read transposed) and 128 \
         (right, axis 0) differ"
    );
    assert_eq!(
        misfit(|a, b| a.matmul_tt(b), &[2, 3], &[4, 5]),
        "matmul_tt: [2, 3] x [4, 5]: inner sizes 2 (left, axis 0, read transposed) and 5 (right, \
         axis 1, read transposed) differ"
    );
    assert_eq!(
        misfit(|a, b| a.matmul_nt(b), &[6, 2, 3], &[4, 5]),
        "matmul_nt: [6, 2, 3] x [4, 5]: inner sizes 3 (left, axis 2) and 5 (right, axis 1, read \
         transposed) differ"
    );
    assert_eq!(
        misfit(|a, b| a.matmul_nt(b), &[2, 1, 3], &[3, 4, 3]),
        "matmul_nt: [2, 1, 3] x [3, 4, 3]: the batch axes (all but the last two) do not broadcast"
    );
}

#[test]
fn what_was_well_said_about_products_stays() {
    // Where nothing is transposed, `t()` is good advice.
    assert_says(
        &misfit(|a, b| a.matmul(b), &[2, 3], &[4, 3]),
        &["matmul: [2, 3] x [4, 3]", "did you mean right.t()?"],
    );
    assert_says(
        &misfit(|a, b| a.matmul_nt(b), &[3], &[3]),
        &["rank 1, not a matrix", "unsqueeze"],
    );
}
