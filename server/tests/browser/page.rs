//! The page, as a student uses it.

use crate::ADD;
use crate::classroom::TestServer;
use crate::classroom::binary::Program;
use crate::classroom::browser::{Browser, CHINESE, ENGLISH, PHONE, StaticHost, Visitor};
use crate::classroom::port::ReservedPort;
use crate::classroom::relay::Relay;
use fantoccini::key::Key;
use serde_json::json;

#[tokio::test]
async fn a_student_types_a_command_and_sees_the_answer() {
    let (_server, browser) = open!(CHINESE);
    browser.expect("received", "Welcome!").await;
    browser.send(ADD).await;
    browser.expect("received", "zhangsan added!").await;
    browser.keys("find;zhangsan").await;
    browser.click("#send").await;
    browser.expect("received", "13800138000").await;
    browser.send("add;张三;12345").await;
    browser.expect("received", "张三 added!").await;
    browser.send("find;张三").await;
    browser.expect("received", "12345").await;
    let messages = browser.messages().await;
    let directions: Vec<_> = messages.iter().map(|(direction, _)| direction.as_str()).collect();
    assert_eq!(directions[0], "received");
    assert_eq!(directions[1..], ["sent", "received"].repeat(4));
    assert_eq!(messages[1].1, ADD);
    assert_eq!(browser.typed().await, "");
    browser.finish().await;
}

#[tokio::test]
async fn a_first_conversation_with_its_mistakes_goes_the_same_in_both_languages() {
    for (visitor, name) in [(CHINESE, "zh"), (ENGLISH, "en")] {
        let (_server, browser) = open!(Visitor { width: 1280, height: 800, ..visitor });
        for (command, answer) in [
            (ADD, "zhangsan added!"),
            ("find;zhangsan", "13800138000"),
            ("add;张三;12345", "张三 added!"),
            ("find;lisi", "Not Found!"),
        ] {
            browser.send(command).await;
            browser.expect("received", answer).await;
        }
        browser.send("remove").await;
        browser.until("document.getElementById('conversation').children.length === 11").await;
        browser.keys("add;李四；13900139000").await;
        browser.element("#fix:not([hidden])").await;
        browser.until(&format!("document.documentElement.lang.startsWith('{name}')")).await;
        // The pictures of the README.
        browser.screenshot(&format!("page-{name}")).await;
        browser.finish().await;
    }
}

#[tokio::test]
async fn what_one_student_adds_another_finds_over_raw_tcp() {
    let (server, browser) = open!(ENGLISH);
    browser.send("add;李雷;110").await;
    browser.expect("received", "李雷 added!").await;
    let mut python = server.tcp().await;
    python.send("find;李雷".as_bytes()).await;
    python.expect(b"110").await;
    browser.finish().await;
}

#[tokio::test]
async fn a_wide_semicolon_is_circled_and_mended_with_one_tap() {
    for (visitor, name) in [(CHINESE, "desktop"), (PHONE, "phone")] {
        let (_server, browser) = open!(visitor);
        browser.keys("add；张三；13800138000").await;
        browser.element("#fix").await;
        browser.screenshot(&format!("wide-semicolon-{name}")).await;
        browser.click("#fix").await;
        assert_eq!(browser.typed().await, "add;张三;13800138000");
        browser.send("").await;
        browser.expect("received", "张三 added!").await;
        browser.finish().await;
    }
}

#[tokio::test]
async fn a_mistake_may_be_sent_and_is_explained_in_the_student_s_language() {
    let (server, browser) = open!(CHINESE);
    browser.send("Add;x;1").await;
    browser
        .until("document.querySelector('#conversation > :last-child').textContent.includes('小写')")
        .await;
    let (direction, text) = browser.messages().await.pop().unwrap();
    assert_eq!(direction, "received");
    assert!(text.starts_with("Error: commands are lower case"), "{text}");
    // What stands there already is said again, with the student's own words.
    browser.keys("find lisi").await;
    browser.click("#language").await;
    browser
        .until("document.querySelector('#conversation > :last-child').innerText.includes('lower case')")
        .await;
    browser
        .until("document.getElementById('hint').textContent.endsWith('not a space: find;lisi')")
        .await;
    browser.until("document.title === 'TCP classroom'").await;
    browser
        .until(&format!(
            "document.querySelector('#conversation .note').textContent.includes('{}')",
            server.http
        ))
        .await;
    browser.finish().await;
}

