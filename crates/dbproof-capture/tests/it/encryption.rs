//! TLS on either side, and authentication through it, with the real libpq.

use std::path::Path;

use dbproof_capture::tee::{OfferTls, ProblemKind, Tee, TeeOptions};

use crate::recorder::Recorder;
use crate::scene::{PASSWORD, Psql, Scene, url, wait_until};

/// What becomes of psql's connection: how it ended, on the application's side and the server's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Encrypted from psql to the tee, and from there to the server.
    Sides(bool, bool),
    /// It fails, and psql says this.
    Fails(&'static str),
}
use Outcome::{Fails, Sides};

/// Asks the server whether its side is encrypted, and libpq whether its own is.
fn outcome(scene: &Scene, port: u16, parameters: &str) -> Result<(bool, bool), String> {
    let place = format!("host=localhost hostaddr=127.0.0.1 port={port} {parameters}");
    let mut command = Psql::new(scene.server.binaries(), &place)
        .command("SELECT 'server ' || ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
    // From PostgreSQL 18 on it is a table.
    command.args(["--command", "\\conninfo"]);
    let text = crate::scene::outcome(&command.output().unwrap())?;
    let client = text.contains("SSL connection") || text.contains("SSL Connection|true");
    Ok((client, text.contains("server true")))
}

fn check(scene: &Scene, tee: &Tee<Recorder>, parameters: &str, expected: Outcome) {
    let port = tee.address().unwrap().port();
    let seen = outcome(scene, port, parameters);
    let right = match (&seen, expected) {
        (Ok(sides), Sides(client, server)) => *sides == (client, server),
        (Err(words), Fails(expected)) => words.contains(expected) && !words.contains(PASSWORD),
        _ => false,
    };
    assert!(right, "{parameters}: {seen:?}, not {expected:?}");
}

#[tokio::test]
async fn an_application_speaks_tls_as_it_likes_where_the_server_has_none() {
    let scene = Scene::new().await;
    for server in ["sslmode=disable", "sslmode=prefer"] {
        let tee = scene.tee(server, |_| {});
        for (parameters, expected) in [
            ("sslmode=disable", Sides(false, false)),
            ("sslmode=prefer", Sides(true, false)),
            ("", Sides(true, false)),
            ("sslmode=require", Sides(true, false)),
            (
                "sslmode=require channel_binding=disable",
                Sides(true, false),
            ),
            (
                "sslmode=require channel_binding=require",
                Fails("channel binding is required, but"),
            ),
        ] {
            check(&scene, &tee, parameters, expected);
        }
        assert_eq!(tee.report().problems, []);
    }
    let never = scene.tee("sslmode=disable", |options| {
        options.offer_tls = OfferTls::Never;
    });
    check(&scene, &never, "sslmode=prefer", Sides(false, false));
    assert_eq!(never.report().problems, []);
    check(
        &scene,
        &never,
        "sslmode=require",
        Fails("server does not support SSL"),
    );
    wait_until("the tee notices", || !never.report().problems.is_empty());
    let problem = never.report().problems.remove(0);
    assert_eq!(problem.kind, ProblemKind::Encryption);
    assert!(problem.message.contains("sslmode=prefer"), "{problem}");
    scene.stop();
}

/// SCRAM binds itself to the server's certificate where libpq sees one.
#[tokio::test]
async fn scram_works_where_the_servers_side_is_encrypted() {
    let scene = Scene::new().await;
    scene.turn_tls_on().await;
    for server in ["", "sslmode=require"] {
        let tee = scene.tee(server, |_| {});
        for parameters in [
            "sslmode=disable",
            "sslmode=prefer",
            "",
            "channel_binding=disable",
        ] {
            check(&scene, &tee, parameters, Sides(false, true));
        }
        assert_eq!(tee.report().problems, []);
        check(
            &scene,
            &tee,
            "sslmode=require",
            Fails("server does not support SSL"),
        );
        check(
            &scene,
            &tee,
            "channel_binding=require",
            Fails("channel binding required, but SSL not in use"),
        );
        wait_until("the tee notices", || tee.report().problems.len() == 2);
        let report = tee.report();
        let kinds: Vec<ProblemKind> = report.problems.iter().map(|p| p.kind).collect();
        assert!(kinds.contains(&ProblemKind::ChannelBinding), "{report:?}");
        assert!(kinds.contains(&ProblemKind::Encryption), "{report:?}");
    }
    scene.stop();
}

#[tokio::test]
async fn where_both_sides_are_encrypted_only_binding_fails_and_says_what_to_set() {
    let scene = Scene::new().await;
    let (certificate, key) = scene.turn_tls_on().await;
    let always = scene.tee("sslmode=require", |options| {
        options.offer_tls = OfferTls::Always;
    });
    let hint = Fails("Set channel_binding=disable (PGCHANNELBINDING=disable) in the application");
    for (parameters, expected) in [
        ("sslmode=require channel_binding=disable", Sides(true, true)),
        ("sslmode=require channel_binding=prefer", hint),
        ("sslmode=require channel_binding=require", hint),
        ("sslmode=disable", Sides(false, true)),
    ] {
        check(&scene, &always, parameters, expected);
    }
    let problems = always.report().problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].kind, ProblemKind::ChannelBinding);
    // The server's own certificate is one that can be bound to, and it may be verified as well.
    let own = scene.tee("sslmode=require", |options| {
        options.certificate = Some((certificate.clone(), key));
    });
    let verify = format!("sslmode=verify-full sslrootcert={}", certificate.display());
    for parameters in [
        "",
        "channel_binding=require",
        "channel_binding=disable",
        &verify,
    ] {
        check(&scene, &own, parameters, Sides(true, true));
    }
    assert_eq!(own.report().problems, []);
    scene.stop();
}

