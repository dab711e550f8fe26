//! Images of a folder, decoded when they are asked for.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use retrograd_tensor::Tensor;

use crate::dataset::ImageShape;
use crate::error::DatasetError;
use crate::fitting::Pictures;
use crate::folder::{Listed, Notes};
use crate::jpeg::{self, Jpeg};
use crate::picture::Picture;
use crate::source::{open_file, unreadable};

/// A folder of images that stays on the disk: of each the header is read at first, and the rest when it is
/// asked for.
///
/// They are as [`read_image_folder`](crate::read_image_folder()) gives them, and so are their labels.
#[derive(Debug)]
pub struct PictureFolder {
    pub(crate) listed: Listed,
    /// The shape that all come to.
    pub(crate) shape: ImageShape,
    /// What each is in its file.
    shapes: Vec<ImageShape>,
    pictures: Pictures,
}

impl PictureFolder {
    /// The images of a folder, each to be brought to one size.
    ///
    /// # Errors
    /// As for [`read_image_folder`](crate::read_image_folder()), but for what is behind the headers.
    pub fn open(folder: impl AsRef<Path>, pictures: &Pictures) -> Result<Self, DatasetError> {
        Self::listed(folder.as_ref(), pictures, &mut Notes::default())
    }

    pub(crate) fn listed(
        folder: &Path,
        pictures: &Pictures,
        notes: &mut Notes,
    ) -> Result<Self, DatasetError> {
        let listed = Listed::of(folder, notes)?;
        let (shape, shapes) = shapes(&listed.paths, pictures, notes)?;
        Ok(Self {
            listed,
            shape,
            shapes,
            pictures: *pictures,
        })
    }

    /// How many images there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shapes.len()
    }

    /// Never: a folder without images is refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shapes.is_empty()
    }

    /// The shape that all images come to.
    #[must_use]
    pub fn shape(&self) -> ImageShape {
        self.shape
    }

    /// The class of each, if they are in folders by class.
    #[must_use]
    pub fn labels(&self) -> Option<&[u32]> {
        self.listed.labels.as_deref()
    }

    /// What a data set of it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.listed.name
    }

    /// Where each image is in the folder.
    #[must_use]
    pub fn ids(&self) -> &[String] {
        &self.listed.ids
    }

    /// Whether the folder holds a folder `train`, which a data set in parts has, and no class.
    #[must_use]
    pub fn is_in_parts(&self) -> bool {
        let mut classes = self.listed.classes.iter();
        classes.any(|class| class.eq_ignore_ascii_case("train"))
    }

    /// The names of the classes.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.listed.classes
    }

    /// The images at these positions, in this order, as `[images, features]`.
    ///
    /// # Errors
    /// If one can no longer be read, or is no longer what it was.
    ///
    /// # Panics
    /// If there is no such image.
    pub fn rows(&self, rows: &[usize]) -> Result<Tensor, DatasetError> {
        self.read(rows, &mut Notes::default())
    }

    pub(crate) fn read(&self, rows: &[usize], notes: &mut Notes) -> Result<Tensor, DatasetError> {
        let features = self.shape.features();
        // A header is not believed before there is an image.
        let mut all: Vec<f32> = Vec::with_capacity(rows.len().min(1 << 16) * features.min(1 << 16));
        for &row in rows {
            let (path, own) = (&self.listed.paths[row], self.shapes[row]);
            let image = Image::open(path)?;
            if image.shape() != own {
                return Err(DatasetError::Unsupported {
                    path: path.clone(),
                    found: format!("an image of {}", image.shape()),
                    expected: format!("one of {own}, as it was before"),
                    hint: "leave images as they are while they are in use",
                });
            }
            notes.turned += usize::from(image.is_turned());
            let (image, seen_through) = flat(image.decode()?, own, self.pictures.background);
            notes.transparent += usize::from(seen_through);
            let fitted = self.pictures.apply(image, own);
            // A grey image among others in colour.
            let copies = features / fitted.len().max(1);
            (0..copies).for_each(|_| all.extend(&fitted));
        }
        Ok(Tensor::from_vec(all, [rows.len(), features]))
    }
}

