//! `dbproof watch` where a session cannot be read any further: the application does not notice, and nobody
//! takes the run for a pass.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::project::{Run, Shop, wait_until};
use crate::server::Server;

/// A client that says what no driver says.
struct Raw(TcpStream);

impl Raw {
    /// A session of `bob`, whom the server trusts; `None` where it does not yet.
    fn begin(place: &str) -> Option<Raw> {
        let mut raw = Raw(TcpStream::connect(place).ok()?);
        let body = b"\0\x03\0\0user\0bob\0database\0postgres\0\0";
        let length = u32::try_from(4 + body.len()).unwrap();
        raw.0.write_all(&length.to_be_bytes()).unwrap();
        raw.0.write_all(body).unwrap();
        let answer = raw.answer();
        answer.iter().all(|(kind, _)| *kind != b'E').then_some(raw)
    }

    fn send(&mut self, kind: u8, body: &[u8]) {
        let length = u32::try_from(4 + body.len()).unwrap();
        let message = [&[kind], &length.to_be_bytes()[..], body].concat();
        self.0.write_all(&message).unwrap();
    }

    /// What the server says up to `ReadyForQuery`, or until it closes the connection.
    fn answer(&mut self) -> Vec<(u8, String)> {
        let mut messages = Vec::new();
        let mut header = [0; 5];
        while self.0.read_exact(&mut header).is_ok() {
            let [kind, a, b, c, d] = header;
            let mut body = vec![0; u32::from_be_bytes([a, b, c, d]) as usize - 4];
            self.0.read_exact(&mut body).unwrap();
            messages.push((kind, String::from_utf8_lossy(&body).into_owned()));
            if kind == b'Z' {
                break;
            }
        }
        messages
    }
}

#[test]
fn a_session_that_cannot_be_read_goes_on_and_makes_the_run_inconclusive() {
    let shop = Shop::new();
    let server = Server::start();
    server.run("CREATE ROLE bob LOGIN");
    server.trust("bob");
    let url = server.url();
    let place = url.split(['@', '/']).nth(3).unwrap();
    wait_until("the server trusts bob", || Raw::begin(place).is_some());
    let mut child = shop
        .command(&["watch", "--database-url", &url, "--listen", "0"])
        .args(["--format", "terminal", "--format", "json=r.json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = String::new();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    stderr.read_line(&mut told).unwrap();
    let listening = told.split("connect to ").nth(1).unwrap();
    let mut raw = Raw::begin(listening.split(' ').next().unwrap()).unwrap();

    raw.send(b'Q', b"SELECT 41\0");
    assert!(raw.answer().iter().any(|(_, body)| body.contains("41")));
    // A Parse that ends before it tells how many types it has: the server refuses it and goes on.
    raw.send(b'P', b"\0SELECT 1\0");
    raw.send(b'S', b"");
    let refused = raw.answer();
    assert_eq!(refused[0].0, b'E', "{refused:?}");
    assert!(refused[0].1.contains("08P01"), "{refused:?}");
    raw.send(b'Q', b"SELECT 42\0");
    assert!(raw.answer().iter().any(|(_, body)| body.contains("42")));
    raw.send(b'X', b"");
    assert!(raw.answer().is_empty());

    kill(
        Pid::from_raw(i32::try_from(child.id()).unwrap()),
        Signal::SIGINT,
    )
    .unwrap();
    let run = Run::new(&child.wait_with_output().unwrap());
    assert_eq!(run.code, 4, "{}", run.stdout);
    let reason = "session 1 was not read: the application sent a message 'P' that cannot be read";
    let text = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains(reason), "{text}");
    assert!(text.contains("capture-incomplete"), "{text}");
    let record: Value = serde_json::from_str(&shop.read("r.json")).unwrap();
    assert_eq!(record["verdict"], "inconclusive");
    let nplusone = &record["scenarios"]["nplusone"];
    assert_eq!(nplusone["verdict"], "inconclusive");
    assert_eq!(nplusone["complete"], false);
    // What was read before it stands.
    assert_eq!(record["scenarios"]["watch"]["executions"], 1);
}
