//! A stage, and what is called after it. No other file makes the name of a parameter or a key.

use std::fmt;
use std::str::FromStr;

use shared::parameters::{IRMA_PUBLIC_KEY, PURPOSES, REQUESTOR_TOKEN};
use shared::purpose::PurposeName;

use crate::swap::Alias;

/// The stage of a deployment, as `template.yaml` has it: 1 to 20 lower-case letters, digits and hyphens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage(String);

/// The text is not a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidStage;

impl FromStr for Stage {
    type Err = InvalidStage;

    fn from_str(text: &str) -> Result<Self, InvalidStage> {
        let valid = (1..=20).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidStage) }
    }
}

impl fmt::Display for InvalidStage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a stage is 1 to 20 lower-case letters, digits and hyphens")
    }
}

impl std::error::Error for InvalidStage {}

impl Stage {
    /// The stage's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parameter with the token that the IRMA server knows ID-bellen by.
    pub fn requestor_token(&self) -> String {
        self.parameter(REQUESTOR_TOKEN)
    }

    /// The parameter with the key that the IRMA server signs results with.
    pub fn irma_public_key(&self) -> String {
        self.parameter(IRMA_PUBLIC_KEY)
    }

    /// The parameter with a purpose.
    pub fn purpose(&self, name: &PurposeName) -> String {
        self.parameter(&format!("{PURPOSES}/{}", name.as_str()))
    }

    /// The alias of the customer managed key that secret parameters are encrypted with.
    pub fn parameters_key(&self) -> String {
        format!("alias/idbellen-{}-parameters", self.0)
    }

    /// An alias of the key that names and seals codes.
    pub fn code_key(&self, alias: Alias) -> String {
        format!("alias/idbellen-{}-code-{alias}", self.0)
    }

    fn parameter(&self, name: &str) -> String {
        format!("/idbellen/{}/{name}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_up_to_twenty_lower_case_letters_digits_and_hyphens() {
        for text in ["test", "prod-2", "a", "abcdefghijklmnopqrst"] {
            assert_eq!(text.parse(), Ok(Stage(text.to_owned())));
        }
        for text in ["", "Test", "a_b", "a/b", "é", "abcdefghijklmnopqrstu"] {
            assert_eq!(text.parse::<Stage>(), Err(InvalidStage), "{text}");
        }
    }
}
