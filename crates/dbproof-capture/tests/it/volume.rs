//! Much data, slow readers, and many sessions that end in every way: nothing is held or left.

use std::io::Read as _;
use std::process::Stdio;
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha12Rng;

use crate::raw::{Raw, SSL_REQUEST, V3_0, cancel, dial, startup};
use crate::scene::{Psql, Scene, outcome, wait_until};

/// What more may be held after so much has passed through, in bytes; less than what has passed, and more
/// than what the tests' own recorder and threads come to.
const FLAT: u64 = 32 << 20;

/// A figure of `/proc/self/status`, in bytes; `None` where the system has none.
fn memory(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim_matches([':', ' ', '\t', 'k', 'B']).parse().ok()?;
    Some(kib * 1024)
}

fn entries(folder: &str) -> Option<usize> {
    std::fs::read_dir(folder).ok().map(Iterator::count)
}

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
async fn a_hundred_megabytes_pass_both_ways_in_flat_memory() {
    let scene = Scene::new().await;
    scene.turn_tls_on().await;
    for (server, client) in [
        ("sslmode=disable", "sslmode=disable"),
        ("sslmode=require", "sslmode=require channel_binding=disable"),
    ] {
        let tee = scene.tee(server, |options| {
            options.offer_tls = dbproof_capture::tee::OfferTls::Always;
        });
        let port = tee.address().unwrap().port();
        let place = format!("host=127.0.0.1 port={port} {client}");
        let psql = || Psql::new(scene.server.binaries(), &place);
        psql()
            .run("DROP TABLE IF EXISTS copied; CREATE TABLE copied (line text)")
            .unwrap();
        let before = memory("VmHWM");
        let rows = "COPY (SELECT repeat(chr(97 + i % 26), 1023) FROM generate_series(1, 102400) i) TO STDOUT";
        let mut out = psql().command(rows).stdout(Stdio::piped()).spawn().unwrap();
        let output = out.stdout.take().unwrap();
        let copied = psql()
            .command("COPY copied FROM STDIN")
            .stdin(Stdio::from(output))
            .output()
            .unwrap();
        outcome(&copied).unwrap();
        assert!(out.wait().unwrap().success());
        let sum =
            psql().run("SELECT count(*), sum(length(line)), count(DISTINCT line) FROM copied");
        assert_eq!(sum.unwrap(), "102400|104755200|26");
        let (before, after) = (before.unwrap_or(0), memory("VmHWM").unwrap_or(0));
        assert!(after <= before + FLAT, "{before} then {after}");
    }
    scene.stop();
}

/// One message of 300 MB: none is held until it is whole.
#[tokio::test]
async fn a_message_of_any_length_passes_in_flat_memory() {
    let scene = Scene::new().await;
    let before = memory("VmHWM").unwrap_or(0);
    let mut copying = scene
        .psql("sslmode=disable")
        .command("COPY (SELECT repeat('x', 300000000)) TO STDOUT")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = copying.stdout.take().unwrap();
    let mut buffer = vec![0; 1 << 16];
    let mut length = 0;
    while let count @ 1.. = output.read(&mut buffer).unwrap() {
        length += count;
    }
    assert!(copying.wait().unwrap().success());
    assert_eq!(length, 300_000_001);
    let after = memory("VmHWM").unwrap_or(0);
    assert!(after <= before + FLAT, "{before} then {after}");
    let shown = scene.recorder.sessions()[0].server_bytes;
    assert!(shown > 300_000_000, "{shown}");
    scene.stop();
}

#[tokio::test]
async fn a_reader_that_is_slow_holds_the_server_up() {
    let scene = scene().await;
    let mut raw = Raw::begin(dial(scene.tee_port()).unwrap(), V3_0, "bob").unwrap();
    let before = memory("VmHWM").unwrap_or(0);
    raw.query("COPY (SELECT repeat('y', 1000) FROM generate_series(1, 100000)) TO STDOUT")
        .unwrap();
    let watching = dbproof_postgres::connect(scene.server.address())
        .await
        .unwrap();
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'bob' AND wait_event = 'ClientWrite'";
    while watching.text(sql).await.unwrap().as_deref() != Some("1") {}
    // Nobody reads, so the server waits, and what it has written lies in the sockets' buffers. Other
    // sessions go on meanwhile.
    assert_eq!(scene.psql("sslmode=disable").run("SELECT 1").unwrap(), "1");
    let shown = scene.recorder.sessions()[0].server_bytes;
    assert!(shown < 50_000_000, "{shown}");
    let after = memory("VmHWM").unwrap_or(0);
    assert!(after <= before + FLAT, "{before} then {after}");
    assert_eq!(raw.answer().unwrap(), None);
    let shown = scene.recorder.sessions()[0].server_bytes;
    assert!(shown > 100_000_000, "{shown}");
    scene.stop();
}

