//! How large a model will be, before there is memory for it.

use super::settings::Settings;
use super::shape::DataShape;
use super::value::Value;

/// Weights of a convolution's window at most, of the variants here.
const WINDOW: u128 = 25;
/// Maps that lead to a code: two heads of a distribution, and the decoder's first.
const HEADS: u128 = 3;

/// About how many numbers a model has, and how many it computes for a sample: of the right order, and
/// never too few by much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Parameters.
    pub parameters: u128,
    /// Activations of a sample, encoder and decoder together.
    pub activations: u128,
}

impl Settings {
    /// The size of a model with these options, which [resolve](crate::Card::resolve), for data of this shape.
    #[must_use]
    pub fn size(&self, data: DataShape) -> Size {
        let wide = |width: usize| width as u128;
        let features = wide(data.features());
        let count = |name: &str| match self.get(name) {
            Some(Value::Count(count)) => Some(wide(*count)),
            _ => None,
        };
        let layers = |name: &str| match self.get(name) {
            Some(Value::Widths(widths)) => widths.as_slice(),
            _ => &[],
        };
        let groups = count("groups").unwrap_or(0);
        let symbols = groups.saturating_mul(count("categories").unwrap_or(0));
        let code = count("latent").unwrap_or(0).saturating_add(symbols);
        let classes = count("classes").unwrap_or(0);
        let hidden = layers("hidden").iter().map(|&width| wide(width));
        let widths: Vec<u128> = std::iter::once(features.saturating_add(classes))
            .chain(hidden)
            .collect();
        let last = widths
            .last()
            .copied()
            .unwrap_or(features)
            .saturating_add(classes);
        let inner = widths
            .windows(2)
            .map(|pair| pair[0].saturating_mul(pair[1]));
        // As wide as the sample, all of them.
        let square = count("layers").unwrap_or(0);
        let square = square.saturating_mul(features.saturating_mul(features));
        let dense = sum(inner)
            .saturating_mul(2)
            .saturating_add(last.saturating_mul(code).saturating_mul(HEADS))
            .saturating_add(square);
        let channels = layers("channels").iter().map(|&width| wide(width));
        let channels: Vec<u128> = std::iter::once(1).chain(channels).collect();
        let maps = channels
            .windows(2)
            .map(|pair| pair[0].saturating_mul(pair[1]));
        let windows = sum(maps).saturating_mul(2 * WINDOW);
        let planes = sum(channels.into_iter().skip(1)).saturating_mul(features);
        let learnt = count("pseudo-inputs").unwrap_or(0).saturating_mul(features);
        let draws = count("samples").unwrap_or(1);
        let rows = sum(widths.into_iter()).saturating_add(code);
        Size {
            parameters: dense.saturating_add(windows).saturating_add(learnt),
            activations: rows
                .saturating_add(planes)
                .saturating_mul(2)
                .saturating_mul(draws),
        }
    }
}

fn sum(numbers: impl Iterator<Item = u128>) -> u128 {
    numbers.fold(0, u128::saturating_add)
}

#[cfg(test)]
mod tests {
    use retrograd_tensor::random;

    use super::*;
    use crate::Card;

    #[test]
    fn it_is_of_the_order_of_the_model() {
        for variant in Card::all() {
            for data in [DataShape::images([1, 28, 28]), DataShape::table(10)] {
                let Ok(settings) = variant.resolve(&Settings::new(), data) else {
                    continue;
                };
                let model = variant.build(&settings, data, &mut random::rng(0)).unwrap();
                let exact = model.parameter_count() as u128;
                let about = settings.size(data).parameters;
                assert!(
                    2 * about >= exact && about <= 8 * exact,
                    "{variant} on {data:?}: {about} for {exact}"
                );
            }
        }
    }

    #[test]
    fn sizes_beyond_all_bounds_do_not_overflow() {
        let huge = Settings::new()
            .with("latent", usize::MAX)
            .with("hidden", [usize::MAX; 3])
            .with("channels", [usize::MAX; 3])
            .with("samples", usize::MAX)
            .with("classes", usize::MAX);
        let size = huge.size(DataShape::images([1, 28, 28]));
        assert_eq!(size.parameters, u128::MAX);
        assert!(size.activations > 1 << 100);
    }
}
