//! Why options and data do not go together, in words.

use crate::registry::{DataKind, Nonlinearity, Settings};

use super::output::Output;

/// The code must be narrower than the sample, or a copy would do.
pub(crate) fn narrow(settings: &Settings, data: DataKind) -> Result<(), String> {
    let features = data.features();
    match settings.latent {
        Some(latent) if latent >= features => Err(format!(
            "a code of {latent} for samples of {features} features, which it could copy; use a latent below {features}, or `overcomplete`"
        )),
        _ => Ok(()),
    }
}

/// The output must be able to take the data's values.
pub(crate) fn reaches(settings: &Settings, data: DataKind) -> Result<(), String> {
    match (settings.output, data) {
        (Some(output), DataKind::Points(_)) if output != Output::Real => Err(format!(
            "its output, {}, is never negative and the data is; try `linear`, an output of real, or scale the data to [0, 1]",
            output.name()
        )),
        _ => Ok(()),
    }
}

/// Both of these.
pub(crate) fn narrow_and_reaches(settings: &Settings, data: DataKind) -> Result<(), String> {
    reaches(settings, data)?;
    narrow(settings, data)
}

/// The activation of the code must have bounds, and which they are.
pub(crate) fn bounded(settings: &Settings) -> Result<(), String> {
    match settings.activation {
        Some(Nonlinearity::Sigmoid | Nonlinearity::Tanh) | None => Ok(()),
        Some(other) => Err(format!(
            "a mean activation between 0 and 1 needs units between bounds, and {} has none; use sigmoid or tanh",
            other.name()
        )),
    }
}
