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
//! they are, and must be finite. Four channels of bytes are colours and their opacity, and are shown
//! over black, so that three are left.

use std::path::Path;

use retrograd_tensor::Array;

use crate::dataset::{Dataset, ImageShape};
use crate::error::DatasetError;
use crate::table::Table;

/// The most channels that an image has: red, green, blue and opacity.
const MOST_CHANNELS: usize = 4;

/// Numbers of a file, whole.
pub(crate) enum Raw {
    /// They were bytes.
    Bytes(Array<f32>),
    /// They were anything else, with all their digits.
    Numbers(Array<f64>),
}

/// What an array is.
pub(crate) enum Samples {
    /// Shades.
    Images(Dataset),
    /// Numbers in any unit.
    Table(Table),
}

impl Samples {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Images(data) => data.len(),
            Self::Table(table) => table.len(),
        }
    }

    pub(crate) fn labelled(self, labels: Vec<u32>) -> Self {
        match self {
            Self::Images(data) => Self::Images(Dataset {
                labels: Some(labels),
                ..data
            }),
            Self::Table(table) => Self::Table(table.labelled(labels)),
        }
    }

    /// In words for errors.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Images(data) => match data.image {
                Some(image) => format!("images of {image}"),
                None => format!("samples of {} bytes", data.width()),
            },
            Self::Table(table) => format!("samples of {} features", table.width()),
        }
    }
}

/// The samples of an array, in which NaN stands for what is missing if that may be.
pub(crate) fn samples(
    path: &Path,
    name: &str,
    array: Raw,
    missing: bool,
) -> Result<Samples, DatasetError> {
    let sizes = match &array {
        Raw::Bytes(array) => array.shape().to_vec(),
        Raw::Numbers(array) => array.shape().to_vec(),
    };
    if sizes.contains(&0) {
        return Err(DatasetError::Empty {
            path: path.into(),
            dims: sizes,
        });
    }
    let array = match (array, sizes.len()) {
        (Raw::Numbers(array), 1 | 2) => {
            return table(path, name, array, missing).map(Samples::Table);
        }
        (Raw::Numbers(array), _) => (array.cast(), false),
        (Raw::Bytes(array), _) => (array, true),
    };
    shades(path, name, array.0, array.1).map(Samples::Images)
}

fn table(path: &Path, name: &str, array: Array<f64>, missing: bool) -> Result<Table, DatasetError> {
    let (rows, width) = (array.shape()[0], array.shape().get(1).copied().unwrap_or(1));
    let values = array.contiguous().to_vec();
    let is_fine = |value: &f64| (*value as f32).is_finite() || (missing && value.is_nan());
    match values.iter().position(|value| !is_fine(value)) {
        Some(at) => Err(not_finite(path, at / width)),
        None => {
            let about = Dataset::new(name, Array::<f32>::zeros([0, width]));
            debug_assert_eq!(values.len(), rows * width);
            Ok(Table::new(about, width, vec![values]))
        }
    }
}

fn shades(
    path: &Path,
    name: &str,
    array: Array<f32>,
    bytes: bool,
) -> Result<Dataset, DatasetError> {
    let sizes = array.shape().to_vec();
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
        return Err(not_finite(path, at / (array.elements() / sizes[0])));
    }
    let (array, image) = match image {
        Some([4, h, w]) if bytes => {
            let (colours, opacity) = (array.slice(1, ..3), array.slice(1, 3..));
            (&colours * &opacity, Some([3, h, w]))
        }
        image => (array, image),
    };
    let features = array.reshape(&[sizes[0] as isize, -1]);
    Ok(Dataset {
        image: image.map(|[channels, height, width]| ImageShape {
            channels,
            height,
            width,
        }),
        white: if bytes { 255.0 } else { 1.0 },
        ..Dataset::new(name, features)
    })
}

/// How many samples an array of these sizes has, and the sizes of each, if samples are what lies one after
/// the other.
pub(crate) fn in_rows(
    path: &Path,
    sizes: &[usize],
    bytes: bool,
) -> Result<(usize, Vec<usize>), DatasetError> {
    if sizes.contains(&0) {
        return Err(DatasetError::Empty {
            path: path.into(),
            dims: sizes.to_vec(),
        });
    }
    let channels = 1..=MOST_CHANNELS;
    let (expected, hint) = match *sizes {
        [_, h, _, c] if channels.contains(&c) && !channels.contains(&h) => (
            "images whose channels come first",
            "save it again with numpy.save(path, numpy.moveaxis(x, -1, 1).copy())",
        ),
        [_, 4, _, _] if bytes => (
            "images without opacity",
            "save three channels, numpy.save(path, x[:, :3])",
        ),
        [count, ref rest @ ..] if rest.len() < 4 => return Ok((count, rest.to_vec())),
        _ => (
            "samples along the first of 1 to 4 axes",
            "reshape it to [samples, features]",
        ),
    };
    Err(DatasetError::Unsupported {
        path: path.into(),
        found: format!("an array of the shape {sizes:?}"),
        expected: expected.into(),
        hint,
    })
}

pub(crate) fn not_finite(path: &Path, sample: usize) -> DatasetError {
    DatasetError::Unsupported {
        path: path.into(),
        found: format!("a value that is not finite in sample {sample}"),
        expected: "finite numbers alone".into(),
        hint: "leave the sample out, or try --missing mean, median or mask for what is NaN in a table",
    }
}

/// What a data set is called that comes from the file at `path`.
pub(crate) fn stem(path: &Path) -> String {
    let name = path.file_stem().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(array: Raw) -> Result<Dataset, DatasetError> {
        match samples(Path::new("a"), "a", array, false)? {
            Samples::Images(data) => Ok(data),
            Samples::Table(table) => Ok(table.scaled(None)),
        }
    }

    fn shape_of(sizes: &[usize]) -> (Vec<usize>, Option<[usize; 3]>) {
        let data = read(Raw::Numbers(Array::zeros(sizes))).expect("samples");
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
        let array = Array::from_vec(bytes, [1, 5, 1, 3]);
        let data = read(Raw::Bytes(array)).expect("samples");
        let red = [0.0, 51.0, 102.0, 153.0, 204.0].map(|byte: f32| byte / 255.0);
        assert_eq!(data.values()[..5], red);
    }

    #[test]
    fn what_is_no_set_of_samples_is_refused() {
        let refused = |array| read(Raw::Numbers(array)).expect_err("a refusal");
        assert!(matches!(
            refused(Array::zeros([0, 3])),
            DatasetError::Empty { .. }
        ));
        for array in [Array::zeros([1, 1, 1, 1, 1]), Array::scalar(1.0)] {
            assert!(refused(array).to_string().contains("shape ["));
        }
        let holed = Array::from_vec(vec![0.0, 1.0, f64::NAN, 3.0], [2, 2]);
        assert!(refused(holed).to_string().contains("sample 1"));
    }

    #[test]
    fn opacity_is_shown_over_black() {
        // A red pixel that is not there, and a grey one that is half there.
        let bytes = vec![255.0, 0.0, 0.0, 0.0, 51.0, 51.0, 51.0, 127.5];
        let array = Array::from_vec(bytes, [1, 2, 1, 4]).permute(&[0, 3, 1, 2]);
        let data = read(Raw::Bytes(array.contiguous())).expect("samples");
        assert_eq!(data.image.map(|image| image.channels), Some(3));
        assert_eq!(*data.values(), [0.0, 0.1, 0.0, 0.1, 0.0, 0.1]);
    }
}
