//! The corpus of wrong and right servers once more, in a class: started and relayed by
//! `check.py`, the verdicts read from the page.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::homework::{AT_ONCE, CORPUS, Copy, RIGHT, WRONG, ask, folder, sockets};
use crate::classroom::homework::{HomeworkPage, KEY, RealCheck};
use crate::classroom::port::can_be_bound;
use crate::classroom::{TestServer, needs};

/// What a page shows of a run.
struct Shown {
    name: &'static str,
    port: u16,
    passed: bool,
    /// The first required check that failed, with its verdict in Chinese and English,
    /// and its line.
    failure: Option<(String, [String; 2], String)>,
}

/// Has every server checked for a student of its own.
async fn check_all(kind: &'static str, names: Vec<&'static str>) -> Vec<Shown> {
    let _alone = CORPUS.lock().await;
    let server = Arc::new(TestServer::start().await);
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for name in names {
        let (server, places) = (Arc::clone(&server), Arc::clone(&places));
        running.spawn(async move {
            let _place = places.acquire().await.unwrap();
            let copy = Copy::of(kind, name);
            let key = format!("{}0123456789abcdef", name.replace('_', ""));
            let mut page = HomeworkPage::open(server.http, &key).await;
            let code = page.last.code.clone();
            let mut check =
                RealCheck::start(server.http, copy.folder.path(), &copy.name, &code).await;
            page.result().await;
            check.end().await;
            let left = sockets(copy.port);
            assert!(can_be_bound(copy.port), "{name} cannot be started again: {left}");
            let failed = |check: &&api::HomeworkCheck| check.state == "failed" && !check.extra;
            // The same run, as a page in Chinese shows it.
            let chinese = HomeworkPage::open_with(server.http, &key, "", "zh").await;
            let failure = page.last.checks.iter().find(failed).map(|check| {
                let text = |text: &Option<String>| text.clone().unwrap_or_default();
                let verdicts = [chinese.text(&check.name), text(&check.text)];
                (check.name.clone(), verdicts, text(&check.line))
            });
            Shown { name, port: copy.port, passed: page.last.passed, failure }
        });
    }
    running.join_all().await
}

#[tokio::test]
async fn every_wrong_server_gets_the_same_verdict_in_class_as_on_the_command_line() {
    if !needs::program("python3", "--version") {
        return;
    }
    let verdicts = ["zh", "en"].map(|language| {
        let file = folder("").join(format!("verdicts.{language}.txt"));
        std::fs::read_to_string(file).unwrap()
    });
    for shown in check_all("wrong", WRONG.iter().map(|(name, ..)| *name).collect()).await {
        let (name, check, cause) = WRONG.iter().find(|row| row.0 == shown.name).unwrap();
        let (failed, texts, line) = shown.failure.unwrap_or_else(|| panic!("{name} passed"));
        assert_eq!(failed, *check, "{name}: {texts:?}");
        for (verdicts, text) in verdicts.iter().zip(texts) {
            let mut told = verdicts.lines().skip_while(|line| line.split(':').next() != Some(name));
            let (head, verdict) = (told.next().unwrap(), told.next().unwrap().trim());
            let number = head.split_once(':').map_or("", |(_, number)| number);
            assert_eq!(line.split(' ').next(), Some(number), "{name}: {line}");
            // Names, phones and what an exception says differ from run to run.
            for (at, part) in verdict.split(['“', '”']).enumerate().filter(|(at, _)| at % 2 == 0)
            {
                let part = part.replace("9999", &shown.port.to_string());
                let same = part.split("...").all(|part| text.contains(part));
                assert!(same, "{name}, {cause}: {part:?}, part {at}, is not in {text:?}");
            }
        }
    }
}

#[tokio::test]
async fn right_servers_of_many_styles_pass_in_class() {
    if !needs::program("python3", "--version") {
        return;
    }
    for shown in check_all("right", RIGHT.iter().map(|(name, _)| *name).collect()).await {
        assert!(shown.passed, "{}: {:?}", shown.name, shown.failure);
    }
}

#[tokio::test]
async fn an_old_server_that_has_the_port_is_told_in_class_and_goes_on_as_it_was() {
    if !needs::program("python3", "--version") {
        return;
    }
    let server = TestServer::start().await;
    let copy = Copy::of("wrong", "find_unwritten");
    let _old = copy.start();
    let mut page = HomeworkPage::open(server.http, KEY).await;
    let code = page.last.code.clone();
    let mut check = RealCheck::start(server.http, copy.folder.path(), &copy.name, &code).await;
    page.result().await;
    assert_eq!(page.state("connect"), "failed");
    assert!(page.text("connect").contains("Another program has this port"), "{:?}", page.last);
    check.end().await;
    let asked = tokio::task::spawn_blocking(move || {
        ask(&mut copy.client(), "add;li;1", "li added!");
        copy
    });
    asked.await.expect("it answers");
}
