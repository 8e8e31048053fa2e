//! What tells a line from all others, whenever and by whomever it is read.

use super::LogSource;
use model::Uuid;
use xxhash_rust::xxh3::xxh3_128;

/// 128 bits as 32 hexadecimal digits: host, path, place in the file, and all bytes of the line, its timestamp among
/// them. Nothing that changes from run to run (the name after a rotation, the year that was inferred) is in it.
pub(crate) fn hex(host: Option<Uuid>, source: &LogSource, start: u64, line: &[u8]) -> [u8; 32] {
    let host = host.map_or([0; 16], |uuid| *uuid.bytes());
    let place = u128::from(start).to_le_bytes();
    let key = [host, source.path_hash().to_le_bytes(), xxh3_128(line).to_le_bytes(), place];
    digits(xxh3_128(key.as_flattened()))
}

fn digits(hash: u128) -> [u8; 32] {
    let mut nibbles = [0; 32];
    for (pair, byte) in nibbles.chunks_exact_mut(2).zip(hash.to_be_bytes()) {
        pair.copy_from_slice(&[byte >> 4, byte & 0xf]);
    }
    nibbles.map(digit)
}

fn digit(value: u8) -> u8 {
    // Without a branch, so that all are made at once.
    value + b'0' + u8::from(value > 9) * (b'a' - b'9' - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Format;

    #[test]
    fn everything_counts() {
        let source = |path: &str| LogSource::new(path, Format::Xensource);
        let host = Some(Uuid::from_bytes([7; 16]));
        let (log, other) = (source("/var/log/xensource.log"), source("/var/log/other.log"));
        let uid = hex(host, &log, 10, b"line");
        assert_eq!(uid, hex(host, &source("/var/log/xensource.log"), 10, b"line"));
        let others = [
            hex(None, &log, 10, b"line"),
            hex(host, &other, 10, b"line"),
            hex(host, &log, 11, b"line"),
            hex(host, &log, 10, b"lime"),
        ];
        assert!(others.iter().all(|other| *other != uid && other.len() == 32), "{uid:?} {others:?}");
        assert_eq!(digits(0xab << 8), format!("{:032x}", 0xab << 8).as_bytes());
    }
}
