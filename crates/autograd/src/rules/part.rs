//! Parts of a Var and their joining: combinations of `slice` and `cat`. Parts are views.
//!
//! Loops instead of iterators, since the caller's line does not pass through closures.

use retrograd_tensor::OrPanic;

use crate::var::Var;

impl Var {
    /// `count` positions of `axis` from `start`.
    ///
    /// # Panics
    /// If the axis does not exist or has fewer positions.
    #[track_caller]
    #[must_use]
    pub fn narrow(&self, axis: isize, start: usize, count: usize) -> Self {
        let place = self.shape().axis("narrow", axis).or_panic();
        let size = self.shape()[place];
        assert!(
            start.checked_add(count).is_some_and(|end| end <= size),
            "narrow: {}: {count} positions from {start} of axis {place}, which has {size}",
            self.shape()
        );
        self.slice(axis, start as isize..(start + count) as isize)
    }

    /// Parts of `size` positions along `axis`; the last has what is left.
    ///
    /// # Panics
    /// If the axis does not exist or the size is 0.
    #[doc(alias = "array_split")]
    #[track_caller]
    #[must_use]
    pub fn split(&self, axis: isize, size: usize) -> Vec<Self> {
        let place = self.shape().axis("split", axis).or_panic();
        assert!(size > 0, "split: {}: parts of 0 positions", self.shape());
        let whole = self.shape()[place];
        // An axis without positions is one part without positions.
        let mut parts = Vec::new();
        for start in (0..whole.max(1)).step_by(size) {
            parts.push(self.narrow(axis, start, size.min(whole - start)));
        }
        parts
    }

    /// Parts of these numbers of positions along `axis`.
    ///
    /// # Panics
    /// If the axis does not exist, or the sizes do not add up to its size.
    #[track_caller]
    #[must_use]
    pub fn split_sizes(&self, axis: isize, sizes: &[usize]) -> Vec<Self> {
        let place = self.shape().axis("split_sizes", axis).or_panic();
        let whole = self.shape()[place];
        assert!(
            sizes.iter().sum::<usize>() == whole,
            "split_sizes: {}: {sizes:?} do not add up to the {whole} positions of axis {place}",
            self.shape()
        );
        let (mut parts, mut start) = (Vec::new(), 0);
        for &size in sizes {
            parts.push(self.narrow(axis, start, size));
            start += size;
        }
        parts
    }

    /// At most `count` parts along `axis`, all but the last of the same size.
    ///
    /// # Panics
    /// If the axis does not exist or the count is 0.
    #[track_caller]
    #[must_use]
    pub fn chunk(&self, axis: isize, count: usize) -> Vec<Self> {
        let place = self.shape().axis("chunk", axis).or_panic();
        assert!(count > 0, "chunk: {}: into 0 parts", self.shape());
        self.split(axis, self.shape()[place].div_ceil(count).max(1))
    }

    /// The parts at every position of `axis`, without that axis: the inverse of [`stack`](Self::stack).
    ///
    /// ```
    /// use retrograd_autograd::Tape;
    /// use retrograd_tensor::Tensor;
    ///
    /// let tape = Tape::new();
    /// let x = tape.leaf(Tensor::from_vec(vec![1.0, 2.0, 3.0, 4.0], [2, 2]));
    /// let columns = x.unbind(1);
    /// assert_eq!(columns[1].value().to_vec(), [2.0, 4.0]);
    /// let slopes = (&columns[0] * &columns[1]).sum(..).backward();
    /// assert_eq!(slopes.of(&x).unwrap().to_vec(), [2.0, 1.0, 4.0, 3.0]);
    /// ```
    ///
    /// # Panics
    /// If the axis does not exist.
    #[doc(alias = "unstack")]
    #[track_caller]
    #[must_use]
    pub fn unbind(&self, axis: isize) -> Vec<Self> {
        let place = self.shape().axis("unbind", axis).or_panic();
        let mut parts = Vec::new();
        for position in 0..self.shape()[place] {
            parts.push(self.select(axis, position));
        }
        parts
    }

    /// Vars of one shape laid side by side along a new axis, which may count from the end of the
    /// result.
    ///
    /// # Panics
    /// If there is none, a shape differs, or the axis does not exist in the
    /// result.
    #[track_caller]
    #[must_use]
    pub fn stack(vars: &[&Self], axis: isize) -> Self {
        if let Some(other) = vars.iter().find(|var| var.shape() != vars[0].shape()) {
            panic!(
                "stack: {} x {}: all shapes must be equal",
                vars[0].shape(),
                other.shape()
            );
        }
        let mut raised = Vec::new();
        for var in vars {
            raised.push(var.unsqueeze(axis));
        }
        Self::cat(&raised.iter().collect::<Vec<_>>(), axis)
    }
}
