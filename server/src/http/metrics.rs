//! Metrics for Prometheus, in its text format: `GET /metrics`. Numbers only: no
//! name, phone or address is in them.
//!
//! Written by hand: a few numbers without a registry of their own, all of which are counted
//! elsewhere anyway, are less than the use of a crate for them. `docs/operations.md`
//! documents them.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use crate::classroom::Classroom;
use crate::classroom::people::Present;

/// What Prometheus asks for, and every scraper takes.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Answers with all metrics as they stand now.
pub(crate) async fn metrics(State(classroom): State<Arc<Classroom>>) -> Response {
    ([(CONTENT_TYPE, TEXT)], text(&classroom)).into_response()
}

fn text(classroom: &Classroom) -> String {
    let people = classroom.people();
    let Present { pages, clients } = people.present();
    let (messages, errors) = people.totals();
    let contacts = classroom.book().len() as f64;
    let mut text = String::new();
    let mut metric = |name: &str, kind: &str, help: &str, values: &[(&str, f64)]| {
        let name = format!("tcp_classroom_{name}");
        write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n").expect(INFALLIBLE);
        for (suffix, value) in values {
            writeln!(text, "{name}{suffix} {value}").expect(INFALLIBLE);
        }
    };
    let connections = [(r#"{kind="page"}"#, pages as f64), (r#"{kind="tcp"}"#, clients as f64)];
    metric("connections", "gauge", "Open conversations.", &connections);
    metric("messages_total", "counter", "Messages answered.", &[("", messages as f64)]);
    metric("errors_total", "counter", "Messages that were mistakes.", &[("", errors as f64)]);
    metric(
        "people",
        "gauge",
        "People remembered, connected or not.",
        &[("", people.count() as f64)],
    );
    metric("contacts", "gauge", "Contacts in the book.", &[("", contacts)]);
    let frozen = classroom.lead().watch().borrow().frozen;
    if let Some((count, took)) = classroom.book().commits() {
        let values = [("_sum", took.as_secs_f64()), ("_count", count as f64)];
        let help = "Seconds from taking a group of changes until it is on the disk.";
        metric("commit_seconds", "summary", help, &values);
    }
    metric(
        "book_frozen",
        "gauge",
        "Whether the book takes no changes.",
        &[("", f64::from(u8::from(frozen)))],
    );
    text
}

const INFALLIBLE: &str = "writing to a String cannot fail";
