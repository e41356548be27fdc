//! TLS with a real server and authorities of the tests' own.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use dbproof_postgres::{Address, EphemeralServer, MeasuringConnection, connect};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType};

use crate::server;

/// What becomes of a connection.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    Encrypted,
    Plain,
    /// It fails, and the message says this.
    Refused(&'static str),
}
use Outcome::{Encrypted, Plain, Refused};

/// A server with TLS, its authority, and a certificate for the role `certified`.
struct Scene {
    server: EphemeralServer,
    port: String,
}

const PASSWORD: &str = "s3cret";

impl Scene {
    async fn new(with_tls: bool) -> Scene {
        let server = server().await;
        let session = connect(server.address()).await.unwrap();
        session
            .run(&format!(
                "CREATE ROLE ann LOGIN PASSWORD '{PASSWORD}';
                 CREATE ROLE certified LOGIN; CREATE ROLE plain LOGIN"
            ))
            .await
            .unwrap();
        let port = session.text("SHOW port").await.unwrap().unwrap();
        let scene = Scene { server, port };
        if with_tls {
            scene.write_certificates();
            let folder = scene.server.folder().display();
            for (name, value) in [
                ("ssl_cert_file", format!("{folder}/server.crt")),
                ("ssl_key_file", format!("{folder}/server.key")),
                ("ssl_ca_file", format!("{folder}/ca.crt")),
                ("ssl", "on".to_owned()),
            ] {
                let sql = format!("ALTER SYSTEM SET {name} = '{value}'");
                session.run(&sql).await.unwrap();
            }
            scene.admit();
            session.run("SELECT pg_reload_conf()").await.unwrap();
            // The reload reaches new connections a moment later.
            let url = scene.url("ann", "sslmode=require");
            let ready = (0..1000).any(|_| MeasuringConnection::open(&url).is_ok());
            assert!(ready, "{}", scene.server.log_tail());
        }
        scene
    }

    fn write_certificates(&self) {
        let (ca, ca_key) = authority("the right authority");
        self.write("ca.crt", &ca.self_signed(&ca_key).unwrap().pem());
        let issuer = Issuer::new(ca, ca_key);
        for (file, names, common) in [
            ("server", vec!["localhost".to_owned()], "server"),
            ("client", Vec::new(), "certified"),
        ] {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new(names).unwrap();
            params.distinguished_name.push(DnType::CommonName, common);
            let certificate = params.signed_by(&key, &issuer).unwrap();
            self.write(&format!("{file}.crt"), &certificate.pem());
            self.write(&format!("{file}.key"), &key.serialize_pem());
        }
        let (other, key) = authority("another authority");
        self.write("other.crt", &other.self_signed(&key).unwrap().pem());
    }

    /// Writes a file that belongs to the one who runs the server.
    fn write(&self, name: &str, text: &str) {
        let path = self.file(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let owner = self.server.folder().metadata().unwrap();
        chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
    }

    /// `certified` comes with a certificate, and `plain` only without TLS.
    fn admit(&self) {
        let hba = self.file("data/pg_hba.conf");
        let lines = std::fs::read_to_string(&hba).unwrap();
        let ours = "hostssl all certified 127.0.0.1/32 cert\n\
                    hostssl all plain 127.0.0.1/32 reject\n\
                    hostnossl all plain 127.0.0.1/32 trust\n";
        std::fs::write(&hba, format!("{ours}{lines}")).unwrap();
    }

    fn file(&self, name: &str) -> PathBuf {
        self.server.folder().join(name)
    }

    fn url(&self, user: &str, parameters: &str) -> Address {
        self.url_of(user, "localhost", parameters).unwrap()
    }

    /// `{name}` in the parameters stands for the file of that name.
    fn url_of(&self, user: &str, host: &str, parameters: &str) -> Result<Address, String> {
        let folder: &Path = self.server.folder();
        let parameters = parameters
            .replace('{', &format!("{}/", folder.display()))
            .replace('}', "");
        let port = &self.port;
        let url = format!("postgres://{user}:{PASSWORD}@{host}:{port}/postgres?{parameters}");
        Address::parse(&url).map_err(|error| error.to_string())
    }

    /// Both connections come to the same end.
    async fn check(&self, user: &str, host: &str, parameters: &str, expected: Outcome) {
        const PROOF: &str = "SELECT 1 / ssl::int FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        let address = self.url_of(user, host, parameters).unwrap();
        let measuring = match MeasuringConnection::open(&address) {
            Ok(mut connection) => Ok(connection.run(PROOF).is_ok()),
            Err(error) => Err(error.to_string()),
        };
        let ordinary = match connect(&address).await {
            Ok(session) => Ok(session.run(PROOF).await.is_ok()),
            Err(error) => Err(error.to_string()),
        };
        for outcome in [measuring, ordinary] {
            let right = match (&outcome, expected) {
                (Ok(encrypted), Encrypted) => *encrypted,
                (Ok(encrypted), Plain) => !*encrypted,
                (Err(message), Refused(words)) => {
                    message.contains(words) && !message.contains(PASSWORD)
                }
                _ => false,
            };
            assert!(
                right,
                "{user}@{host} {parameters}: {outcome:?}, not {expected:?}"
            );
        }
    }
}

fn authority(name: &str) -> (CertificateParams, KeyPair) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    (params, KeyPair::generate().unwrap())
}

