//! Derivatives of functions against each other and against closed forms.

use std::borrow::Cow;
use std::panic::catch_unwind;

use retrograd_autograd::functional::{hessian, hvp, jacobian, jvp, value_and_grad, vjp};
use retrograd_autograd::{Cotangents, Derivatives, Inputs, Needed, Output, Primitive, Saves, Var};
use retrograd_tensor::{DType, Shape, Tensor, assert_abs_diff_eq, random};

fn normal(shape: impl Into<Shape>, seed: u64) -> Tensor {
    Tensor::normal(shape, 0.0, 0.5, &mut random::rng(seed), DType::F64)
}

#[track_caller]
fn close(a: &Tensor, b: &Tensor) {
    assert_abs_diff_eq!(a, b, epsilon = 1e-13);
}

/// From [2, 3] and [3, 4] to [2, 4].
fn product(x: &[Var]) -> Var {
    x[0].sin().matmul(&x[1]).tanh()
}

/// J·u from the whole Jacobian, whose rows are the elements of the result.
fn times(j: &Tensor, u: &Tensor, y: &Shape) -> Tensor {
    let matrix = j.reshape(&[y.elements() as isize, u.elements() as isize]);
    let moved = matrix.matmul(&u.reshape(&[-1, 1]));
    moved.reshape(&y.iter().map(|&size| size as isize).collect::<Vec<_>>())
}

#[test]
fn all_of_them_agree_with_the_jacobian() {
    let x = [normal([2, 3], 1), normal([3, 4], 2)];
    let (u, v) = ([normal([2, 3], 3), normal([3, 4], 4)], normal([2, 4], 5));
    let j = jacobian(product, &x).unwrap();
    assert_eq!(*j[1].shape(), Shape::from([2, 4, 3, 4]));

    let (y, moved) = jvp(product, &x, &u).unwrap();
    let by_hand = &times(&j[0], &u[0], y.shape()) + &times(&j[1], &u[1], y.shape());
    close(&moved, &by_hand);

    let (same, pulled) = vjp(product, &x, &v).unwrap();
    assert_eq!(y, same);
    // ⟨v, J·u⟩ = ⟨v·J, u⟩.
    let dot = |a: &Tensor, b: &Tensor| (a * b).sum(..).item();
    let (left, right) = (
        dot(&v, &moved),
        dot(&pulled[0], &u[0]) + dot(&pulled[1], &u[1]),
    );
    assert_abs_diff_eq!(left, right, epsilon = 1e-13);
}

#[test]
fn columns_and_rows_are_the_same_jacobian() {
    // 2 elements to 8: by columns; the other way by rows.
    let wide = |x: &[Var]| (&x[0].exp() * Var::constant(normal([4, 2], 7))).sin();
    let x = normal([2], 6);
    let j = jacobian(wide, std::slice::from_ref(&x)).unwrap().remove(0);
    assert_eq!(*j.shape(), Shape::from([4, 2, 2]));
    for i in 0..8 {
        let row = |x: &[Var]| wide(x).reshape(&[-1]).select(0, i);
        let (_, gradient) = value_and_grad(row, std::slice::from_ref(&x)).unwrap();
        close(&j.reshape(&[8, 2]).select(0, i), &gradient[0]);
    }
}

#[test]
fn the_hessian_is_symmetric_and_hvp_multiplies_with_it() {
    let f = |x: &[Var]| product(x).square().sum(..);
    let x = [normal([2, 3], 1), normal([3, 4], 2)];
    let u = [normal([2, 3], 3), normal([3, 4], 4)];
    let h = hessian(f, &x).unwrap();
    let (a, b) = (h[0][1].reshape(&[6, 12]), h[1][0].reshape(&[12, 6]));
    close(&a, &b.t().copied());
    let moved = hvp(f, &x, &u).unwrap();
    for (k, moved) in moved.iter().enumerate() {
        let by_hand =
            &times(&h[k][0], &u[0], moved.shape()) + &times(&h[k][1], &u[1], moved.shape());
        close(moved, &by_hand);
    }
    // x³ has the curvature 6x, alone in the plane.
    let cube = hessian(
        |x| x[0].powf(3.0).sum(..),
        &[Tensor::from_vec(vec![1.0, 2.0], [2])],
    )
    .unwrap();
    assert_eq!(cube[0][0].to_vec(), [6.0, 0.0, 0.0, 12.0]);
}

