//! A step as JSON, for other programs.

use super::trace::Trace;

impl Trace {
    /// Everything, as one JSON object with the fields of [`Trace`]. What is not finite is a string:
    /// `"NaN"`, `"inf"`, `"-inf"`.
    ///
    /// # Panics
    /// Never: all of a trace can be written as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("names, numbers and lists have a form in JSON")
    }
}

#[cfg(test)]
mod tests {
    use crate::Tape;
    use retrograd_tensor::{DType, Tensor};

    #[test]
    fn a_program_can_read_it_back() {
        let tape = Tape::new().tracing();
        let x = tape.named_leaf("a \"b\"\n", Tensor::zeros([2], DType::F32));
        let _ = (x.log() * 2.0).sum(..).backward();
        let read: serde_json::Value = serde_json::from_str(&tape.trace().to_json()).unwrap();
        assert_eq!(read["nodes"][0]["name"], "a \"b\"\n");
        assert_eq!(read["nodes"][1]["value"]["elements"][0], "-inf");
        let kinds: Vec<&str> = read["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["kind"].as_str().unwrap())
            .collect();
        assert_eq!(
            kinds,
            [
                "forward", "forward", "forward", "forward", "seed", "rule", "rule", "rule",
                "gradient"
            ]
        );
    }
}
