//! Session results, as the IRMA server signs them (`GET /session/{token}/result-jwt`).

use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::asked::Asked;
use crate::clock::UnixSeconds;
use crate::config::CannotStart;
use crate::irma::SessionToken;
use crate::purpose::{Format, Text};
use crate::record_key::PublicKey;
use crate::sealed::{CannotSeal, SealedAttributes};

/// Checks results: signed by the IRMA server's key with RS256 and nothing else, by the issuer we know, and fresh.
pub struct ResultVerifier {
    key: DecodingKey,
    validation: Validation,
}

/// What a result says.
pub enum SessionResult {
    /// The citizen disclosed these, and the proofs are valid.
    Disclosed(DisclosedAttributes),
    /// The citizen refused, did not answer in time, or disclosed what is not valid.
    Declined,
    /// No wallet has opened the session yet.
    NotOpened,
    /// The session goes on.
    NotFinal,
}

/// What a citizen disclosed. It can be sealed, and nothing else.
pub struct DisclosedAttributes(Vec<Attribute>);

/// What of it was taken in, and how many attributes were not, because the session had not asked them.
pub struct TakenIn {
    /// What had been asked; nothing if nothing of it was disclosed, though the IRMA server may take that for a valid answer.
    pub attributes: Option<SealedAttributes>,
    /// The number of the others.
    pub dropped: usize,
}

/// Which part of a result is not right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untrusted {
    /// It is not signed by the IRMA server's key, as we know it, or under its name.
    Signature,
    /// It has expired, or is of another time than the session.
    Time,
    /// It is signed, and another session's.
    Session,
    /// It is signed, and not of a disclosure.
    Kind,
    /// It is signed, and has not the claims of a result.
    Shape,
}

impl Untrusted {
    /// Whether the same session can have no other result: what is not, is wrong with all results, until key, issuer or clock
    /// are right.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Session | Self::Kind | Self::Shape)
    }
}

impl From<Error> for Untrusted {
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::InvalidSubject => Self::Kind,
            ErrorKind::MissingRequiredClaim(claim) if claim == "sub" => Self::Kind,
            ErrorKind::ExpiredSignature => Self::Time,
            ErrorKind::MissingRequiredClaim(claim) if claim == "exp" => Self::Time,
            _ => Self::Signature,
        }
    }
}

#[derive(Deserialize)]
struct Claims {
    iat: UnixSeconds,
    token: Zeroizing<String>,
    #[serde(rename = "type")]
    kind: String,
    status: String,
    #[serde(rename = "proofStatus")]
    proof_status: Option<String>,
    #[serde(default)]
    disclosed: Vec<Vec<Attribute>>,
}

#[derive(Deserialize)]
struct Attribute {
    id: String,
    #[serde(rename = "rawvalue")]
    value: Option<Zeroizing<String>>,
    status: AttributeStatus,
    #[serde(rename = "issuancetime")]
    issued_at: UnixSeconds,
}

/// What the IRMA server says of one attribute (irmago v1.3.0, `irma/verify.go`). A result can be `VALID` with attributes that
/// the wallet added of its own.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
enum AttributeStatus {
    /// It was asked, and disclosed.
    Present,
    /// It was asked, and the citizen has no value for it.
    Null,
    /// The wallet added it.
    Extra,
    /// A word of a later version.
    #[serde(other)]
    Other,
}

impl ResultVerifier {
    /// How far the clocks of the municipality's IRMA server and of Lambda may differ, in seconds.
    const LEEWAY: i64 = 120;

    /// A verifier of what `issuer` signs with the private half of `public_key` (PEM).
    pub fn new(public_key: &str, issuer: &str) -> Result<Self, CannotStart> {
        let key = DecodingKey::from_rsa_pem(public_key.as_bytes())
            .map_err(|_| CannotStart::because("parameter irma-public-key is not an RSA public key in PEM"))?;
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_required_spec_claims(&["exp", "iss", "sub"]);
        validation.set_issuer(&[issuer]);
        validation.sub = Some("disclosing_result".to_owned());
        validation.leeway = Self::LEEWAY.unsigned_abs();
        Ok(Self { key, validation })
    }