#[tokio::test]
async fn sslmode_means_what_it_means_to_libpq() {
    let scene = Scene::new(true).await;
    let direct = match scene.server.binaries().version.major {
        17.. => Encrypted,
        // It takes the handshake for a startup packet of an unknown protocol.
        _ => Refused("failed to connect"),
    };
    let unknown = Refused("signed by no authority");
    for (user, host, parameters, expected) in [
        ("ann", "localhost", "", Encrypted),
        ("ann", "localhost", "sslmode=disable", Plain),
        ("ann", "localhost", "sslmode=prefer", Encrypted),
        ("plain", "localhost", "sslmode=prefer", Plain),
        ("plain", "localhost", "sslmode=require", Refused("28000")),
        ("ann", "127.0.0.1", "sslmode=require", Encrypted),
        (
            "ann",
            "localhost",
            "sslmode=require&sslrootcert={other.crt}",
            unknown,
        ),
        (
            "ann",
            "127.0.0.1",
            "sslmode=require&sslrootcert={ca.crt}",
            Encrypted,
        ),
        (
            "ann",
            "127.0.0.1",
            "sslmode=verify-ca&sslrootcert={ca.crt}",
            Encrypted,
        ),
        (
            "ann",
            "localhost",
            "sslmode=verify-ca&sslrootcert={other.crt}",
            unknown,
        ),
        (
            "ann",
            "localhost",
            "sslmode=verify-full&sslrootcert={ca.crt}",
            Encrypted,
        ),
        (
            "ann",
            "127.0.0.1",
            "sslmode=verify-full&sslrootcert={ca.crt}",
            Refused("not for `127.0.0.1` but for"),
        ),
        ("ann", "localhost", "sslrootcert=system", unknown),
        (
            "ann",
            "localhost",
            "sslmode=require&channel_binding=require",
            Encrypted,
        ),
        (
            "ann",
            "localhost",
            "sslmode=disable&channel_binding=require",
            Refused("channel"),
        ),
        (
            "ann",
            "localhost",
            "sslmode=require&sslnegotiation=direct",
            direct,
        ),
        (
            "certified",
            "localhost",
            "sslmode=require&sslcert={client.crt}&sslkey={client.key}",
            Encrypted,
        ),
        (
            "certified",
            "localhost",
            "sslmode=require",
            Refused("certificate"),
        ),
    ] {
        scene.check(user, host, parameters, expected).await;
    }
}

/// As the server's documentation makes one for testing: its own authority.
#[tokio::test]
async fn a_self_signed_certificate_can_be_the_one_to_trust() {
    let scene = Scene::new(true).await;
    let (mut params, key) = authority("self-signed");
    params.subject_alt_names = vec![SanType::DnsName("localhost".try_into().unwrap())];
    scene.write("server.crt", &params.self_signed(&key).unwrap().pem());
    scene.write("server.key", &key.serialize_pem());
    let session = connect(scene.server.address()).await.unwrap();
    session.run("SELECT pg_reload_conf()").await.unwrap();
    let full = "sslmode=verify-full&sslrootcert={server.crt}";
    let ready = (0..1000).any(|_| MeasuringConnection::open(&scene.url("ann", full)).is_ok());
    assert!(
        ready,
        "{:?}",
        MeasuringConnection::open(&scene.url("ann", full))
    );
    for (host, parameters, expected) in [
        ("localhost", full, Encrypted),
        ("127.0.0.1", full, Refused("not for `127.0.0.1`")),
        (
            "127.0.0.1",
            "sslmode=verify-ca&sslrootcert={server.crt}",
            Encrypted,
        ),
        (
            "localhost",
            "sslmode=verify-ca&sslrootcert={ca.crt}",
            Refused("certificate"),
        ),
    ] {
        scene.check("ann", host, parameters, expected).await;
    }
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_tls_is_asked_for() {
    let scene = Scene::new(false).await;
    for (parameters, expected) in [
        ("", Plain),
        ("sslmode=require", Refused("server does not support TLS")),
    ] {
        scene.check("ann", "localhost", parameters, expected).await;
    }
}

#[tokio::test]
async fn unusable_files_are_named() {
    let scene = Scene::new(true).await;
    for (parameters, words) in [
        ("sslmode=verify-full&sslrootcert={gone.crt}", "gone.crt"),
        (
            "sslmode=verify-full&sslrootcert={server.key}",
            "no certificate",
        ),
        (
            "sslmode=require&sslcert={client.crt}&sslkey={gone.key}",
            "gone.key",
        ),
        (
            "sslmode=require&sslcert={client.crt}&sslkey={server.key}",
            "sslcert and sslkey",
        ),
    ] {
        let error = scene.url_of("ann", "localhost", parameters).unwrap_err();
        assert!(error.contains(words), "{parameters}: {error}");
        assert!(!error.contains(PASSWORD), "{error}");
    }
}

#[tokio::test]
async fn a_large_answer_comes_whole() {
    let scene = Scene::new(true).await;
    let address = scene.url("ann", "sslmode=verify-full&sslrootcert={ca.crt}");
    let mut connection = MeasuringConnection::open(&address).unwrap();
    let statement = connection
        .prepare("SELECT repeat('x', i % 3000) FROM generate_series(1, $1::int) i")
        .unwrap();
    for rows in [0, 1, 20_000] {
        let request = connection
            .encode(&statement, &[Some(rows.to_string())])
            .unwrap();
        assert_eq!(connection.execute(&request).unwrap(), rows);
    }
}
