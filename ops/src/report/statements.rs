//! What the facts prove: a verdict on each statement.

use std::ops::Range;

use super::finding::Kind;
use super::life::Act;
use super::story::{Flaw, LATE, RECORD};
use super::tally::{Report, Tally};
use super::verdict::{Statement, Verdict};
use super::words::{Language, seconds, time};

impl Report {
    /// What is said of each statement.
    pub fn statements(&self, tally: &Tally) -> Vec<Statement> {
        let mut statements = vec![self.integrity(), self.gone(tally), self.silent(tally), self.codes(tally), self.agents(tally)];
        if self.scope.reference.is_none() {
            statements.push(self.started(tally));
        }
        statements.push(self.others());
        statements.push(self.understood());
        statements
    }

    fn statement(
        &self,
        id: &'static str,
        title: (&'static str, &'static str),
        found: Vec<(Verdict, String)>,
        proven: String,
    ) -> Statement {
        let verdict = found.iter().map(|(verdict, _)| *verdict).max().unwrap_or(Verdict::Proven);
        let mut reasons: Vec<String> = found.into_iter().map(|(_, reason)| reason).collect();
        if reasons.is_empty() {
            reasons.push(proven);
        }
        Statement { id, title: self.language.pick(title.0, title.1), verdict, reasons }
    }

    fn integrity(&self) -> Statement {
        let (language, integrity) = (self.language, &self.integrity);
        let mut found = Vec::new();
        let mut counts: std::collections::BTreeMap<_, (u64, &str)> = std::collections::BTreeMap::new();
        for (fault, key) in &integrity.faults {
            counts.entry(*fault).or_insert((0, key)).0 += 1;
        }
        for (fault, (count, first)) in counts {
            let verdict = if fault.violates() { Verdict::Violated } else { Verdict::NotProven };
            let what = language.fault(fault);
            let first = super::names::shown(first);
            let line = match language {
                Language::Dutch => format!("{what}. Aantal keren: {count}; het eerst bij {first}"),
                Language::English => format!("{what}. How often: {count}; first at {first}"),
            };
            found.push((verdict, line));
        }
        let needed = if self.scope.asked { self.scope.period.end + RECORD + LATE } else { self.scope.period.end };
        match integrity.covered {
            None => {
                let line = language.pick("er is geen enkel overzichtsbestand (digest)", "there is no digest at all");
                found.push((Verdict::NotProven, line.to_owned()));
            }
            Some((from, until)) if from > self.scope.period.start || until < needed => {
                let (from, until) = (time(from), time(until));
                let line = match language {
                    Language::Dutch => {
                        format!("de overzichtsbestanden (digests) lopen van {from} tot {until}: dat is niet genoeg")
                    }
                    Language::English => format!("the digests run from {from} until {until}: that is not enough"),
                };
                found.push((Verdict::NotProven, line));
            }
            Some(_) => {}
        }
        let (digests, logs) = (integrity.digests, integrity.logs);
        let proven = match language {
            Language::Dutch => format!(
                "overzichtsbestanden (digests): {digests}, die op elkaar aansluiten en de handtekening van CloudTrail dragen; \
                 logbestanden: {logs}, zoals ze daarin staan"
            ),
            Language::English => format!(
                "digests: {digests}, that follow on each other and bear CloudTrail's signature; log files: {logs}, as they say"
            ),
        };
        let title = ("Het spoor is compleet en niet veranderd", "The trail is whole and unaltered");
        self.statement("integrity", title, found, proven)
    }

    fn flawed(&self, tally: &Tally, of_code: bool, flaws: &[Flaw], found: &mut Vec<(Verdict, String)>) {
        let things = if of_code { "codes" } else { "records" };
        for flaw in flaws {
            let count = tally.flaws(of_code, *flaw);
            if count > 0 {
                let verdict = if flaw.violates() { Verdict::Violated } else { Verdict::NotProven };
                found.push((verdict, format!("{count} {things}: {}", flaw.in_words(self.language))));
            }
        }
    }

    fn gone(&self, tally: &Tally) -> Statement {
        let mut found = Vec::new();
        if tally.records == 0 && self.scope.reference.is_some() {
            let none =
                self.language.pick("geen record met dit kenmerk in dit spoor", "no record with this reference in this trail");
            found.push((Verdict::NotProven, none.to_owned()));
        }
        let flaws = [Flaw::TooOld, Flaw::DeletionNotSeen, Flaw::TooRecent, Flaw::MakingNotSeen];
        self.flawed(tally, false, &flaws, &mut found);
        let (records, longest) = (tally.records, seconds(tally.longest));
        let proven = match self.language {
            Language::Dutch => format!("{records} records; het langste leefde {longest}"),
            Language::English => format!("{records} records; the longest lived {longest}"),
        };
        let title = ("Elk record was binnen 60 minuten gewist", "Each record was deleted within 60 minutes");
        self.statement("deleted", title, found, proven)
    }