    /// Checks that `jwt` is the result of the session `token`, that was started at `created_at`.
    pub fn verify(
        &self,
        jwt: &str,
        token: &SessionToken,
        created_at: UnixSeconds,
        now: UnixSeconds,
    ) -> Result<SessionResult, Untrusted> {
        // Only what is signed is read: of something else it does not matter what it looks like.
        let signed = decode::<Box<RawValue>>(jwt, &self.key, &self.validation)?.claims;
        let signed = Zeroizing::new(String::from(Box::<str>::from(signed)));
        let claims: Claims = serde_json::from_str(&signed).map_err(|_| Untrusted::Shape)?;
        if claims.token.as_str() != token.as_str() {
            return Err(Untrusted::Session);
        }
        if !(created_at - Self::LEEWAY..=now + Self::LEEWAY).contains(&claims.iat) {
            return Err(Untrusted::Time);
        }
        if claims.kind != "disclosing" {
            return Err(Untrusted::Kind);
        }
        match (claims.status.as_str(), claims.proof_status.as_deref()) {
            ("DONE", Some("VALID")) => {
                Ok(SessionResult::Disclosed(DisclosedAttributes(claims.disclosed.into_iter().flatten().collect())))
            }
            // What was disclosed is not valid (an expired credential, a wallet that cheats): it will not become so.
            ("DONE" | "CANCELLED" | "TIMEOUT", _) => Ok(SessionResult::Declined),
            ("INITIALIZED", _) => Ok(SessionResult::NotOpened),
            _ => Ok(SessionResult::NotFinal),
        }
    }
}

impl DisclosedAttributes {
    /// Seals what had been asked for the record of `key`, in the order of `asked`, as the JSON that the agent will see:
    /// `[{id, value, label: {nl, en}, issuedAt, format?}]`.
    ///
    /// An optional attribute that the citizen has no value for is left out. One that was asked twice stands there twice if it
    /// was disclosed from two cards with two values, because the citizen showed both; the same value stands there once.
    pub fn seal(self, key: &PublicKey, purpose_name: &str, asked: &Asked) -> Result<TakenIn, CannotSeal> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Shown<'a> {
            id: &'a str,
            value: &'a str,
            label: &'a Text,
            issued_at: UnixSeconds,
            #[serde(skip_serializing_if = "Option::is_none")]
            format: Option<Format>,
        }
        let mut shown: Vec<Shown<'_>> = Vec::new();
        for asked in asked.iter() {
            for attribute in self.0.iter().filter(|attribute| attribute.id == asked.id) {
                let Some(value) = attribute.value.as_deref().filter(|_| attribute.status == AttributeStatus::Present) else {
                    continue;
                };
                if !shown.iter().any(|before| before.id == asked.id && before.value == value) {
                    let (label, issued_at) = (&asked.label, attribute.issued_at);
                    shown.push(Shown { id: &asked.id, value, label, issued_at, format: asked.format });
                }
            }
        }
        let answers = |attribute: &&Attribute| match attribute.status {
            AttributeStatus::Present | AttributeStatus::Null => asked.contains(&attribute.id),
            AttributeStatus::Extra | AttributeStatus::Other => false,
        };
        let dropped = self.0.len() - self.0.iter().filter(answers).count();
        if shown.is_empty() {
            return Ok(TakenIn { attributes: None, dropped });
        }
        // At once in its whole size: one that grows leaves parts of it behind, which nobody wipes.
        let mut size = Size(0);
        serde_json::to_writer(&mut size, &shown).map_err(|_| CannotSeal)?;
        let mut json = Zeroizing::new(Vec::with_capacity(size.0));
        serde_json::to_writer(&mut *json, &shown).map_err(|_| CannotSeal)?;
        Ok(TakenIn { attributes: Some(SealedAttributes::seal(&json, key, purpose_name)?), dropped })
    }
}

/// How many bytes were written; nothing is kept of them.
struct Size(usize);

impl std::io::Write for Size {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use aws_lc_rs::signature::KeyPair as _;
    use base64::{Engine, engine::general_purpose::STANDARD};
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::{Value, json};

    use super::*;
    use crate::clock::now;
    use crate::secret::Secret;

    const TOKEN: &str = "KzxuWKwL5KGLKr4uerws";

    fn pem(label: &str, der: &[u8]) -> String {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
    }

    /// A key of an IRMA server: to sign with, and its public half as PEM.
    fn key() -> (EncodingKey, String) {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        let signer = EncodingKey::from_rsa_pem(pem("PRIVATE KEY", private.as_ref()).as_bytes()).unwrap();
        (signer, pem("PUBLIC KEY", public.as_ref()))
    }

