//! Attention, and what is left out at random.

use retrograd_tensor::Tensor;

use super::samples::sample;
use super::{LINEAR, Row, SMOOTH, row};
use crate::rules::Attention;

/// With and without masks, also ones that move, and across heads.
pub(super) fn rows() -> Vec<Row> {
    let plain = &[sample([3, 2]), sample([4, 2]), sample([4, 3])];
    let masked = &[
        sample([2, 2, 2]),
        sample([1, 3, 2]),
        sample([2, 3, 1]),
        sample([2, 3]),
    ];
    vec![
        row(LINEAR, "dropout", &plain[..1], |x| x[0].dropout(0.4)),
        row(SMOOTH, "attention", plain, |x| {
            x[0].attention(&x[1], &x[2], None, &Attention::default())
        }),
        row(SMOOTH, "attention causal", plain, |x| {
            let (causal, scale, dropout) = (true, Some(0.3), 0.0);
            let options = Attention {
                causal,
                scale,
                dropout,
            };
            x[0].attention(&x[1], &x[2], None, &options)
        }),
        row(SMOOTH, "attention masked", masked, |x| {
            x[0].attention(&x[1], &x[2], Some(&x[3]), &Attention::default())
        }),
        row(SMOOTH, "attention shut", plain, |x| {
            let never = f64::NEG_INFINITY;
            let mask = Tensor::from_vec(vec![0.0, never, 0.0, never], [4]);
            let mask = mask.cast(x[0].dtype()).into();
            x[0].attention(&x[1], &x[2], Some(&mask), &Attention::default())
        }),
        row(SMOOTH, "attention dropout", plain, |x| {
            let dropout = 0.5;
            let options = Attention {
                dropout,
                ..Attention::default()
            };
            x[0].attention(&x[1], &x[2], None, &options)
        }),
    ]
}
