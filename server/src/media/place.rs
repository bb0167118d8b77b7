//! Where files are kept: a folder, or a bucket of S3. `MEDIA_URL` says it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use thiserror::Error;

#[cfg(feature = "s3")]
mod s3;

/// Settings of S3 by their names: `region`, `endpoint`, `access_key_id`, … —
/// what the `AWS_…` variables are called, in small letters, without `AWS_`.
pub type S3Settings = BTreeMap<String, String>;

/// Words in names of settings that nobody else may read.
const SECRETS: [&str; 4] = ["key", "token", "secret", "password"];

/// A place for files.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum MediaPlace {
    Folder(PathBuf),
    S3(Bucket),
}

/// A bucket of S3, or of what speaks its language.
#[derive(Clone, Eq, PartialEq)]
pub struct Bucket {
    name: String,
    /// Folders below the bucket; may be empty.
    prefix: String,
    settings: S3Settings,
}

/// Why files cannot be kept there. Each says what to do.
#[derive(Debug, Error)]
pub enum PlaceError {
    #[error(
        "MEDIA_URL={0} is no place for files; write a folder, file:///folder, or s3://bucket/folder, or leave \
         it out for a folder in the data folder"
    )]
    Address(String),
    #[error(
        "the setting {0} is a secret and must not be in MEDIA_URL, which others see; set AWS_{upper} in the \
         environment, or {0} below [s3] in the settings file",
        upper = .0.to_uppercase()
    )]
    Secret(String),
    #[error("S3 has no setting {0}; usual ones are endpoint, region, access_key_id and secret_access_key")]
    Setting(String),
    #[error("this program was built without S3; keep files in a folder, or build it with the feature s3")]
    WithoutS3,
    #[error(
        "there are no keys for {0}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or access_key_id and \
         secret_access_key below [s3] in the settings file"
    )]
    NoKeys(String),
    #[error(
        "the endpoint {0} is on another machine and speaks http, so everybody on the way could read the photos; \
         use https, or set AWS_ALLOW_HTTP=true where the network is your own"
    )]
    Plain(String),
    #[error("the settings of S3 cannot be used ({cause}); check MEDIA_URL={place} and the AWS_… variables")]
    Unusable { place: String, cause: String },
    #[error("{place} is not there; create the bucket, or name another in MEDIA_URL")]
    NoBucket { place: String },
    #[error(
        "{place} does not let us in ({cause}); check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and that they \
         may list the bucket and read, write and delete in it"
    )]
    Refused { place: String, cause: String },
    #[error(
        "{place} does not answer as S3 does ({cause}); check AWS_ENDPOINT_URL and AWS_REGION, and that this \
         machine can reach it"
    )]
    Unreachable { place: String, cause: String },
    #[error(
        "the folder {folder} cannot hold files ({cause}); let this user read and write it, or name another in \
         MEDIA_URL"
    )]
    Folder { folder: PathBuf, cause: object_store::Error },
}

impl MediaPlace {
    /// Reads an address. `settings` are those of S3 that the settings file
    /// has; what the address says counts more.
    ///
    /// # Errors
    /// When it is no address, or has in it what others must not see.
    pub fn read(url: &str, settings: &S3Settings) -> Result<Self, PlaceError> {
        let wrong = || PlaceError::Address(url.to_owned());
        match url.split_once("://") {
            None if !url.is_empty() => Ok(Self::Folder(PathBuf::from(url))),
            Some(("file", path)) if path.starts_with('/') => Ok(Self::Folder(PathBuf::from(path))),
            Some(("s3", rest)) => {
                let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
                let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                let proper = |character: char| character.is_ascii_alphanumeric() || ".-_".contains(character);
                if name.is_empty() || !name.chars().all(proper) {
                    return Err(wrong());
                }
                let mut settings = settings.clone();
                for pair in query.split('&').filter(|pair| !pair.is_empty()) {
                    let (setting, value) = pair.split_once('=').ok_or_else(wrong)?;
                    if SECRETS.iter().any(|secret| setting.contains(secret)) {
                        return Err(PlaceError::Secret(setting.to_owned()));
                    }
                    settings.insert(setting.to_owned(), value.to_owned());
                }
                let prefix = prefix.trim_matches('/').to_owned();
                Ok(Self::S3(Bucket { name: name.to_owned(), prefix, settings }))
            }
            _ => Err(wrong()),
        }
    }

