use super::*;

const KEYS: [&str; 2] = ["abcdefghijklmnop1", "abcdefghijklmnop2"];

fn page(n: u8, name: &str) -> PageOf {
    PageOf { address: IpAddr::from([192, 168, 1, n]), name: name.to_owned() }
}

fn pair(homework: &Arc<Homework>, code: &str, ticket: &str) -> Result<Paired, PairingError> {
    homework.pair(code, ticket, IpAddr::from([192, 168, 1, 1]), &[], Instant::now())
}

#[test]
fn a_code_is_readable_the_same_after_a_restart_and_of_one_student() {
    let [homework, later] = [Arc::new(Homework::default()), Arc::default()];
    let open =
        |homework: &Arc<Homework>, key| homework.open(key, page(1, ""), Language::English).unwrap();
    let first = open(&homework, KEYS[0]);
    let second = open(&homework, KEYS[1]);
    let code = first.student.code().to_owned();
    assert_ne!(code, second.student.code());
    assert_eq!(open(&later, KEYS[0]).student.code(), code);
    let typed = format!(" {}-{}", &code[..3].to_lowercase(), &code[3..]);
    let paired = pair(&homework, &typed, "").unwrap();
    assert!(Arc::ptr_eq(&paired.student, &first.student));
}

#[test]
fn a_code_is_known_of_a_page_at_another_server_and_of_no_page_that_left_it() {
    let [here, there] = [Arc::new(Homework::default()), Arc::default()];
    let mine = there.open(KEYS[0], page(1, ""), Language::Chinese).unwrap();
    let (code, now) = (mine.student.code().to_owned(), Instant::now());
    let pair = |ticket: &str, pages: &[PageTold]| {
        here.pair(&code, ticket, page(1, "").address, pages, now)
    };
    assert_eq!(pair("", &[]).err(), Some(PairingError::WrongCode));
    let paired = pair(&mine.student.ticket(), &there.pages()).unwrap();
    assert_eq!(paired.student.language(), Language::Chinese);
    // When the page comes here, it is that student's.
    let came = here.open(KEYS[0], page(1, ""), Language::English).unwrap();
    assert!(Arc::ptr_eq(&came.student, &paired.student));
    assert_eq!(came.student.code(), code);
    assert!(here.pages()[0].has_relay && !there.pages()[0].has_relay);
    drop(mine);
    assert_eq!(there.pages(), []);
}

#[test]
fn a_second_relay_replaces_the_first_and_a_ticket_is_of_its_own_student() {
    let homework = Arc::new(Homework::default());
    let [mine, other] = KEYS.map(|key| homework.open(key, page(1, ""), Language::English).unwrap());
    let first = pair(&homework, mine.student.code(), "").unwrap();
    let second = pair(&homework, mine.student.code(), &mine.student.ticket()).unwrap();
    assert!(first.replaced.is_cancelled() && !second.replaced.is_cancelled());
    drop(first);
    assert!(mine.student.talk().is_some(), "the second one stays");
    drop(second);
    assert!(mine.student.talk().is_none());
    let refused = pair(&homework, mine.student.code(), &other.student.ticket());
    assert_eq!(refused.err(), Some(PairingError::WrongCode));
}

#[tokio::test(start_paused = true)]
async fn wrong_codes_are_limited_by_address_and_forgiven_after_a_minute() {
    let homework = Arc::new(Homework::default());
    let mine = homework.open(KEYS[0], page(1, ""), Language::English).unwrap();
    for _ in 0..WRONG_CODES {
        assert_eq!(pair(&homework, "WRONG2", "").err(), Some(PairingError::WrongCode));
    }
    let limited = pair(&homework, mine.student.code(), "");
    assert_eq!(limited.err(), Some(PairingError::TooManyTries));
    let elsewhere = IpAddr::from([192, 168, 1, 2]);
    assert!(homework.pair(mine.student.code(), "", elsewhere, &[], Instant::now()).is_ok());
    tokio::time::advance(WINDOW).await;
    assert!(pair(&homework, mine.student.code(), "").is_ok());
}

#[test]
fn students_who_left_make_room_and_those_who_are_here_do_not() {
    let homework = Arc::new(Homework::default());
    let key = |n: usize| format!("key{n:020}");
    let mut open: Vec<_> = (0..STUDENTS)
        .map(|n| homework.open(&key(n), page(1, ""), Language::English).unwrap())
        .collect();
    assert_eq!(
        homework.open(KEYS[0], page(1, ""), Language::English).err(),
        Some(PairingError::Full)
    );
    open.pop();
    assert!(homework.open(KEYS[0], page(1, ""), Language::English).is_ok());
    assert!(homework.student(&key(STUDENTS - 1)).is_none());
    drop(open);
    assert!(!homework.is_open());
}

#[test]
fn a_client_is_known_by_its_address_or_by_the_name_it_uses() {
    let homework = Arc::new(Homework::default());
    let names = |name: &str| vec![name.to_owned()];
    let of = |n, name| {
        let client = ClientOf::new(page(n, "").address, None);
        homework.student_of(client, &names(name))
    };
    let first = homework.open(KEYS[0], page(1, "linxiaoyu"), Language::English).unwrap();
    assert!(Arc::ptr_eq(&of(1, "zhangsan").unwrap(), &first.student));
    assert!(of(2, "zhangsan").is_none() && of(2, "").is_none());
    assert!(Arc::ptr_eq(&of(2, "linxiaoyu").unwrap(), &first.student));
    let second = homework.open(KEYS[1], page(1, ""), Language::English).unwrap();
    assert!(of(1, "zhangsan").is_none(), "two pages behind one address");
    assert!(Arc::ptr_eq(&of(1, "linxiaoyu").unwrap(), &first.student));
    drop(second);
    assert!(of(1, "zhangsan").is_some());
}

#[test]
fn a_client_and_a_page_on_the_server_s_computer_may_use_different_addresses_of_it() {
    let homework = Arc::new(Homework::default());
    let local = PageOf { address: IpAddr::from([127, 0, 0, 1]), name: String::new() };
    let _local = homework.open(KEYS[0], local, Language::English).unwrap();
    let own = IpAddr::from([192, 168, 1, 5]);
    let seen = |from, to| homework.student_of(ClientOf::new(from, Some(to)), &[]).is_some();
    assert!(seen(own, own), "a program with the class's address");
    assert!(seen("::1".parse().unwrap(), "::1".parse().unwrap()));
    assert!(seen("::ffff:192.168.1.5".parse().unwrap(), own));
    assert!(!seen(IpAddr::from([192, 168, 1, 7]), own), "another computer");
}
