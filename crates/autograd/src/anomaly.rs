//! Finding the operation that first produced a value that is not finite.

use std::fmt;
use std::panic::Location;

use retrograd_tensor::Tensor;

use crate::inspect::Summary;

/// Which way the computation was going.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Computing values.
    Forward,
    /// Computing the cotangents of an operation's inputs.
    Backward {
        /// The input whose cotangent is meant, from 0.
        input: usize,
    },
}

/// The first value of a step that was not finite, and where it came from.
#[derive(Clone, Debug)]
pub struct Anomaly {
    /// Forward or backward.
    pub phase: Phase,
    /// The operation that produced it.
    pub operation: String,
    /// The source line that asked for the operation.
    pub location: &'static Location<'static>,
    /// The value that is not finite.
    pub value: Summary,
    /// What it was computed from, by name: the operation's inputs; backward, the cotangent of its
    /// result and what it saved.
    pub inputs: Vec<(String, Summary)>,
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.phase {
            Phase::Forward => f.write_str("the value")?,
            Phase::Backward { input } => write!(f, "the cotangent of input {input}")?,
        }
        write!(
            f,
            " of `{}` at {} is not finite ({})",
            self.operation, self.location, self.value
        )?;
        for (i, (name, summary)) in self.inputs.iter().enumerate() {
            write!(
                f,
                "{} {name}: {summary}",
                if i == 0 { "; computed from" } else { "," }
            )?;
        }
        Ok(())
    }
}

/// Watches values go by until one is not finite. Off by default.
#[derive(Debug, Default)]
pub(crate) struct Detector {
    on: bool,
    found: Option<Anomaly>,
}

impl Detector {
    pub(crate) fn switch_on(&mut self) {
        self.on = true;
    }

    /// Whether there is still something to look for.
    pub(crate) fn is_on(&self) -> bool {
        self.on && self.found.is_none()
    }

    /// Gives away what was found.
    pub(crate) fn take(&mut self) -> Option<Anomaly> {
        self.found.take()
    }

    /// Takes over what another detector has found.
    pub(crate) fn put(&mut self, anomaly: Anomaly) {
        self.found.get_or_insert(anomaly);
    }

    pub(crate) fn found(&self) -> Option<&Anomaly> {
        self.found.as_ref()
    }

    pub(crate) fn inspect_forward(
        &mut self,
        operation: &str,
        location: &'static Location<'static>,
        value: &Tensor,
        inputs: &[(String, &Tensor)],
    ) {
        self.inspect(
            Phase::Forward,
            operation.to_owned(),
            location,
            value,
            inputs,
        );
    }

    pub(crate) fn inspect_backward(
        &mut self,
        operation: &str,
        location: &'static Location<'static>,
        input: usize,
        cotangent: &Tensor,
        known: &[(String, &Tensor)],
    ) {
        self.inspect(
            Phase::Backward { input },
            operation.to_owned(),
            location,
            cotangent,
            known,
        );
    }

    fn inspect(
        &mut self,
        phase: Phase,
        operation: String,
        location: &'static Location<'static>,
        value: &Tensor,
        inputs: &[(String, &Tensor)],
    ) {
        if self.is_on() && !value.is_finite() {
            let inputs = inputs
                .iter()
                .map(|(name, input)| (name.clone(), Summary::of(input)))
                .collect();
            self.found = Some(Anomaly {
                phase,
                operation,
                location,
                value: Summary::of(value),
                inputs,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tape;

    #[test]
    fn the_first_bad_value_is_named_with_its_line() {
        let tape = Tape::new().detecting_anomalies();
        let x = tape.named_leaf("x", Tensor::from_vec(vec![1.0, -1.0], [2]));
        let line = line!() + 1;
        let y = x.log();
        let _ = y.exp().sum(..);
        let found = tape.anomaly().expect("log of a negative number");
        assert_eq!(
            (found.operation.as_str(), found.location.line()),
            ("log", line)
        );
        let text = found.to_string();
        assert!(
            text.contains("anomaly.rs")
                && text.contains("1 NaN of 2")
                && text.contains("x (node 0)"),
            "{text}"
        );
    }

    #[test]
    fn a_bad_leaf_is_named_by_its_label() {
        let tape = Tape::new().detecting_anomalies();
        let bad = || Tensor::scalar(f64::NAN);
        let line = line!() + 1;
        let _ = tape.keyed_leaf(1, "fc.weight", bad());
        let _ = tape.leaf(bad());
        let found = tape.anomaly().expect("a leaf that is NaN");
        assert_eq!(
            (found.operation.as_str(), found.location.line()),
            ("fc.weight", line)
        );
    }

    #[test]
    fn bad_cotangents_are_found_too() {
        let tape = Tape::new().detecting_anomalies();
        let x = tape.leaf(Tensor::scalar(0.0));
        let y = x.sqrt();
        assert!(tape.anomaly().is_none());
        let _ = y.backward();
        let found = tape.anomaly().expect("√ has no slope at 0");
        assert_eq!(found.phase, Phase::Backward { input: 0 });
        assert!(found.to_string().contains("sqrt"), "{found}");
    }
}
