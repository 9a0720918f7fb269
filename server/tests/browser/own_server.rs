//! The homework on the page: a student's own server, checked live through `check.py`.

use crate::classroom::TestServer;
use crate::classroom::browser::{Browser, CHINESE, ENGLISH, PHONE, Visitor};
use crate::classroom::homework::{RealCheck, right_server};
use crate::classroom::needs;
use crate::classroom::port::{student_port, until_listening};
use crate::classroom::student::show_steps;
use serde_json::json;

/// A page at the homework, and the folder in which its `check.py` runs.
struct AtHomework {
    server: TestServer,
    browser: Browser,
    folder: tempfile::TempDir,
    check: Option<RealCheck>,
}

impl AtHomework {
    async fn open(visitor: Visitor) -> Option<Self> {
        if !needs::program("python3", "--version") {
            return None;
        }
        let server = TestServer::start().await;
        let browser = Browser::open(visitor, server.http).await?;
        show_steps(&browser).await;
        browser.click("[data-step=homework] .step").await;
        browser.until("document.getElementById('pairing')?.textContent.length === 6").await;
        browser
            .until("document.querySelectorAll('#homework > [data-state=waiting]').length > 15")
            .await;
        let folder = tempfile::tempdir().unwrap();
        Some(AtHomework { server, browser, folder, check: None })
    }

    /// Saves the server, and starts `check.py` with the command that the page shows.
    async fn save(&mut self, server: &str) {
        std::fs::write(self.folder.path().join("server.py"), server).unwrap();
        if self.check.is_none() {
            let command = "return document.getElementById('check-command').innerText.trim()";
            let command = self.browser.script(command).await;
            let command: Vec<_> = command.as_str().unwrap().split(' ').collect();
            let [python, check, file, code] = command[..] else { panic!("{command:?}") };
            assert_eq!((python, check), ("python3", "check.py"));
            let link = "return document.getElementById('check-py').getAttribute('href')";
            let link = self.browser.script(link).await;
            let script = crate::classroom::get(
                self.server.http,
                &format!("/{}", link.as_str().unwrap()),
                "",
            )
            .await;
            assert!(script.text().contains(&format!("'http://{}/'", self.server.http)), "{link}");
            let started = RealCheck::start(self.server.http, self.folder.path(), file, code).await;
            self.check = Some(started);
        } else {
            self.browser.until("document.querySelector('#homework > [data-state=running]')").await;
        }
    }

    /// Waits for the end of a run and returns the checks that failed.
    async fn failed(&self) -> Vec<String> {
        self.browser
            .until(
                "[...document.querySelectorAll('#homework > :not([data-check=my-client])')]\
                 .every(each => !['waiting', 'running'].includes(each.dataset.state))",
            )
            .await;
        let failed = "return [...document.querySelectorAll('#homework > [data-state=failed]:not([data-extra])')]\
                      .map(each => each.dataset.check)";
        serde_json::from_value(self.browser.script(failed).await).unwrap()
    }

    async fn text(&self, check: &str) -> String {
        let text = format!("return document.querySelector('[data-check={check}] > p').innerText");
        self.browser.script(&text).await.as_str().unwrap().to_owned()
    }
}

const IS_DONE: &str = "document.querySelector('[data-step=homework]').dataset.done === 'true'";

#[tokio::test]
async fn three_red_servers_are_explained_and_the_green_one_ends_the_step() {
    let Some(mut at) = AtHomework::open(ENGLISH).await else { return };
    let right = right_server(student_port());
    let unsure = "if fields[1] in contacts:\n                client.send(contacts[fields[1]].encode('utf-8'))\n            \
                  else:\n                client.send('Not Found!'.encode('utf-8'))";
    for (wrong, check, says) in [
        (right.replace("send(b'Welcome!')", "send('Welcome!')"), "greeting", "bytes"),
        (
            right.replacen(unsure, "client.send(contacts[fields[1]].encode('utf-8'))", 1),
            "find-miss",
            "KeyError",
        ),
        (right.replace("%s removed!", "(gone) %s"), "remove", "removed!"),
    ] {
        assert_ne!(wrong, right);
        at.save(&wrong).await;
        let failed = at.failed().await;
        assert!(failed.contains(&check.to_owned()), "{check}: {failed:?}");
        let text = at.text(check).await;
        assert!(text.contains(says), "{check}: {text}");
        assert_eq!(at.browser.script(&format!("return {IS_DONE}")).await, json!(false));
    }
    at.browser.click("[data-check=remove] > button").await;
    at.browser.until("document.querySelector('[data-check=remove] .bad b')").await;
    let wrong = "return document.querySelector('[data-check=remove] .bad b').textContent";
    assert_eq!(at.browser.script(wrong).await, "(", "no name begins so");
    at.browser.screenshot("homework-red-en").await;

    at.save(&right).await;
    assert_eq!(at.failed().await, [""; 0]);
    at.browser.until(IS_DONE).await;
    at.browser.screenshot("homework-green-en").await;
    at.browser.finish().await;
}

