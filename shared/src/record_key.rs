//! The key pair of a record, to whose public half its attributes are sealed.
//!
//! | version | key encapsulation (HPKE's KEM) | public key | encapsulated key |
//! |---|---|---|---|
//! | 2 | X-Wing: X25519 and ML-KEM-768 (draft-connolly-cfrg-xwing-kem, draft-ietf-hpke-pq) | 1216 bytes | 1120 bytes |
//! | 1 | DHKEM(X25519, HKDF-SHA256) (RFC 9180) | 32 bytes | 32 bytes |
//!
//! Version 2 holds as long as one of its two halves does: whoever keeps a copy of the table until X25519 can be broken
//! can't read it. With both go HKDF-SHA256 and AES-256-GCM, in base mode.
//!
//! New sessions are of version 2. Version 1 is here for the records that the release before made: an hour after this
//! release is deployed, there are none. Delete it in the release after the next, so that a municipality that skips one
//! loses no caller.

use hpke::aead::{AeadTag, AesGcm256};
use hpke::inout::InOutBuf;
use hpke::kdf::HkdfSha256;
use hpke::kem::{X25519HkdfSha256, XWing};
use hpke::{
    Deserializable, Kem, OpModeR, OpModeS, Serializable, single_shot_open_inout_detached, single_shot_seal_inout_detached,
};
use zeroize::Zeroizing;

use crate::derive::hkdf;
use crate::record_id::RecordId;
use crate::sealed::{CannotOpen, CannotSeal};

/// A version of sealing. Nothing of one can be used with another: each of its texts names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// X25519 alone.
    One,
    /// X25519 and ML-KEM-768.
    Two,
}

/// The key to which a record's attributes are sealed; stored in the record. Its length tells its version.
#[derive(Clone)]
pub enum PublicKey {
    /// Of version 1, 32 bytes.
    One(<X25519HkdfSha256 as Kem>::PublicKey),
    /// Of version 2, 1216 bytes.
    Two(Box<<XWing as Kem>::PublicKey>),
}

/// The bytes are no public key: not 32 or 1216, or a number among them is too large for ML-KEM (FIPS 203, section 7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidPublicKey;

/// The key that opens a record's attributes, and what follows from it; never stored. It can't be printed.
///
/// Dropped, the key is wiped: X25519's scalar, or X-Wing's seed, of which all else is made at each use and wiped after it.
/// What `hpke` and the crates below it hold meanwhile is not wiped everywhere: docs/architecture.md, "What is wiped from
/// memory".
pub struct KeyPair {
    private: PrivateKey,
    id: RecordId,
}

enum PrivateKey {
    One(<X25519HkdfSha256 as Kem>::PrivateKey),
    Two(Box<<XWing as Kem>::PrivateKey>),
}

impl Version {
    /// The versions of records that may be alive, in the order in which they are looked for.
    pub const ALL: [Self; 2] = [Self::Two, Self::One];

    /// The first byte of what is sealed.
    pub(crate) const fn byte(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }

    const fn info(self) -> &'static [u8] {
        match self {
            Self::One => b"idbellen/v1/attributes",
            Self::Two => b"idbellen/v2/attributes",
        }
    }

    const fn key_label(self) -> &'static [u8] {
        match self {
            Self::One => b"idbellen/v1/record key",
            Self::Two => b"idbellen/v2/record key",
        }
    }

    pub(crate) const fn id_label(self) -> &'static [u8] {
        match self {
            Self::One => b"idbellen/v1/record id",
            Self::Two => b"idbellen/v2/record id",
        }
    }
}

impl PublicKey {
    /// Its version.
    #[must_use]
    pub fn version(&self) -> Version {
        match self {
            Self::One(_) => Version::One,
            Self::Two(_) => Version::Two,
        }
    }

