//! Numbers in as few bytes as they need: LEB128, signed ones zigzag first.

/// Appends a number.
pub(crate) fn push(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// Appends a signed number.
pub(crate) fn push_signed(out: &mut Vec<u8>, number: i64) {
    push(out, (number.cast_unsigned() << 1) ^ (number >> 63).cast_unsigned());
}

/// Takes a number off the front; `None`: there is none, or it has more than 64 bits.
pub(crate) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let part = u64::from(byte & 0x7f);
        if shift == 63 && part > 1 {
            return None;
        }
        number |= part << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Takes a signed number off the front.
pub(crate) fn take_signed(bytes: &mut &[u8]) -> Option<i64> {
    let number = take(bytes)?;
    Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        for number in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            let (mut bytes, signed) = (Vec::new(), number.cast_signed());
            push(&mut bytes, number);
            push_signed(&mut bytes, signed);
            let mut rest = bytes.as_slice();
            assert_eq!((take(&mut rest), take_signed(&mut rest)), (Some(number), Some(signed)));
            assert!(rest.is_empty());
        }
    }

    #[test]
    fn what_is_cut_or_too_long_is_none() {
        for bad in [&b""[..], b"\x80", &[0xff; 9], &[0xff; 10]] {
            assert_eq!(take(&mut &bad[..]), None, "{bad:?}");
        }
    }
}
