//! The small HTTP servers of this crate.

use std::net::SocketAddr;
use std::sync::LazyLock;

use anyhow::{Context, Result};
use axum::Router;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

/// Servers run on threads of their own: a test has its own runtime, and what it started there would end with it.
static RUNTIME: LazyLock<std::io::Result<Runtime>> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name("local-server").enable_all().build()
});

/// A server on 127.0.0.1, until it is dropped.
pub struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    /// Serves what `router` makes of the server's address, on `port` or, if that is 0 or taken, on a free one.
    pub async fn start(port: u16, router: impl FnOnce(SocketAddr) -> Router + Send + 'static) -> Result<Self> {
        let runtime = RUNTIME.as_ref().context("cannot start the servers' threads")?;
        runtime
            .spawn(async move {
                let listener = match TcpListener::bind(("127.0.0.1", port)).await {
                    Ok(listener) => listener,
                    Err(_) => TcpListener::bind("127.0.0.1:0").await?,
                };
                let address = listener.local_addr()?;
                let router = router(address);
                let listener = listener.tap_io(|stream| {
                    let _ = stream.set_nodelay(true);
                });
                let task = tokio::spawn(async move {
                    let _ = axum::serve(listener, router).await;
                });
                Ok(Self { address, task })
            })
            .await?
    }

    /// Where it listens, as `127.0.0.1:port`.
    #[must_use]
    pub fn authority(&self) -> String {
        self.address.to_string()
    }

    /// Its address, as `http://127.0.0.1:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A port for a program that cannot choose one itself: `preferred`, or a free one if that is 0 or taken.
pub fn free_port(preferred: u16) -> Result<u16> {
    let [port] = free_ports([preferred])?;
    Ok(port)
}

/// The same for several, of which no two are alike.
pub fn free_ports<const N: usize>(preferred: [u16; N]) -> Result<[u16; N]> {
    // All are held until the last is found.
    let mut held = Vec::new();
    let mut ports = [0; N];
    for (port, preferred) in ports.iter_mut().zip(preferred) {
        let listener =
            std::net::TcpListener::bind(("127.0.0.1", preferred)).or_else(|_| std::net::TcpListener::bind("127.0.0.1:0"))?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}
