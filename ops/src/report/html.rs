//! A report as one page, to read, print and keep: no script, nothing from elsewhere.

use std::io::{Result, Write};

use shared::reference::Reference;

use super::ids::Id;
use super::story::Story;
use super::tally::{Report, Tally};
use super::verdict::{Statement, Verdict, overall};
use super::words::{seconds, time};

const STYLE: &str = "
body{font:15px/1.5 system-ui,sans-serif;color:#111;max-width:72rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.25rem .5rem;border-bottom:1px solid #bbb}
th{font-weight:600}ul{margin:0;padding-left:1.1rem}code{font-size:.9em;overflow-wrap:anywhere}
.proven{color:#0b5a1e}.notProven{color:#7a4b00}.violated{color:#a80000;font-weight:600}
.verdict{font-size:1.3rem;border:2px solid;padding:.5rem 1rem;display:inline-block}
svg{max-width:100%;height:auto}
@media print{body{margin:0;max-width:none;font-size:10pt}tr{break-inside:avoid}thead{display:table-header-group}}
";

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Proven => "proven",
        Verdict::NotProven => "notProven",
        Verdict::Violated => "violated",
    }
}

/// Text in a page.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

impl Report {
    /// Writes the page.
    pub fn html(
        &self,
        stage: &str,
        (account, bucket): (&str, &str),
        statements: &[Statement],
        tally: &Tally,
        ids: &[Id],
        out: &mut impl Write,
    ) -> Result<()> {
        let language = self.language;
        let title = match (self.scope.reference, language.pick(true, false)) {
            (None, true) => "Verantwoording: wat er was, en dat het gewist is".to_owned(),
            (None, false) => "Account: what there was, and that it was deleted".to_owned(),
            (Some(reference), true) => format!("Verantwoording van {reference}"),
            (Some(reference), false) => format!("Account of {reference}"),
        };
        let verdict = overall(statements);
        let period = format!("{} – {}", time(self.scope.period.start), time(self.scope.period.end));
        write!(
            out,
            "<!doctype html>\n<html lang=\"{}\"><head><meta charset=\"utf-8\"><title>{title}</title>\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style></head><body>\n<h1>{title}</h1>\n\
             <p>ID-bellen, {} <code>{}</code>. {}: {period} ({}).</p>\n\
             <p>{} <code>{}</code>, bucket <code>{}</code></p>\n\
             <p class=\"verdict {}\">{}: {}</p>\n",
            language.code(),
            language.pick("installatie", "stage"),
            escaped(stage),
            language.pick("Records die ontstonden", "Records that were made"),
            language.pick("Nederlandse tijd", "Dutch time"),
            language.pick("AWS-account", "AWS account"),
            escaped(account),
            escaped(bucket),
            class(verdict),
            language.pick("Oordeel", "Verdict"),
            language.verdict(verdict),
        )?;
        writeln!(out, "<p>{}</p>", self.explanation())?;
        self.statements_html(statements, out)?;
        self.chart(tally, out)?;
        self.findings_html(out)?;
        self.records_html(ids, out)?;
        self.telephony_html(out)?;
        self.uses_html(out)?;
        writeln!(out, "</body></html>")
    }

