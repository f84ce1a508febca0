//! What is stored sealed: the attributes, for whoever has the secret; and the secret, for whoever has the code and
//! may use the code key.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use getrandom::SysRng;
use rand_core::TryRng;
use rustls::crypto::aws_lc_rs::hpke::DH_KEM_X25519_HKDF_SHA256_AES_256 as SUITE;
use rustls::crypto::hpke::{EncapsulatedSecret, Hpke as _, HpkePrivateKey};
use zeroize::Zeroizing;

use crate::code_key::CodeId;
use crate::record_id::RecordId;
use crate::secret::{PrivateKey, PublicKey, Secret};

const INFO: &[u8] = b"idbellen/v1/attributes";
const VERSION: u8 = 1;
const BLOCK: usize = 256;
const LENGTH: usize = size_of::<u32>();
const ENCAPSULATED_KEY: usize = 32;

/// Attributes, sealed to a record's public key by HPKE in base mode (RFC 9180: DHKEM(X25519, HKDF-SHA256),
/// HKDF-SHA256, AES-256-GCM) and bound to the record and its purpose.
///
/// Only the secret opens them. It is not promised that they come from the IRMA server: whoever has the public key and
/// may write the record can seal others in their place.
///
/// Bytes: `1 ‖ encapsulated key (32) ‖ ciphertext`; what is sealed is `length (4, big endian) ‖ JSON ‖ zeros` up to a
/// multiple of 256 bytes, so that the size of an item tells little about what was disclosed.
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

/// The attributes are larger than a length can say, or the cipher refused them or the public key, which is of small order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CannotSeal;

impl SealedAttributes {
    /// Seals `json` for the record of `key`. Its randomness is AWS-LC's own, which ends the process should the system's fail.
    pub fn seal(json: &[u8], key: &PublicKey, purpose: &str) -> Result<Self, CannotSeal> {
        let length = u32::try_from(json.len()).map_err(|_| CannotSeal)?;
        let mut padded = Zeroizing::new(Vec::with_capacity((LENGTH + json.len()).next_multiple_of(BLOCK)));
        padded.extend(length.to_be_bytes());
        padded.extend(json);
        let whole = padded.len().next_multiple_of(BLOCK);
        padded.resize(whole, 0);
        let bound_to = bound_to(&RecordId::of(key), purpose);
        let sealed = SUITE.seal(INFO, &bound_to, &padded, &key.to_hpke());
        let (EncapsulatedSecret(encapsulated), ciphertext) = sealed.map_err(|_| CannotSeal)?;
        Ok(Self([&[VERSION], encapsulated.as_slice(), &ciphertext].concat()))
    }

