//! Sorting where it is not done often: one piece of code for every type and key.
//!
//! The standard library's sorts are compiled anew for each type and key, 7 KB each time, and the commands sort two dozen
//! lists of a few thousand elements at most. Here places are sorted, which are numbers, and elements are put there.

use std::cmp::Ordering;

/// Sorts by a key; elements with equal keys stay in their order.
pub(crate) fn by_key<T, K: Ord>(list: &mut [T], key: impl Fn(&T) -> K) {
    by(list, |a, b| key(a).cmp(&key(b)));
}

/// Sorts by a comparison; equal elements stay in their order.
pub(crate) fn by<T>(list: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let from = places(list.len(), &|a, b| match (list.get(a), list.get(b)) {
        (Some(a), Some(b)) => compare(a, b),
        _ => Ordering::Equal,
    });
    arrange(from, &mut |a, b| list.swap(a, b));
}

/// For each place, where the element stands that belongs there.
fn places(len: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut places: Vec<usize> = (0..len).collect();
    places.sort_by(|a, b| compare(*a, *b));
    places
}

/// Goes through each cycle of the permutation once; what was put in its place comes from there.
fn arrange(mut from: Vec<usize>, swap: &mut dyn FnMut(usize, usize)) {
    for start in 0..from.len() {
        let mut at = start;
        while let Some(place) = from.get_mut(at) {
            let next = std::mem::replace(place, at);
            if next == start || next == at {
                break;
            }
            swap(at, next);
            at = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All lists of up to seven elements of three kinds, against the standard library.
    #[test]
    fn sorts_as_the_standard_library_does() {
        for len in 0..=7_u32 {
            for number in 0..3_usize.pow(len) {
                let element = |at: u32| (number / 3_usize.pow(at) % 3, at);
                let mut list: Vec<(usize, u32)> = (0..len).map(element).collect();
                let mut expected = list.clone();
                expected.sort_by_key(|(key, _)| *key);
                by_key(&mut list, |(key, _)| *key);
                assert_eq!(list, expected);
                list.reverse();
                let mut expected = list.clone();
                expected.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
                by(&mut list, |a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
                assert_eq!(list, expected);
            }
        }
    }
}
