//! What is drawn where there is more than fits: whole ways from the root to what is worth looking at.

use super::tree::Forest;
use super::{Line, Span};
use crate::order;
use std::cmp::Reverse;

/// OTLP's number of a warning.
const WARNING: u8 = 13;

/// Which spans are drawn, by position: at most `room`, always with all that are above them. Those that failed go
/// first, then those that have lines, then the longest.
pub(super) fn kept_spans(
    spans: &[Span],
    forest: &Forest,
    has_lines: &dyn Fn(&Span) -> bool,
    room: usize,
) -> Vec<bool> {
    if spans.len() <= room {
        return vec![true; spans.len()];
    }
    let mut ranked: Vec<(usize, &Span)> = spans.iter().enumerate().collect();
    order::by_key(&mut ranked, |(at, span)| {
        (span.error.is_none(), !has_lines(span), Reverse(span.length_nanos()), *at)
    });
    let mut kept = vec![false; spans.len()];
    let mut left = room.max(1);
    for (at, _) in ranked {
        let way = missing_above(at, forest, &kept, left);
        if way.len() <= left {
            left -= way.len();
            way.into_iter().for_each(|at| kept.get_mut(at).into_iter().for_each(|kept| *kept = true));
        }
    }
    kept
}

/// The span and all above it that are not drawn yet; cut off once it is longer than `most`.
fn missing_above(at: usize, forest: &Forest, kept: &[bool], most: usize) -> Vec<usize> {
    let above = std::iter::successors(Some(at), |at| forest.parent(*at));
    above.take_while(|at| kept.get(*at) == Some(&false)).take(most + 1).collect()
}

/// At most `room` lines in the order of time: warnings and errors first, then the earliest.
pub(super) fn best_lines<'t>(lines: &[&'t Line], room: usize) -> Vec<&'t Line> {
    let mut best = lines.to_vec();
    order::by_key(&mut best, |line| (line.severity < WARNING, line.time_unix_nano));
    best.truncate(room);
    order::by_key(&mut best, |line| line.time_unix_nano);
    best
}
