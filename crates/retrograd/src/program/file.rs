//! Values that TOML has no form for, as `config.toml` holds them.

/// Whole numbers of 64 bits: TOML's end at 2⁶³ − 1, and larger ones are texts.
pub(crate) mod whole {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Whole {
        Number(u64),
        Text(String),
    }

    pub(crate) fn serialize<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        match i64::try_from(*number) {
            Ok(number) => serializer.serialize_i64(number),
            Err(_) => serializer.serialize_str(&number.to_string()),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        match Whole::deserialize(deserializer)? {
            Whole::Number(number) => Ok(number),
            Whole::Text(text) => text.parse().map_err(D::Error::custom),
        }
    }
}

/// A path in an option that may be left out.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub(crate) struct Place(#[serde(with = "path")] pub(crate) std::path::PathBuf);

/// Paths: texts, or bytes where the name of a file is no text.
pub(crate) mod path {
    use std::path::{Path, PathBuf};

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Name {
        Text(String),
        Bytes(Vec<u8>),
    }

    pub(crate) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        let name = match path.to_str() {
            Some(text) => Name::Text(text.to_owned()),
            None => Name::Bytes(path.as_os_str().as_encoded_bytes().to_vec()),
        };
        name.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<PathBuf, D::Error> {
        Ok(match Name::deserialize(deserializer)? {
            Name::Text(text) => text.into(),
            Name::Bytes(bytes) => of_bytes(bytes),
        })
    }

    #[cfg(unix)]
    fn of_bytes(bytes: Vec<u8>) -> PathBuf {
        use std::os::unix::ffi::OsStringExt;
        std::ffi::OsString::from_vec(bytes).into()
    }

    #[cfg(not(unix))]
    fn of_bytes(bytes: Vec<u8>) -> PathBuf {
        String::from_utf8_lossy(&bytes).into_owned().into()
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Values {
        #[serde(with = "super::whole")]
        seed: u64,
        #[serde(with = "super::path")]
        data: PathBuf,
    }

    fn there_and_back(seed: u64, data: PathBuf) {
        let values = Values { seed, data };
        let text = toml::to_string(&values).unwrap();
        assert_eq!(toml::from_str::<Values>(&text).unwrap(), values, "{text}");
    }

    #[test]
    fn what_toml_has_no_form_for_comes_back() {
        for seed in [0, 7, i64::MAX as u64, 1 << 63, u64::MAX] {
            there_and_back(seed, PathBuf::from("a/b.csv"));
        }
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStrExt;
            there_and_back(1, std::ffi::OsStr::from_bytes(b"bad\xff.csv").into());
        }
        assert!(toml::from_str::<Values>("seed = -1\ndata = \"x\"").is_err());
    }
}
