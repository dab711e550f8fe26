//! How the code moves when the sample does: the singular values of ∂h/∂x.
//!
//! ```text
//! J = ∂h/∂x = U Σ Vᵀ        ‖J‖² = Σ σᵢ²
//! ```
//!
//! A σ far below 1 is a direction in which the code ignores the sample: a contractive code has many,
//! and keeps those along which the data lie (Rifai et al. 2011).

use retrograd::autograd::functional::vjp;
use retrograd::report::{Chart, Section, number};
use retrograd::tensor::{DType, Tensor};

use super::show::Show;
use crate::program::failure::Failure;
use crate::program::folder::JACOBIAN;

/// Held-out samples at which derivatives are taken.
const SAMPLES: usize = 8;
/// Widest code: every number of it costs a sweep.
const MOST_CODE: usize = 128;
/// Most numbers in all derivatives together.
const MOST_NUMBERS: usize = 8_000_000;

pub(super) fn section(show: &Show<'_>) -> Result<Option<Section>, Failure> {
    // The code of a generative model is a draw, about which its derivative says little.
    if show.model.prior().is_some() {
        return Ok(None);
    }
    let Some(spectra) = spectra(show) else {
        return Ok(None);
    };
    let count = spectra.len() as f64;
    let of_rank = |pick: fn(f64, f64) -> f64, start: f64| -> Vec<(f64, f64)> {
        let ranks = 0..spectra[0].len();
        let values = ranks.map(|rank| spectra.iter().map(|s| s[rank]).fold(start, pick));
        (1_u32..).map(f64::from).zip(values).collect()
    };
    let mean = of_rank(|a, b| a + b, 0.0).into_iter();
    let chart = Chart::curves("Singular values of ∂h/∂x", "rank", "singular value")
        .line("mean", mean.map(|(rank, sum)| (rank, sum / count)))
        .dashed("largest", of_rank(f64::max, 0.0))
        .dashed("smallest", of_rank(f64::min, f64::INFINITY));
    let square = |s: &Vec<f64>| s.iter().map(|s| s * s).sum::<f64>();
    let norm = spectra.iter().map(|s| square(s).sqrt()).sum::<f64>() / count;
    let caption = format!(
        "At {} held-out samples. The norm ‖∂h/∂x‖ is {} in the mean.",
        spectra.len(),
        number(norm)
    );
    Ok(Some(Section {
        heading: "How the code moves with the sample".into(),
        text: "Each singular value says how much the code moves for a step of the sample in one direction; next to 0, the code ignores it.".into(),
        pictures: vec![show.chart(JACOBIAN, &chart, &caption)?],
        ..Section::default()
    }))
}

/// The singular values at each sample, in falling order, unless there are too many or one is not
/// finite.
fn spectra(show: &Show<'_>) -> Option<Vec<Vec<f64>>> {
    let codes = show.codes(SAMPLES)?;
    let (samples, code) = (codes.shape()[0], codes.shape()[1]);
    let numbers = samples * code * show.held_out().width();
    if numbers > MOST_NUMBERS || samples == 0 || !(1..=MOST_CODE).contains(&code) {
        return None;
    }
    let rows = (0..code).map(|unit| slopes(show, [samples, code], unit));
    let rows: Vec<Tensor> = rows.collect::<Option<_>>()?;
    let rows = Tensor::stack(&rows, 1).cast(DType::F64);
    if !rows.is_finite() {
        return None;
    }
    let small = code <= rows.shape()[2];
    let spectrum = |sample: usize| {
        let jacobian = rows.select(0, sample).contiguous();
        let square = jacobian.matmul_transposed(&jacobian, [!small, small]);
        let (values, _) = square.eigh();
        let mut values: Vec<f64> = values.iter().map(|value| value.max(0.0).sqrt()).collect();
        values.reverse();
        values
    };
    Some((0..samples).map(spectrum).collect())
}

/// ∂hᵤ/∂x at every sample, `[samples, features]`: no sample's code depends on another sample, so one
/// sweep gives the row of all.
fn slopes(show: &Show<'_>, shape: [usize; 2], unit: usize) -> Option<Tensor> {
    let pick = Tensor::from_fn(shape, |at| if at[1] == unit { 1.0_f32 } else { 0.0 });
    let samples = show.samples(shape[0]);
    let pulled = vjp(
        |x| show.model.encode(&(&x[0]).into()).flat(),
        std::slice::from_ref(samples.x.value()),
        &pick,
    );
    pulled.ok().map(|(_, mut slopes)| slopes.remove(0))
}
