//! A class in a browser: the teacher's page, the board and the pages of two students in
//! windows of their own, and a Python program that watches.

use fantoccini::wd::WindowHandle;
use serde_json::json;
use tcp_classroom::Book;

use crate::board::{self, PROJECTOR};
use crate::classroom::TestServer;
use crate::classroom::browser::{Browser, CHINESE, ENGLISH, Visitor};
use crate::classroom::python::{self, PythonClient};
use crate::classroom::relay::Computer;
use crate::teacher::{self, ELSEWHERE, RAW};

/// What the two students call themselves.
pub(crate) const NAMES: [&str; 2] = ["小明", "Wang"];

/// Where the second student is. The first is at 127.0.0.1, as the teacher.
pub(crate) const SECOND: [u8; 4] = [127, 0, 0, 4];

/// Their languages. The teacher's is that of the first.
const LANGUAGES: [Visitor; 2] = [CHINESE, ENGLISH];

/// A class that is there.
pub(crate) struct Class {
    pub(crate) server: TestServer,
    pub(crate) browser: Browser,
    /// A student without a page.
    pub(crate) python: PythonClient,
    teacher: WindowHandle,
    board: WindowHandle,
    students: [WindowHandle; 2],
    _second: Computer,
}

impl Class {
    /// Everybody is there, or nothing where the test is skipped.
    pub(crate) async fn open() -> Option<Self> {
        Self::with_book(Book::in_memory(100)).await
    }

    /// The same with a book that a test has made.
    pub(crate) async fn with_book(book: Book) -> Option<Self> {
        if !python::is_here() {
            return None;
        }
        let server = TestServer::with_book(book, |_| {}).await;
        let browser = teacher::open(LANGUAGES[0], server.http).await?;
        let teacher = browser.window().await;
        let board = format!("http://{}/board", server.http);
        let board = browser.open_beside(PROJECTOR, &board).await;
        board::await_state(&browser, "live").await;
        // Another origin has a storage of its own.
        let second = Computer::at(SECOND, server.http).await;
        let pages = [
            format!("http://localhost:{}/", server.http.port()),
            format!("http://{}/", second.address),
        ];
        let mut students = Vec::new();
        for ((page, name), visitor) in pages.iter().zip(NAMES).zip(LANGUAGES) {
            students.push(browser.open_beside(visitor, page).await);
            browser.await_state("open").await;
            browser.click("#me summary").await;
            browser.type_into("#me [data-name]", name).await;
        }
        let students = students.try_into().expect("two pages");
        let mut python = PythonClient::start(server.tcp, ELSEWHERE);
        python.expect("Welcome!").await;
        let _second = second;
        let class = Class { server, browser, python, teacher, board, students, _second };
        class.at_teacher().await.await_element(RAW).await;
        for name in NAMES {
            class.row(name).await;
        }
        Some(class)
    }

    /// Turns to the teacher's page.
    pub(crate) async fn at_teacher(&self) -> &Browser {
        self.browser.turn_to(&self.teacher).await;
        &self.browser
    }

    /// Turns to the page of one of the two students.
    pub(crate) async fn at_student(&self, which: usize) -> &Browser {
        self.browser.turn_to(&self.students[which]).await;
        &self.browser
    }

    /// Turns to the board.
    pub(crate) async fn at_board(&self) -> &Browser {
        self.browser.turn_to(&self.board).await;
        &self.browser
    }

    /// A line to the class that is shown on both students' pages, or on neither.
    pub(crate) async fn both_see(&self, id: &str, shown: bool) {
        for which in 0..NAMES.len() {
            self.sees(which, id, shown).await;
        }
    }

    /// A line that is shown on one student's page, in the language of the page, or not.
    pub(crate) async fn sees(&self, which: usize, id: &str, shown: bool) {
        let student = self.at_student(which).await;
        is_shown(student, id, shown).await;
        if shown {
            let text = student.script(&format!("return {}", text(id))).await;
            is_in(LANGUAGES[which], text.as_str().unwrap());
        }
    }

    /// Waits until a student's page says why it has no connection, in both languages.
    pub(crate) async fn is_told(&self, which: usize, why: &str) {
        let student = self.at_student(which).await;
        let told = "document.getElementById('status-text')";
        for (visitor, other) in [(which, 1 - which), (1 - which, which)] {
            student.until(&format!("{told}.dataset.said === '{why}'")).await;
            let text = student.script(&format!("return {told}.innerText")).await;
            is_in(LANGUAGES[visitor], text.as_str().unwrap());
            student.click("#language").await;
            let language = &LANGUAGES[other].language[..2];
            let speaks = format!("document.documentElement.lang.startsWith('{language}')");
            student.until(&speaks).await;
        }
    }

    /// Ends it. Everything that the teacher has done is told in both languages.
    pub(crate) async fn finish(self) {
        self.finish_but_for("\0").await;
    }

    /// The same, where the console may say what contains `expected`.
    pub(crate) async fn finish_but_for(self, expected: &str) {
        self.journal_is_in_both_languages().await;
        self.browser.finish_but_for(expected).await;
    }

