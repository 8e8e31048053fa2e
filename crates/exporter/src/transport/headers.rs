//! The configured headers: checked names, and values that may stand in files.

use std::path::PathBuf;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::error::SettingsError;

/// Headers whose value follows from the request; another value would make it unreadable.
const RESERVED: [HeaderName; 7] = [
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::TE,
    header::HOST,
];

/// Where a value comes from.
#[derive(Clone)]
enum Source {
    Value(HeaderValue),
    File(PathBuf),
}

/// The configured headers.
#[derive(Clone)]
pub(super) struct Headers(Vec<(HeaderName, Source)>);

impl Headers {
    /// Checks names and plain values; files are not read yet.
    pub(super) fn new(headers: &[(String, String)]) -> Result<Self, SettingsError> {
        headers.iter().map(|(name, value)| entry(name, value)).collect::<Result<_, _>>().map(Self)
    }

    /// The files that values are read from.
    pub(super) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.0.iter().filter_map(|(_, source)| match source {
            Source::File(path) => Some(path),
            Source::Value(_) => None,
        })
    }

    /// The headers as they are now. Reads files.
    pub(super) fn read(&self) -> Result<HeaderMap, SettingsError> {
        let mut map = HeaderMap::with_capacity(self.0.len());
        for (name, source) in &self.0 {
            let value = match source {
                Source::Value(value) => value.clone(),
                Source::File(path) => read(name, path)?,
            };
            map.append(name, value);
        }
        Ok(map)
    }
}

fn entry(name: &str, value: &str) -> Result<(HeaderName, Source), SettingsError> {
    let header = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| SettingsError::HeaderName { name: name.to_owned() })?;
    if RESERVED.contains(&header) || header.as_str().starts_with("grpc-") {
        return Err(SettingsError::HeaderReserved { name: name.to_owned() });
    }
    let source = match value.strip_prefix("file:") {
        Some(path) => Source::File(PathBuf::from(path)),
        None => Source::Value(secret(&header, value.as_bytes())?),
    };
    Ok((header, source))
}

fn read(name: &HeaderName, path: &PathBuf) -> Result<HeaderValue, SettingsError> {
    let bytes = std::fs::read(path).map_err(|source| SettingsError::File {
        key: "headers",
        path: path.clone(),
        source,
    })?;
    secret(name, bytes.trim_ascii_end())
}

/// Marked as sensitive: not shown by `Debug`, not kept in HTTP/2's tables.
fn secret(name: &HeaderName, bytes: &[u8]) -> Result<HeaderValue, SettingsError> {
    let mut value = HeaderValue::from_bytes(bytes)
        .map_err(|_| SettingsError::HeaderValue { name: name.as_str().to_owned() })?;
    value.set_sensitive(true);
    Ok(value)
}
