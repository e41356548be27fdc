//! What GitHub Actions reads from a job's output and summary: [`annotations`] and, through
//! [`markdown`], the step summary.

use dbproof_model::{CheckOutcome, Location, RunRecord, SeedRecord, Severity, Verdict};

use crate::document::one_line;
use crate::figures;
use crate::formats::Format;
use crate::issues::{self, Issue};
use crate::markdown;

/// Annotations of a run.
pub(crate) const FORMAT: Format<RunRecord> = Format {
    among_lines: true,
    job_summary: Some(markdown::within),
    ..Format::new("github", "report.github.txt", |record, _| {
        annotations(record)
    })
};

/// Annotations of a seed.
pub(crate) const SEED: Format<SeedRecord> = Format {
    among_lines: true,
    ..Format::new("github", "report.github.txt", |record, _| of_seed(record))
};

/// GitHub shows so many annotations of a kind for a step, and drops the rest without a word.
const SHOWN: usize = 10;

/// An annotation before it is written.
struct Annotation {
    severity: Severity,
    title: String,
    message: String,
    place: Option<Location>,
}

/// The findings as workflow commands, one a line: errors, warnings, notices, each at most ten, which is
/// as many as GitHub shows. Where there are more, the tenth says how many, and that the summary has
/// them.
#[must_use]
pub fn annotations(record: &RunRecord) -> String {
    let all: Vec<Annotation> = issues::of(record).into_iter().map(annotation).collect();
    lines(&all)
}

fn annotation(issue: Issue) -> Annotation {
    let mut message = issue.about();
    if let Some(sql) = issue.sql {
        message.extend(["\n", &sql]);
    }
    Annotation {
        severity: issue.severity,
        title: format!("dbproof {}: {}", issue.code, issue.title),
        message,
        place: issue.place,
    }
}

fn of_seed(record: &SeedRecord) -> String {
    let mut all: Vec<Annotation> = Vec::new();
    for check in &record.checks {
        if check.outcome == CheckOutcome::Differs {
            let figure = |value: Option<f64>| {
                value.map_or_else(|| figures::ABSENT.to_owned(), figures::number)
            };
            let reason = check.reason.clone().unwrap_or_else(|| {
                format!(
                    "asked {}, found {}",
                    figure(check.asked),
                    figure(check.found)
                )
            });
            let column = match check.column.as_str() {
                "" => String::new(),
                column => format!(".{column}"),
            };
            let what = format!("{}{column} {}", check.table, check.statistic);
            all.push(Annotation {
                severity: Severity::Error,
                title: "dbproof seed: a statistic differs from what was asked for".to_owned(),
                message: format!("{what}: {reason}"),
                place: None,
            });
        }
    }
    if record.verdict == Verdict::Inconclusive {
        all.push(Annotation {
            severity: Severity::Warning,
            title: "dbproof seed: not decided".to_owned(),
            message: "no statistic could be held against what was asked for".to_owned(),
            place: None,
        });
    }
    lines(&all)
}

fn lines(all: &[Annotation]) -> String {
    let mut text = String::new();
    for severity in [Severity::Error, Severity::Warning, Severity::Info] {
        let of_kind: Vec<&Annotation> = all.iter().filter(|a| a.severity == severity).collect();
        let shown = match of_kind.len() {
            n if n <= SHOWN => n,
            _ => SHOWN - 1,
        };
        for annotation in &of_kind[..shown] {
            text.push_str(&line(annotation));
        }
        let left = of_kind.len() - shown;
        if left > 0 {
            text.push_str(&line(&Annotation {
                severity,
                title: format!("dbproof: {} more", figures::count(left as u64)),
                message: format!(
                    "{} more of severity {}; the job's summary and the report have them",
                    figures::count(left as u64),
                    severity.as_str()
                ),
                place: None,
            }));
        }
    }
    text
}

/// `::error file=queries/a.sql,line=3,title=…::…`
fn line(annotation: &Annotation) -> String {
    let command = match annotation.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "notice",
    };
    let mut properties = Vec::new();
    if let Some(place) = &annotation.place {
        properties.push(format!("file={}", property(&place.file)));
        properties.push(format!("line={}", place.line));
    }
    properties.push(format!("title={}", property(&one_line(&annotation.title))));
    format!(
        "::{command} {}::{}\n",
        properties.join(","),
        data(&annotation.message)
    )
}

/// What stands behind the second `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// What stands between commas before the second `::`.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn annotated(severity: Severity, count: usize) -> Vec<Annotation> {
        let one = |n| Annotation {
            severity,
            title: format!("number {n}"),
            message: "m".to_owned(),
            place: None,
        };
        (0..count).map(one).collect()
    }

    #[test]
    fn what_would_end_a_command_or_a_property_is_escaped() {
        let nasty = Annotation {
            severity: Severity::Error,
            title: "100 %, a:b\nc".to_owned(),
            message: "x::y, 5 %\r\nz".to_owned(),
            place: Some(Location {
                file: "a,b:c%.sql".to_owned(),
                line: 3,
            }),
        };
        assert_eq!(
            line(&nasty),
            "::error file=a%2Cb%3Ac%25.sql,line=3,title=100 %25%2C a%3Ab c::x::y, 5 %25%0D%0Az\n"
        );
    }

    #[test]
    fn of_each_kind_github_shows_ten_and_the_tenth_counts_the_rest() {
        let mut all = annotated(Severity::Info, 10);
        all.extend(annotated(Severity::Warning, 11));
        all.extend(annotated(Severity::Error, 1));
        let text = lines(&all);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 21);
        assert!(lines[0].starts_with("::error title=number 0::"));
        assert!(lines[9].starts_with("::warning title=number 8::"));
        assert!(
            lines[10].starts_with("::warning title=dbproof%3A 2 more::2 more of severity warning")
        );
        assert!(lines[20].starts_with("::notice title=number 9::"));
    }
}
