//! The walk backwards over a tape of scalars, for one result or several at once.

use std::fmt;

use super::real::Real;
use super::tape::{GROUND, Scalar, ScalarTape};

/// The derivatives of one number with respect to all numbers before it.
pub struct Adjoints<'t, R: Real = f64> {
    tape: Option<&'t ScalarTape<R>>,
    by_node: Vec<R>,
}

impl<'t, R: Real> Scalar<'t, R> {
    /// The derivatives of this with respect to all numbers on its tape, inner ones too.
    ///
    /// The tape stays as it is: other numbers on it can be swept as well. Over numbers that carry
    /// derivatives, so do the results.
    #[must_use]
    pub fn backward(self) -> Adjoints<'t, R> {
        match self.tape {
            Some(tape) => tape.backward_from(&[(self, 1.0.into())]),
            None => Adjoints {
                tape: None,
                by_node: Vec::new(),
            },
        }
    }
}

impl<R: Real> ScalarTape<R> {
    /// The derivatives of Σ c·y over pairs of a number y on this tape and a weight c.
    ///
    /// ```
    /// use retrograd_autograd::scalar::ScalarTape;
    ///
    /// let tape = ScalarTape::new();
    /// let x = tape.variable(3.0);
    /// let slopes = tape.backward_from(&[(x * x, 1.0), (x * 5.0, 2.0)]);
    /// assert_eq!(slopes.of(x), 2.0 * 3.0 + 2.0 * 5.0);
    /// ```
    ///
    /// # Panics
    /// If a number is on another tape.
    #[track_caller]
    #[must_use]
    pub fn backward_from(&self, results: &[(Scalar<'_, R>, R)]) -> Adjoints<'_, R> {
        let mut adjoints = self.room.take();
        adjoints.clear();
        self.pull(&mut adjoints, results.iter().copied());
        Adjoints {
            tape: Some(self),
            by_node: adjoints,
        }
    }

    /// Adds to the adjoints of the first nodes, of which there are some or none, what comes of the results
    /// with their weights.
    #[track_caller]
    #[inline(always)]
    pub(super) fn pull<'t>(
        &'t self,
        adjoints: &mut Vec<R>,
        results: impl Iterator<Item = (Scalar<'t, R>, R)> + Clone,
    ) {
        let last = results.clone().map(|(y, _)| self.index(y)).max();
        let nodes = last.map_or(1, |last| last + 1);
        adjoints.resize(nodes.max(adjoints.len()), 0.0.into());
        for (y, weight) in results {
            let seed = &mut adjoints[self.index(y)];
            *seed = seed.joined(weight);
        }
        self.sweep::<1>(adjoints);
    }

    /// The derivatives of all of `results` by all of `inputs`, a row for each result, into `rows`.
    ///
    /// Four results are swept together, so that what is recorded is read once for them.
    ///
    /// ```
    /// use retrograd_autograd::scalar::{Real, ScalarTape};
    ///
    /// let tape = ScalarTape::new();
    /// let (r, a) = (tape.variable(2.0), tape.variable(0.5));
    /// let mut rows = [0.0; 4];
    /// tape.jacobian_into(&[r * a.cos(), r * a.sin()], &[r, a], &mut rows);
    /// let (sin, cos) = 0.5_f64.sin_cos();
    /// assert_eq!(rows, [cos, -2.0 * sin, sin, 2.0 * cos]);
    /// ```
    ///
    /// # Panics
    /// If a number is on another tape, an input is a constant, or `rows` has another size.
    #[track_caller]
    pub fn jacobian_into(
        &self,
        results: &[Scalar<'_, R>],
        inputs: &[Scalar<'_, R>],
        rows: &mut [R],
    ) {
        self.jacobian_here(results, inputs, rows);
    }

    /// [`jacobian_into`](Self::jacobian_into), compiled where it stands: for the vectors there.
    #[inline(always)]
    pub(super) fn jacobian_here(
        &self,
        results: &[Scalar<'_, R>],
        inputs: &[Scalar<'_, R>],
        rows: &mut [R],
    ) {
        assert!(
            rows.len() == results.len() * inputs.len(),
            "scalar tape: room for {} derivatives of {} results by {} inputs",
            rows.len(),
            results.len(),
            inputs.len()
        );
        let mut adjoints = self.room.take();
        let mut rest = (results, rows);
        while !rest.0.is_empty() {
            let together = rest.0.len().min(4);
            let (results, later) = rest.0.split_at(together);
            let (rows, others) = rest.1.split_at_mut(together * inputs.len());
            match together {
                1 => self.rows::<1>(&mut adjoints, results, inputs, rows),
                2 => self.rows::<2>(&mut adjoints, results, inputs, rows),
                3 => self.rows::<3>(&mut adjoints, results, inputs, rows),
                _ => self.rows::<4>(&mut adjoints, results, inputs, rows),
            }
            rest = (later, others);
        }
        self.room.replace(adjoints);
    }

    /// The rows of `K` results.
    #[inline(always)]
    fn rows<const K: usize>(
        &self,
        adjoints: &mut Vec<R>,
        results: &[Scalar<'_, R>],
        inputs: &[Scalar<'_, R>],
        rows: &mut [R],
    ) {
        let last = results.iter().map(|y| self.index(*y)).max();
        adjoints.clear();
        adjoints.resize((last.unwrap_or(0) + 1) * K, 0.0.into());
        for (k, y) in results.iter().enumerate() {
            adjoints[self.index(*y) * K + k] = 1.0.into();
        }
        self.sweep::<K>(adjoints);
        for (column, x) in inputs.iter().enumerate() {
            for k in 0..K {
                rows[k * inputs.len() + column] = self.entry::<K>(adjoints, *x, k);
            }
        }
    }

    /// The derivative of result `k` of `K` with respect to `x`. A result that was recorded before `x`, or
    /// is a constant, does not depend on it.
    #[track_caller]
    #[inline(always)]
    pub(super) fn entry<const K: usize>(&self, adjoints: &[R], x: Scalar<'_, R>, k: usize) -> R {
        let found = adjoints.get(self.input(x) * K + k);
        found.copied().unwrap_or_else(|| 0.0.into())
    }

    /// The walk, from the last node that there is an adjoint for to the start, for `K` results at once.
    #[inline(always)]
    pub(super) fn sweep<const K: usize>(&self, adjoints: &mut [R]) {
        let nodes = self.nodes.borrow();
        let (adjoints, _) = adjoints.as_chunks_mut::<K>();
        // Of an operation of several nodes the last has the adjoint, which serves all of them.
        let (mut own, mut idle) = ([0.0.into(); K], true);
        for (id, node) in nodes[..adjoints.len()].iter().enumerate().rev() {
            if !node.is_continued() {
                own = adjoints[id];
                // Nothing comes of nothing, however steep the operation: most often it is not on any
                // path to the result.
                idle = own.iter().all(|adjoint: &R| adjoint.is_zero());
            }
            if idle {
                continue;
            }
            for (parent, partial) in node.parents().into_iter().zip(node.partials) {
                if parent != GROUND {
                    let totals = &mut adjoints[parent as usize];
                    for (total, adjoint) in totals.iter_mut().zip(own) {
                        // A single one is not 0, since it is not idle.
                        *total = total.joined(match K {
                            1 => adjoint.surely_through(partial),
                            _ => adjoint.through(partial),
                        });
                    }
                }
            }
        }
    }

    /// The node of a result, which for constants is the ground.
    #[track_caller]
    #[inline]
    fn index(&self, y: Scalar<'_, R>) -> usize {
        assert!(
            y.tape.is_none_or(|tape| std::ptr::eq(self, tape)),
            "scalar tape: the number belongs to another tape than the result"
        );
        y.node as usize
    }

    /// The node of what a derivative is asked for.
    #[track_caller]
    #[inline]
    fn input(&self, x: Scalar<'_, R>) -> usize {
        assert!(
            x.tape.is_some(),
            "scalar tape: no derivative with respect to a constant; make it with tape.variable(value)"
        );
        self.index(x)
    }
}

impl<R: Real> Adjoints<'_, R> {
    /// The derivative with respect to `x`; 0 if the result does not depend on it.
    ///
    /// # Panics
    /// If `x` is a constant, or on another tape than the result.
    #[track_caller]
    #[must_use]
    pub fn of(&self, x: Scalar<'_, R>) -> R {
        let Some(tape) = self.tape.or(x.tape) else {
            panic!(
                "scalar tape: no derivative with respect to a constant; make it with tape.variable(value)"
            )
        };
        tape.entry::<1>(&self.by_node, x, 0)
    }

    /// The derivatives with respect to all of `inputs`, into `slopes`.
    ///
    /// # Panics
    /// As [`of`](Self::of), or if there is no room of that size.
    #[track_caller]
    pub fn collect_into(&self, inputs: &[Scalar<'_, R>], slopes: &mut [R]) {
        assert!(
            inputs.len() == slopes.len(),
            "scalar tape: room for {} derivatives by {} inputs",
            slopes.len(),
            inputs.len()
        );
        for (slope, x) in slopes.iter_mut().zip(inputs) {
            *slope = self.of(*x);
        }
    }
}

/// The room goes back to the tape, so that the next sweep asks for none.
impl<R: Real> Drop for Adjoints<'_, R> {
    fn drop(&mut self) {
        if let Some(tape) = self.tape {
            tape.room.replace(std::mem::take(&mut self.by_node));
        }
    }
}

impl<R: Real> fmt::Debug for Adjoints<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Adjoints({} nodes)",
            self.by_node.len().saturating_sub(1)
        )
    }
}
