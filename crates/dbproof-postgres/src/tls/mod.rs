//! TLS to a server, with libpq's words for it: [`Tls`].
//!
//! rustls with the `ring` provider, so that nothing but a C compiler is needed to build it.

mod asynchronous;
mod binding;
mod files;
mod parameters;
mod verifier;

use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig, ClientConnection};

pub(crate) use asynchronous::MakeConnector;
pub(crate) use binding::end_point;
pub use files::trusted_certificates;
pub(crate) use parameters::{TlsParameters, take_parameters};

/// How much TLS a connection needs (libpq's `sslmode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsMode {
    /// TLS where the server offers it, without verifying whom it is spoken with.
    Prefer,
    /// TLS, without verifying whom it is spoken with.
    Require,
    /// The server's certificate is signed by a trusted authority.
    VerifyCa,
    /// It is, and it is the certificate of the host that was asked for.
    VerifyFull,
}

/// How TLS is spoken with one server.
#[derive(Debug, Clone)]
pub struct Tls {
    pub(crate) mode: TlsMode,
    pub(crate) direct: bool,
    pub(crate) config: Arc<ClientConfig>,
}

impl Tls {
    /// TLS as the parameters of a URL ask for it; none where they turn it off.
    ///
    /// Certificates are read here, so that a wrong path is known before anything runs.
    pub(crate) fn new(parameters: &TlsParameters, direct: bool) -> Result<Option<Self>, String> {
        let Some(mode) = parameters.mode()? else {
            if direct {
                return Err(weak_for_direct("disable"));
            }
            return Ok(None);
        };
        if direct && mode == TlsMode::Prefer {
            return Err(weak_for_direct("prefer"));
        }
        let roots = files::roots(parameters, mode)?;
        // A file of authorities makes `require` verify, as in libpq.
        let mode = match (mode, &roots) {
            (TlsMode::Require, Some(_)) => TlsMode::VerifyCa,
            (mode, _) => mode,
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = verifier::ServerVerifier::new(mode, roots, &provider)?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match files::client_identity(parameters)? {
            Some((chain, key)) => builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| format!("sslcert and sslkey cannot be used: {error}"))?,
            None => builder.with_no_client_auth(),
        };
        if direct {
            config.alpn_protocols = vec![b"postgresql".to_vec()];
        }
        Ok(Some(Tls {
            mode,
            direct,
            config: Arc::new(config),
        }))
    }

    /// How much TLS the connection needs.
    #[must_use]
    pub fn mode(&self) -> TlsMode {
        self.mode
    }

    /// Whether the handshake is the first thing that is sent (PostgreSQL 17), without asking.
    #[must_use]
    pub fn is_direct(&self) -> bool {
        self.direct
    }

    /// A new session of TLS with the host. What goes wrong is put into words by [`Tls::explain`].
    pub fn session(&self, host: &str) -> Result<ClientConnection, String> {
        ClientConnection::new(self.config.clone(), server_name(host)?)
            .map_err(|error| explain(&error, host))
    }

    /// Why a handshake with the host failed, in words that tell what to do.
    #[must_use]
    pub fn explain(error: &std::io::Error, host: &str) -> String {
        explain_io(error, host)
    }
}

fn weak_for_direct(mode: &str) -> String {
    format!("sslnegotiation=direct needs sslmode=require or stronger, not {mode}")
}

/// The host as a certificate names it.
pub(crate) fn server_name(host: &str) -> Result<ServerName<'static>, String> {
    ServerName::try_from(host.to_owned())
        .map_err(|_| format!("TLS cannot be spoken with `{host}`: that is not a host name"))
}

/// Why a handshake failed, in words that tell what to do.
fn explain(error: &rustls::Error, host: &str) -> String {
    let rustls::Error::InvalidCertificate(reason) = error else {
        return match error {
            rustls::Error::AlertReceived(alert) => {
                format!("the server ended the TLS handshake: {alert:?}")
            }
            error => format!("the TLS handshake failed: {error}"),
        };
    };
    match reason {
        CertificateError::UnknownIssuer => "the server's certificate is signed by no authority \
             that is trusted here; name the right one with sslrootcert=FILE"
            .to_owned(),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            let names = match reason {
                CertificateError::NotValidForNameContext { presented, .. }
                    if !presented.is_empty() =>
                {
                    presented.join(", ")
                }
                _ => "no host name that can be checked".to_owned(),
            };
            format!(
                "the server's certificate is not for `{host}` but for {names}; \
                 connect by a name that it holds, or use sslmode=verify-ca"
            )
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet".to_owned()
        }
        other => format!("the server's certificate is not acceptable: {other}"),
    }
}

/// The reason of an input or output error that TLS may be behind.
pub(crate) fn explain_io(error: &std::io::Error, host: &str) -> String {
    let inner = error.get_ref();
    match inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(error) => explain(error, host),
        None => error.to_string(),
    }
}