/// What one client of the soak does; whether the server refused it does not matter.
fn misbehave(port: u16, random: &mut ChaCha12Rng) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut stream = dial(port)?;
    let reset = random.random_bool(0.5);
    let linger = nix::libc::linger {
        l_onoff: i32::from(reset),
        l_linger: 0,
    };
    nix::sys::socket::setsockopt(&stream, nix::sys::socket::sockopt::Linger, &linger)?;
    match random.random_range(0..10) {
        0 => return Ok(()),
        1 => return stream.write_all(&startup(V3_0, "bob")[..random.random_range(1..20)]),
        2 => return stream.write_all(&SSL_REQUEST),
        3 => return stream.write_all(&[0x16, 3, 1, 0, 200, 1, 0]),
        4 => return stream.write_all(b"GET / HTTP/1.1\r\n\r\n"),
        _ => {}
    }
    let mut raw = Raw::begin(stream, V3_0, "bob")?;
    match random.random_range(0..6) {
        0 => {
            raw.query("SELECT 1")?;
            raw.answer()?;
            raw.send(b'X', &[])
        }
        1 => {
            raw.query("SELECT pg_sleep(600)")?;
            cancel(port, &raw.key)?;
            // A request that came before the statement has cancelled nothing, so it is repeated.
            raw.stream
                .set_read_timeout(Some(Duration::from_millis(200)))?;
            while raw.message().is_err() {
                cancel(port, &raw.key)?;
            }
            Ok(())
        }
        2 => {
            raw.query("COPY (SELECT repeat('z', 1000) FROM generate_series(1, 10000)) TO STDOUT")?;
            (0..random.random_range(0..2000)).try_for_each(|_| raw.message().map(|_| ()))
        }
        3 => {
            raw.query("SELECT pg_terminate_backend(pg_backend_pid())")?;
            raw.answer().map(|_| ())
        }
        4 => raw.query("SELECT pg_sleep(0.1)"),
        _ => raw.send(b'Q', b"SELECT 'half of a mess"),
    }
}

#[tokio::test]
async fn two_hundred_connections_that_die_at_random_leave_nothing() {
    const CONNECTIONS: u64 = 200;
    const TIMES: usize = 6;
    let scene = scene().await;
    let port = scene.tee_port();
    let soak = |seed: u64| {
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|client| {
                std::thread::spawn(move || {
                    let mut random = ChaCha12Rng::seed_from_u64(seed * CONNECTIONS + client);
                    let ends = (0..TIMES).map(|_| misbehave(port, &mut random).is_ok());
                    ends.filter(|well| *well).count()
                })
            })
            .collect();
        clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .sum::<usize>()
    };
    let left = || [entries("/proc/self/fd"), entries("/proc/self/task")];
    let before = left();
    let is_clean = || {
        // Fewer is right as well: the connections that set the scene may have closed meanwhile.
        let fewer = left()
            .iter()
            .zip(&before)
            .all(|(now, before)| now <= before);
        scene.tee.report().open == 0 && fewer
    };
    // The first soak makes the allocator's arenas and the table of sessions.
    assert!(soak(0) > 0);
    wait_until("all sockets and threads are gone", is_clean);
    let settled = memory("VmRSS").unwrap_or(0);
    for seed in 1..4 {
        assert!(soak(seed) > 0);
        wait_until("all sockets and threads are gone", is_clean);
    }
    let after = memory("VmRSS").unwrap_or(0);
    assert!(after <= settled + FLAT, "{settled} then {after}");
    let report = scene.tee.report();
    assert!(
        report.sessions > 500 && report.cancel_requests > 20,
        "{report:?}"
    );
    let sessions = scene.recorder.sessions();
    assert!(sessions.iter().all(|seen| seen.closed.is_some()));
    assert_eq!(
        scene.psql("sslmode=disable").run("SELECT 'alive'").unwrap(),
        "alive"
    );
    scene.stop();
}
