//! Folders of images, perhaps one a class.
//!
//! ```text
//! cats/1.png  cats/2.jpg  dogs/1.png     two classes, cats 0 and dogs 1
//! 1.png  2.png  10.png                   no labels
//! train/...  test/...                    samples to train with and to hold out, either way
//! ```
//!
//! Images are in the natural order of their names (2 before 10), those of a class after the other;
//! those in folders further down belong to the class above. PNG and JPEG, grey, palette and colour of
//! 1 to 16 bits become numbers in [0, 1], the channels first: `[samples, channels · height · width]`.
//! Opacity is shown over a background. Where some images are in colour, all are. What is left out is
//! said.

use std::fs;
use std::path::{Path, PathBuf};

use crate::dataset::{Dataset, Split};
use crate::error::DatasetError;
use crate::fitting::Pictures;
use crate::mnist::folder_name;
use crate::natural;
use crate::open::Opened;
use crate::pictures::PictureFolder;
use crate::source::unreadable;

/// Names of folders of samples to hold out, beside one called `train`.
const HELD_OUT: [&str; 6] = ["test", "val", "valid", "validation", "held_out", "t10k"];
/// Endings of images that are read.
const ENDINGS: [&str; 4] = ["png", "jpg", "jpeg", "jpe"];
/// Folders in folders that are looked into: more is a link to a folder above.
const DEEPEST: usize = 16;
/// Names that are written out.
const SHOWN: usize = 3;

/// Reads a folder of PNG and JPEG images of one size, with labels if they are in subfolders.
///
/// Other files are not looked at, nor those whose names begin with a dot.
///
/// # Errors
/// If the folder cannot be read or has no images, has both images and folders of images, or if an
/// image is not a whole file of the same size as the first. See [`DatasetError`].
pub fn read_image_folder(folder: impl AsRef<Path>) -> Result<Dataset, DatasetError> {
    read_one(folder.as_ref(), &Pictures::default(), &mut Notes::default())
}

/// The images of a folder, in two parts if it has such, and what to say of them.
pub(crate) fn read(
    folder: &Path,
    pictures: &Pictures,
) -> Result<(Opened, Vec<String>), DatasetError> {
    let mut notes = Notes::default();
    let opened = match read_parts(folder, pictures, &mut notes)? {
        Some(opened) => opened,
        None => Opened::Whole(read_one(folder, pictures, &mut notes)?),
    };
    Ok((opened, notes.lines()))
}

/// Whether there is an image in the folder, or below.
pub(crate) fn has_images(folder: &Path) -> Result<bool, DatasetError> {
    let mut found = Contents::default();
    found.collect(folder, DEEPEST)?;
    Ok(!found.images.is_empty())
}

fn read_one(
    folder: &Path,
    pictures: &Pictures,
    notes: &mut Notes,
) -> Result<Dataset, DatasetError> {
    let folder = PictureFolder::listed(folder, pictures, notes)?;
    let all: Vec<usize> = (0..folder.len()).collect();
    let features = folder.read(&all, notes)?;
    let Listed {
        name,
        labels,
        classes,
        ids,
        ..
    } = folder.listed;
    Ok(Dataset {
        labels,
        classes,
        image: Some(folder.shape),
        ids,
        id_column: "file".into(),
        ..Dataset::new(name, features)
    })
}

/// The images of a folder, by class if they are in folders.
#[derive(Debug)]
pub(crate) struct Listed {
    /// Of the folder.
    pub(crate) name: String,
    pub(crate) paths: Vec<PathBuf>,
    pub(crate) labels: Option<Vec<u32>>,
    pub(crate) classes: Vec<String>,
    /// Where each image is in the folder.
    pub(crate) ids: Vec<String>,
}

impl Listed {
    pub(crate) fn of(folder: &Path, notes: &mut Notes) -> Result<Self, DatasetError> {
        let contents = Contents::of(folder)?;
        notes.others.extend(contents.others);
        let mut classes = Vec::new();
        for inner in contents.folders {
            let mut below = Contents::default();
            below.collect(&inner, DEEPEST)?;
            notes.others.extend(below.others);
            notes
                .empty
                .extend(below.images.is_empty().then(|| inner.clone()));
            if !below.images.is_empty() {
                classes.push((inner, below.images));
            }
        }
        let paths: Vec<PathBuf> = match (contents.images.is_empty(), classes.is_empty()) {
            (true, true) => return Err(no_images(folder)),
            (false, true) => contents.images,
            (true, false) => classes
                .iter()
                .flat_map(|(_, paths)| paths.clone())
                .collect(),
            (false, false) => {
                return Err(DatasetError::Unsupported {
                    path: folder.into(),
                    found: "images beside folders of images".into(),
                    expected: "either, the folders being classes".into(),
                    hint: "move the files into folders, or out of them",
                });
            }
        };
        let labels = classes.iter().zip(0..);
        let labels = labels.flat_map(|((_, images), label)| images.iter().map(move |_| label));
        let labels = (!classes.is_empty()).then(|| labels.collect());
        let name = |path: &PathBuf| {
            path.strip_prefix(folder)
                .unwrap_or(path)
                .display()
                .to_string()
        };
        Ok(Self {
            name: folder_name(folder),
            labels,
            classes: classes.iter().map(|(path, _)| file_name(path)).collect(),
            ids: paths.iter().map(name).collect(),
            paths,
        })
    }
}

