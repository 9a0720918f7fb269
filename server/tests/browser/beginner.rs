//! The lesson as a beginner meets it: examples of one's own, a server that only
//! echoes, exercises in links, programs to download.

use crate::ADD;
use crate::classroom::TestServer;
use crate::classroom::browser::{Browser, CHINESE, ENGLISH, PHONE, Visitor};
use crate::classroom::port::ReservedPort;
use crate::classroom::student::{Hand, OPEN, done, expect_open, follow, open_step};
use fantoccini::key::Key;
use protocol::Stage;
use serde_json::json;

/// What a person sees of an element.
async fn seen(browser: &Browser, css: &str) -> String {
    let script = "return [...document.querySelectorAll(arguments[0])].filter(each => each.offsetParent)\
                  .map(each => each.innerText).join('\\n')";
    let seen = browser.call(script, &[json!(css)]).await;
    seen.as_str().unwrap().to_owned()
}

async fn commands(browser: &Browser, within: &str) -> serde_json::Value {
    let script = "return [...document.querySelectorAll(arguments[0] + ' [data-command]')]\
                  .map(each => each.dataset.command)";
    browser.call(script, &[json!(within)]).await
}

#[tokio::test]
async fn examples_carry_a_number_of_the_class_or_the_students_own_name() {
    let server = TestServer::start().await;
    let Some(first) = Browser::open(ENGLISH, server.http).await else { return };
    first.click("[data-step=remove] .step").await;
    assert_eq!(commands(&first, OPEN).await, json!([ADD, "remove;zhangsan"]));
    first.finish().await;

    let browser = Browser::open(ENGLISH, server.http).await.unwrap();
    browser.until("document.querySelector('[data-step=remove] [data-command]').dataset.command.includes('2')").await;
    browser.click("[data-step=remove] .step").await;
    let own = json!(["add;zhangsan2;13800138000", "remove;zhangsan2"]);
    assert_eq!(commands(&browser, OPEN).await, own);
    // It stays, whatever number another visit would get.
    browser.go(&format!("http://{}/", server.http)).await;
    browser.await_state("open").await;
    assert_eq!(commands(&browser, OPEN).await, own);

    browser.click("[data-step=protocol] .step").await;
    let name = format!("{OPEN} [data-name]");
    browser.type_into(&name, "Li Lei;").await;
    browser.until("document.querySelector('[data-step=remove] [data-command]').dataset.command.includes('LiLei')").await;
    assert_eq!(commands(&browser, OPEN).await, json!(["add;LiLei;13800138000"]));
    assert!(seen(&browser, &format!("{OPEN} .try")).await.starts_with("add;LiLei;13800138000"));
    browser.click("[data-fill^=find]").await;
    assert_eq!(browser.typed().await, "find;LiLei");
    browser.click("#language").await;
    browser.until("document.documentElement.lang === 'zh-CN'").await;
    assert_eq!(commands(&browser, OPEN).await, json!(["add;LiLei;13800138000"]));
    let name = "return document.querySelector('[data-name]').value";
    assert_eq!(browser.script(name).await, "LiLei");
    assert_eq!(commands(&browser, "[data-step=bytes]").await, json!(["add;张三2;13800138000"]));
    browser.finish().await;
}

#[tokio::test]
async fn a_second_tab_does_not_undo_what_the_first_has_done() {
    let server = TestServer::start().await;
    let Some(browser) = Browser::open(ENGLISH, server.http).await else { return };
    let first = browser.window().await;
    let second = browser.open_beside(ENGLISH, &format!("http://{}/", server.http)).await;
    browser.await_state("open").await;

    browser.turn_to(&first).await;
    follow(&browser, Hand::Presses).await;
    browser.click("#next").await;
    follow(&browser, Hand::Presses).await;
    assert_eq!(done(&browser).await, json!(["roles", "address"]));

    browser.turn_to(&second).await;
    browser.click("[data-step=structure] .step").await;
    follow(&browser, Hand::Presses).await;
    browser.go(&format!("http://{}/", server.http)).await;
    browser.await_state("open").await;
    assert_eq!(done(&browser).await, json!(["roles", "address", "structure"]));
    browser.finish().await;
}

