//! What the tee shows to applications that speak TLS: [`certificate`].

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::TeeError;

/// TLS on the application's side.
#[derive(Debug, Clone)]
pub(super) struct ClientTls {
    pub(super) config: Arc<ServerConfig>,
    /// The certificate that is shown, to be compared with the server's.
    pub(super) certificate: Vec<u8>,
}

/// TLS with the given certificate and key, or with one that is made for this tee.
pub(super) fn client_tls(files: Option<(&Path, &Path)>) -> Result<ClientTls, TeeError> {
    let (chain, key) = match files {
        Some((certificate, key)) => supplied(certificate, key)?,
        None => ephemeral()?,
    };
    let certificate = chain.first().map(|c| c.to_vec()).unwrap_or_default();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| TeeError::Certificate(error.to_string()))?;
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    // As the server: no session is taken up again.
    config.send_tls13_tickets = 0;
    Ok(ClientTls {
        config: Arc::new(config),
        certificate,
    })
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn supplied(certificate: &Path, key: &Path) -> Result<Identity, TeeError> {
    let unreadable = |file: &Path, reason: String| {
        TeeError::Certificate(format!("{} cannot be read: {reason}", file.display()))
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(certificate, error.to_string()))?;
    if chain.is_empty() {
        let reason = "it holds no certificate in PEM form".to_owned();
        return Err(unreadable(certificate, reason));
    }
    let key =
        PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, error.to_string()))?;
    Ok((chain, key))
}

fn ephemeral() -> Result<Identity, TeeError> {
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let made = rcgen::generate_simple_self_signed(names)
        .map_err(|error| TeeError::Certificate(error.to_string()))?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    Ok((vec![made.cert.der().clone()], key.into()))
}
