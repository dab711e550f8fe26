//! What one option does: the figures of runs that differ in it alone.
//!
//! ```text
//! loss(λ) = reconstruction(λ) + λ penalty(λ)
//! ```
//!
//! Of a penalty's weight two curves tell the story: what the reconstruction loses as the weight grows,
//! and how far the penalty itself falls, which its share of the loss hides.

use retrograd::autoencoders::{Setting, Value};
use retrograd::nn::train::{Figure, Metrics};
use retrograd::report::{Chart, Picture, Scale, Section, Table, number};

use super::compare::Entry;
use crate::program::failure::Failure;

/// Largest over smallest value of an option from which its axis is logarithmic.
const RATIO: f64 = 20.0;

/// Runs that differ in one option.
struct Sweep<'a> {
    option: &'static Setting,
    unit: &'static str,
    /// Its values in rising order, and what each came to on held-out samples.
    runs: Vec<(f64, &'a Metrics)>,
}

/// The figures against the option, if the runs differ in just one and that is a number.
pub(super) fn section(entries: &[Entry]) -> Result<Option<Section>, Failure> {
    let Some(sweep) = Sweep::of(entries) else {
        return Ok(None);
    };
    let charts = std::iter::once(sweep.losses()).chain(sweep.figures());
    let pictures = charts.map(|(chart, caption)| {
        let chart = chart.x_scale(sweep.scale());
        Picture::chart(&chart, caption).map_err(Failure::run)
    });
    Ok(Some(Section {
        heading: format!("What {} does", sweep.option.name),
        text: "The runs are alike in all other options of the variant.".into(),
        pictures: pictures.collect::<Result<_, _>>()?,
        table: sweep.table(),
        ..Section::default()
    }))
}

impl<'a> Sweep<'a> {
    fn of(entries: &'a [Entry]) -> Option<Self> {
        let first = &entries.first()?.run;
        let alike = |entry: &Entry| {
            entry.run.variant == first.variant && entry.run.config.data == first.config.data
        };
        let differs = |option: &&Setting| {
            let own = first.config.settings.get(option.name);
            let mut others = entries.iter();
            others.any(|entry| entry.run.config.settings.get(option.name) != own)
        };
        let options = first.variant.options(first.kind);
        let mut options = options.filter(differs);
        let (Some(option), None) = (options.next(), options.next()) else {
            return None;
        };
        let run = |entry: &'a Entry| {
            let number = match entry.run.config.settings.get(option.name)? {
                Value::Number(number) => *number,
                Value::Count(count) => *count as f64,
                _ => return None,
            };
            Some((number, entry.kept()?.held_out.as_ref()?))
        };
        let mut runs = entries.iter().map(run).collect::<Option<Vec<_>>>()?;
        runs.sort_by(|a, b| a.0.total_cmp(&b.0));
        entries.iter().all(alike).then_some(Self {
            option,
            unit: first.model.unit(),
            runs,
        })
    }

    fn scale(&self) -> Scale {
        let (low, high) = (self.runs[0].0, self.runs[self.runs.len() - 1].0);
        if low > 0.0 && high >= RATIO * low {
            Scale::Logarithmic
        } else {
            Scale::Linear
        }
    }

    /// Names of the terms of the loss.
    fn terms(&self) -> Vec<&'a str> {
        let terms = self.runs[0].1.figures().iter();
        let terms = terms.filter(|figure| figure.weight.is_some());
        terms.map(|figure| figure.name.as_ref()).collect()
    }

    /// What every term adds to the held-out loss.
    fn losses(&self) -> (Chart, &'static str) {
        let name = self.option.name;
        let chart = Chart::curves(format!("Held-out loss by {name}"), name, self.unit);
        let terms = self.terms();
        let chart = terms.iter().fold(chart, |chart, term| {
            chart.line(*term, self.curve(term, |figure| figure.weighted))
        });
        let caption = "The terms of the loss at the end of each run, times their weights.";
        if terms.len() == 1 {
            return (chart, caption);
        }
        let totals = self.runs.iter().map(|(x, losses)| (*x, losses.total()));
        (chart.dashed("sum", totals), caption)
    }

    /// Every term that has a weight, without it.
    fn figures(&self) -> impl Iterator<Item = (Chart, &'static str)> + '_ {
        let name = self.option.name;
        let weighted = self.terms().into_iter().filter(|term| {
            let weights = self.curve(term, |figure| figure.weight);
            weights.iter().any(|(_, weight)| *weight != 1.0)
        });
        weighted.map(move |term| {
            let chart = Chart::curves(format!("{term} by {name}"), name, term);
            let caption = "What the weight multiplies, on held-out samples.";
            let curve = self.curve(term, |figure| Some(figure.value));
            (chart.line(term, curve), caption)
        })
    }

    /// A number of a figure at each value of the option.
    fn curve(&self, term: &str, number: fn(&Figure) -> Option<f64>) -> Vec<(f64, f64)> {
        let of = |losses: &Metrics| {
            let figure = losses.figures().iter().find(|figure| figure.name == term);
            figure.and_then(number).unwrap_or(f64::NAN)
        };
        self.runs
            .iter()
            .map(|(x, losses)| (*x, of(losses)))
            .collect()
    }

    fn table(&self) -> Table {
        let terms = self.terms();
        let mut columns = vec![self.option.name.to_owned()];
        columns.extend(terms.iter().map(|term| format!("held-out {term}")));
        let row = |(x, losses): &(f64, &Metrics)| {
            let figures = terms.iter().map(|term| losses.get(term));
            let figures = figures.map(|value| value.map_or_else(String::new, number));
            std::iter::once(number(*x)).chain(figures).collect()
        };
        Table {
            rows: self.runs.iter().map(row).collect(),
            columns,
        }
    }
}
