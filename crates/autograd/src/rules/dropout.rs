//! Dropout: elements left out at random, the others larger, so that the mean stays (Srivastava et
//! al. 2014).

use retrograd_tensor::Tensor;

use crate::tape::Mode;
use crate::var::Var;

impl Var {
    /// Each element 0 with probability `p`, else divided by 1 − p; itself when evaluating.
    ///
    /// What is left out comes from the random stream of the tape. A free constant belongs to no
    /// step, is being evaluated, and stays as it is.
    ///
    /// # Panics
    /// If `p` is not in [0, 1).
    #[track_caller]
    #[must_use]
    pub fn dropout(&self, p: f64) -> Self {
        assert!(
            (0.0..1.0).contains(&p),
            "dropout: a probability of {p}; it must be at least 0 and less than 1"
        );
        match self.tape() {
            Some(tape) if self.mode() == Mode::Training && p > 0.0 => {
                let draws =
                    tape.random(|rng| Tensor::uniform(*self.shape(), 0.0, 1.0, rng, self.dtype()));
                let kept = 1.0 / (1.0 - p);
                let factor = draws.map(|draw| if draw < p { 0.0 } else { kept });
                self * Self::constant(factor)
            }
            _ => self.clone(),
        }
    }
}
