//! stub
pub(crate) struct Redactor;
impl Redactor {
    pub(crate) fn new(_: bool, _: Vec<regex::Regex>) -> Self {
        Self
    }
    pub(crate) fn span(&self, _: &mut model::Span<'_>, _: &[u8]) -> u64 {
        0
    }
    pub(crate) fn record(&self, _: &mut model::LogRecord<'_>) -> u64 {
        0
    }
}
