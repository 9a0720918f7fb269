//! The teacher's side: `/api/teacher` and what is under it. All of it is for the
//! teacher alone, which [`access`] sees to.

mod access;
mod events;
mod tables;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;

use crate::book::revision::NotRevised;
use crate::book::store::KeepError;
use crate::classroom::Classroom;
use crate::classroom::act::Refused;
use crate::context::ServerContext;
use crate::http::HttpState;
use crate::http::json::{json_response, to_json};
use crate::language::{Language, localized};

/// Bytes of the longest act: an announcement of 200 characters, each escaped.
const MAX_ACT: usize = 4 * 1024;

/// In which language a sentence is wished for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wish {
    lang: String,
}

impl Wish {
    fn language(&self) -> Language {
        // As pages name it: `zh-CN`.
        match self.lang.split('-').next() {
            Some("zh") => Language::Chinese,
            Some("en") => Language::English,
            _ => Language::of_machine(),
        }
    }
}

/// The routes, for the teacher alone.
pub(super) fn routes(state: &HttpState) -> Router<HttpState> {
    Router::new()
        .route(api::TEACHER_SESSION, post(begin_session))
        .route(api::TEACHER_ACT, post(act).layer(DefaultBodyLimit::max(MAX_ACT)))
        .route(api::TEACHER, get(events::watch))
        .route(api::TEACHER_CONTACTS, get(tables::contacts))
        .route(api::TEACHER_PROGRESS, get(tables::progress))
        .route(api::TEACHER_AUTHOR, get(author))
        .route_layer(from_fn_with_state(state.clone(), access::check))
}

/// Gives the teacher's browser a cookie that stands for the token, until the server
/// stops.
///
/// It has no `Path`: the browser then takes the folder of this address, `/api/teacher`,
/// also where a proxy has the server in a folder of its own.
async fn begin_session(
    State(classroom): State<Arc<Classroom>>,
    State(server): State<Arc<ServerContext>>,
    headers: HeaderMap,
) -> Response {
    let token = access::bearer(&headers);
    let Some(value) = classroom.lead().access().and_then(|access| access.cookie(token)) else {
        return StatusCode::NO_CONTENT.into_response();
    };
    let name = access::cookie_name(&server);
    let cookie: [(HeaderName, String); 1] =
        [(SET_COOKIE, format!("{name}={value}; HttpOnly; SameSite=Strict"))];
    (StatusCode::NO_CONTENT, cookie).into_response()
}

/// Does what the teacher wants, to its end even if the browser is gone meanwhile.
async fn act(
    State(classroom): State<Arc<Classroom>>,
    Query(wish): Query<Wish>,
    body: Bytes,
) -> Response {
    let language = wish.language();
    let Ok(act) = serde_json::from_slice::<api::Act>(&body) else {
        let text = localized!(
            in language;
            "看不懂这个操作",
            "that is no act of a teacher: {{\"action\":\"pause\"}} would be one"
        );
        return (StatusCode::BAD_REQUEST, text).into_response();
    };
    let done = tokio::spawn(async move { classroom.act(act).await }).await;
    match done {
        Ok(Ok(())) => StatusCode::NO_CONTENT.into_response(),
        Ok(Err(refused)) => (status(&refused), refused.sentence(language)).into_response(),
        // A panic, which has been reported, or the end of the runtime.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The name of a contact.
#[derive(Debug, Deserialize)]
struct Contact {
    name: String,
}

/// Answers with the one who stored a contact, if it is known.
async fn author(
    State(classroom): State<Arc<Classroom>>,
    Query(Contact { name }): Query<Contact>,
) -> Response {
    match classroom.author(&name).await {
        Ok(Some(person)) => json_response(to_json(&person)),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => {
            tracing::debug!("the author of a contact cannot be looked up: {error:#}");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

fn status(refused: &Refused) -> StatusCode {
    match refused {
        Refused::WithoutPerson
        | Refused::WithoutText
        | Refused::BadAnnouncement
        | Refused::BadAddress
        | Refused::BadPause
        | Refused::ServersAct
        | Refused::Book(NotRevised::NotKept(KeepError::BadName)) => StatusCode::BAD_REQUEST,
        Refused::UnknownPerson | Refused::NotBlocked | Refused::Book(NotRevised::NotThere) => {
            StatusCode::NOT_FOUND
        }
        Refused::NothingToUndo
        | Refused::Book(
            NotRevised::NoFile | NotRevised::NoFolder | NotRevised::NotKept(KeepError::Exists(_)),
        ) => StatusCode::CONFLICT,
        Refused::Book(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}