    /// The key's bytes, as they are stored.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::One(key) => key.to_bytes().to_vec(),
            Self::Two(key) => key.to_bytes().to_vec(),
        }
    }

    /// The key of these bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidPublicKey> {
        let invalid = |_| InvalidPublicKey;
        if bytes.len() == <X25519HkdfSha256 as Kem>::PublicKey::size() {
            Deserializable::from_bytes(bytes).map(Self::One).map_err(invalid)
        } else {
            Deserializable::from_bytes(bytes).map(|key| Self::Two(Box::new(key))).map_err(invalid)
        }
    }

    /// Seals `plain`, bound to `bound_to`. The answer is `encapsulated key ‖ ciphertext and tag`. Panics if the system
    /// gives no random numbers.
    pub(crate) fn seal(&self, plain: Zeroizing<Vec<u8>>, bound_to: &[u8]) -> Result<Vec<u8>, CannotSeal> {
        let info = self.version().info();
        match self {
            Self::One(key) => seal::<X25519HkdfSha256>(key, info, plain, bound_to),
            Self::Two(key) => seal::<XWing>(key, info, plain, bound_to),
        }
    }
}

impl KeyPair {
    /// `DeriveKeyPair(HKDF-SHA-256(secret, "idbellen/v2/record key"))`, or `v1` (RFC 9180, section 4.1;
    /// draft-ietf-hpke-pq, section "X-Wing").
    pub(crate) fn of_secret(secret: &[u8; 32], version: Version) -> Self {
        Self::derive(&*hkdf(secret, &[version.key_label()]), version)
    }

    fn derive(input: &[u8], version: Version) -> Self {
        let (private, public) = match version {
            Version::One => {
                let (private, public) = X25519HkdfSha256::derive_keypair(input);
                (PrivateKey::One(private), PublicKey::One(public))
            }
            Version::Two => {
                let (private, public) = XWing::derive_keypair(input);
                (PrivateKey::Two(Box::new(private)), PublicKey::Two(Box::new(public)))
            }
        };
        Self { private, id: RecordId::of(&public) }
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        match &self.private {
            PrivateKey::One(key) => PublicKey::One(X25519HkdfSha256::sk_to_pk(key)),
            PrivateKey::Two(key) => PublicKey::Two(Box::new(XWing::sk_to_pk(key))),
        }
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> Version {
        match self.private {
            PrivateKey::One(_) => Version::One,
            PrivateKey::Two(_) => Version::Two,
        }
    }

    /// The id of the record that it opens.
    #[must_use]
    pub fn record_id(&self) -> &RecordId {
        &self.id
    }

    /// Opens what [`PublicKey::seal`] sealed.
    pub(crate) fn open(&self, sealed: &[u8], bound_to: &[u8]) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
        let info = self.version().info();
        match &self.private {
            PrivateKey::One(key) => open::<X25519HkdfSha256>(key, info, sealed, bound_to),
            PrivateKey::Two(key) => open::<XWing>(key, info, sealed, bound_to),
        }
    }
}

// Both work in place, so that the plain text is nowhere but in our own buffer.

fn seal<K: Kem>(key: &K::PublicKey, info: &[u8], mut plain: Zeroizing<Vec<u8>>, bound_to: &[u8]) -> Result<Vec<u8>, CannotSeal> {
    let buffer = InOutBuf::from(plain.as_mut_slice());
    let sealed = single_shot_seal_inout_detached::<AesGcm256, HkdfSha256, K>(&OpModeS::Base, key, info, buffer, bound_to);
    let (encapsulated, tag) = sealed.map_err(|_| CannotSeal)?;
    Ok([encapsulated.to_bytes().as_slice(), &plain, &tag.to_bytes()].concat())
}