#[tokio::test]
async fn enter_that_ends_a_composition_does_not_send() {
    let (_server, browser) = open!(CHINESE);
    browser.keys("add;").await;
    browser
        .devtools(
            "Input.imeSetComposition",
            json!({ "text": "zhang", "selectionStart": 5, "selectionEnd": 5 }),
        )
        .await;
    // What a browser reports for Enter while the input method has the keys.
    let key = json!({
        "type": "rawKeyDown", "key": "Process", "code": "Enter", "windowsVirtualKeyCode": 229
    });
    browser.devtools("Input.dispatchKeyEvent", key).await;
    browser
        .script(
            "document.getElementById('command').dispatchEvent(new KeyboardEvent('keydown', \
             { key: 'Enter', isComposing: true, bubbles: true, cancelable: true }))",
        )
        .await;
    browser.devtools("Input.insertText", json!({ "text": "张三" })).await;
    browser.until("document.getElementById('command').value === 'add;张三'").await;
    assert_eq!(browser.messages().await.len(), 1, "only the welcome");
    browser.send(";1").await;
    browser.expect("received", "张三 added!").await;
    browser.finish().await;
}

#[tokio::test]
async fn it_reconnects_after_a_server_restart_and_keeps_what_was_typed() {
    let port = ReservedPort::new();
    let server = TestServer::with(|config| config.http = port.address).await;
    let Some(browser) = Browser::open(CHINESE, port.address).await else { return };
    browser.keys("add;wangwu;1").await;
    server.stop().await;
    browser.until("document.getElementById('connection').dataset.state !== 'open'").await;
    browser.screenshot("closed-zh-light").await;
    // Enter now must neither lose the line nor send it anywhere.
    browser.send("").await;
    assert_eq!(browser.typed().await, "add;wangwu;1");
    let server = TestServer::with(|config| config.http = port.address).await;
    browser.await_state("open").await;
    assert_eq!(browser.typed().await, "add;wangwu;1");
    browser.send("").await;
    browser.expect("received", "wangwu added!").await;
    drop(server);
    browser.finish_but_for("WebSocket connection to").await;
}

#[tokio::test]
async fn a_message_that_was_never_answered_says_so_and_can_be_taken_back() {
    // A server that dies before it answers, as a laptop does.
    let mut program = Program::start(&["--pause", "30s"]);
    let Some(browser) = Browser::open(ENGLISH, program.http).await else { return };
    browser.send("add;lisi;7").await;
    browser.expect("sent", "add;lisi;7").await;
    program.child.kill().unwrap();
    program.exit();
    let last = "document.querySelector('#conversation > :last-child')";
    browser.until(&format!("{last}.innerText.includes('No answer')")).await;
    browser.click("#conversation > :last-child [data-take-back]").await;
    assert_eq!(browser.typed().await, "add;lisi;7");
    browser.finish_but_for("WebSocket connection to").await;
}

/// What says that the network is back.
const ONLINE: &str = "dispatchEvent(new Event('online'))";

/// Hides the page, and brings it to the front again so many milliseconds later
/// by the wall clock, which alone goes on while a phone sleeps.
fn away_for(millis: u64) -> String {
    format!(
        "const looked = hidden => {{ \
           Object.defineProperty(document, 'hidden', {{ configurable: true, value: hidden }}); \
           document.dispatchEvent(new Event('visibilitychange')); \
         }}; \
         looked(true); \
         const now = Date.now; \
         Date.now = () => now() + {millis}; \
         looked(false); \
         Date.now = now;"
    )
}

