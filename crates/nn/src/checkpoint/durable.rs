//! Files that are written whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use tempfile::NamedTempFile;

/// How the names of unfinished files begin.
pub(crate) const UNFINISHED: &str = ".retrograd-";

/// Writes `bytes` to `path` so that at any moment, whatever happens, the file there is either the
/// old one or the new one: to a temporary file beside it, synced, then renamed over it.
///
/// # Errors
/// If any step fails; the old file is then unchanged.
pub fn write_atomically(path: impl AsRef<Path>, bytes: &[u8]) -> io::Result<()> {
    write_on(&System, path.as_ref(), bytes)
}

/// The steps of an atomic write that a disk can fail at, so that tests can let them fail.
pub(crate) trait Disk {
    /// Puts the bytes into the temporary file.
    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    /// Makes the temporary file durable.
    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    /// Puts it in the place of the old one.
    fn rename(&self, file: NamedTempFile, path: &Path) -> io::Result<()> {
        file.persist(path).map(drop).map_err(|error| error.error)
    }

    /// Makes the rename durable, which it is once its folder is.
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        make_durable(folder)
    }
}

/// The disk that there is.
pub(crate) struct System;

impl Disk for System {}

pub(crate) fn write_on(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    if !folder.is_dir() {
        let problem = format!("there is no folder {}", folder.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, problem));
    }
    let mut options = tempfile::Builder::new();
    share(options.prefix(UNFINISHED));
    let mut file = options.tempfile_in(folder)?;
    disk.write(file.as_file_mut(), bytes)?;
    disk.sync(file.as_file())?;
    disk.rename(file, path)?;
    disk.sync_folder(folder)
}

#[cfg(unix)]
fn make_durable(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn make_durable(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Temporary files are private; a result is as readable as any new file: what 0666 leaves after
/// the user's mask.
#[cfg(unix)]
fn share(options: &mut tempfile::Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt;
    options.permissions(fs::Permissions::from_mode(0o666));
}

#[cfg(not(unix))]
fn share(_: &mut tempfile::Builder<'_, '_>) {}

#[cfg(test)]
pub(crate) mod faults {
    //! A disk that fails.

    use super::*;

    /// What a failing disk fails at.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Fault {
        /// There is no space for the bytes.
        Full,
        /// Half of the bytes are written, then an error.
        Short,
        /// The bytes do not reach the disk.
        Sync,
        /// The file cannot take the other's place.
        Rename,
        /// The folder does not reach the disk.
        SyncFolder,
    }

    pub(crate) const ALL: [Fault; 5] = [
        Fault::Full,
        Fault::Short,
        Fault::Sync,
        Fault::Rename,
        Fault::SyncFolder,
    ];

    fn error(kind: io::ErrorKind, what: &str) -> io::Error {
        io::Error::new(kind, format!("injected: {what}"))
    }

    impl Disk for Fault {
        fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
            match self {
                Self::Full => Err(error(io::ErrorKind::StorageFull, "no space left")),
                Self::Short => {
                    file.write_all(&bytes[..bytes.len() / 2])?;
                    Err(error(io::ErrorKind::WriteZero, "a short write"))
                }
                _ => file.write_all(bytes),
            }
        }

        fn sync(&self, file: &File) -> io::Result<()> {
            match self {
                Self::Sync => Err(error(io::ErrorKind::Other, "input/output error")),
                _ => file.sync_all(),
            }
        }

        fn rename(&self, file: NamedTempFile, path: &Path) -> io::Result<()> {
            match self {
                Self::Rename => Err(error(io::ErrorKind::Other, "rename failed")),
                _ => System.rename(file, path),
            }
        }

        fn sync_folder(&self, folder: &Path) -> io::Result<()> {
            match self {
                Self::SyncFolder => Err(error(io::ErrorKind::Other, "input/output error")),
                _ => System.sync_folder(folder),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::faults::{ALL, Fault};
    use super::*;

    #[test]
    fn a_failure_leaves_one_whole_file_and_no_other() {
        for fault in ALL {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("file");
            write_atomically(&path, b"old").unwrap();
            let text = write_on(&fault, &path, b"new and longer")
                .unwrap_err()
                .to_string();
            assert!(text.starts_with("injected"), "{text}");
            // Once renamed, the new file is there, though it may not survive the machine.
            let expected = if fault == Fault::SyncFolder {
                &b"new and longer"[..]
            } else {
                b"old"
            };
            assert_eq!(fs::read(&path).unwrap(), expected, "{fault:?}");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "{fault:?}");
        }
    }
}
