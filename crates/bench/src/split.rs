//! The floor for a log line: the plainest splitter of `Mmm dd HH:MM:SS host prog: [level|f2|thread|task|module] text`.
//!
//! It is what anyone would write first, and stays so: what is measured must not be tuned together with its measure. It
//! checks nothing, unescapes nothing, joins nothing, and knows no other form.

use memchr::memchr;

/// The fields of a line, as they stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields<'a> {
    pub(crate) time: &'a [u8],
    pub(crate) host: &'a [u8],
    pub(crate) program: &'a [u8],
    pub(crate) level: &'a [u8],
    pub(crate) thread: &'a [u8],
    pub(crate) task: &'a [u8],
    pub(crate) module: &'a [u8],
    pub(crate) body: &'a [u8],
}

/// Splits a line; what it does not understand is all body.
pub(crate) fn split(line: &[u8]) -> Fields<'_> {
    parse(line).unwrap_or(Fields { body: line, ..Fields::default() })
}

fn parse(line: &[u8]) -> Option<Fields<'_>> {
    let (time, rest) = line.split_at_checked(15)?;
    let (host, rest) = cut(rest.get(1..)?, b' ')?;
    let (program, rest) = cut(rest, b':')?;
    let rest = rest.strip_prefix(b" ")?;
    let Some(bracket) = rest.strip_prefix(b"[") else {
        return Some(Fields { time, host, program, body: rest, ..Fields::default() });
    };
    let (level, rest) = cut(bracket, b'|')?;
    let (_, rest) = cut(rest, b'|')?;
    let (thread, rest) = cut(rest, b'|')?;
    let (task, rest) = cut(rest, b'|')?;
    let (module, rest) = cut(rest, b']')?;
    let body = rest.strip_prefix(b" ").unwrap_or(rest);
    Some(Fields { time, host, program, level: level.trim_ascii(), thread, task, module, body })
}

fn cut(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let place = memchr(at, text)?;
    Some((text.get(..place)?, text.get(place + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split() {
        let line = b"Feb 19 20:46:22 lab xapi: [debug||7 |VM.start R:0c|dummytaskhelper] task started";
        let fields = split(line);
        let expected = Fields {
            time: b"Feb 19 20:46:22",
            host: b"lab",
            program: b"xapi",
            level: b"debug",
            thread: b"7 ",
            task: b"VM.start R:0c",
            module: b"dummytaskhelper",
            body: b"task started",
        };
        assert_eq!(fields, expected);
        assert_eq!(split(b"nothing of the kind").body, b"nothing of the kind");
    }
}