#[tokio::test]
async fn steps_that_need_the_book_wait_for_a_server_that_only_echoes() {
    let port = ReservedPort::new();
    let http = port.address;
    let stage = |stage| {
        TestServer::with(move |config| {
            config.http = http;
            config.stage = stage;
        })
    };
    let server = stage(Stage::Echo).await;
    let Some(browser) = Browser::open(ENGLISH, http).await else { return };
    browser.until("document.documentElement.dataset.stage === 'echo'").await;
    browser.click("[data-step=echo] .step").await;
    assert_eq!(seen(&browser, ".waits").await, "");
    browser.keys("add;a;1").await;
    browser.until("document.getElementById('hint').innerText.includes('only says back')").await;
    browser.click("[data-step=protocol] .step").await;
    assert!(seen(&browser, ".waits").await.contains("waits for your teacher"));
    browser.send("").await;
    browser.expect("received", "Received add;a;1;").await;
    // Not a word of a mistake that it was none.
    assert_eq!(seen(&browser, "#step-hint").await, "");

    server.stop().await;
    browser.until("document.getElementById('connection').dataset.state !== 'open'").await;
    let _server = stage(Stage::Contacts).await;
    browser.await_state("open").await;
    browser.until("document.documentElement.dataset.stage === 'contacts'").await;
    assert_eq!(seen(&browser, ".waits").await, "");
    browser.send("add;a;1").await;
    browser.until(&format!("document.querySelector('{OPEN}').dataset.done === 'true'")).await;
    browser.finish_after_a_loss().await;
}

#[tokio::test]
async fn a_link_carries_an_exercise_that_is_never_sent_by_itself() {
    for visitor in [CHINESE, PHONE] {
        let server = TestServer::start().await;
        let Some(browser) = Browser::start(visitor).await else { return };
        let page = format!("http://{}/", server.http);
        browser
            .go(&format!("{page}#try=add;张三;1%0Afind;%E5%BC%A0%E4%B8%89%0A%0A<img src=x>"))
            .await;
        browser.await_state("open").await;
        let lines = json!(["add;张三;1", "find;张三", "<img src=x>"]);
        assert_eq!(commands(&browser, "#exercise").await, lines);
        assert_eq!(browser.messages().await.len(), 1, "only the greeting");
        browser.screenshot(&format!("exercise-{}", visitor.width)).await;
        browser.click("#exercise [data-command^=add]").await;
        browser.expect("received", "张三 added!").await;
        browser.click("#exercise [data-command^=find]").await;
        browser.expect("received", "1").await;

        // What was done is a link again.
        browser.show("python").await;
        let link = browser.script("return document.getElementById('link-code').textContent").await;
        let link = link.as_str().unwrap().to_owned();
        assert!(link.starts_with(&page) && link.is_ascii(), "{link}");
        browser.script("location.hash = '#try='").await;
        browser.until("document.getElementById('exercise').hidden").await;
        browser.go(&link).await;
        browser.until("!document.getElementById('exercise').hidden").await;
        assert_eq!(commands(&browser, "#exercise").await, json!(["add;张三;1", "find;张三"]));
        // What is no text is no exercise.
        browser.script("location.hash = '#try=%E5%BC'").await;
        browser.until("document.getElementById('exercise').hidden").await;
        browser.finish().await;
    }
}

#[tokio::test]
async fn a_link_that_is_copied_on_the_server_s_own_computer_has_the_address_of_the_class() {
    let server = TestServer::with(|config| {
        config.http.set_ip([0, 0, 0, 0].into());
        config.advertise = Some("classroom.test".to_owned());
    })
    .await;
    let here = ([127, 0, 0, 1], server.http.port()).into();
    let Some(browser) = Browser::open(ENGLISH, here).await else { return };
    browser.send("hello").await;
    browser.expect("received", "Received hello;").await;
    browser.show("python").await;
    let link = format!("http://classroom.test:{}/#try=hello", server.http.port());
    let shown = "document.getElementById('link-code').textContent";
    browser.until(&format!("{shown} === {}", json!(link))).await;
    browser.finish().await;
}

