//! People: how soon a step and a teacher's action are on another server, while the machine does
//! nothing else.

use std::time::{Duration, Instant};

use api::Student;
use tcp_classroom::Rooms;
use tokio::time::sleep;

use crate::classroom::TestServer;
use crate::classroom::person::{Page, class_state};
use crate::classroom::postgres::Postgres;
use crate::classroom::teacher::Teacher;
use crate::clients::at;

/// Students, and the steps of the lesson that each of them takes.
const STUDENTS: usize = 5;
const STEPS: u8 = 20;

/// A teacher's actions.
const ACTS: usize = 50;

/// Time between two of them: more than that in which a page is told of changes together.
const REST: Duration = Duration::from_millis(150);

/// Measures and prints.
pub async fn delays(postgres: &Postgres) {
    let url = postgres.database().await;
    let registry = Rooms::connect(&url).await.unwrap();
    let room = registry.create("class", 100).await.unwrap();
    let one = TestServer::with_rooms(Rooms::connect(&url).await.unwrap()).await;
    let two = TestServer::with_rooms(registry).await;
    let folder = format!("/r/{}", room.code);
    let teacher = Teacher::with_token(&two, room.token.as_str());
    let progress = format!("{folder}{}", api::TEACHER_PROGRESS);

    println!("\nHow soon another server has it: ms  p50     p99");
    let (mut steps, mut pages) = (Vec::new(), Vec::new());
    for number in 0..STUDENTS {
        let page = Page::in_folder(&one, &folder, number);
        let socket = page.websocket().await;
        let name = format!("student {number}");
        for step in 0..=STEPS {
            sleep(REST).await;
            page.reports(&student(&name, step)).await;
            let told = Instant::now();
            // Asked again and again: a teacher's page is told of changes at its own pace.
            let (row, done) = (format!("{name},"), format!(",fine,1,{step},"));
            let is_there = |line: &str| line.contains(&row) && line.contains(&done);
            while !teacher.request("GET", &progress, "").await.text().lines().any(is_there) {}
            steps.push(told.elapsed());
        }
        pages.push((page, socket));
    }
    print("a step", steps);

    let (page, _) = &pages[0];
    let path = format!("{folder}{}", api::TEACHER_ACT);
    let mut class = page.class().await;
    let mut acts = Vec::new();
    for number in 0..ACTS {
        let holds = number % 2 == 0;
        sleep(REST).await;
        let action = if holds { "pause" } else { "resume" };
        let done = teacher.request("POST", &path, &format!(r#"{{"action":"{action}"}}"#)).await;
        let told = Instant::now();
        assert_eq!(done.status, 204, "{}", done.text());
        while class_state(&mut class).await.held.is_some() != holds {}
        acts.push(told.elapsed());
    }
    print("an action", acts);
}

fn student(name: &str, step: u8) -> Student {
    Student { name: name.to_owned(), steps: STEPS, done: (1 << step) - 1, ..Student::default() }
}

fn print(what: &str, mut delays: Vec<Duration>) {
    delays.sort_unstable();
    println!("{what:10} {:7.1} {:7.1}", at(&delays, 0.5), at(&delays, 0.99));
}
