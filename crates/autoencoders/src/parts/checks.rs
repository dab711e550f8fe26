//! Why options and data do not go together, in words.

use crate::registry::{DataShape, Nonlinearity, Settings, Word};

use super::output::Output;

/// The code must be narrower than the sample, or a copy would do.
pub(crate) fn narrow(settings: &Settings, data: DataShape) -> Result<(), String> {
    let features = data.features();
    let latent = settings.count("latent");
    if latent < features {
        return Ok(());
    }
    Err(format!(
        "a code of {latent} for samples of {features} features, which it could copy; use a latent below {features}, or `overcomplete`"
    ))
}

/// The output must be able to take the data's values.
pub(crate) fn reaches(settings: &Settings, data: DataShape) -> Result<(), String> {
    let output: Output = settings.word("output");
    if data.is_unit() || output == Output::Real {
        return Ok(());
    }
    Err(format!(
        "its output, {}, is never negative and the data is; try `linear`, an output of real, or scale the data to [0, 1]",
        output.name()
    ))
}

/// Both of these.
pub(crate) fn narrow_and_reaches(settings: &Settings, data: DataShape) -> Result<(), String> {
    reaches(settings, data)?;
    narrow(settings, data)
}

/// The activation of the code must have bounds, and which they are.
pub(crate) fn bounded(settings: &Settings) -> Result<(), String> {
    match settings.word("activation") {
        Nonlinearity::Sigmoid | Nonlinearity::Tanh => Ok(()),
        other => Err(format!(
            "a mean activation between 0 and 1 needs units between bounds, and {} has none; use sigmoid or tanh",
            other.name()
        )),
    }
}
