//! A record as a request of OTLP: [`request`].
//!
//! Metrics have the names and labels of the Prometheus file. What only this run has (its id, the commit, the branch)
//! belongs to the resource, which Prometheus keeps apart (`target_info`), so that the number of series stays small.

use dbproof_model::RunRecord;
use dbproof_report::prometheus::{Family, families};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

/// The figures of a run, as of its end, with these attributes of the resource added; they win over ours.
pub(super) fn request(
    record: &RunRecord,
    resource: &[(String, String)],
) -> ExportMetricsServiceRequest {
    let ended = ended(record);
    let metrics = families(record).into_iter();
    let scope = InstrumentationScope {
        name: "dbproof".to_owned(),
        version: record.tool.version.clone(),
        ..InstrumentationScope::default()
    };
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(Resource {
                attributes: attributes(record, resource),
                ..Resource::default()
            }),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(scope),
                metrics: metrics.map(|family| metric(family, ended)).collect(),
                schema_url: String::new(),
            }],
            schema_url: String::new(),
        }],
    }
}

/// How many points a request holds.
pub(super) fn points(request: &ExportMetricsServiceRequest) -> usize {
    let scopes = request
        .resource_metrics
        .iter()
        .flat_map(|r| &r.scope_metrics);
    let metrics = scopes.flat_map(|scope| &scope.metrics);
    metrics
        .map(|metric| match &metric.data {
            Some(Data::Gauge(gauge)) => gauge.data_points.len(),
            _ => 0,
        })
        .sum()
}

/// When the run ended, in nanoseconds since 1970; 0, which is "not known", where the record does not tell.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a duration is positive, and far below the 584 years that fit"
)]
fn ended(record: &RunRecord) -> u64 {
    let started = record.started_at.parse::<jiff::Timestamp>().ok();
    let started = started.and_then(|s| u64::try_from(s.as_nanosecond()).ok());
    started.map_or(0, |started| {
        started + (record.duration_ms.max(0.0) * 1e6) as u64
    })
}

/// Named by OpenTelemetry's semantic conventions (service, vcs) where they have a name.
fn attributes(record: &RunRecord, added: &[(String, String)]) -> Vec<KeyValue> {
    let git = record.git.as_ref();
    let ours = [
        ("service.name", Some("dbproof")),
        ("service.version", Some(record.tool.version.as_str())),
        ("dbproof.run.id", Some(record.run_id.as_str())),
        ("dbproof.project", record.project.as_deref()),
        ("vcs.ref.head.revision", git.map(|git| git.commit.as_str())),
        (
            "vcs.ref.head.name",
            git.and_then(|git| git.branch.as_deref()),
        ),
    ];
    let is_added = |name: &str| added.iter().any(|(other, _)| other == name);
    let ours = ours.into_iter().filter_map(|(name, value)| {
        let value = value.filter(|value| !value.is_empty() && !is_added(name))?;
        Some(attribute(name, value))
    });
    let added = added.iter().map(|(name, value)| attribute(name, value));
    ours.chain(added).collect()
}

fn metric(family: Family<'_>, ended: u64) -> Metric {
    let points = family
        .samples
        .into_iter()
        .map(|(labels, value)| NumberDataPoint {
            attributes: labels
                .iter()
                .map(|(name, value)| attribute(name, value))
                .collect(),
            time_unix_nano: ended,
            value: Some(number_data_point::Value::AsDouble(value)),
            ..NumberDataPoint::default()
        });
    let data_points = points.collect();
    Metric {
        name: family.name.to_owned(),
        description: family.help.to_owned(),
        unit: unit(family.name).to_owned(),
        data: Some(Data::Gauge(Gauge { data_points })),
        ..Metric::default()
    }
}

/// The unit in UCUM's words, by the end of a name. Counts and ratios have none: Prometheus would add `_ratio` to the
/// name of a gauge whose unit is 1.
fn unit(name: &str) -> &'static str {
    if name.ends_with("_seconds") {
        "s"
    } else if name.ends_with("_bytes") {
        "By"
    } else {
        ""
    }
}

fn attribute(name: &str, value: &str) -> KeyValue {
    KeyValue {
        key: name.to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    }
}
