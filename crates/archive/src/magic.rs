//! What bytes are, by their first ones.
//!
//! Sources: RFC 1952 (gzip), RFC 8878 (zstd), the manual of bzip2, APPNOTE.TXT 4.3.7 (zip), POSIX `pax` (ustar's header and
//! its sum).

/// How a stream of bytes is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// gzip members.
    Gzip,
    /// bzip2 streams.
    Bzip2,
    /// zstd frames.
    Zstd,
    /// xz, which is not read.
    Xz,
}

/// What the first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Tar,
    Zip,
    Packed(Packing),
    Other,
}

/// A tar header.
pub(crate) const BLOCK: usize = 512;

impl Format {
    /// Of a stream that begins so; a whole tar header is needed to know a tar.
    pub(crate) fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, 8, ..] => Self::Packed(Packing::Gzip),
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..]
            | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, ..] => {
                Self::Packed(Packing::Bzip2)
            }
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Packed(Packing::Zstd),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Packed(Packing::Xz),
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Self::Zip,
            _ if is_tar(head) => Self::Tar,
            _ => Self::Other,
        }
    }
}

/// Whether it begins with a header whose sum is right: `ustar` stands only in younger ones.
fn is_tar(head: &[u8]) -> bool {
    let Some(header) = head.get(..BLOCK) else { return false };
    let field = header.get(148..156).unwrap_or_default();
    let digits =
        field.iter().skip_while(|byte| **byte == b' ').take_while(|byte| (b'0'..=b'7').contains(byte));
    let said = digits.fold(0_u64, |sum, digit| (sum << 3) + u64::from(digit - b'0'));
    let blank =
        |(at, byte): (usize, &u8)| if (148..156).contains(&at) { u64::from(b' ') } else { u64::from(*byte) };
    let sum: u64 = header.iter().enumerate().map(blank).sum();
    header.first() != Some(&0) && sum == said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_known_by_their_first_bytes() {
        let mut header = tar::Header::new_gnu();
        header.set_path("a/b").unwrap();
        header.set_size(3);
        header.set_cksum();
        let mut old = tar::Header::new_old();
        old.set_path("x").unwrap();
        old.set_cksum();
        for (head, expected) in [
            (&header.as_bytes()[..], Format::Tar),
            (&old.as_bytes()[..], Format::Tar),
            (&header.as_bytes()[..511], Format::Other),
            (&[0; 512], Format::Other),
            (b"PK\x03\x04rest", Format::Zip),
            (b"PK\x05\x06", Format::Zip),
            (b"\x1f\x8b\x08\0", Format::Packed(Packing::Gzip)),
            (b"BZh91AY&SY", Format::Packed(Packing::Bzip2)),
            (b"BZh9 is how this log begins", Format::Other),
            (b"\x28\xb5\x2f\xfd", Format::Packed(Packing::Zstd)),
            (b"\xfd7zXZ\0", Format::Packed(Packing::Xz)),
            (b"[{\"traceId\":", Format::Other),
            (b"", Format::Other),
        ] {
            assert_eq!(Format::of(head), expected, "{head:?}");
        }
        let mut wrong = *header.as_bytes();
        wrong[0] ^= 1;
        assert_eq!(Format::of(&wrong), Format::Other);
    }
}