#[tokio::test]
async fn a_half_open_connection_is_noticed_and_nothing_typed_is_lost() {
    for (event, visitor) in [(ONLINE.to_owned(), ENGLISH), (away_for(31_000), PHONE)] {
        let server = TestServer::start().await;
        let relay = Relay::start(server.http).await;
        let Some(browser) = Browser::open(visitor, relay.address).await else { return };
        browser.send(ADD).await;
        browser.expect("received", "zhangsan added!").await;
        relay.swallow_everything();
        browser.send("add;lisi;7").await;
        browser.keys("find;li").await;
        browser.script(&event).await;
        // The fresh request is not answered either.
        browser.await_state("closed").await;
        relay.swallow_open_connections();
        let sent = "document.getElementById('message-3').innerText";
        browser.until(&format!("/No answer: |没有回答：/.test({sent})")).await;
        assert_eq!(browser.typed().await, "find;li");
        browser.await_state("open").await;
        browser.expect("received", "Welcome!").await;

        if visitor.phone {
            browser.show("talk").await;
        }
        browser.click("#message-3 [data-take-back]").await;
        assert_eq!(browser.typed().await, "add;lisi;7");
        browser.send("").await;
        browser.expect("received", "lisi added!").await;
        browser.finish_but_for("WebSocket connection to").await;
    }
}

#[tokio::test]
async fn a_connection_that_is_well_survives_a_change_of_network() {
    let server = TestServer::start().await;
    let relay = Relay::start(server.http).await;
    let Some(browser) = Browser::open(ENGLISH, relay.address).await else { return };
    let checked = async |times: usize| {
        let checks = "performance.getEntriesByType('resource')\
                      .filter(each => each.name.endsWith('/healthz') && each.responseEnd).length";
        browser.until(&format!("{checks} === {times}")).await;
    };
    browser.script(ONLINE).await;
    checked(1).await;
    browser.script(&away_for(29_000)).await;
    browser.script(&away_for(31_000)).await;
    checked(2).await;
    browser.send(ADD).await;
    browser.expect("received", "zhangsan added!").await;
    assert_eq!(browser.messages().await.len(), 3, "it is the same conversation");
    assert_eq!(relay.asked().iter().filter(|path| *path == "/healthz").count(), 2);
    browser.finish().await;
}

#[tokio::test]
async fn it_works_in_a_folder_of_a_proxy() {
    let server = TestServer::start().await;
    let relay = Relay::under("/classroom", server.http).await;
    let Some(browser) = Browser::start(CHINESE).await else { return };
    browser.go(&format!("http://{}/classroom/?from=here#plan", relay.address)).await;
    browser.await_state("open").await;
    browser.send(ADD).await;
    browser.expect("received", "zhangsan added!").await;
    browser.click("#language").await;
    browser.until("document.title === 'TCP classroom'").await;

    // The class's book, as it is and as it changes.
    browser.show("contacts").await;
    browser.until("document.getElementById('rows').innerText.includes('zhangsan')").await;
    let mut other = server.tcp().await;
    other.send(b"add;lisi;1\n").await;
    browser.until("document.getElementById('rows').innerText.includes('lisi')").await;
    // Where raw TCP is.
    browser.show("python").await;
    let code = "document.getElementById('python-code').textContent";
    browser.until(&format!("{code}.includes('{}')", server.tcp.port())).await;
    browser.script(ONLINE).await;
    browser
        .until(
            "performance.getEntriesByType('resource').some(each => each.name.endsWith('/healthz'))",
        )
        .await;

    let asked = relay.asked();
    for path in ["/ws", "/api/events", "/api/contacts", "/api/classroom", "/healthz", "/en.html"] {
        let path = format!("/classroom{path}");
        assert!(asked.iter().any(|asked| asked.starts_with(&path)), "{path}: {asked:?}");
    }
    let strays: Vec<_> = asked.iter().filter(|path| !path.starts_with("/classroom/")).collect();
    assert!(strays.is_empty(), "{strays:?}");
    browser.finish().await;
}

#[tokio::test]
async fn exit_ends_the_conversation_and_a_new_one_can_begin() {
    let (_server, browser) = open!(ENGLISH);
    browser.send(ADD).await;
    browser.expect("received", "zhangsan added!").await;
    browser.send("exit").await;
    browser.await_state("closed").await;
    browser.screenshot("exit-en-light").await;
    browser.click("#reconnect").await;
    browser.await_state("open").await;
    browser.expect("received", "Welcome!").await;
    browser.send("find;zhangsan").await;
    browser.expect("received", "13800138000").await;
    assert_eq!(browser.messages().await.len(), 7, "the earlier lines are still there");
    browser.finish().await;
}

