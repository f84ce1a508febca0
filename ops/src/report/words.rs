//! What the two languages of a report have of their own.

use std::fmt;

use clap::ValueEnum;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::digest::Fault;
use super::finding::Kind;
use super::life::Act;
use super::story::End;
use super::verdict::Verdict;

/// The language of a report for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Language {
    #[value(name = "nl")]
    Dutch,
    #[value(name = "en")]
    English,
}

impl Language {
    pub fn pick<T>(self, dutch: T, english: T) -> T {
        match self {
            Self::Dutch => dutch,
            Self::English => english,
        }
    }

    pub fn code(self) -> &'static str {
        self.pick("nl", "en")
    }

    pub fn verdict(self, verdict: Verdict) -> &'static str {
        match verdict {
            Verdict::Proven => self.pick("bewezen", "proven"),
            Verdict::NotProven => self.pick("niet bewezen", "not proven"),
            Verdict::Violated => self.pick("geschonden", "violated"),
        }
    }

    pub fn fault(self, fault: Fault) -> &'static str {
        match fault {
            Fault::LogChanged => self.pick("een logbestand is veranderd of beschadigd", "a log file was changed or damaged"),
            Fault::SignatureWrong => self.pick("de handtekening klopt niet", "a signature is wrong"),
            Fault::DigestChanged => self.pick("een overzichtsbestand is veranderd", "a digest was changed"),
            Fault::DigestMoved => self.pick("een overzichtsbestand ligt op de verkeerde plaats", "a digest was moved"),
            Fault::OtherAccount => self.pick("een bestand is van een ander account", "an object is of another account"),
            Fault::LogMissing => self.pick("een logbestand ontbreekt", "a log file is missing"),
            Fault::LogUnlisted => self.pick("een logbestand staat in geen overzichtsbestand", "a log file is in no digest"),
            Fault::LogTooLarge => self.pick("een logbestand is te groot om te lezen", "a log file is too large to read"),
            Fault::DigestUnreadable => self.pick("een overzichtsbestand is niet te lezen", "a digest can't be read"),
            Fault::DigestMissing => self.pick("een overzichtsbestand ontbreekt", "a digest is missing"),
            Fault::SignatureMissing => self.pick("een handtekening ontbreekt", "a signature is missing"),
            Fault::KeyMissing => self.pick("een sleutel van CloudTrail ontbreekt", "a key of CloudTrail is missing"),
        }
    }

    pub fn kind(self, kind: Kind) -> &'static str {
        match kind {
            Kind::Access => self.pick("las of schreef een record of code", "read or wrote a record or code"),
            Kind::KeyUse => self.pick("gebruikte een sleutel", "used a key"),
            Kind::ParameterRead => self.pick("las een parameter", "read a parameter"),
            Kind::Invocation => self.pick("riep een functie rechtstreeks aan", "invoked a function directly"),
            Kind::RoleTaken => self.pick("nam een rol van ID-bellen aan", "took on a role of ID-bellen"),
            Kind::RoleUsed => self.pick("nam de rol aan die daarvoor is", "took on the role that is there for it"),
            Kind::Copy => self.pick("maakte een kopie, of maakte dat mogelijk", "made a copy, or made one possible"),
            Kind::Change => self.pick("veranderde iets buiten een uitrol om", "changed something outside a deployment"),
            Kind::Elsewhere => self.pick(
                "deed iets met een naam van ID-bellen in een andere regio",
                "did something with a name of ID-bellen in another region",
            ),
            Kind::NotTelephony => self.pick(
                "riep aan wat van telefonie is, terwijl niemand haar rol had",
                "called what is telephony's, while nobody had its role",
            ),
            Kind::OutOfRole => self.pick("een rol deed wat zij nooit doet", "a role did what it never does"),
            Kind::Collision => {
                self.pick("wilde iets maken wat er al was; dat mislukte", "asked to make what there was already; it failed")
            }
            Kind::UnknownKey => self.pick("gebruikte een onbekende sleutel", "used an unknown key"),
            Kind::Unknown => self.pick("onbekende vorm", "unknown form"),
            Kind::Deployment => self.pick("uitrol", "deployment"),
        }
    }

    pub fn end(self, end: End) -> &'static str {
        match end {
            End::Agent(_) => self.pick("medewerker", "agent"),
            End::Telephony => self.pick("telefonie", "telephony"),
            End::Sweep => self.pick("opruimen", "sweep"),
            End::Other(_) => self.pick("een ander", "someone else"),
            End::NotSeen => self.pick("niet gezien", "not seen"),
            End::TooRecent => self.pick("nog niet gezien", "not seen yet"),
        }
    }

    /// What an agent asked for by a mark, and what came of it.
    pub fn asked(self, clears: bool, answered: bool) -> &'static str {
        match (clears, answered) {
            (false, true) => self.pick("keek", "looked"),
            (false, false) => self.pick("wilde kijken en kreeg niets", "asked to look and got nothing"),
            (true, true) => self.pick("wiste", "cleared"),
            (true, false) => self.pick("wilde wissen, en wiste niets", "asked to clear, and cleared nothing"),
        }
    }

    /// What a line is of.
    pub fn line(self, clears: bool) -> &'static str {
        if clears {
            self.pick("regel over wissen", "line on clearing")
        } else {
            self.pick("regel over opvragen", "line on a look-up")
        }
    }

    pub fn act(self, act: Act) -> &'static str {
        match act {
            Act::Made => self.pick("gemaakt", "made"),
            Act::TokenSealed => self.pick("IRMA-token versleuteld", "IRMA token sealed"),
            Act::Fetched => self.pick("gekeken of het resultaat nog moet komen", "looked whether the result is awaited"),
            Act::TokenOpened => self.pick("IRMA-token geopend", "IRMA token opened"),
            Act::Ended => self.pick("resultaat opgeslagen, IRMA-token weg", "result stored, IRMA token gone"),
            Act::Read => self.pick("gelezen voor een medewerker", "read for an agent"),
            Act::Used => self.pick("code gebruikt", "code used"),
            Act::ReadByOther => self.pick("GELEZEN DOOR EEN ANDER", "READ BY SOMEONE ELSE"),
            Act::WrittenByOther => self.pick("GESCHREVEN DOOR EEN ANDER", "WRITTEN BY SOMEONE ELSE"),
            Act::Deleted => self.pick("gewist", "deleted"),
        }
    }
}

/// A moment in Dutch time: the calls are Dutch.
pub fn time(at: i64) -> String {
    let Ok(at) = Timestamp::from_second(at) else { return "?".to_owned() };
    at.to_zoned_datetime(dutch_time()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// A moment in UTC, as RFC 3339 writes it.
pub fn utc(at: i64) -> String {
    Timestamp::from_second(at).map_or_else(|_| "?".to_owned(), |at| at.to_string())
}

/// Compiled in.
pub fn dutch_time() -> TimeZone {
    jiff::tz::get!("Europe/Amsterdam")
}

/// A number of seconds as minutes and seconds.
pub fn seconds(seconds: i64) -> Seconds {
    Seconds(seconds)
}

/// Shown as `12:34`.
pub struct Seconds(i64);

impl fmt::Display for Seconds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{:02}", self.0 / 60, self.0 % 60)
    }
}
