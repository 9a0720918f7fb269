//! The API's messages as JSON.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// A message as the page reads it.
pub(crate) fn to_json(message: &impl Serialize) -> String {
    serde_json::to_string(message).expect("numbers, texts and lists always have a JSON form")
}

/// A response that is a message.
pub(crate) fn json_response(json: String) -> Response {
    ([(CONTENT_TYPE, "application/json")], json).into_response()
}