#[tokio::test]
async fn the_language_follows_the_browser_and_then_the_student() {
    for (visitor, first, second) in [(CHINESE, "zh", "en"), (ENGLISH, "en", "zh")] {
        let (server, browser) = open!(visitor);
        let language = |start: &str| format!("document.documentElement.lang.startsWith('{start}')");
        browser.until(&language(first)).await;
        browser.click("#language").await;
        browser.until(&language(second)).await;
        browser.go(&format!("http://{}/", server.http)).await;
        browser.await_state("open").await;
        browser.until(&language(second)).await;
        browser.finish().await;
    }
}

#[tokio::test]
async fn keys_walk_through_history_and_complete_words() {
    let (_server, browser) = open!(ENGLISH);
    let (up, down, tab) = (char::from(Key::Up), char::from(Key::Down), char::from(Key::Tab));
    for command in [ADD, "find;nobody"] {
        browser.send(command).await;
    }
    browser.expect("received", "Not Found!").await;
    browser.keys("dra").await;
    browser.keys(&format!("{up}{up}")).await;
    assert_eq!(browser.typed().await, ADD);
    browser.keys(&down.to_string()).await;
    assert_eq!(browser.typed().await, "find;nobody");
    browser.keys(&down.to_string()).await;
    assert_eq!(browser.typed().await, "dra");
    browser.element("#command").await.clear().await.unwrap();
    browser.keys(&format!("f{tab}")).await;
    assert_eq!(browser.typed().await, "find;");
    browser.keys(&format!("zh{tab}")).await;
    assert_eq!(browser.typed().await, "find;zhangsan");
    browser.send("").await;
    browser.expect("received", "13800138000").await;
    // With nothing to complete Tab moves on: nobody is trapped.
    browser.keys(&tab.to_string()).await;
    browser.until("document.activeElement.id !== 'command'").await;
    browser.finish().await;
}

#[tokio::test]
async fn text_is_never_taken_for_html() {
    let (_server, browser) = open!(ENGLISH);
    let name = "<img src=x onerror=alert(1)><b>bold</b>";
    browser.send(&format!("add;{name};1")).await;
    browser.expect("received", &format!("{name} added!")).await;
    let elements = browser
        .script(
            "return document.querySelectorAll('#conversation img, #conversation code b').length",
        )
        .await;
    assert_eq!(elements, 0);
    browser.finish().await;
}

#[tokio::test]
async fn nothing_scrolls_sideways_from_a_small_phone_to_a_projector() {
    // Width, height, and whether the theme is dark.
    let phones = [(320, 568, false), (390, 844, false), (390, 844, true)];
    let desktops = [(1280, 720, false), (1440, 900, true)];
    for (phone, screens) in [(true, &phones[..]), (false, &desktops)] {
        for language in ["zh-CN", "en-US"] {
            let screens = screens.iter();
            let screens = screens
                .map(|&(width, height, dark)| Visitor { language, width, height, phone, dark })
                .collect::<Vec<_>>();
            let (_server, browser) = open!(screens[0]);
            browser.send(ADD).await;
            browser.expect("received", "zhangsan added!").await;
            browser.send(&format!("add;{};{}", "张".repeat(64), "1".repeat(32))).await;
            browser.expect("received", &format!("{} added!", "张".repeat(64))).await;
            browser.send("Add;x").await;
            browser.until("document.getElementById('conversation').children.length === 7").await;
            browser.keys("add;zhangsan").await;
            for screen in screens {
                browser.change_screen(screen).await;
                fits(&browser, screen).await;
            }
            browser.finish().await;
        }
    }
}

