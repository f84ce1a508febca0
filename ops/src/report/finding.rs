//! What was not one of our roles doing what that role does.

use super::ids::Id;
use super::life::Who;
use super::names::Text;

/// What kind of thing somebody else did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Read or wrote an item.
    Access,
    /// Used a key.
    KeyUse,
    /// Read a parameter.
    ParameterRead,
    /// Invoked a function directly.
    Invocation,
    /// Took on one of our roles.
    RoleTaken,
    /// Took on a role that is there for it: telephony's, or that of `idbellen verify`.
    RoleUsed,
    /// Made a copy possible or made one: a backup, an export, a replica, a stream.
    Copy,
    /// Changed a table, key, trail, function, role, parameter or log outside a deployment.
    Change,
    /// Did something with a name of ours in another region, by a deployment or not.
    Elsewhere,
    /// Called telephony's route while nobody had telephony's role.
    NotTelephony,
    /// One of our roles did what it never does.
    OutOfRole,
    /// A session was to be made in the place of what there was; it failed.
    Collision,
    /// Used a key of which the trail does not tell whether it is ours.
    UnknownKey,
    /// An event of ours in a form that is not known.
    Unknown,
    /// Changed it by a deployment.
    Deployment,
}

impl Kind {
    /// What the machine-readable report calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::KeyUse => "keyUse",
            Self::ParameterRead => "parameterRead",
            Self::Invocation => "invocation",
            Self::RoleTaken => "roleTaken",
            Self::RoleUsed => "roleUsed",
            Self::Copy => "copy",
            Self::Change => "change",
            Self::Elsewhere => "elsewhere",
            Self::NotTelephony => "notTelephony",
            Self::OutOfRole => "outOfRole",
            Self::Collision => "collision",
            Self::UnknownKey => "unknownKey",
            Self::Unknown => "unknownForm",
            Self::Deployment => "deployment",
        }
    }

    /// Whether it is shown, and no violation.
    pub fn is_expected(self) -> bool {
        matches!(self, Self::RoleUsed | Self::Deployment)
    }
}

/// Something that was not one of our roles doing what that role does.
pub struct Finding {
    /// Unix seconds; 0 if the event doesn't say.
    pub at: i64,
    pub kind: Kind,
    pub who: Who,
    /// As `dynamodb:GetItem`.
    pub action: Text,
    /// On what: a table, key, parameter, function or role.
    pub on: Text,
    pub record: Option<Id>,
    /// The code, if it was done to one; the end tells of which record.
    pub code: Option<Id>,
    /// Whether it failed.
    pub refused: bool,
}
