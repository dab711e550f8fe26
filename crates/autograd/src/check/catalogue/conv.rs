//! Convolutions both ways.

use retrograd_tensor::Convolution;

use super::samples::sample;
use super::{LINEAR, Row, row};

/// Padded, strided, dilated, in groups, with and without a bias, both ways.
pub(super) fn rows() -> Vec<Row> {
    let signal = &[sample([2, 2, 5]), sample([3, 2, 2]), sample([3])];
    let image = &[sample([1, 2, 4, 3]), sample([2, 2, 2, 3]), sample([2])];
    let grouped = &[sample([2, 4, 2, 2]), sample([2, 2, 1, 2])];
    let volume = &[
        sample([1, 1, 3, 2, 2]),
        sample([2, 1, 2, 2, 1]),
        sample([2]),
    ];
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
        row(LINEAR, "conv3d", volume, |x| {
            let wide = Convolution::default().stride([2, 1, 1]).padding([1, 0, 1]);
            let wide = wide.dilation([2, 1, 1]);
            x[0].conv3d(&x[1], Some(&x[2]), &wide)
        }),
        row(LINEAR, "conv_transpose3d", volume, |x| {
            let doubling = Convolution::default().stride([2, 1, 2]).padding([1, 0, 0]);
            x[0].conv_transpose3d(
                &x[1].slice(0, ..1),
                Some(&x[2].slice(0, ..1)),
                &doubling,
                [1, 0, 1],
            )
        }),
        row(LINEAR, "conv", signal, |x| {
            x[0].conv(&x[1], Some(&x[2]), &Convolution::<1>::default())
        }),
        row(LINEAR, "conv_transpose", image, |x| {
            x[0].conv_transpose(&x[1], None, &Convolution::<2>::default(), [0, 0])
        }),
    ]
}
