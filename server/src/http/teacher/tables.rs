//! Tables for a spreadsheet while the server runs: `GET /api/teacher/contacts.csv`, the
//! same bytes as `tcp-classroom export` writes, as the book stands at one moment; and
//! everybody's progress, `GET /api/teacher/progress.csv`.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio::task::spawn_blocking;

use crate::classroom::Classroom;
use crate::csv;

/// How it is to be written.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct Form {
    /// Whether it begins with a byte order mark, so that Excel shows Chinese names. A
    /// teacher who clicks has Excel; the command line asks for it.
    bom: bool,
}

impl Default for Form {
    fn default() -> Self {
        Form { bom: true }
    }
}

/// Answers with all contacts, in order of their names.
pub(super) async fn contacts(
    State(classroom): State<Arc<Classroom>>,
    Query(Form { bom }): Query<Form>,
) -> Response {
    let contacts = classroom.book().contacts().clone();
    // A large book takes longer than a thread that serves others may.
    let rows = spawn_blocking(move || {
        let contacts = contacts.read();
        let mut rows: Vec<_> = contacts.iter().collect();
        rows.sort_unstable();
        csv::rows_of(&rows, bom)
    });
    match rows.await {
        Ok(Ok(rows)) => table("contacts.csv", rows),
        // Writing to memory cannot fail; a panic has been reported.
        _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Answers with a row for everybody.
pub(super) async fn progress(State(classroom): State<Arc<Classroom>>) -> Response {
    table("progress.csv", classroom.people().progress_csv())
}

/// A table that a browser saves under a name.
fn table(name: &str, rows: Vec<u8>) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    (headers, rows).into_response()
}
