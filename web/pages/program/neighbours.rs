//! The servers of the class: those of others that run in their pages, by the names of
//! their students. A press on one turns the student's page to it.

use std::cell::RefCell;

use api::{ClassServer, SERVERS, Servers};
use web::browser::dom::{Dom as _, create, leaf};
use web::browser::json;
use web::browser::program::Post;
use web::browser::request::{Request, relative};
use web::browser::storage::{PageStorage, StorageKey};
use web_sys::{Document, XmlHttpRequest, XmlHttpRequestResponseType};

use crate::model::Msg;
use crate::parts::Parts;

/// The list, and the request for it.
pub struct Neighbours {
    document: Document,
    /// What is in the document.
    drawn: RefCell<Vec<ClassServer>>,
    request: RefCell<Option<Request>>,
}

impl Neighbours {
    /// None yet.
    pub fn new(document: &Document) -> Self {
        let (drawn, request) = (RefCell::default(), RefCell::default());
        Neighbours { document: document.clone(), drawn, request }
    }

    /// Asks the server which there are, if the list can be seen in a student's page.
    pub fn ask(&self, parts: &Parts, post: &Post<Msg>) {
        let is_seen = parts.panel.offset_width() > 0 && !self.document.hidden();
        let window = self.document.default_view().expect("an open document has a window");
        let key = PageStorage::of(&window).get(StorageKey::Homework);
        let (true, Some(key)) = (is_seen && has_conversation(&self.document), key) else { return };
        let post = post.clone();
        let came = move |request: &XmlHttpRequest| {
            let text = request.response_text().ok().flatten();
            // Without a server there are none.
            let servers: Option<Servers> = text.and_then(|text| json::parse(&text));
            post(Msg::ServersTold(servers.unwrap_or_default()));
        };
        let path = [relative(SERVERS), "?key=", &key].concat();
        let request = Request::get_fresh(&path, XmlHttpRequestResponseType::Text, Box::new(came));
        self.request.replace(request.ok());
    }

    /// Shows them.
    pub fn draw(&self, parts: &Parts, servers: &[ClassServer]) {
        parts.servers.hide(servers.is_empty());
        if *self.drawn.borrow() == servers {
            return;
        }
        self.drawn.replace(servers.to_vec());
        parts.servers.fill("count", &servers.len().to_string());
        let list = parts.servers.query("ul");
        list.set_text_content(None);
        for ClassServer { name, address } in servers {
            let row = create(&self.document, "li");
            row.set("class", "row line");
            let who = leaf(&row, "span", "grow", "");
            leaf(&who, "b", "", name);
            who.add(&self.document.create_text_node(" "));
            leaf(&who, "code", "", address);
            let button = leaf(&row, "button", "btn small", "");
            button.set("type", "button");
            // Its text comes with the others of the panel.
            button.set("data-text", "talk");
            // The page asks for it by that, in a query, and the server reads the port.
            let plain: String = name.chars().filter(|c| c.is_alphanumeric()).collect();
            button.set("data-server", [&plain, " ", address].concat().trim());
            list.add(&row);
        }
    }
}

/// Whether the panel is in a student's page, and not by itself.
pub fn has_conversation(document: &Document) -> bool {
    document.get_element_by_id("talk").is_some()
}
