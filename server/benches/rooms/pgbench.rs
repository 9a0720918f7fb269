//! `pgbench`: the same statements as the servers', made as often as the database takes them,
//! without servers and clients.
//!
//! In as many sessions as the servers have lanes, with as many names and rooms in each
//! transaction as the servers' groups had on average, and in the same two round trips.

use std::process::Command;
use std::time::Duration;

use crate::classroom::postgres::{Postgres, programs};

/// Lanes of changes and of finds of a server, as `book/room` has them.
const WRITES: usize = 4;
const FINDS: usize = 2;

/// Prefixes of names: as many as there are clients, whose names come in turn.
const PREFIXES: usize = 200;

/// What the servers did, which is to be done without them.
pub struct Shape {
    pub rooms: usize,
    pub servers: usize,
    /// Names in a transaction.
    pub group: usize,
    pub lasts: Duration,
}

impl Shape {
    /// Changes a second.
    pub async fn adds(&self, postgres: &Postgres, database: &str) -> f64 {
        let client = postgres.connect(database).await;
        let lanes = "insert into tcp_classroom.lanes select from generate_series(1, 64)";
        client.execute(lanes, &[]).await.unwrap();
        let lanes = self.rooms.min(WRITES);
        let (variables, room, names) = self.script(lanes);
        let Shape { group, .. } = self;
        let touched = self.touched(lanes);
        let each = group / touched;
        let rooms = format!("(select {room} from generate_series(1, {touched}) i)");
        let script = format!(
            "{variables}\\set lane 1 + :client_id\n\
             \\startpipeline\n\
             begin;\n\
             select mark from lanes where id = :lane for update;\n\
             select id, seq, contacts, removed, quota from rooms where id in {rooms} \
             and archived is null order by id for update;\n\
             select c.room, c.name, c.phone from {names} as wanted \
             join contacts c on c.room = wanted.room and c.name = wanted.name;\n\
             \\endpipeline\n\
             \\startpipeline\n\
             insert into contacts (room, name, phone, seq) \
             select room, name, '1', seq from {names} as wanted \
             on conflict (room, name) do update set phone = excluded.phone, seq = excluded.seq;\n\
             update rooms set seq = seq + {each}, contacts = contacts + {each}, \
             used = current_date where id in {rooms};\n\
             update lanes set mark = :n, used = now() where id = :lane;\n\
             commit;\n\
             \\endpipeline\n"
        );
        self.run(postgres, database, &script, lanes * self.servers).await
    }

    /// Finds a second.
    pub async fn finds(&self, postgres: &Postgres, database: &str) -> f64 {
        self.finds_in(self.rooms.min(FINDS) * self.servers, postgres, database).await
    }

    /// The same in so many sessions.
    pub async fn finds_in(&self, sessions: usize, postgres: &Postgres, database: &str) -> f64 {
        let (variables, _, names) = self.script(self.rooms.min(FINDS));
        let script = format!(
            "{variables}select c.room, c.name, c.phone from {names} as wanted \
             join contacts c on c.room = wanted.room and c.name = wanted.name \
             where c.phone is not null;\n"
        );
        self.run(postgres, database, &script, sessions).await
    }

    /// How many rooms of a lane share a transaction.
    fn touched(&self, lanes: usize) -> usize {
        (self.rooms / lanes).min(self.group).max(1)
    }

    /// The variables of a transaction, the `i`th of its rooms, and its names as a table.
    fn script(&self, lanes: usize) -> (String, String, String) {
        let Shape { rooms, group, .. } = self;
        let (of_lane, touched) = (rooms / lanes, self.touched(lanes));
        let variables = format!(
            "\\set mine 1 + (:client_id % {lanes})\n\\set first random(0, {of_lane} - 1)\n\
             \\set n :n + {group}\n"
        );
        let room = |i: &str| format!("(:mine + {lanes} * ((:first + {i}) % {of_lane}))::bigint");
        let nth = format!("i % {touched}");
        let names = format!(
            "(select {} as room, \
             'p' || ((:n + i) % {PREFIXES}) || 'n' || :client_id || '.' || (:n + i) \
             || 'g{group}' as name, \
             (:n + i)::bigint as seq from generate_series(1, {group}) i)",
            room(&nth)
        );
        (variables, room("i"), names)
    }

    /// Runs a script in so many sessions. Returns how many names a second.
    async fn run(&self, postgres: &Postgres, database: &str, script: &str, sessions: usize) -> f64 {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("script.sql");
        std::fs::write(&file, script).unwrap();
        let mut command = Command::new(programs().unwrap().join("pgbench"));
        command
            .args(["--no-vacuum", "--protocol", "prepared", "--username", "classroom"])
            .args(["--client", &sessions.to_string(), "--time", &self.lasts.as_secs().to_string()])
            .args(["--define", "n=0", "--host"])
            .arg(postgres.socket().parent().unwrap())
            .arg("--file")
            .arg(&file)
            .arg(database)
            .env("PGOPTIONS", "-c search_path=tcp_classroom");
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let tps = told.lines().find_map(|line| line.strip_prefix("tps = "));
        let tps = tps.and_then(|rest| rest.split(' ').next()?.parse::<f64>().ok());
        let errors = String::from_utf8_lossy(&output.stderr);
        tps.unwrap_or_else(|| panic!("pgbench: {told}{errors}")) * self.group as f64
    }
}
