//! What is shown meanwhile, in a pseudo-terminal.

use std::fs::File;
use std::io::Read as _;
use std::process::Stdio;

use nix::pty::openpty;

use crate::project::Shop;

/// What the program writes to standard error where that is a terminal.
fn shown(shop: &Shop, arguments: &[&str], ci: Option<&str>) -> (Option<i32>, String) {
    let pty = openpty(None, None).unwrap();
    let mut command = shop.command(arguments);
    command
        .stdout(Stdio::null())
        .stderr(Stdio::from(pty.slave))
        .env_remove("CI")
        .env("TERM", "xterm");
    if let Some(ci) = ci {
        command.env("CI", ci);
    }
    let mut child = command.spawn().unwrap();
    // Our own copy of the terminal's other side goes with the command, or reading would never end.
    drop(command);
    let mut text = Vec::new();
    // Linux tells the end of a terminal by an error.
    let _ = File::from(pty.master).read_to_end(&mut text);
    let code = child.wait().unwrap().code();
    (code, String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn a_terminal_is_shown_what_is_running_and_how_far() {
    let shop = Shop::new();
    let (code, text) = shown(&shop, &["slow"], None);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("PostgreSQL"), "{text}");
    assert!(!text.contains('\n'), "one line, drawn in place: {text}");
    // Taken away at the end, so that the report stands alone.
    assert!(
        text.ends_with("\u{1b}[2K") || text.ends_with("\u{1b}[1A"),
        "{text:?}"
    );
}

#[test]
fn the_share_that_is_done_and_the_rest_are_told() {
    let shop = Shop::new().with_only_query("-- name: a\nSELECT pg_sleep(0.015);\n");
    for name in ["b", "c", "d"] {
        let query = format!("-- name: {name}\nSELECT pg_sleep(0.015);\n");
        shop.write(&format!("queries/{name}.sql"), &query);
    }
    let (_, text) = shown(&shop, &["slow"], None);
    assert!(text.contains("slow 2 of 4, c, about "), "{text}");
    assert!(text.contains(" s left"), "{text}");
}

#[test]
fn logs_and_the_quiet_are_shown_nothing() {
    let shop = Shop::new().with_only_query("-- name: one\nSELECT 1;\n");
    assert_eq!(
        shown(&shop, &["slow"], Some("true")),
        (Some(0), String::new())
    );
    assert_eq!(
        shown(&shop, &["slow", "--quiet"], None),
        (Some(0), String::new())
    );
}
