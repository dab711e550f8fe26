//! Pooling and stretching.

use retrograd_tensor::Pooling;

use super::samples::sample;
use super::{LINEAR, Row, row};

/// Windows that overlap, that are rounded up and that reach into the padding; sizes that go up
/// and down.
pub(super) fn rows() -> Vec<Row> {
    let (signal, image) = (&[sample([2, 7])], &[sample([2, 3, 4])]);
    let volume = &[sample([3, 2, 4])];
    vec![
        row(LINEAR, "max_pool1d", signal, |x| {
            x[0].max_pool1d(&Pooling::new([3]).stride([2]).padding([1]))
        })
        .kinks("ties"),
        row(LINEAR, "max_pool2d", image, |x| {
            x[0].max_pool2d(&Pooling::new([2, 2]).ceil())
        })
        .kinks("ties"),
        row(LINEAR, "max_pool2d overlapping", image, |x| {
            x[0].max_pool2d(&Pooling::new([2, 2]).stride([1, 1]).dilation([1, 2]))
        })
        .kinks("ties"),
        row(LINEAR, "max_pool", image, |x| {
            x[0].max_pool(&Pooling::new([1, 2]))
        })
        .kinks("ties"),
        row(LINEAR, "avg_pool", signal, |x| {
            x[0].avg_pool(&Pooling::new([2]), true)
        }),
        row(LINEAR, "avg_pool1d", signal, |x| {
            x[0].avg_pool1d(&Pooling::new([3]).stride([2]).padding([1]), true)
        }),
        row(LINEAR, "avg_pool2d", image, |x| {
            x[0].avg_pool2d(&Pooling::new([2, 2]).padding([1, 0]).ceil(), false)
        }),
        row(LINEAR, "max_pool3d", volume, |x| {
            x[0].max_pool3d(&Pooling::new([2, 1, 2]).stride([1, 1, 2]))
        })
        .kinks("ties"),
        row(LINEAR, "avg_pool3d", volume, |x| {
            x[0].avg_pool3d(&Pooling::new([2, 2, 2]).padding([1, 0, 1]), false)
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
        row(
            LINEAR,
            "upsample_nearest three",
            &[sample([1, 2, 2, 3])],
            |x| x[0].upsample_nearest([3, 1, 4]),
        ),
        row(LINEAR, "upsample_nearest_by", image, |x| {
            x[0].upsample_nearest_by([1.7, 0.6])
        }),
        row(LINEAR, "upsample_linear_by", image, |x| {
            x[0].upsample_linear_by([1.7, 0.6])
        }),
        row(LINEAR, "adaptive_avg_pool2d", image, |x| {
            x[0].adaptive_avg_pool2d([2, 3])
        }),
        row(LINEAR, "adaptive_avg_pool2d even", image, |x| {
            x[0].adaptive_avg_pool2d([1, 2])
        }),
        row(LINEAR, "adaptive_avg_pool one axis", signal, |x| {
            x[0].adaptive_avg_pool([3])
        }),
        row(LINEAR, "adaptive_max_pool", image, |x| {
            x[0].adaptive_max_pool([2, 3])
        })
        .kinks("ties"),
        row(LINEAR, "adaptive_max_pool one axis", signal, |x| {
            x[0].adaptive_max_pool([3])
        })
        .kinks("ties"),
    ]
}
