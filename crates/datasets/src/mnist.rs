//! Folders in the manner of MNIST: images and labels, to train with and to hold out, as IDX files.
//!
//! MNIST (LeCun, Cortes & Burges, 1998), Fashion-MNIST (Xiao, Rasul & Vollgraf, 2017), KMNIST
//! (Clanuwat et al., 2018) and QMNIST come as
//!
//! ```text
//! train-images-idx3-ubyte[.gz]    train-labels-idx1-ubyte[.gz]    60 000 to train with
//! t10k-images-idx3-ubyte[.gz]     t10k-labels-idx1-ubyte[.gz]     10 000 held out
//! ```
//!
//! and some mirrors spell `-idx` as `.idx`. The labels may be absent: an autoencoder does not need
//! them.

use std::path::{Path, PathBuf};

use retrograd_tensor::Array;

use crate::dataset::{Dataset, ImageShape, Split};
use crate::error::DatasetError;
use crate::idx::{IdxArray, Role, read_idx_as};

/// Reads a folder in the manner of MNIST; pixels become `byte / 255`, so that they are in [0, 1].
///
/// A raw file is preferred to a compressed one. Each part without a file of labels has none. The
/// name of the data set is that of the folder. Labels may be any byte: EMNIST has more than ten
/// classes.
///
/// # Errors
///
/// If the folder is missing or a file, if a part's images are missing, if any file is not what it
/// should be (see [`read_idx`](crate::read_idx)), if images and labels are of different counts, or
/// if the two parts have images of different sizes. See [`DatasetError`].
pub fn read_mnist_folder(folder: impl AsRef<Path>) -> Result<Split, DatasetError> {
    let folder = folder.as_ref();
    if !folder.is_dir() {
        let path = folder.into();
        return Err(match folder.exists() {
            true => DatasetError::NotAFolder { path },
            false => DatasetError::FolderMissing { path },
        });
    }
    let train = Files::find(folder, "train", "training")?;
    let held_out = Files::find(folder, "t10k", "held-out")?;
    let name = folder_name(folder);
    let train = train.read(&name, None)?;
    let held_out = held_out.read(&name, train.image)?;
    Ok(Split { train, held_out })
}

/// Whether the folder has a file of images under one of the names that MNIST's go by.
pub(crate) fn is_mnist_folder(folder: &Path) -> bool {
    ["train", "t10k"]
        .iter()
        .flat_map(|prefix| spellings(prefix, "images", 3))
        .any(|name| folder.join(name).is_file())
}

/// The files of one part.
#[derive(Debug)]
struct Files {
    images: PathBuf,
    labels: Option<PathBuf>,
}

impl Files {
    fn find(folder: &Path, prefix: &str, part: &'static str) -> Result<Self, DatasetError> {
        let first = |names: &[String]| {
            names
                .iter()
                .map(|name| folder.join(name))
                .find(|path| path.is_file())
        };
        let looked_for = spellings(prefix, "images", 3);
        match first(&looked_for) {
            Some(images) => Ok(Self {
                images,
                labels: first(&spellings(prefix, "labels", 1)),
            }),
            None => Err(DatasetError::ImagesMissing {
                folder: folder.into(),
                part,
                looked_for,
            }),
        }
    }

    /// Reads the part; its images must be of the `expected` shape, if there is one.
    fn read(self, name: &str, expected: Option<ImageShape>) -> Result<Dataset, DatasetError> {
        let images = read_idx_as(&self.images, Role::Images)?;
        let (count, found) = (
            images.dims[0],
            ImageShape {
                channels: 1,
                height: images.dims[1],
                width: images.dims[2],
            },
        );
        if let Some(expected) = expected.filter(|&expected| expected != found) {
            let [found, expected] = [found, expected].map(|shape| [shape.height, shape.width]);
            return Err(DatasetError::SizeMismatch {
                path: self.images,
                found,
                expected,
            });
        }
        let labels = match self.labels {
            Some(path) => Some(read_labels(path, &self.images, count)?),
            None => None,
        };
        let features = Array::from_vec(scale(images, &self.images)?, [count, found.pixels()]);
        Ok(Dataset {
            labels,
            image: Some(found),
            ..Dataset::new(name, features)
        })
    }
}

fn read_labels(path: PathBuf, images: &Path, image_count: usize) -> Result<Vec<u32>, DatasetError> {
    let labels = read_idx_as(&path, Role::Labels)?.data;
    if labels.len() == image_count {
        return Ok(labels.into_iter().map(u32::from).collect());
    }
    let label_count = labels.len();
    Err(DatasetError::CountMismatch {
        images: images.into(),
        image_count,
        labels: path,
        label_count,
    })
}

/// The pixels in [0, 1].
fn scale(images: IdxArray, path: &Path) -> Result<Vec<f32>, DatasetError> {
    let mut pixels = Vec::new();
    let IdxArray { dims, data } = images;
    if pixels.try_reserve_exact(data.len()).is_err() {
        return Err(DatasetError::TooLarge {
            path: path.into(),
            dims,
        });
    }
    pixels.extend(data.iter().map(|&byte| f32::from(byte) / 255.0));
    Ok(pixels)
}

/// The names that a file goes by, the preferred one first.
fn spellings(prefix: &str, what: &str, rank: usize) -> Vec<String> {
    ["-", "."]
        .iter()
        .flat_map(|dash| ["", ".gz"].map(|gz| format!("{prefix}-{what}{dash}idx{rank}-ubyte{gz}")))
        .collect()
}

/// The last component of the path, also if it is written as `..` or `.`.
pub(crate) fn folder_name(folder: &Path) -> String {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.into());
    whole.file_name().map_or_else(
        || "images".into(),
        |name| name.to_string_lossy().into_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_looked_for() {
        assert_eq!(
            spellings("t10k", "labels", 1),
            [
                "t10k-labels-idx1-ubyte",
                "t10k-labels-idx1-ubyte.gz",
                "t10k-labels.idx1-ubyte",
                "t10k-labels.idx1-ubyte.gz"
            ]
        );
    }

    #[test]
    fn a_folder_has_a_name_however_it_is_reached() {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("kmnist");
        std::fs::create_dir_all(inner.join("sub")).expect("folders");
        assert_eq!(folder_name(&inner), "kmnist");
        assert_eq!(folder_name(&inner.join("sub").join("..")), "kmnist");
        assert_eq!(folder_name(Path::new("/")), "images");
    }
}
