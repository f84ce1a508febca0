//! `idbellen report`: what the audit trail proves. From CloudTrail's files and the agents' lines it tells the story of each
//! record, and says of each statement whether it is proven.
//!
//! | module | what |
//! |---|---|
//! | `export` | copies from the audit bucket to a folder |
//! | `folder` | such a folder |
//! | `digest` | whether the trail is whole and unaltered |
//! | `event`, `names`, `ids` | one event, and what is ours in it |
//! | `facts`, `life`, `finding` | what the events tell |
//! | `agents` | which agents looked and cleared |
//! | `story`, `tally`, `statements`, `verdict` | what that proves |
//! | `text`, `html`, `json` | how it is said |

mod agents;
mod digest;
mod event;
mod export;
mod facts;
mod finding;
mod folder;
mod html;
mod ids;
mod json;
mod life;
mod names;
mod statements;
mod story;
mod tally;
mod text;
mod verdict;
mod words;

use std::fs::{self, File};
use std::io::{BufWriter, IsTerminal, Write, stdout};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use jiff::civil::Date;
use shared::reference::Reference;

use self::export::{Wanted, export};
use self::facts::Facts;
use self::folder::Folder;
use self::names::{Names, shown};
use self::tally::{Report, Scope};
use self::verdict::{Verdict, overall};
use self::words::{Language, dutch_time};
use crate::stage::Stage;

/// What the trail proves of a day or a record
///
/// Reads the audit bucket, or a folder that `export` made of it, and says of each statement whether it is proven, not
/// proven or violated: that the trail is whole and unaltered; that each record and code was deleted in time, and nothing
/// written after; which agents looked; that nobody else got to them. It needs, in the audit account, what
/// docs/security.md gives to who audits.
///
/// The exit code is 0 if all is proven, and 1 if not.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Command {
    #[command(subcommand)]
    only: Option<Only>,
    #[command(flatten)]
    make: Option<Make>,
}

#[derive(Subcommand)]
enum Only {
    /// Copies what a report of one day needs from the audit bucket to a folder
    ///
    /// The objects, and what they do not hold: the digests' signatures from their metadata, CloudTrail's public keys and,
    /// with --metrics-profile, the metric Started. Who gets the folder can make the report without access to AWS; they
    /// trust who exported it for the keys.
    Export {
        /// The stage of the deployment
        #[arg(long)]
        stage: Stage,
        /// The bucket in the audit account
        #[arg(long)]
        bucket: String,
        /// The day, in Dutch time: 2026-01-31
        #[arg(long)]
        day: Day,
        /// The folder to make
        #[arg(long, value_name = "FOLDER")]
        to: PathBuf,
        /// A profile of AWS's command that may read the application account's metrics (cloudwatch:GetMetricStatistics)
        #[arg(long, value_name = "PROFILE")]
        metrics_profile: Option<String>,
    },
}

#[derive(Args)]
struct Make {
    /// The stage of the deployment
    #[arg(long)]
    stage: Stage,
    /// The stack's name, if it is neither idbellen nor idbellen-STAGE
    #[arg(long)]
    stack: Option<String>,
    /// A folder that `report export` made
    #[arg(long, conflicts_with = "bucket", required_unless_present = "bucket", requires = "account")]
    folder: Option<PathBuf>,
    /// The application's account, that the trail must be of: 12 digits; needed with --folder
    #[arg(long)]
    account: Option<Account>,
    /// The bucket in the audit account; needs --day
    #[arg(long, requires = "day")]
    bucket: Option<String>,
    /// Only the records that were made on this day, in Dutch time: 2026-01-31
    #[arg(long)]
    day: Option<Day>,
    /// Only the record with this reference: XXXX-XXXX-XXXX
    #[arg(long)]
    reference: Option<Reference>,
    /// The language of what people read
    #[arg(long, value_enum, default_value = "nl")]
    language: Language,
    /// Writes the report as a page to this file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Writes the report for machines to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// A profile of AWS's command that may read the application account's metrics; with --bucket
    #[arg(long, value_name = "PROFILE", conflicts_with = "folder")]
    metrics_profile: Option<String>,
}

/// An account of AWS.
#[derive(Clone, Debug)]
struct Account(String);

impl FromStr for Account {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let valid = text.len() == 12 && text.bytes().all(|one| one.is_ascii_digit());
        valid.then(|| Self(text.to_owned())).ok_or("an account has 12 digits")
    }
}

