use super::*;

fn told(model: &mut Model, words: &[&str]) -> Vec<Effect> {
    model.update(Msg::Told(words.iter().map(|&word| word.to_owned()).collect()))
}

fn running() -> Model {
    let mut model = Model::default();
    assert_eq!(model.update(Msg::Pressed(Purpose::Run)), [Effect::Load]);
    assert_eq!(model.state(), State::Loading);
    assert_eq!(model.update(Msg::Loaded(Ok(()))), [Effect::OpenSession]);
    assert_eq!(model.update(Msg::Session(true)), [Effect::Start(Purpose::Run)]);
    model
}

#[test]
fn a_program_is_loaded_run_and_ended() {
    let mut model = running();
    assert_eq!(model.state(), State::Running);
    told(&mut model, &["address", "127.0.0.1:10000"]);
    assert_eq!(model.address(), Some("127.0.0.1:10000"));
    told(&mut model, &["stdout", "a\n"]);
    let ended = told(&mut model, &["ended", "0"]);
    assert_eq!(ended, [Effect::Terminate, Effect::EndSession]);
    assert_eq!((model.state(), model.address()), (State::Ended, None));
    // The second time everything is there.
    assert_eq!(model.update(Msg::Pressed(Purpose::Run)), [Effect::OpenSession]);
    assert!(model.console().lines().1.is_empty());
}

#[test]
fn who_reaches_the_program_depends_on_the_class_s_server() {
    for (address, network, open, text) in [
        ("127.0.0.1:10000", false, true, "address-here"),
        ("127.0.0.1:10000", true, false, "address-closed"),
        ("127.0.0.1:10000", true, true, "address-pages"),
        ("192.168.1.5:10000", true, true, "address"),
    ] {
        let mut model = running();
        told(&mut model, &["address", address]);
        let server = ClassServer { name: "wei".into(), address: "192.168.1.5:10001".into() };
        let servers = Servers { network, open, servers: vec![server.clone()] };
        assert!(model.update(Msg::ServersTold(servers)).is_empty());
        assert_eq!((model.address_text(), model.servers()), (text, &[server][..]));
    }
}

#[test]
fn an_error_marks_its_line_and_is_explained() {
    let mut model = running();
    let text = "Traceback (most recent call last):\n  File \"program.py\", line 3, in <module>\n\
                KeyError: 'a'\n";
    told(&mut model, &["stderr", text]);
    told(&mut model, &["ended", "1"]);
    assert_eq!((model.state(), model.status()), (State::Failed, "state-failed"));
    let explained = Explained { key: Some("why-key"), line: Some(3) };
    assert_eq!(model.explained(), Some(&explained));
}

#[test]
fn stop_ends_what_runs_and_what_it_says_later_is_not_heard() {
    let mut model = running();
    let stopped = model.update(Msg::Stopped);
    assert_eq!(stopped, [Effect::Terminate, Effect::EndSession]);
    assert_eq!((model.state(), model.status()), (State::Ended, "state-stopped"));
    assert!(told(&mut model, &["ended", "1"]).is_empty());
    assert_eq!(model.state(), State::Ended);
    let mut model = Model::default();
    model.update(Msg::Pressed(Purpose::Run));
    model.update(Msg::Stopped);
    assert!(model.update(Msg::Loaded(Ok(()))).is_empty());
    assert_eq!(model.state(), State::Ended);
}

#[test]
fn a_line_goes_to_a_program_that_asks() {
    let mut model = running();
    assert!(model.update(Msg::Typed("early".into())).is_empty());
    told(&mut model, &["stdout", "> "]);
    assert_eq!(told(&mut model, &["input"]), [Effect::FocusLine]);
    assert!(told(&mut model, &["input"]).is_empty());
    assert_eq!(model.update(Msg::Typed("a".into())), [Effect::SendLine("a".into())]);
    assert!(!model.asks());
    assert_eq!(model.console().lines().1.back().unwrap().text, "> a");
}

