use std::collections::BTreeMap;

use fastrand::Rng;

use super::*;

fn entry(name: &str, phone: Option<&str>) -> Entry {
    Entry { name: name.to_string(), phone: phone.map(ToString::to_string) }
}

fn changes(seq: u64, count: u64, entries: &[(&str, Option<&str>)]) -> Changes {
    let changes = entries.iter().map(|(name, phone)| entry(name, *phone)).collect();
    Changes { seq, count, changes }
}

fn page(seq: u64, names: &[&str], next: Option<&str>) -> Page {
    let contacts: Vec<Entry> = names.iter().map(|name| entry(name, Some("1"))).collect();
    Page { seq, count: contacts.len() as u64, contacts, next: next.map(ToString::to_string) }
}

fn begun(seq: u64) -> (ContactList, PageRequest) {
    let mut list = ContactList::default();
    list.reset(&Snapshot { seq, count: 0 });
    let wanted = list.missing_page().unwrap().clone();
    (list, wanted)
}

/// `name=phone` of every row on view.
fn view(list: &ContactList) -> Vec<String> {
    let rows = list.rows(0..list.shown());
    rows.map(|contact| format!("{}={}", contact.name, contact.phone)).collect()
}

#[test]
fn the_later_word_counts_whichever_comes_first() {
    // The change first, then a page from before it.
    let (mut list, wanted) = begun(5);
    list.apply(changes(8, 2, &[("a", Some("new")), ("b", None), ("d", Some("new"))]));
    list.apply_page(&wanted, page(5, &["a", "b", "c"], None));
    assert_eq!(view(&list), ["a=new", "c=1", "d=new"]);

    // A page that knows more than the events so far, then those events.
    let (mut list, wanted) = begun(5);
    list.apply_page(&wanted, page(8, &["a", "c"], None));
    list.apply(changes(6, 2, &[("a", Some("old"))]));
    list.apply(changes(8, 2, &[("b", Some("old")), ("b", None)]));
    assert_eq!(view(&list), ["a=1", "c=1"]);
    assert!(list.rows.iter().all(|row| row.phone.is_some()), "no row is kept for nothing");
}

#[test]
fn after_a_snapshot_the_old_rows_stay_on_view_until_the_pages_say_otherwise() {
    let (mut list, wanted) = begun(9);
    list.apply_page(&wanted, page(9, &["a", "b", "x", "y"], None));
    list.apply(changes(10, 4, &[("x", Some("2"))]));
    // Another server, which counts from the beginning.
    list.reset(&Snapshot { seq: 0, count: 3 });
    assert_eq!(view(&list), ["a=1", "b=1", "x=2", "y=1"]);
    assert_eq!(list.count(), 3);
    // What was asked of the first server is of no use any more.
    list.apply_page(&wanted, page(10, &["zombie"], None));
    let wanted = list.missing_page().unwrap().clone();
    list.apply_page(&wanted, page(0, &["a", "c"], Some("c")));
    assert_eq!(view(&list), ["a=1", "c=1", "x=2", "y=1"]);
    let wanted = list.missing_page().unwrap().clone();
    assert_eq!(wanted.after, "c");
    list.apply_page(&wanted, page(0, &["y"], None));
    assert_eq!(view(&list), ["a=1", "c=1", "y=1"]);
    assert_eq!(list.missing_page(), None);
}

#[test]
fn it_says_who_changed_last() {
    let (mut list, wanted) = begun(0);
    assert_eq!(list.latest(), None);
    list.apply_page(&wanted, page(0, &["a", "b"], None));
    list.apply(changes(2, 2, &[("a", Some("2")), ("b", Some("3"))]));
    let latest: Vec<bool> = list.rows(0..9).map(|contact| contact.is_latest).collect();
    assert_eq!(latest, [false; 0], "a range beyond the end is empty");
    let latest: Vec<bool> = list.rows(0..2).map(|contact| contact.is_latest).collect();
    assert_eq!(latest, [false, true]);
    list.apply(changes(3, 1, &[("b", None)]));
    assert_eq!(list.latest(), Some(&Latest { name: "b".to_string(), is_removed: true }));
    list.reset(&Snapshot { seq: 9, count: 1 });
    assert_eq!(list.latest(), None, "somebody else may have changed meanwhile");
}