    /// The claims of a good result, with some changed.
    fn claims(changes: &Value) -> Value {
        let mut claims = json!({
            "iat": now(), "exp": now() + 120, "iss": "irmaserver", "sub": "disclosing_result",
            "token": TOKEN, "type": "disclosing", "status": "DONE", "proofStatus": "VALID",
            "disclosed": [
                [{"id": "a.b.c.bsn", "rawvalue": "999992235", "value": {"": "999992235"}, "status": "PRESENT", "issuancetime": 1_700_000_000}],
                [{"id": "a.b.c.prefix", "rawvalue": null, "value": null, "status": "NULL", "issuancetime": 1_700_000_000}],
            ],
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    }

    struct Server {
        signer: EncodingKey,
        public_key: String,
        verifier: ResultVerifier,
    }

    fn server() -> Server {
        let (signer, public_key) = key();
        let verifier = ResultVerifier::new(&public_key, "irmaserver").unwrap();
        Server { signer, public_key, verifier }
    }

    impl Server {
        fn check(&self, jwt: &str) -> Result<SessionResult, Untrusted> {
            self.verifier.verify(jwt, &TOKEN.parse().unwrap(), now() - 5, now())
        }

        fn check_claims(&self, changes: &Value) -> Result<SessionResult, Untrusted> {
            self.check(&encode(&Header::new(Algorithm::RS256), &claims(changes), &self.signer).unwrap())
        }
    }

    /// Asks these, each labelled as its last part; the first is a BSN.
    fn asked(ids: &[&str]) -> Asked {
        let label = |id: &str| json!({"nl": id.rsplit('.').next(), "en": id.rsplit('.').next()});
        let mut asked: Vec<Value> = ids.iter().map(|id| json!({"id": id, "label": label(id)})).collect();
        asked[0]["format"] = json!("bsn");
        Asked::from_bytes(json!(asked).to_string().as_bytes()).unwrap()
    }

    /// What is sealed of a result with these attributes, as pairs of id and value, and how many were dropped.
    fn taken_in(disclosed: &Value, asked: &Asked) -> (Value, usize) {
        let result = server().check_claims(&json!({"disclosed": disclosed}));
        let Ok(SessionResult::Disclosed(attributes)) = result else { panic!("not disclosed") };
        let keys = Secret::from_bytes(&[5; 32]).key_pair();
        let taken_in = attributes.seal(&keys.public(), "purpose", asked).unwrap();
        let json = taken_in.attributes.unwrap().open(&keys, "purpose").unwrap();
        (serde_json::from_slice(&json).unwrap(), taken_in.dropped)
    }

    fn attribute(id: &str, value: &str, status: &str) -> Value {
        json!({"id": id, "rawvalue": value, "value": {"": value}, "status": status, "issuancetime": 1_700_000_000})
    }

    fn pairs(shown: &Value) -> Vec<(&str, &str)> {
        shown.as_array().unwrap().iter().map(|row| (row["id"].as_str().unwrap(), row["value"].as_str().unwrap())).collect()
    }

    #[test]
    fn a_good_result_can_be_sealed_and_empty_attributes_are_left_out() {
        let disclosed = claims(&json!({}))["disclosed"].take();
        let (shown, dropped) = taken_in(&disclosed, &asked(&["a.b.c.bsn", "a.b.c.prefix"]));
        let label = json!({"nl": "bsn", "en": "bsn"});
        let row = json!({"id": "a.b.c.bsn", "value": "999992235", "label": label, "issuedAt": 1_700_000_000, "format": "bsn"});
        assert_eq!((shown, dropped), (json!([row]), 0));
    }

    #[test]
    fn only_what_was_asked_is_taken_in_and_the_rest_is_counted() {
        let asked = asked(&["a.b.c.bsn", "a.b.c.name"]);
        let (bsn, name) = (attribute("a.b.c.bsn", "1", "PRESENT"), attribute("a.b.c.name", "N", "PRESENT"));
        for extra in [
            attribute("irma-demo.x.y.bsn", "2", "EXTRA"),
            attribute("irma-demo.x.y.bsn", "2", "PRESENT"),
            // An asked one of another card, that the wallet added.
            attribute("a.b.c.bsn", "2", "EXTRA"),
            attribute("a.b.c.bsn", "2", "LATER"),
            attribute("a.b.c.BSN", "2", "PRESENT"),
            attribute("a.b.c", "2", "PRESENT"),
            attribute("", "2", "PRESENT"),
            attribute("a.b.d.e", "2", "NULL"),
        ] {
            let (shown, dropped) = taken_in(&json!([[extra], [name, bsn]]), &asked);
            assert_eq!(pairs(&shown), [("a.b.c.bsn", "1"), ("a.b.c.name", "N")], "{extra}");
            assert_eq!(dropped, 1, "{extra}");
        }
    }

    // The IRMA server takes it for a valid answer where the session lets the citizen leave all out, or all values are empty.
    #[test]
    fn who_discloses_nothing_of_what_was_asked_has_not_disclosed() {
        let asked = asked(&["a.b.c.bsn"]);
        for disclosed in [
            json!([]),
            json!([[], []]),
            json!([[attribute("a.b.c.name", "N", "EXTRA")]]),
            json!([[{"id": "a.b.c.bsn", "rawvalue": null, "value": null, "status": "NULL", "issuancetime": 0}]]),
        ] {
            let result = server().check_claims(&json!({"disclosed": disclosed}));
            let Ok(SessionResult::Disclosed(attributes)) = result else { panic!("not disclosed") };
            let key = Secret::from_bytes(&[5; 32]).key_pair().public();
            assert!(attributes.seal(&key, "purpose", &asked).unwrap().attributes.is_none(), "{disclosed}");
        }
    }

    #[test]
    fn what_was_disclosed_twice_is_there_once_and_two_values_are_both_there() {
        let [one, two] = ["1", "2"].map(|value| attribute("a.b.c.bsn", value, "PRESENT"));
        let name = attribute("a.b.c.name", "1", "PRESENT");
        let (shown, dropped) = taken_in(&json!([[one, name], [two], [one]]), &asked(&["a.b.c.bsn", "a.b.c.name"]));
        assert_eq!(pairs(&shown), [("a.b.c.bsn", "1"), ("a.b.c.bsn", "2"), ("a.b.c.name", "1")]);
        assert_eq!(dropped, 0);
    }

    #[test]
    fn nothing_but_a_good_result_of_this_session_is_trusted() {
        let server = server();
        for (changes, failed) in [
            (json!({"token": "another"}), Untrusted::Session),
            (json!({"iss": "another"}), Untrusted::Signature),
            (json!({"iss": null}), Untrusted::Signature),
            (json!({"sub": "signing_result"}), Untrusted::Kind),
            (json!({"sub": null}), Untrusted::Kind),
            (json!({"exp": now() - 180}), Untrusted::Time),
            (json!({"exp": null}), Untrusted::Time),
            (json!({"iat": now() - 3600}), Untrusted::Time),
            (json!({"iat": now() + 3600}), Untrusted::Time),
            (json!({"type": "signing"}), Untrusted::Kind),
            (json!({"status": null}), Untrusted::Shape),
            (json!({"disclosed": [[{"id": 1}]]}), Untrusted::Shape),
            (json!({"disclosed": [[{"id": "a", "rawvalue": "x", "issuancetime": 0}]]}), Untrusted::Shape),
        ] {
            assert_eq!(server.check_claims(&changes).err(), Some(failed), "{changes}");
        }
    }

    #[test]
    fn a_clock_may_be_two_minutes_off() {
        let server = server();
        // The session was started five seconds ago, by our clock.
        for changes in [json!({"iat": now() + 115}), json!({"iat": now() - 115}), json!({"exp": now() - 115})] {
            assert!(server.check_claims(&changes).is_ok(), "{changes}");
        }
        for changes in [json!({"iat": now() + 130}), json!({"iat": now() - 130}), json!({"exp": now() - 130})] {
            assert!(server.check_claims(&changes).is_err(), "{changes}");
        }
    }

    #[test]
    fn only_the_servers_key_with_rs256_is_trusted() {
        let server = server();
        let good = claims(&json!({}));
        let by_another = encode(&Header::new(Algorithm::RS256), &good, &key().0).unwrap();
        let by_the_public_key = EncodingKey::from_secret(server.public_key.as_bytes());
        let symmetric = encode(&Header::new(Algorithm::HS256), &good, &by_the_public_key).unwrap();
        let other_hash = encode(&Header::new(Algorithm::RS512), &good, &server.signer).unwrap();
        for jwt in [&by_another, &symmetric, &other_hash, "", "a.b.c", "nonsense"] {
            assert_eq!(server.check(jwt).err(), Some(Untrusted::Signature));
        }
    }

    #[test]
    fn a_refusal_is_declined_and_a_session_that_goes_on_is_not_final() {
        let server = server();
        for proof in [json!("INVALID"), json!("EXPIRED"), json!("MISSING_ATTRIBUTES"), json!(null)] {
            assert!(matches!(server.check_claims(&json!({"proofStatus": proof})), Ok(SessionResult::Declined)));
        }
        for status in ["CANCELLED", "TIMEOUT"] {
            assert!(matches!(server.check_claims(&json!({"status": status, "proofStatus": null})), Ok(SessionResult::Declined)));
        }
        let initialized = server.check_claims(&json!({"status": "INITIALIZED", "proofStatus": null}));
        assert!(matches!(initialized, Ok(SessionResult::NotOpened)));
        for status in ["PAIRING", "CONNECTED"] {
            assert!(matches!(server.check_claims(&json!({"status": status, "proofStatus": null})), Ok(SessionResult::NotFinal)));
        }
    }
}
