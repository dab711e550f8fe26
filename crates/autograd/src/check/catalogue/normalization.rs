//! Numbers brought to mean 0 and variance 1, in every kind of group.

use super::samples::{positive, sample};
use super::{Row, SMOOTH, row};

/// With and without a weight and a bias.
pub(super) fn rows() -> Vec<Row> {
    let x = &[sample([2, 3, 2])];
    let scaled = &[sample([2, 3, 2]), positive([3, 2]), sample([3, 2])];
    let channels = &[sample([2, 4, 2]), positive([4]), sample([4])];
    let moments = &[sample([2, 3, 2]), sample([3]), positive([3]), sample([3])];
    vec![
        row(SMOOTH, "standardize", x, |x| x[0].standardize([0, 2], 0.1)),
        row(SMOOTH, "layer_norm", scaled, |x| {
            x[0].layer_norm(2, Some(&x[1]), Some(&x[2]), 0.1)
        }),
        row(SMOOTH, "layer_norm plain", x, |x| {
            x[0].layer_norm(1, None, None, 0.1)
        }),
        row(SMOOTH, "rms_norm", &scaled[..2], |x| {
            x[0].rms_norm(2, Some(&x[1]), 0.1)
        }),
        row(SMOOTH, "batch_norm", channels, |x| {
            x[0].batch_norm(Some(&x[1]), Some(&x[2]), 0.1).0
        }),
        row(SMOOTH, "batch_norm_by", moments, |x| {
            x[0].batch_norm_by(&x[1], &x[2], None, Some(&x[3]), 0.1)
        }),
        row(SMOOTH, "group_norm", channels, |x| {
            x[0].group_norm(2, Some(&x[1]), Some(&x[2]), 0.1)
        }),
        row(SMOOTH, "instance_norm", &channels[..2], |x| {
            x[0].instance_norm(Some(&x[1]), None, 0.1)
        }),
    ]
}