#[test]
fn the_homework_is_checked_without_a_session() {
    let mut model = Model::default();
    model.update(Msg::Pressed(Purpose::Check));
    assert_eq!(model.update(Msg::Loaded(Ok(()))), [Effect::Start(Purpose::Check)]);
    told(&mut model, &["check", "greeting", "passed", "It greets", "", ""]);
    told(&mut model, &["check", "answers", "note", "It answers", "", ""]);
    let report = Effect::Report("pn".into());
    assert_eq!(told(&mut model, &["ended", "0"]), [report, Effect::TellPage, Effect::Terminate]);
    assert_eq!((model.checks().len(), model.status()), (2, "state-passed"));
}

#[test]
fn without_an_interpreter_it_says_why() {
    for (missing, status) in
        [(Missing::NotBuilt, "state-without"), (Missing::NotLoaded, "state-not-loaded")]
    {
        let mut model = Model::default();
        model.update(Msg::Pressed(Purpose::Run));
        model.update(Msg::Loaded(Err(missing)));
        assert_eq!((model.state(), model.status()), (State::Failed, status));
        assert_eq!(model.update(Msg::Pressed(Purpose::Run)), [Effect::Load]);
    }
}

#[test]
fn an_interpreter_that_is_being_built_is_waited_for_until_it_is_there_or_stop() {
    let mut model = Model::default();
    model.update(Msg::Pressed(Purpose::Run));
    let coming = || Msg::Loaded(Err(Missing::Coming));
    assert_eq!(model.update(coming()), [Effect::LoadLater]);
    assert_eq!((model.state(), model.status()), (State::Loading, "state-coming"));
    assert_eq!(model.progress(), None);
    assert_eq!(model.update(Msg::LoadDue), [Effect::Load]);
    model.update(Msg::Progress(0.5));
    assert_eq!((model.progress(), model.status()), (Some(0.5), "state-loading"));
    assert_eq!(model.update(Msg::Loaded(Ok(()))), [Effect::OpenSession]);
    let mut model = Model::default();
    model.update(Msg::Pressed(Purpose::Run));
    model.update(coming());
    model.update(Msg::Stopped);
    assert_eq!((model.state(), model.status()), (State::Ended, "state-stopped"));
    assert!(model.update(Msg::LoadDue).is_empty());
}

#[test]
fn a_file_is_opened_and_begun_anew() {
    let mut model = Model::default();
    let opened = [Effect::Open("program.py"), Effect::AskForServers];
    assert_eq!(model.update(Msg::Opened(String::new())), opened);
    assert_eq!(model.update(Msg::Restored), [Effect::Replace(String::new())]);
    let chosen = model.update(Msg::Chosen("server2.py".into()));
    assert_eq!(chosen, [Effect::Open("server2.py")]);
    assert_eq!(model.update(Msg::Restored), [Effect::FetchExample("server2.py")]);
    let text = |file: &str| Msg::Example(file.into(), Some("x".into()));
    assert!(model.update(text("client.py")).is_empty());
    assert_eq!(model.update(text("server2.py")), [Effect::Replace("x".into())]);
    // After a reload it is the one that was open.
    let mut model = Model::default();
    model.update(Msg::Opened("server2.py".into()));
    assert_eq!(model.file(), "server2.py");
}

#[test]
fn checks_mark_the_line_of_the_first_that_is_not_passed_and_none_if_all_are() {
    for (code, line) in [("1", Some(7)), ("0", None)] {
        let mut model = Model::default();
        model.update(Msg::Pressed(Purpose::Check));
        model.update(Msg::Loaded(Ok(())));
        let traceback =
            "Traceback:\n  File \"program.py\", line 61, in worker\nBrokenPipeError: x\n";
        told(&mut model, &["stderr", traceback]);
        told(&mut model, &["check", "greeting", "passed", "It greets", "", ""]);
        told(&mut model, &["check", "find", "failed", "It finds", "why", "7"]);
        told(&mut model, &["ended", code]);
        assert_eq!(model.explained().and_then(|explained| explained.line), line);
    }
}
