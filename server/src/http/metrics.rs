//! Metrics for Prometheus, in its text format: `GET /metrics`. Numbers only: nobody's
//! name, phone or address is in them.
//!
//! Written by hand: six names without a registry of their own, all of which are counted
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
    let contacts = classroom.book().len() as u64;
    let mut text = String::new();
    let mut metric = |name: &str, kind: &str, help: &str, values: &[(&str, u64)]| {
        let name = format!("tcp_classroom_{name}");
        write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n").expect(INFALLIBLE);
        for (labels, value) in values {
            writeln!(text, "{name}{labels} {value}").expect(INFALLIBLE);
        }
    };
    let connections = [(r#"{kind="page"}"#, pages), (r#"{kind="tcp"}"#, clients)];
    metric("connections", "gauge", "Open conversations.", &connections);
    metric("messages_total", "counter", "Messages answered.", &[("", messages)]);
    metric("errors_total", "counter", "Messages that were mistakes.", &[("", errors)]);
    metric("people", "gauge", "People remembered, connected or not.", &[("", people.count())]);
    metric("contacts", "gauge", "Contacts in the book.", &[("", contacts)]);
    let frozen = classroom.lead().watch().borrow().frozen;
    metric("book_frozen", "gauge", "Whether the book takes no changes.", &[("", frozen.into())]);
    text
}

const INFALLIBLE: &str = "writing to a String cannot fail";
