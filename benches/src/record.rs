//! A measurement as one JSON object on a line.

use serde::{Deserialize, Serialize};

use crate::case::{Case, Work};
use crate::machine::Limits;
use crate::timing::Timing;

/// The name of this framework among the systems.
pub const OURS: &str = "retrograd";

/// What was measured. Rates follow from the median and the work of the case; a field that means
/// nothing for a case is left out.
///
/// The peers print `suite`, `name`, `system`, `threads`, `seconds` and `best`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The question.
    pub suite: String,
    /// The case.
    pub name: String,
    /// Who did it.
    pub system: String,
    /// Threads it could use.
    pub threads: usize,
    /// The median time of one run.
    pub seconds: f64,
    /// The least time of one run.
    pub best: f64,
    /// 10⁹ floating-point operations a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gflops: Option<f64>,
    /// The same in units of what the threads could do with fused multiply-adds alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_share: Option<f64>,
    /// Elements a nanosecond.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elements_per_ns: Option<f64>,
    /// 10⁹ bytes a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gb_per_s: Option<f64>,
    /// The same in units of what copying as many bytes does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_share: Option<f64>,
    /// Nanoseconds a small operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ns_per_operation: Option<f64>,
    /// Samples trained on a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples_per_s: Option<f64>,
    /// Seconds a training epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds_per_epoch: Option<f64>,
}

impl Record {
    /// What `timing` means for `case`, on a machine of these limits.
    #[must_use]
    pub fn new(suite: &str, case: &Case, threads: usize, timing: Timing, limits: Limits) -> Self {
        let seconds = timing.median;
        let plain = Self {
            suite: suite.to_owned(),
            name: case.name.clone(),
            system: case.system.to_owned(),
            threads,
            seconds,
            best: timing.best,
            ..Self::default()
        };
        match case.work {
            Work::Flops { count, .. } => Self {
                gflops: Some(count / seconds / 1e9),
                peak_share: limits.flops.map(|peak| count / seconds / peak),
                ..plain
            },
            Work::Elements { count, bytes } => Self {
                elements_per_ns: Some(count as f64 / seconds / 1e9),
                gb_per_s: Some(bytes as f64 / seconds / 1e9),
                copy_share: limits.bytes.map(|copy| bytes as f64 / seconds / copy),
                ..plain
            },
            Work::Operations(count) => Self {
                ns_per_operation: Some(seconds / count as f64 * 1e9),
                ..plain
            },
            Work::Samples(count) => Self {
                samples_per_s: Some(count as f64 / seconds),
                ..plain
            },
            Work::Epoch { samples, all } => Self {
                samples_per_s: Some(samples as f64 / seconds),
                seconds_per_epoch: Some(seconds * all as f64 / samples as f64),
                ..plain
            },
        }
    }

    /// The record as a line, without its end.
    ///
    /// # Panics
    /// Never: a record is plain numbers and text.
    #[must_use]
    pub fn to_line(&self) -> String {
        serde_json::to_string(self).expect("a record is plain numbers and text")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_follow_from_the_median_and_lines_can_be_read_back() {
        let work = Work::Flops {
            count: 4e9,
            double: false,
        };
        let case = Case::new("square NN 2x2x2", work, || Box::new(|| {}));
        let timing = Timing {
            median: 0.5,
            best: 0.25,
        };
        let limits = Limits {
            flops: Some(16e9),
            bytes: None,
        };
        let record = Record::new("gemm", &case, 2, timing, limits);
        assert_eq!((record.gflops, record.peak_share), (Some(8.0), Some(0.5)));
        let line = record.to_line();
        assert!(
            !line.contains("copy_share") && !line.contains('\n'),
            "{line}"
        );
        assert_eq!(serde_json::from_str::<Record>(&line).unwrap(), record);
    }

    #[test]
    fn the_line_of_a_peer_is_a_record() {
        let line = r#"{"suite": "steps", "name": "W1", "system": "torch", "threads": 2, "seconds": 0.5, "best": 0.4}"#;
        let record: Record = serde_json::from_str(line).unwrap();
        assert_eq!((record.seconds, record.gflops), (0.5, None));
    }
}