/// The shape that all images come to, and those of each.
fn shapes(
    paths: &[PathBuf],
    pictures: &Pictures,
    notes: &mut Notes,
) -> Result<(ImageShape, Vec<ImageShape>), DatasetError> {
    let shapes = paths.iter().map(|path| Ok(Image::open(path)?.shape()));
    let shapes = shapes.collect::<Result<Vec<ImageShape>, DatasetError>>()?;
    let mut first: Option<(ImageShape, &PathBuf, ImageShape)> = None;
    for (path, &own) in paths.iter().zip(&shapes) {
        let Some(fitted) = pictures.shape(own) else {
            return Err(DatasetError::Unsupported {
                path: path.clone(),
                found: format!("an image of {own}"),
                expected: "at least the size that is cut out".into(),
                hint: "cut out less with --crop, or use --resize alone",
            });
        };
        let (expected, of, whole) = first.get_or_insert((fitted, path, own));
        if (fitted.height, fitted.width) != (expected.height, expected.width) {
            return Err(DatasetError::Unsupported {
                path: path.clone(),
                found: format!("an image of {own}"),
                expected: format!("{whole} as {of:?} has"),
                hint: "--resize or --crop brings all images to one size",
            });
        }
    }
    let is_colour = |shape: &&ImageShape| shape.channels > 2;
    let coloured = shapes.iter().filter(is_colour).count();
    notes.grey += if coloured > 0 {
        shapes.len() - coloured
    } else {
        0
    };
    let (mut shape, _, _) = first.expect("there are images");
    shape.channels = if coloured > 0 { 3 } else { 1 };
    Ok((shape, shapes))
}

/// An image over the background, without its opacity; and whether it was transparent anywhere.
fn flat(image: Vec<f32>, shape: ImageShape, background: f32) -> (Vec<f32>, bool) {
    let colours = match shape.channels {
        2 | 4 => shape.channels - 1,
        _ => return (image, false),
    };
    let (colour, opacity) = image.split_at(colours * shape.pixels());
    let over = |(&colour, &opacity): (&f32, &f32)| opacity * colour + (1.0 - opacity) * background;
    let values = colour
        .iter()
        .zip(opacity.iter().cycle())
        .map(over)
        .collect();
    (values, opacity.iter().any(|&opacity| opacity < 1.0))
}

/// An image of either format, whose header has been read.
enum Image<'a> {
    Png(Box<Picture<'a, BufReader<File>>>),
    Jpeg(Box<Jpeg<'a, BufReader<File>>>),
}

impl<'a> Image<'a> {
    /// The format is seen from the first bytes, whatever the name says.
    fn open(path: &'a Path) -> Result<Self, DatasetError> {
        let (mut file, length) = open_file(path)?;
        let mut start = Vec::new();
        let read = file
            .by_ref()
            .take(jpeg::MAGIC.len() as u64)
            .read_to_end(&mut start);
        read.and_then(|_| file.rewind())
            .map_err(|cause| unreadable(path, cause))?;
        if start == jpeg::MAGIC {
            return Jpeg::open(path, file, length).map(|image| Self::Jpeg(Box::new(image)));
        }
        Picture::open(path, file, length).map(|image| Self::Png(Box::new(image)))
    }

    fn shape(&self) -> ImageShape {
        match self {
            Self::Png(image) => image.shape(),
            Self::Jpeg(image) => image.shape(),
        }
    }

    fn is_turned(&self) -> bool {
        match self {
            Self::Png(_) => false,
            Self::Jpeg(image) => image.is_turned(),
        }
    }

    fn decode(self) -> Result<Vec<f32>, DatasetError> {
        match self {
            Self::Png(image) => {
                let mut values = Vec::new();
                image.decode(&mut values)?;
                Ok(values)
            }
            Self::Jpeg(image) => image.decode(),
        }
    }
}
