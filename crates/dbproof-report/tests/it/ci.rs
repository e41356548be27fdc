//! What CI systems are given: each format on every record, held against its schema, and never a pass
//! where something was not decided.

use dbproof_model::{RunRecord, Severity, Verdict};
use dbproof_report::{benchmark, github, gitlab, junit, sarif};
use roxmltree::Document;
use serde_json::Value;

use crate::{sample, xsd};

pub(crate) const JUNIT: &str = include_str!("schemas/junit-10.xsd");
const SARIF: &str = include_str!("schemas/sarif-2.1.0.json");

/// Records of every kind, with whatever may stand in a field.
fn records() -> Vec<(&'static str, RunRecord)> {
    let nasty =
        "]]>\u{1b}[2J\u{7}\0 <a b=\"c\"> & 100 %\r\n::error file=x,line=1::y\u{fffe}\u{202e} é漢";
    vec![
        ("full", sample::full()),
        ("empty", sample::empty()),
        ("hollow", sample::hollow()),
        ("without figures", sample::without_figures()),
        ("nasty", sample::filled_with(nasty)),
        ("empty strings", sample::filled_with("")),
        ("long", sample::filled_with(&"endless ".repeat(200))),
        ("watched", sample::watched()),
        ("watched nasty", sample::watched_filled_with(nasty)),
        ("all passed", passed()),
        ("all undecided", undecided()),
    ]
}

/// A run that passed and found nothing.
fn passed() -> RunRecord {
    let mut record = sample::full();
    record.findings.clear();
    record.verdict = Verdict::Pass;
    let scenarios = &mut record.scenarios;
    scenarios.regress = None;
    scenarios.deadlock = None;
    scenarios.nplusone = None;
    let slow = scenarios.slow.as_mut().expect("the sample ran slow");
    slow.verdict = Verdict::Pass;
    for query in &mut slow.queries {
        query.verdict = Verdict::Pass;
    }
    record
}

/// A run that could decide nothing, and found nothing either.
fn undecided() -> RunRecord {
    let mut record = passed();
    record.verdict = Verdict::Inconclusive;
    let slow = record.scenarios.slow.as_mut().expect("it ran slow");
    slow.verdict = Verdict::Inconclusive;
    slow.queries[0].verdict = Verdict::Inconclusive;
    record
}

#[test]
fn junit_keeps_to_the_schema_of_jenkins() {
    for (name, record) in records() {
        let text = junit::render(&record);
        assert_eq!(
            xsd::errors(JUNIT, &text),
            [] as [String; 0],
            "{name}: {text}"
        );
        counts_are_right(&text);
    }
}

/// The counts that a system shows are those of the cases.
fn counts_are_right(text: &str) {
    let document = Document::parse(text).expect("XML");
    for node in document.descendants() {
        if !["testsuite", "testsuites"].contains(&node.tag_name().name()) {
            continue;
        }
        let count = |tag: &str| {
            let found = node.descendants().filter(|n| n.tag_name().name() == tag);
            Some(found.count().to_string())
        };
        let told = |name: &str| node.attribute(name).map(str::to_owned);
        assert_eq!(told("tests"), count("testcase"));
        assert_eq!(told("failures"), count("failure"));
        assert_eq!(told("errors"), count("error"));
    }
    let mut names: Vec<(Option<&str>, Option<&str>)> = document
        .descendants()
        .filter(|node| node.tag_name().name() == "testcase")
        .map(|node| (node.attribute("classname"), node.attribute("name")))
        .collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all, "a case is known by its name: {text}");
}

#[test]
fn junit_is_as_red_as_the_run() {
    for (name, record) in records() {
        let text = junit::render(&record);
        let (failures, errors) = (text.contains("<failure"), text.contains("<error"));
        match record.verdict {
            // Failing is more than undecided.
            Verdict::Fail => assert!(failures, "{name}: {text}"),
            Verdict::Inconclusive => assert!(errors, "{name}: {text}"),
            Verdict::Pass => assert!(!failures && !errors, "{name}: {text}"),
        }
        assert!(!text.contains("<skipped"), "{name}");
        assert!(text.contains("<testcase"), "{name}: an empty file is green");
    }
}

#[test]
fn junit_of_the_sample() {
    insta::assert_snapshot!(junit::render(&sample::full()));
}

#[test]
fn sarif_keeps_to_its_schema() {
    let mut schema: Value = serde_json::from_str(SARIF).expect("the schema is JSON");
    // This pattern of the schema is no regular expression by ECMA-262, and dbproof writes no language.
    for owner in ["run", "toolComponent"] {
        let language = format!("/definitions/{owner}/properties/language");
        let language = schema.pointer_mut(&language);
        let pattern = language.and_then(|language| language.as_object_mut()?.remove("pattern"));
        let known = "^[a-zA-Z]{2}|^[a-zA-Z]{2}-[a-zA-Z]{2}]?$";
        assert_eq!(pattern, Some(known.into()));
    }
    let validator = jsonschema::draft7::new(&schema).expect("a valid schema");
    for (name, record) in records() {
        let log: Value = serde_json::from_str(&sarif::render(&record)).expect("JSON");
        let errors: Vec<String> = validator.iter_errors(&log).map(|e| e.to_string()).collect();
        assert_eq!(errors, [] as [String; 0], "{name}");
        let run = &log["runs"][0];
        assert_eq!(
            run["invocations"][0]["executionSuccessful"],
            record.verdict != Verdict::Inconclusive,
            "{name}"
        );
        let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
        for result in run["results"].as_array().expect("results") {
            let index = result["ruleIndex"].as_u64().expect("an index");
            let rule = &rules[usize::try_from(index).expect("a small one")];
            assert_eq!(rule["id"], result["ruleId"], "{name}");
        }
        prints_are_unique(run["results"].as_array().expect("results"), |result| {
            &result["partialFingerprints"]["dbproof/v1"]
        });
    }
    let mut broken: Value = serde_json::from_str(&sarif::render(&sample::full())).expect("JSON");
    broken["runs"][0]["results"][0]["level"] = "fatal".into();
    assert!(!validator.is_valid(&broken));
}

