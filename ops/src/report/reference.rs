//! The reference that an employee notes in a case file: the first 60 bits of a record id (`shared::record_id`).

use std::fmt;
use std::str::FromStr;

use super::facts::Id;

/// `XXXX-XXXX-XXXX` in Crockford's base32; read with or without hyphens and spaces, in either case, with I and L for 1 and O
/// for 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference(u64);

/// The text is no reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidReference;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl Reference {
    /// The reference of the record with this id.
    pub fn of(id: &Id) -> Self {
        let first = id.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        Self(first >> 4)
    }

    /// Whether it is the reference of this record.
    pub fn matches(self, id: &Id) -> bool {
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
    use shared::record_id::RecordId;

    use super::*;
    use crate::report::facts::{id_of, id_text};

    #[test]
    fn it_is_the_reference_that_the_agent_was_shown() {
        for number in 0..=255_u8 {
            let mut id: Id = [0; 32];
            for (byte, place) in id.iter_mut().zip(0..) {
                *byte = number.wrapping_mul(31).wrapping_add(place * 7);
            }
            let shown = id_text(&id).parse::<RecordId>().unwrap().reference();
            assert_eq!(Reference::of(&id).to_string(), shown);
            assert_eq!(shown.parse(), Ok(Reference::of(&id)));
            assert_eq!(shown.replace('-', "").to_lowercase().parse(), Ok(Reference::of(&id)));
            assert_eq!(id_of(&id_text(&id)), Some(id));
            id[7] ^= 0x10;
            assert!(!Reference::of(&id).to_string().eq(&shown));
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
