//! `retrograd sample`: new samples, the means of p(x|z) for z ~ N(0, 1), or from a distribution
//! that is fitted to codes, or as the model draws them.

use retrograd::autoencoders::{Card, DataShape, FittedNormal, Input, Mixture, Prior};
use retrograd::datasets::{Dataset, Role};
use retrograd::tensor::{Array, DType, Tensor, random};

use super::options::{DrawnFrom, InputOptions, SampleOptions};
use super::output::{COLUMNS, Sheet, Target};
use super::run::Run;
use crate::program::data::{self, labels_in_turn};
use crate::program::failure::Failure;
use crate::program::limits;
use crate::program::own::DataOptions;
use crate::program::train;

/// Training samples to whose codes a distribution is fitted, the widest code for that, and the components
/// of a mixture.
const FITTED: usize = 5000;
const WIDEST: usize = 256;
const COMPONENTS: usize = 10;

/// Draws the samples and writes them.
pub(super) fn run(options: &SampleOptions) -> Result<(), Failure> {
    let target = Target::new(&options.output)?;
    let run = Run::open(&options.run)?;
    limits::check_samples("count", options.count, run.kind.features())?;
    let asked = run.one_label(options.count, options.label.as_deref())?;
    let labels = asked.or_else(|| labels_in_turn(run.model.as_ref(), options.count));
    let labels = run.labels(options.count, labels)?;
    let rng = &mut random::rng(options.seed);
    let fitted = run.fitted(options.from)?;
    let drawn = match fitted.as_deref().or(run.model.prior()) {
        Some(prior) => Some(run.sample(prior, options.count, options.seed, labels.as_ref())),
        None => run.model.sample(options.count, rng),
    };
    let Some(samples) = drawn else {
        return Err(Failure::usage(format!(
            "{}: `{}` says nothing of how its codes are distributed, so it has no prior to draw samples from; draw --from normal or --from mixture, which are fitted to codes, use a run of {}, or decode codes of your own",
            run.path.display(),
            run.variant,
            generative(run.kind)
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
    /// What is fitted to the codes of the run's first training samples, if that is where codes come from.
    fn fitted(&self, from: DrawnFrom) -> Result<Option<Box<dyn Prior>>, Failure> {
        if from == DrawnFrom::Prior {
            return Ok(None);
        }
        let own = InputOptions {
            run: self.path.clone(),
            data: None,
            reading: DataOptions::default(),
        };
        let data = self.parts(&own)?.train.first(FITTED);
        let needed = self.labels(data.len(), train::labels(&data))?;
        let input = Input::from(&data::samples(&data, needed));
        let codes = self.model.encode(&input).flat().into_value().contiguous();
        let width = codes.shape()[1];
        if width > WIDEST || !codes.is_finite() {
            return Err(Failure::usage(format!(
                "--from: codes of {width} numbers; a distribution is fitted to finite codes of {WIDEST} at most, so train with a smaller --latent"
            )));
        }
        Ok(Some(match from {
            DrawnFrom::Mixture => {
                let mut rng = random::stream(self.config.seed, "fitted codes", &[]);
                Box::new(Mixture::fit(&codes, COMPONENTS, &mut rng))
            }
            _ => Box::new(FittedNormal::fit(&codes)),
        }))
    }

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

/// The variants that draw samples of such data.
fn generative(kind: DataShape) -> String {
    let draws = |card: &&Card| {
        let model = card.build(&card.miniature(kind), kind, &mut random::rng(0));
        model.is_ok_and(|model| {
            model.prior().is_some() || model.sample(1, &mut random::rng(0)).is_some()
        })
    };
    let names = Card::all().filter(draws).map(|card| format!("`{card}`"));
    names.collect::<Vec<_>>().join(", ")
}
