//! Passwords in URLs: `scheme://user:password@host`, also `//user:password@host` as mount options have it.

use super::text::{Found, rest};
use memchr::{memchr_iter, memrchr};

/// How far before the `@` the `//` may stand.
const MAX_USER: usize = 512;

/// Adds every password.
pub(super) fn find_passwords(text: &[u8], found: &mut Found<'_>) {
    let mut done = 0;
    for at in memchr_iter(b'@', text) {
        let from = done.max(at.saturating_sub(MAX_USER));
        if let Some(password) = text.get(from..at).and_then(password_at) {
            found.add(from + password..last_at(text, at));
        }
        done = at + 1;
    }
}

/// Where the password begins in text that ends before an `@`: behind the first colon behind the `//`.
fn password_at(head: &[u8]) -> Option<usize> {
    let slashes = head.windows(2).rposition(|pair| pair == b"//")?;
    let user = rest(head, slashes + 2);
    let colon = memchr::memchr(b':', user)?;
    let plain = user.iter().all(|byte| !b" \t\r\n\"'<>/?#|".contains(byte));
    plain.then_some(slashes + 2 + colon + 1)
}

/// The last `@` of the part of the URL that has one at `at`: a password may hold it.
fn last_at(text: &[u8], at: usize) -> usize {
    let length =
        rest(text, at).iter().take(MAX_USER).take_while(|byte| !b" \t\r\n\"'<>/?#,;|".contains(byte)).count();
    text.get(at..at + length).and_then(|part| memrchr(b'@', part)).map_or(at, |last| at + last)
}