    /// Opens them with the key that the secret gives. The answer is the JSON that was sealed.
    pub fn open(&self, (private, public): &(PrivateKey, PublicKey), purpose: &str) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
        let (&version, rest) = self.0.split_first().ok_or(CannotOpen)?;
        let (encapsulated, ciphertext) = rest.split_at_checked(ENCAPSULATED_KEY).ok_or(CannotOpen)?;
        if version != VERSION {
            return Err(CannotOpen);
        }
        let bound_to = bound_to(&RecordId::of(public), purpose);
        let mut padded = open_hpke(private.as_hpke(), encapsulated, INFO, &bound_to, ciphertext)?;
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

fn open_hpke(
    key: &HpkePrivateKey,
    encapsulated: &[u8],
    info: &[u8],
    bound_to: &[u8],
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
    let opened = SUITE.open(&EncapsulatedSecret(encapsulated.to_vec()), info, bound_to, ciphertext, key);
    opened.map(Zeroizing::new).map_err(|_| CannotOpen)
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
    use crate::secret::derive_key_pair;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap_or_default()).collect()
    }

    // RFC 9180's test vectors (the JSON file named in appendix A): mode 0, kem 0x0020, kdf 0x0001, aead 0x0002.
    #[test]
    fn the_suite_gives_the_test_vectors_of_rfc_9180() {
        let info = hex("4f6465206f6e2061204772656369616e2055726e");
        let (private, public) = derive_key_pair(&hex("dac33b0e9db1b59dbbea58d59a14e7b5896e9bdf98fad6891e99d1686492b9ee"));
        let expected = hex("497b4502664cfea5d5af0b39934dac72242a74f8480451e1aee7d6a53320333d");
        assert_eq!(private.as_hpke().secret_bytes(), expected);
        assert_eq!(public.to_bytes().as_slice(), hex("430f4b9859665145a6b1ba274024487bd66f03a2dd577d7753c68d7d7d00c00c"));
        let opened = open_hpke(
            private.as_hpke(),
            &hex("6c93e09869df3402d7bf231bf540fadd35cd56be14f97178f0954db94b7fc256"),
            &info,
            b"Count-0",
            &hex("e5d84cd531cfb583096e7cfa9641bd3079cf3a91cda813c52deb5f512be9931980a41de125a925cdad859d5b7a"),
        );
        assert_eq!(opened.as_ref().map(|bytes| bytes.as_slice()), Ok(b"Beauty is truth, truth beauty".as_slice()));
    }

    fn lock(mac: [u8; 32]) -> CodeLock {
        CodeLock::from_mac(&mac)
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_with_its_secret_only(secret: [u8; 32], other: [u8; 32], json in proptest::collection::vec(any::<u8>(), 0..1500)) {
            prop_assume!(secret != other);
            let (right, wrong) = (Secret::from_bytes(&secret), Secret::from_bytes(&other));
            let sealed = SealedAttributes::seal(&json, &right.key_pair().1, "passport").unwrap();
            let opened = sealed.open(&right.key_pair(), "passport").map(|bytes| bytes.to_vec());
            prop_assert_eq!(opened, Ok(json));
            prop_assert!(sealed.open(&wrong.key_pair(), "passport").is_err());
            prop_assert!(sealed.open(&right.key_pair(), "parking").is_err());
        }

        #[test]
        fn the_size_tells_no_more_than_a_multiple_of_256(length in 0_usize..3000) {
            let sealed = SealedAttributes::seal(&vec![b'x'; length], &Secret::from_bytes(&[7; 32]).key_pair().1, "p").unwrap();
            prop_assert_eq!(sealed.as_bytes().len(), 1 + 32 + (4 + length).next_multiple_of(256) + 16);
        }

        #[test]
        fn a_changed_byte_is_noticed(at in any::<prop::sample::Index>(), change in 1_u8..) {
            let secret = Secret::from_bytes(&[9; 32]);
            let mut attributes = SealedAttributes::seal(b"[]", &secret.key_pair().1, "p").unwrap().0;
            let place = at.index(attributes.len());
            attributes[place] ^= change;
            // X25519 ignores the top bit of the encapsulated key (RFC 7748, section 5); HPKE binds it all the same.
            prop_assert!(SealedAttributes::from_bytes(attributes).open(&secret.key_pair(), "p").is_err());
            let mut stored = lock([3; 32]).seal(&secret).unwrap().0;
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
            let (private, public) = secret.key_pair();
            let names = [
                lock.id().as_str().to_owned(),
                secret.record_id().as_str().to_owned(),
                secret.reveal().to_string(),
                crate::derive::base64url(private.as_hpke().secret_bytes()),
                crate::derive::base64url(&public.to_bytes()),
                digits.clone(),
            ];
            for (at, name) in names.iter().enumerate() {
                prop_assert!(!names[at + 1..].contains(name));
            }
            prop_assert!(digits.parse::<Code>().is_ok() && digits.parse::<RecordId>().is_err() && digits.parse::<Secret>().is_err());
        }
    }

    #[test]
    fn the_same_is_never_sealed_alike() {
        let public = Secret::from_bytes(&[1; 32]).key_pair().1;
        let [one, two] = [(), ()].map(|()| SealedAttributes::seal(b"[]", &public, "p").unwrap());
        assert_ne!(one.as_bytes()[1..=ENCAPSULATED_KEY], two.as_bytes()[1..=ENCAPSULATED_KEY]);
    }

    // With a point of small order both sides would agree on zeros, whatever their keys.
    #[test]
    fn a_key_of_zeros_is_refused() {
        assert!(SealedAttributes::seal(b"[]", &PublicKey::from_bytes(&[0; 32]).unwrap(), "p").is_err());
        let secret = Secret::from_bytes(&[1; 32]);
        let mut sealed = SealedAttributes::seal(b"[]", &secret.key_pair().1, "p").unwrap().0;
        sealed[1..=ENCAPSULATED_KEY].fill(0);
        assert!(SealedAttributes::from_bytes(sealed).open(&secret.key_pair(), "p").is_err());
    }

    #[test]
    fn nothing_shorter_than_a_seal_opens() {
        let secret = Secret::from_bytes(&[1; 32]);
        for length in 0..80 {
            assert!(SealedAttributes::from_bytes(vec![VERSION; length]).open(&secret.key_pair(), "p").is_err());
            assert!(lock([3; 32]).open(&SealedSecret::from_bytes(vec![VERSION; length])).is_err());
        }
    }
}
