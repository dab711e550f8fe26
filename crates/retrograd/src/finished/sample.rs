//! `retrograd sample`: new samples, the means of p(x|z) for z ~ N(0, 1).

use retrograd::autoencoders::Variant;
use retrograd::datasets::{Dataset, Role};
use retrograd::tensor::{Array, DType, Tensor};

use super::options::SampleOptions;
use super::output::{COLUMNS, Sheet, Target};
use super::run::Run;
use crate::failure::Failure;
use crate::limits;

/// Variants that draw samples.
const GENERATIVE: [Variant; 4] = [
    Variant::Variational,
    Variant::Beta,
    Variant::Conditional,
    Variant::Iwae,
];

/// Draws the samples and writes them.
pub(super) fn run(options: &SampleOptions) -> Result<(), Failure> {
    let target = Target::new(&options.output)?;
    let run = Run::open(&options.run)?;
    limits::check_samples("count", options.count, run.kind.features())?;
    let asked = run.one_label(options.count, options.label.as_deref())?;
    let labels = asked.or_else(|| in_turn(&run, options.count));
    let labels = run.labels(options.count, labels)?;
    let samples = run.sample(options.count, options.seed, labels.as_ref());
    let Some(samples) = samples else {
        let known = GENERATIVE.map(|variant| format!("`{variant}`")).join(", ");
        return Err(Failure::usage(format!(
            "{}: `{}` says nothing of how its codes are distributed, so it cannot draw samples; use a run of {known}, or decode codes of your own",
            run.path.display(),
            run.variant
        )));
    };
    let labelled = labels.as_ref().map(|labels| run.labelled(labels));
    let sheet = Sheet {
        name: "samples",
        above: None,
        of: labelled.as_ref(),
        columns: COLUMNS,
    };
    run.write(&target, samples, &sheet)
}

impl Run {
    /// What is known of samples of these labels: what those are called, and their column.
    pub(super) fn labelled(&self, labels: &Array<i64>) -> Dataset {
        let source = &self.config.source;
        let numbers = labels.iter().map(|label| label as u32);
        let none = Tensor::zeros([labels.elements(), 0], DType::F32);
        Dataset {
            labels: Some(numbers.collect()),
            classes: source.classes.clone(),
            label_column: source.called(Role::Label).to_owned(),
            ..Dataset::new("samples", none)
        }
    }
}

/// All labels in turn, if the model takes labels.
fn in_turn(run: &Run, count: usize) -> Option<Array<i64>> {
    let classes = run.model.conditional()?.classes();
    let labels = (0..count).map(|sample| (sample % classes) as i64);
    Some(Array::from_vec(labels.collect(), [count]))
}
