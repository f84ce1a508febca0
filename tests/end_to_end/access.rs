//! Who may call which route.

use anyhow::Result;
use local::call::Caller;
use serde_json::json;

use crate::tests;
use crate::world::World;

tests! {
    beside_others: [
        an_agent_needs_a_token,
        an_agent_needs_the_scope,
        telephony_needs_a_signature,
        telephony_cannot_call_the_agents_routes,
        an_agent_cannot_call_telephonys_routes,
    ],
    alone: []
}

const AGENTS: [&str; 2] = ["/contacts/lookup", "/contacts/clear"];
const TELEPHONY: [&str; 2] = ["/dtmf/exchange", "/telephony/clear"];

async fn status(world: &World, caller: &Caller, path: &str) -> Result<u16> {
    Ok(world.stack.post(caller, path, &json!({"secret": "A".repeat(43)})).await?.status)
}

async fn an_agent_needs_a_token(world: &World) -> Result<()> {
    let expired = world.stack.issuer.token("anna").claim("exp", shared::clock::now() - 3600).sign()?;
    let other_audience = world.stack.issuer.token("anna").claim("aud", "another").sign()?;
    let callers = [Caller::Anyone, Caller::Agent("nonsense".to_owned()), Caller::Agent(expired), Caller::Agent(other_audience)];
    for caller in &callers {
        for path in AGENTS {
            assert_eq!(status(world, caller, path).await?, 401, "{path}");
        }
    }
    Ok(())
}

async fn an_agent_needs_the_scope(world: &World) -> Result<()> {
    let without = Caller::Agent(world.stack.issuer.token("anna").claim("scope", "openid").sign()?);
    for path in AGENTS {
        assert_eq!(status(world, &without, path).await?, 403, "{path}");
    }
    Ok(())
}

async fn telephony_needs_a_signature(world: &World) -> Result<()> {
    let Caller::Telephony(mut wrong) = world.stack.telephony().await? else { unreachable!("telephony signs") };
    wrong.secret.replace_range(..1, if wrong.secret.starts_with('a') { "b" } else { "a" });
    let wrong = Caller::Telephony(wrong);
    for caller in [&Caller::Anyone, &wrong] {
        for path in TELEPHONY {
            assert_eq!(status(world, caller, path).await?, 403, "{path}");
        }
    }
    Ok(())
}

async fn telephony_cannot_call_the_agents_routes(world: &World) -> Result<()> {
    let telephony = world.stack.telephony().await?;
    for path in AGENTS {
        assert_eq!(status(world, &telephony, path).await?, 401, "{path}");
    }
    Ok(())
}

async fn an_agent_cannot_call_telephonys_routes(world: &World) -> Result<()> {
    let agent = world.stack.agent("anna")?;
    for path in TELEPHONY {
        assert_eq!(status(world, &agent, path).await?, 403, "{path}");
    }
    Ok(())
}
