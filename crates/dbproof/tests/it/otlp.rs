//! `dbproof export --to otlp=URL`, received over HTTP and read with OpenTelemetry's own types.

use std::collections::BTreeSet;
use std::net::TcpListener;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point;

use crate::exporting::RECORD;
use crate::project::{Run, Shop};
use crate::receiver::{Answer, Receiver, Request};

/// Exports the stored record with these variables.
fn export(shop: &Shop, to: &str, variables: &[(&str, &str)]) -> Run {
    shop.write("record.json", RECORD);
    let mut command = shop.command(&["export", "record.json", "--to", to]);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("OTEL_")) {
        command.env_remove(name);
    }
    for name in ["http_proxy", "https_proxy", "all_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    command.envs(variables.iter().copied());
    Run::new(&command.output().unwrap())
}

fn text(attributes: &[KeyValue]) -> Vec<String> {
    let pairs = attributes.iter().map(|attribute| {
        let value = attribute
            .value
            .as_ref()
            .and_then(|value| value.value.as_ref());
        let Some(Value::StringValue(value)) = value else {
            panic!("{attribute:?}");
        };
        format!("{}={value}", attribute.key)
    });
    pairs.collect()
}

/// Every point as the line of Prometheus' text format that it is.
fn lines(request: &Request) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    let scopes = request
        .metrics
        .resource_metrics
        .iter()
        .flat_map(|r| &r.scope_metrics);
    for metric in scopes.flat_map(|scope| &scope.metrics) {
        let Some(Data::Gauge(gauge)) = &metric.data else {
            panic!("{} is no gauge", metric.name);
        };
        for point in &gauge.data_points {
            let labels: Vec<String> = text(&point.attributes)
                .iter()
                .map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap();
                    let value = value
                        .replace('\\', r"\\")
                        .replace('\n', r"\n")
                        .replace('"', "\\\"");
                    format!("{name}=\"{value}\"")
                })
                .collect();
            let labels = match labels.join(",") {
                none if none.is_empty() => none,
                labels => format!("{{{labels}}}"),
            };
            let Some(number_data_point::Value::AsDouble(value)) = point.value else {
                panic!("{} has no value", metric.name);
            };
            assert_ne!(point.time_unix_nano, 0);
            lines.insert(format!("{}{labels} {value}", metric.name));
        }
    }
    lines
}

/// What arrives is what the Prometheus file holds, and what only this run has is the resource's.
#[test]
fn the_figures_arrive_under_the_names_of_the_prometheus_file() {
    let shop = Shop::new();
    let receiver = Receiver::start(vec![Answer::taken()]);
    let headers = (
        "OTEL_EXPORTER_OTLP_HEADERS",
        "authorization=Bearer%20s3cret",
    );
    let run = export(&shop, &format!("otlp={}", receiver.url), &[headers]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains(" points sent to "), "{}", run.stderr);
    let [request] = receiver.requests().try_into().ok().unwrap();
    assert_eq!(request.head[0], "POST /v1/metrics");
    for line in [
        "content-type: application/x-protobuf",
        "authorization: Bearer s3cret",
    ] {
        assert!(
            request.head.iter().any(|found| found == line),
            "{:?}",
            request.head
        );
    }
    assert_eq!(
        shop.run(&["export", "record.json", "--to", "prometheus=m.prom"])
            .code,
        0
    );
    let file = shop.read("m.prom");
    let expected = file.lines().filter(|line| !line.starts_with('#'));
    assert_eq!(lines(&request), expected.map(str::to_owned).collect());

    let record: serde_json::Value = serde_json::from_str(RECORD).unwrap();
    let [resource] = request.metrics.resource_metrics.as_slice() else {
        panic!("one resource");
    };
    let attributes = text(&resource.resource.as_ref().unwrap().attributes);
    let known = |name: &str, value: &serde_json::Value| {
        let pair = format!("{name}={}", value.as_str().unwrap());
        assert!(attributes.contains(&pair), "{pair}: {attributes:?}");
    };
    known("service.name", &"dbproof".into());
    known("service.version", &record["tool"]["version"]);
    known("dbproof.run.id", &record["run_id"]);
    known("vcs.ref.head.revision", &record["git"]["commit"]);
    known("vcs.ref.head.name", &record["git"]["branch"]);
    let metrics = resource
        .scope_metrics
        .iter()
        .flat_map(|scope| &scope.metrics);
    for metric in metrics {
        let unit = match &metric.name {
            name if name.ends_with("_seconds") => "s",
            name if name.ends_with("_bytes") => "By",
            _ => "",
        };
        assert_eq!(metric.unit, unit, "{}", metric.name);
    }
}

