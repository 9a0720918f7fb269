//! Metrics for Prometheus, in its text format: `GET /metrics`. Numbers only: no
//! name, phone or address is in them.
//!
//! Written by hand: a few numbers without a registry of their own, all of which are counted
//! elsewhere anyway, are less than the use of a crate for them. `docs/operations.md`
//! documents them.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use crate::classroom::Classroom;
use crate::classroom::people::Present;

/// What Prometheus asks for, and every scraper takes.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Answers with all metrics as they stand now.
pub(crate) async fn metrics(State(classroom): State<Arc<Classroom>>) -> Response {
    of_classroom(&classroom).into_response()
}

fn of_classroom(classroom: &Classroom) -> Metrics {
    let people = classroom.people();
    let (messages, errors) = people.totals();
    let mut metrics = Metrics::default();
    metrics.connections(people.present());
    metrics.add("messages_total", "counter", "Messages answered.", &[("", messages as f64)]);
    metrics.add("errors_total", "counter", "Messages that were mistakes.", &[("", errors as f64)]);
    metrics.add(
        "people",
        "gauge",
        "People remembered, connected or not.",
        &[("", people.count() as f64)],
    );
    let contacts = classroom.book().len() as f64;
    metrics.add("contacts", "gauge", "Contacts in the book.", &[("", contacts)]);
    let frozen = classroom.lead().watch().borrow().frozen;
    if let Some(commits) = classroom.book().commits() {
        metrics.commits(commits);
    }
    metrics.add(
        "book_frozen",
        "gauge",
        "Whether the book takes no changes.",
        &[("", f64::from(u8::from(frozen)))],
    );
    metrics
}

/// Metrics as text.
#[derive(Debug, Default)]
pub(super) struct Metrics(String);

impl Metrics {
    /// Adds one, with a value for each suffix of its name.
    pub(super) fn add(&mut self, name: &str, kind: &str, help: &str, values: &[(&str, f64)]) {
        let (text, name) = (&mut self.0, format!("tcp_classroom_{name}"));
        write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n").expect(INFALLIBLE);
        for (suffix, value) in values {
            writeln!(text, "{name}{suffix} {value}").expect(INFALLIBLE);
        }
    }

    /// Adds how many conversations are open.
    pub(super) fn connections(&mut self, Present { pages, clients }: Present) {
        let values = [(r#"{kind="page"}"#, pages as f64), (r#"{kind="tcp"}"#, clients as f64)];
        self.add("connections", "gauge", "Open conversations.", &values);
    }

    /// Adds how many groups of changes were stored, and how long that took together.
    pub(super) fn commits(&mut self, (count, took): (u64, Duration)) {
        let values = [("_sum", took.as_secs_f64()), ("_count", count as f64)];
        let help = "Seconds from taking a group of changes until it is on the disk.";
        self.add("commit_seconds", "summary", help, &values);
    }
}

impl IntoResponse for Metrics {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, TEXT)], self.0).into_response()
    }
}

const INFALLIBLE: &str = "writing to a String cannot fail";
