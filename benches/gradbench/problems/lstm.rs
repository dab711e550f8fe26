//! A recurrent network whose matrices are diagonal, over a sequence.
//!
//! Each of l layers has for every unit a forget, an input and an output gate and a candidate, each with a
//! weight and a bias. The network predicts the next element of the sequence; the loss is the mean
//! negative log-likelihood, whose normalisation adds 2 to the sum of the exponentials.

use retrograd_autograd::scalar::{Direction, Function, Real, ScalarTape};
use serde::Deserialize;

use super::{Module, check_length, check_rows};
use crate::measure::evaluate;

pub(super) const MODULE: Module = Module {
    name: "lstm",
    functions: &[
        ("objective", |input| {
            evaluate(input, |input: Input| {
                let (loss, parameters) = input.read()?;
                Ok(move || {
                    let mut y = [0.0];
                    loss.eval(&parameters, &mut y);
                    y[0]
                })
            })
        }),
        ("jacobian", |input| {
            evaluate(input, |input: Input| {
                let (loss, parameters) = input.read()?;
                let mut tape = ScalarTape::new();
                Ok(move || {
                    let mut slopes = vec![0.0; parameters.len()];
                    tape.gradient_into(&loss, &parameters, Direction::Reverse, &mut slopes);
                    slopes
                })
            })
        }),
    ],
};

#[derive(Deserialize)]
struct Input {
    main_params: Vec<Vec<f64>>,
    extra_params: Vec<Vec<f64>>,
    state: Vec<Vec<f64>>,
    sequence: Vec<Vec<f64>>,
}

/// The loss, of the parameters of the layers and then those around them.
struct Loss {
    layers: usize,
    units: usize,
    /// Hidden and cell state of each layer before the sequence.
    state: Vec<Vec<f64>>,
    sequence: Vec<Vec<f64>>,
}

impl Input {
    fn read(self) -> Result<(Loss, Vec<f64>), String> {
        let layers = self.main_params.len() / 2;
        let units = self.sequence.first().map_or(0, Vec::len);
        if layers == 0 || units == 0 || self.sequence.len() < 2 {
            return Err("send one layer and two elements of the sequence, or more".into());
        }
        check_length("main_params", self.main_params.len(), 2 * layers)?;
        check_length("extra_params", self.extra_params.len(), 3)?;
        check_length("state", self.state.len(), 2 * layers)?;
        check_rows("main_params", &self.main_params, 4 * units)?;
        check_rows("extra_params", &self.extra_params, units)?;
        check_rows("state", &self.state, units)?;
        check_rows("sequence", &self.sequence, units)?;
        let parameters = [self.main_params.concat(), self.extra_params.concat()].concat();
        let loss = Loss {
            layers,
            units,
            state: self.state,
            sequence: self.sequence,
        };
        Ok((loss, parameters))
    }
}

impl Function for Loss {
    fn inputs(&self) -> usize {
        (8 * self.layers + 3) * self.units
    }
    fn outputs(&self) -> usize {
        1
    }
    fn eval<R: Real>(&self, parameters: &[R], y: &mut [R]) {
        let numbers = |row: &[f64]| -> Vec<R> { row.iter().map(|x| R::from(*x)).collect() };
        let mut state: Vec<_> = self.state.iter().map(|row| numbers(row)).collect();
        let (layers, extra) = parameters.split_at(8 * self.layers * self.units);
        let mut prediction = numbers(&self.sequence[0]);
        let mut terms = prediction.clone();
        terms.push(2.0_f64.ln().into());
        let mut total = R::from(0.0);
        for pair in self.sequence.windows(2) {
            self.predict(layers, extra, &mut state, &pair[0], &mut prediction);
            terms[..self.units].copy_from_slice(&prediction);
            total += R::linear(&pair[1], &prediction);
            total -= R::logsumexp(&terms) * pair[1].iter().sum::<f64>();
        }
        y[0] = -total / (self.units * (self.sequence.len() - 1)) as f64;
    }
}

