//! What can be wrong with a file that claims to be a data set.

use std::io;
use std::path::{Path, PathBuf};

/// Why a data set could not be read.
///
/// Each displays as one line: the file, what was found, what was expected and what to try.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// There is nothing at the folder's path.
    #[error(
        "{path:?}: found nothing there, expected a folder with MNIST-like files; \
         check the path, or use the synthetic digits, which need no files"
    )]
    FolderMissing {
        /// The folder asked for.
        path: PathBuf,
    },
    /// The path of the folder is that of a file.
    #[error(
        "{path:?}: found a file, expected a folder with MNIST-like files; try the folder that \
         holds it"
    )]
    NotAFolder {
        /// The path asked for.
        path: PathBuf,
    },
    /// The folder has no file with any of the names that images go by.
    #[error(
        "{folder:?}: found no {part} images, expected a file called {}; download it there, or \
         rename the one you have",
        looked_for.join(" or ")
    )]
    ImagesMissing {
        /// The folder searched.
        folder: PathBuf,
        /// Which images: `training` or `held-out`.
        part: &'static str,
        /// The names looked for, in order.
        looked_for: Vec<String>,
    },
    /// The path of a file is that of a folder, or of something else that is not a file.
    #[error(
        "{path:?}: found something that is not a regular file, expected a file of data; try a \
         file inside it"
    )]
    NotAFile {
        /// The path asked for.
        path: PathBuf,
    },
    /// The operating system refuses.
    #[error(
        "{path:?}: found it unreadable ({cause}), expected a readable file; check that it \
         exists and its permissions"
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        cause: io::Error,
    },
    /// The first two bytes are not those of an IDX file.
    #[error(
        "{path:?}: found a file that begins with the bytes {found:02x?}, expected an IDX file, \
         which begins with 00 00 and the element type; {hint}"
    )]
    NotIdx {
        /// The file.
        path: PathBuf,
        /// Its first four bytes.
        found: [u8; 4],
        /// What to try.
        hint: &'static str,
    },
    /// The elements are not bytes.
    #[error(
        "{path:?}: found elements of type {found:#04x} ({name}), expected 0x08 (unsigned byte); \
         convert the file to bytes"
    )]
    WrongType {
        /// The file.
        path: PathBuf,
        /// The type's code in the header.
        found: u8,
        /// What the code means.
        name: &'static str,
    },
    /// The number of dimensions belongs to another kind of file: labels in place of images, or the
    /// reverse.
    #[error(
        "{path:?}: mislabelled, found {found} dimensions{}, expected {expected} for {role}; \
         check that images and labels have not swapped their names",
        match found { 1 => " (as labels have)", 3 => " (as images have)", _ => "" }
    )]
    Mislabelled {
        /// The file.
        path: PathBuf,
        /// The number of dimensions in the header.
        found: usize,
        /// The number of dimensions that the role asks for.
        expected: usize,
        /// What the file was taken for: `images` or `labels`.
        role: &'static str,
    },
    /// There are no dimensions, or one of them is zero.
    #[error(
        "{path:?}: found the dimensions {dims:?}, expected at least one and none zero; download \
         the file again"
    )]
    Empty {
        /// The file.
        path: PathBuf,
        /// The dimensions in the header.
        dims: Vec<usize>,
    },
    /// The dimensions multiply to more than memory can hold.
    #[error(
        "{path:?}: found the dimensions {dims:?}, expected elements that fit into memory; \
         download the file again, or take a smaller one"
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The dimensions in the header.
        dims: Vec<usize>,
    },
    /// The file ends before its header, or before the elements that the header promises.
    #[error(
        "{path:?}: truncated, found {found} bytes, expected {expected}; download the file again"
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// The bytes there are, after decompression.
        found: u64,
        /// The bytes that there should be at least.
        expected: u64,
    },
    /// The file goes on after the elements that the header promises.
    #[error(
        "{path:?}: found more than the {expected} bytes that its header promises, expected none \
         after them; {hint}"
    )]
    Trailing {
        /// The file.
        path: PathBuf,
        /// The bytes that there should be, after decompression.
        expected: u64,
        /// What to try.
        hint: &'static str,
    },
    /// The header promises more than the compressed file can possibly hold.
    #[error(
        "{path:?}: found a header that promises {promised} bytes in {compressed} compressed \
         ones, expected at most \
         1032 times as many, which is the most that compression achieves; do not trust this file"
    )]
    Implausible {
        /// The file.
        path: PathBuf,
        /// The bytes that the header promises.
        promised: u64,
        /// The size of the compressed file.
        compressed: u64,
    },
    /// A file called `.gz` is not compressed with gzip.
    #[error(
        "{path:?}: found a file that begins with the bytes {found:02x?}, expected gzip, which \
         begins with 1f 8b; \
         remove .gz from its name if it is not compressed"
    )]
    NotGzip {
        /// The file.
        path: PathBuf,
        /// Its first bytes, at most two.
        found: Vec<u8>,
    },
    /// The compressed stream is damaged: cut short, not decodable, followed by something else, or
    /// its checksum differs.
    #[error(
        "{path:?}: found a damaged gzip stream ({cause}), expected a whole one; download the \
         file again"
    )]
    CorruptGzip {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        cause: io::Error,
    },
    /// There are not as many labels as images.
    #[error(
        "{labels:?}: found {label_count} labels, expected {image_count} as {images:?} has; take \
         both from one source"
    )]
    CountMismatch {
        /// The file of images.
        images: PathBuf,
        /// The number of images.
        image_count: usize,
        /// The file of labels.
        labels: PathBuf,
        /// The number of labels.
        label_count: usize,
    },
    /// The held-out images are not of the size of the training images.
    #[error(
        "{path:?}: found images of {}x{} pixels, expected {}x{} as the training images have; \
         take both from one source",
        found[0], found[1], expected[0], expected[1]
    )]
    SizeMismatch {
        /// The file of held-out images.
        path: PathBuf,
        /// Their height and width.
        found: [usize; 2],
        /// Those of the training images.
        expected: [usize; 2],
    },
    /// Something in the file is not as its format says.
    #[error("{path:?}: found {found}, expected {expected}; {hint}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is there.
        found: String,
        /// What should be there.
        expected: String,
        /// What to try.
        hint: &'static str,
    },
    /// The file is whole, and holds what a data set here cannot.
    #[error("{path:?}: found {found}, expected {expected}; {hint}")]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What is there.
        found: String,
        /// What can be read.
        expected: String,
        /// What to try.
        hint: &'static str,
    },
    /// A field of a table is not as the others.
    #[error("{path:?}: line {line}, column {column}: found {found}, expected {expected}; {hint}")]
    Field {
        /// The file.
        path: PathBuf,
        /// The line on which the row begins, counted from 1.
        line: u64,
        /// The column, counted from 1, and its name if it has one.
        column: String,
        /// What is there.
        found: String,
        /// What should be there.
        expected: String,
        /// What to try.
        hint: &'static str,
    },
    /// A file would be overwritten, which nobody asked for.
    #[error(
        "{path:?}: found a file there already, expected none; choose another name, or ask for it \
         to be replaced"
    )]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The operating system refuses to write; what was there before is unchanged.
    #[error(
        "{path:?}: found it impossible to write ({cause}), expected a writable folder with space \
         left; check that it exists and its permissions"
    )]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        cause: io::Error,
    },
}

impl DatasetError {
    /// The same of another path: that of the pipe through which the file came.
    pub(crate) fn of(mut self, name: &Path) -> Self {
        match &mut self {
            Self::FolderMissing { path }
            | Self::NotAFolder { path }
            | Self::NotAFile { path }
            | Self::Unreadable { path, .. }
            | Self::NotIdx { path, .. }
            | Self::WrongType { path, .. }
            | Self::Mislabelled { path, .. }
            | Self::Empty { path, .. }
            | Self::TooLarge { path, .. }
            | Self::Truncated { path, .. }
            | Self::Trailing { path, .. }
            | Self::Implausible { path, .. }
            | Self::NotGzip { path, .. }
            | Self::CorruptGzip { path, .. }
            | Self::SizeMismatch { path, .. }
            | Self::Malformed { path, .. }
            | Self::Unsupported { path, .. }
            | Self::Field { path, .. }
            | Self::Exists { path }
            | Self::Unwritable { path, .. } => *path = name.into(),
            Self::ImagesMissing { .. } | Self::CountMismatch { .. } => {}
        }
        self
    }
}
