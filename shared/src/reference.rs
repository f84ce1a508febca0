//! The reference that an employee notes in a case file: the first 60 bits of a record id. The audit trail holds the whole id.

use std::fmt;
use std::str::FromStr;

/// `XXXX-XXXX-XXXX` in Crockford's base32; read with or without hyphens and spaces, in either case, with I and L for 1 and O
/// for 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference(u64);

/// The text is no reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidReference;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl Reference {
    /// The reference of the record whose id is these 32 bytes.
    #[must_use]
    pub fn of(id: &[u8; 32]) -> Self {
        let first = id.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        Self(first >> 4)
    }

    /// Whether it is the reference of this record.
    #[must_use]
    pub fn matches(self, id: &[u8; 32]) -> bool {
        Self::of(id) == self
    }
}

impl FromStr for Reference {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let (mut bits, mut digits) = (0, 0);
        for one in text.bytes().filter(|one| !b"- ".contains(one)) {
            let one = match one.to_ascii_uppercase() {
                b'I' | b'L' => b'1',
                b'O' => b'0',
                one => one,
            };
            let digit = ALPHABET.iter().position(|digit| *digit == one).ok_or(InvalidReference)?;
            bits = bits << 5 | digit as u64;
            digits += 1;
            if digits > 12 {
                return Err(InvalidReference);
            }
        }
        if digits == 12 { Ok(Self(bits)) } else { Err(InvalidReference) }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for group in 0..12 {
            if group > 0 && group % 4 == 0 {
                formatter.write_str("-")?;
            }
            let digit = usize::try_from(self.0 >> (55 - 5 * group) & 31).unwrap_or_default();
            write!(formatter, "{}", char::from(ALPHABET[digit]))?;
        }
        Ok(())
    }
}

impl fmt::Display for InvalidReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a reference is twelve digits and letters, as XXXX-XXXX-XXXX")
    }
}

impl std::error::Error for InvalidReference {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_first_sixty_bits() {
        assert_eq!(Reference::of(&[0xff; 32]).to_string(), "ZZZZ-ZZZZ-ZZZZ");
        assert_eq!(Reference::of(&[0; 32]).to_string(), "0000-0000-0000");
        let mut last = [0; 32];
        last[7] = 0x10;
        assert_eq!(Reference::of(&last).to_string(), "0000-0000-0001");
        last[7] = 0x0f;
        assert_eq!(Reference::of(&last).to_string(), "0000-0000-0000");
    }

    #[test]
    fn it_is_read_as_it_is_written() {
        for number in 0..=255_u8 {
            let mut id = [0; 32];
            for (byte, place) in id.iter_mut().zip(0..) {
                *byte = number.wrapping_mul(31).wrapping_add(place * 7);
            }
            let (reference, shown) = (Reference::of(&id), Reference::of(&id).to_string());
            assert_eq!(shown.parse(), Ok(reference));
            assert_eq!(shown.replace('-', "").to_lowercase().parse(), Ok(reference));
            assert!(reference.matches(&id));
            id[7] ^= 0x10;
            assert!(!reference.matches(&id));
        }
    }

    #[test]
    fn nothing_else_is_a_reference() {
        for text in ["", "0000-0000-000", "0000-0000-0000-0", "UUUU-UUUU-UUUU", "é000-0000-0000"] {
            assert_eq!(text.parse::<Reference>(), Err(InvalidReference), "{text}");
        }
        assert_eq!("OIL0-0000-0000".parse::<Reference>(), "0110-0000-0000".parse());
    }
}