impl Loss {
    /// One element of the sequence through all layers.
    fn predict<R: Real>(
        &self,
        layers: &[R],
        extra: &[R],
        state: &mut [Vec<R>],
        input: &[f64],
        x: &mut [R],
    ) {
        let units = self.units;
        for (i, x) in x.iter_mut().enumerate() {
            *x = extra[i] * input[i];
        }
        for (layer, state) in layers.chunks(8 * units).zip(state.chunks_mut(2)) {
            let (weight, bias) = layer.split_at(4 * units);
            let [hidden, cell] = state else { return };
            for i in 0..units {
                let gate =
                    |kind: usize, x: R| x * weight[kind * units + i] + bias[kind * units + i];
                let forget = gate(0, x[i]).sigmoid();
                let write = gate(1, hidden[i]).sigmoid();
                let show = gate(2, x[i]).sigmoid();
                let candidate = gate(3, hidden[i]).tanh();
                cell[i] = R::dot(&[cell[i], write], &[forget, candidate]);
                hidden[i] = show * cell[i].tanh();
                x[i] = hidden[i];
            }
        }
        for (i, x) in x.iter_mut().enumerate() {
            *x = *x * extra[units + i] + extra[2 * units + i];
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::testing::{assert_near, differences, numbers, output, spread};

    const UNITS: usize = 3;
    const LAYERS: usize = 2;

    fn rows(numbers: &[f64], length: usize) -> Vec<Vec<f64>> {
        numbers.chunks(length).map(<[f64]>::to_vec).collect()
    }

    fn input(parameters: &[f64]) -> Value {
        let (main, extra) = parameters.split_at(8 * LAYERS * UNITS);
        let bits: Vec<f64> = spread(5 * UNITS, 0.4).iter().map(|x| x.round()).collect();
        json!({
            "main_params": rows(main, 4 * UNITS),
            "extra_params": rows(extra, UNITS),
            "state": rows(&spread(2 * LAYERS * UNITS, 0.7), UNITS),
            "sequence": rows(&bits, UNITS),
        })
    }

    fn objective(parameters: &[f64]) -> f64 {
        numbers(&output("lstm", "objective", &input(parameters)).expect("a loss"))[0]
    }

    /// The loss written out for one unit and one layer; the gradient by differences.
    #[test]
    fn value_by_formula_and_gradient_by_differences() {
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let p = spread(11, 0.15);
        let (mut h, mut c, mut loss) = (0.3, 0.6, 0.0);
        for (x, next) in [(1.0, 0.0), (0.0, 1.0)] {
            let x = x * p[8];
            c = c * sigmoid(x * p[0] + p[4]) + sigmoid(h * p[1] + p[5]) * (h * p[3] + p[7]).tanh();
            h = sigmoid(x * p[2] + p[6]) * c.tanh();
            let y: f64 = h * p[9] + p[10];
            loss -= next * (y - (y.exp() + 2.0).ln()) / 2.0;
        }
        let one = json!({
            "main_params": [p[..4], p[4..8]], "extra_params": rows(&p[8..], 1),
            "state": [[0.3], [0.6]], "sequence": [[1], [0], [1]],
        });
        assert_near(
            &numbers(&output("lstm", "objective", &one).expect("a loss")),
            &[loss],
            1e-15,
        );

        let p = spread((8 * LAYERS + 3) * UNITS, 0.2);
        let found = output("lstm", "jacobian", &input(&p)).expect("a gradient");
        assert_near(&numbers(&found), &differences(objective, &p), 1e-9);
    }

    #[test]
    fn wrong_inputs() {
        let mut input = input(&spread((8 * LAYERS + 3) * UNITS, 0.2));
        input["state"][1] = json!([1.0]);
        let error = output("lstm", "jacobian", &input).expect_err("a short row");
        assert!(
            error.contains("row 1 of state has 1 numbers; send 3"),
            "{error}"
        );
        input["sequence"] = json!([]);
        assert!(output("lstm", "objective", &input).is_err());
    }
}
