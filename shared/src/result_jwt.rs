//! Session results, as the IRMA server signs them (`GET /session/{token}/result-jwt`).

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::clock::UnixSeconds;
use crate::config::CannotStart;
use crate::irma::SessionToken;
use crate::purpose::{Purpose, Text};
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
    /// The session goes on.
    NotFinal,
}

/// What a citizen disclosed. It can be sealed, and nothing else.
pub struct DisclosedAttributes(Vec<Attribute>);

/// Which part of a result is not right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untrusted {
    /// It is not a JWT with the claims of a result, its signature or issuer is another's, or it has expired.
    Jwt,
    /// It is another session's.
    Session,
    /// It is of another time than the session.
    IssuedAt,
    /// It is not of a disclosure.
    Kind,
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
    #[serde(rename = "issuancetime")]
    issued_at: UnixSeconds,
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
        let claims = decode::<Claims>(jwt, &self.key, &self.validation).map_err(|_| Untrusted::Jwt)?.claims;
        if claims.token.as_str() != token.as_str() {
            return Err(Untrusted::Session);
        }
        if !(created_at - Self::LEEWAY..=now + Self::LEEWAY).contains(&claims.iat) {
            return Err(Untrusted::IssuedAt);
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
            _ => Ok(SessionResult::NotFinal),
        }
    }
}

impl DisclosedAttributes {
    /// Seals them for the record of `key`, as the JSON that the agent will see: `[{id, value, label: {nl, en}, issuedAt}]`.
    /// An optional attribute that the citizen has no value for is left out; one that the purpose has no label for any
    /// more goes by its id.
    pub fn seal(self, key: &PublicKey, purpose_name: &str, purpose: Option<&Purpose>) -> Result<SealedAttributes, CannotSeal> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Shown<'a> {
            id: &'a str,
            value: &'a str,
            label: Text,
            issued_at: UnixSeconds,
        }
        let label = |id: &str| {
            purpose
                .and_then(|purpose| purpose.attributes.get(id))
                .map_or_else(|| Text { nl: id.to_owned(), en: id.to_owned() }, |terms| terms.label.clone())
        };
        let shown: Vec<Shown<'_>> = self
            .0
            .iter()
            .filter_map(|attribute| {
                Some(Shown {
                    id: &attribute.id,
                    value: attribute.value.as_deref()?,
                    label: label(&attribute.id),
                    issued_at: attribute.issued_at,
                })
            })
            .collect();
        let json = Zeroizing::new(serde_json::to_vec(&shown).map_err(|_| CannotSeal)?);
        SealedAttributes::seal(&json, key, purpose_name)
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

    #[test]
    fn a_good_result_can_be_sealed_and_empty_attributes_are_left_out() {
        let Ok(SessionResult::Disclosed(attributes)) = server().check_claims(&json!({})) else { panic!("not disclosed") };
        let secret = Secret::from_bytes(&[5; 32]);
        let sealed = attributes.seal(&secret.key_pair().public(), "purpose", None).unwrap();
        let shown: Value = serde_json::from_slice(&sealed.open(&secret.key_pair(), "purpose").unwrap()).unwrap();
        let label = json!({"nl": "a.b.c.bsn", "en": "a.b.c.bsn"});
        assert_eq!(shown, json!([{"id": "a.b.c.bsn", "value": "999992235", "label": label, "issuedAt": 1_700_000_000}]));
    }

    #[test]
    fn nothing_but_a_good_result_of_this_session_is_trusted() {
        let server = server();
        for (changes, failed) in [
            (json!({"token": "another"}), Untrusted::Session),
            (json!({"iss": "another"}), Untrusted::Jwt),
            (json!({"sub": "signing_result"}), Untrusted::Jwt),
            (json!({"exp": now() - 180}), Untrusted::Jwt),
            (json!({"exp": null}), Untrusted::Jwt),
            (json!({"iat": now() - 3600}), Untrusted::IssuedAt),
            (json!({"iat": now() + 3600}), Untrusted::IssuedAt),
            (json!({"type": "signing"}), Untrusted::Kind),
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
            assert_eq!(server.check(jwt).err(), Some(Untrusted::Jwt));
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
        for status in ["INITIALIZED", "PAIRING", "CONNECTED"] {
            assert!(matches!(server.check_claims(&json!({"status": status, "proofStatus": null})), Ok(SessionResult::NotFinal)));
        }
    }
}
