//! The secret: the only key to a caller's attributes.

use std::str::FromStr;

use aws_lc_rs::agreement::{PrivateKey as AgreementKey, X25519};
use rand_core::TryCryptoRng;
use rustls::crypto::hpke::{HpkePrivateKey, HpkePublicKey};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::contact::Holder;
use crate::derive::{base64url, from_base64url, hkdf};
use crate::record_id::RecordId;

/// 32 random bytes. It carries no information, and opens one record: an X25519 key pair follows from it, and the
/// record's attributes are sealed to that pair's public key. It is stored nowhere but, sealed, with its code.
///
/// It can be neither printed nor compared; [`Secret::reveal`] writes it out for the two that must have it, telephony
/// and the agent portal.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Secret([u8; 32]);

/// The text is not 43 characters of base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidSecret;

/// The key to which a record's attributes are sealed; stored in the record.
#[derive(Clone)]
pub struct PublicKey([u8; 32]);

/// The bytes are not 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidPublicKey;

/// The key that opens a record's attributes; never stored.
pub struct PrivateKey(HpkePrivateKey);

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

    /// `DeriveKeyPair(HKDF-SHA-256(secret, "idbellen/v1/record key"))` (RFC 9180, section 4.1).
    #[must_use]
    pub fn key_pair(&self) -> (PrivateKey, PublicKey) {
        derive_key_pair(&*hkdf(&self.0, &[b"idbellen/v1/record key"]))
    }

    /// The id of the record that this secret opens.
    #[must_use]
    pub fn record_id(&self) -> RecordId {
        RecordId::of(&self.key_pair().1)
    }

    /// The mark that `holder` leaves on the record.
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

/// `DeriveKeyPair` of DHKEM(X25519, HKDF-SHA256) (RFC 9180, section 7.1.3).
#[expect(clippy::expect_used, reason = "any 32 bytes are a private key of X25519")]
pub(crate) fn derive_key_pair(input: &[u8]) -> (PrivateKey, PublicKey) {
    const HPKE: &[u8] = b"HPKE-v1KEM\x00\x20";
    let labelled = Zeroizing::new([HPKE, b"dkp_prk", input].concat());
    let private = hkdf(&labelled, &[&[0, 32], HPKE, b"sk"]);
    let key = AgreementKey::from_private_key(&X25519, private.as_ref()).ok();
    let public = key.and_then(|key| key.compute_public_key().ok()?.as_ref().try_into().ok()).expect("a public key has 32 bytes");
    (PrivateKey(HpkePrivateKey::from(private.to_vec())), PublicKey(public))
}

impl PublicKey {
    /// The key's 32 bytes, as they are stored.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0
    }

    /// The key of these bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidPublicKey> {
        bytes.try_into().map(Self).map_err(|_| InvalidPublicKey)
    }

    pub(crate) fn to_hpke(&self) -> HpkePublicKey {
        HpkePublicKey(self.0.to_vec())
    }
}

impl PrivateKey {
    pub(crate) fn as_hpke(&self) -> &HpkePrivateKey {
        &self.0
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