    fn explanation(&self) -> &'static str {
        self.language.pick(
            "Dit stuk is gemaakt uit het spoor dat AWS zelf bijhoudt (CloudTrail) en uit regels die zeggen welke medewerker \
             iets deed. <strong>Bewezen</strong>: het spoor laat zien dat het zo is. <strong>Niet bewezen</strong>: er \
             ontbreekt iets, dus het is niet zeker. <strong>Geschonden</strong>: het spoor laat zien dat het niet zo is. In dit \
             stuk staan geen gegevens van burgers. Medewerkers staan erin met een vast kenmerk, niet met hun naam.",
            "This was made of the trail that AWS keeps itself (CloudTrail), and of lines that say which agent did something. \
             <strong>Proven</strong>: the trail shows that it is so. <strong>Not proven</strong>: something is missing, so it is \
             not certain. <strong>Violated</strong>: the trail shows that it is not so. There are no data of citizens in it. \
             Agents are in it with a fixed mark, not with their names.",
        )
    }

    fn statements_html(&self, statements: &[Statement], out: &mut impl Write) -> Result<()> {
        let language = self.language;
        writeln!(
            out,
            "<h2>{}</h2>\n<table><thead><tr><th>{}</th><th>{}</th><th>{}</th></tr></thead><tbody>",
            language.pick("Wat er gezegd kan worden", "What can be said"),
            language.pick("uitspraak", "statement"),
            language.pick("oordeel", "verdict"),
            language.pick("waarom", "why"),
        )?;
        for statement in statements {
            let reasons: Vec<String> = statement.reasons.iter().map(|reason| escaped(reason)).collect();
            let reasons = reasons.join("</li><li>");
            writeln!(
                out,
                "<tr><td>{}</td><td class=\"{}\">{}</td><td><ul><li>{reasons}</li></ul></td></tr>",
                statement.title,
                class(statement.verdict),
                language.verdict(statement.verdict)
            )?;
        }
        writeln!(out, "</tbody></table>")
    }

    /// How many records lived how many minutes.
    fn chart(&self, tally: &Tally, out: &mut impl Write) -> Result<()> {
        const BAR: u64 = 12;
        const HEIGHT: u64 = 160;
        let language = self.language;
        let most = tally.minutes.iter().copied().max().unwrap_or_default().max(1);
        let caption = language.pick("Hoe lang records leefden, in minuten", "How long records lived, in minutes");
        writeln!(
            out,
            "<h2>{caption}</h2>\n<svg viewBox=\"0 0 800 220\" width=\"800\" height=\"220\" role=\"img\" aria-label=\"{caption}\" \
             font-size=\"11\" font-family=\"system-ui,sans-serif\">"
        )?;
        for (minute, count) in (0_u64..).zip(&tally.minutes) {
            let height = (count * HEIGHT).div_ceil(most);
            let colour = if minute < 60 { "#1f5f8b" } else { "#a80000" };
            let x = 40 + minute * BAR;
            writeln!(
                out,
                "<rect x=\"{x}\" y=\"{}\" width=\"10\" height=\"{height}\" fill=\"{colour}\"><title>{minute}–{}: {count}</title></rect>",
                180 - height,
                minute + 1
            )?;
            if minute % 10 == 0 {
                writeln!(out, "<text x=\"{x}\" y=\"196\">{minute}</text>")?;
            }
        }
        let line = 39 + 60 * BAR;
        writeln!(
            out,
            "<line x1=\"40\" y1=\"180\" x2=\"772\" y2=\"180\" stroke=\"#111\"/>\
             <line x1=\"{line}\" y1=\"10\" x2=\"{line}\" y2=\"184\" stroke=\"#a80000\" stroke-width=\"2\"/>\
             <text x=\"{}\" y=\"10\" text-anchor=\"end\" fill=\"#a80000\">{}</text>\
             <text x=\"36\" y=\"28\" text-anchor=\"end\">{most}</text></svg>",
            line - 4,
            language.pick("60 minuten: dan moet het weg zijn", "60 minutes: gone by then"),
        )?;
        writeln!(
            out,
            "<p>{}: {}; {}: {}; {}: {}; {}: {}.</p>",
            language.pick("Gewist door een medewerker", "Deleted by an agent"),
            tally.agent,
            language.pick("door telefonie", "by telephony"),
            tally.telephony,
            language.pick("door het opruimen", "by the sweep"),
            tally.sweep,
            language.pick("wissen niet gezien, of door een ander", "deletion not seen, or by someone else"),
            tally.not_by_rule(),
        )
    }

    fn findings_html(&self, out: &mut impl Write) -> Result<()> {
        let language = self.language;
        writeln!(out, "<h2>{}</h2>", language.pick("Wat een ander deed", "What someone else did"))?;
        if self.findings().next().is_none() {
            return writeln!(out, "<p>{}</p>", language.pick("Niets.", "Nothing."));
        }
        writeln!(
            out,
            "<table><thead><tr><th>{}</th><th>{}</th><th>{}</th><th>{}</th></tr></thead><tbody>",
            language.pick("wanneer", "when"),
            language.pick("wie", "who"),
            language.pick("wat", "what"),
            language.pick("waarop", "on what"),
        )?;
        for finding in self.findings() {
            let harmless = finding.refused || finding.kind.is_expected();
            let refused = if finding.refused { language.pick(" (geweigerd)", " (refused)") } else { "" };
            let reference = finding.record.map(|id| Reference::of(&id).to_string()).unwrap_or_default();
            writeln!(
                out,
                "<tr class=\"{}\"><td>{}</td><td><code>{}</code></td><td>{}{refused} <code>{}</code></td><td>{} {reference}</td></tr>",
                if harmless { "notProven" } else { "violated" },
                if finding.at == 0 { "?".to_owned() } else { time(finding.at) },
                escaped(self.who(finding.who)),
                language.kind(finding.kind),
                escaped(self.facts.texts.text(finding.action)),
                escaped(self.facts.texts.text(finding.on)),
            )?;
        }
        writeln!(out, "</tbody></table>")
    }

    fn records_html(&self, ids: &[Id], out: &mut impl Write) -> Result<()> {
        let language = self.language;
        writeln!(
            out,
            "<h2>{}</h2>\n<table><thead><tr><th>{}</th><th>{}</th><th>{}</th><th>{}</th><th>{}</th><th>{}</th></tr></thead><tbody>",
            language.pick("Elk record", "Each record"),
            language.pick("kenmerk", "reference"),
            language.pick("gemaakt", "made"),
            language.pick("gewist", "deleted"),
            language.pick("leefde", "lived"),
            language.pick("gelezen voor", "read for"),
            language.pick("oordeel", "verdict"),
        )?;
        for id in ids {
            self.record_html(&self.story(id), out)?;
        }
        writeln!(out, "</tbody></table>")
    }

    fn record_html(&self, story: &Story<'_>, out: &mut impl Write) -> Result<()> {
        let language = self.language;
        let moment = |at: Option<i64>| at.map_or_else(|| "?".to_owned(), time);
        let verdict = story.verdict();
        let flaws = story.flaws_in_words(language);
        let mut agents: Vec<String> = story
            .told
            .marks
            .iter()
            .filter(|mark| mark.answered && !mark.clears)
            .map(|mark| self.facts.agents.text(mark.agent))
            .collect();
        agents.sort_unstable();
        agents.dedup();
        let read = escaped(&agents.join(" "));
        writeln!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{}<br>{}</td><td>{}</td><td><code>{read}</code></td><td class=\"{}\">{}{}{flaws}</td></tr>",
            Reference::of(&story.id),
            moment(story.made),
            moment(story.deleted),
            escaped(&self.ended(story.end)),
            story.lifetime().map_or_else(|| "?".to_owned(), |lifetime| seconds(lifetime).to_string()),
            class(verdict),
            language.verdict(verdict),
            if flaws.is_empty() { "" } else { ": " },
        )?;
        if self.scope.reference.is_some() {
            writeln!(out, "<tr><td></td><td colspan=\"5\"><ul>")?;
            for touch in story.touches {
                let (act, who) = (language.act(touch.act), escaped(self.who(touch.who)));
                writeln!(out, "<li>{} {act} ({who})</li>", time(touch.at))?;
            }
            for mark in &story.told.marks {
                let (what, agent) = (language.asked(mark.clears, mark.answered), self.facts.agents.text(mark.agent));
                writeln!(out, "<li>{} <code>{agent}</code> {what}</li>", time(mark.at))?;
            }
            for line in story.lines {
                let (what, agent) = (language.line(line.clears), self.facts.agents.text(line.agent));
                let (at, outcome) = (time(line.at.div_euclid(1000)), line.outcome.as_str());
                writeln!(out, "<li>{at} {what}: <code>{agent}</code>, {outcome}</li>")?;
            }
            writeln!(out, "</ul></td></tr>")?;
        }
        Ok(())
    }

    fn telephony_html(&self, out: &mut impl Write) -> Result<()> {
        let language = self.language;
        if self.scope.reference.is_some() || self.facts.telephony.takers.is_empty() {
            return Ok(());
        }
        writeln!(
            out,
            "<h2>{}</h2>\n<table><thead><tr><th>{}</th><th>{}</th><th>{}</th><th>{}</th></tr></thead><tbody>",
            language.pick("Wie de rol van telefonie aannam", "Who took on telephony's role"),
            language.pick("wie", "who"),
            language.pick("hoe vaak", "how often"),
            language.pick("eerst", "first"),
            language.pick("laatst", "last"),
        )?;
        for (who, taken) in &self.facts.telephony.takers {
            let (who, count, first, last) = (escaped(self.who(*who)), taken.count, time(taken.first), time(taken.last));
            writeln!(out, "<tr><td><code>{who}</code></td><td>{count}</td><td>{first}</td><td>{last}</td></tr>")?;
        }
        writeln!(out, "</tbody></table>")
    }

    fn uses_html(&self, out: &mut impl Write) -> Result<()> {
        let language = self.language;
        if self.scope.reference.is_some() {
            return Ok(());
        }
        writeln!(
            out,
            "<h2>{}</h2>\n<table><thead><tr><th>{}</th><th>{}</th><th>{}</th><th>{}</th></tr></thead><tbody>",
            language.pick("Welke rol gebruikte wat", "Which role used what"),
            language.pick("rol", "role"),
            language.pick("aanroep", "call"),
            language.pick("waarop", "on what"),
            language.pick("hoe vaak", "how often"),
        )?;
        for ((role, action, on), count) in &self.facts.uses {
            let (action, on) = (escaped(self.facts.texts.text(*action)), escaped(self.facts.texts.text(*on)));
            writeln!(out, "<tr><td>{}</td><td>{action}</td><td>{on}</td><td>{count}</td></tr>", role.as_str())?;
        }
        writeln!(out, "</tbody></table>")
    }
}
