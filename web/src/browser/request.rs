//! An HTTP request. Dropping it aborts it, and nothing is called back then.

use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{XmlHttpRequest, XmlHttpRequestResponseType};

use crate::browser::listener::Listener;

/// A path of the server, relative to where the page was opened: behind a proxy
/// that may be a folder.
pub fn relative(path: &str) -> &str {
    path.trim_start_matches('/')
}

/// A request that is under way or answered.
pub struct Request {
    // Field order matters: dropping this first removes the listener before the
    // request is aborted, so that aborting calls nothing back.
    _listener: Listener,
    request: AbortOnDrop,
}

struct AbortOnDrop(XmlHttpRequest);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        // What has been answered already is not affected.
        let _ = self.0.abort();
    }
}

impl Request {
    /// Begins to ask for a path of the server. `ended` is called once it is
    /// answered or has failed.
    ///
    /// # Errors
    ///
    /// Fails where the browser does not even try, because of the page's policy.
    pub fn get(
        path: &str,
        kind: XmlHttpRequestResponseType,
        ended: Box<dyn Fn(&XmlHttpRequest)>,
    ) -> Result<Self, JsValue> {
        Request::begin("GET", path, kind, None, None, ended)
    }

    /// The same, answered by the server itself and by no cache on the way.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn get_fresh(
        path: &str,
        kind: XmlHttpRequestResponseType,
        ended: Box<dyn Fn(&XmlHttpRequest)>,
    ) -> Result<Self, JsValue> {
        let header = Some(("Cache-Control", "no-cache, no-store"));
        Request::begin("GET", path, kind, header, None, ended)
    }

    /// Delivers JSON to a path of the server.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn post(
        path: &str,
        json: &str,
        ended: Box<dyn Fn(&XmlHttpRequest)>,
    ) -> Result<Self, JsValue> {
        let header = Some(("Content-Type", "application/json"));
        Request::begin("POST", path, XmlHttpRequestResponseType::Text, header, Some(json), ended)
    }

    /// Asks to be let in with this `Authorization`, if any.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn authorize(
        path: &str,
        authorization: Option<&str>,
        ended: Box<dyn Fn(&XmlHttpRequest)>,
    ) -> Result<Self, JsValue> {
        let header = authorization.map(|authorization| ("Authorization", authorization));
        Request::begin("POST", path, XmlHttpRequestResponseType::Text, header, None, ended)
    }

    fn begin(
        method: &str,
        path: &str,
        kind: XmlHttpRequestResponseType,
        header: Option<(&str, &str)>,
        body: Option<&str>,
        ended: Box<dyn Fn(&XmlHttpRequest)>,
    ) -> Result<Self, JsValue> {
        let request = XmlHttpRequest::new()?;
        request.open(method, relative(path))?;
        request.set_response_type(kind);
        if let Some((name, value)) = header {
            request.set_request_header(name, value)?;
        }
        let listener = Listener::new(&request, "loadend", {
            let request = request.clone();
            move |_| ended(&request)
        });
        request.send_with_opt_str(body)?;
        Ok(Request { _listener: listener, request: AbortOnDrop(request) })
    }

    /// The browser's own object, with the answer in it.
    pub fn inner(&self) -> &XmlHttpRequest {
        &self.request.0
    }
}

#[wasm_bindgen]
extern "C" {
    /// The body, of the type that was asked for.
    pub type Body;

    type WithBody;

    #[wasm_bindgen(method, getter)]
    fn response(this: &WithBody) -> Option<Body>;
}

/// The body of the response, if it came and is of the type that was asked for.
pub fn body(request: &XmlHttpRequest) -> Option<Body> {
    request.unchecked_ref::<WithBody>().response()
}