#[test]
fn opentelemetry_s_own_variables_name_the_collector_and_the_service() {
    let shop = Shop::new();
    let receiver = Receiver::start(vec![Answer::taken()]);
    let url = format!("{}/base", receiver.url);
    let run = export(
        &shop,
        "otlp",
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &url),
            ("OTEL_SERVICE_NAME", "shop"),
            ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=ci"),
        ],
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
    let [request] = receiver.requests().try_into().ok().unwrap();
    assert_eq!(request.head[0], "POST /base/v1/metrics");
    let resource = request.metrics.resource_metrics[0]
        .resource
        .as_ref()
        .unwrap();
    let attributes = text(&resource.attributes);
    assert!(
        attributes.contains(&"service.name=shop".to_owned()),
        "{attributes:?}"
    );
    assert!(attributes.contains(&"deployment.environment.name=ci".to_owned()));
    assert!(!attributes.contains(&"service.name=dbproof".to_owned()));
    export(&shop, "otlp", &[]).failed_with(2, &["OTEL_EXPORTER_OTLP_ENDPOINT", "not set"]);
    shop.write("dbproof.toml", "[export]\nto = [\"otlp\"]\n");
    let run = shop.run(&["export", "record.json"]);
    assert_eq!(run.code, 0, "a fork has no collector: {}", run.stderr);
    assert!(
        run.stderr
            .contains("warning: nothing is exported to `otlp`"),
        "{}",
        run.stderr
    );
}

/// 503 and 429 are asked again, after the pause that the collector names.
#[test]
fn a_collector_that_asks_for_patience_is_asked_again() {
    let shop = Shop::new();
    let receiver = Receiver::start(vec![
        Answer::new("503 Service Unavailable", "Retry-After: 1\r\n", ""),
        Answer::new("429 Too Many Requests", "Retry-After: 0\r\n", ""),
        Answer::taken(),
    ]);
    let before = std::time::Instant::now();
    let run = export(&shop, &format!("otlp={}", receiver.url), &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(before.elapsed() >= std::time::Duration::from_secs(1));
    let requests = receiver.requests();
    assert_eq!(requests.len(), 3);
    assert_eq!(lines(&requests[0]), lines(&requests[2]));

    // More patience than a minute is refused at once, with the reason.
    let receiver = Receiver::start(vec![Answer::new(
        "503 Service Unavailable",
        "Retry-After: 3600\r\n",
        "down for the night",
    )]);
    export(&shop, &format!("otlp={}", receiver.url), &[])
        .failed_with(3, &["503", "down for the night"]);
}

/// Nothing of what authorises is shown, even by a collector that repeats it.
#[test]
fn what_a_collector_refuses_is_told_without_a_secret() {
    let shop = Shop::new();
    let headers = ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=s3cret");
    for (answer, expected) in [
        (
            Answer::new("401 Unauthorized", "", "no such key: s3cret"),
            &["401", "OTEL_EXPORTER_OTLP_HEADERS"][..],
        ),
        (
            Answer::new("400 Bad Request", "", "malformed"),
            &["400", "malformed"][..],
        ),
        (
            Answer::new("404 Not Found", "", ""),
            &["404", "OTLP over HTTP"][..],
        ),
        (
            Answer::new("302 Found", "Location: http://elsewhere.invalid/\r\n", ""),
            &["302"][..],
        ),
        (
            Answer::partial(3, "too old"),
            &["3 of ", "points were refused: too old"][..],
        ),
    ] {
        let receiver = Receiver::start(vec![answer]);
        let run = export(&shop, &format!("otlp={}", receiver.url), &[headers]);
        assert!(!run.stderr.contains("s3cret"), "{}", run.stderr);
        run.failed_with(3, expected);
        assert_eq!(receiver.requests().len(), 1, "asked once: {expected:?}");
    }
    let receiver = Receiver::start(vec![Answer::partial(0, "use a newer version")]);
    let run = export(&shop, &format!("otlp={}", receiver.url), &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("warning: ") && run.stderr.contains("use a newer version"));
}

#[test]
fn a_collector_that_is_not_there_or_says_nothing_is_an_error() {
    let shop = Shop::new();
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    export(&shop, &format!("otlp=http://{closed}"), &[])
        .failed_with(3, &["no answer", &closed.to_string()]);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("otlp=http://{}", silent.local_addr().unwrap());
    export(&shop, &url, &[("OTEL_EXPORTER_OTLP_TIMEOUT", "200")]).failed_with(3, &["no answer"]);
    for (to, named) in [
        ("otlp=localhost:4318", "http://localhost:4318"),
        (
            "otlp=http://ann:s3cret@collector",
            "OTEL_EXPORTER_OTLP_HEADERS",
        ),
    ] {
        let run = export(&shop, to, &[]);
        assert!(!run.stderr.contains("s3cret"), "{}", run.stderr);
        run.failed_with(2, &[named]);
    }
}

#[test]
fn tls_is_spoken_with_who_is_trusted_alone() {
    let shop = Shop::new();
    let (receiver, certificate) = Receiver::start_with_tls(vec![Answer::taken()]);
    shop.write("ca.pem", &certificate);
    let trust = ("OTEL_EXPORTER_OTLP_CERTIFICATE", "ca.pem");
    let run = export(&shop, &format!("otlp={}", receiver.url), &[trust]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(receiver.requests().len(), 1);

    let (receiver, _) = Receiver::start_with_tls((0..3).map(|_| Answer::taken()).collect());
    export(&shop, &format!("otlp={}", receiver.url), &[trust]).failed_with(3, &["certificate"]);
    assert_eq!(receiver.requests().len(), 0, "nothing was sent");
    export(
        &shop,
        "otlp=https://localhost:1",
        &[("OTEL_EXPORTER_OTLP_CERTIFICATE", "none.pem")],
    )
    .failed_with(3, &["OTEL_EXPORTER_OTLP_CERTIFICATE", "none.pem"]);
}