/// Fails unless the page is as wide as its screen, and all of the command line is seen.
async fn fits(browser: &Browser, screen: Visitor) {
    let Visitor { language, width, dark, .. } = screen;
    let shade = if dark { "dark" } else { "light" };
    browser.settle().await;
    browser.screenshot(&format!("size-{width}-{language}-{shade}")).await;
    let scrolls = browser
        .script(&format!(
            "return [...document.querySelectorAll('body, header *, main, main > *')]\
             .filter(each => each.getBoundingClientRect().right > {width})\
             .map(each => each.outerHTML.slice(0, 99))"
        ))
        .await;
    assert_eq!(scrolls, json!([]), "{screen:?}");
    let visible = browser
        .script(
            "const box = document.getElementById('send').getBoundingClientRect(); \
             return box.bottom <= window.innerHeight && box.right <= window.innerWidth",
        )
        .await;
    assert_eq!(visible, true, "{screen:?}");
}

#[tokio::test]
async fn it_works_where_the_browser_does_not_trust_the_address() {
    let server = TestServer::start().await;
    let Some(browser) = Browser::start(PHONE).await else { return };
    browser.go(&format!("http://classroom.test:{}/", server.http.port())).await;
    browser.await_state("open").await;
    assert_eq!(browser.script("return window.isSecureContext").await, false);
    browser.send(ADD).await;
    browser.expect("received", "zhangsan added!").await;
    browser.finish().await;
}

/// What a test sees of the panels: those in sight, and the selected tab.
const PANELS: &str = "return [\
     [...document.querySelectorAll('main > section')].filter(each => each.offsetParent).map(each => each.id), \
     [...document.querySelectorAll('[role=tab][aria-selected=true]')].map(each => each.getAttribute('aria-controls'))]";

#[tokio::test]
async fn the_tabs_work_by_keyboard_and_are_the_same_after_a_reload() {
    let (server, browser) = open!(ENGLISH);
    let side = |id: &str| json!([["plan", "talk", id], [id]]);
    assert_eq!(browser.script(PANELS).await, side("wire"));
    browser.script("document.getElementById('tab-wire').focus()").await;
    let press = async |key: Key| {
        let focused = browser.client.active_element().await.unwrap();
        focused.send_keys(&char::from(key).to_string()).await.unwrap();
    };
    for (key, panel) in [
        (Key::Right, "sequence"),
        (Key::Left, "wire"),
        (Key::Left, "python"),
        (Key::Right, "wire"),
        (Key::End, "python"),
        (Key::Home, "wire"),
        (Key::Right, "sequence"),
        (Key::Right, "sticky"),
    ] {
        press(key).await;
        assert_eq!(browser.script(PANELS).await, side(panel), "{key:?}");
        assert_eq!(
            browser.script("return document.activeElement.getAttribute('aria-controls')").await,
            panel
        );
    }
    // One stop for Tab, and the next one is the panel itself.
    press(Key::Tab).await;
    assert_eq!(browser.script("return document.activeElement.id").await, "sticky");
    browser.go(&format!("http://{}/", server.http)).await;
    browser.await_state("open").await;
    assert_eq!(browser.script(PANELS).await, side("sticky"));
    browser.finish().await;
}

#[tokio::test]
async fn a_phone_shows_one_panel_at_a_time() {
    let (_server, browser) = open!(PHONE);
    assert_eq!(browser.script(PANELS).await, json!([["plan"], ["plan"]]));
    for panel in ["plan", "wire", "sequence", "sticky", "contacts", "python", "talk"] {
        browser.show(panel).await;
        assert_eq!(browser.script(PANELS).await, json!([[panel], [panel]]));
    }
    // What a step sends is answered where it stands.
    browser.click("[role=tab][aria-controls=plan]").await;
    browser.click("[data-step=sticky] .step").await;
    browser.click("[aria-current=step] .try:nth-of-type(2)").await;
    browser.expect("received", "12345").await;
    assert_eq!(browser.script(PANELS).await, json!([["plan"], ["plan"]]));
    let echo = browser
        .script("return [...document.querySelectorAll('#echo code')].map(each => each.textContent)")
        .await;
    assert_eq!(echo, json!(["add;zhangsan;12345⏎find;zhangsan", "zhangsan added!", "12345"]));
    assert_eq!(browser.messages().await.len(), 4);
    // So is an end, and a new conversation begins there.
    browser.click("[data-step=exit] .step").await;
    browser.click("[aria-current=step] .try").await;
    browser.await_state("closed").await;
    assert_eq!(browser.script(PANELS).await, json!([["plan"], ["plan"]]));
    browser.click("#reconnect").await;
    browser.show("talk").await;
    browser.await_state("open").await;
    browser.until("document.getElementById('now').dataset.told === 'own'").await;
    browser.screenshot("current-step-phone").await;
    browser.click("#now").await;
    assert_eq!(browser.script(PANELS).await, json!([["plan"], ["plan"]]));
    browser.finish().await;
}

