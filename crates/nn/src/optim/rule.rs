//! What an update rule is.

use retrograd_tensor::Float;

use super::clip::Clipped;

/// A recurrence that moves parameters against their gradient.
///
/// Pure: everything it remembers is in the state slots it is handed, each of the size of the
/// parameter and 0 at first.
pub trait UpdateRule: Send + Sync {
    /// Its name, such as `adam`: the state of one rule does not fit another.
    fn name(&self) -> &'static str;

    /// The names of the state slots a parameter needs, as in the paper.
    fn slots(&self) -> &'static [&'static str];

    /// One step, the parameter's `step`-th (from 1), of a stretch of it, in a single pass.
    ///
    /// The gradient is clipped as it is read. The loop is best a
    /// [`Kernel`](retrograd_tensor::simd::Kernel): as plain code it is compiled for the oldest
    /// machines of the target. The rules of this crate show how.
    fn update<T: Float>(
        &self,
        step: u64,
        learning_rate: f64,
        parameter: &mut [T],
        gradient: Clipped<'_, T>,
        state: &mut [&mut [T]],
    ) where
        Self: Sized;

    /// The same rule with another weight decay, or `None` if it has none: what a
    /// [`Group`](super::Group) of its own decay needs.
    #[must_use]
    fn with_weight_decay(&self, _decay: f64) -> Option<Self>
    where
        Self: Sized,
    {
        None
    }
}

/// Any [`UpdateRule`], as an optimiser holds it; boxed, a rule that is chosen while the program runs.
pub trait DynUpdateRule: Send + Sync {
    /// As [`UpdateRule::name`].
    fn name(&self) -> &'static str;

    /// As [`UpdateRule::slots`].
    fn slots(&self) -> &'static [&'static str];

    /// As [`UpdateRule::with_weight_decay`].
    fn with_weight_decay(&self, decay: f64) -> Option<Box<dyn DynUpdateRule>>;

    /// As [`UpdateRule::update`], of numbers of 32 bits.
    #[doc(hidden)]
    fn update_f32(&self, stretch: Stretch<'_, '_, f32>);

    /// As [`UpdateRule::update`], of numbers of 64 bits.
    #[doc(hidden)]
    fn update_f64(&self, stretch: Stretch<'_, '_, f64>);
}

/// A stretch of a parameter and what a rule needs for a step of it.
#[doc(hidden)]
#[derive(Debug)]
pub struct Stretch<'a, 's, T> {
    pub(super) step: u64,
    pub(super) learning_rate: f64,
    pub(super) parameter: &'a mut [T],
    pub(super) gradient: Clipped<'a, T>,
    pub(super) state: &'a mut [&'s mut [T]],
}

impl<R: UpdateRule + 'static> DynUpdateRule for R {
    fn name(&self) -> &'static str {
        UpdateRule::name(self)
    }

    fn slots(&self) -> &'static [&'static str] {
        UpdateRule::slots(self)
    }

    fn with_weight_decay(&self, decay: f64) -> Option<Box<dyn DynUpdateRule>> {
        let rule = UpdateRule::with_weight_decay(self, decay)?;
        Some(Box::new(rule))
    }

    fn update_f32(&self, s: Stretch<'_, '_, f32>) {
        self.update(s.step, s.learning_rate, s.parameter, s.gradient, s.state);
    }

    fn update_f64(&self, s: Stretch<'_, '_, f64>) {
        self.update(s.step, s.learning_rate, s.parameter, s.gradient, s.state);
    }
}

impl DynUpdateRule for Box<dyn DynUpdateRule> {
    fn name(&self) -> &'static str {
        self.as_ref().name()
    }

    fn slots(&self) -> &'static [&'static str] {
        self.as_ref().slots()
    }

    fn with_weight_decay(&self, decay: f64) -> Option<Box<dyn DynUpdateRule>> {
        self.as_ref().with_weight_decay(decay)
    }

    fn update_f32(&self, stretch: Stretch<'_, '_, f32>) {
        self.as_ref().update_f32(stretch);
    }

    fn update_f64(&self, stretch: Stretch<'_, '_, f64>) {
        self.as_ref().update_f64(stretch);
    }
}

/// Element types that rules are called with.
pub(crate) trait Updated: Float {
    /// One step of a stretch by `rule`.
    fn update(rule: &dyn DynUpdateRule, stretch: Stretch<'_, '_, Self>);
}

impl Updated for f32 {
    fn update(rule: &dyn DynUpdateRule, stretch: Stretch<'_, '_, Self>) {
        rule.update_f32(stretch);
    }
}

impl Updated for f64 {
    fn update(rule: &dyn DynUpdateRule, stretch: Stretch<'_, '_, Self>) {
        rule.update_f64(stretch);
    }
}
