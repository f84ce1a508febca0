//! `idbellen code-key`: the key that names and seals codes.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use clap::{Subcommand, value_parser};
use shared::clock::UnixSeconds;

use crate::confirm::{confirm, somebody_to_ask};
use crate::kms::{Kms, Named, REPLACES, in_words};
use crate::stage::Stage;
use crate::swap::{Alias, Old, Refusal, State, Step, Target};

/// What can be done with the code key.
#[derive(Subcommand)]
pub enum Command {
    /// Has a new code key take over, and the old one deleted, without a lost call
    ///
    /// Makes a key with the policy of the old one, and has it take over in three steps: codes are looked for under it, then
    /// made with it, then looked for under the old key no more. Then the old key is scheduled for deletion. Between
    /// the steps it waits until each has come through, and until every code under the old key is dead: 50 minutes in all,
    /// by AWS's clock. Citizens and callers notice nothing.
    ///
    /// Before the old key is deleted it asks; --yes answers for whoever is not there. Only a key is deleted of which all says
    /// that the swap replaced it: an HMAC key made in KMS, older than the new one, with the same policy, description and tags,
    /// from which the aliases went to the new one step by step.
    ///
    /// It can be interrupted at any moment. Run again, it goes on where the swap is, which it sees in KMS; run again
    /// after that, it says that it is done, and starts another swap after a day at the earliest.
    ///
    /// Needs kms:CreateKey, kms:DescribeKey, kms:GetKeyPolicy, kms:ListAliases, kms:ListKeys, kms:ListResourceTags,
    /// kms:ScheduleKeyDeletion, kms:TagResource and kms:UpdateAlias.
    Swap {
        /// The stage of the deployment
        #[arg(long)]
        stage: Stage,
        /// Days until KMS deletes the old key; until then its deletion can be cancelled
        #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = value_parser!(i32).range(7..=30))]
        pending_window_in_days: i32,
        /// Has the old key deleted without asking: for a script
        #[arg(long)]
        yes: bool,
    },
}

/// How long a change of an alias may take to be listed, and how often it is looked for.
const LISTED_WITHIN: u32 = 60;
const LOOK: Duration = Duration::from_secs(2);

/// While it waits it looks again so often: someone else may have gone on with the swap.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// Said of a step that failed.
const AGAIN: &str = "the swap is not done; run the command again, it goes on where the swap is";

impl Command {
    /// Does it.
    pub async fn run(self) -> Result<()> {
        let Self::Swap { stage, pending_window_in_days, yes } = self;
        if !yes {
            somebody_to_ask("Before the old key is deleted it asks; a script gives --yes")?;
        }
        let swap = Swap { kms: Kms::from_environment().await, stage, days: pending_window_in_days, yes };
        swap.run().await
    }
}

struct Swap {
    kms: Kms,
    stage: Stage,
    days: i32,
    /// Nothing is asked.
    yes: bool,
}

impl Swap {
    async fn run(&self) -> Result<()> {
        let (mut waiting, mut confirmed) = (None, None);
        loop {
            let (state, now) = self.state().await?;
            let step = state.step(now).map_err(|refusal| self.why_not(refusal, &state))?;
            match step {
                Step::Start(old) => self.start(&old).await.context(AGAIN)?,
                Step::Point(alias, new) => self.point(alias, &new).await.context(AGAIN)?,
                // It may be days until the answer: then it looks again.
                Step::Delete(old) if !self.yes && confirmed.as_ref() != Some(&old) => {
                    let question =
                        format!("Key {old} was replaced, and no alias names it. Have KMS delete it in {} days?", self.days);
                    ensure!(confirm(&question).context(AGAIN)?, "then it stays; {AGAIN}");
                    confirmed = Some(old);
                }
                Step::Delete(old) => {
                    let when = self.kms.delete(&old, self.days).await.context(AGAIN)?;
                    println!("KMS deletes the old key {old} {when}.");
                    println!("Done.");
                    return Ok(());
                }
                Step::Wait(until, what) => {
                    if waiting.replace(until) != Some(until) {
                        println!("Waiting until {}, {what} …", in_words(until));
                    }
                    tokio::time::sleep(remaining(until, now).min(LOOK_AGAIN)).await;
                }
                Step::Done(another) => {
                    println!("Done: key {} took over. Another swap can start at {}.", state.current.key, in_words(another));
                    return Ok(());
                }
            }
        }
    }

