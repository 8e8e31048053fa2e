use super::*;

const SECOND: u64 = 1_000_000_000;
const START: u64 = 1_772_397_975 * SECOND;

fn id(number: u64) -> SpanId {
    SpanId::from_bytes(number.to_be_bytes()).unwrap()
}

/// Times in milliseconds after the start.
fn span(number: u64, parent: u64, name: &str, service: &str, (from, to): (u64, u64)) -> Span {
    Span {
        id: id(number),
        parent: SpanId::from_bytes(parent.to_be_bytes()),
        name: name.into(),
        service: service.into(),
        start_unix_nano: START + from * 1_000_000,
        end_unix_nano: START + to * 1_000_000,
        error: None,
    }
}

fn line(span: u64, second: u64, level: &str, severity: u8, body: &str) -> Line {
    Line {
        span: SpanId::from_bytes(span.to_be_bytes()),
        time_unix_nano: START + second * SECOND,
        service: "xapi".into(),
        level: level.into(),
        severity,
        body: body.into(),
    }
}

fn of(spans: Vec<Span>, lines: Vec<Line>) -> Trace {
    Trace { id: TraceId::from_bytes([7; 16]).unwrap(), spans, lines }
}

fn plain(width: usize, spans: usize, lines: usize) -> Style {
    Style { width, colour: false, spans, lines, marks: false }
}

fn start_of_a_vm() -> Trace {
    let failed =
        Span { error: Some("VDI_IN_USE".into()), ..span(4, 3, "VBD.plug RW", "xenopsd", (6_000, 8_000)) };
    of(
        vec![
            failed,
            span(3, 2, "VM_start", "xenopsd", (4_000, 8_000)),
            span(1, 0, "dispatch:VM.start", "xapi", (0, 40)),
            span(2, 1, "Async.VM.start", "xapi", (20, 8_020)),
            span(5, 2, "VM.set_power_state", "xapi", (8_000, 8_010)),
        ],
        vec![
            line(0, 1, "debug", 5, "of the trace alone"),
            line(4, 7, "error", 17, "VDI in use"),
            line(
                4,
                6,
                "info",
                9,
                "a long text that certainly does not fit into what is left of the row after it",
            ),
            line(4, 6, "warn", 13, "slow"),
            line(99, 2, "debug", 5, "of a span not seen"),
        ],
    )
}

#[test]
fn a_small_trace() {
    let expected = "\
Async.VM.start  xapi xenopsd  8.02 s  5 spans  5 lines
failed: VDI_IN_USE
trace 07070707070707070707070707070707  2026-03-01 20:46:15 UTC
dispatch:VM.start                xapi    40.0 ms ▏
│ ~ 20:46:16 debug xapi: of the trace alone
│ ~ 20:46:17 debug xapi: of a span not seen
└ Async.VM.start                 xapi     8.00 s ██████████████████████
  ├ VM_start                     xenopsd  4.00 s           ███████████
  │ └ VBD.plug RW                xenopsd  2.00 s                 █████▌
  │     ✗ VDI_IN_USE
  │     · 20:46:21 warn  xapi: slow
  │     · 20:46:22 error xapi: VDI in use
  │     … 1 more line
  └ VM.set_power_state           xapi    10.0 ms                      ▏
";
    let drawn = trace(&start_of_a_vm(), &plain(72, 100, 2));
    let drawn: String = drawn.lines().map(|row| format!("{}\n", row.trim_end())).collect();
    assert_eq!(drawn, expected, "\n{drawn}");
}

#[test]
fn what_is_left_out_is_counted() {
    let mut spans = vec![span(1, 0, "root", "xapi", (0, 1_000))];
    spans.extend((2..=41).map(|n| span(n, 1, &format!("child {n}"), "xapi", (n, n + 1))));
    spans.push(Span { error: Some(String::new()), ..span(50, 41, "bad", "xapi", (41, 42)) });
    let lines = (2..=41).map(|n| line(n, 0, "info", 9, "x")).collect();
    let drawn = trace(&of(spans, lines), &plain(80, 4, 3));
    let names: Vec<&str> = drawn.lines().skip(3).map(|row| row.split("  ").next().unwrap()).collect();
    assert_eq!(
        names,
        ["root", "│ … 38 more spans below, with 38 lines", "├ child 2", "│", "└ child 41", "", ""],
        "\n{drawn}"
    );
    assert!(drawn.contains("└ bad"), "{drawn}");
}

#[test]
fn every_shape_is_drawn_whole_and_within_its_width() {
    let chain = |n: u64| (1..=n).map(|i| span(i, i - 1, "link", "s", (i, 2 * n))).collect::<Vec<_>>();
    let shared = vec![
        span(1, 0, "client", "a", (0, 9)),
        span(1, 0, "server", "b", (1, 8)),
        span(2, 1, "c", "b", (2, 3)),
    ];
    let looped =
        vec![span(1, 3, "a", "s", (0, 9)), span(2, 1, "b", "s", (1, 8)), span(3, 2, "c", "s", (2, 3))];
    let own = vec![span(1, 1, "its own parent", "s", (0, 9))];
    let lost = vec![span(2, 77, "orphan", "s", (0, 9)), span(3, 78, "orphan", "s", (0, 9))];
    let loud = vec![span(1, 0, "a\x1b[2J\nb", "s\x07", (0, 9))];
    for (spans, rows) in
        [(vec![], 0), (chain(3_000), 3_000), (shared, 3), (looped, 3), (own, 1), (lost, 2), (loud, 1)]
    {
        let lines = vec![line(1, 1, "info", 9, "日本語 text\x1b[2J\r"), line(0, 1, "", 0, "plain")];
        let given = of(spans, lines);
        let drawn = trace(&given, &plain(60, 10_000, 5));
        let shown = drawn.lines().filter(|row| !row.contains('·') && !row.contains('~')).count();
        assert_eq!(shown, rows + 2, "{drawn}");
        assert!(drawn.lines().all(|row| super::text::width(row) <= 60), "{drawn}");
        assert!(!drawn.contains('\x1b') && !drawn.contains('\x07'), "{drawn:?}");
    }
}

#[test]
fn what_failed_is_red_on_a_terminal() {
    let drawn = trace(&start_of_a_vm(), &Style { colour: true, ..plain(72, 100, 2) });
    assert!(drawn.contains("\x1b[31mfailed: VDI_IN_USE\x1b[0m"), "{drawn:?}");
    assert!(drawn.contains("\x1b[31mVBD.plug RW"), "{drawn:?}");
}

#[test]
fn missing_parents_and_times_without_a_span_are_marked() {
    let spans = vec![
        span(1, 99, "root", "xapi", (0, 10_000)),
        span(2, 1, "first", "xapi", (0, 2_000)),
        span(3, 1, "beside it", "xapi", (500, 4_000)),
        span(4, 1, "after a while", "xapi", (9_000, 10_000)),
    ];
    let drawn = trace(&of(spans, Vec::new()), &Style { marks: true, ..plain(80, 100, 5) });
    let rows: Vec<&str> =
        drawn.lines().skip(2).map(|row| row.split("  ").next().unwrap().trim_end()).collect();
    let expected = [
        "root",
        "│ its parent 0000000000000063 was not written",
        "├ first",
        "├ beside it",
        "│ ⋯ 5.00 s without a span",
        "└ after a while",
    ];
    assert_eq!(rows, expected, "\n{drawn}");
}
