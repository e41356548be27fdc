//! Histograms of the monitored queries, with their thresholds.

use dbproof_model::{SlowQuery, SlowRecord};

use super::plan::{self, Tree};
use super::without_folded;
use crate::document::{Block, Tone, one_line};
use crate::{figures, sections};

pub(super) struct View {
    pub(super) tone: Tone,
    pub(super) verdict: &'static str,
    pub(super) blocks: Vec<Block>,
    pub(super) charts: Vec<Chart>,
    pub(super) plans: Vec<Tree>,
}

/// One unit wide a bucket, a hundred units high.
pub(super) struct Chart {
    pub(super) name: String,
    pub(super) tone: Tone,
    pub(super) verdict: &'static str,
    pub(super) width: usize,
    pub(super) bars: Vec<Bar>,
    pub(super) threshold_x: Option<String>,
    pub(super) threshold: String,
    pub(super) first: String,
    pub(super) last: String,
}

pub(super) struct Bar {
    pub(super) x: usize,
    pub(super) y: String,
    pub(super) height: String,
    pub(super) over: bool,
    pub(super) label: String,
}

pub(super) fn view(record: &SlowRecord) -> View {
    let plans = record
        .queries
        .iter()
        .filter_map(|query| Some(plan::tree(&query.name, query.slowest_plan.as_ref()?, None)));
    View {
        tone: record.verdict.into(),
        verdict: record.verdict.as_str(),
        blocks: without_folded(sections::slow::section(record).blocks),
        charts: record
            .queries
            .iter()
            .filter(|q| !q.histogram.is_empty())
            .map(chart)
            .collect(),
        plans: plans.collect(),
    }
}

fn chart(query: &SlowQuery) -> Chart {
    let buckets = &query.histogram;
    let highest = buckets
        .iter()
        .map(|bucket| bucket.count)
        .max()
        .unwrap_or(0)
        .max(1) as f64;
    let bars = buckets.iter().enumerate().map(|(x, bucket)| {
        let height = bucket.count as f64 / highest * 100.0;
        Bar {
            x,
            y: format!("{:.2}", 100.0 - height),
            height: format!("{height:.2}"),
            over: bucket.up_to_ms > query.threshold_ms,
            label: format!(
                "up to {} ms: {}",
                figures::ms(bucket.up_to_ms),
                figures::counted(bucket.count, "sample")
            ),
        }
    });
    let threshold_x = threshold_x(query);
    let beyond = if threshold_x.is_none() { " →" } else { "" };
    Chart {
        name: one_line(&query.name),
        tone: query.verdict.into(),
        verdict: query.verdict.as_str(),
        width: buckets.len(),
        bars: bars.collect(),
        threshold_x,
        threshold: format!(
            "threshold {} ms{beyond}",
            figures::chosen(query.threshold_ms)
        ),
        first: format!("≤ {} ms", figures::ms(buckets[0].up_to_ms)),
        last: format!("{} ms", figures::ms(buckets[buckets.len() - 1].up_to_ms)),
    }
}

/// Where the threshold lies among the buckets; nothing where it is beyond the last.
fn threshold_x(query: &SlowQuery) -> Option<String> {
    let threshold = query.threshold_ms;
    let index = query
        .histogram
        .iter()
        .position(|bucket| bucket.up_to_ms >= threshold)?;
    let low = if index == 0 {
        0.0
    } else {
        query.histogram[index - 1].up_to_ms
    };
    let width = query.histogram[index].up_to_ms - low;
    let within = if width > 0.0 {
        ((threshold - low) / width).clamp(0.0, 1.0)
    } else {
        0.0
    };
    Some(format!("{:.3}", index as f64 + within))
}
