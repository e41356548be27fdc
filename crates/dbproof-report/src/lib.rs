//! Draws a [`RunRecord`](dbproof_model::RunRecord): for a terminal, as Markdown, as one HTML file,
//! as JSON; and the [`Delta`](delta::Delta) between two of them.
//!
//! | module | draws |
//! |---|---|
//! | [`terminal`] | lines as a test runner prints them, then tables, findings and a summary |
//! | [`markdown`] | the same for a step summary or a pull-request comment |
//! | [`html`] | one self-contained file with plan trees, histograms and timelines |
//! | [`json`] | the record itself, its reader and its JSON Schema |
//! | [`junit`] | test cases, for any CI system |
//! | [`github`] | annotations for GitHub Actions |
//! | [`gitlab`] | Code Quality for GitLab |
//! | [`sarif`] | SARIF 2.1.0, for code scanning |
//! | [`benchmark`] | figures, for github-action-benchmark |
//! | [`history`] | the same queries in earlier records |
//! | [`delta`] | what differs between two records |
//! | [`prometheus`] | the figures as metrics, for `node_exporter`'s textfile collector |
//! | [`seed`] | what `dbproof seed` did |
//!
//! [`formats`] registers them by name. [`mod@fingerprint`] is what makes a finding the same finding in
//! another run.
//!
//! **Architecture invariant:** everything is drawn from the record alone, so whatever a report
//! shows is in the JSON, and a stored record can be drawn again. Nothing here does IO or decides
//! whether something passes; callers write the strings.

mod checks;
mod document;
mod explain;
mod figures;
mod issues;
mod sections;

pub mod benchmark;
pub mod delta;
pub mod fingerprint;
pub mod formats;
pub mod github;
pub mod gitlab;
pub mod history;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod prometheus;
pub mod sarif;
pub mod seed;
pub mod terminal;
