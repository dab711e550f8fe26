//! Arrays of any rank as samples in rows.
//!
//! | shape | samples |
//! |---|---|
//! | `[n]` | of one feature |
//! | `[n, features]` | rows of a table |
//! | `[n, h, w]` | grey images |
//! | `[n, c, h, w]` | images of c channels |
//! | `[n, h, w, c]` | the same, where only the last size can be channels: 1 to 4 |
//!
//! Bytes are taken for shades and become `byte / 255`, in [0, 1]. All other numbers are taken as
//! they are, and must be finite.

use std::path::Path;

use retrograd_tensor::Tensor;

use crate::dataset::{Dataset, ImageShape};
use crate::error::DatasetError;

/// The most channels that an image has: red, green, blue and opacity.
const MOST_CHANNELS: usize = 4;

/// The samples of an array, which was one of bytes or not.
pub(crate) fn samples(
    path: &Path,
    name: &str,
    array: Tensor<f32>,
    bytes: bool,
) -> Result<Dataset, DatasetError> {
    let sizes = array.shape().to_vec();
    if array.elements() == 0 {
        return Err(DatasetError::Empty {
            path: path.into(),
            dims: sizes,
        });
    }
    let channels = 1..=MOST_CHANNELS;
    let (array, image) = match sizes[..] {
        [_] | [_, _] => (array, None),
        [_, h, w] => (array, Some([1, h, w])),
        [_, h, w, c] if channels.contains(&c) && !channels.contains(&h) => {
            (array.permute(&[0, 3, 1, 2]).contiguous(), Some([c, h, w]))
        }
        [_, c, h, w] => (array, Some([c, h, w])),
        _ => {
            return Err(DatasetError::Unsupported {
                path: path.into(),
                found: format!("an array of the shape {sizes:?}"),
                expected: "samples along the first of 1 to 4 axes".into(),
                hint: "reshape it to [samples, features]",
            });
        }
    };
    let array = if bytes {
        array.map(|byte| byte / 255.0)
    } else {
        array
    };
    if let Some(at) = array.iter().position(|value| !value.is_finite()) {
        let sample = at / (array.elements() / sizes[0]);
        return Err(DatasetError::Unsupported {
            path: path.into(),
            found: format!("a value that is not finite in sample {sample}"),
            expected: "finite numbers alone".into(),
            hint: "fill it in or leave the sample out",
        });
    }
    let features = array.reshape(&[sizes[0] as isize, -1]);
    Ok(Dataset {
        image: image.map(|[channels, height, width]| ImageShape {
            channels,
            height,
            width,
        }),
        ..Dataset::new(name, features)
    })
}

/// What a data set is called that comes from the file at `path`.
pub(crate) fn stem(path: &Path) -> String {
    let name = path.file_stem().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape_of(sizes: &[usize]) -> (Vec<usize>, Option<[usize; 3]>) {
        let data = samples(Path::new("a"), "a", Tensor::zeros(sizes), false).expect("samples");
        let image = data.image.map(|i| [i.channels, i.height, i.width]);
        (data.features.shape().to_vec(), image)
    }

    #[test]
    fn the_rank_says_what_the_samples_are() {
        assert_eq!(shape_of(&[5]), (vec![5, 1], None));
        assert_eq!(shape_of(&[5, 3]), (vec![5, 3], None));
        assert_eq!(shape_of(&[5, 6, 7]), (vec![5, 42], Some([1, 6, 7])));
        assert_eq!(shape_of(&[5, 3, 6, 7]), (vec![5, 126], Some([3, 6, 7])));
        assert_eq!(shape_of(&[5, 6, 7, 3]), (vec![5, 126], Some([3, 6, 7])));
        // Both could be channels: the first is.
        assert_eq!(shape_of(&[5, 2, 7, 3]), (vec![5, 42], Some([2, 7, 3])));
    }

    #[test]
    fn channels_come_first_and_bytes_become_shades() {
        // One image of 5 x 1 pixels in red, green and blue, the channels last.
        let bytes: Vec<f32> = (0..15).map(|byte| byte as f32 * 17.0).collect();
        let array = Tensor::from_vec(bytes, [1, 5, 1, 3]);
        let data = samples(Path::new("a"), "a", array, true).expect("samples");
        let red = [0.0, 51.0, 102.0, 153.0, 204.0].map(|byte: f32| byte / 255.0);
        assert_eq!(data.features.to_vec()[..5], red);
    }

    #[test]
    fn what_is_no_set_of_samples_is_refused() {
        let refused = |array| samples(Path::new("a"), "a", array, false).expect_err("a refusal");
        assert!(matches!(
            refused(Tensor::zeros([0, 3])),
            DatasetError::Empty { .. }
        ));
        for array in [Tensor::zeros([1, 1, 1, 1, 1]), Tensor::scalar(1.0)] {
            assert!(refused(array).to_string().contains("shape ["));
        }
        let holed = Tensor::from_vec(vec![0.0, 1.0, f32::NAN, 3.0], [2, 2]);
        assert!(refused(holed).to_string().contains("sample 1"));
    }
}
