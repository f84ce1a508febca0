//! Purposes: for what a citizen can be asked to identify themselves, what is asked and why, and when.
//!
//! A purpose is one parameter in Parameter Store, a JSON object of at most 4 KB. `idbellen purposes put` checks it
//! against the JSON Schema `ops/purpose.schema.json` before it stores it; here it is read once more, so that a
//! parameter that was edited by hand can't ask for what it gives no reason for.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, tz};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::UnixSeconds;

/// A purpose's name: 1 to 40 lower-case letters, digits and hyphens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PurposeName(String);

/// The text is not a purpose's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidPurposeName;

impl PurposeName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PurposeName {
    type Err = InvalidPurposeName;

    fn from_str(text: &str) -> Result<Self, InvalidPurposeName> {
        let valid = (1..=40).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidPurposeName) }
    }
}

/// What can be asked of a citizen, and on what terms.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Purpose {
    /// What the citizen calls about.
    pub title: Text,
    /// The number the app dials, in international form: `+31…`.
    pub phone_number: String,
    /// How many pauses of two to three seconds the phone makes between the number and the code.
    pub pauses: u8,
    /// Off closes the purpose, whatever the hour.
    pub open: bool,
    /// When the number is answered.
    pub opening_hours: OpeningHours,
    /// The municipality that is responsible for the data.
    pub controller: Controller,
    /// Where the citizen can read what happens with the data.
    pub privacy_url: String,
    /// On what ground the data are asked.
    pub legal_basis: Text,
    /// What is asked, as a condiscon (IRMA documentation, "Session requests").
    pub condiscon: Value,
    /// For each attribute in the condiscon why it is asked and what it is called.
    pub attributes: BTreeMap<String, Terms>,
}

/// A text in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// Dutch.
    pub nl: String,
    /// English.
    pub en: String,
}

/// Who is responsible for the data.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Controller {
    /// The municipality's name.
    pub name: String,
    /// Where its privacy officer can be reached: an address or a URL.
    pub contact: String,
}

/// What an attribute is called, and why it is asked.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// What the citizen and the agent see it called.
    pub label: Text,
    /// Why it is asked.
    pub reason: Text,
    /// How its value is written on the agent's screen, if not as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
}

/// How a value is written on the agent's screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Nine digits of a citizen service number, in groups.
    Bsn,
}

/// When the number is answered, in the time of the Netherlands.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OpeningHours {
    /// The hours of each day of the week; a day without an entry is closed.
    pub weekly: BTreeMap<Day, Vec<Hours>>,
    /// Days on which the number is not answered at all.
    #[serde(default)]
    pub closed_on: BTreeSet<Date>,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Day {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// Part of a day, up to but not including `to`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// The first minute.
    pub from: TimeOfDay,
    /// The minute after the last.
    pub to: TimeOfDay,
}

/// Minutes since midnight, written as `HH:MM` from `00:00` to `24:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay(u16);

impl TryFrom<String> for TimeOfDay {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        const ERROR: &str = "a time is written as HH:MM, from 00:00 to 24:00";
        let bytes = text.as_bytes();
        let &[h1 @ b'0'..=b'2', h2 @ b'0'..=b'9', b':', m1 @ b'0'..=b'5', m2 @ b'0'..=b'9'] = bytes else {
            return Err(ERROR);
        };
        let two = |tens: u8, ones: u8| u16::from(tens - b'0') * 10 + u16::from(ones - b'0');
        let minutes = two(h1, h2) * 60 + two(m1, m2);
        if minutes <= 24 * 60 { Ok(Self(minutes)) } else { Err(ERROR) }
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        format!("{:02}:{:02}", time.0 / 60, time.0 % 60)
    }
}

impl From<Weekday> for Day {
    fn from(day: Weekday) -> Self {
        match day {
            Weekday::Monday => Self::Monday,
            Weekday::Tuesday => Self::Tuesday,
            Weekday::Wednesday => Self::Wednesday,
            Weekday::Thursday => Self::Thursday,
            Weekday::Friday => Self::Friday,
            Weekday::Saturday => Self::Saturday,
            Weekday::Sunday => Self::Sunday,
        }
    }
}