#[tokio::test]
async fn on_a_static_host_the_page_says_so_and_answers_by_itself() {
    for (visitor, says) in
        [(CHINESE, "没有服务器回答"), (PHONE, "没有服务器回答"), (ENGLISH, "No server answers")]
    {
        let Some(host) = StaticHost::start() else { return };
        let Some(browser) = Browser::start(visitor).await else { return };
        browser.go(&host.address).await;
        browser.until("document.getElementById('mode').dataset.mode === 'page'").await;
        browser.expect("received", "Welcome!").await;
        browser.await_state("offline").await;
        let first = "document.querySelector('#conversation .note').innerText";
        browser.until(&format!("{first}.includes('{says}')")).await;
        browser.send(ADD).await;
        browser.expect("received", "zhangsan added!").await;
        browser.keys("find；zhangsan").await;
        let shape = if visitor.phone { "phone" } else { visitor.language };
        browser.screenshot(&format!("page-mode-{shape}")).await;
        browser.click("#fix").await;
        browser.click("#send").await;
        browser.expect("received", "13800138000").await;
        browser.send("exit").await;
        browser.await_state("closed").await;
        browser.click("#reconnect").await;
        browser.expect("received", "Welcome!").await;
        browser.send("find;zhangsan").await;
        browser.expect("received", "13800138000").await;

        // The server is tried again, and is still not there.
        browser.click("#mode").await;
        browser.until("document.getElementById('mode').dataset.mode === 'server'").await;
        browser.until("document.getElementById('mode').dataset.mode === 'page'").await;
        browser.expect("received", "Welcome!").await;
        browser.finish_but_for("WebSocket connection to").await;
    }
}

#[tokio::test]
async fn the_switch_leads_from_the_server_to_the_page_and_back() {
    let (server, browser) = open!(ENGLISH);
    browser.send(ADD).await;
    browser.expect("received", "zhangsan added!").await;
    browser.click("#mode").await;
    browser.await_state("offline").await;
    browser.send("find;zhangsan").await;
    browser.expect("received", "Not Found!").await;
    browser.send("add;only-here;1").await;
    browser.expect("received", "only-here added!").await;
    browser.click("#mode").await;
    browser.await_state("open").await;
    browser.send("find;zhangsan").await;
    browser.expect("received", "13800138000").await;
    browser.send("find;only-here").await;
    browser.expect("received", "Not Found!").await;

    // Where the server is gone, practice is one press away.
    server.stop().await;
    browser.click("#practise").await;
    browser.await_state("offline").await;
    browser.send("find;only-here").await;
    browser.expect("received", "1").await;
    // And a language that cannot be fetched costs nothing but a sentence.
    browser.click("#language").await;
    browser.until("document.getElementById('hint').textContent.includes('stays in English')").await;
    browser.finish_but_for("ERR_CONNECTION_REFUSED").await;
}

#[tokio::test]
async fn a_page_without_its_words_says_that_it_is_broken() {
    let Some(host) = StaticHost::start() else { return };
    let Some(browser) = Browser::start(ENGLISH).await else { return };
    let block = json!({ "urls": ["*/en.html"] });
    browser.devtools("Network.enable", json!({})).await;
    browser.devtools("Network.setBlockedURLs", block).await;
    browser.go(&host.address).await;
    browser.until("document.documentElement.hasAttribute('data-broken')").await;
    let seen = browser.script("return document.querySelector('.late').innerText").await;
    assert!(seen.as_str().unwrap().contains("could not start"), "{seen}");
    browser.finish_but_for("ERR_BLOCKED_BY_CLIENT").await;
}
