//! A report on the terminal.

use std::io::{Result, Write};

use shared::reference::Reference;

use super::ids::Id;
use super::life::Who;
use super::story::{End, Story};
use super::tally::{Report, Tally};
use super::verdict::{Statement, Verdict};
use super::words::{seconds, time};

/// So many records and findings are shown; the files hold all.
const MOST: usize = 50;

impl Report {
    /// Who did something, in words.
    pub fn who(&self, who: Who) -> &str {
        match who {
            Who::Role(role) => role.as_str(),
            Who::Other(text) => self.facts.texts.text(text),
        }
    }

    /// How a record ended, in words.
    pub fn ended(&self, end: End) -> String {
        let how = self.language.end(end);
        match end {
            End::Agent(Some(who)) => format!("{how} {}", self.facts.agents.text(who)),
            End::Other(who) => format!("{how} {}", self.facts.texts.text(who)),
            _ => how.to_owned(),
        }
    }

    /// Writes the report for who reads it on a terminal; `red` makes what is violated red there.
    pub fn text(
        &self,
        (account, bucket): (&str, &str),
        statements: &[Statement],
        tally: &Tally,
        ids: &[Id],
        red: bool,
        out: &mut impl Write,
    ) -> Result<()> {
        let (on, off) = if red { ("\x1b[31m", "\x1b[0m") } else { ("", "") };
        let language = self.language;
        let (from, until) = (time(self.scope.period.start), time(self.scope.period.end));
        writeln!(out, "{} {account}, bucket {bucket}", language.pick("AWS-account", "AWS account"))?;
        writeln!(out, "{} {from} – {until}", language.pick("Records die ontstonden van", "Records that were made from"))?;
        writeln!(out)?;
        for statement in statements {
            let verdict = language.verdict(statement.verdict);
            let (on, off) = if statement.verdict == Verdict::Violated { (on, off) } else { ("", "") };
            writeln!(out, "{on}{verdict:>13}{off}  {}", statement.title)?;
            for reason in &statement.reasons {
                writeln!(out, "{:>13}  - {reason}", "")?;
            }
        }
        writeln!(out)?;
        writeln!(
            out,
            "{} {}: {} {}, {} {}, {} {}, {} {}",
            tally.records,
            language.pick("records, gewist door", "records, deleted by"),
            language.pick("medewerker", "agent"),
            tally.agent,
            language.pick("telefonie", "telephony"),
            tally.telephony,
            language.pick("opruimen", "sweep"),
            tally.sweep,
            language.pick("niet gezien", "not seen"),
            tally.not_by_rule(),
        )?;
        let mut shown = 0;
        for id in ids {
            let story = self.story(id);
            let asked = self.scope.reference.is_some();
            if (story.verdict() == Verdict::Proven && !asked) || shown >= MOST {
                continue;
            }
            shown += 1;
            self.story_text(&story, asked, out)?;
        }
        let takers = self.facts.telephony.takers.iter().filter(|_| self.scope.reference.is_none());
        for (who, taken) in takers.take(MOST) {
            writeln!(
                out,
                "{} {}: {}, {} – {}",
                language.pick("De rol van telefonie:", "Telephony's role:"),
                self.who(*who),
                taken.count,
                time(taken.first),
                time(taken.last)
            )?;
        }
        for (index, finding) in self.findings().enumerate() {
            if index >= MOST {
                let more = self.findings().count() - MOST;
                writeln!(out, "{more} {}", language.pick("meer: zie het bestand", "more: see the file"))?;
                break;
            }
            let reference = finding.record.map(|id| Reference::of(&id).to_string()).unwrap_or_default();
            let refused = if finding.refused { language.pick(" (geweigerd)", " (refused)") } else { "" };
            writeln!(
                out,
                "{on}! {} {} {}: {} {} {reference}{refused}{off}",
                if finding.at == 0 { "?".to_owned() } else { time(finding.at) },
                self.who(finding.who),
                language.kind(finding.kind),
                self.facts.texts.text(finding.action),
                self.facts.texts.text(finding.on),
            )?;
        }
        Ok(())
    }

    fn story_text(&self, story: &Story<'_>, whole: bool, out: &mut impl Write) -> Result<()> {
        let language = self.language;
        let made = story.made.map_or_else(|| "?".to_owned(), time);
        let lifetime = story.lifetime().map_or_else(|| "?".to_owned(), |lifetime| seconds(lifetime).to_string());
        let flaws = story.flaws_in_words(language);
        let verdict = language.verdict(story.verdict());
        let ended = self.ended(story.end);
        writeln!(out, "  {} {made}  {lifetime}  {ended}  {verdict}  {flaws}", Reference::of(&story.id))?;
        if whole {
            for touch in story.touches {
                writeln!(out, "      {} {} ({})", time(touch.at), language.act(touch.act), self.who(touch.who))?;
            }
            for mark in &story.told.marks {
                let (what, agent) = (language.asked(mark.clears, mark.answered), self.facts.agents.text(mark.agent));
                writeln!(out, "      {} {agent} {what}", time(mark.at))?;
            }
            for line in story.lines {
                let (what, agent) = (language.line(line.clears), self.facts.agents.text(line.agent));
                writeln!(out, "      {} {what}: {agent}, {}", time(line.at.div_euclid(1000)), line.outcome.as_str())?;
            }
        }
        Ok(())
    }
}
