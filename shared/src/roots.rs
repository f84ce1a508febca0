//! The system's root certificates, from its bundle. Left to themselves, the AWS SDK and `reqwest` read the folder beside it
//! as well, where the same certificates lie one by one: that takes longer than all else before a function's first event
//! (docs/performance.md).

use std::fs;
use std::sync::LazyLock;

use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, pem::PemObject};

static BUNDLE: LazyLock<Option<Vec<u8>>> = LazyLock::new(|| {
    // Whoever sets these wants other roots than the system's: the libraries know how.
    if ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().any(|name| std::env::var_os(name).is_some()) {
        return None;
    }
    systems().filter(|pem| is_usable(pem))
});

fn systems() -> Option<Vec<u8>> {
    fs::read(openssl_probe::probe().cert_file?).ok()
}

/// The bundle, as PEM. `None` where there is none, or where one of its certificates can't be used: a library that is handed
/// such a bundle would panic or refuse it, and one that is not searches the system itself, and leaves that one out.
pub fn bundle() -> Option<&'static [u8]> {
    BUNDLE.as_deref()
}

/// A client of servers outside AWS, that trusts the system's roots.
pub fn http_client() -> reqwest::ClientBuilder {
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    match bundle().map(reqwest::Certificate::from_pem_bundle) {
        Some(Ok(certificates)) => client.tls_certs_only(certificates),
        _ => client,
    }
}

fn is_usable(pem: &[u8]) -> bool {
    let mut roots = RootCertStore::empty();
    let all = CertificateDer::pem_slice_iter(pem).all(|certificate| certificate.is_ok_and(|der| roots.add(der).is_ok()));
    all && !roots.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_used_only_if_every_certificate_in_it_can_be() {
        let bundle = systems().expect("this system has a bundle of root certificates");
        assert!(is_usable(&bundle));
        assert!(!is_usable(b""));
        let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(!is_usable(broken));
        assert!(!is_usable(&[&bundle, &broken[..]].concat()));
    }
}
