//! What is stored sealed: the attributes, for whoever has the secret; and the secret, for whoever has the code and
//! may use the code key.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use getrandom::SysRng;
use rand_core::TryRng;
use zeroize::Zeroizing;

use crate::code_key::CodeId;
use crate::record_id::RecordId;
use crate::record_key::{KeyPair, PublicKey};
use crate::secret::Secret;

/// Of a sealed secret.
const VERSION: u8 = 1;
const BLOCK: usize = 256;
const LENGTH: usize = size_of::<u32>();

/// Attributes, sealed to a record's public key by HPKE in base mode (RFC 9180; the suites stand in
/// [`record_key`](crate::record_key)) and bound to the record and its purpose.
///
/// Only the secret opens them. It is not promised that they come from the IRMA server: whoever has the public key and
/// may write the record can seal others in their place.
///
/// Bytes: `version ‖ encapsulated key (version 2: 1120, version 1: 32) ‖ ciphertext and tag`; what is sealed is `length
/// (4, big endian) ‖ JSON ‖ zeros` up to a multiple of 256 bytes, so that the size of an item tells little about what was
/// disclosed.
pub struct SealedAttributes(Vec<u8>);

/// A secret, sealed with AES-256-GCM under a key that follows from its code, and bound to the code's id.
///
/// Whoever has the code key's `GenerateMac` can open it by guessing codes, one logged KMS call a guess.
///
/// Bytes: `1 ‖ nonce (12) ‖ ciphertext and tag (48)`.
pub struct SealedSecret(Vec<u8>);

/// What is stored is damaged, sealed for another, or moved from another place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CannotOpen;

/// The attributes are larger than a length can say, or the cipher refused them, or the public key is of small order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CannotSeal;

impl SealedAttributes {
    /// Seals `json` for the record of `key`.
    ///
    /// X25519 alone refuses a public key of small order, with which both sides would agree on zeros. X-Wing does not ask
    /// (its draft leaves that open), and need not: its other half is as strong as before.
    pub fn seal(json: &[u8], key: &PublicKey, purpose: &str) -> Result<Self, CannotSeal> {
        let length = u32::try_from(json.len()).map_err(|_| CannotSeal)?;
        let mut padded = Zeroizing::new(Vec::with_capacity((LENGTH + json.len()).next_multiple_of(BLOCK)));
        padded.extend(length.to_be_bytes());
        padded.extend(json);
        let whole = padded.len().next_multiple_of(BLOCK);
        padded.resize(whole, 0);
        let sealed = key.seal(padded, &bound_to(&RecordId::of(key), purpose))?;
        Ok(Self([&[key.version().byte()], sealed.as_slice()].concat()))
    }

    /// Opens them with the keys that the secret gives, of the same version. The answer is the JSON that was sealed.
    pub fn open(&self, keys: &KeyPair, purpose: &str) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
        let (&version, sealed) = self.0.split_first().ok_or(CannotOpen)?;
        if version != keys.version().byte() {
            return Err(CannotOpen);
        }
        let mut padded = keys.open(sealed, &bound_to(keys.record_id(), purpose))?;
        let length = padded.first_chunk().map(|&bytes| u32::from_be_bytes(bytes)).ok_or(CannotOpen)?;
        let end = usize::try_from(length).ok().and_then(|length| length.checked_add(LENGTH)).ok_or(CannotOpen)?;
        if end > padded.len() {
            return Err(CannotOpen);
        }
        padded.truncate(end);
        padded.drain(..LENGTH);
        Ok(padded)
    }

    /// The bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes that were stored.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

// A record id is always 43 characters, so that the two can't be read in another way.
fn bound_to(id: &RecordId, purpose: &str) -> Vec<u8> {
    [id.as_str(), purpose].concat().into_bytes()
}

