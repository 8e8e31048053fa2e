//! Globs over names: span names, log modules, log messages.
//!
//! `*` stands for any characters, none included; `?` for exactly one character; every other character for
//! itself, in the same case. There is no escape and no class: names hold brackets, so brackets are literal.

/// A pattern, compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    tokens: Vec<Token>,
    prefix: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Literal(char),
    One,
    Many,
}

impl Glob {
    /// Compiles a pattern; every text is one.
    #[must_use]
    pub fn new(pattern: &str) -> Self {
        let mut tokens: Vec<Token> = pattern.chars().map(Token::from).collect();
        tokens.dedup_by(|next, last| *next == Token::Many && *last == Token::Many);
        let prefix = pattern.chars().take_while(|c| !is_wild(*c)).collect();
        Self { tokens, prefix }
    }

    /// Whether the whole of `text` fits.
    ///
    /// Takes at most `pattern × text` steps: on a misfit only the last `*` is tried again, one character on.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        if !text.starts_with(&self.prefix) {
            return false;
        }
        let (mut tokens, mut rest) = (self.tokens.as_slice(), text);
        let mut again: Option<(&[Token], &str)> = None;
        loop {
            match step(tokens, rest) {
                Step::Done => return true,
                Step::On(next_tokens, next_rest) => (tokens, rest) = (next_tokens, next_rest),
                Step::Star(after) => {
                    again = Some((after, rest));
                    tokens = after;
                }
                Step::Misfit => {
                    let Some((after, from)) = again.and_then(|(after, from)| Some((after, behind(from)?)))
                    else {
                        return false;
                    };
                    again = Some((after, from));
                    (tokens, rest) = (after, from);
                }
            }
        }
    }

    /// The literal text before the first wildcard: what every text that fits begins with.
    #[must_use]
    pub fn literal_prefix(&self) -> &str {
        &self.prefix
    }

    /// The longest literal stretch whose characters all pass `plain`: a text that fits has it somewhere. Empty
    /// if there is none.
    #[must_use]
    pub fn longest_literal(&self, plain: impl Fn(char) -> bool) -> String {
        let literal = |token: &Token| match token {
            Token::Literal(c) if plain(*c) => Some(*c),
            _ => None,
        };
        let stretches = self.tokens.split(|token| literal(token).is_none());
        let longest = stretches.max_by_key(|stretch| stretch.len()).unwrap_or_default();
        longest.iter().filter_map(literal).collect()
    }
}

impl From<char> for Token {
    fn from(c: char) -> Self {
        match c {
            '*' => Self::Many,
            '?' => Self::One,
            c => Self::Literal(c),
        }
    }
}

fn is_wild(c: char) -> bool {
    matches!(c, '*' | '?')
}

/// `text` without its first character; `None` if it is empty.
fn behind(text: &str) -> Option<&str> {
    let mut chars = text.chars();
    chars.next()?;
    Some(chars.as_str())
}

enum Step<'p, 't> {
    Done,
    On(&'p [Token], &'t str),
    Star(&'p [Token]),
    Misfit,
}

fn step<'p, 't>(tokens: &'p [Token], text: &'t str) -> Step<'p, 't> {
    let mut chars = text.chars();
    match (tokens.split_first(), chars.next()) {
        (None, None) => Step::Done,
        (Some((Token::Many, after)), _) => Step::Star(after),
        (Some((Token::One, after)), Some(_)) => Step::On(after, chars.as_str()),
        (Some((Token::Literal(wanted), after)), Some(c)) if *wanted == c => Step::On(after, chars.as_str()),
        _ => Step::Misfit,
    }
}

#[cfg(test)]
mod tests {
    use super::Glob;
    use proptest::prelude::*;

    #[test]
    fn patterns_fit_whole_names() {
        let cases = [
            ("Tracing.*", "Tracing.flush_spans", true),
            ("Tracing.*", "Tracing.", true),
            ("Tracing.*", "tracing.flush", false),
            ("Tracing.*", "my Tracing.flush", false),
            ("", "", true),
            ("", "x", false),
            ("*", "", true),
            ("**", "anything", true),
            ("?", "é", true),
            ("?", "", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*.File.*", "Tracing.File.export", true),
            ("*ab", "aab", true),
            ("*ab*cd", "xxabxabcd", true),
            ("*ab*cd", "xxabxabc", false),
            ("[x]", "[x]", true),
            ("[x]", "x", false),
            ("xapi", "xapi", true),
            ("xapi", "xapi2", false),
        ];
        for (pattern, text, fits) in cases {
            assert_eq!(Glob::new(pattern).matches(text), fits, "{pattern:?} {text:?}");
        }
    }

    #[test]
    fn literals_are_found() {
        let cases = [
            ("Tracing.*", "Tracing.", "Tracing."),
            ("*.File.*", "", ".File."),
            ("a*bcd?ef", "a", "bcd"),
            ("*", "", ""),
        ];
        for (pattern, prefix, longest) in cases {
            let glob = Glob::new(pattern);
            assert_eq!(glob.literal_prefix(), prefix, "{pattern}");
            assert_eq!(glob.longest_literal(|_| true), longest, "{pattern}");
        }
        assert_eq!(Glob::new("a/bc/*").longest_literal(|c| c != '/'), "bc");
    }

    proptest! {
        /// The same answer as a plain recursive definition gives.
        #[test]
        fn fits_the_definition(pattern in "[ab*?]{0,6}", text in "[abé]{0,8}") {
            fn fits(pattern: &[char], text: &[char]) -> bool {
                match (pattern.split_first(), text.split_first()) {
                    (None, None) => true,
                    (Some(('*', rest)), None) => fits(rest, text),
                    (Some(('*', rest)), Some((_, on))) => fits(rest, text) || fits(pattern, on),
                    (Some(('?', rest)), Some((_, on))) => fits(rest, on),
                    (Some((c, rest)), Some((d, on))) => c == d && fits(rest, on),
                    _ => false,
                }
            }
            let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(Glob::new(&pattern).matches(&text), fits(&p, &t));
        }
    }
}
