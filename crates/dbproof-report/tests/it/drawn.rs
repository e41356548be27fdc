//! Every reporter on every record.

use dbproof_model::RunRecord;
use dbproof_report::{
    markdown,
    terminal::{self, Style},
};

use crate::sample;

/// Records that tempt a reporter to divide by zero, to cut a character in two, or to run over.
fn awkward() -> Vec<(&'static str, RunRecord)> {
    vec![
        ("full", sample::full()),
        ("empty", sample::empty()),
        ("hollow", sample::hollow()),
        ("without figures", sample::without_figures()),
        ("empty strings", sample::filled_with("")),
        ("long", sample::filled_with(&"endless".repeat(200))),
        (
            "wide",
            sample::filled_with("テーブル名前は長い e\u{301}\u{200d}👩‍👩‍👧 مرحبا"),
        ),
        (
            "lines",
            sample::filled_with("one\r\n\n# two\n\t- three\n```\nfour\n~~~"),
        ),
        (
            "control",
            sample::filled_with("\u{1b}[2J\u{7}\u{202e}txt\0\u{9b}31m"),
        ),
        ("watched", sample::watched()),
        (
            "watched long",
            sample::watched_filled_with(&"endless ".repeat(200)),
        ),
        (
            "watched control",
            sample::watched_filled_with("\u{1b}[2J\n# a\u{202e}b"),
        ),
    ]
}

#[test]
fn a_full_record_on_a_terminal() {
    insta::assert_snapshot!(terminal::render(&sample::full(), &Style::default()));
}

#[test]
fn a_mix_tells_its_rate_and_the_weights() {
    let mut record = sample::full();
    let slow = record.scenarios.slow.as_mut().unwrap();
    slow.mix = Some(dbproof_model::SlowMix {
        executions: 2031,
        throughput_per_s: Some(2026.4),
        server_ms: Some(0.0477),
        open_loop: slow.queries[1]
            .open_loop
            .take()
            .map(|open_loop| dbproof_model::OpenLoop {
                kept_up: false,
                ..open_loop
            }),
    });
    slow.queries[1].weight = Some(2.5);
    let drawn = [
        terminal::render(&record, &Style::default()),
        markdown::render(&record),
        dbproof_report::html::render(&record),
    ];
    for text in drawn {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for expected in [
            "A mix of 2,031 executions, 2026 a second; the server worked 0.0477 ms on each",
            "open loop, not kept up: 200 a second asked, 203.4 offered, 203.3 reached, 37 delayed",
            "at weight 2.5",
        ] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
    }
}

#[test]
fn a_watch_on_a_terminal_and_as_markdown() {
    insta::assert_snapshot!(terminal::render(&sample::watched(), &Style::default()));
    insta::assert_snapshot!(markdown::render(&sample::watched()));
}

#[test]
fn a_run_in_which_nothing_ran_on_a_terminal() {
    insta::assert_snapshot!(terminal::render(&sample::empty(), &Style::default()));
}

#[test]
fn scenarios_that_saw_nothing_on_a_terminal() {
    insta::assert_snapshot!(terminal::render(&sample::hollow(), &Style::default()));
}

#[test]
fn a_full_record_as_markdown() {
    insta::assert_snapshot!(markdown::render(&sample::full()));
}

#[test]
fn markdown_keeps_its_shape_whatever_the_fields_hold() {
    let attack =
        "x | y \\| z `c` ``` </details><script>alert(1)</script> ![i](javascript:x) @team\n\n# h";
    let record = sample::filled_with(attack);
    let plain = markdown::render(&sample::filled_with("harmless"));
    let text = markdown::render(&record);

    let outside = without_code(&text);
    assert!(!outside.contains("<script"), "{outside}");
    assert!(!outside.contains("</details><"), "{outside}");
    assert!(!outside.contains("![i]"), "{outside}");
    assert!(!outside.contains("@team"), "{outside}");
    // The same headings, rows with the same columns, and the same folds as for harmless fields.
    let shape = |text: &str| -> Vec<String> {
        let lines = without_code(text);
        let kept = lines
            .lines()
            .filter(|line| line.starts_with(['#', '|', '<']));
        kept.map(|l| format!("{} {}", &l[..1], l.matches('|').count()))
            .collect()
    };
    assert_eq!(shape(&text), shape(&plain));
}

#[test]
fn markdown_of_awkward_records_is_drawn() {
    for (name, record) in awkward() {
        let text = markdown::render(&record);
        assert!(
            text.ends_with('\n') && text.starts_with("## dbproof"),
            "{name}"
        );
        assert!(text.len() < 1_000_000, "{name}");
    }
}

/// What is left of Markdown without its fenced blocks and code spans.
fn without_code(text: &str) -> String {
    let mut fence: Option<String> = None;
    let mut kept = String::new();
    for line in text.lines() {
        let ticks: String = line.chars().take_while(|c| *c == '`').collect();
        match &fence {
            Some(open) if line == open => fence = None,
            Some(_) => {}
            None if ticks.len() >= 3 => fence = Some(ticks),
            None => {
                let outside: Vec<&str> = line.split('`').step_by(2).collect();
                kept.push_str(&outside.join(" "));
                kept.push('\n');
            }
        }
    }
    assert_eq!(fence, None, "a fence is left open");
    kept
}

#[test]
fn no_terminal_line_is_wider_than_asked_and_none_drives_the_terminal() {
    for (name, record) in awkward() {
        for width in [24, 40, 80, 132] {
            let text = terminal::render(
                &record,
                &Style {
                    color: false,
                    width,
                },
            );
            for line in text.lines() {
                let taken = unicode_width::UnicodeWidthStr::width(line);
                assert!(
                    taken <= width.max(60),
                    "{name} at {width}: {line:?} takes {taken}"
                );
                assert!(
                    width < 60 || taken <= width,
                    "{name} at {width}: {line:?} takes {taken}"
                );
                assert!(!line.contains(char::is_control), "{name}: {line:?}");
                assert!(!line.contains('\u{202e}'), "{name}: {line:?}");
            }
        }
    }
}

#[test]
fn colours_change_nothing_but_colours() {
    for (name, record) in awkward() {
        let plain = terminal::render(
            &record,
            &Style {
                color: false,
                width: 80,
            },
        );
        let colored = terminal::render(
            &record,
            &Style {
                color: true,
                width: 80,
            },
        );
        assert_ne!(plain, colored, "{name}");
        assert_eq!(plain, without_escapes(&colored), "{name}");
    }
}

fn without_escapes(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    let stripped: String = parts
        .map(|part| part.split_once('m').map_or(part, |(_, rest)| rest))
        .collect();
    // Blanks at the end of a painted line stand before its reset and are kept there.
    (first + &stripped)
        .lines()
        .map(|line| line.trim_end().to_owned() + "\n")
        .collect()
}
