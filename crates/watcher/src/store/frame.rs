//! The frame around each stored value.
//!
//! Layout, little-endian: version (1 byte, now 1), epoch (8), CRC-32 of version, epoch, key and payload (4), payload.

const VERSION: u8 = 1;
const HEADER: usize = 13;

/// Frames `payload`, saved under `key` in save number `epoch`.
pub(super) fn wrap(key: &[u8], epoch: u64, payload: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(HEADER + payload.len());
    framed.push(VERSION);
    framed.extend_from_slice(&epoch.to_le_bytes());
    framed.extend_from_slice(&checksum(key, epoch, payload).to_le_bytes());
    framed.extend_from_slice(payload);
    framed
}

/// The epoch and payload of a framed value; `None` if it is damaged or of another version.
pub(super) fn unwrap<'v>(key: &[u8], framed: &'v [u8]) -> Option<(u64, &'v [u8])> {
    let (version, rest) = framed.split_first()?;
    let (epoch, rest) = rest.split_first_chunk::<8>()?;
    let (sum, payload) = rest.split_first_chunk::<4>()?;
    let epoch = u64::from_le_bytes(*epoch);
    let good = *version == VERSION && u32::from_le_bytes(*sum) == checksum(key, epoch, payload);
    good.then_some((epoch, payload))
}

fn checksum(key: &[u8], epoch: u64, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[VERSION]);
    hasher.update(&epoch.to_le_bytes());
    hasher.update(key);
    hasher.update(payload);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_flipped_bit_is_seen() {
        let framed = wrap(b"key", 7, b"payload");
        assert_eq!(unwrap(b"key", &framed), Some((7, b"payload".as_slice())));
        assert_eq!(unwrap(b"other", &framed), None);
        for bit in 0..framed.len() * 8 {
            let mut damaged = framed.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(unwrap(b"key", &damaged), None, "bit {bit}");
        }
        for length in 0..framed.len() {
            assert_eq!(unwrap(b"key", &framed[..length]), None, "length {length}");
        }
    }
}
