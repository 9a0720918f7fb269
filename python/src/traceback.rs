//! Tracebacks as CPython prints them, with the lines of the program. RustPython's own
//! would read them from files, and show the frames of the prelude.

use std::fmt::Write as _;

use rustpython_vm as vm;
use vm::builtins::{PyBaseException, PyBaseExceptionRef};
use vm::{AsObject as _, Py, VirtualMachine};

use crate::interpreter::Program;

/// How many frames are shown of a recursion at its beginning and its end. CPython shows
/// three of those that are the same, and says how many follow.
const SHOWN: usize = 20;

/// How many exceptions that led to one another are shown.
const CHAIN: usize = 8;

/// The text of an exception's traceback.
pub fn text(vm: &VirtualMachine, program: &Program, exception: &PyBaseExceptionRef) -> String {
    let mut text = String::new();
    write_chain(vm, program, exception, CHAIN, &mut text);
    text
}

fn write_chain(
    vm: &VirtualMachine,
    program: &Program,
    exception: &Py<PyBaseException>,
    left: usize,
    text: &mut String,
) {
    let suppresses = exception.as_object().get_attr("__suppress_context__", vm);
    let suppresses = suppresses.and_then(|value| value.try_to_bool(vm)).unwrap_or(false);
    let before = match (exception.__cause__(), exception.__context__()) {
        (Some(cause), _) => {
            let link = "\nThe above exception was the direct cause of the following exception:\n\n";
            Some((cause, link))
        }
        (None, Some(context)) if !suppresses => {
            let link = "\nDuring handling of the above exception, another exception occurred:\n\n";
            Some((context, link))
        }
        _ => None,
    };
    if let Some((before, link)) = before.filter(|_| left > 0) {
        write_chain(vm, program, &before, left - 1, text);
        text.push_str(link);
    }
    write_one(vm, program, exception, text);
}

fn write_one(
    vm: &VirtualMachine,
    program: &Program,
    exception: &Py<PyBaseException>,
    text: &mut String,
) {
    let frames = exception.__traceback__();
    let frames: Vec<_> = frames.iter().flat_map(|first| first.iter()).collect();
    let mut entries: Vec<String> = Vec::new();
    for frame in frames {
        let (code, line) = (&frame.frame.code, frame.lineno.get());
        // What is written in Python here is written in C there, and has no frames.
        if code.source_path().as_str() != program.file {
            continue;
        }
        let mut entry = format!("  File \"{}\", line {line}, in {}\n", program.file, code.obj_name);
        let source = program.source.lines().nth(line.saturating_sub(1));
        if let Some(source) = source.map(str::trim).filter(|line| !line.is_empty()) {
            entry.push_str(&format!("    {source}\n"));
        }
        entries.push(entry);
    }
    if !entries.is_empty() {
        text.push_str("Traceback (most recent call last):\n");
    }
    let hidden = entries.len().saturating_sub(2 * SHOWN);
    for (index, entry) in entries.iter().enumerate() {
        if hidden == 0 || index < SHOWN || index >= SHOWN + hidden {
            text.push_str(entry);
        } else if index == SHOWN {
            let _ = writeln!(text, "  [{hidden} more lines]");
        }
    }
    if exception.fast_isinstance(vm.ctx.exceptions.syntax_error) {
        // With the line and where in it; without frames.
        let _ = exception.set___traceback__(vm.ctx.none(), vm);
        let _ = vm.write_exception_inner(text, exception);
        return;
    }
    text.push_str(&last_line(vm, exception));
}

/// The class of an exception and what it says.
fn last_line(vm: &VirtualMachine, exception: &Py<PyBaseException>) -> String {
    let class = exception.class().name().to_string();
    let message = exception.as_object().str(vm).map(|text| text.to_string()).unwrap_or_default();
    let message = reworded(&message);
    let meant = vm::suggestion::offer_suggestions(exception, vm);
    let meant = meant.map(|name| format!(". Did you mean: '{name}'?")).unwrap_or_default();
    match message.is_empty() {
        true => format!("{class}{meant}\n"),
        false => format!("{class}: {message}{meant}\n"),
    }
}

/// What RustPython says otherwise than CPython, in its words: students look them up,
/// and the homework's checks know them.
fn reworded(message: &str) -> String {
    let between = |text: &'static str, end: &'static str| {
        message.strip_prefix(text).and_then(|rest| rest.strip_suffix(end))
    };
    if message.starts_with("can assign only bytes, buffers, or iterables of ints") {
        return "a bytes-like object is required, not 'str'".to_owned();
    }
    if let Some(name) = between("local variable '", "' referenced before assignment") {
        return format!(
            "cannot access local variable '{name}' where it is not associated with a value"
        );
    }
    if let Some(types) = between("unsupported operand type(s) for +: '", "'")
        && let Some((left, right)) = types.split_once("' and '")
    {
        match left {
            "str" | "list" | "tuple" => {
                return format!("can only concatenate {left} (not \"{right}\") to {left}");
            }
            "bytes" => return format!("can't concat {right} to bytes"),
            _ => {}
        }
    }
    message.to_owned()
}
