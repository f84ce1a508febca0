//! `idbellen code-key`: the key that names and seals codes.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use clap::{Subcommand, value_parser};
use shared::clock::UnixSeconds;

use crate::kms::{Kms, Named, in_words};
use crate::stage::Stage;
use crate::swap::{Alias, State, Step, Target};

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
        let Self::Swap { stage, pending_window_in_days } = self;
        let swap = Swap { kms: Kms::from_environment().await, stage, days: pending_window_in_days };
        swap.run().await
    }
}

struct Swap {
    kms: Kms,
    stage: Stage,
    days: i32,
}

impl Swap {
    async fn run(&self) -> Result<()> {
        let mut waiting = None;
        loop {
            let (state, now) = self.state().await?;
            let step = state.step(now).map_err(|_| {
                anyhow!(
                    "the aliases of the code key do not stand as a swap leaves them: previous names {}, current {} and next {}",
                    state.previous.key,
                    state.current.key,
                    state.next.key
                )
            })?;
            match step {
                Step::Start(old) => self.start(&old).await.context(AGAIN)?,
                Step::Point(alias, new) => self.point(alias, &new).await.context(AGAIN)?,
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
        let replaces = self.kms.replaced_by(&next.key).await?;
        let old_is_alive = match &replaces {
            // One that some alias names is in use, whatever the tag says.
            Some(old) if aliases.iter().any(|named| &named.target.key == old) => {
                ensure!(previous.key != next.key, "an alias names the key {old}, which a swap replaced: it is left alone");
                true
            }
            Some(old) => self.kms.code_key(old).await?.is_some_and(|key| key.is_alive),
            None => false,
        };
        Ok((State { previous, current, next, made_at: newest.made_at, replaces, old_is_alive }, now))
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