#[tokio::test]
async fn on_a_phone_the_page_talks_to_the_student_s_own_server_and_back() {
    let Some(mut at) = AtHomework::open(Visitor { language: CHINESE.language, ..PHONE }).await
    else {
        return;
    };
    at.save(&right_server(student_port())).await;
    at.browser.until(IS_DONE).await;
    at.browser.screenshot("homework-green-phone").await;
    at.browser.click(".to-own").await;
    at.browser.show("talk").await;
    at.browser.await_state("open").await;
    for (command, answer) in [("add;张三;138", "张三 added!"), ("find;张三", "138")] {
        at.browser.send_by_keys(command).await;
        at.browser.expect("received", answer).await;
    }
    at.browser.screenshot("homework-by-hand-phone").await;
    // The name is not in the class's own book.
    at.browser.show("plan").await;
    at.browser.click(".to-class").await;
    at.browser.show("talk").await;
    at.browser.await_state("open").await;
    at.browser.send_by_keys("find;张三").await;
    at.browser.expect("received", "Not Found!").await;
    // When check.py ends, the page is with the class's server.
    at.browser.show("plan").await;
    at.browser.click(".to-own").await;
    at.browser.until("document.documentElement.hasAttribute('data-own')").await;
    at.check = None;
    at.browser.until("!document.documentElement.hasAttribute('data-own')").await;
    at.browser.finish().await;
}

#[tokio::test]
async fn a_server_that_runs_already_is_checked_again_at_a_press_and_the_command_is_copied() {
    let Some(at) = AtHomework::open(ENGLISH).await else { return };
    // The command goes to the clipboard, also where there is no newer way.
    at.browser.click("[data-copy=check-command]").await;
    at.browser
        .until("document.querySelector('[data-copy=check-command]').innerText === 'Copied ✓'")
        .await;
    let selected = at.browser.script("return getSelection().toString().trim()").await;
    let command = "return document.getElementById('check-command').innerText.trim()";
    assert_eq!(selected, at.browser.script(command).await);
    let code = selected.as_str().unwrap().rsplit(' ').next().unwrap().to_owned();

    let port = student_port();
    let http = at.server.http;
    let _check = RealCheck::start(http, at.folder.path(), &port.to_string(), &code).await;
    assert_eq!(at.failed().await, ["connect"], "nothing runs there yet");
    std::fs::write(at.folder.path().join("own.py"), right_server(port)).unwrap();
    let mut own = std::process::Command::new("python3");
    let own = own.arg("own.py").current_dir(at.folder.path());
    let mut own = own.stdout(std::process::Stdio::null()).spawn().unwrap();
    until_listening(port);
    at.browser.click("#check-again").await;
    at.browser.until(IS_DONE).await;
    at.browser.screenshot("homework-again-en").await;
    own.kill().unwrap();
    own.wait().unwrap();
    at.browser.finish().await;
}

#[tokio::test]
async fn the_server_to_be_finished_is_read_on_the_page_and_fetched_only_then() {
    let Some(at) = AtHomework::open(ENGLISH).await else { return };
    at.browser.show("python").await;
    let fetched = "return performance.getEntriesByName(new URL('server2.py', location)).length";
    assert_eq!(at.browser.script(fetched).await, json!(0));
    at.browser.click("#own-server > summary").await;
    at.browser.until("document.getElementById('own-code').innerText.includes('PORT = 9998')").await;
    assert_eq!(at.browser.script(fetched).await, json!(1));
    at.browser.screenshot("homework-skeleton-en").await;
    at.browser.finish().await;
}

#[tokio::test]
async fn the_code_is_the_same_after_a_reload_and_in_the_other_language() {
    let Some(at) = AtHomework::open(CHINESE).await else { return };
    let code = "return document.getElementById('pairing').textContent";
    let before = at.browser.script(code).await;
    at.browser.click("#language").await;
    at.browser.until("document.getElementById('pairing')?.textContent.length === 6").await;
    let english = "document.querySelector('[data-check=add] > button').innerText.match(/[a-z]/)";
    at.browser.until(english).await;
    at.browser.go(&format!("http://{}/", at.server.http)).await;
    at.browser.until("document.getElementById('pairing')?.textContent.length === 6").await;
    assert_eq!(at.browser.script(code).await, before);
    at.browser.set_dark(true).await;
    at.browser.screenshot("homework-waiting-dark").await;
    at.browser.finish().await;
}
