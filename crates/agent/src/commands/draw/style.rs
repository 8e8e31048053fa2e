//! How wide, how long and how colourful a drawing is.

use std::io::IsTerminal;

/// Columns where nothing says how many there are.
const PIPED: usize = 100;
/// Narrower than this nothing can be read, wider nothing can be followed.
const WIDTHS: std::ops::RangeInclusive<usize> = 50..=220;

/// What a drawing may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    /// Columns.
    pub(crate) width: usize,
    pub(crate) colour: bool,
    /// Spans of one trace; the others are counted where they would stand.
    pub(crate) spans: usize,
    /// Lines under one span; the others are counted.
    pub(crate) lines: usize,
    /// Parents that were not written and times without a span are marked.
    pub(crate) marks: bool,
}

impl Style {
    /// For standard output as it is.
    pub(crate) fn of_stdout(spans: usize, lines: usize) -> Self {
        let out = std::io::stdout();
        let columns = std::env::var("COLUMNS").ok();
        let terminal = rustix::termios::tcgetwinsize(&out).ok().map(|size| size.ws_col);
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let width = width(columns.as_deref(), terminal);
        Self { width, colour: out.is_terminal() && !no_colour, spans, lines, marks: false }
    }

    pub(crate) fn paint(&self) -> Paint {
        Paint { colour: self.colour }
    }
}

/// What the user says, else what the terminal says, else what fits most places.
fn width(columns: Option<&str>, terminal: Option<u16>) -> usize {
    let said = columns.and_then(|text| text.trim().parse().ok());
    let found = said.or(terminal.map(usize::from)).filter(|width| *width > 0);
    found.unwrap_or(PIPED).clamp(*WIDTHS.start(), *WIDTHS.end())
}

/// Colours, or none. Width is counted before painting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    colour: bool,
}

impl Paint {
    pub(crate) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    pub(crate) fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    /// A colour that is always the same for the same name.
    pub(crate) fn of_name(self, name: &str, text: &str) -> String {
        const COLOURS: [&str; 4] = ["36", "32", "35", "34"];
        let sum =
            name.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
        self.with(COLOURS.get(sum % COLOURS.len()).copied().unwrap_or("36"), text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.colour && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths() {
        for (columns, terminal, expected) in [
            (None, None, PIPED),
            (None, Some(132), 132),
            (Some("80"), Some(132), 80),
            (Some("wide"), Some(132), 132),
            (Some("0"), None, PIPED),
            (None, Some(0), PIPED),
            (Some("7"), None, 50),
            (Some("9999"), None, 220),
        ] {
            assert_eq!(width(columns, terminal), expected, "{columns:?} {terminal:?}");
        }
    }

    #[test]
    fn without_colour_text_is_as_it_was() {
        assert_eq!(Paint { colour: false }.red("x"), "x");
        assert_eq!(Paint { colour: true }.red("x"), "\x1b[31mx\x1b[0m");
        assert_eq!(Paint { colour: true }.red(""), "");
    }
}
