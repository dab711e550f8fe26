//! Convolutions and pooling over three axes.

use retrograd_autograd::Var;
use retrograd_tensor::{Convolution, DType, Pooling, Tensor, assert_abs_diff_eq};

use super::{agrees, constant, normal, refusal, slopes};

/// The definition: every tap of every window, where it reads inside.
fn naive(x: &Tensor, weight: &Tensor, options: &Convolution<3>) -> Tensor {
    let [batch, _, sizes @ ..] = <[usize; 5]>::try_from(&x.shape()[..]).unwrap();
    let [out, of_group, taps @ ..] = <[usize; 5]>::try_from(&weight.shape()[..]).unwrap();
    let windows = |axis: usize| {
        let (before, after) = options.padding[axis];
        let extent = options.dilation[axis] * (taps[axis] - 1) + 1;
        (sizes[axis] + before + after - extent) / options.stride[axis] + 1
    };
    let shape = [batch, out, windows(0), windows(1), windows(2)];
    Tensor::from_fn(shape, |at| {
        let group = at[1] / (out / options.groups);
        let mut sum = 0.0;
        let _ = Tensor::from_fn([of_group, taps[0], taps[1], taps[2]], |tap| {
            let position = |axis: usize| {
                let start = at[axis + 2] * options.stride[axis];
                (start + tap[axis + 1] * options.dilation[axis])
                    .checked_sub(options.padding[axis].0)
                    .filter(|&position| position < sizes[axis])
            };
            if let (Some(i), Some(j), Some(k)) = (position(0), position(1), position(2)) {
                let place = [at[0], group * of_group + tap[0], i, j, k];
                let weight = weight.at(&[at[1], tap[0], tap[1], tap[2], tap[3]]);
                sum += x.at(&place) * weight;
            }
            0.0
        });
        sum
    })
}

fn options() -> [Convolution<3>; 3] {
    let plain = Convolution::default();
    let uneven = Convolution {
        padding: [(2, 0), (0, 1), (1, 1)],
        ..plain.stride([2, 1, 2]).dilation([1, 2, 1])
    };
    [
        plain,
        uneven,
        plain.groups(2).dilation([2, 1, 1]).padding([1, 1, 0]),
    ]
}

#[test]
fn convolutions_are_their_definition() {
    for options in options() {
        let x = normal([2, 4, 5, 4, 3]);
        let weight = normal([6, 4 / options.groups, 3, 2, 2]);
        let found = Var::constant(x.clone()).conv3d(&weight.clone().into(), None, &options);
        let expected = naive(&x, &weight, &options);
        assert_abs_diff_eq!(found.value(), &expected, epsilon = 1e-12);
    }
}

/// The transpose is the adjoint: what a convolution's slope in its input is.
#[test]
fn transposed_convolutions_are_adjoints() {
    for options in options() {
        let (x, weight) = (
            normal([2, 4, 6, 4, 4]),
            normal([6, 4 / options.groups, 3, 2, 2]),
        );
        let turn = |x: &[Var]| x[0].conv3d(&x[1], None, &options);
        let y = turn(&[x.clone(), weight.clone()].map(Var::constant));
        let g = normal(*y.shape());
        let weighed = |x: &[Var]| turn(x) * Var::constant(g.clone());
        let slope = slopes(weighed, &[x.clone(), weight.clone()]).remove(0);
        // What a stride leaves over at the end.
        let rest = [0, 1, 2].map(|axis| {
            let (before, after) = options.padding[axis];
            let extent = options.dilation[axis] * ([3, 2, 2][axis] - 1) + 1;
            (x.shape()[axis + 2] + before + after - extent) % options.stride[axis]
        });
        let found = Var::constant(g).conv_transpose3d(&weight.into(), None, &options, rest);
        assert_eq!(found.shape(), x.shape());
        assert_abs_diff_eq!(found.value().to_vec()[..], slope[..], epsilon = 1e-12);
    }
}

#[test]
fn pools_of_boxes() {
    let x = normal([2, 5, 4, 6]);
    let var = Var::constant(x.clone());
    let largest = var.max_pool3d(&Pooling::new([2, 2, 3]).stride([1, 2, 3]));
    let means = var.avg_pool3d(&Pooling::new([2, 2, 3]).stride([1, 2, 3]), true);
    let of_box = |i: &[usize]| {
        let [row, column] = [2 * i[2] as isize, 3 * i[3] as isize];
        let volume = x.select(0, i[0]).slice(0, i[1] as isize..i[1] as isize + 2);
        volume.slice(1, row..row + 2).slice(2, column..column + 3)
    };
    let shape = [2, 4, 2, 2];
    assert_eq!(
        *largest.value(),
        Tensor::from_fn(shape, |i| of_box(i).max(..).item())
    );
    let expected = Tensor::from_fn(shape, |i| of_box(i).mean(..).item());
    assert_abs_diff_eq!(means.value(), &expected, epsilon = 1e-15);
    // In a corner one of eight taps reads: all of it, or an eighth.
    let corner = Pooling::new([2; 3]).padding([1; 3]);
    for (count_padding, share) in [(false, 1.0), (true, 0.125)] {
        let means = var.avg_pool3d(&corner, count_padding);
        assert_abs_diff_eq!(
            means.value().at(&[0; 4]),
            share * x.at(&[0; 4]),
            epsilon = 1e-15
        );
    }
    // The first of equals, in the order of depth, rows and columns.
    let ties = [Tensor::from_vec(
        vec![0.0, 3.0, 3.0, 1.0, 3.0, 0.0, 0.0, 3.0],
        [2, 2, 2],
    )];
    let f = |x: &[Var]| x[0].max_pool3d(&Pooling::new([2; 3]));
    assert_eq!(slopes(f, &ties), [[0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]);
}

#[test]
fn empty_batches_and_single_taps() {
    let f = |x: &[Var]| x[0].conv3d(&x[1], None, &Convolution::default());
    agrees(
        "no volumes",
        f,
        &[
            Tensor::zeros([0, 1, 2, 2, 2], DType::F64),
            normal([1, 1, 2, 1, 1]),
        ],
    );
    agrees(
        "one tap",
        f,
        &[normal([1, 2, 1, 2, 1]), normal([1, 2, 1, 1, 1])],
    );
    let x = constant(&[1.0; 8], [1, 1, 2, 2, 2]);
    let weight = constant(&[1.0; 2], [1, 2, 1, 1, 1]);
    assert_eq!(
        refusal(|| x.squeeze(0).conv3d(&weight, None, &Convolution::default())),
        "conv3d: [1, 2, 2, 2] x [1, 2, 1, 1, 1]: not [batch, channels, depth, rows, columns] and a weight of as many axes"
    );
    assert!(refusal(|| x.conv3d(&weight, None, &Convolution::default())).contains("channels"));
}
