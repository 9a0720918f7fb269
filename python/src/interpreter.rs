//! The interpreter: one program from its first line to its end.

use std::rc::Rc;

use rustpython_vm as vm;
use vm::builtins::{PyBaseExceptionRef, PyBytesRef, PyStrRef};
use vm::compiler::Mode;
use vm::scope::Scope;
use vm::{AsObject as _, Interpreter, PyResult, VirtualMachine};

use crate::host::Host;
use crate::traceback;

/// The Python side of `socket` and its like.
const PRELUDE: &str = include_str!("prelude.py");

/// What that is called in frames, which no traceback shows.
const PRELUDE_FILE: &str = "<prelude>";

/// A program to be run.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// Its text.
    pub source: String,
    /// The name of its file, as tracebacks have it.
    pub file: String,
    /// What follows the name of the file: `sys.argv[1:]`.
    pub arguments: Vec<String>,
}

/// Runs a program to its end. Returns its exit code. What it prints, a traceback
/// included, goes to the host.
pub fn run(program: &Program, host: Rc<dyn Host>) -> i32 {
    Interpreter::without_stdlib(Default::default()).enter(|vm| {
        let ended = prepare(vm, program, Rc::clone(&host))
            .and_then(|()| vm.new_scope_with_main())
            .and_then(|scope| execute(vm, scope, &program.source, &program.file));
        match ended {
            Ok(()) => 0,
            Err(exception) => end_with(vm, program, &*host, exception),
        }
    })
}

/// Runs the Python side of the modules, with what it needs.
fn prepare(vm: &VirtualMachine, program: &Program, host: Rc<dyn Host>) -> PyResult<()> {
    let scope = vm.new_scope_with_builtins();
    let call = move |request: PyStrRef, body: PyBytesRef, vm: &VirtualMachine| {
        let answer = host.call(&request.to_string_lossy(), body.as_bytes());
        let status = vm.ctx.new_int(answer.status.0).into();
        let bytes = vm.ctx.new_bytes(answer.bytes).into();
        vm.ctx.new_tuple(vec![status, bytes])
    };
    scope.globals.set_item("_host", vm.new_function("_host", call).into(), vm)?;
    let arguments = std::iter::once(&program.file).chain(&program.arguments);
    let arguments = arguments.map(|text| vm.ctx.new_str(text.as_str()).into()).collect();
    scope.globals.set_item("_arguments", vm.ctx.new_list(arguments).into(), vm)?;
    execute(vm, scope, PRELUDE, PRELUDE_FILE)
}

fn execute(vm: &VirtualMachine, scope: Scope, source: &str, file: &str) -> PyResult<()> {
    let code = vm.compile(source, Mode::Exec, file.to_owned());
    let code = code.map_err(|error| vm.new_syntax_error(&error, Some(source)))?;
    vm.run_code_obj(code, scope).map(drop)
}

/// Ends with an exception as `python3` does: with its traceback, or as `sys.exit` says.
fn end_with(
    vm: &VirtualMachine,
    program: &Program,
    host: &dyn Host,
    exception: PyBaseExceptionRef,
) -> i32 {
    if !exception.fast_isinstance(vm.ctx.exceptions.system_exit) {
        let text = traceback::text(vm, program, &exception);
        host.call("stderr", text.as_bytes());
        return 1;
    }
    let Some(code) = exception.args().first().cloned() else { return 0 };
    if vm.is_none(&code) {
        return 0;
    }
    if let Ok(code) = code.try_to_value::<i32>(vm) {
        return code;
    }
    if let Ok(text) = code.str(vm) {
        host.call("stderr", format!("{text}\n").as_bytes());
    }
    1
}
