//! What one option does: the figures of runs that differ in it alone.
//!
//! ```text
//! loss(λ) = reconstruction(λ) + λ penalty(λ)
//! ```
//!
//! Of a penalty's weight two curves tell the story: what the reconstruction loses as the weight grows,
//! and how far the penalty itself falls, which its share of the loss hides.

use retrograd::autoencoders::{Setting, Value};
use retrograd::nn::train::Metrics;
use retrograd::report::{Chart, Picture, Scale, Section, Table, number};

use super::compare::Entry;
use crate::program::failure::Failure;

/// Options that multiply the second term of the loss.
const WEIGHTS: [&str; 3] = ["lambda", "weight", "beta"];
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
    let charts = [Some(sweep.losses()), sweep.penalties()];
    let pictures = charts.into_iter().flatten().map(|(chart, caption)| {
        let chart = chart.x_scale(sweep.scale());
        Picture::chart(&chart, caption).map_err(Failure::run)
    });
    Ok(Some(Section {
        heading: format!("What {} does", sweep.option.name),
        text: "The runs are alike in all other options of the variant.".into(),
        pictures: pictures.collect::<Result<_, _>>()?,
        table: sweep.table(),
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

    /// Whether a term is a sum of squares of derivatives.
    fn is_contractive(&self) -> bool {
        self.terms().contains(&"contraction")
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
        self.runs[0].1.iter().map(|(name, _)| name).collect()
    }

    /// Every term of the held-out loss.
    fn losses(&self) -> (Chart, &'static str) {
        let name = self.option.name;
        let chart = Chart::curves(format!("Held-out loss by {name}"), name, self.unit);
        let of_term = |term: &str| {
            let values = self.runs.iter();
            let values = values.map(|(x, losses)| (*x, losses.get(term).unwrap_or(f64::NAN)));
            values.collect::<Vec<_>>()
        };
        let terms = self.terms();
        let chart = terms
            .iter()
            .fold(chart, |chart, term| chart.line(*term, of_term(term)));
        let caption = "The terms of the loss at the end of each run, after their weights.";
        if terms.len() == 1 {
            return (chart, caption);
        }
        let totals = self.runs.iter().map(|(x, losses)| (*x, losses.total()));
        (chart.dashed("sum", totals), caption)
    }

    /// The penalty that the option is the weight of, before it is multiplied, where the weight is not 0.
    fn penalties(&self) -> Option<(Chart, &'static str)> {
        let (name, penalties) = self.penalty()?;
        let chart = Chart::curves(
            format!("{name} by {}", self.option.name),
            self.option.name,
            name,
        );
        let caption = if self.is_contractive() {
            "The root of the mean square over the held-out samples: how far the code moves when a sample does."
        } else {
            "What the weight multiplies, on held-out samples."
        };
        Some((chart.line(name, penalties), caption))
    }

    /// What the option multiplies, by name, at each value but 0. Of the contractive one, which sums
    /// squares, the root.
    fn penalty(&self) -> Option<(&'a str, Vec<(f64, f64)>)> {
        let [_, term] = self.terms()[..] else {
            return None;
        };
        let is_contractive = self.is_contractive();
        let name = match (is_contractive, WEIGHTS.contains(&self.option.name)) {
            (true, true) => "‖∂h/∂x‖",
            (false, true) => term.trim_start_matches("beta_"),
            (_, false) => return None,
        };
        let weighted = self.runs.iter().filter(|(weight, _)| *weight > 0.0);
        let penalty = |(weight, losses): &(f64, &Metrics)| {
            let penalty = losses.get(term)? / weight;
            Some((
                *weight,
                if is_contractive {
                    penalty.sqrt()
                } else {
                    penalty
                },
            ))
        };
        Some((name, weighted.filter_map(penalty).collect()))
    }

    fn table(&self) -> Table {
        let terms = self.terms();
        let penalty = self.penalty();
        let mut columns = vec![self.option.name.to_owned()];
        columns.extend(terms.iter().map(|term| format!("held-out {term}")));
        columns.extend(penalty.iter().map(|(name, _)| (*name).to_owned()));
        let row = |(x, losses): &(f64, &Metrics)| {
            let of_terms = terms.iter().map(|term| losses.get(term));
            let own = penalty.iter().map(|(_, values)| {
                let found = values.iter().find(|(weight, _)| weight == x);
                found.map(|(_, value)| *value)
            });
            let figures = of_terms.chain(own);
            let figures = figures.map(|value| value.map_or_else(String::new, number));
            std::iter::once(number(*x)).chain(figures).collect()
        };
        Table {
            rows: self.runs.iter().map(row).collect(),
            columns,
        }
    }
}