#[test]
fn sarif_places_what_has_a_place_and_tells_the_rest_apart() {
    let mut record = sample::full();
    record.findings[1].location = None;
    record.findings[0].location.as_mut().expect("placed").file = "a b/ü.sql".to_owned();
    record.git.as_mut().expect("a checkout").folder = "services/shop".to_owned();
    let uris = |record: &RunRecord| -> Vec<Value> {
        let log: Value = serde_json::from_str(&sarif::render(record)).expect("JSON");
        let results = log["runs"][0]["results"]
            .as_array()
            .expect("results")
            .clone();
        let uri = |result: &Value| {
            result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].clone()
        };
        results.iter().map(uri).collect()
    };
    let placed = uris(&record);
    assert_eq!(placed[0], "services/shop/a%20b/%C3%BC.sql");
    assert_eq!(placed[1], Value::Null, "no place is invented");
    record.configuration = Some("dbproof.toml".to_owned());
    assert_eq!(uris(&record)[1], "services/shop/dbproof.toml");
}

#[test]
fn rules_are_explained() {
    let mut record = sample::full();
    record.findings[0].code = "n-plus-one".to_owned();
    let log: Value = serde_json::from_str(&sarif::render(&record)).expect("JSON");
    let rules = log["runs"][0]["tool"]["driver"]["rules"]
        .as_array()
        .expect("rules");
    let rule = rules
        .iter()
        .find(|rule| rule["id"] == "n-plus-one")
        .expect("it");
    let help = rule["help"]["markdown"].as_str().expect("a page");
    assert!(
        help.starts_with("# n-plus-one") && help.contains("## How to mend it"),
        "{help}"
    );
}

fn prints_are_unique(entries: &[Value], get: impl Fn(&Value) -> &Value) {
    let mut prints: Vec<&str> = entries.iter().filter_map(|e| get(e).as_str()).collect();
    assert_eq!(prints.len(), entries.len());
    prints.sort_unstable();
    prints.dedup();
    assert_eq!(prints.len(), entries.len());
}

#[test]
fn gitlab_has_what_gitlab_needs() {
    for (name, record) in records() {
        let report: Value = serde_json::from_str(&gitlab::render(&record)).expect("JSON");
        let entries = report.as_array().expect("a list");
        for entry in entries {
            for field in ["description", "check_name", "fingerprint"] {
                assert!(entry[field].is_string(), "{name}: {field}");
            }
            let severities = ["info", "minor", "major", "critical", "blocker"];
            assert!(severities.contains(&entry["severity"].as_str().expect("a word")));
            let location = &entry["location"];
            assert!(location["path"].is_string(), "{name}");
            assert!(
                location["lines"]["begin"]
                    .as_u64()
                    .is_some_and(|line| line > 0),
                "{name}"
            );
        }
        prints_are_unique(entries, |entry| &entry["fingerprint"]);
        let told = record
            .findings
            .iter()
            .filter(|finding| finding.severity > Severity::Info)
            .count();
        assert!(entries.len() >= told, "{name}");
        assert_eq!(
            entries.is_empty(),
            record.verdict == Verdict::Pass,
            "{name}: {report}"
        );
    }
}

#[test]
fn github_is_given_one_command_a_line() {
    for (name, record) in records() {
        let text = github::annotations(&record);
        for line in text.lines() {
            let rest = line.strip_prefix("::").expect(line);
            let (command, message) = rest.split_once("::").expect(line);
            let (kind, properties) = command.split_once(' ').expect(line);
            assert!(
                ["error", "warning", "notice"].contains(&kind),
                "{name}: {line}"
            );
            assert!(!message.is_empty(), "{name}: {line}");
            for property in properties.split(',') {
                let (key, _) = property.split_once('=').expect(line);
                assert!(["file", "line", "title"].contains(&key), "{name}: {line}");
            }
        }
        assert!(!text.contains('\r'), "{name}");
        assert_eq!(
            text.contains("::error") || text.contains("::warning"),
            record.verdict != Verdict::Pass,
            "{name}: {text}"
        );
    }
    insta::assert_snapshot!(github::annotations(&sample::full()));
}

#[test]
fn gitlab_of_the_sample() {
    insta::assert_snapshot!(gitlab::render(&sample::full()));
}

#[test]
fn benchmark_has_the_fields_of_its_action() {
    for (name, record) in records() {
        let report: Value = serde_json::from_str(&benchmark::render(&record)).expect("JSON");
        let mut names = Vec::new();
        for figure in report.as_array().expect("a list") {
            names.push(figure["name"].as_str().expect("a name").to_owned());
            assert!(
                figure["value"].as_f64().is_some_and(f64::is_finite),
                "{name}"
            );
            assert!(
                figure["unit"].is_string() && figure["extra"].is_string(),
                "{name}"
            );
        }
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all, "{name}: a series is known by its name");
    }
    let of = |record: &RunRecord| benchmark::render(record);
    assert_eq!(of(&sample::empty()), "[]\n");
    assert!(of(&undecided()).contains("verdict inconclusive"));
    insta::assert_snapshot!(of(&sample::full()));
}

#[test]
fn a_summary_stays_within_its_room() {
    let record = sample::filled_with(&"long ".repeat(400));
    for room in [0, 500, 5_000, 1_048_576] {
        let text = dbproof_report::markdown::within(&record, room);
        assert!(text.len() <= room.max(300), "{} of {room}", text.len());
    }
}