impl SealedSecret {
    pub(crate) fn seal(secret: &Secret, key: &[u8; 32], code: &CodeId) -> Result<Self, CannotSeal> {
        let mut nonce = [0; NONCE_LEN];
        SysRng.try_fill_bytes(&mut nonce).map_err(|_| CannotSeal)?;
        let mut sealed = Zeroizing::new(secret.as_bytes().to_vec());
        aes_key(key)
            .and_then(|key| {
                key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(code.as_str()), &mut *sealed).ok()
            })
            .ok_or(CannotSeal)?;
        Ok(Self([&[VERSION], nonce.as_slice(), &sealed].concat()))
    }

    pub(crate) fn open(&self, key: &[u8; 32], code: &CodeId) -> Result<Secret, CannotOpen> {
        let (&version, rest) = self.0.split_first().ok_or(CannotOpen)?;
        let (&nonce, ciphertext) = rest.split_first_chunk::<NONCE_LEN>().ok_or(CannotOpen)?;
        if version != VERSION {
            return Err(CannotOpen);
        }
        let mut ciphertext = Zeroizing::new(ciphertext.to_vec());
        let secret = aes_key(key)
            .ok_or(CannotOpen)?
            .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(code.as_str()), &mut ciphertext)
            .map_err(|_| CannotOpen)?;
        <&[u8; 32]>::try_from(&*secret).map(Secret::from_bytes).map_err(|_| CannotOpen)
    }

    /// The bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes that were stored.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

