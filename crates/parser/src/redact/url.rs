//! Passwords in URLs: `scheme://user:password@host`, also `//user:password@host` as mount options have it.

use super::text::{Found, rest};
use memchr::{memchr, memmem, memrchr};
use std::ops::Range;

/// What ends user and password.
const ENDS: &[u8] = b" \t\r\n\"'<>/?#|";
/// What ends them behind a first `@`, which may be part of the password or stand before the host.
const ENDS_BEHIND: &[u8] = b" \t\r\n\"'<>/?#,;|";

/// Adds every password, however long.
pub(super) fn find_passwords(text: &[u8], found: &mut Found<'_>) {
    if memchr(b'@', text).is_none() {
        return;
    }
    let mut at = 0;
    while let Some(slashes) = memmem::find(rest(text, at), b"//") {
        let user = at + slashes + 2;
        at = match password(text, user) {
            Some(range) => {
                found.add(range.clone());
                range.end
            }
            None => user - 1,
        };
    }
}

/// The password of the user who begins at `user`: behind the first colon, up to the last `@` of this part.
fn password(text: &[u8], user: usize) -> Option<Range<usize>> {
    let length = rest(text, user).iter().position(|byte| *byte == b'@' || ENDS.contains(byte))?;
    let first = user + length;
    let colon = memchr(b':', text.get(user..first)?).filter(|_| text.get(first) == Some(&b'@'))?;
    Some(user + colon + 1..last_at(text, first))
}

/// The last `@` of the part of the URL that has one at `at`.
fn last_at(text: &[u8], at: usize) -> usize {
    let length = rest(text, at).iter().take_while(|byte| !ENDS_BEHIND.contains(byte)).count();
    text.get(at..at + length).and_then(|part| memrchr(b'@', part)).map_or(at, |last| at + last)
}
