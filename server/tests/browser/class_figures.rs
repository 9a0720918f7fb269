//! A class that works: board and teacher's page in real browsers show what the class has
//! counted of itself.

use std::collections::BTreeMap;

use api::Student;
use serde_json::{Value, json};
use tokio::net::TcpSocket;

use crate::board::{self, PROJECTOR};
use crate::classroom::browser::Browser;
use crate::classroom::person::Page;
use crate::classroom::{TcpClient, TestServer};
use crate::teacher;

const PAGES: usize = 12;
const PROGRAMS: usize = 8;
const STEPS: u8 = 18;

/// What is compared, as the class counts it.
#[derive(Default)]
struct Tally {
    /// Messages and mistakes, by what the person is called.
    people: BTreeMap<String, (usize, usize)>,
    /// How many have done each step.
    steps: [usize; STEPS as usize],
    /// How many made each kind of mistake.
    mistakes: BTreeMap<&'static str, usize>,
}

impl Tally {
    fn on_the_board(&self) -> Value {
        let mut mistakes: Vec<_> = self.mistakes.iter().filter(|(_, count)| **count >= 3).collect();
        mistakes.sort();
        let people = PAGES + PROGRAMS;
        let steps: Vec<_> = self.steps.iter().map(|done| format!("{done} / {PAGES}")).collect();
        let counts = [people, PAGES, PROGRAMS, people].map(|count| count.to_string());
        let done = self.steps.map(|done| done.to_string());
        json!([counts, done, steps, mistakes])
    }

    fn at_the_teacher_s(&self) -> Value {
        let people = PAGES + PROGRAMS;
        let counts = [people, people, 1, 0, 3].map(|count| count.to_string());
        let rows: Vec<_> = self.people.iter().collect();
        json!([counts, rows])
    }
}

/// What the board shows; the last of its steps may be cut off from the screen.
const BOARD: &str = "
const text = id => document.getElementById(id).textContent;
const steps = [...document.querySelectorAll('#class-steps > li')];
return [['online', 'pages', 'clients', 'contacts-count'].map(text),
  steps.map(it => it.dataset.count), steps.map(it => it.querySelector('b').textContent),
  [...document.querySelectorAll('#mistakes > li')].map(it => [it.dataset.cause, +it.dataset.count]).sort()];";

const TEACHER: &str = "
const text = id => document.getElementById(id).textContent;
const slot = (row, name) => row.querySelector(`[data-slot=${name}]`).textContent;
const rows = [...document.querySelectorAll('#people > li')];
return [['online', 'contacts', 'struggling-count', 'idle-count', 'hands-count'].map(text),
  rows.map(row => [slot(row, 'name'), [+slot(row, 'messages'), +slot(row, 'errors')]])
    .sort((one, other) => one[0] < other[0] ? -1 : 1)];";

/// Waits until a page shows this and nothing else.
async fn shows(browser: &Browser, figures: &str, expected: &Value) {
    let expected = json!(expected.to_string());
    browser.until(&format!("JSON.stringify((() => {{ {figures} }})()) === {expected}")).await;
}

#[tokio::test]
async fn board_and_teacher_show_what_the_class_has_counted() {
    let server = TestServer::start().await;
    let Some(browser) = teacher::open(PROJECTOR, server.http).await else { return };
    let desk = browser.client.window().await.unwrap();
    browser.open_beside(PROJECTOR, &format!("http://{}/board", server.http)).await;
    board::await_state(&browser, "live").await;

    let mut tally = Tally::default();
    let mut open = Vec::new();
    for number in 0..PAGES {
        let name = format!("student {number}");
        let page = Page::new(&server, number);
        let mut socket = page.websocket().await;
        let done = (1 << number) - 1;
        let hand = number < 3;
        let student =
            Student { name: name.clone(), hand, steps: STEPS, done, ..Student::default() };
        page.reports(&student).await;
        tally.steps[..number].iter_mut().for_each(|count| *count += 1);
        let mut messages = vec![format!("find；p{number}"); number % 3];
        messages.push(format!("add;p{number};1380000{number:04}"));
        messages.extend((0..number).map(|_| format!("find;p{number}")));
        for message in &messages {
            socket.send(message).await;
            socket.next().await;
        }
        tally.people.insert(name, (messages.len(), number % 3));
        *tally.mistakes.entry("fullwidth-semicolon").or_default() += usize::from(number % 3 > 0);
        open.push((page, socket));
    }
    let mut programs = Vec::new();
    for number in 0..PROGRAMS {
        let from = [127, 0, 0, 10 + number as u8];
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        let mut client = TcpClient { stream: socket.connect(server.tcp).await.unwrap() };
        client.expect(b"Welcome!").await;
        // One of them goes on with its mistake.
        let mistakes = if number == 0 { 6 } else { 1 };
        client.send(format!("add;t{number};1390000{number:04}\n").as_bytes()).await;
        client.line().await;
        for _ in 0..mistakes {
            client.send(format!("FIND;t{number}\n").as_bytes()).await;
            client.line().await;
        }
        let address = std::net::IpAddr::from(from).to_string();
        tally.people.insert(address, (1 + mistakes, mistakes));
        *tally.mistakes.entry("capital-verb").or_default() += 1;
        programs.push(client);
    }
    shows(&browser, BOARD, &tally.on_the_board()).await;
    browser.turn_to(&desk).await;
    shows(&browser, TEACHER, &tally.at_the_teacher_s()).await;
    drop((open, programs));
    browser.finish().await;
}
