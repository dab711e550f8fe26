//! Movement.

use retrograd_autograd::Var;
use retrograd_tensor::{Convolution, DType, Shape, Tensor, assert_abs_diff_eq};

use super::{Function, agrees, constant, normal, refusal, views};

#[test]
fn nothing_moves_to_nothing() {
    let functions: [(&str, Function); 17] = [
        ("transpose", |x| x[0].transpose(0, 1)),
        ("unbind", |x| x[0].unbind(1).remove(1)),
        ("movedim", |x| x[0].movedim(&[0], &[1])),
        ("flatten", |x| x[0].flatten(0, -1)),
        ("flip", |x| x[0].flip(..)),
        ("roll", |x| x[0].roll(0, 3)),
        ("roll the other", |x| x[0].roll(1, -1)),
        ("tile", |x| x[0].tile(&[2, 2])),
        ("repeat_interleave", |x| x[0].repeat_interleave(1, 2)),
        ("narrow", |x| x[0].narrow(0, 0, 0)),
        ("stack", |x| Var::stack(&[&x[0], &x[0]], 0)),
        ("split", |x| x[0].split(0, 2).remove(0)),
        ("diagonal", |x| x[0].diagonal(0, [0, 1])),
        ("diag_embed", |x| x[0].diag_embed(0, [0, 1])),
        ("tril", |x| x[0].tril(0)),
        ("unfold", |x| x[0].unfold(1, 2, 1)),
        ("pad_replicate", |x| x[0].pad_replicate(&[[1, 1]])),
    ];
    for (name, f) in functions {
        assert_eq!(
            agrees(name, f, &[Tensor::zeros([0, 3], DType::F64)]),
            0,
            "{name}"
        );
    }
    // Around nothing there can be something, which does not move.
    let padded = |x: &[Var]| x[0].pad(&[[1, 0], [0, 0]], 2.0);
    agrees("pad", padded, &[Tensor::zeros([0, 3], DType::F64)]);
    agrees(
        "trace",
        |x| x[0].trace(),
        &[Tensor::zeros([2, 0, 0], DType::F64)],
    );
    let none = [Tensor::zeros([0, 4, 2, 2], DType::F64)];
    agrees("pixel_shuffle", |x| x[0].pixel_shuffle(2), &none);
    agrees("pixel_unshuffle", |x| x[0].pixel_unshuffle(2), &none);
    let windows = |x: &[Var]| x[0].im2col([2, 1], &Convolution::default());
    agrees("im2col", windows, &none);
    // Copies of which there are none.
    agrees("no tiles", |x| x[0].tile(&[0, 1]), &[normal([2, 3])]);
    agrees(
        "no copies",
        |x| x[0].repeat_each(0, &[0, 0]),
        &[normal([2, 3])],
    );
    // A diagonal beside the matrix.
    agrees("outside", |x| x[0].diagonal(7, [0, 1]), &[normal([2, 3])]);
}

#[test]
fn one_number_has_axes_to_gain() {
    let functions: [(&str, Function); 7] = [
        ("flatten", |x| x[0].flatten(0, -1)),
        ("expand", |x| x[0].expand(&[2, 3])),
        ("tile", |x| x[0].tile(&[2, 1])),
        ("repeat nothing", |x| x[0].repeat(&[])),
        ("stack", |x| Var::stack(&[&x[0], &x[0]], -1)),
        ("squeeze_all", |x| x[0].squeeze_all()),
        ("pad nothing", |x| x[0].pad(&[], 1.0)),
    ];
    for (name, f) in functions {
        assert!(agrees(name, f, &[Tensor::scalar(0.7)]) > 0, "{name}");
    }
    let lone: [(&str, Function); 6] = [
        ("squeeze_all", |x| x[0].squeeze_all()),
        ("roll", |x| x[0].roll(0, 5)),
        ("diagonal", |x| x[0].diagonal(0, [0, 1])),
        ("pad_replicate", |x| x[0].pad_replicate(&[[3, 2]])),
        ("trace", |x| x[0].trace()),
        ("unfold", |x| x[0].unfold(0, 1, 1)),
    ];
    for (name, f) in lone {
        assert!(agrees(name, f, &[normal([1, 1])]) > 0, "{name}");
    }
}