    /// What the teacher has done so far is told in the other language as well.
    pub(crate) async fn journal_is_in_both_languages(&self) {
        let teacher = self.at_teacher().await;
        teacher.click("#language").await;
        teacher.until("document.documentElement.lang === 'en'").await;
        let told =
            "return [...document.querySelectorAll('#journal .did')].map(did => did.innerText)";
        let told: Vec<String> = serde_json::from_value(teacher.script(told).await).unwrap();
        assert!(!told.is_empty());
        told.iter().for_each(|did| is_in(ENGLISH, did));
        teacher.click("#language").await;
        teacher.until("document.documentElement.lang !== 'en'").await;
    }

    /// The row of somebody on the teacher's page, as a selector.
    pub(crate) async fn row(&self, name: &str) -> String {
        let rows = "[...document.querySelectorAll('#people > :not([data-state=gone])')]";
        let row = format!(
            "{rows}.find(row => row.querySelector('[data-slot=name]').innerText === {})",
            json!(name)
        );
        let teacher = self.at_teacher().await;
        teacher.until(&row).await;
        let id = teacher.script(&format!("return {row}.dataset.person")).await;
        format!("#people > [data-person='{}']", id.as_str().unwrap())
    }

    /// The row of the Python program, if that is another one than before: one that has
    /// left is seen for a moment.
    pub(crate) async fn new_python_row(&self, before: &str) -> String {
        let rows = format!("document.querySelectorAll(\"{RAW}\")");
        let teacher = self.at_teacher().await;
        let is_new =
            format!("{rows}.length === 1 && !{rows}[0].matches({})", json!(format!("{before}, p")));
        teacher.until(&is_new).await;
        let id = teacher.script(&format!("return {rows}[0].dataset.person")).await;
        format!("#people > [data-person='{}']", id.as_str().unwrap())
    }

    /// Presses a button of the teacher's, and awaits its entry in the journal, the newest.
    pub(crate) async fn presses(&self, css: &str) {
        let browser = self.at_teacher().await;
        let count = "document.getElementById('journal').children.length";
        let before = browser.script(&format!("return {count}")).await;
        browser.until(&format!("document.querySelector({})?.offsetParent", json!(css))).await;
        browser.click(css).await;
        let action = css.rsplit_once("[data-action=").unwrap().1.split_once(']').unwrap().0;
        let newest = "document.querySelector('#journal > :first-child > .did')?.dataset.said";
        browser.until(&format!("{count} === {before} + 1 && {newest} === 'did-{action}'")).await;
        assert_eq!(browser.script("return document.getElementById('refusal').innerText").await, "");
        let told = "return document.querySelector('#journal > :first-child > .did').innerText";
        is_in(CHINESE, browser.script(told).await.as_str().unwrap());
    }

    /// Does something that concerns all.
    pub(crate) async fn does(&self, action: &str) {
        self.presses(&format!("#lead [data-action={action}]")).await;
    }

    /// Does something in somebody's row.
    pub(crate) async fn does_to(&self, row: &str, action: &str) {
        self.presses(&format!("{row} [data-action={action}]")).await;
    }

    /// Whom or what the newest entry of the journal is about.
    pub(crate) async fn concerned(&self) -> String {
        let whom = "return document.querySelector('#journal > li [data-slot=whom]').innerText";
        self.at_teacher().await.script(whom).await.as_str().unwrap().to_owned()
    }

    /// Writes into a field of the teacher's.
    pub(crate) async fn writes(&self, field: &str, text: &str) {
        let teacher = self.at_teacher().await;
        teacher.clear(field).await;
        teacher.type_into(field, text).await;
    }

    /// The Python program leaves, and another one comes from the same computer.
    pub(crate) async fn python_comes_back(&mut self) {
        self.python = PythonClient::start(self.server.tcp, ELSEWHERE);
        self.python.expect("Welcome!").await;
    }

    /// A student's conversation goes on where it was: its page has had one `Welcome!`.
    pub(crate) async fn goes_on(&self, which: usize) {
        let student = self.at_student(which).await;
        student.await_state("open").await;
        student.send("find;nobody").await;
        student.expect("received", "Not Found!").await;
        let messages = student.messages().await;
        let welcomes = messages.iter().filter(|(_, text)| text == "Welcome!").count();
        assert_eq!(welcomes, 1, "{}: {messages:?}", NAMES[which]);
    }

    /// The same of the Python program.
    pub(crate) async fn python_goes_on(&mut self) {
        self.python.send("find;nobody\n").await;
        self.python.expect("Not Found!\n").await;
    }

    /// Waits until the board counts so many contacts.
    pub(crate) async fn until_board_counts(&self, contacts: u32) {
        let count = "document.getElementById('contacts-count').innerText";
        self.at_board().await.until(&format!("{count} === '{contacts}'")).await;
    }
}

/// Fails if a text is not in the language of a visitor.
pub(crate) fn is_in(visitor: Visitor, text: &str) {
    let is_chinese = text.chars().any(|each| ('\u{4e00}'..='\u{9fff}').contains(&each));
    assert_eq!(is_chinese, visitor.language == CHINESE.language, "{text}");
}

/// What an element says, for a script.
fn text(id: &str) -> String {
    format!("document.getElementById('{id}').innerText")
}

/// Waits until an element is shown, or is not.
pub(crate) async fn is_shown(browser: &Browser, id: &str, shown: bool) {
    browser.until(&format!("document.getElementById('{id}').hidden === {}", !shown)).await;
}