/// Reads `folder/train` and the folder beside it that is to be held out; `None` if there is no such.
fn read_parts(
    folder: &Path,
    pictures: &Pictures,
    notes: &mut Notes,
) -> Result<Option<Opened>, DatasetError> {
    let contents = Contents::of(folder)?;
    let called = |wanted: &str| {
        let is_called = |path: &&PathBuf| file_name(path).eq_ignore_ascii_case(wanted);
        contents.folders.iter().find(is_called).cloned()
    };
    let Some(train) = called("train").filter(|_| contents.images.is_empty()) else {
        return Ok(None);
    };
    let held_out = HELD_OUT.into_iter().find_map(called);
    let name = folder_name(folder);
    let others = contents.folders.iter();
    let others = others.filter(|path| **path != train && Some(*path) != held_out.as_ref());
    notes.folders = others.cloned().collect();
    notes.others.extend(contents.others.clone());
    let own = read_one(&train, pictures, notes)?;
    let own = Dataset {
        name: name.clone(),
        ..own
    };
    let Some(held_out) = held_out else {
        return Ok(Some(Opened::Whole(own)));
    };
    let other = read_one(&held_out, pictures, notes)?;
    let unknown = other
        .classes
        .iter()
        .any(|class| !own.classes.contains(class));
    if unknown || own.image != other.image {
        let describe = |data: &Dataset| match data.image {
            Some(image) => format!("images of {image} in {} classes", data.classes.len()),
            None => "no images".into(),
        };
        return Err(DatasetError::Unsupported {
            path: held_out,
            found: describe(&other),
            expected: format!("{}, with the same names, as in train", describe(&own)),
            hint: "take both from one source",
        });
    }
    let number = |label: &u32| {
        let class = &other.classes[*label as usize];
        own.classes.iter().position(|own| own == class).unwrap_or(0) as u32
    };
    let labels = other.labels.as_ref();
    let other = Dataset {
        name,
        labels: labels.map(|labels| labels.iter().map(number).collect()),
        classes: own.classes.clone(),
        ..other
    };
    Ok(Some(Opened::Parts(Split {
        train: own,
        held_out: other,
    })))
}

/// What is to be said of a folder.
#[derive(Default)]
pub(crate) struct Notes {
    /// Files that are no images.
    others: Vec<PathBuf>,
    /// Folders that are no part, and those without images.
    folders: Vec<PathBuf>,
    empty: Vec<PathBuf>,
    /// Images that show their background; grey ones among others in colour.
    pub(crate) transparent: usize,
    pub(crate) grey: usize,
    /// Images that are not shown as their rows are saved.
    pub(crate) turned: usize,
}

impl Notes {
    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (paths, what) in [
            (&self.others, "files that are neither PNG nor JPEG"),
            (
                &self.folders,
                "folders beside those to train with and to hold out",
            ),
            (&self.empty, "folders without images"),
        ] {
            if !paths.is_empty() {
                let names: Vec<String> = paths
                    .iter()
                    .take(SHOWN)
                    .map(|path| file_name(path))
                    .collect();
                let more = if paths.len() > SHOWN { ", ..." } else { "" };
                lines.push(format!(
                    "{} {what} are left out: {}{more}",
                    paths.len(),
                    names.join(", ")
                ));
            }
        }
        if self.transparent > 0 {
            lines.push(format!(
                "{} images are transparent in places, and shown over the background",
                self.transparent
            ));
        }
        if self.turned > 0 {
            lines.push(format!(
                "{} images are turned as their cameras noted",
                self.turned
            ));
        }
        if self.grey > 0 {
            lines.push(format!(
                "{} grey images are taken as colours, as others are",
                self.grey
            ));
        }
        lines
    }
}

/// What is in a folder, in natural order.
#[derive(Default)]
struct Contents {
    images: Vec<PathBuf>,
    folders: Vec<PathBuf>,
    others: Vec<PathBuf>,
}

impl Contents {
    fn of(folder: &Path) -> Result<Self, DatasetError> {
        let unreadable = |cause| unreadable(folder, cause);
        let mut contents = Self::default();
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let is_image = path.extension().is_some_and(|own| {
                ENDINGS
                    .iter()
                    .any(|ending| own.eq_ignore_ascii_case(ending))
            });
            if file_name(&path).starts_with('.') {
                continue;
            } else if path.is_dir() {
                contents.folders.push(path);
            } else if is_image {
                contents.images.push(path);
            } else {
                contents.others.push(path);
            }
        }
        for paths in [
            &mut contents.images,
            &mut contents.folders,
            &mut contents.others,
        ] {
            paths.sort_by(|a, b| natural::order(&file_name(a), &file_name(b)).then(a.cmp(b)));
        }
        Ok(contents)
    }

    /// Adds the images of a folder and of those below.
    fn collect(&mut self, folder: &Path, deep: usize) -> Result<(), DatasetError> {
        let own = Self::of(folder)?;
        self.images.extend(own.images);
        self.others.extend(own.others);
        if deep > 0 {
            for inner in own.folders {
                self.collect(&inner, deep - 1)?;
            }
        }
        Ok(())
    }
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn no_images(folder: &Path) -> DatasetError {
    DatasetError::Unsupported {
        path: folder.into(),
        found: "no file that ends in .png or .jpg, nor a folder with such files".into(),
        expected: "images of one size, or a folder of them for each class".into(),
        hint: "convert other formats to PNG",
    }
}