#[test]
fn views_move_as_their_copies_do() {
    let functions: [(&str, Function); 13] = [
        ("flatten", |x| x[0].flatten(0, -1)),
        ("roll", |x| x[0].roll(0, 1)),
        ("pad", |x| x[0].pad(&[[1, 0], [-1, 2]], 0.5)),
        ("pad_reflect", |x| x[0].pad_reflect(&[[1, 0]])),
        ("tile", |x| x[0].tile(&[2, 2])),
        ("repeat_interleave", |x| x[0].repeat_interleave(-1, 2)),
        ("diagonal", |x| x[0].diagonal(-1, [1, 0])),
        ("diag_embed", |x| x[0].diag_embed(1, [0, 2])),
        ("tril", |x| x[0].tril(0)),
        ("triu", |x| x[0].triu(0)),
        ("unfold", |x| x[0].unfold(0, 2, 1)),
        ("chunk", |x| x[0].chunk(0, 2).remove(1)),
        ("twice", |x| Var::stack(&[&x[0], &x[0].flip(0)], 1)),
    ];
    for view in views(&normal([4, 5])) {
        for (name, f) in functions {
            let copy = f(&[Var::constant(view.copied())]);
            assert_eq!(f(&[Var::constant(view.clone())]).value(), copy.value());
            agrees(name, f, std::slice::from_ref(&view));
        }
    }
}

#[test]
fn values_are_where_their_definition_says() {
    let x = constant(&[1.0, 2.0, 3.0, 4.0], [4]);
    let values = |x: Var| x.value().to_vec();
    assert_eq!(values(x.roll(0, 1)), [4.0, 1.0, 2.0, 3.0]);
    assert_eq!(
        values(x.pad_reflect(&[[2, 1]])),
        [3.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0]
    );
    assert_eq!(values(x.pad_replicate(&[[1, -2]])), [1.0, 1.0, 2.0]);
    assert_eq!(
        values(x.repeat_each(0, &[0, 2, 1, 1])),
        [2.0, 2.0, 3.0, 4.0]
    );
    assert_eq!(values(x.narrow(0, 1, 2).tile(&[2])), [2.0, 3.0, 2.0, 3.0]);
    assert_eq!(
        values(x.narrow(0, 1, 2).repeat_interleave(0, 2)),
        [2.0, 2.0, 3.0, 3.0]
    );
    let sizes =
        |parts: Vec<Var>| -> Vec<usize> { parts.iter().map(|part| part.shape()[0]).collect() };
    assert_eq!(sizes(x.split(0, 3)), [3, 1]);
    assert_eq!(sizes(x.chunk(0, 3)), [2, 2]);
    let image = Var::constant(Tensor::arange(16, DType::F64).reshape(&[1, 1, 4, 4]));
    let windows = image.im2col([2, 2], &Convolution::default().stride([2, 2]));
    assert_eq!(windows.value().select(2, 1).to_vec(), [2.0, 3.0, 6.0, 7.0]);
    let channels = image.pixel_unshuffle(2);
    assert_eq!(
        channels.value().select(1, 1).to_vec(),
        [1.0, 3.0, 9.0, 11.0]
    );
    assert_eq!(channels.pixel_shuffle(2).value(), image.value());
}

/// A convolution is a product with its windows.
#[test]
fn windows_are_those_of_a_convolution() {
    let (x, w) = (normal([2, 3, 6, 7]), normal([4, 3, 2, 3]));
    let options = Convolution::default()
        .stride([2, 1])
        .padding([1, 2])
        .dilation([2, 2]);
    let y = x.conv2d(&w, None, &options);
    let columns = Var::constant(x).im2col([2, 3], &options);
    let rows = w.reshape(&[4, -1]);
    let product = rows.matmul(columns.value()).with_shape(*y.shape());
    assert_abs_diff_eq!(product, y, epsilon = 1e-12);
}

#[test]
fn what_does_not_fit_is_refused_in_words() {
    let x = Var::constant(normal([2, 3]));
    let shape = |sizes: &[usize]| Var::constant(normal(Shape::from(sizes)));
    assert_eq!(
        refusal(|| x.narrow(1, 2, 2)),
        "narrow: [2, 3]: 2 positions from 2 of axis 1, which has 3"
    );
    assert_eq!(
        refusal(|| x.pad_reflect(&[[3, 0]])),
        "pad_reflect: [2, 3]: [3, 0] is more than the 3 positions of axis 1 can fill"
    );
    assert_eq!(
        refusal(|| x.split_sizes(1, &[1, 1])),
        "split_sizes: [2, 3]: [1, 1] do not add up to the 3 positions of axis 1"
    );
    assert_eq!(
        refusal(|| Var::stack(&[&x, &x.t()], 0)),
        "stack: [2, 3] x [3, 2]: all shapes must be equal"
    );
    assert_eq!(
        refusal(|| x.repeat(&[2])),
        "repeat: [2, 3]: 1 counts for 2 axes; tile takes fewer"
    );
    assert_eq!(
        refusal(|| shape(&[3, 2, 2]).pixel_shuffle(2)),
        "pixel_shuffle: [3, 2, 2]: 3 channels are no multiple of 4"
    );
    assert_eq!(
        refusal(|| x.flip([0, -2])),
        "flip: [2, 3]: axis -2 is named twice"
    );
    assert!(refusal(|| x.movedim(&[0], &[2])).starts_with("movedim: [2, 3]: axis 2"));
}