#[test]
fn what_does_not_depend_gives_zeros() {
    let x = [normal([2], 1), normal([3], 2)];
    let f = |x: &[Var]| x[0].square().sum(..);
    let zeros = Tensor::zeros([3], DType::F64);
    assert_eq!(value_and_grad(f, &x).unwrap().1[1], zeros);
    assert_eq!(hvp(f, &x, &x).unwrap()[1], zeros);
    assert_eq!(
        hessian(f, &x).unwrap()[1][1],
        Tensor::zeros([3, 3], DType::F64)
    );
    let constant = |_: &[Var]| Var::constant(normal([2], 3));
    assert_eq!(
        jvp(constant, &x, &x).unwrap().1,
        Tensor::zeros([2], DType::F64)
    );
    assert_eq!(
        jacobian(constant, &x).unwrap()[1],
        Tensor::zeros([2, 3], DType::F64)
    );
    // Linear: no second derivative.
    assert_eq!(
        hvp(|x| x[0].sum(..), &x, &x).unwrap()[0],
        Tensor::zeros([2], DType::F64)
    );
}

#[test]
fn awkward_shapes() {
    let j = |shape: Shape| {
        jacobian(|x| x[0].tanh(), &[normal(shape, 1)])
            .unwrap()
            .remove(0)
    };
    assert_eq!(*j(Shape::SCALAR).shape(), Shape::SCALAR);
    assert_eq!(*j(Shape::from([0, 3])).shape(), Shape::from([0, 3, 0, 3]));
    assert_eq!(j(Shape::from([1])).elements(), 1);
    let strided = normal([3, 2], 1).t();
    let (_, pulled) = vjp(
        |x| x[0].square(),
        std::slice::from_ref(&strided),
        &Tensor::ones([2, 3], DType::F64),
    )
    .unwrap();
    assert_eq!(pulled[0], strided.scale(2.0));
    let (_, moved) = jvp(
        |x| &x[0] * &x[0],
        std::slice::from_ref(&strided),
        std::slice::from_ref(&strided),
    )
    .unwrap();
    close(&moved, &(&strided * &strided).scale(2.0));
}

#[test]
fn f32_as_well() {
    let x = Tensor::from_vec::<f32>(vec![1.0, 2.0], [2]);
    let h = hessian(|x| x[0].powf(3.0).sum(..), &[x]).unwrap();
    assert_eq!(h[0][0].to_vec(), [6.0, 0.0, 0.0, 12.0]);
    assert_eq!(h[0][0].dtype(), DType::F32);
}

/// x², whose rule looks at values.
#[derive(Debug)]
struct Once;

impl Primitive for Once {
    fn name(&self) -> Cow<'static, str> {
        "once".into()
    }
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0] * x[0]
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::input(0)
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        Cotangents::from_iter([Some(Var::constant((x[0].value() * g.value()).scale(2.0)))])
    }
    fn derivatives(&self) -> Derivatives {
        Derivatives::First
    }
}

#[test]
fn a_missing_order_is_an_error_that_names_the_operation() {
    let f = |x: &[Var]| Var::apply(Once, &[&x[0]]).sum(..);
    let x = [Tensor::from_vec(vec![3.0], [1])];
    assert_eq!(value_and_grad(f, &x).unwrap().1[0].to_vec(), [6.0]);
    assert_eq!(jacobian(f, &x).unwrap()[0].to_vec(), [6.0]);
    for error in [
        hvp(f, &x, &x).unwrap_err(),
        hessian(f, &x).unwrap_err(),
        jvp(f, &x, &x).unwrap_err(),
    ] {
        assert!(error.of_rule && error.operation == "once", "{error}");
    }
}

#[test]
fn bad_use_is_refused_in_words() {
    let said = |f: fn()| {
        let payload = catch_unwind(f).expect_err("a panic");
        payload.downcast_ref::<String>().expect("words").clone()
    };
    assert!(
        said(|| drop(value_and_grad(|x| x[0].exp(), &[normal([2], 1)])))
            .contains("not a single number")
    );
    assert!(
        said(|| drop(vjp(|x| x[0].exp(), &[normal([2], 1)], &normal([3], 1))))
            .contains("shape [3]")
    );
    assert!(
        said(|| drop(jvp(|x| x[0].exp(), &[normal([2], 1)], &[])))
            .contains("1 inputs and 0 speeds")
    );
    let text = said(|| {
        let x = normal([2], 1);
        drop(jvp(
            |x| x[0].exp(),
            std::slice::from_ref(&x),
            &[x.cast(DType::F32)],
        ));
    });
    assert!(
        text.contains("input 0 has type f64, its speed f32"),
        "{text}"
    );
    let text = said(|| drop(jacobian(|x| x[0].exp(), &[normal([1, 1, 1, 1, 1], 1)])));
    assert!(text.contains("10 axes, more than 8"), "{text}");
}
