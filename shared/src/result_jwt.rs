//! Session results, as the IRMA server signs them (`GET /session/{token}/result-jwt`).

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::clock::UnixSeconds;
use crate::config::CannotStart;
use crate::irma::SessionToken;
use crate::purpose::{Purpose, Text};
use crate::sealed::{CannotSeal, SealedAttributes};
use crate::secret::PublicKey;

/// Checks results: signed by the IRMA server's key with RS256 and nothing else, by the issuer we know, and fresh.
pub struct ResultVerifier {
    key: DecodingKey,
    validation: Validation,
}

/// What a result says.
pub enum SessionResult {
    /// The citizen disclosed these, and the proofs are valid.
    Disclosed(DisclosedAttributes),
    /// The citizen refused, or did not answer in time.
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
    /// Its proofs are not valid.
    Proof,
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
    /// How far the clocks of the IRMA server and of Lambda may differ, in seconds.
    const LEEWAY: i64 = 60;

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
            ("DONE", _) => Err(Untrusted::Proof),
            ("CANCELLED" | "TIMEOUT", _) => Ok(SessionResult::Declined),
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