/// Municipalities of the Netherlands keep one time.
static TIME_ZONE: TimeZone = tz::get!("Europe/Amsterdam");

impl OpeningHours {
    /// Whether the number is answered at this moment.
    #[must_use]
    pub fn open_at(&self, moment: UnixSeconds) -> bool {
        let Ok(moment) = Timestamp::from_second(moment) else { return false };
        let local = moment.to_zoned_datetime(TIME_ZONE.clone());
        if self.closed_on.contains(&local.date()) {
            return false;
        }
        let minute = TimeOfDay(u16::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute())).unwrap_or_default());
        let today = self.weekly.get(&local.weekday().into());
        today.is_some_and(|hours| hours.iter().any(|hours| hours.from <= minute && minute < hours.to))
    }
}

impl Purpose {
    /// Reads a purpose, and checks that the phone can dial its number and that each attribute in its condiscon, and
    /// no other, has its terms. The error says what is wrong, for `ops`; it holds no personal data, as a purpose doesn't.
    pub fn read(json: &str) -> Result<Self, String> {
        let purpose: Self = serde_json::from_str(json).map_err(|error| error.to_string())?;
        let number = purpose.phone_number.strip_prefix('+').unwrap_or_default();
        if !(8..=15).contains(&number.len()) || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("phoneNumber is not + and 8 to 15 digits".to_owned());
        }
        let asked = asked(&purpose.condiscon).ok_or("condiscon is not a list of lists of lists of attributes")?;
        if asked.is_empty() {
            return Err("condiscon asks for no attribute".to_owned());
        }
        if all_is_optional(&purpose.condiscon) {
            return Err(
                "condiscon lets the citizen disclose nothing: at least one entry must have no empty alternative".to_owned()
            );
        }
        if let Some(id) = asked.iter().find(|id| !purpose.attributes.contains_key(**id)) {
            return Err(format!("attributes gives no label and reason for {id}, which condiscon asks for"));
        }
        if let Some(id) = purpose.attributes.keys().find(|id| !asked.contains(&id.as_str())) {
            return Err(format!("attributes gives terms for {id}, which condiscon does not ask for"));
        }
        Ok(purpose)
    }

    /// The attributes that the condiscon asks for, each once, in its order.
    pub(crate) fn asked(&self) -> Vec<&str> {
        asked(&self.condiscon).unwrap_or_default()
    }

    /// Whether a session can be started at this moment.
    #[must_use]
    pub fn open_at(&self, moment: UnixSeconds) -> bool {
        self.open && self.opening_hours.open_at(moment)
    }
}

/// The attributes that a condiscon asks for, each once, in its order; `None` if it is no condiscon.
fn asked(condiscon: &Value) -> Option<Vec<&str>> {
    let mut asked = Vec::new();
    for disjunction in condiscon.as_array()? {
        for conjunction in disjunction.as_array()? {
            for attribute in conjunction.as_array()? {
                let id = attribute.as_str().or_else(|| attribute.get("type")?.as_str())?;
                if !asked.contains(&id) {
                    asked.push(id);
                }
            }
        }
    }
    Some(asked)
}