/// A day in Dutch time.
#[derive(Clone, Copy, Debug)]
struct Day(Date);

impl FromStr for Day {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| "a day is as 2026-01-31")
    }
}

impl Day {
    /// From when until when it lasts, in Unix seconds.
    fn period(self) -> Result<Range<i64>> {
        let start = |date: Date| date.to_zoned_datetime(dutch_time()).map(|start| start.timestamp().as_second());
        Ok(start(self.0)?..start(self.0.tomorrow()?)?)
    }
}

impl Command {
    /// Does it.
    pub async fn run(self) -> Result<()> {
        match (self.only, self.make) {
            (Some(Only::Export { stage, bucket, day, to, metrics_profile }), _) => {
                let (period, metrics_profile) = (day.period()?, metrics_profile.as_deref());
                let wanted = Wanted { stage: &stage, bucket: &bucket, period: &period, metrics_profile };
                let count = export(&wanted, &to).await?;
                println!("Copied {count} objects to {}.", to.display());
                Ok(())
            }
            (None, Some(make)) => make.run().await,
            (None, None) => bail!("say which stage, with --stage"),
        }
    }
}

impl Make {
    async fn run(self) -> Result<()> {
        let period = self.day.map(Day::period).transpose()?;
        let temporary;
        let folder = match (&self.folder, &self.bucket, &period) {
            (Some(folder), ..) => folder,
            (None, Some(bucket), Some(period)) => {
                temporary = Temporary::make()?;
                let to = temporary.0.join("export");
                let metrics_profile = self.metrics_profile.as_deref();
                export(&Wanted { stage: &self.stage, bucket, period, metrics_profile }, &to).await?;
                &to.clone()
            }
            _ => bail!("say what to read, with --folder or with --bucket and --day"),
        };
        self.report(folder, period)
    }

    fn report(&self, path: &Path, period: Option<Range<i64>>) -> Result<()> {
        let mut folder = Folder::open(path)?;
        if let Some(Account(account)) = &self.account
            && *account != folder.export.account
        {
            bail!("{} is of account {}, not of {account}", path.display(), shown(&folder.export.account));
        }
        let window = period.clone().unwrap_or(i64::MIN..i64::MAX);
        let names = Names::of(&self.stage, self.stack.as_deref());
        let home = digest::home_of(&folder, &self.stage);
        let mut facts = Facts::of(names, folder.export.account.clone(), home, window);
        let integrity = digest::walk(&folder, &self.stage, &mut |file| facts.take_file(file));
        let has_agents = agents::lines::take(&folder, &mut facts);
        facts.finish(integrity.covered.map(|(from, _)| from));
        let asked = period.is_some();
        let period = period.unwrap_or_else(|| integrity.covered.map_or(0..0, |(from, until)| from..until));
        let scope = Scope { period, asked, reference: self.reference };
        let started = folder.started.take();
        let report = Report { facts, integrity, scope, started, has_agents, language: self.language };

        let ids = report.ids();
        let tally = report.tally(&ids);
        let statements = report.statements(&tally);
        let from = (&*shown(&folder.export.account), &*shown(&folder.export.bucket));
        if let Some(path) = &self.json {
            let mut out = create(path)?;
            report.json(self.stage.as_str(), from, &statements, &tally, &ids, &mut out)?;
            out.flush()?;
        }
        if let Some(path) = &self.html {
            let mut out = create(path)?;
            report.html(self.stage.as_str(), from, &statements, &tally, &ids, &mut out)?;
            out.flush()?;
        }
        report.text(from, &statements, &tally, &ids, stdout().is_terminal(), &mut stdout().lock())?;
        match overall(&statements) {
            Verdict::Proven => Ok(()),
            verdict => bail!("{}", self.language.verdict(verdict)),
        }
    }
}

fn create(path: &Path) -> Result<BufWriter<File>> {
    File::create(path).map(BufWriter::new).with_context(|| format!("{} can't be written", path.display()))
}

/// A folder that goes when this is dropped.
struct Temporary(PathBuf);

impl Temporary {
    fn make() -> Result<Self> {
        use std::os::unix::fs::DirBuilderExt as _;
        let path = std::env::temp_dir().join(format!("idbellen-report-{}", std::process::id()));
        // It fails where there is one already, and no other user can look into it.
        let made = fs::DirBuilder::new().mode(0o700).create(&path);
        made.with_context(|| format!("folder {} can't be made", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
