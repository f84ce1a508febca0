//! What time it is for AWS, by the header `Date` of an answer: our own clock may be off.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_sdk_dynamodb::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::primitives::{DateTime, DateTimeFormat};

use crate::clock::UnixSeconds;

/// Takes the header `Date` from the answers of the operations that it is given to as an interceptor.
#[derive(Clone, Debug, Default)]
pub struct ServerDate(Arc<AtomicI64>);

impl ServerDate {
    /// What the last answer said; `None` if it did not say what time it is, or there was none.
    #[must_use]
    pub fn seconds(&self) -> Option<UnixSeconds> {
        Some(self.0.load(Ordering::Relaxed)).filter(|&seconds| seconds != 0)
    }
}

impl Intercept for ServerDate {
    fn name(&self) -> &'static str {
        "ServerDate"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        let date = date.and_then(|date| DateTime::from_str(date, DateTimeFormat::HttpDate).ok());
        self.0.store(date.map_or(0, |date| date.secs()), Ordering::Relaxed);
        Ok(())
    }
}
