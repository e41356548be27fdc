//! The HTML file: whole, self-contained, and not to be broken out of.

use dbproof_model::RunRecord;
use dbproof_report::html;

use crate::sample;

#[test]
fn a_full_record() {
    let html = html::render(&sample::full());
    if let Some(path) = std::env::var_os("DBPROOF_HTML") {
        std::fs::write(path, &html).expect("the named file can be written");
    }
    insta::assert_snapshot!(html);
}

#[test]
fn a_watch_shows_its_statements_first() {
    let html = html::render(&sample::watched());
    let at = |text: &str| html.find(text).expect(text);
    assert!(at("Where the time went") < at("N+1 statements"));
    assert!(at("pointed") > at("refused"));
    let attack = "<script>alert(1)</script>";
    assert!(!html::render(&sample::watched_filled_with(attack)).contains("<script"));
}

#[test]
fn nothing_is_loaded_and_nothing_runs() {
    let html = html::render(&sample::full());
    assert!(html.contains("default-src 'none'; style-src 'unsafe-inline'"));
    for loading in [
        "<script", "src=", "href=", "@import", "url(", "http://", "https://", "onload",
    ] {
        assert!(!html.contains(loading), "{loading}");
    }
}

#[test]
fn no_field_becomes_markup() {
    for attack in [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onload='x",
        "</pre></style>&amp;",
    ] {
        let html = html::render(&sample::filled_with(attack));
        assert!(!html.contains("<script"), "{attack}");
        assert!(!html.contains("<img"), "{attack}");
        assert!(!html.contains(attack), "{attack}");
        assert_eq!(
            tags(&html),
            tags(&html::render(&sample::filled_with("harmless"))),
            "{attack}"
        );
    }
}

#[test]
fn every_tag_that_opens_closes() {
    let mut records: Vec<RunRecord> = vec![sample::full(), sample::empty(), sample::hollow()];
    records.extend([
        sample::without_figures(),
        sample::filled_with(""),
        sample::filled_with("é\u{202e}漢"),
    ]);
    for record in records {
        let mut open = Vec::new();
        for tag in tags(&html::render(&record)) {
            match tag.strip_prefix('/') {
                Some(name) => assert_eq!(open.pop().as_deref(), Some(name)),
                None if ["!doctype", "meta", "line"].contains(&tag.as_str()) => {}
                None => open.push(tag),
            }
        }
        assert_eq!(open, [] as [String; 0]);
    }
}

/// The names of the tags in their order.
fn tags(html: &str) -> Vec<String> {
    let parts = html.split('<').skip(1);
    let end = |c: char| c.is_whitespace() || c == '>';
    parts
        .map(|part| part.split(end).next().unwrap_or_default().to_owned())
        .collect()
}