#[tokio::test]
async fn a_server_that_does_not_come_up_to_its_sslmode_is_told_to_the_application() {
    let scene = Scene::new().await;
    let strict = scene.tee("sslmode=require", |_| {});
    let refusal = "the server does not support TLS, and sslmode asks for it";
    for parameters in ["sslmode=disable", "sslmode=prefer", "sslmode=require"] {
        check(&scene, &strict, parameters, Fails(refusal));
    }
    scene.turn_tls_on().await;
    check(&scene, &strict, "sslmode=disable", Sides(false, true));
    let other = scene.server.folder().join("other.crt");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(&other, made.cert.pem()).unwrap();
    let verifying = format!("sslmode=verify-ca&sslrootcert={}", other.display());
    let distrusting = scene.tee(&verifying, |_| {});
    check(
        &scene,
        &distrusting,
        "sslmode=disable",
        Fails("certificate"),
    );
    let problems = distrusting.report().problems;
    assert_eq!(problems[0].kind, ProblemKind::ServerUnreachable);
    scene.stop();
}

#[tokio::test]
async fn trust_md5_and_passwords_in_clear_text_pass_through() {
    let scene = Scene::new().await;
    scene.turn_tls_on().await;
    let direct = |user: &str| {
        let place = format!("host=127.0.0.1 port={} user={user}", scene.port);
        let psql = Psql::new(scene.server.binaries(), &place);
        psql.run("SELECT 1").is_ok()
    };
    let session = dbproof_postgres::connect(scene.server.address())
        .await
        .unwrap();
    let sql = format!(
        "SET password_encryption = 'md5'; CREATE ROLE old LOGIN PASSWORD '{PASSWORD}';
         CREATE ROLE trusted LOGIN; CREATE ROLE clear LOGIN PASSWORD '{PASSWORD}'"
    );
    session.run(&sql).await.unwrap();
    let lines = "host all trusted 127.0.0.1/32 trust\n\
                 host all old 127.0.0.1/32 md5\n\
                 host all clear 127.0.0.1/32 password";
    scene
        .admit(lines, || {
            direct("trusted") && direct("old") && direct("clear")
        })
        .await;
    for (server, offer) in [
        ("sslmode=disable", OfferTls::default()),
        ("sslmode=require", OfferTls::Always),
        ("sslmode=require", OfferTls::Never),
    ] {
        let tee = scene.tee(server, |options| options.offer_tls = offer);
        let encrypted = server == "sslmode=require";
        let sides = Sides(offer != OfferTls::Never, encrypted);
        for user in ["trusted", "old", "clear"] {
            check(&scene, &tee, &format!("user={user}"), sides);
        }
        let wrong = outcome(
            &scene,
            tee.address().unwrap().port(),
            "user=old password=wrong",
        );
        let words = wrong.unwrap_err();
        assert!(words.contains("password authentication failed"), "{words}");
        assert_eq!(tee.report().problems, []);
    }
    scene.stop();
}

/// Cancel requests go the way of the sessions, which matters where the server takes TLS alone.
#[tokio::test]
async fn a_cancel_request_reaches_a_server_that_is_encrypted() {
    let scene = Scene::new().await;
    scene.turn_tls_on().await;
    for (offer, parameters) in [
        (OfferTls::Never, "sslmode=disable"),
        (OfferTls::Always, "sslmode=require channel_binding=disable"),
    ] {
        let tee = scene.tee("sslmode=require", |options| options.offer_tls = offer);
        let place = format!(
            "host=127.0.0.1 port={} {parameters}",
            tee.address().unwrap().port()
        );
        let sleeping = Psql::new(scene.server.binaries(), &place);
        crate::passing::cancel(&scene, sleeping).await;
        assert_eq!(tee.report().cancel_requests, 1);
        assert_eq!(tee.report().problems, []);
    }
    scene.stop();
}

#[test]
fn unusable_certificates_are_named() {
    let mut options = TeeOptions::new(url(1, "sslmode=disable"));
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.crt");
    std::fs::write(&empty, "").unwrap();
    let missing = Path::new("/nowhere/tee.crt").to_owned();
    for (certificate, words) in [
        (missing, "/nowhere/tee.crt"),
        (empty, "holds no certificate"),
    ] {
        options.certificate = Some((certificate.clone(), certificate));
        let error = Tee::start(&options, Recorder::default())
            .unwrap_err()
            .to_string();
        assert!(error.contains(words), "{error}");
    }
}
