//! The page, as a student uses it.

use crate::ADD;
use crate::classroom::TestServer;
use crate::classroom::browser::{Browser, CHINESE, ENGLISH, PHONE, Visitor};
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
        browser.await_element("#fix:not([hidden])").await;
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
        browser.await_element("#fix").await;
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
    browser.clear("#command").await;
    browser.keys(&format!("f{tab}")).await;
    assert_eq!(browser.typed().await, "find;");
    browser.keys(&format!("zh{tab}")).await;
    assert_eq!(browser.typed().await, "find;zhangsan");
    browser.send("").await;
    browser.expect("received", "13800138000").await;
    // With nothing to complete Tab moves on: the focus is not trapped.
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
    let press = async |key: Key| browser.press(char::from(key)).await;
    for (key, panel) in [
        (Key::Right, "sequence"),
        (Key::Left, "wire"),
        (Key::Left, "program"),
        (Key::Right, "wire"),
        (Key::End, "program"),
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

/// What the class reads from the projector has to work on its own computers.
#[tokio::test]
async fn a_page_on_the_teachers_own_computer_names_the_server_as_students_do() {
    let server = TestServer::with(|config| {
        config.tcp.set_ip([0, 0, 0, 0].into());
        config.http.set_ip([0, 0, 0, 0].into());
        config.advertise = Some("classroom.test".to_owned());
    })
    .await;
    let Some(browser) = Browser::start(ENGLISH).await else { return };
    let port = server.http.port();
    browser.go(&format!("http://127.0.0.1:{port}/")).await;
    browser.await_state("open").await;
    let is_named_so = format!(
        "['#state', '#conversation', '[data-step=roles]'].every(part => \
         document.querySelector(part + ' [data-slot=host]').innerText === 'classroom.test:{port}')"
    );
    browser.until(&is_named_so).await;
    browser.screenshot("own-computer-en").await;
    browser.click("#language").await;
    browser.until("document.documentElement.lang === 'zh-CN'").await;
    browser.until(&is_named_so).await;
    browser.screenshot("own-computer-zh").await;
    browser.send("exit").await;
    browser.await_state("closed").await;
    browser.until(&is_named_so).await;
    browser.finish().await;
}
