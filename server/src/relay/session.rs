//! One relay: what `check.py` and the classroom say to each other, from the first
//! line to the end.
//!
//! A run of the checks begins when `check.py` says hello, whenever the file was saved,
//! and when the page asks for it. Between runs the server is left running, so that the
//! student can talk to it, from the page [by hand](by_hand) or with a client of their own.

mod by_hand;

use std::collections::{HashMap, VecDeque};
use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use protocol::homework::words::{self, Language};
use protocol::homework::{Event, Options, Source};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::relay::bridge::{Bridge, Heard};
use crate::relay::messages::{Lines, Report, Request, from_latin1};
use crate::relay::pairing::Paired;
use crate::relay::report;
use crate::relay::run::Run;
use crate::transport::heartbeat::{Heartbeat, Liveness, PingAction};
use crate::transport::linger::Lingering;
use crate::transport::rate_limit::RateLimiter;

/// The port of the lesson, where neither the command line nor the file names one.
const LESSON_PORT: u16 = 9999;

/// Bytes read at once. A line of a chunk that `check.py` received is a quarter of it.
const READ: usize = 16 * 1024;

/// Bytes that may wait until `check.py` takes them: 16 of the longest messages that a
/// page can send.
const WAITING: usize = 1024 * 1024;

/// Time for `check.py` to take the last line.
const LAST_WORD: Duration = Duration::from_secs(1);

/// The relay of one student.
pub(crate) struct Session {
    paired: Paired,
    language: Language,
    lines: Lines,
    /// What waits to be sent.
    out: Vec<u8>,
    file: Option<String>,
    port: Option<u16>,
    source: Option<String>,
    process: Process,
    /// When the process was started last.
    started: Instant,
    run: Option<Run>,
    /// Whether a run is to begin once the process has ended.
    run_is_due: bool,
    bridges: HashMap<u32, Bridge>,
    /// When which bridge's connection is to be tried again.
    retries: VecDeque<(Instant, u32)>,
    /// Whether the first line has come.
    said_hello: bool,
}

/// The student's server, as far as `check.py` started it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Process {
    Absent,
    Running,
    Stopping,
}

/// Why a relay ended.
#[derive(Debug)]
enum End {
    /// `check.py` is gone.
    Gone,
    /// It is told why and does not connect again.
    Bye(&'static str, &'static str),
}

impl Session {
    pub(crate) fn new(paired: Paired) -> Self {
        Session {
            language: paired.student.language(),
            paired,
            lines: Lines::default(),
            out: Vec::new(),
            file: None,
            port: None,
            source: None,
            process: Process::Absent,
            started: Instant::now(),
            run: None,
            run_is_due: false,
            bridges: HashMap::new(),
            retries: VecDeque::new(),
            said_hello: false,
        }
    }

    /// Serves the connection of a `check.py` until one side ends.
    pub(crate) async fn serve(
        mut self,
        stream: Lingering,
        first: &[u8],
        heartbeat: Heartbeat,
        limiter: Option<Box<RateLimiter>>,
        stop: &CancellationToken,
    ) {
        self.lines.push(first);
        self.paired.student.progress().send_modify(|progress| progress.has_relay = true);
        let (mut reader, mut writer) = tokio::io::split(stream);
        let end = self.converse(&mut reader, &mut writer, heartbeat, limiter, stop).await;
        tracing::debug!(?end, "a relay ended");
        if let Ok(End::Bye(chinese, english)) = end {
            let text = format!("{chinese}\n{english}");
            self.tell(&Request::Bye { text });
            // One that does not read need not know.
            let _ = timeout(LAST_WORD, writer.write_all(&self.out)).await;
        }
        if self.paired.replaced.is_cancelled() {
            // The page is shown the relay that has replaced this one.
            return;
        }
        self.cancel_run();
        self.paired.student.progress().send_modify(|progress| {
            progress.has_relay = false;
            progress.is_running = false;
        });
    }