    /// The folder, if it is one.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder(folder) => Some(folder),
            Self::S3(_) => None,
        }
    }

    /// Opens it. Whether files can be written into a bucket is tried: better
    /// now than at the first photo.
    ///
    /// # Errors
    /// When files cannot be kept there.
    pub(crate) async fn open(&self) -> Result<Arc<dyn ObjectStore>, PlaceError> {
        match self {
            Self::Folder(folder) => {
                let files = LocalFileSystem::new_with_prefix(folder)
                    .map_err(|cause| PlaceError::Folder { folder: folder.clone(), cause })?;
                // The file and its folder are on the disk when a write answers.
                Ok(Arc::new(files.with_fsync(true).with_automatic_cleanup(true)))
            }
            #[cfg(feature = "s3")]
            Self::S3(bucket) => s3::open(bucket).await,
            #[cfg(not(feature = "s3"))]
            Self::S3(_) => Err(PlaceError::WithoutS3),
        }
    }
}

impl fmt::Display for MediaPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(formatter),
            Self::S3(bucket) => bucket.fmt(formatter),
        }
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix.as_str() {
            "" => write!(formatter, "s3://{}", self.name),
            prefix => write!(formatter, "s3://{}/{prefix}", self.name),
        }
    }
}

/// Without the settings: some are secret.
impl fmt::Debug for Bucket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str) -> Result<MediaPlace, PlaceError> {
        MediaPlace::read(url, &S3Settings::new())
    }

    #[test]
    fn files_are_kept_in_folders_and_buckets() -> Result<(), PlaceError> {
        assert_eq!(at("file:///var/media")?.folder(), Some(Path::new("/var/media")));
        assert_eq!(at("media")?.folder(), Some(Path::new("media")));
        for (url, name, prefix) in
            [("s3://photos", "photos", ""), ("s3://my.photos/county/2026/", "my.photos", "county/2026")]
        {
            let MediaPlace::S3(bucket) = at(url)? else { return Err(PlaceError::WithoutS3) };
            assert_eq!((bucket.name.as_str(), bucket.prefix.as_str()), (name, prefix));
        }
        for url in
            ["", "s3://", "s3:///x", "s3://pho tos", "file://media", "ftp://host/x", "s3://photos?endpoint"]
        {
            assert!(matches!(at(url), Err(PlaceError::Address(_))), "{url}");
        }
        Ok(())
    }

    #[test]
    fn the_address_counts_more_than_the_file_and_holds_no_secret() -> Result<(), PlaceError> {
        let of_file = S3Settings::from([
            ("region".to_owned(), "eu-west-1".to_owned()),
            ("secret_access_key".to_owned(), "hush".to_owned()),
        ]);
        let place =
            MediaPlace::read("s3://photos?region=cn-north-1&endpoint=http://127.0.0.1:9000", &of_file)?;
        let MediaPlace::S3(bucket) = &place else { return Err(PlaceError::WithoutS3) };
        assert_eq!(bucket.settings.get("region").map(String::as_str), Some("cn-north-1"));
        assert_eq!(bucket.settings.get("endpoint").map(String::as_str), Some("http://127.0.0.1:9000"));
        assert_eq!(format!("{place} {place:?}"), "s3://photos S3(s3://photos)");
        for name in ["access_key_id", "secret_access_key", "session_token"] {
            let sentence = at(&format!("s3://photos?{name}=hush")).err().map(|error| error.to_string());
            let sentence = sentence.unwrap_or_default();
            assert!(sentence.contains(&format!("AWS_{}", name.to_uppercase())), "{sentence}");
            assert!(!sentence.contains("hush"), "{sentence}");
        }
        Ok(())
    }
}
