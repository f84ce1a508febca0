//! The clients of HTTP, and the system's root certificates, which they trust, from its bundle. Left to themselves, the AWS SDK
//! and `reqwest` read the folder beside it as well, where the same certificates lie one by one: that takes longer than all else
//! before a function's first event (docs/performance.md).

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpConnector};
use reqwest::ClientBuilder;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};

/// As PEM; `None` if there is no such file.
static BUNDLE: LazyLock<Option<Vec<u8>>> = LazyLock::new(|| {
    // Whoever sets these wants other roots than the system's: the libraries know how.
    let is_set = |name: &&str| std::env::var_os(name).is_some();
    if ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().any(is_set) { None } else { systems() }
});

fn systems() -> Option<Vec<u8>> {
    fs::read(openssl_probe::probe().cert_file?).ok().filter(|pem| has_certificates(pem))
}

fn has_certificates(pem: &[u8]) -> bool {
    CertificateDer::pem_slice_iter(pem).next().is_some()
}

/// The connections to AWS, of all its clients. Each is made within a second, or given up.
pub fn aws_connector() -> SharedHttpConnector {
    aws_connector_trusting(BUNDLE.as_deref())
}

fn aws_connector_trusting(bundle: Option<&[u8]>) -> SharedHttpConnector {
    let settings = HttpConnectorSettings::builder().connect_timeout(Duration::from_secs(1)).build();
    let builder = Connector::builder().connector_settings(settings).tls_provider(Provider::Rustls(CryptoMode::AwsLc));
    let trusting = |pem| {
        let context = TlsContext::builder().with_trust_store(TrustStore::empty().with_pem_certificate(pem)).build().ok()?;
        // The library panics at a certificate that can't be used. Searching the system itself, it leaves that one out.
        catch_unwind(AssertUnwindSafe(|| builder.clone().tls_context(context).build())).ok()
    };
    SharedHttpConnector::new(bundle.and_then(trusting).unwrap_or_else(|| builder.build()))
}

/// A client of servers outside AWS.
pub fn http_client() -> ClientBuilder {
    http_client_trusting(BUNDLE.as_deref())
}

fn http_client_trusting(bundle: Option<&[u8]>) -> ClientBuilder {
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    // As the library would do it, but that it reads each certificate twice.
    let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider())).with_safe_default_protocol_versions();
    match (bundle.and_then(roots), tls) {
        (Some(roots), Ok(tls)) => {
            let mut tls = tls.with_root_certificates(roots).with_no_client_auth();
            tls.alpn_protocols = vec![b"http/1.1".to_vec()];
            client.tls_backend_preconfigured(tls)
        }
        _ => client,
    }
}

/// The roots in a bundle, if every certificate in it can be used.
fn roots(pem: &[u8]) -> Option<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let all = CertificateDer::pem_slice_iter(pem).all(|certificate| certificate.is_ok_and(|der| roots.add(der).is_ok()));
    (all && !roots.is_empty()).then_some(roots)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::sync::mpsc::{Receiver, channel};
    use std::thread;

    use aws_smithy_runtime_api::client::http::HttpConnector as _;
    use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    use rustls::crypto::SupportedKxGroup;
    use rustls::pki_types::PrivateKeyDer;
    use rustls::{NamedGroup, ServerConfig, ServerConnection, StreamOwned};

    use super::*;

    #[test]
    fn every_certificate_of_the_systems_bundle_can_be_used() {
        assert!(roots(&systems().expect("this system has a bundle of root certificates")).is_some());
    }

    /// A root certificate as PEM, and the address of a server whose certificate it signed. The server answers 204.
    fn server() -> (String, String) {
        let (root, address, _) = server_that_tells();
        (root, address)
    }

    /// The same, and the key exchange of each connection over which it answered.
    fn server_that_tells() -> (String, String, Receiver<Option<NamedGroup>>) {
        let (tell, told) = channel();
        let mut root = CertificateParams::default();
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = CertifiedIssuer::self_signed(root, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &root).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let tls = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let tls = tls.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let tls = Arc::new(tls.with_single_cert(vec![certificate.der().clone()], key).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(&tls)).unwrap(), stream.unwrap());
                // Who does not trust it hangs up.
                if stream.read(&mut [0; 1024]).is_ok() {
                    let _ = tell.send(stream.conn.negotiated_key_exchange_group().map(SupportedKxGroup::name));
                    let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
                }
            }
        });
        (root.pem(), address, told)
    }

    async fn is_trusted(address: &str, bundle: &str) -> [bool; 2] {
        let client = http_client_trusting(Some(bundle.as_bytes())).build().unwrap();
        let answer = client.get(address).send().await;
        let connector = aws_connector_trusting(Some(bundle.as_bytes()));
        let aws = connector.call(HttpRequest::get(address).unwrap()).await;
        [answer.is_ok_and(|answer| answer.status().is_success()), aws.is_ok_and(|answer| answer.status().is_success())]
    }

    #[tokio::test]
    async fn a_server_is_trusted_by_its_root_and_by_no_other() {
        let ((root, address), (other, _)) = (server(), server());
        assert_eq!(is_trusted(&address, &root).await, [true, true]);
        assert_eq!(is_trusted(&address, &format!("{other}{root}")).await, [true, true]);
        assert_eq!(is_trusted(&address, &other).await, [false, false]);
    }

    // What is recorded today must not be read when X25519 can be broken.
    #[tokio::test]
    async fn keys_are_agreed_with_x25519_and_ml_kem() {
        let (root, address, told) = server_that_tells();
        assert_eq!(is_trusted(&address, &root).await, [true, true]);
        for client in ["of the IRMA server", "of AWS"] {
            assert_eq!(told.recv().unwrap(), Some(NamedGroup::X25519MLKEM768), "the client {client}");
        }
    }

    #[test]
    fn a_file_without_certificates_is_no_bundle() {
        let (root, _) = server();
        assert!(has_certificates(root.as_bytes()));
        assert!(!has_certificates(b""));
        assert!(!has_certificates(KeyPair::generate().unwrap().serialize_pem().as_bytes()));
    }

    #[tokio::test]
    async fn a_bundle_with_a_broken_certificate_is_not_used() {
        const BROKEN: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let (root, address) = server();
        assert_eq!(is_trusted(&address, &format!("{root}{BROKEN}")).await, [false, false]);
    }
}
