//! Compares what was confirmed with what the database and both servers have.
//!
//! A trigger notes every change of a contact in a table of its own, in the transaction that
//! makes it. So what was made twice, or was made and undone, is seen even if the contacts
//! are right in the end.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio_postgres::Client;

use super::load::{Change, Connection, Record};
use super::within;

const NOTE_CHANGES: &str = "
    create schema noted;
    create table noted.changes (room bigint, name text, phone text, seq bigint);
    create function noted.note() returns trigger language plpgsql
        security definer set search_path = noted as $$ begin
            insert into changes values (new.room, new.name, new.phone, new.seq);
            return null;
        end $$;
    create trigger note after insert or update on tcp_classroom.contacts
        for each row execute function noted.note();
";

/// Finds in one write: fewer than a server has waiting replies for.
const AT_ONCE: usize = 100;

/// Time for all finds of one room.
const FINDING: Duration = Duration::from_secs(60);

/// Has the database note all changes from now on.
pub async fn note_changes(superuser: &Client) {
    superuser.batch_execute(NOTE_CHANGES).await.unwrap();
}

/// What became of the changes.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Changes that a server confirmed.
    pub confirmed: usize,
    /// Changes of which no server said whether they were made, and how many of them were.
    pub uncertain: usize,
    pub uncertain_made: usize,
    /// Confirmed changes that were not made.
    pub lost: usize,
    /// Changes that were made more than once, confirmed or not.
    pub twice: usize,
    /// Changes that were made and not asked for.
    pub unasked: usize,
    /// Numbers of a room's changes that are missing or there twice, and changes whose
    /// number is less than that of a change which was confirmed before they were asked for.
    pub out_of_order: usize,
    /// Contacts that the database or a server has and the noted changes do not explain, or
    /// the other way round.
    pub different: usize,
    /// Contacts that were looked up, on both servers.
    pub looked_up: usize,
    /// Replies that nothing explains, and the first of them.
    pub wrong: usize,
    pub first_wrong: Option<String>,
}

impl Outcome {
    /// The counts that must be 0.
    pub fn faults(&self) -> [usize; 6] {
        let Outcome { lost, twice, unasked, out_of_order, different, wrong, .. } = self;
        [*lost, *twice, *unasked, *out_of_order, *different, *wrong]
    }
}

/// Compares everything. `codes` and the records' rooms have the order in which the rooms
/// were made.
pub async fn compare(
    records: Vec<Record>,
    superuser: &Client,
    servers: [SocketAddr; 2],
    codes: &[String],
) -> Outcome {
    let mut outcome = Outcome::default();
    let sql = "select id, seq from tcp_classroom.rooms order by id";
    let rooms = superuser.query(sql, &[]).await.unwrap();
    assert_eq!(rooms.len(), codes.len());
    let mut asked: Vec<Vec<Change>> = codes.iter().map(|_| Vec::new()).collect();
    for record in records {
        outcome.wrong += record.wrong.len();
        outcome.first_wrong = outcome.first_wrong.or(record.wrong.into_iter().next());
        asked[record.room].extend(record.changes);
    }
    for ((room, code), asked) in rooms.iter().zip(codes).zip(asked) {
        let (id, last): (i64, i64) = (room.get(0), room.get(1));
        let made = noted(superuser, id).await;
        outcome.compare_changes(&asked, &made, last);
        let contacts = in_the_end(&made);
        outcome.compare_contacts(superuser, id, &contacts).await;
        for server in servers {
            let finding = outcome.compare_finds(server, code, &contacts);
            within("a server finds", FINDING, finding).await;
        }
    }
    outcome
}

/// A change that was made.
struct Made {
    name: String,
    phone: Option<String>,
    seq: i64,
}

/// A room's changes, by number.
async fn noted(superuser: &Client, room: i64) -> Vec<Made> {
    let sql = "select name, phone, seq from noted.changes where room = $1 order by seq";
    let rows = superuser.query(sql, &[&room]).await.unwrap();
    rows.iter().map(|row| Made { name: row.get(0), phone: row.get(1), seq: row.get(2) }).collect()
}

/// What the changes come to: a name's phone, none where it was removed.
fn in_the_end(made: &[Made]) -> BTreeMap<&str, Option<&str>> {
    made.iter().map(|change| (&*change.name, change.phone.as_deref())).collect()
}

impl Outcome {
    fn compare_changes(&mut self, asked: &[Change], made: &[Made], last: i64) {
        // No student asks for a change of a name twice.
        let mut times: HashMap<_, usize> = HashMap::new();
        for Made { name, phone, .. } in made {
            *times.entry((&**name, phone.as_deref())).or_default() += 1;
        }
        let mut by_key: HashMap<_, &Change> = HashMap::new();
        for change in asked {
            let key = (&*change.name, change.phone.as_deref());
            by_key.insert(key, change);
            let times = times.get(&key).copied().unwrap_or_default();
            match change.confirmed {
                Some(_) => self.confirmed += 1,
                None => {
                    self.uncertain += 1;
                    self.uncertain_made += usize::from(times > 0);
                }
            }
            self.lost += usize::from(change.confirmed.is_some() && times == 0);
            self.twice += usize::from(times > 1);
        }
        // Each number once, up to the room's own.
        let numbers = made.iter().map(|change| change.seq);
        self.out_of_order += numbers.zip(1..).filter(|(seq, expected)| seq != expected).count();
        self.out_of_order += usize::from(last != i64::try_from(made.len()).unwrap());
        // The latest time at which a change with a lower number was asked for.
        let mut latest: Option<Instant> = None;
        for Made { name, phone, .. } in made {
            let Some(change) = by_key.get(&(&**name, phone.as_deref())) else {
                self.unasked += 1;
                continue;
            };
            let too_late = change.confirmed.is_some_and(|confirmed| latest > Some(confirmed));
            self.out_of_order += usize::from(too_late);
            latest = latest.max(Some(change.asked));
        }
    }

