//! Trace contexts in text.
//!
//! W3C's `00-<32 hex>-<16 hex>-<2 hex>`: alone between bars (xen-api since v26.8.0, `ocaml/libs/log/debug.ml`), after
//! the `\x0A` of a debug string, there bare or as `{"traceparent":"…"}` (`ocaml/xapi-idl/lib/debug_info.ml`), and after
//! `traceparent:` in messages (`ocaml/xenopsd/lib/xenops_server.ml`, `VM.receive_memory`).

use crate::evidence::LineContext;
use memchr::memmem::Finder;
use model::{SpanId, TraceId};
use std::sync::LazyLock;

/// The length of a trace context.
const LENGTH: usize = 55;

/// The most characters between the word and the context: `\\": \\"` of JSON in an escaped string.
const GAP: usize = 8;

static WORD: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("traceparent"));

/// Reads a text that is a trace context and nothing else.
pub(crate) fn parse(text: &[u8]) -> Option<LineContext> {
    let rest = text.strip_prefix(b"00-")?;
    let (trace, rest) = rest.split_first_chunk::<32>()?;
    let (span, rest) = rest.strip_prefix(b"-")?.split_first_chunk::<16>()?;
    let flags = rest.strip_prefix(b"-")?;
    let whole = flags.len() == 2 && flags.iter().all(u8::is_ascii_hexdigit);
    if !whole {
        return None;
    }
    let span_id = Some(SpanId::from_hex(span).ok()?);
    Some(LineContext { trace_id: TraceId::from_hex(trace).ok()?, span_id })
}

/// Finds the first trace context that follows the word `traceparent`.
pub(crate) fn find(text: &[u8]) -> Option<LineContext> {
    let finder = &*WORD;
    finder.find_iter(text).find_map(|at| after_word(text.get(at + finder.needle().len()..)?))
}

/// Reads what stands after the `\x0A` of a debug string.
pub(crate) fn of_debug_string(tail: &[u8]) -> Option<LineContext> {
    tail.get(..LENGTH).and_then(parse).or_else(|| find(tail))
}

fn after_word(text: &[u8]) -> Option<LineContext> {
    let gap = text.iter().take(GAP).take_while(|byte| b"\":=' \\".contains(byte)).count();
    text.get(gap..gap + LENGTH).and_then(parse)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0a07bfbf3925e3d4776995171a9222cd";
    const SPAN: &str = "d4bcd152c96bd105";

    fn shown(context: Option<LineContext>) -> String {
        context.map_or_else(String::new, |context| format!("{} {:?}", context.trace_id, context.span_id))
    }

    #[test]
    fn contexts() {
        let whole = format!("{TRACE} Some({SPAN})");
        for flags in ["00", "01", "ff", "A0"] {
            assert_eq!(shown(parse(format!("00-{TRACE}-{SPAN}-{flags}").as_bytes())), whole);
        }
        let zero = "0".repeat(32);
        let bad = [
            String::new(),
            format!("01-{TRACE}-{SPAN}-01"),
            format!("00-{TRACE}-{SPAN}-0"),
            format!("00-{TRACE}-{SPAN}-0g"),
            format!("00-{TRACE}-{SPAN}-012"),
            format!("00-{zero}-{SPAN}-01"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{TRACE}{SPAN}-01"),
        ];
        for text in bad {
            assert_eq!(shown(parse(text.as_bytes())), "", "{text}");
        }
    }

    #[test]
    fn contexts_in_text() {
        let whole = format!("{TRACE} Some({SPAN})");
        let context = format!("00-{TRACE}-{SPAN}-01");
        let cases = [
            format!("{{\"traceparent\":\"{context}\",\"baggage\":[]}}"),
            format!("traceparent: {context}"),
            format!("no traceparent, but then traceparent={context} and more"),
            format!("{{\\\\\"traceparent\\\\\": \\\\\"{context}"),
        ];
        for text in cases {
            assert_eq!(shown(find(text.as_bytes())), whole, "{text}");
        }
        assert_eq!(shown(of_debug_string(context.as_bytes())), whole);
        assert_eq!(shown(find(context.as_bytes())), "");
        assert_eq!(shown(find(b"traceparent: 00-12")), "");
    }
}
