//! Update rules, and the optimiser that applies one to a model.

mod adadelta;
mod adagrad;
mod adam;
mod adamax;
mod adamw;
mod blend;
mod clip;
mod flat;
mod group;
mod lbfgs;
mod levenberg_marquardt;
mod line_search;
mod lion;
mod method;
mod nadam;
mod newton;
mod optimizer;
mod radam;
mod remember;
mod rmsprop;
mod rule;
mod running;
mod sgd;
mod trust_region;
mod update;
mod walk;

pub use adadelta::Adadelta;
pub use adagrad::Adagrad;
pub use adam::Adam;
pub use adamax::Adamax;
pub use adamw::AdamW;
pub use clip::{Clip, Clipped};
pub use group::Group;
pub use lbfgs::Lbfgs;
pub use levenberg_marquardt::{LeastSquares, levenberg_marquardt};
pub use lion::Lion;
pub use nadam::NAdam;
pub use newton::{Minimum, newton};
pub use optimizer::Optimizer;
pub use radam::RAdam;
pub use rmsprop::RmsProp;
#[doc(hidden)]
pub use rule::Stretch;
pub use rule::{DynUpdateRule, UpdateRule};
pub use sgd::Sgd;
pub use trust_region::{Limits, Stopped};

pub(crate) use blend::Blend;
pub(crate) use remember::Remembered;
pub(crate) use update::Update;
