//! Whether a request came through the citizen's site: then it has a header that only the site's distribution knows.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use lambda_http::http::HeaderMap;
use shared::config::{CannotStart, optional_variable};
use shared::problem::Problem;
use shared::request::SITE_HEADER;

/// What stands in the header; nothing where the API takes citizens' requests from anywhere.
///
/// It keeps no one from anything but from going round the limits of the site: it is no key to what is stored.
pub struct Site(Option<String>);

impl Site {
    /// Reads `SITE_SECRET`.
    pub fn from_environment() -> Result<Self, CannotStart> {
        optional_variable("SITE_SECRET").map(Self)
    }

    /// Refuses what came another way: [`Problem::NotThroughTheSite`].
    pub fn admit(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let Self(Some(secret)) = self else { return Ok(()) };
        let sent = headers.get(SITE_HEADER).map_or(&b""[..], |value| value.as_bytes());
        // In a time that does not tell how much of it is right.
        verify_slices_are_equal(sent, secret.as_bytes()).map_err(|_| Problem::NotThroughTheSite)
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::http::HeaderValue;

    use super::*;

    fn admits(secret: Option<&str>, sent: Option<&'static str>) -> bool {
        let mut headers = HeaderMap::new();
        if let Some(sent) = sent {
            headers.insert(SITE_HEADER, HeaderValue::from_static(sent));
        }
        Site(secret.map(str::to_owned)).admit(&headers).is_ok()
    }

    #[test]
    fn only_what_came_through_the_site_is_let_in() {
        assert!(admits(Some("right"), Some("right")));
        for sent in [None, Some(""), Some("righ"), Some("right!"), Some("wrong"), Some("Right")] {
            assert!(!admits(Some("right"), sent), "{sent:?}");
        }
    }

    #[test]
    fn without_a_secret_everyone_is_let_in() {
        assert!(admits(None, None) && admits(None, Some("x")));
    }
}
