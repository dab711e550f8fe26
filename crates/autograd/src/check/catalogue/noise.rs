//! Random numbers that move with their parameters, drawn from the same stream each time.

use retrograd_tensor::random;

use super::samples::positive;
use super::{Row, SMOOTH, row};

/// The distribution function, on either side of the mean, and what is drawn.
pub(super) fn rows() -> Vec<Row> {
    let parameters = &[positive([2, 3])];
    let two = &[positive([2, 3]), positive([2, 1]) + 0.4];
    let far = &[positive([2, 1]), positive([2, 1, 3]) + 3.0];
    let domain = "parameters > 0";
    let circle = &[positive([2, 2]), positive([2])];
    let sphere = &[positive([3]), positive([2]) * 4.0];
    let rows = vec![
        row(SMOOTH, "gammainc", two, |x| x[0].gammainc(&x[1])),
        row(SMOOTH, "gammainc far", far, |x| x[0].gammainc(&x[1])),
        row(SMOOTH, "log_gamma_noise", parameters, |x| {
            x[0].log_gamma_noise(&mut random::rng(3))
        }),
        row(SMOOTH, "gamma_noise", parameters, |x| {
            x[0].gamma_noise(&mut random::rng(4))
        }),
        row(SMOOTH, "beta_noise", two, |x| {
            x[0].beta_noise(&x[1], &mut random::rng(5))
        }),
        row(SMOOTH, "dirichlet_noise", parameters, |x| {
            x[0].dirichlet_noise(&mut random::rng(6))
        }),
        row(SMOOTH, "student_t_noise", parameters, |x| {
            x[0].student_t_noise(&mut random::rng(7))
        }),
        row(SMOOTH, "von_mises_fisher_noise", circle, |x| {
            x[0].von_mises_fisher_noise(&x[1], &mut random::rng(8))
        }),
        row(SMOOTH, "von_mises_fisher_noise sphere", sphere, |x| {
            x[0].von_mises_fisher_noise(&x[1], &mut random::rng(9))
        }),
        row(SMOOTH, "von_mises_fisher_log_normalizer", parameters, |x| {
            x[0].von_mises_fisher_log_normalizer(4)
        }),
    ];
    rows.into_iter().map(|row| row.domain(domain)).collect()
}