    async fn compare_contacts(
        &mut self,
        superuser: &Client,
        room: i64,
        expected: &BTreeMap<&str, Option<&str>>,
    ) {
        let sql = "select name, phone from tcp_classroom.contacts \
                   where room = $1 and phone is not null";
        let rows = superuser.query(sql, &[&room]).await.unwrap();
        let stored: HashMap<&str, &str> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let there = expected.iter().filter(|(_, phone)| phone.is_some()).count();
        self.different += there.abs_diff(stored.len());
        self.different +=
            expected.iter().filter(|(name, phone)| stored.get(*name) != phone.as_ref()).count();
    }

    async fn compare_finds(
        &mut self,
        server: SocketAddr,
        code: &str,
        expected: &BTreeMap<&str, Option<&str>>,
    ) {
        let mut client = Connection::join(server, code).await.expect("the server takes clients");
        let contacts: Vec<_> = expected.iter().collect();
        for some in contacts.chunks(AT_ONCE) {
            let lines: String = some.iter().map(|(name, _)| format!("find;{name}\n")).collect();
            client.send(&lines).await.unwrap();
            for (_, phone) in some {
                let line = client.line().await.unwrap();
                self.different += usize::from(line.trim_end() != phone.unwrap_or("Not Found!"));
                self.looked_up += 1;
            }
        }
    }
}

mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(1);

    /// Changes of names, asked for one after the other at the times 0, 2, 4, ..., and
    /// confirmed a step later.
    fn asked(names: &[&str]) -> Vec<Change> {
        let mut now = Instant::now();
        let mut changes = Vec::new();
        for name in names {
            let confirmed = Some(now + STEP);
            let phone = Some("1".to_owned());
            changes.push(Change { name: (*name).to_owned(), phone, asked: now, confirmed });
            now += 2 * STEP;
        }
        changes
    }

    fn made(changes: &[(&str, i64)]) -> Vec<Made> {
        let made = |&(name, seq): &(&str, i64)| Made {
            name: name.to_owned(),
            phone: Some("1".to_owned()),
            seq,
        };
        changes.iter().map(made).collect()
    }

    /// Lost, twice, unasked and out of order.
    fn faults(asked: &[Change], made: &[Made], last: i64) -> [usize; 4] {
        let mut outcome = Outcome::default();
        outcome.compare_changes(asked, made, last);
        let [lost, twice, unasked, out_of_order, ..] = outcome.faults();
        [lost, twice, unasked, out_of_order]
    }

    #[test]
    fn the_checker_sees_what_is_lost_twice_unasked_or_out_of_order() {
        let ab = asked(&["a", "b"]);
        assert_eq!(faults(&ab, &made(&[("a", 1), ("b", 2)]), 2), [0; 4]);
        assert_eq!(faults(&ab, &made(&[("a", 1)]), 1), [1, 0, 0, 0]);
        assert_eq!(faults(&ab, &made(&[("a", 1), ("b", 2), ("b", 3)]), 3), [0, 1, 0, 0]);
        assert_eq!(faults(&ab, &made(&[("a", 1), ("b", 2), ("c", 3)]), 3), [0, 0, 1, 0]);
        // b was asked for after a was confirmed.
        assert_eq!(faults(&ab, &made(&[("b", 1), ("a", 2)]), 2), [0, 0, 0, 1]);
        // A number is missing, is there twice, or is not the room's.
        assert_eq!(faults(&ab, &made(&[("a", 1), ("b", 3)]), 2), [0, 0, 0, 1]);
        assert_eq!(faults(&ab, &made(&[("a", 1), ("b", 1)]), 2), [0, 0, 0, 1]);
        assert_eq!(faults(&ab, &made(&[("a", 1), ("b", 2)]), 3), [0, 0, 0, 1]);
    }

    #[test]
    fn the_checker_lets_an_uncertain_change_be_made_once_or_not_but_not_twice() {
        let mut ab = asked(&["a", "b"]);
        ab[0].confirmed = None;
        assert_eq!(faults(&ab, &made(&[("b", 1)]), 1), [0; 4]);
        assert_eq!(faults(&ab, &made(&[("b", 1), ("a", 2)]), 2), [0; 4]);
        assert_eq!(faults(&ab, &made(&[("a", 1), ("b", 2), ("a", 3)]), 3), [0, 1, 0, 0]);
    }
}