fn open<K: Kem>(key: &K::PrivateKey, info: &[u8], sealed: &[u8], bound_to: &[u8]) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
    let (encapsulated, ciphertext) = sealed.split_at_checked(K::EncappedKey::size()).ok_or(CannotOpen)?;
    let end = ciphertext.len().checked_sub(AeadTag::<AesGcm256>::size()).ok_or(CannotOpen)?;
    let (ciphertext, tag) = ciphertext.split_at(end);
    let encapsulated = K::EncappedKey::from_bytes(encapsulated).map_err(|_| CannotOpen)?;
    let tag = AeadTag::from_bytes(tag).map_err(|_| CannotOpen)?;
    let mut plain = Zeroizing::new(ciphertext.to_vec());
    let buffer = InOutBuf::from(plain.as_mut_slice());
    single_shot_open_inout_detached::<AesGcm256, HkdfSha256, K>(&OpModeR::Base, key, &encapsulated, info, buffer, bound_to, &tag)
        .map_err(|_| CannotOpen)?;
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest::{SHA256, digest};
    use serde::Deserialize;

    use super::*;
    use crate::derive::base64url;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    // RFC 9180's test vectors (the JSON file named in appendix A): mode 0, kem 0x0020, kdf 0x0001, aead 0x0002. Key
    // schedule and cipher of version 2 are these too.
    #[test]
    fn version_1_gives_the_test_vectors_of_rfc_9180() {
        let pair = KeyPair::derive(&hex("dac33b0e9db1b59dbbea58d59a14e7b5896e9bdf98fad6891e99d1686492b9ee"), Version::One);
        let PrivateKey::One(private) = &pair.private else { panic!("another version") };
        let expected = hex("497b4502664cfea5d5af0b39934dac72242a74f8480451e1aee7d6a53320333d");
        assert!(<X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(&expected).is_ok_and(|expected| expected == *private));
        let public = hex("430f4b9859665145a6b1ba274024487bd66f03a2dd577d7753c68d7d7d00c00c");
        assert_eq!(pair.public().to_bytes(), public);
        let encapsulated = hex("6c93e09869df3402d7bf231bf540fadd35cd56be14f97178f0954db94b7fc256");
        let ciphertext = hex("e5d84cd531cfb583096e7cfa9641bd3079cf3a91cda813c52deb5f512be9931980a41de125a925cdad859d5b7a");
        let info = hex("4f6465206f6e2061204772656369616e2055726e");
        let opened = open::<X25519HkdfSha256>(private, &info, &[encapsulated, ciphertext].concat(), b"Count-0");
        assert_eq!(opened.as_deref().map(Vec::as_slice), Ok(b"Beauty is truth, truth beauty".as_slice()));
    }

    #[derive(Deserialize)]
    struct Vectors {
        hpke: Hpke,
        xwing: Vec<XWingVector>,
    }

    /// `DeriveKeyPair` and `Decap` of HPKE's KEM 0x647a.
    #[derive(Deserialize)]
    struct Hpke {
        #[serde(rename = "ikmR")]
        ikm: String,
        #[serde(rename = "skRm")]
        private: String,
        #[serde(rename = "pkRm")]
        public: String,
        enc: String,
        shared_secret: String,
    }

    #[derive(Deserialize)]
    struct XWingVector {
        sk: String,
        pk: String,
        ct: String,
        ss: String,
    }

    // Of draft-ietf-hpke-pq (github.com/hpkewg/hpke-pq, test-vectors.json at commit 74dafaa6): mode 0, kem 0x647a, kdf
    // 0x0001. It has none with AES-256-GCM, so that it is held up to the shared secret, with which RFC 9180's key schedule
    // begins. And of draft-connolly-cfrg-xwing-kem (spec/test-vectors.json, as the crate x-wing 0.1.1 has it).
    #[test]
    fn version_2_gives_the_test_vectors_of_the_drafts() {
        let vectors: Vectors = serde_json::from_str(include_str!("record_key/vectors.json")).unwrap();
        let pair = KeyPair::derive(&hex(&vectors.hpke.ikm), Version::Two);
        let PrivateKey::Two(private) = &pair.private else { panic!("another version") };
        assert_eq!(private.to_bytes().as_slice(), hex(&vectors.hpke.private));
        assert_eq!(pair.public().to_bytes(), hex(&vectors.hpke.public));
        assert_eq!(shared_secret(&vectors.hpke.private, &vectors.hpke.enc), hex(&vectors.hpke.shared_secret));

        assert_eq!(vectors.xwing.len(), 3);
        for vector in vectors.xwing {
            let private = <XWing as Kem>::PrivateKey::from_bytes(&hex(&vector.sk)).unwrap();
            assert_eq!(XWing::sk_to_pk(&private).to_bytes().as_slice(), hex(&vector.pk));
            assert_eq!(shared_secret(&vector.sk, &vector.ct), hex(&vector.ss));
        }
    }

    fn shared_secret(private: &str, encapsulated: &str) -> Vec<u8> {
        let private = <XWing as Kem>::PrivateKey::from_bytes(&hex(private)).unwrap();
        let encapsulated = <XWing as Kem>::EncappedKey::from_bytes(&hex(encapsulated)).unwrap();
        XWing::decap(&private, None, &encapsulated).unwrap().0.to_vec()
    }

    // As docs/architecture.md has them. Whoever changes one loses the records that are alive.
    #[test]
    fn each_text_names_its_version() {
        for (version, name) in [(Version::One, "v1"), (Version::Two, "v2")] {
            let pair = KeyPair::of_secret(&[1; 32], version);
            let input = hkdf(&[1; 32], &[format!("idbellen/{name}/record key").as_bytes()]);
            assert_eq!(pair.id, KeyPair::derive(&*input, version).id);
            let hashed = [format!("idbellen/{name}/record id").as_bytes(), &pair.public().to_bytes()].concat();
            assert_eq!(pair.id.as_str(), base64url(digest(&SHA256, &hashed).as_ref()));
            assert_eq!(version.info(), format!("idbellen/{name}/attributes").as_bytes());
        }
    }

    // Prints the processor time of each, the median of 15 turns of 200 in microseconds: docs/performance.md, "Sealing".
    #[test]
    #[ignore = "a measurement"]
    #[expect(clippy::print_stdout, reason = "it is read by whoever asked for it")]
    fn what_sealing_costs() {
        // Nanoseconds on a processor (Linux, Documentation/scheduler/sched-stats.rst).
        let used = || -> u64 {
            let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
            statistics.split(' ').next().unwrap().parse().unwrap()
        };
        let time = |what: &str, version: Version, each: &dyn Fn()| {
            let turn = |_| {
                let before = used();
                (0..200).for_each(|_| each());
                (used() - before) / 200_000
            };
            let mut turns: Vec<u64> = (0..15).map(turn).collect();
            turns.sort_unstable();
            println!("{version:?}, {what}: {}", turns[7]);
        };
        for version in Version::ALL {
            let pair = KeyPair::of_secret(&[1; 32], version);
            let public = pair.public().to_bytes();
            let seal = || PublicKey::from_bytes(&public).unwrap().seal(Zeroizing::new(vec![7; 768]), b"x").unwrap();
            let sealed = seal();
            time("a key pair and its record id", version, &|| drop(KeyPair::of_secret(&[1; 32], version)));
            time("reading the public key, and sealing", version, &|| drop(seal()));
            time("opening", version, &|| drop(pair.open(&sealed, b"x").unwrap()));
        }
    }

    #[test]
    fn a_public_key_is_of_the_version_that_its_length_tells() {
        for version in Version::ALL {
            let public = KeyPair::of_secret(&[1; 32], version).public();
            let read = PublicKey::from_bytes(&public.to_bytes()).unwrap();
            assert_eq!((read.version(), read.to_bytes()), (version, public.to_bytes()));
        }
        for length in [0, 31, 33, 1184, 1215, 1217] {
            assert_eq!(PublicKey::from_bytes(&vec![0; length]).err(), Some(InvalidPublicKey), "{length}");
        }
        // Numbers above 3328 are none of ML-KEM.
        assert_eq!(PublicKey::from_bytes(&[0xff; 1216]).err(), Some(InvalidPublicKey));
    }
}
