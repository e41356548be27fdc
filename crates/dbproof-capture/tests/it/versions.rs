//! What only new versions of the protocol do, and what no client does by mistake.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};

use crate::raw::{Raw, SSL_REQUEST, V3_0, V3_2, cancel, dial, startup};
use crate::scene::Scene;

/// Trusts everybody: what is tested is the tee.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let provider = rustls::crypto::ring::default_provider();
        provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

fn client(protocol: &[u8]) -> ClientConnection {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody))
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    let name = ServerName::try_from("localhost").unwrap();
    ClientConnection::new(Arc::new(config), name).unwrap()
}

/// `bob` needs no password, so that the tests' own client gets in.
async fn scene() -> Scene {
    let scene = Scene::new().await;
    let session = dbproof_postgres::connect(scene.server.address())
        .await
        .unwrap();
    session.run("CREATE ROLE bob LOGIN").await.unwrap();
    let port = scene.port;
    let probe = || Raw::begin(dial(port).unwrap(), V3_0, "bob").is_ok();
    scene.admit("host all bob 127.0.0.1/32 trust", probe).await;
    scene
}

#[tokio::test]
async fn direct_tls_is_spoken_with_who_speaks_postgresql() {
    let scene = scene().await;
    let port = scene.tee_port();
    let stream = StreamOwned::new(client(b"postgresql"), dial(port).unwrap());
    let mut raw = Raw::begin(stream, V3_0, "bob").unwrap();
    assert_eq!(
        raw.stream.conn.alpn_protocol(),
        Some(b"postgresql".as_slice())
    );
    raw.query("SELECT 1").unwrap();
    assert_eq!(raw.answer().unwrap(), None);
    let mut other = StreamOwned::new(client(b"http/1.1"), dial(port).unwrap());
    let error = other
        .write_all(b"x")
        .and_then(|()| other.flush())
        .unwrap_err();
    assert!(
        error.to_string().contains("NoApplicationProtocol"),
        "{error}"
    );
    scene.stop();
}

#[tokio::test]
async fn what_follows_a_request_for_encryption_unencrypted_is_refused() {
    let scene = scene().await;
    let mut stream = dial(scene.tee_port()).unwrap();
    let bytes = [SSL_REQUEST.as_slice(), &startup(V3_0, "bob")].concat();
    stream.write_all(&bytes).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let words = String::from_utf8_lossy(&answer);
    assert!(words.contains("received unencrypted data"), "{words}");
    scene.stop();
}

/// Servers from 18 on give keys of up to 256 bytes to clients that speak 3.2; older ones negotiate
/// 3.0. Both are the server's to decide.
#[tokio::test]
async fn protocol_3_2_passes_through_and_so_do_its_cancel_keys() {
    let scene = scene().await;
    let port = scene.tee_port();
    let long_keys = scene.server.binaries().version.major >= 18;
    for (version, longer) in [(V3_0, false), (V3_2, long_keys)] {
        let mut raw = Raw::begin(dial(port).unwrap(), version, "bob").unwrap();
        assert_eq!(raw.key.len() > 8, longer, "{}", raw.key.len());
        raw.query("SELECT pg_sleep(600)").unwrap();
        crate::passing::sleeps(&scene).await;
        cancel(port, &raw.key).unwrap();
        let error = raw.answer().unwrap().expect("an error");
        assert!(error.contains("57014"), "{error}");
    }
    assert_eq!(scene.tee.report().cancel_requests, 2);
    scene.stop();
}

/// A first packet that comes byte by byte is the same packet.
#[tokio::test]
async fn a_startup_packet_may_come_in_pieces() {
    let scene = scene().await;
    let mut stream = dial(scene.tee_port()).unwrap();
    let bytes = startup(V3_0, "bob");
    for byte in &bytes {
        stream.write_all(&[*byte]).unwrap();
    }
    let mut answer = [0; 9];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, *b"R\0\0\0\x08\0\0\0\0");
    let shown = scene.recorder.sessions();
    assert_eq!(shown[0].client, bytes);
    scene.stop();
}