#[test]
fn the_search_finds_names_and_phones_in_any_case_and_follows_the_changes() {
    let (mut list, wanted) = begun(0);
    list.apply_page(&wanted, page(0, &["Li Si", "zhangsan", "张三", "李四"], None));
    list.apply(changes(1, 4, &[("李四", Some("13800138000"))]));
    for (text, found) in [
        ("", vec!["Li Si=1", "zhangsan=1", "张三=1", "李四=13800138000"]),
        ("  ", vec!["Li Si=1", "zhangsan=1", "张三=1", "李四=13800138000"]),
        ("LI si", vec!["Li Si=1"]),
        ("三", vec!["张三=1"]),
        ("8001", vec!["李四=13800138000"]),
        ("1", vec!["Li Si=1", "zhangsan=1", "张三=1", "李四=13800138000"]),
        ("a name longer than any in the book", vec![]),
    ] {
        list.search(text);
        assert_eq!(view(&list), found, "{text:?}");
    }
    list.search("si");
    list.apply(changes(3, 5, &[("si ma", Some("2")), ("Li Si", None)]));
    assert_eq!(view(&list), ["si ma=2"]);
}

#[test]
fn of_a_larger_book_the_first_names_are_held_and_it_says_so() {
    let mut list = ContactList::with_limit(3);
    list.reset(&Snapshot { seq: 0, count: 5 });
    let wanted = list.missing_page().unwrap().clone();
    list.apply_page(&wanted, page(0, &["b", "c"], Some("c")));
    assert!(!list.is_truncated());
    let wanted = list.missing_page().unwrap().clone();
    list.apply_page(&wanted, page(0, &["d", "e"], Some("e")));
    assert_eq!(view(&list), ["b=1", "c=1", "d=1"]);
    assert!(list.is_truncated());
    assert_eq!((list.missing_page(), list.count()), (None, 5), "the rest is not asked for");
    list.apply(changes(3, 6, &[("a", Some("1")), ("z", Some("1")), ("c", None)]));
    assert_eq!(view(&list), ["a=1", "b=1", "d=1"]);
    list.apply(changes(4, 7, &[("c", Some("2"))]));
    assert_eq!(view(&list), ["a=1", "b=1", "c=2"]);
    // `d` had to go: what is held may become less, but it is never wrong.
    list.apply(changes(6, 6, &[("a", None), ("d", Some("2"))]));
    assert_eq!(view(&list), ["b=1", "c=2"]);
}

#[test]
fn only_rows_in_sight_and_a_few_more_are_in_the_document() {
    for (rows, top, height, expected) in [
        (0, 0, 300, 0..0),
        (5, 0, 300, 0..5),
        (10_000, 0, 300, 0..18),
        (10_000, 3_000, 300, 92..118),
        (10_000, 3_015, 300, 92..119),
        (10_000, 299_700, 300, 9_982..10_000),
        // The list has become shorter, and the browser not yet noticed.
        (5, 299_700, 300, 5..5),
        (10_000, usize::MAX, 300, 10_000..10_000),
    ] {
        assert_eq!(visible_range(rows, 30, top, height), expected, "{rows} {top} {height}");
    }
    assert_eq!(visible_range(100, 0, 0, 10), 0..18, "a list that is not laid out yet");
}

/// A server, its stream of events and the requests under way, as unkind as the
/// rules allow.
struct World {
    rng: Rng,
    book: BTreeMap<String, String>,
    seq: u64,
    /// Every change; those from `told` on have not been told yet.
    log: Vec<Entry>,
    told: usize,
    /// Whether the stream has to begin anew.
    is_gap: bool,
    /// What was asked for, and the answer once the server has read it.
    asked: Option<(PageRequest, Option<Page>)>,
    /// Answers that came too late to matter.
    late: Vec<(PageRequest, Page)>,
}

impl World {
    fn new(seed: u64) -> Self {
        World {
            rng: Rng::with_seed(seed),
            book: BTreeMap::new(),
            seq: 0,
            log: Vec::new(),
            told: 0,
            is_gap: true,
            asked: None,
            late: Vec::new(),
        }
    }

