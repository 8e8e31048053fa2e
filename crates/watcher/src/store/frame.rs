//! The frame around each stored value.
//!
//! Layout, little-endian: version (1 byte, now 1), epoch (8), CRC-32 of version, epoch, key and payload (4), payload.

const VERSION: u8 = 1;
const HEADER: usize = 13;

/// Why a value can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bad {
    /// Its checksum is wrong.
    Damaged,
    /// It is whole, and of a later version of this program.
    Later(u8),
}

/// Frames `payload`, saved under `key` in save number `epoch`.
pub(super) fn wrap(key: &[u8], epoch: u64, payload: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(HEADER + payload.len());
    framed.push(VERSION);
    framed.extend_from_slice(&epoch.to_le_bytes());
    framed.extend_from_slice(&checksum(VERSION, key, epoch, payload).to_le_bytes());
    framed.extend_from_slice(payload);
    framed
}

/// The epoch and payload of a framed value.
pub(super) fn unwrap<'v>(key: &[u8], framed: &'v [u8]) -> Result<(u64, &'v [u8]), Bad> {
    let (version, epoch, sum, payload) = split(framed).ok_or(Bad::Damaged)?;
    if sum != checksum(version, key, epoch, payload) {
        return Err(Bad::Damaged);
    }
    if version == VERSION { Ok((epoch, payload)) } else { Err(Bad::Later(version)) }
}

fn split(framed: &[u8]) -> Option<(u8, u64, u32, &[u8])> {
    let (version, rest) = framed.split_first()?;
    let (epoch, rest) = rest.split_first_chunk::<8>()?;
    let (sum, payload) = rest.split_first_chunk::<4>()?;
    Some((*version, u64::from_le_bytes(*epoch), u32::from_le_bytes(*sum), payload))
}

fn checksum(version: u8, key: &[u8], epoch: u64, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[version]);
    hasher.update(&epoch.to_le_bytes());
    hasher.update(key);
    hasher.update(payload);
    hasher.finalize()
}

/// As a later version would write it.
#[cfg(test)]
pub(super) fn of_version(version: u8, key: &[u8], epoch: u64, payload: &[u8]) -> Vec<u8> {
    let mut framed = wrap(key, epoch, payload);
    framed[0] = version;
    framed[9..HEADER].copy_from_slice(&checksum(version, key, epoch, payload).to_le_bytes());
    framed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_flipped_bit_is_seen() {
        let framed = wrap(b"key", 7, b"payload");
        assert_eq!(unwrap(b"key", &framed), Ok((7, b"payload".as_slice())));
        assert_eq!(unwrap(b"other", &framed), Err(Bad::Damaged));
        for bit in 0..framed.len() * 8 {
            let mut damaged = framed.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(unwrap(b"key", &damaged), Err(Bad::Damaged), "bit {bit}");
        }
        for length in 0..framed.len() {
            assert_eq!(unwrap(b"key", &framed[..length]), Err(Bad::Damaged), "length {length}");
        }
    }

    #[test]
    fn a_later_version_is_told_from_damage() {
        assert_eq!(unwrap(b"key", &of_version(9, b"key", 7, b"payload")), Err(Bad::Later(9)));
    }
}
