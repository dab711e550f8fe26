//! What variants are made of.

pub(crate) mod active;
mod body;
pub(crate) mod checks;
pub(crate) mod convolution;
mod corruption;
mod cramer_wold;
pub(crate) mod dense;
pub(crate) mod distance;
pub(crate) mod k_means;
pub(crate) mod mmd;
mod output;
pub(crate) mod penalty;
mod sliced;

pub use body::Body;
pub use corruption::Corruption;
pub use cramer_wold::cramer_wold;
pub(crate) use cramer_wold::has_form as has_cramer_wold;
pub use dense::Start;
pub use mmd::maximum_mean_discrepancy;
pub use output::Output;
pub(crate) use output::Per;
pub(crate) use sliced::directions;
pub use sliced::sliced_wasserstein;