    fn change_book(&mut self) {
        let name = format!("{:02}", self.rng.u8(..40));
        let phone = if self.rng.u8(..3) > 0 {
            let phone = self.rng.u16(..).to_string();
            self.book.insert(name.clone(), phone.clone());
            Some(phone)
        } else if self.book.remove(&name).is_some() {
            None
        } else {
            return;
        };
        self.seq += 1;
        self.log.push(Entry { name, phone });
    }

    fn tell(&mut self, list: &mut ContactList) {
        let count = self.book.len() as u64;
        if std::mem::take(&mut self.is_gap) {
            self.told = self.log.len();
            list.reset(&Snapshot { seq: self.seq, count });
            return;
        }
        let untold = self.log.len() - self.told;
        if untold > 0 {
            let batch = self.rng.usize(1..=untold);
            let seq = self.seq - (untold - batch) as u64;
            let changes = self.log[self.told..][..batch].to_vec();
            self.told += batch;
            list.apply(Changes { seq, count, changes });
        }
    }

    fn ask(&mut self, list: &ContactList) {
        // A request for what is not wanted any more is given up, or its answer
        // comes all the same.
        if let Some((asked, answer)) = &self.asked
            && list.missing_page() != Some(asked)
        {
            self.late.extend(answer.clone().map(|page| (asked.clone(), page)));
            self.asked = None;
        }
        if self.asked.is_none() {
            self.asked = list.missing_page().map(|wanted| (wanted.clone(), None));
        }
    }

    fn read_page(&mut self) {
        if let Some((wanted, answer @ None)) = &mut self.asked {
            let limit = self.rng.usize(1..8);
            let behind = self.book.iter().filter(|(name, _)| **name > wanted.after);
            let mut contacts: Vec<Entry> =
                behind.map(|(name, phone)| entry(name, Some(phone))).take(limit + 1).collect();
            let goes_on = contacts.len() > limit;
            contacts.truncate(limit);
            let next = contacts.last().filter(|_| goes_on).map(|last| last.name.clone());
            let count = self.book.len() as u64;
            *answer = Some(Page { seq: self.seq, count, contacts, next });
        }
    }

    fn answer(&mut self, list: &mut ContactList) {
        if self.rng.bool()
            && let Some((asked, page)) = self.late.pop()
        {
            list.apply_page(&asked, page);
        }
        if let Some((_, Some(_))) = &self.asked
            && let Some((asked, Some(page))) = self.asked.take()
        {
            list.apply_page(&asked, page);
        }
    }

    /// The stream breaks and has to begin anew, perhaps at another server.
    fn break_off(&mut self) {
        self.is_gap = true;
        if self.rng.u8(..4) == 0 {
            self.seq = 0;
            self.log.clear();
            self.told = 0;
            for _ in 0..self.rng.u8(..60) {
                self.change_book();
            }
        }
    }
}

#[track_caller]
fn assert_sound(list: &ContactList) {
    assert!(list.rows.is_sorted_by(|one, next| one.name < next.name));
    assert!(list.rows.len() <= list.limit);
    assert_eq!(list.rows(0..list.shown()).count(), list.shown());
}

#[test]
fn whatever_crosses_on_the_way_it_ends_up_with_the_book() {
    for seed in 0..3_000 {
        let mut world = World::new(seed);
        let most = world.rng.usize(1..50);
        let mut list = ContactList::with_limit(most);
        for _ in 0..world.rng.u8(..200) {
            match world.rng.u8(..20) {
                0 => world.break_off(),
                1..=6 => world.change_book(),
                7..=11 => world.tell(&mut list),
                12..=14 => world.ask(&list),
                15..=16 => world.read_page(),
                _ => world.answer(&mut list),
            }
            assert_sound(&list);
        }
        while world.is_gap || world.told < world.log.len() || list.missing_page().is_some() {
            world.tell(&mut list);
            world.ask(&list);
            world.read_page();
            world.answer(&mut list);
            assert_sound(&list);
        }
        let book = world.book.iter().map(|(name, phone)| format!("{name}={phone}"));
        let known = view(&list);
        let expected: Vec<String> = match &list.horizon {
            Some(horizon) => book.filter(|row| row[..2] < horizon[..]).collect(),
            None => book.collect(),
        };
        assert_eq!(known, expected, "seed {seed}");
        assert_eq!(list.count(), world.book.len() as u64, "seed {seed}");
    }
}
