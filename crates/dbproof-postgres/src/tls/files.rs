//! The files that TLS needs: authorities to trust, and the client's own certificate and key.

use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{TlsMode, TlsParameters};

/// The certificates to trust; `None` where nothing is verified.
pub(super) fn roots(
    parameters: &TlsParameters,
    mode: TlsMode,
) -> Result<Option<Vec<CertificateDer<'static>>>, String> {
    if parameters.system_roots() {
        return trusted_certificates("sslrootcert=system", None).map(Some);
    }
    let given = parameters.sslrootcert.as_ref().map(PathBuf::from);
    // libpq's own place, where nothing is said.
    let usual = || home_file("root.crt").filter(|file| file.exists());
    match (mode, given.or_else(usual)) {
        (TlsMode::Prefer, _) | (TlsMode::Require, None) => Ok(None),
        (TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull, Some(file)) => {
            trusted_certificates("sslrootcert", Some(&file)).map(Some)
        }
        (TlsMode::VerifyCa | TlsMode::VerifyFull, None) => Err(
            "sslmode=verify-ca and verify-full need sslrootcert=FILE, the certificates of the \
             authorities to trust, or sslrootcert=system"
                .to_owned(),
        ),
    }
}

/// The client's certificate and key, where they are named or lie in libpq's own place.
pub(super) fn client_identity(
    parameters: &TlsParameters,
) -> Result<Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>, String> {
    let file = |given: &Option<String>, usual: &str| match given {
        Some(path) => Some(PathBuf::from(path)),
        None => home_file(usual),
    };
    let Some(certificate) = file(&parameters.sslcert, "postgresql.crt") else {
        return Ok(None);
    };
    if parameters.sslcert.is_none() && !certificate.exists() {
        return Ok(None);
    }
    let key = file(&parameters.sslkey, "postgresql.key")
        .ok_or("sslcert needs sslkey=FILE, the private key of the certificate")?;
    let chain = certificates("sslcert", &certificate)?;
    let key = PrivateKeyDer::from_pem_file(&key)
        .map_err(|error| unreadable("sslkey", &key, &error.to_string()))?;
    Ok(Some((chain, key)))
}

/// The certificates to trust: those of a file in PEM form, or without one those of this system. `parameter` is
/// what the user knows the choice by.
///
/// # Errors
///
/// Why there are none, for the reader.
pub fn trusted_certificates(
    parameter: &str,
    file: Option<&Path>,
) -> Result<Vec<CertificateDer<'static>>, String> {
    if let Some(file) = file {
        return certificates(parameter, file);
    }
    let found = rustls_native_certs::load_native_certs().certs;
    if found.is_empty() {
        return Err(format!(
            "{parameter}: this system has no trusted authorities"
        ));
    }
    Ok(found)
}

fn certificates(parameter: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<_, _>>);
    let found: Vec<_> = read.map_err(|error| unreadable(parameter, file, &error.to_string()))?;
    if found.is_empty() {
        return Err(unreadable(
            parameter,
            file,
            "it holds no certificate in PEM form",
        ));
    }
    Ok(found)
}

fn unreadable(parameter: &str, file: &Path, reason: &str) -> String {
    format!("{parameter}: {} cannot be read: {reason}", file.display())
}

fn home_file(name: &str) -> Option<PathBuf> {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty())?;
    Some(Path::new(&home).join(".postgresql").join(name))
}
