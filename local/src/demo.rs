//! The four parties of a call, to be played by clicking: the citizen's page, the agent portal, and one page that shows
//! both of them beside a wallet and a telephone. The tests of the web pages play on the same.

mod control;

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Result;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::{Mutex, RwLock};

use crate::operate::{Operator, always_open, example_purpose};
use crate::server::{Server, free_ports};
use crate::site::Site;
use crate::wallet::Wallet;
use crate::{Progress, Stack, issuer};

/// Where the pages are, if these ports are free.
const PORTS: Ports = Ports { demo: 8000, citizen: 5173, agent: 5174 };

struct Ports {
    demo: u16,
    citizen: u16,
    agent: u16,
}

/// The pages. They end when this is dropped.
pub struct Demo {
    places: Places,
    _servers: [Server; 3],
}

/// The address of each part, without a slash at its end.
#[derive(Clone, Debug, Serialize)]
pub struct Places {
    /// The page with everything on it.
    pub demo: String,
    /// The citizen's page.
    pub citizen: String,
    /// The agent portal.
    pub agent: String,
    /// The API itself; the pages reach it under `/api/`.
    pub api: String,
    /// The agents' issuer.
    pub issuer: String,
    /// The municipality's IRMA server.
    pub irma: String,
}

/// What the handlers of the control API share.
struct Control {
    stack: Arc<Stack>,
    places: Places,
    wallets: RwLock<HashMap<Citizen, Arc<Wallet>>>,
    /// The wallet that is at it, if one is: a citizen does one thing at a time.
    busy: RwLock<Option<Arc<Wallet>>>,
    /// Sessions that the wallet has ended, by their place among the calls of the API.
    ended: Mutex<Vec<usize>>,
}

/// Who has a wallet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Citizen {
    #[default]
    Willeke,
    Jochem,
}

impl Demo {
    /// Builds the pages and serves them on the ports that this crate's program has, or on free ones if `any_port`.
    pub async fn start(stack: &Arc<Stack>, any_port: bool, progress: Progress<'_>) -> Result<Self> {
        let web = stack.tools().web(progress).await?;
        let preferred = if any_port { [0; 3] } else { [PORTS.demo, PORTS.citizen, PORTS.agent] };
        let [demo, citizen, agent] = free_ports(preferred)?;
        let at = |port: u16| format!("http://127.0.0.1:{port}");
        let irma = stack.irma.lock().await.url();
        let places = Places {
            demo: at(demo),
            citizen: at(citizen),
            agent: at(agent),
            api: stack.url(),
            issuer: stack.issuer.url(),
            irma: irma.clone(),
        };
        stack.issuer.allow(&places.agent);

        let framed_by = [places.demo.clone()];
        let issuer = [places.issuer.clone()];
        // The portal logs in by the issuer's page in a frame, which comes back to a page of the portal's own.
        let itself = "'self'".to_owned();
        let portal_frames = [itself.clone(), places.issuer.clone()];
        let portal_framed_by = [itself, places.demo.clone()];
        let citizen_site =
            Site { files: &web.join("citizen/dist"), config: None, connects_to: &[irma], framed_by: &framed_by, frames: &[] };
        let agent_site = Site {
            files: &web.join("agent/dist"),
            config: Some(portal_configuration(&places)),
            connects_to: &issuer,
            framed_by: &portal_framed_by,
            frames: &portal_frames,
        };
        let pages = [places.citizen.clone(), places.agent.clone()];
        let demo_site = Site { files: &web.join("demo/dist"), config: None, connects_to: &[], framed_by: &[], frames: &pages };
        let control = Arc::new(Control {
            stack: stack.clone(),
            places: places.clone(),
            wallets: RwLock::default(),
            busy: RwLock::default(),
            ended: Mutex::default(),
        });
        let servers = [
            citizen_site.serve(citizen, stack.url()).await?,
            agent_site.serve(agent, stack.url()).await?,
            demo_site.serve_with(demo, stack.url(), control::routes(control)).await?,
        ];
        Ok(Self { places, _servers: servers })
    }

    /// Where everything is.
    #[must_use]
    pub fn places(&self) -> &Places {
        &self.places
    }
}

/// Puts the purposes that come with the project, open day and night, and one that is never open.
pub async fn fill_parameters(stack: &Stack, operator: &Operator<'_>) -> Result<()> {
    operator.fill_parameters().await?;
    let mut closed = always_open(example_purpose(stack, "burgerzaken")?);
    // A day that is not named is closed; this one is over before anyone calls.
    closed["openingHours"] = json!({"weekly": {"monday": [{"from": "03:00", "to": "03:01"}]}});
    operator.put_purpose("gesloten", &closed).await
}

/// What the portal's `config.json` says on this machine.
fn portal_configuration(places: &Places) -> Value {
    json!({
        "api": "/api",
        "oidc": {"authority": places.issuer, "clientId": issuer::AUDIENCE, "scope": format!("openid {}", issuer::SCOPE)},
        "idleMinutes": 15,
        "softphoneOrigins": [places.demo],
        "screenPop": true,
        "language": "nl",
    })
}
