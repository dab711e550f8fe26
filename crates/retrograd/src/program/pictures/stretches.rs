//! The epochs of a run, cut where the unit of its loss changes: phases may minimise different things.

use retrograd::autoencoders::Phase;
use retrograd::nn::train::EpochRecord;

/// An epoch and its number, counted through all phases.
pub(super) type Epoch<'a> = (f64, &'a EpochRecord);

/// Phases in a row whose losses have the same unit, so that one chart can show them.
pub(crate) struct Stretch<'a> {
    pub(crate) unit: &'static str,
    /// How many epochs there were before each phase, and its name.
    pub(super) starts: Vec<(f64, &'a str)>,
    pub(crate) epochs: Vec<Epoch<'a>>,
}

impl Stretch<'_> {
    /// The names of its phases.
    pub(crate) fn names(&self) -> String {
        let names: Vec<&str> = self.starts.iter().map(|(_, name)| *name).collect();
        names.join(" and ")
    }
}

/// The stretches of a run; `usual` is the unit of phases that have none of their own.
pub(crate) fn stretches<'a>(
    phases: &'a [Phase<'_>],
    usual: &'static str,
    records: &'a [EpochRecord],
) -> Vec<Stretch<'a>> {
    let mut stretches: Vec<Stretch<'a>> = Vec::new();
    let mut phases = phases.iter();
    for (before, record) in (0_u32..).zip(records) {
        // Every phase counts its epochs from 1.
        let phase = (record.epoch == 1).then(|| phases.next()).flatten();
        if let Some(phase) = phase {
            let unit = phase.unit.unwrap_or(usual);
            let start = (f64::from(before), &*phase.name);
            match stretches.last_mut() {
                Some(last) if last.unit == unit => last.starts.push(start),
                _ => stretches.push(Stretch {
                    unit,
                    starts: vec![start],
                    epochs: Vec::new(),
                }),
            }
        }
        if let Some(last) = stretches.last_mut() {
            last.epochs.push((f64::from(before + 1), record));
        }
    }
    stretches
}
