//! A determinant by expansion along rows, which takes n! products.
//!
//! ```text
//! det A = Σⱼ ±a₀ⱼ det(A without row 0 and column j)
//! ```

use retrograd_autograd::scalar::{Direction, Function, Real, ScalarTape};
use serde::Deserialize;

use super::{Module, check_length};
use crate::measure::evaluate;

pub(super) const MODULE: Module = Module {
    name: "det",
    functions: &[
        ("primal", |input| {
            evaluate(input, |input: Input| {
                let minor = input.check()?;
                Ok(move || minor.of(&input.a))
            })
        }),
        ("gradient", |input| {
            evaluate(input, |input: Input| {
                let minor = input.check()?;
                let mut tape = ScalarTape::new();
                Ok(move || {
                    let mut slopes = vec![0.0; input.a.len()];
                    tape.gradient_into(&minor, &input.a, Direction::Reverse, &mut slopes);
                    slopes
                })
            })
        }),
    ],
};

/// Larger matrices take more than a day.
const LARGEST: usize = 16;
/// Minors of this size are swept by themselves: what they record, some ten thousand operations, fits into
/// a cache.
const REGION: usize = 7;

#[derive(Deserialize)]
struct Input {
    #[serde(rename = "A")]
    a: Vec<f64>,
    ell: usize,
}

impl Input {
    fn check(&self) -> Result<Minor, String> {
        let size = self.ell;
        if !(1..=LARGEST).contains(&size) {
            return Err(format!("ell is {size}; send 1 to {LARGEST}"));
        }
        check_length("A", self.a.len(), size * size)?;
        Ok(Minor { size })
    }
}

/// The determinant of a matrix of this size, row by row.
struct Minor {
    size: usize,
}

impl Function for Minor {
    fn inputs(&self) -> usize {
        self.size * self.size
    }
    fn outputs(&self) -> usize {
        1
    }
    fn eval<R: Real>(&self, a: &[R], y: &mut [R]) {
        y[0] = self.of(a);
    }
}

impl Minor {
    fn of<R: Real>(&self, a: &[R]) -> R {
        self.expand(a, 0, (1 << self.size) - 1)
    }

    /// The minor of the rows from `row` on and of those columns whose bit is set.
    fn expand<R: Real>(&self, a: &[R], row: usize, columns: u32) -> R {
        let own = &a[row * self.size..][..self.size];
        let mut left = columns;
        let mut next = || {
            let column = left.trailing_zeros();
            left &= left.wrapping_sub(1);
            column as usize
        };
        match self.size - row {
            1 => own[next()],
            2 => {
                let (i, j) = (next(), next());
                let below = &a[(row + 1) * self.size..];
                own[i] * below[j] - own[j] * below[i]
            }
            size => {
                let mut sum = R::from(0.0);
                for term in 0..size {
                    let column = next();
                    let product = own[column] * self.below(a, row + 1, columns & !(1 << column));
                    sum = if term % 2 == 0 {
                        sum + product
                    } else {
                        sum - product
                    };
                }
                sum
            }
        }
    }

    /// A minor of the rows below, on its own where it has the right size for that.
    fn below<R: Real>(&self, a: &[R], row: usize, columns: u32) -> R {
        if self.size - row != REGION {
            return self.expand(a, row, columns);
        }
        let mut entries = Vec::with_capacity(REGION * REGION);
        for row in a.chunks_exact(self.size).skip(row) {
            let kept = row
                .iter()
                .enumerate()
                .filter(|(i, _)| columns >> i & 1 == 1);
            entries.extend(kept.map(|(_, a)| *a));
        }
        R::region(&Minor { size: REGION }, &entries)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{assert_near, numbers, output, spread};

    /// The determinant by elimination with the largest pivot, and the gradient det(A)·A⁻ᵀ column by
    /// column of the inverse.
    fn by_elimination(a: &[f64], n: usize) -> (f64, Vec<f64>) {
        let mut rows: Vec<Vec<f64>> = a.chunks(n).map(<[f64]>::to_vec).collect();
        for (i, row) in rows.iter_mut().enumerate() {
            row.extend((0..n).map(|j| f64::from(i == j)));
        }
        let mut det = 1.0;
        for k in 0..n {
            let pivot = (k..n).max_by(|i, j| rows[*i][k].abs().total_cmp(&rows[*j][k].abs()));
            let pivot = pivot.expect("a row");
            if pivot != k {
                rows.swap(pivot, k);
                det = -det;
            }
            det *= rows[k][k];
            let scaled: Vec<f64> = rows[k].iter().map(|x| x / rows[k][k]).collect();
            rows[k] = scaled.clone();
            for (i, row) in rows.iter_mut().enumerate().filter(|(i, _)| *i != k) {
                let factor = row[k];
                let _ = i;
                row.iter_mut()
                    .zip(&scaled)
                    .for_each(|(x, own)| *x -= factor * own);
            }
        }
        let slopes = (0..n * n).map(|e| det * rows[e % n][n + e / n]).collect();
        (det, slopes)
    }

    /// Also beyond the size of a region.
    #[test]
    fn against_elimination() {
        for n in 1..=8 {
            let a = spread(n * n, 0.37);
            let (det, slopes) = by_elimination(&a, n);
            let input = json!({"A": a, "ell": n});
            let found = |name| numbers(&output("det", name, &input).expect("an output"));
            assert_near(&found("primal"), &[det], 1e-13);
            assert_near(&found("gradient"), &slopes, 1e-12);
        }
    }

    #[test]
    fn wrong_inputs() {
        for (a, ell) in [(vec![1.0; 4], 3), (vec![], 0), (vec![1.0; 400], 20)] {
            assert!(output("det", "primal", &json!({"A": a, "ell": ell})).is_err());
        }
    }
}
