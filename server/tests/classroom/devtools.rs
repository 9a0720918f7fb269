//! Chromium's own protocol, spoken with a page of it directly.
//!
//! The driver passes the same commands on, for 3 to 8 ms of the processors' time each,
//! where the page itself takes half of one; a test gives hundreds of them. A client from
//! crates.io would bring thousands of generated types, which a first build would pay for.

use std::collections::HashMap;
use std::path::Path;

use fantoccini::key::Key;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::must;

/// A command: its name and its parameters.
pub type Command<'a> = (&'a str, Value);

/// A connection to the page in one window. What it sets, such as a screen, holds until
/// it ends.
pub struct Page {
    socket: WebSocketStream<TcpStream>,
    /// The number of the last command.
    last: u64,
}

/// The pages of a browser's windows.
#[derive(Default)]
pub struct Pages {
    open: HashMap<String, Page>,
    /// The window in use.
    window: String,
}

impl Pages {
    /// Turns to a window of the Chromium that has this profile.
    pub async fn turn_to(&mut self, profile: &Path, window: String) {
        if !self.open.contains_key(&window) {
            self.open.insert(window.clone(), Page::connect(profile, &window).await);
        }
        self.window = window;
    }

    /// The page in the window in use.
    pub fn page(&mut self) -> &mut Page {
        self.open.get_mut(&self.window).expect("a window is in use")
    }
}

/// Runs a script as a function's body once the page is there, as the driver does.
/// The first placeholder is for the arguments, the second one for the body.
const CALL: &str = "(async () => {
  if (document.readyState !== 'complete')
    await new Promise(loaded => addEventListener('load', loaded, { once: true }));
  return await (function() { BODY\n}).apply(null, ARGUMENTS);
})()";

impl Page {
    /// Connects to the page in a window of the Chromium that has this profile.
    async fn connect(profile: &Path, window: &str) -> Self {
        let port = std::fs::read_to_string(profile.join("DevToolsActivePort"));
        let port = port.expect("a Chromium with a driver has a port");
        let port = port.lines().next().expect("the port");
        let address = format!("127.0.0.1:{port}");
        let stream = TcpStream::connect(&address).await.expect("Chromium listens");
        stream.set_nodelay(true).expect("it is an option of TCP");
        let page = format!("ws://{address}/devtools/page/{window}");
        let (socket, _) = must("Chromium's protocol", client_async(page, stream)).await.unwrap();
        Page { socket, last: 0 }
    }

    /// Gives commands at once and waits for the results of all.
    ///
    /// # Errors
    ///
    /// A command failed, or the page is gone.
    pub async fn commands(&mut self, commands: &[Command<'_>]) -> Result<Vec<Value>, String> {
        let first = self.last + 1;
        for (method, parameters) in commands {
            self.last += 1;
            let command = json!({ "id": self.last, "method": method, "params": parameters });
            let sent = self.socket.send(Message::text(command.to_string())).await;
            sent.map_err(|error| error.to_string())?;
        }
        let mut results = vec![Ok(Value::Null); commands.len()];
        for _ in commands {
            let (number, result) = must("a result of Chromium", self.result()).await?;
            results[usize::try_from(number - first).expect("few")] = result;
        }
        results.into_iter().collect()
    }

    /// Gives one command.
    ///
    /// # Errors
    ///
    /// As for [`commands`](Self::commands).
    pub async fn command(&mut self, method: &str, parameters: Value) -> Result<Value, String> {
        Ok(self.commands(&[(method, parameters)]).await?.remove(0))
    }

    /// The next result, with its command's number. Events are passed over.
    async fn result(&mut self) -> Result<(u64, Result<Value, String>), String> {
        loop {
            let text = match self.socket.next().await {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Close(_)) | Err(_)) | None => {
                    return Err("the page is gone".to_owned());
                }
                Some(Ok(_)) => continue,
            };
            let mut answer: Value = serde_json::from_str(&text).expect("JSON");
            let Some(number) = answer["id"].as_u64() else { continue };
            let result = match answer["error"]["message"].as_str() {
                Some(error) => Err(error.to_owned()),
                None => Ok(answer["result"].take()),
            };
            return Ok((number, result));
        }
    }

    /// What the body of a function returns, or what the promise becomes that it returns.
    ///
    /// # Errors
    ///
    /// It throws, or the page is left meanwhile.
    pub async fn evaluate(&mut self, body: &str, arguments: &[Value]) -> Result<Value, String> {
        let arguments = Value::from(arguments).to_string();
        let expression = CALL.replacen("ARGUMENTS", &arguments, 1).replacen("BODY", body, 1);
        let parameters =
            json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let mut result = self.command("Runtime.evaluate", parameters).await?;
        match &result["exceptionDetails"] {
            Value::Null => Ok(result["result"]["value"].take()),
            exception => Err(exception["exception"]["description"].to_string()),
        }
    }

    /// Presses keys, one after the other, in what has the focus. They are given at once,
    /// so that the page draws when it can and not behind each.
    pub async fn press(&mut self, keys: &str) -> Result<(), String> {
        let keys: Vec<_> = keys.chars().flat_map(strokes).collect();
        self.commands(&keys).await.map(drop)
    }
}

/// Whether an error means that the page was left while a script ran in it.
pub fn is_left(error: &str) -> bool {
    ["context was destroyed", "Cannot find context", "navigated or closed"]
        .iter()
        .any(|left| error.contains(left))
}

/// How a key goes down and up.
fn strokes(key: char) -> [Command<'static>; 2] {
    let named = |name: &str, code: u32, text: &str| json!({ "key": name, "code": name, "windowsVirtualKeyCode": code, "text": text });
    let mut down = match NAMED.iter().find(|(named, ..)| char::from(*named) == key) {
        Some((_, name, code)) if *name == "Enter" => named(name, *code, "\r"),
        Some((_, name, code)) => named(name, *code, ""),
        None => json!({ "key": key, "text": key }),
    };
    let mut up = down.clone();
    down["type"] = json!("keyDown");
    up["type"] = json!("keyUp");
    up["text"] = json!("");
    [("Input.dispatchKeyEvent", down), ("Input.dispatchKeyEvent", up)]
}

/// The keys without a character, with the names and numbers that browsers give them.
const NAMED: [(Key, &str, u32); 10] = [
    (Key::Backspace, "Backspace", 8),
    (Key::Tab, "Tab", 9),
    (Key::Enter, "Enter", 13),
    (Key::PageUp, "PageUp", 33),
    (Key::End, "End", 35),
    (Key::Home, "Home", 36),
    (Key::Left, "ArrowLeft", 37),
    (Key::Up, "ArrowUp", 38),
    (Key::Right, "ArrowRight", 39),
    (Key::Down, "ArrowDown", 40),
];