    async fn converse(
        &mut self,
        reader: &mut (impl tokio::io::AsyncRead + Unpin),
        writer: &mut (impl tokio::io::AsyncWrite + Unpin),
        heartbeat: Heartbeat,
        mut limiter: Option<Box<RateLimiter>>,
        stop: &CancellationToken,
    ) -> io::Result<End> {
        let replaced = self.paired.replaced.clone();
        let mut liveness = Liveness::new(heartbeat, Instant::now());
        let mut pings = interval_at(Instant::now() + heartbeat.ping_every, heartbeat.ping_every);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut chunk = vec![0; READ];
        loop {
            let reports = match self.hear_all() {
                Ok(reports) => reports,
                Err(end) => return Ok(end),
            };
            if let Some(limiter) = &mut limiter {
                // What floods is read later; nothing else waits for it.
                let wait = limiter.spend(reports, Instant::now());
                tokio::select! {
                    () = sleep(wait) => {}
                    () = replaced.cancelled() => {}
                    () = stop.cancelled() => {}
                }
            }
            if self.out.len() > WAITING {
                return Ok(End::Gone);
            }
            let (deadline, retry) = (self.deadline(), self.retries.front().map(|retry| retry.0));
            // In any order: a relay that floods must not hold up the rest.
            tokio::select! {
                () = replaced.cancelled() => return Ok(End::Bye(
                    "有另一个 check.py 用了同一个配对码，这一个结束了。",
                    "Another check.py has the same code now, so this one ends.",
                )),
                () = stop.cancelled() => return Ok(End::Gone),
                () = until(deadline) => {
                    if let Some(run) = &mut self.run {
                        run.tick(Instant::now());
                    }
                }
                () = until(retry) => self.retry(),
                due = pings.tick() => match liveness.on_ping_due(due, Instant::now()) {
                    PingAction::Ping => self.tell(&Request::Ping),
                    PingAction::GiveUp => return Ok(End::Gone),
                },
                Some(talk) = self.paired.talks.recv() => self.bridge(talk),
                written = writer.write(&self.out), if !self.out.is_empty() => {
                    self.out.drain(..written?);
                }
                read = reader.read(&mut chunk) => {
                    let length = read?;
                    if length == 0 {
                        return Ok(End::Gone);
                    }
                    liveness.heard(Instant::now());
                    self.lines.push(&chunk[..length]);
                }
            }
            self.act();
        }
    }

    /// Takes the lines that have come, and returns how many.
    fn hear_all(&mut self) -> Result<usize, End> {
        let mut reports = 0;
        while let Some(report) = self.lines.next_report() {
            reports += 1;
            match report {
                Ok(Report::Hello { file: Some(_), source: None, .. }) => {
                    return Err(End::Bye(
                        "读不了这个文件：看看文件名对不对，文件在不在这个文件夹里。",
                        "The file cannot be read; look at its name and its folder.",
                    ));
                }
                Ok(report) => self.hear(report),
                Err(error) => {
                    tracing::debug!(?error, "a relay sent what is no report");
                    return Err(End::Bye(
                        "课堂看不懂这个 check.py，请从网页重新下载。",
                        "The classroom cannot read this check.py; download it again.",
                    ));
                }
            }
            self.act();
        }
        Ok(reports)
    }

    fn tell(&mut self, request: &Request) {
        serde_json::to_writer(&mut self.out, request).expect("texts and numbers have a JSON form");
        self.out.push(b'\n');
    }

    fn deadline(&self) -> Option<Instant> {
        self.run.as_ref().and_then(Run::deadline)
    }

    /// Takes a line of `check.py`.
    fn hear(&mut self, report: Report) {
        let source_of = |text: String| String::from_utf8_lossy(&from_latin1(&text)).into_owned();
        match report {
            Report::Hello { file, port, source } => {
                // Once: another one would begin runs without an end.
                if !std::mem::replace(&mut self.said_hello, true) {
                    (self.file, self.port, self.source) = (file, port, source.map(source_of));
                    self.request_run();
                }
            }
            Report::Source { source } => {
                if self.file.is_some() {
                    self.source = Some(source_of(source));
                    self.request_run();
                }
            }
            Report::Started => {
                self.process = Process::Running;
                self.pass_on(None, |_| Event::Started);
            }
            Report::Exited { code } => {
                let was_stopped = self.process == Process::Stopping;
                self.process = Process::Absent;
                let code = code.and_then(|code| i32::try_from(code).ok());
                self.pass_on(None, |_| Event::Exited { code });
                if std::mem::take(&mut self.run_is_due) {
                    self.begin_run();
                } else if was_stopped && self.run.is_none() {
                    // A run has ended with it. One that ends by itself stays ended
                    // until it is asked for.
                    self.start();
                }
            }
            Report::Printed { text } => {
                // Both outputs come as one.
                self.pass_on(None, |_| Event::Printed(text.clone()));
                self.pass_on(None, |_| Event::Stderr(text));
            }
            Report::Connected { conn } => {
                if !self.opened(conn) {
                    self.pass_on(Some(conn), Event::Connected);
                }
            }
            Report::Refused { conn } => {
                if !self.refused(conn) {
                    self.pass_on(Some(conn), Event::Refused);
                }
            }
            Report::Received { conn, bytes } => {
                let bytes = from_latin1(&bytes);
                match self.bridges.get(&conn) {
                    // A page that reads too slowly is dropped.
                    Some(bridge) if bridge.heard.try_send(Heard::Chunk(bytes.clone())).is_ok() => {}
                    Some(_) => self.drop_bridge(conn, None),
                    None => self.pass_on(Some(conn), |conn| Event::Received(conn, bytes)),
                }
            }
            Report::Closed { conn } => match self.bridges.contains_key(&conn) {
                true => self.drop_bridge(conn, Some(Heard::Closed)),
                false => self.pass_on(Some(conn), Event::Closed),
            },
            Report::Reset { conn } => match self.bridges.contains_key(&conn) {
                true => self.drop_bridge(conn, Some(Heard::Reset)),
                false => self.pass_on(Some(conn), Event::Reset),
            },
            Report::Pong => {}
        }
    }