#[tokio::test]
async fn the_python_view_has_programs_to_download_and_a_server_to_finish() {
    let server = TestServer::start().await;
    let Some(browser) = Browser::open(ENGLISH, server.http).await else { return };
    browser.show("python").await;
    let links =
        "return [...document.querySelectorAll('#python a[download]')].map(each => each.href)";
    let link = |file: &str| format!("http://{}/{file}", server.http);
    let expected = json!([link("client.py"), link("client2.py"), link("server2.py")]);
    assert_eq!(browser.script(links).await, expected);
    browser.screenshot("own-server").await;
    assert!(seen(&browser, "#python").await.contains("Address already in use"));
    // To be read where it stands, and fetched only then.
    let code = "document.getElementById('own-code').textContent";
    assert_eq!(browser.script(&format!("return {code}")).await, "");
    browser.click("#own-server summary").await;
    browser.until(&format!("{code}.includes('PORT = 9998')")).await;
    browser.finish().await;
}

#[tokio::test]
async fn a_line_end_looks_other_than_a_backslash_and_an_n_that_were_typed() {
    let server = TestServer::start().await;
    let Some(browser) = Browser::open(ENGLISH, server.http).await else { return };
    browser.send(r"hi\nho").await;
    browser.expect("received", r"Received hi\nho;").await;
    browser.click("[data-step=sticky] .step").await;
    browser.click(&format!("{OPEN} .try:nth-of-type(2)")).await;
    browser.expect("received", "12345").await;
    let (_, sent) = browser.messages().await.into_iter().nth(3).unwrap();
    assert_eq!(sent, "add;zhangsan;12345⏎find;zhangsan");
    browser.finish().await;
}

#[tokio::test]
async fn on_a_phone_a_step_is_done_without_leaving_it_and_the_bar_leads_on_with_one_tap() {
    let english = Visitor { language: "en-US", ..PHONE };
    let server = TestServer::start().await;
    let Some(browser) = Browser::open(english, server.http).await else { return };
    browser.click("[data-step=protocol] .step").await;
    // Pressed: the way is shown, and the line waits in the box to be changed.
    browser.click(&format!("{OPEN} .try")).await;
    browser.until("document.getElementById('guide').dataset.told === 'own'").await;
    assert_eq!(browser.typed().await, ADD);
    assert!(seen(&browser, ".own").await.contains("Now your own"));
    browser.screenshot("own-phone").await;
    // The two in the wrong order are no success, and no crime.
    browser.clear("#command").await;
    browser.send("add;13800138000;meimei").await;
    browser
        .until("document.getElementById('step-hint').innerText.includes('changed places')")
        .await;
    assert_eq!(
        browser.script("return document.getElementById('step-hint').className").await,
        "pen"
    );
    browser.send("add;meimei;13800138000").await;
    browser.until("document.getElementById('guide').dataset.told === 'done'").await;
    browser.show("talk").await;
    browser.click("#now").await;
    expect_open(&browser, "arguments").await;
    browser.until("!document.getElementById('plan').hidden").await;
    assert_eq!(open_step(&browser).await, "arguments");
    // What is right is not red.
    browser.click("[data-step=find] .step").await;
    browser.send("add;meimei;1").await;
    browser.until("document.getElementById('step-hint').innerText.includes('Stored')").await;
    assert_eq!(browser.script("return document.getElementById('step-hint').className").await, "");
    browser.finish().await;
}

#[tokio::test]
async fn of_two_lines_that_are_pasted_it_is_said_that_they_are_two_messages() {
    let press = |keys: &str| format!("{}{keys}", char::from(Key::Control));
    let phone = Visitor { dark: true, ..PHONE };
    for (visitor, says) in [(ENGLISH, "Each line is a message"), (phone, "一行是一条消息")] {
        let server = TestServer::start().await;
        let Some(browser) = Browser::open(visitor, server.http).await else { return };
        let editor = "const editor = document.createElement('textarea'); editor.id = 'editor'; \
                      editor.value = 'message1\\nmessage2\\n'; \
                      document.querySelector('.top').append(editor)";
        browser.script(editor).await;
        browser.element("#editor").await.send_keys(&press("ac")).await.unwrap();
        browser.script("document.getElementById('editor').remove()").await;
        browser.element("#command").await.send_keys(&press("v")).await.unwrap();
        let hint = "document.getElementById('hint').innerText";
        browser.until(&format!("{hint}.includes('{says}')")).await;
        assert_eq!(browser.typed().await, "message1⏎message2");
        browser.screenshot(&format!("pasted-lines-{}", visitor.language)).await;
        browser.finish().await;
    }
}
