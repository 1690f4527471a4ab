//! Lists and reads probe files: in a folder, such as a Lambda layer, or in S3.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use aws_sdk_s3::Client as S3;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Error;
use aws_sdk_s3::primitives::ByteStreamError;

use crate::config::ProbesFrom;

/// Largest size of a probe file, in bytes.
const MAX_BYTES: usize = probe_file::LARGEST_FILE;

/// The place of the probe files.
pub struct Files {
    from: ProbesFrom,
    s3: S3,
}

/// A file in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    /// Path or key.
    pub(super) name: String,
    /// Changes with the content: the `ETag` of an object, or modification time and size of a file.
    pub(super) version: String,
}

/// Why the probe files could not be listed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    #[error("could not list the folder `{}`", .folder.display())]
    Folder { folder: PathBuf, source: io::Error },
    #[error("could not list `s3://{bucket}/{prefix}`")]
    Bucket { bucket: String, prefix: String, source: Box<SdkError<ListObjectsV2Error>> },
}

/// Why a probe file could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error("could not read `{name}`")]
    File { name: String, source: io::Error },
    #[error("could not read `{name}`")]
    Object { name: String, source: Box<SdkError<GetObjectError>> },
    #[error("could not read `{name}` to its end")]
    Body { name: String, source: ByteStreamError },
    #[error("`{name}` is larger than {MAX_BYTES} bytes")]
    TooLarge { name: String },
    #[error("`{name}` is not UTF-8 text")]
    NotUtf8 { name: String },
}

impl Files {
    pub(super) fn new(from: ProbesFrom, s3: S3) -> Self {
        Self { from, s3 }
    }

    /// The name of a file without that of its folder or prefix, which a deployment may change.
    pub(super) fn short<'n>(&self, name: &'n str) -> &'n str {
        name.strip_prefix(&*self.root()).unwrap_or(name)
    }

    /// The opposite of [`Self::short`].
    pub(super) fn full(&self, short: &str) -> String {
        format!("{}{short}", self.root())
    }

    fn root(&self) -> Cow<'_, str> {
        match &self.from {
            ProbesFrom::Folder(folder) => folder.to_string_lossy(),
            ProbesFrom::Bucket { prefix, .. } => prefix.into(),
        }
    }

    pub(super) async fn list(&self) -> Result<Vec<Listed>, ListError> {
        match &self.from {
            ProbesFrom::Folder(folder) => list_folder(folder)
                .map_err(|source| ListError::Folder { folder: folder.clone(), source }),
            ProbesFrom::Bucket { bucket, prefix } => {
                self.list_bucket(bucket, prefix).await.map_err(|source| ListError::Bucket {
                    bucket: bucket.clone(),
                    prefix: prefix.clone(),
                    source: Box::new(source),
                })
            }
        }
    }

    async fn list_bucket(
        &self,
        bucket: &str,
        prefix: &str,
    ) -> Result<Vec<Listed>, SdkError<ListObjectsV2Error>> {
        let mut pages =
            self.s3.list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
        let mut listed = Vec::new();
        while let Some(page) = pages.next().await {
            listed.extend(page?.contents().iter().filter_map(|object| {
                let name = object.key().filter(|key| is_probe_file(Path::new(key)))?;
                let version = object.e_tag().unwrap_or_default().to_owned();
                Some(Listed { name: name.to_owned(), version })
            }));
        }
        Ok(listed)
    }

    pub(super) async fn read(&self, file: &Listed) -> Result<String, ReadError> {
        let name = || file.name.clone();
        let bytes = match &self.from {
            ProbesFrom::Folder(_) => read_file(Path::new(&file.name))
                .map_err(|source| ReadError::File { name: name(), source })?,
            ProbesFrom::Bucket { bucket, .. } => self.read_object(bucket, &file.name).await?,
        };
        if bytes.len() > MAX_BYTES {
            return Err(ReadError::TooLarge { name: name() });
        }
        String::from_utf8(bytes).map_err(|_| ReadError::NotUtf8 { name: name() })
    }

    /// The body of an object, or its beginning if it is larger than [`MAX_BYTES`].
    async fn read_object(&self, bucket: &str, key: &str) -> Result<Vec<u8>, ReadError> {
        let object = self.s3.get_object().bucket(bucket).key(key).send().await;
        let object = object.map_err(|source| ReadError::Object {
            name: key.to_owned(),
            source: Box::new(source),
        })?;
        let (mut body, mut bytes) = (object.body, Vec::new());
        while bytes.len() <= MAX_BYTES {
            let piece = body.try_next().await;
            match piece.map_err(|source| ReadError::Body { name: key.to_owned(), source })? {
                Some(piece) => bytes.extend_from_slice(&piece),
                None => break,
            }
        }
        Ok(bytes)
    }
}

fn is_probe_file(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

fn list_folder(folder: &Path) -> io::Result<Vec<Listed>> {
    let mut listed = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let metadata = fs::metadata(&path)?;
        if !metadata.is_file() || !is_probe_file(&path) {
            continue;
        }
        let Some(name) = path.to_str() else { continue };
        let modified = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        let version = format!("{}-{}", modified.as_nanos(), metadata.len());
        listed.push(Listed { name: name.to_owned(), version });
    }
    Ok(listed)
}

/// The content of a file, or its beginning if it is larger than [`MAX_BYTES`].
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}