    fn silent(&self, tally: &Tally) -> Statement {
        let mut found = Vec::new();
        self.flawed(tally, false, &[Flaw::WrittenAfter], &mut found);
        let proven = self.language.pick("bij geen enkel record", "to not one record").to_owned();
        let title = ("Na het wissen is niets meer geschreven", "Nothing was written after a deletion");
        self.statement("silent", title, found, proven)
    }

    fn codes(&self, tally: &Tally) -> Statement {
        let mut found = Vec::new();
        let missing = tally.records - tally.codes;
        if missing > 0 {
            let line = match self.language {
                Language::Dutch => format!("{missing} records: de code staat niet in het spoor"),
                Language::English => format!("{missing} records: the code is not in the trail"),
            };
            found.push((Verdict::NotProven, line));
        }
        let flaws = [
            Flaw::TooOld,
            Flaw::WrittenAfter,
            Flaw::Other,
            Flaw::UsedAgain,
            Flaw::DeletionNotSeen,
            Flaw::TooRecent,
            Flaw::MakingNotSeen,
        ];
        self.flawed(tally, true, &flaws, &mut found);
        let proven = format!("{} codes", tally.codes);
        let title = (
            "Elke code was binnen 20 minuten gewist, en binnen 140 seconden na gebruik",
            "Each code was deleted within 20 minutes, and within 140 seconds of its use",
        );
        self.statement("codes", title, found, proven)
    }

    fn agents(&self, tally: &Tally) -> Statement {
        let mut found = Vec::new();
        self.flawed(tally, false, &[Flaw::NoAgent, Flaw::NoLine, Flaw::LineTooMany], &mut found);
        let (reads, cleared, vain) = (tally.reads, tally.agent, tally.in_vain);
        let lines = if self.has_agents {
            self.language.pick("de regels zeggen hetzelfde", "the lines say the same")
        } else {
            self.language.pick("er zijn geen regels om mee te vergelijken", "there are no lines to compare with")
        };
        let proven = match self.language {
            Language::Dutch => {
                format!("opgevraagd: {reads}, gewist door een medewerker: {cleared}, gevraagd en niets gekregen: {vain}; {lines}")
            }
            Language::English => {
                format!("looked up: {reads}, cleared by an agent: {cleared}, asked for and got nothing: {vain}; {lines}")
            }
        };
        let title =
            ("Van elk opvragen en wissen is bekend welke medewerker", "Of each look-up and clear it is known which agent it was");
        self.statement("agents", title, found, proven)
    }

    fn started(&self, tally: &Tally) -> Statement {
        const EDGE: i64 = 5;
        let Range { start, end } = self.scope.period;
        let mut found = Vec::new();
        let mut proven = String::new();
        match &self.started {
            None => {
                let line = self.language.pick("de telling (metriek Started) is er niet bij", "the metric Started is not there");
                found.push((Verdict::NotProven, line.to_owned()));
            }
            Some(hours) => {
                let counted: f64 = hours.iter().filter(|hour| hour.at + 3600 > start && hour.at < end).map(|hour| hour.sum).sum();
                // A session that starts at the very edge may be counted on its other side.
                let made = |from: i64, to: i64| {
                    let made =
                        self.facts.records.values().filter_map(|life| life.touches.iter().find(|one| one.act == Act::Made));
                    let made = made.filter(|touch| touch.at >= from && touch.at < to).count();
                    f64::from(u32::try_from(made).unwrap_or(u32::MAX))
                };
                let (least, most) = (made(start + EDGE, end - EDGE), made(start - EDGE, end + EDGE));
                let records = tally.records;
                let line = match self.language {
                    Language::Dutch => format!("{records} records in het spoor, {counted} begonnen sessies geteld"),
                    Language::English => format!("{records} records in the trail, {counted} started sessions counted"),
                };
                let whole_hours = start % 3600 == 0 && end % 3600 == 0;
                if counted > most && whole_hours {
                    found.push((Verdict::Violated, line));
                } else if counted > most || counted < least {
                    found.push((Verdict::NotProven, line));
                } else {
                    proven = line;
                }
            }
        }
        let title = (
            "Er zijn evenveel records als begonnen sessies",
            "There are as many records as sessions that were counted as started",
        );
        self.statement("started", title, found, proven)
    }

