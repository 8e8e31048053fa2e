//! What can't be delivered, handed to whoever keeps it.

/// Something that was refused or could not be read, with its exact bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rejected<'a> {
    /// `traces` or `logs`.
    pub(crate) signal: &'static str,
    /// A short word: `not_json`, `bad_id`, `refused` …
    pub(crate) reason: &'a str,
    /// What the server or the reader said.
    pub(crate) message: &'a str,
    /// The file it was read from.
    pub(crate) path: &'a str,
    /// Where in the file, in uncompressed bytes.
    pub(crate) offset: u64,
    pub(crate) form: Form,
    pub(crate) bytes: &'a [u8],
}

/// What the bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Bytes of the file.
    Source,
    /// A whole OTLP request in protobuf.
    Otlp,
}

impl Form {
    /// Its name in files.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Otlp => "otlp",
        }
    }

    /// The form of this name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::Source, Self::Otlp].into_iter().find(|form| form.as_str() == name)
    }
}

/// Keeps what is set aside. Failing to keep it is not fatal; the counters say that it was refused.
pub(crate) trait Keep: Send {
    /// Keeps one entry.
    fn keep(&mut self, rejected: &Rejected<'_>);
}
