//! The operation behind a span's name: without what is different each time.
//!
//! xenopsd names spans by what they work on, such as `Parallel:task=5.atoms=1.(VBD.plug RW vm=<uuid>)`
//! (xen-api `ocaml/xenopsd/lib/xenops_server.ml`, `name_of_atomic`): each would be a series of its own, of one span.

use std::borrow::Cow;

const UUID: usize = 36;

/// The name with uuids as `<uuid>`, `OpaqueRef:<uuid>` as well, and numbers behind `=` as `<n>`.
pub(super) fn operation(name: &str) -> Cow<'_, str> {
    if !name.bytes().any(|byte| matches!(byte, b'=' | b'-')) {
        return Cow::Borrowed(name);
    }
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    let mut before = ' ';
    while let Some(next) = rest.chars().next() {
        let (len, mask) = masked(rest, before).unwrap_or((next.len_utf8(), ""));
        let (taken, left) = rest.split_at(len);
        out.push_str(if mask.is_empty() { taken } else { mask });
        before = taken.chars().next_back().unwrap_or(' ');
        rest = left;
    }
    Cow::Owned(out)
}

/// How much of the beginning of `text` is different each time, and what stands in its place.
fn masked(text: &str, before: char) -> Option<(usize, &'static str)> {
    if !before.is_ascii_alphanumeric() && text.get(..UUID).is_some_and(is_uuid) {
        return Some((UUID, "<uuid>"));
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    (before == '=' && digits > 0).then_some((digits, "<n>"))
}

fn is_uuid(text: &str) -> bool {
    text.bytes().enumerate().all(|(place, byte)| match place {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    })
}

#[cfg(test)]
mod tests {
    use super::operation;

    #[test]
    fn what_differs_each_time_is_masked() {
        let uuid = "cb043a21-9c51-4418-a1e8-e7079ac6dc1a";
        for (name, expected) in [
            ("Async.VM.start".to_owned(), "Async.VM.start"),
            (
                format!("Parallel:task=5.atoms=12.(VBD.plug RW vm={uuid})"),
                "Parallel:task=<n>.atoms=<n>.(VBD.plug RW vm=<uuid>)",
            ),
            (format!("VM.add OpaqueRef:{uuid} {uuid}"), "VM.add OpaqueRef:<uuid> <uuid>"),
            (uuid.to_owned(), "<uuid>"),
            (format!("x{uuid}"), &format!("x{uuid}")),
            (uuid[..35].to_owned(), &uuid[..35]),
            ("é-=7ü=x9".to_owned(), "é-=<n>ü=x9"),
            ("http://10.0.0.1/a-b?c=3".to_owned(), "http://10.0.0.1/a-b?c=<n>"),
            (String::new(), ""),
        ] {
            assert_eq!(operation(&name), expected);
        }
    }
}