    fn others(&self) -> Statement {
        let mut found = Vec::new();
        let (mut red, mut keys, mut calls, mut collisions, mut refused, mut deployments) =
            (0_u64, 0_u64, 0_u64, 0_u64, 0_u64, 0_u64);
        for finding in self.findings() {
            match finding.kind {
                _ if finding.refused => refused += 1,
                Kind::Deployment => deployments += 1,
                Kind::UnknownKey => keys += 1,
                Kind::NotTelephony => calls += 1,
                Kind::Collision => collisions += 1,
                Kind::RoleUsed | Kind::Unknown => {}
                _ => red += 1,
            }
        }
        if red > 0 {
            let line = match self.language {
                Language::Dutch => {
                    format!("een ander deed iets, of een rol iets wat zij nooit doet. Aantal keren: {red}. Zie hieronder")
                }
                Language::English => {
                    format!("someone else did something, or a role what it never does. How often: {red}. See below")
                }
            };
            found.push((Verdict::Violated, line));
        }
        if keys > 0 {
            let line = match self.language {
                Language::Dutch => {
                    format!("een ander gebruikte een sleutel; of die van ID-bellen is, zegt het spoor niet. Aantal keren: {keys}")
                }
                Language::English => {
                    format!("someone else used a key; the trail does not tell whether it is ID-bellen's. How often: {keys}")
                }
            };
            found.push((Verdict::NotProven, line));
        }
        if calls > 0 {
            let line = match self.language {
                Language::Dutch => {
                    format!("wat van telefonie is, werd aangeroepen terwijl niemand haar rol had. In hoeveel uren: {calls}")
                }
                Language::English => {
                    format!("what is telephony's was called while nobody had its role. In how many hours: {calls}")
                }
            };
            found.push((Verdict::NotProven, line));
        }
        if collisions > 0 {
            let line = match self.language {
                Language::Dutch => {
                    format!("een sessie zou iets vervangen wat er al was, en mislukte. Aantal keren: {collisions}")
                }
                Language::English => {
                    format!("a session was to take the place of what there was, and failed. How often: {collisions}")
                }
            };
            found.push((Verdict::NotProven, line));
        }
        let proven = match self.language {
            Language::Dutch => format!("niemand anders; {refused} pogingen geweigerd, {deployments} wijzigingen door een uitrol"),
            Language::English => format!("no one else; {refused} attempts refused, {deployments} changes by a deployment"),
        };
        let title = (
            "Alleen de functies kwamen bij records, codes, sleutels en parameters",
            "Only the functions got to records, codes, keys and parameters",
        );
        self.statement("others", title, found, proven)
    }

    fn understood(&self) -> Statement {
        let mut found = Vec::new();
        let unknown = self.facts.found.get(&Kind::Unknown).copied().unwrap_or_default();
        if unknown > 0 {
            let line = match self.language {
                Language::Dutch => format!("{unknown} gebeurtenissen hebben een vorm die dit programma niet kent"),
                Language::English => format!("{unknown} events are in a form that this program does not know"),
            };
            found.push((Verdict::NotProven, line));
        }
        let broken = self.facts.broken_lines;
        if broken > 0 {
            let line = match self.language {
                Language::Dutch => {
                    format!("{broken} regels over medewerkers zijn niet te lezen, of komen niet uit het logboek van hun functie")
                }
                Language::English => format!("{broken} lines on agents can't be read, or are not from the log of their function"),
            };
            found.push((Verdict::NotProven, line));
        }
        let lost = self.facts.texts.lost;
        if lost > 0 {
            let line = match self.language {
                Language::Dutch => {
                    format!("meer namen dan dit programma onthoudt; {lost} keer staat er ? in plaats van een naam")
                }
                Language::English => format!("more names than this program keeps; {lost} times there is ? in place of a name"),
            };
            found.push((Verdict::NotProven, line));
        }
        let kept = self.facts.findings.iter().filter(|finding| !finding.refused).count() as u64;
        if self.facts.found.values().sum::<u64>() > kept {
            let line = self.language.pick("meer bevindingen dan hier staan", "more findings than are shown");
            found.push((Verdict::NotProven, line.to_owned()));
        }
        let (events, twice) = (self.facts.events, self.facts.duplicates);
        let others: u64 = self.facts.not_ours.values().sum();
        let proven = match self.language {
            Language::Dutch => format!("{events} gebeurtenissen; {twice} dubbel geleverd, {others} gaan niet over ID-bellen"),
            Language::English => format!("{events} events; {twice} delivered twice, {others} are not about ID-bellen"),
        };
        let title = ("Elke gebeurtenis in het spoor is begrepen", "Each event in the trail was understood");
        self.statement("understood", title, found, proven)
    }
}
