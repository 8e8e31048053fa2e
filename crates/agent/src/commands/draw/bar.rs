//! Bars to scale.

/// Where a span lies on a line of `cells`: blanks before it, then what shows its length. `extent` is the whole line's
/// start and end.
pub(super) fn bar(span: (u64, u64), extent: (u64, u64), cells: usize) -> String {
    let whole = extent.1.saturating_sub(extent.0).max(1);
    let place = |time: u64| eighths(time.saturating_sub(extent.0).min(whole), whole, cells);
    let (start, end) = (place(span.0), place(span.1));
    let first = (start / 8).min(cells.saturating_sub(1));
    let mut text = " ".repeat(first);
    let length = end.saturating_sub(start).max(1);
    let full = (length / 8).min(cells - first);
    text.extend(std::iter::repeat_n('█', full));
    if full < cells - first {
        text.extend(part(length % 8));
    }
    text
}

/// A time as eighths of a cell.
fn eighths(time: u64, whole: u64, cells: usize) -> usize {
    let eighths = u128::from(time) * 8 * cells as u128 / u128::from(whole);
    usize::try_from(eighths).unwrap_or(usize::MAX)
}

fn part(eighths: usize) -> Option<char> {
    const PARTS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    PARTS.get(eighths.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::bar;

    #[test]
    fn bars_are_to_scale() {
        for (span, extent, expected) in [
            ((0, 80), (0, 80), "████"),
            ((0, 40), (0, 80), "██"),
            ((40, 80), (0, 80), "  ██"),
            ((40, 41), (0, 80), "  ▏"),
            ((80, 80), (0, 80), "   ▏"),
            ((19, 21), (0, 80), "▏"),
            ((0, 0), (0, 80), "▏"),
            ((0, 50), (0, 80), "██▌"),
            ((5, 5), (5, 5), "▏"),
            ((0, 99), (10, 20), "████"),
            ((0, u64::MAX), (0, u64::MAX), "████"),
        ] {
            assert_eq!(bar(span, extent, 4), expected, "{span:?} {extent:?}");
        }
    }
}
