//! Folders of PNG images, perhaps one a class.
//!
//! ```text
//! cats/1.png  cats/2.png  dogs/1.png     two classes, cats 0 and dogs 1
//! 1.png  2.png  10.png                   no labels
//! train/...  test/...                    samples to train with and to hold out, either way
//! ```
//!
//! Images are in the natural order of their names (2 before 10), those of a class after the other.
//! Grey, palette and colour of 1 to 16 bits become numbers in [0, 1], the channels first:
//! `[samples, channels · height · width]`.

use std::fs;
use std::path::{Path, PathBuf};

use retrograd_tensor::Tensor;

use crate::dataset::{Dataset, ImageShape, Split};
use crate::error::DatasetError;
use crate::mnist::folder_name;
use crate::natural;
use crate::picture::Picture;
use crate::source::{open_file, unreadable};

/// Names of folders of samples to hold out, beside one called `train`.
const HELD_OUT: [&str; 6] = ["test", "val", "valid", "validation", "held_out", "t10k"];

/// Reads a folder of PNG images of one size, with labels if they are in subfolders.
///
/// Files that do not end in `.png` are not looked at, nor those whose names begin with a dot.
///
/// # Errors
/// If the folder cannot be read or has no images, has both images and folders of images, or if an
/// image is not a whole PNG file of the same size and channels as the first. See [`DatasetError`].
pub fn read_png_folder(folder: impl AsRef<Path>) -> Result<Dataset, DatasetError> {
    let folder = folder.as_ref();
    let contents = Contents::of(folder)?;
    let mut classes = Vec::new();
    for inner in contents.folders {
        let images = Contents::of(&inner)?.images;
        if !images.is_empty() {
            classes.push((inner, images));
        }
    }
    let mut samples = Samples::default();
    match (contents.images.is_empty(), classes.is_empty()) {
        (true, true) => return Err(no_images(folder)),
        (false, true) => samples.read(&contents.images)?,
        (true, false) => {
            for (_, images) in &classes {
                samples.read(images)?;
            }
        }
        (false, false) => {
            return Err(DatasetError::Unsupported {
                path: folder.into(),
                found: "PNG files beside folders of PNG files".into(),
                expected: "either, the folders being classes".into(),
                hint: "move the files into folders, or out of them",
            });
        }
    }
    let labelled = !classes.is_empty();
    let labels = classes
        .iter()
        .zip(0..)
        .flat_map(|((_, images), label)| images.iter().map(move |_| label));
    let (shape, features) = samples.finish();
    Ok(Dataset {
        labels: labelled.then(|| labels.collect()),
        classes: classes.iter().map(|(path, _)| file_name(path)).collect(),
        image: shape,
        ..Dataset::new(folder_name(folder), features)
    })
}

/// Reads `folder/train` and the folder beside it that is to be held out; `None` if the folder has no
/// two such folders.
pub(crate) fn read_parts(folder: &Path) -> Result<Option<Split>, DatasetError> {
    let train = folder.join("train");
    let held_out = HELD_OUT.map(|name| folder.join(name));
    let Some(held_out) = held_out.iter().find(|path| path.is_dir()) else {
        return Ok(None);
    };
    if !train.is_dir() {
        return Ok(None);
    }
    let [train, other] = [read_png_folder(&train)?, read_png_folder(held_out)?];
    if train.classes != other.classes || train.image != other.image {
        let describe = |data: &Dataset| match data.image {
            Some(image) => format!("images of {image} in {} classes", data.classes.len()),
            None => "no images".into(),
        };
        return Err(DatasetError::Unsupported {
            path: held_out.into(),
            found: describe(&other),
            expected: format!("{}, with the same names, as in train", describe(&train)),
            hint: "take both from one source",
        });
    }
    let name = folder_name(folder);
    let named = |part| Dataset {
        name: name.clone(),
        ..part
    };
    Ok(Some(Split {
        train: named(train),
        held_out: named(other),
    }))
}

/// Whether the folder holds a PNG file, or a folder that does.
pub(crate) fn has_images(folder: &Path) -> Result<bool, DatasetError> {
    let contents = Contents::of(folder)?;
    let mut found = !contents.images.is_empty();
    for inner in contents.folders {
        found = found || !Contents::of(&inner)?.images.is_empty();
    }
    Ok(found)
}

/// What is in a folder, in natural order.
struct Contents {
    images: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

impl Contents {
    fn of(folder: &Path) -> Result<Self, DatasetError> {
        let unreadable = |cause| unreadable(folder, cause);
        let (mut images, mut folders) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let is_png = path
                .extension()
                .is_some_and(|extension| extension.eq_ignore_ascii_case("png"));
            if file_name(&path).starts_with('.') {
                continue;
            } else if path.is_dir() {
                folders.push(path);
            } else if is_png {
                images.push(path);
            }
        }
        for paths in [&mut images, &mut folders] {
            paths.sort_by(|a, b| natural::order(&file_name(a), &file_name(b)).then(a.cmp(b)));
        }
        Ok(Self { images, folders })
    }
}

/// Images of one shape, one after the other.
#[derive(Default)]
struct Samples {
    /// The first image's file and shape.
    first: Option<(PathBuf, ImageShape)>,
    values: Vec<f32>,
}

impl Samples {
    fn read(&mut self, paths: &[PathBuf]) -> Result<(), DatasetError> {
        for path in paths {
            let (file, length) = open_file(path)?;
            let picture = Picture::open(path, file, length)?;
            let shape = picture.shape();
            match &self.first {
                None => self.first = Some((path.clone(), shape)),
                // Before the pixels are unpacked.
                Some((first, expected)) if *expected != shape => {
                    return Err(DatasetError::Unsupported {
                        path: path.clone(),
                        found: format!("an image of {shape}"),
                        expected: format!("{expected} as {first:?} has"),
                        hint: "convert all images to one size and kind of colour",
                    });
                }
                Some(_) => {}
            }
            picture.decode(&mut self.values)?;
        }
        Ok(())
    }

    fn finish(self) -> (Option<ImageShape>, Tensor<f32>) {
        let shape = self.first.map(|(_, shape)| shape);
        let features = shape.map_or(1, ImageShape::features);
        let samples = self.values.len() / features;
        (shape, Tensor::from_vec(self.values, [samples, features]))
    }
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn no_images(folder: &Path) -> DatasetError {
    DatasetError::Unsupported {
        path: folder.into(),
        found: "no file that ends in .png, nor a folder with such files".into(),
        expected: "images of one size, or a folder of them for each class".into(),
        hint: "convert other formats to PNG",
    }
}
