//! Logs: one JSON line an event, at level INFO and above. The workspace compiles lower levels out, and of the crate `log`,
//! which some libraries write to, all levels. No environment variable changes that: there is no filter to set.

use std::panic;

/// Sets up logging, and keeps the text of a panic out of it: only its place is written.
pub fn init() {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false)
        .with_max_level(tracing::Level::INFO)
        .init();
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|at| (at.file(), at.line()));
        let (file, line) = place.unwrap_or(("unknown", 0));
        tracing::error!(file, line, "a panic");
    }));
}