fn aes_key(key: &[u8; 32]) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, key).ok().map(LessSafeKey::new)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::code::Code;
    use crate::code_key::CodeLock;
    use crate::record_key::Version;

    fn keys(secret: [u8; 32], version: Version) -> KeyPair {
        KeyPair::of_secret(&secret, version)
    }

    fn sealed(json: &[u8], keys: &KeyPair) -> SealedAttributes {
        SealedAttributes::seal(json, &keys.public(), "passport").unwrap()
    }

    fn versions() -> impl Strategy<Value = Version> {
        prop_oneof![Just(Version::One), Just(Version::Two)]
    }

    fn lock(mac: [u8; 32]) -> CodeLock {
        CodeLock::from_mac(&mac)
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_with_its_secret_only(
            version in versions(),
            secret: [u8; 32],
            other: [u8; 32],
            json in proptest::collection::vec(any::<u8>(), 0..1500),
        ) {
            prop_assume!(secret != other);
            let right = keys(secret, version);
            let sealed = sealed(&json, &right);
            prop_assert_eq!(sealed.open(&right, "passport").map(|bytes| bytes.to_vec()), Ok(json));
            prop_assert!(sealed.open(&right, "parking").is_err());
            for version in Version::ALL {
                prop_assert!(sealed.open(&keys(other, version), "passport").is_err());
            }
        }

        // Nor does it when its first byte says that it is of the other.
        #[test]
        fn what_is_sealed_in_one_version_does_not_open_in_the_other(version in versions(), secret: [u8; 32]) {
            let other = Version::ALL.into_iter().find(|other| *other != version).map(|other| keys(secret, other)).unwrap();
            let mut sealed = sealed(b"[]", &keys(secret, version));
            prop_assert!(sealed.open(&other, "passport").is_err());
            sealed.0[0] = other.version().byte();
            prop_assert!(sealed.open(&other, "passport").is_err() && sealed.open(&keys(secret, version), "passport").is_err());
        }

        #[test]
        fn the_size_tells_no_more_than_a_multiple_of_256(length in 0_usize..3000) {
            for (version, encapsulated) in [(Version::One, 32), (Version::Two, 1120)] {
                let sealed = sealed(&vec![b'x'; length], &keys([7; 32], version));
                prop_assert_eq!(sealed.as_bytes().len(), 1 + encapsulated + (4 + length).next_multiple_of(256) + 16);
            }
        }

        #[test]
        fn a_changed_byte_is_noticed(version in versions(), at in any::<prop::sample::Index>(), change in 1_u8..) {
            let pair = keys([9; 32], version);
            let mut attributes = sealed(b"[]", &pair).0;
            let place = at.index(attributes.len());
            attributes[place] ^= change;
            // X25519 ignores the top bit of the encapsulated key (RFC 7748, section 5); HPKE and X-Wing bind it all the same.
            prop_assert!(SealedAttributes::from_bytes(attributes).open(&pair, "passport").is_err());
            let mut stored = lock([3; 32]).seal(&Secret::from_bytes(&[9; 32])).unwrap().0;
            let place = at.index(stored.len());
            stored[place] ^= change;
            prop_assert!(lock([3; 32]).open(&SealedSecret::from_bytes(stored)).is_err());
        }

        #[test]
        fn a_sealed_secret_opens_with_its_code_only(mac: [u8; 32], other: [u8; 32], secret: [u8; 32]) {
            prop_assume!(mac != other);
            let sealed = lock(mac).seal(&Secret::from_bytes(&secret)).unwrap();
            prop_assert_eq!(lock(mac).open(&sealed).map(|opened| *opened.as_bytes()), Ok(secret));
            prop_assert!(lock(other).open(&sealed).is_err());
        }

        // Even under the same key, a secret that was copied to another code's item does not open there.
        #[test]
        fn a_sealed_secret_cannot_stand_in_for_another(key: [u8; 32], secret: [u8; 32], one: [u8; 32], two: [u8; 32]) {
            prop_assume!(one != two);
            let (one, two) = (lock(one), lock(two));
            let sealed = SealedSecret::seal(&Secret::from_bytes(&secret), &key, one.id()).unwrap();
            prop_assert!(sealed.open(&key, one.id()).is_ok());
            prop_assert!(sealed.open(&key, two.id()).is_err());
        }

        #[test]
        fn no_id_can_stand_in_for_another(mac: [u8; 32], secret: [u8; 32], digits in "[0-9]{10}") {
            let (lock, secret) = (lock(mac), Secret::from_bytes(&secret));
            let mut names = vec![lock.id().as_str().to_owned(), secret.reveal().to_string(), digits.clone()];
            for keys in secret.key_pairs() {
                names.extend([keys.record_id().to_string(), crate::derive::base64url(&keys.public().to_bytes())]);
            }
            for (at, name) in names.iter().enumerate() {
                prop_assert!(!names[at + 1..].contains(name));
            }
            prop_assert!(digits.parse::<Code>().is_ok() && digits.parse::<RecordId>().is_err() && digits.parse::<Secret>().is_err());
        }
    }

    #[test]
    fn the_same_is_never_sealed_alike() {
        for (version, encapsulated) in [(Version::One, 32), (Version::Two, 1120)] {
            let keys = keys([1; 32], version);
            let [one, two] = [(), ()].map(|()| sealed(b"[]", &keys));
            assert_ne!(one.as_bytes()[1..=encapsulated], two.as_bytes()[1..=encapsulated]);
            // X-Wing has two of them: ML-KEM's, and X25519's in the last 32 bytes.
            assert_ne!(one.as_bytes()[encapsulated - 31..=encapsulated], two.as_bytes()[encapsulated - 31..=encapsulated]);
        }
    }

    // With a point of small order both sides would agree on zeros, whatever their keys.
    #[test]
    fn a_key_of_zeros_is_refused() {
        assert!(SealedAttributes::seal(b"[]", &PublicKey::from_bytes(&[0; 32]).unwrap(), "p").is_err());
        for (version, encapsulated) in [(Version::One, 32), (Version::Two, 1120)] {
            let keys = keys([1; 32], version);
            let mut sealed = sealed(b"[]", &keys).0;
            sealed[1..=encapsulated].fill(0);
            assert!(SealedAttributes::from_bytes(sealed).open(&keys, "passport").is_err());
        }
    }

    #[test]
    fn nothing_shorter_than_a_seal_opens() {
        for version in Version::ALL {
            let keys = keys([1; 32], version);
            for length in (0..80).chain(1100..1160) {
                let sealed = SealedAttributes::from_bytes(vec![version.byte(); length]);
                assert!(sealed.open(&keys, "p").is_err(), "{length}");
            }
        }
        for length in 0..80 {
            assert!(lock([3; 32]).open(&SealedSecret::from_bytes(vec![VERSION; length])).is_err());
        }
    }
}