    fn pass_on(
        &mut self,
        conn: Option<u32>,
        event: impl FnOnce(protocol::homework::Conn) -> Event,
    ) {
        if let Some(run) = &mut self.run {
            run.handle(conn, event, Instant::now());
        }
    }

    /// Has the checks begin, once the server that runs has ended.
    fn request_run(&mut self) {
        self.cancel_run();
        for conn in self.bridges.keys().copied().collect::<Vec<_>>() {
            self.drop_bridge(conn, Some(Heard::Checking));
        }
        match self.process {
            Process::Absent => self.begin_run(),
            Process::Running => {
                self.process = Process::Stopping;
                self.run_is_due = true;
                self.tell(&Request::Stop);
            }
            Process::Stopping => self.run_is_due = true,
        }
    }

    fn begin_run(&mut self) {
        let port = self.server_port();
        let options = Options {
            seed: fastrand::u64(..),
            source: self.source.clone(),
            file: self.file.clone(),
            port,
            can_restart: self.file.is_some(),
            ..Options::default()
        };
        self.run = Some(Run::new(options, Instant::now()));
        let language = self.language;
        self.say(match language {
            Language::Chinese => "---- 开始检查 ----",
            Language::English => "---- checking ----",
        });
    }

    /// Where the student's server listens, as the command line or the file says.
    fn server_port(&self) -> u16 {
        let in_file = self.source.as_deref().and_then(|source| Source::new(source).port());
        self.port.or(in_file).unwrap_or(LESSON_PORT)
    }

    fn cancel_run(&mut self) {
        if let Some(mut run) = self.run.take() {
            run.cancel();
            self.carry_out(&mut run);
        }
    }

    fn say(&mut self, text: &str) {
        self.tell(&Request::Say { text: text.to_owned() });
    }

    /// Carries out what the run asks for, and shows how far it is.
    fn act(&mut self) {
        let Some(mut run) = self.run.take() else { return };
        self.carry_out(&mut run);
        let is_done = run.is_done();
        if let Some((stages, settled)) = run.news() {
            for stage in &settled {
                self.say(&report::line(stage, run.port(), self.language));
            }
            let port = run.port();
            self.paired.student.progress().send_modify(|progress| {
                (progress.stages, progress.port) = (stages, port);
                progress.is_running = !is_done;
            });
        }
        if !is_done {
            self.run = Some(run);
            return;
        }
        let passed = run.passed();
        self.paired.student.progress().send_modify(|progress| {
            progress.is_running = false;
            progress.passed |= passed;
        });
        self.say(report::last_line(passed, self.file.is_some(), self.language));
        if run.has_ended_server() {
            self.say(words::ended(self.language));
        }
        if self.file.is_some() && self.process == Process::Absent {
            self.start();
        }
    }

    fn carry_out(&mut self, run: &mut Run) {
        let student = Arc::clone(&self.paired.student);
        while let Some(request) = run.next_request(&student) {
            match request {
                Request::Stop => self.process = Process::Stopping,
                Request::Start => self.mark_started(),
                _ => {}
            }
            self.tell(&request);
        }
    }

    fn start(&mut self) {
        self.mark_started();
        self.tell(&Request::Start);
    }

    fn mark_started(&mut self) {
        (self.process, self.started) = (Process::Running, Instant::now());
    }
}

/// Waits until then, or for ever.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}
