//! The secret: the only key to a caller's attributes.

use std::str::FromStr;

use rand_core::TryCryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::contact::Holder;
use crate::derive::{base64url, from_base64url, hkdf};
use crate::record_id::RecordId;
use crate::record_key::{KeyPair, Version};

/// 32 random bytes. It carries no information, and opens one record: a key pair follows from it, and the record's
/// attributes are sealed to that pair's public key. It is stored nowhere but, sealed, with its code.
///
/// It can be neither printed nor compared; [`Secret::reveal`] writes it out for the two that must have it, telephony
/// and the agent portal.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Secret([u8; 32]);

/// The text is not 43 characters of base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidSecret;

/// What [`Secret::holder`] makes of who has the caller on screen: 32 bytes that tell nothing without the secret.
#[derive(Clone)]
pub struct HolderTag {
    tag: [u8; 32],
    is_contact: bool,
}

impl Secret {
    /// Draws a secret from `source`, in production the operating system (`getrandom::SysRng`).
    pub fn draw<R: TryCryptoRng>(source: &mut R) -> Result<Self, R::Error> {
        let mut secret = Self([0; 32]);
        source.try_fill_bytes(&mut secret.0)?;
        Ok(secret)
    }

    /// The secret of these bytes, as they come out of [`SealedSecret`](crate::sealed::SealedSecret).
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(*bytes)
    }

    /// The secret as text, for telephony and the portal.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(base64url(&self.0))
    }

    /// The bytes, to seal them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key pair of a new session's record.
    #[must_use]
    pub fn key_pair(&self) -> KeyPair {
        KeyPair::of_secret(&self.0, Version::Two)
    }

    /// The key pairs of all versions of a record that may be alive, in the order in which it is looked for.
    pub fn key_pairs(&self) -> impl Iterator<Item = KeyPair> {
        Version::ALL.into_iter().map(|version| KeyPair::of_secret(&self.0, version))
    }

    /// The id of a new session's record.
    #[must_use]
    pub fn record_id(&self) -> RecordId {
        self.key_pair().record_id().clone()
    }

    /// The tag that `holder` leaves on the record.
    #[must_use]
    pub fn holder(&self, holder: &Holder<'_>) -> HolderTag {
        let (kind, id): (&[u8], &str) = match holder {
            Holder::Contact(contact) => (b"contact ", contact.as_str()),
            Holder::Agent(subject) => (b"agent ", subject),
        };
        HolderTag {
            tag: *hkdf(&self.0, &[b"idbellen/v1/holder ", kind, id.as_bytes()]),
            is_contact: matches!(holder, Holder::Contact(_)),
        }
    }
}

impl FromStr for Secret {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        from_base64url(text).map(|bytes| Self(*bytes)).ok_or(InvalidSecret)
    }
}

impl HolderTag {
    /// The tag's bytes, as they are stored.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.tag
    }

    /// Whether it is of a contact, and not of an agent whose portal names none.
    #[must_use]
    pub fn is_contact(&self) -> bool {
        self.is_contact
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use getrandom::SysRng;
    use proptest::prelude::*;

    use super::*;
    use crate::contact::ContactId;

    proptest! {
        #[test]
        fn a_secret_reads_back_as_it_was_revealed(bytes: [u8; 32]) {
            let text = Secret::from_bytes(&bytes).reveal();
            prop_assert_eq!(text.len(), 43);
            prop_assert_eq!(text.parse::<Secret>().map(|secret| *secret.as_bytes()), Ok(bytes));
        }

        #[test]
        fn nothing_else_is_a_secret(text in "\\PC{0,60}|[A-Za-z0-9_-]{40,46}") {
            if let Ok(secret) = text.parse::<Secret>() {
                prop_assert_eq!(secret.reveal().to_string(), text);
            }
        }

        #[test]
        fn each_holder_leaves_its_own_mark(bytes: [u8; 32], other: [u8; 32], id in "[!-~]{1,40}") {
            prop_assume!(bytes != other);
            let (secret, other) = (Secret::from_bytes(&bytes), Secret::from_bytes(&other));
            let contact: ContactId = id.parse().unwrap();
            let marks: HashSet<[u8; 32]> = [
                secret.holder(&Holder::Contact(&contact)),
                secret.holder(&Holder::Agent(&id)),
                other.holder(&Holder::Contact(&contact)),
                other.holder(&Holder::Agent(&id)),
            ].iter().map(|tag| *tag.as_bytes()).collect();
            prop_assert_eq!(marks.len(), 4);
        }
    }

    #[test]
    fn secrets_of_the_operating_system_are_uniform_and_never_twice_the_same() {
        const DRAWS: u32 = 20_000;
        let mut ones = [0_u32; 256];
        let mut seen = HashSet::new();
        for _ in 0..DRAWS {
            let secret = Secret::draw(&mut SysRng).unwrap();
            for (bit, count) in ones.iter_mut().enumerate() {
                *count += u32::from(secret.0[bit / 8] >> (bit % 8) & 1);
            }
            assert!(seen.insert(secret.0));
        }
        // Each bit is a fair coin: seven standard deviations is once in 10^11.
        let half = f64::from(DRAWS) / 2.0;
        let limit = 7.0 * (f64::from(DRAWS) / 4.0).sqrt();
        for (bit, &count) in ones.iter().enumerate() {
            assert!((f64::from(count) - half).abs() < limit, "bit {bit} is set {count} times of {DRAWS}");
        }
    }
}
