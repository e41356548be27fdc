//! Who is trusted to be the server: [`ServerVerifier`].

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::TlsMode;

/// Verifies a server's certificate as far as the mode asks for it.
#[derive(Debug)]
pub(super) struct ServerVerifier {
    mode: TlsMode,
    provider: Arc<CryptoProvider>,
    authorities: Option<Authorities>,
}

#[derive(Debug)]
struct Authorities {
    verifier: Arc<WebPkiServerVerifier>,
    certificates: Vec<CertificateDer<'static>>,
}

impl ServerVerifier {
    pub(super) fn new(
        mode: TlsMode,
        roots: Option<Vec<CertificateDer<'static>>>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, String> {
        let authorities = match roots {
            None => None,
            Some(certificates) => {
                let mut store = RootCertStore::empty();
                store.add_parsable_certificates(certificates.iter().cloned());
                let verifier = WebPkiServerVerifier::builder_with_provider(
                    Arc::new(store),
                    Arc::clone(provider),
                )
                .build()
                .map_err(|error| format!("sslrootcert cannot be used: {error}"))?;
                Some(Authorities {
                    verifier,
                    certificates,
                })
            }
        };
        Ok(ServerVerifier {
            mode,
            provider: Arc::clone(provider),
            authorities,
        })
    }
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(authorities) = &self.authorities else {
            return Ok(ServerCertVerified::assertion());
        };
        let checked = authorities.verifier.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match checked {
            // A self-signed certificate that is itself named as the one to trust, as the server's
            // documentation makes it; webpki takes it for an authority only. No date is checked
            // then: it is this very certificate that the user trusts.
            Err(Error::InvalidCertificate(CertificateError::Other(_)))
                if authorities.certificates.iter().any(|c| c == end_entity) =>
            {
                if self.mode == TlsMode::VerifyFull {
                    verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                }
                Ok(ServerCertVerified::assertion())
            }
            // The name is checked last, so the chain is good where it alone is wrong.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.mode != TlsMode::VerifyFull => Ok(ServerCertVerified::assertion()),
            checked => checked,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}