    fn why_not(&self, refusal: Refusal, state: &State) -> anyhow::Error {
        let State { previous, current, next, .. } = state;
        let (previous, current, next) = (&previous.key, &current.key, &next.key);
        match refusal {
            Refusal::Aliases => anyhow!(
                "the aliases of the code key do not stand as a swap leaves them: previous names {previous}, current {current} and \
                 next {next}"
            ),
            Refusal::InUse(old) => anyhow!("an alias names the key {old}, which a swap replaced: it is left alone"),
            Refusal::NotReplaced(old) => anyhow!(
                "the tag {REPLACES} of key {next} says that it replaced the key {old}, and nothing else does: that one has another \
                 policy, description or other tags, is younger, or the aliases of the code key did not go from it to {next} step by \
                 step, as a swap has them go. It is left alone. Find out in the trail who set the tag (kms:TagResource). If it was \
                 set to have {old} deleted, take it away; if {old} was a code key of stage {}, schedule its deletion yourself",
                self.stage.as_str()
            ),
        }
    }

    /// Makes the key that replaces `old`, and has codes looked for under it.
    async fn start(&self, old: &str) -> Result<()> {
        let new = self.kms.made_for(old).await?;
        println!("Key {new} replaces {old}.");
        self.point(Alias::Next, &new).await
    }

    /// Points an alias at the new key, and waits until KMS lists it so.
    async fn point(&self, alias: Alias, new: &str) -> Result<()> {
        let name = self.stage.code_key(alias);
        self.kms.point(&name, new).await?;
        for _ in 0..LISTED_WITHIN {
            if self.target(&self.kms.aliases().await?.0, alias)?.key == new {
                println!("{name} names the new key.");
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
        Err(anyhow!("{name} was pointed at key {new}, and KMS does not list it so yet"))
    }

    /// How things stand, and what time it is for KMS.
    async fn state(&self) -> Result<(State, UnixSeconds)> {
        let (aliases, now) = self.kms.aliases().await?;
        let [previous, current, next] = Alias::ALL.map(|alias| self.target(&aliases, alias));
        let (previous, current, next) = (previous?, current?, next?);
        let newest = self.kms.code_key(&next.key).await?.with_context(|| format!("there is no key {}", next.key))?;
        ensure!(newest.is_enabled, "key {} can't be used as it is", next.key);
        let replaces = match self.kms.replaced_by(&next.key).await? {
            Some(old) => Some((old.clone(), self.old(&old, &next.key, &aliases).await?)),
            None => None,
        };
        Ok((State { previous, current, next, made_at: newest.made_at, replaces }, now))
    }

    /// What became of the key `old`, which a tag of the key `new` names.
    async fn old(&self, old: &str, new: &str, aliases: &[Named]) -> Result<Old> {
        // One that some alias names is in use, whatever the tag says.
        if aliases.iter().any(|named| named.target.key == old) {
            return Ok(Old::Named);
        }
        match self.kms.code_key(old).await? {
            Some(key) if key.is_alive => Ok(Old::Left { made_at: key.made_at, is_alike: self.kms.are_alike(old, new).await? }),
            _ => Ok(Old::Gone),
        }
    }

    fn target(&self, aliases: &[Named], alias: Alias) -> Result<Target> {
        let name = self.stage.code_key(alias);
        let named = aliases.iter().find(|named| named.alias == name);
        let named =
            named.with_context(|| format!("there is no {name} in this account and region: is the stage deployed here?"))?;
        Ok(named.target.clone())
    }
}

fn remaining(until: UnixSeconds, now: UnixSeconds) -> Duration {
    Duration::from_secs(u64::try_from(until - now).unwrap_or(0))
}