/// Whether each entry of a condiscon has an alternative without attributes.
fn all_is_optional(condiscon: &Value) -> bool {
    let is_empty = |conjunction: &Value| conjunction.as_array().is_some_and(Vec::is_empty);
    let is_optional = |entry: &Value| entry.as_array().is_some_and(|alternatives| alternatives.iter().any(is_empty));
    condiscon.as_array().is_some_and(|entries| entries.iter().all(is_optional))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(json: &str) -> OpeningHours {
        serde_json::from_str(json).unwrap()
    }

    fn at(moment: &str) -> UnixSeconds {
        moment.parse::<Timestamp>().unwrap().as_second()
    }

    #[test]
    fn office_hours_follow_dutch_time_in_winter_and_summer() {
        let office = hours(r#"{"weekly": {"monday": [{"from": "09:00", "to": "12:30"}, {"from": "13:00", "to": "17:00"}]}}"#);
        for (moment, open) in [
            ("2026-01-12T07:59:59Z", false),
            ("2026-01-12T08:00:00Z", true),
            ("2026-07-13T07:00:00Z", true),
            ("2026-07-13T06:59:59Z", false),
            ("2026-01-12T11:30:00Z", false),
            ("2026-01-12T12:00:00Z", true),
            ("2026-01-12T16:00:00Z", false),
            ("2026-01-13T10:00:00Z", false),
        ] {
            assert_eq!(office.open_at(at(moment)), open, "{moment}");
        }
    }

    #[test]
    fn a_day_can_be_open_to_its_last_minute_and_no_longer() {
        let saturday = hours(r#"{"weekly": {"saturday": [{"from": "20:00", "to": "24:00"}]}}"#);
        assert!(saturday.open_at(at("2026-03-28T22:59:59Z")));
        assert!(!saturday.open_at(at("2026-03-28T23:00:00Z")));
    }

    #[test]
    fn holidays_are_closed_from_midnight_to_midnight_in_dutch_time() {
        let always = hours(
            r#"{"weekly": {"thursday": [{"from": "00:00", "to": "24:00"}], "friday": [{"from": "00:00", "to": "24:00"}]},
                "closedOn": ["2026-12-25"]}"#,
        );
        assert!(always.open_at(at("2026-12-24T22:59:59Z")));
        assert!(!always.open_at(at("2026-12-24T23:00:00Z")));
        assert!(!always.open_at(at("2026-12-25T22:59:59Z")));
    }

    #[test]
    fn hours_can_go_on_after_midnight_as_the_next_days() {
        let night = hours(
            r#"{"weekly": {"friday": [{"from": "20:00", "to": "24:00"}], "saturday": [{"from": "00:00", "to": "02:00"}]}}"#,
        );
        for (moment, open) in [
            ("2026-01-09T18:59:59Z", false),
            ("2026-01-09T19:00:00Z", true),
            ("2026-01-09T22:59:59Z", true),
            ("2026-01-09T23:00:00Z", true),
            ("2026-01-10T00:59:59Z", true),
            ("2026-01-10T01:00:00Z", false),
        ] {
            assert_eq!(night.open_at(at(moment)), open, "{moment}");
        }
    }

    #[test]
    fn the_switch_to_summer_time_and_back_moves_no_hour_on_the_clock() {
        let sunday = hours(r#"{"weekly": {"sunday": [{"from": "01:30", "to": "02:30"}, {"from": "03:30", "to": "04:00"}]}}"#);
        for (moment, open) in [
            // 29 March: from 02:00 at once to 03:00, so that half past two does not come.
            ("2026-03-29T00:29:59Z", false),
            ("2026-03-29T00:30:00Z", true),
            ("2026-03-29T00:59:59Z", true),
            ("2026-03-29T01:00:00Z", false),
            ("2026-03-29T01:29:59Z", false),
            ("2026-03-29T01:30:00Z", true),
            ("2026-03-29T02:00:00Z", false),
            // 25 October: from 03:00 back to 02:00, so that half past two comes twice.
            ("2026-10-24T23:30:00Z", true),
            ("2026-10-25T00:30:00Z", false),
            ("2026-10-25T00:59:59Z", false),
            ("2026-10-25T01:00:00Z", true),
            ("2026-10-25T01:30:00Z", false),
            ("2026-10-25T02:30:00Z", true),
            ("2026-10-25T03:00:00Z", false),
        ] {
            assert_eq!(sunday.open_at(at(moment)), open, "{moment}");
        }
    }

    #[test]
    fn a_time_has_one_form() {
        for text in ["9:00", "09:60", "24:01", "25:00", "-1:00", "09:00:00", "0900", ""] {
            assert!(TimeOfDay::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
