//! Cuts the page's program in two: what a first visit needs, and what comes
//! when it is first used.
//!
//! The second part has everything that only the door leads to: an exported
//! function, through which the page lets it in. Both parts share one memory, one
//! stack and one table of functions, and call each other through that table; a
//! function that moves leaves its place in the table empty until its part comes.
//! So no function of the first part may call one that moves, and the build fails
//! if one does. How the pieces of data are shared out nobody knows any more at
//! this stage, so all of them stay in the first part.
//!
//! Which functions are meant to move, their names say, as Rust gives them: a
//! function, a closure or a type under the door's own module. That module may
//! use all of the page; the page knows it only as a `dyn` trait.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail};
use wasm_encoder::reencode::{Reencode as _, RoundtripReencoder};
use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ElementSection, Elements, EntityType, ExportKind,
    ExportSection, FunctionSection, ImportSection, Instruction, Module, RefType, SectionId,
    StartSection, TableSection, TableType,
};
use wasmparser::ExternalKind;

mod program;

use program::Program;

/// Where the second part finds what it shares with the first.
const SHARED: &str = "main";

/// What it finds there.
const TABLE: &str = "table";

/// What stands in the table and is called by nobody: what wasm-bindgen has read
/// to learn how closures are called (those that are called are exports), what
/// describes a panic, and what drives futures.
const LEFT_OVER: [&str; 3] =
    ["wasm_bindgen::convert::closures::_::invoke::<", "std::panicking::", "js_sys::futures::"];

/// What is in the name of a function that formats, and of one that writes a value
/// for it.
const FORMATS: &str = "core::fmt::";
const WRITER: &str = " as core::fmt::";

/// Both parts of a program.
#[derive(Debug)]
pub struct Parts {
    /// What stays.
    pub first: Vec<u8>,
    /// What comes later.
    pub second: Vec<u8>,
}

/// Cuts a program at its `door`, an export. The functions behind it have `module`
/// in their names.
///
/// # Errors
///
/// Fails if the first part would call something of that module past the door.
pub fn split(program: &[u8], door: &str, module: &str) -> Result<Parts> {
    let mut program = Program::read(program)?;
    program.trap_at_once();
    program.fold(module);
    program.forget_places();
    let door = program.door(door)?;
    let behind = |function: u32| program.name(function).contains(module);

    // What is called by its place in the table alone is of use to whoever made
    // it, and its name says who that was.
    let (moved, kept): (Vec<u32>, Vec<u32>) = (program.table.values())
        .filter(|function| !LEFT_OVER.iter().any(|left| program.name(**function).contains(left)))
        .partition(|function| behind(**function));
    // How to write a value is asked by what formats, and by nobody else.
    let (writers, kept): (Vec<u32>, Vec<u32>) =
        kept.into_iter().partition(|function| program.name(*function).contains(WRITER));
    let formats = |functions: &BTreeSet<u32>| {
        functions.iter().any(|function| program.name(*function).contains(FORMATS))
    };
    let exports = program.exports.values().filter(|function| **function != door);
    let roots = exports.chain(&kept).copied().chain(program.start);
    let mut first = program.reached_from(roots.clone(), None);
    if formats(&first) {
        first = program.reached_from(roots.chain(writers.iter().copied()), None);
    }
    let roots = moved.iter().copied().chain([door]);
    let mut second = program.reached_from(roots.clone(), Some(&first));
    if formats(&second) {
        second = program.reached_from(roots.chain(writers), Some(&first));
    }
    for &caller in &first {
        for callee in program.calls_of(caller) {
            if behind(callee) {
                let [caller, callee] = [caller, callee].map(|function| program.name(function));
                bail!("{caller} calls {callee} past the door; call it through the door's trait");
            }
        }
    }
    program.check_tables_of_methods(&first, &moved)?;

    let mut table: BTreeMap<u32, u32> = BTreeMap::new();
    for (&place, function) in &program.table {
        let is_imported = *function < program.imported;
        if is_imported || first.contains(function) || second.contains(function) {
            table.insert(place, *function);
        }
    }
    let mut end = program.places;
    let mut places: BTreeMap<u32, u32> =
        table.iter().map(|(&place, &function)| (function, place)).collect();
    for caller in &second {
        for callee in program.calls_of(*caller).filter(|callee| !second.contains(callee)) {
            places.entry(callee).or_insert_with(|| {
                table.insert(end, callee);
                end += 1;
                end - 1
            });
        }
    }
    let [first, second] = [first, second].map(|part| program.alike_together(part));
    let shares = Shares { program: &program, first, second, door, table, places, end };
    Ok(Parts { first: shares.first()?, second: shares.second()? })
}

/// Who gets what.
struct Shares<'a> {
    program: &'a Program<'a>,
    first: Vec<u32>,
    second: Vec<u32>,
    door: u32,
    table: BTreeMap<u32, u32>,
    /// Where in the table a function is.
    places: BTreeMap<u32, u32>,
    /// How many places the table has.
    end: u32,
}

impl Shares<'_> {
    fn first(&self) -> Result<Vec<u8>> {
        let program = self.program;
        let renumbered = Renumbered::new(program.imported, &self.first, None);
        let mut tables = TableSection::new();
        tables.table(self.table());

        let mut exports = ExportSection::new();
        for (name, &function) in program.exports.iter().filter(|(_, f)| **f != self.door) {
            exports.export(name, ExportKind::Func, renumbered.numbers[&function]);
        }
        for export in &program.other_exports {
            let kind = RoundtripReencoder.export_kind(export.kind)?;
            exports.export(export.name, kind, export.index);
        }
        exports.export(TABLE, ExportKind::Table, 0);
        for global in 0..program.globals.len() as u32 {
            exports.export(&global_name(global), ExportKind::Global, global);
        }

        let mut module = Module::new();
        let raw = |module: &mut Module, id| {
            if let Some(section) = program.raw(id) {
                module.section(&section);
            }
        };
        raw(&mut module, SectionId::Type);
        raw(&mut module, SectionId::Import);
        module.section(&self.kinds(&self.first));
        module.section(&tables);
        raw(&mut module, SectionId::Memory);
        raw(&mut module, SectionId::Global);
        module.section(&exports);
        if let Some(start) = program.start {
            let function_index = renumbered.numbers[&start];
            module.section(&StartSection { function_index });
        }
        module.section(&self.elements(&renumbered, |function| !self.second.contains(&function)));
        raw(&mut module, SectionId::DataCount);
        module.section(&renumbered.code(program, &self.first)?);
        let mut data = DataSection::new();
        for (address, bytes) in &program.data {
            data.active(0, &ConstExpr::i32_const(*address as i32), bytes.iter().copied());
        }
        module.section(&data);
        Ok(module.finish())
    }

    fn second(&self) -> Result<Vec<u8>> {
        let program = self.program;
        let renumbered = Renumbered::new(0, &self.second, Some(self));
        let mut imports = ImportSection::new();
        let roundtrip = &mut RoundtripReencoder;
        let memory = program.other_exports.iter().find(|it| it.kind == ExternalKind::Memory);
        let memory = memory.context("its memory has no name")?;
        imports.import(SHARED, memory.name, roundtrip.memory_type(program.memory)?);
        imports.import(SHARED, TABLE, self.table());
        for (global, kind) in (0..).zip(&program.globals) {
            let kind = EntityType::Global(roundtrip.global_type(*kind)?);
            imports.import(SHARED, &global_name(global), kind);
        }
        let mut exports = ExportSection::new();
        let door = program.exports.iter().find(|(_, function)| **function == self.door);
        let (door, _) = door.context("the door is an export")?;
        exports.export(door, ExportKind::Func, renumbered.numbers[&self.door]);

        let mut module = Module::new();
        if let Some(types) = program.raw(SectionId::Type) {
            module.section(&types);
        }
        module
            .section(&imports)
            .section(&self.kinds(&self.second))
            .section(&exports)
            .section(&self.elements(&renumbered, |function| self.second.contains(&function)))
            .section(&renumbered.code(program, &self.second)?);
        Ok(module.finish())
    }

    fn table(&self) -> TableType {
        TableType {
            element_type: RefType::FUNCREF,
            table64: false,
            minimum: self.end.into(),
            maximum: Some(self.end.into()),
            shared: false,
        }
    }

    /// The types of functions.
    fn kinds(&self, functions: &[u32]) -> FunctionSection {
        let mut kinds = FunctionSection::new();
        for &function in functions {
            kinds.function(self.program.types[function as usize]);
        }
        kinds
    }

    /// What of the table is some functions' own.
    fn elements(&self, renumbered: &Renumbered<'_>, own: impl Fn(u32) -> bool) -> ElementSection {
        let mut elements = ElementSection::new();
        let mut run: Vec<u32> = Vec::new();
        for place in 0..=self.end {
            let function = self.table.get(&place).filter(|function| own(**function));
            if let Some(function) = function {
                run.push(renumbered.numbers[function]);
            } else if !run.is_empty() {
                let first = ConstExpr::i32_const((place as usize - run.len()) as i32);
                elements.active(None, &first, Elements::Functions((&run).into()));
                run.clear();
            }
        }
        elements
    }
}

fn global_name(index: u32) -> String {
    format!("global{index}")
}

/// New numbers for functions, those of one part.
struct Renumbered<'a> {
    numbers: BTreeMap<u32, u32>,
    /// In the second part: who knows where all others are.
    others: Option<&'a Shares<'a>>,
}

impl<'a> Renumbered<'a> {
    fn new(imported: u32, functions: &[u32], others: Option<&'a Shares<'a>>) -> Self {
        let all = (0..imported).chain(functions.iter().copied());
        Renumbered { numbers: all.zip(0..).collect(), others }
    }

    fn code(&self, program: &Program<'_>, functions: &[u32]) -> Result<CodeSection> {
        let mut code = CodeSection::new();
        for &function in functions {
            let index = function - program.imported;
            let locals = &program.functions[index as usize].locals;
            let mut written = wasm_encoder::Function::new(locals.iter().copied());
            for instruction in program.code(function) {
                let Instruction::Call(callee) = instruction else {
                    written.instruction(instruction);
                    continue;
                };
                match (self.numbers.get(callee), self.others) {
                    (Some(&number), _) => written.instruction(&Instruction::Call(number)),
                    (None, Some(Shares { places, .. })) => {
                        let type_index = program.types[*callee as usize];
                        written
                            .instruction(&Instruction::I32Const(places[callee] as i32))
                            .instruction(&Instruction::CallIndirect { type_index, table_index: 0 })
                    }
                    (None, None) => bail!("{} is missing", program.name(*callee)),
                };
            }
            code.function(&written);
        }
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{
        CodeSection, DataSection, Function, IndirectNameMap, MemorySection, MemoryType, NameMap,
        NameSection, TypeSection,
    };

    use super::*;

    const CALL: fn(u32) -> Instruction<'static> = Instruction::Call;
    const MODULE: &str = "page::later::";

    /// A program whose functions take nothing and give nothing. The first is the
    /// door, the second another export; the table begins at place 1.
    fn program(
        functions: &[(&str, &[Instruction<'static>])],
        table: &[u32],
        data: &[u8],
    ) -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([], []);
        let mut kinds = FunctionSection::new();
        let mut code = CodeSection::new();
        let mut names = NameMap::new();
        for (index, (name, body)) in (0..).zip(functions) {
            kinds.function(0);
            let mut function = Function::new([]);
            for instruction in *body {
                function.instruction(instruction);
            }
            code.function(function.instruction(&Instruction::End));
            names.append(index, name);
        }
        let mut tables = TableSection::new();
        let places = table.len() as u64 + 1;
        tables.table(TableType {
            element_type: RefType::FUNCREF,
            table64: false,
            minimum: places,
            maximum: Some(places),
            shared: false,
        });
        let mut memories = MemorySection::new();
        memories.memory(MemoryType {
            minimum: 1,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        let mut exports = ExportSection::new();
        exports.export("door", ExportKind::Func, 0);
        exports.export("start", ExportKind::Func, 1);
        exports.export("memory", ExportKind::Memory, 0);
        let mut elements = ElementSection::new();
        elements.active(None, &ConstExpr::i32_const(1), Elements::Functions(table.into()));
        let mut placed = DataSection::new();
        placed.active(0, &ConstExpr::i32_const(1024), data.iter().copied());
        let mut named = NameSection::new();
        named.functions(&names);
        named.locals(&IndirectNameMap::new());
        let mut module = Module::new();
        module.section(&types).section(&kinds).section(&tables).section(&memories);
        module.section(&exports).section(&elements).section(&code).section(&placed);
        module.section(&named);
        module.finish()
    }

    fn cut(functions: &[(&str, &[Instruction<'static>])], table: &[u32]) -> Result<Parts> {
        split(&program(functions, table, &[]), "door", MODULE)
    }

    /// How many functions a part has, and which places of the table it fills.
    fn shape(part: &[u8]) -> (usize, Vec<u32>) {
        let part = Program::read(part).unwrap();
        (part.functions.len(), part.table.keys().copied().collect())
    }

    fn refusal(outcome: Result<Parts>) -> String {
        outcome.unwrap_err().to_string()
    }

    #[test]
    fn what_only_the_door_leads_to_moves_and_the_parts_call_each_other_by_the_table() {
        let both = &[Instruction::Nop];
        let parts = cut(
            &[
                ("page::later::open", &[CALL(2), CALL(3)]),
                ("page::start", &[CALL(3)]),
                ("page::later::draw", &[CALL(4)]),
                ("page::both", both),
                ("core::only_drawing_needs_this", &[CALL(3), CALL(3)]),
                ("page::later::clicked", &[CALL(2)]),
                ("page::pressed", &[CALL(1)]),
            ],
            &[5, 6],
        )
        .unwrap();
        assert_eq!(shape(&parts.first), (3, vec![2, 3]), "start, both, pressed");
        let second = Program::read(&parts.second);
        assert!(second.is_err_and(|error| error.to_string().contains("memory")), "it is shared");
        let whole = 7;
        assert_eq!(functions(&parts.first) + functions(&parts.second), whole);
        assert!(exports(&parts.first).contains(&"table".to_owned()));
        assert!(!exports(&parts.first).contains(&"door".to_owned()));
        assert_eq!(exports(&parts.second), ["door"]);
    }

    #[test]
    fn a_call_past_the_door_is_refused() {
        let refused = refusal(cut(
            &[
                ("page::later::open", &[CALL(2)]),
                ("page::start", &[CALL(2)]),
                ("<page[1f]::later::Wire>::draw", &[Instruction::Nop]),
            ],
            &[],
        ));
        assert!(refused.starts_with("page::start calls <page::later::Wire>::draw"), "{refused}");

        // Through a table of methods at 1024: drop, size, alignment, method.
        let functions: &[(&str, &[Instruction<'static>])] = &[
            ("page::later::open", &[]),
            ("page::start", &[Instruction::I32Const(1024), Instruction::Drop]),
            ("<page::later::Wire as page::Door>::draw", &[Instruction::Nop, Instruction::Nop]),
        ];
        let methods: Vec<u8> = [0, 8, 4, 1_u32].into_iter().flat_map(u32::to_le_bytes).collect();
        let refused = refusal(split(&program(functions, &[2], &methods), "door", MODULE));
        assert!(refused.starts_with("page::start uses <page::later::Wire"), "{refused}");
        let other: Vec<u8> = [0, 8, 3, 1_u32].into_iter().flat_map(u32::to_le_bytes).collect();
        assert!(split(&program(functions, &[2], &other), "door", MODULE).is_ok());
    }

    #[test]
    fn a_program_without_a_door_or_without_names_is_refused() {
        let functions: &[(&str, &[Instruction<'static>])] = &[("a", &[]), ("b", &[])];
        let whole = program(functions, &[], &[]);
        assert!(refusal(split(&whole, "gate", MODULE)).contains("no door gate"));
        let parts = split(&whole, "door", MODULE).unwrap();
        assert!(refusal(split(&parts.first, "start", MODULE)).contains("no names"));
    }

    #[test]
    fn what_never_returns_traps_where_it_would_be_called() {
        let parts = cut(
            &[
                ("page::later::open", &[]),
                (
                    "page::start",
                    &[
                        Instruction::Block(wasm_encoder::BlockType::Empty),
                        Instruction::I32Const(1),
                        Instruction::BrIf(0),
                        Instruction::I32Const(7),
                        Instruction::Drop,
                        CALL(2),
                        CALL(3),
                        Instruction::End,
                        Instruction::Nop,
                    ],
                ),
                ("core::panicking::panic", &[CALL(3), Instruction::Unreachable]),
                ("std::tell", &[Instruction::Nop]),
            ],
            &[],
        )
        .unwrap();
        let first = Program::read(&parts.first).unwrap();
        assert_eq!(first.functions.len(), 1);
        let code = format!("{:?}", first.functions[0].code);
        assert!(code.contains("BrIf(0)") && code.contains("Drop, Unreachable, End, Nop"), "{code}");
    }

    #[test]
    fn functions_that_do_the_same_are_one_and_it_stays() {
        let same: &[Instruction<'static>] = &[Instruction::Nop, Instruction::Nop];
        let parts = cut(
            &[
                ("page::later::open", &[CALL(2), CALL(3)]),
                ("page::start", &[CALL(3)]),
                ("page::later::drop", same),
                ("page::drop", same),
            ],
            &[2, 3],
        )
        .unwrap();
        assert_eq!(shape(&parts.first), (2, vec![1, 2]));
        assert_eq!(functions(&parts.second), 1);
    }

    /// The payloads that a part has of one kind.
    fn count(part: &[u8], of: impl Fn(&wasmparser::Payload<'_>) -> usize) -> usize {
        wasmparser::Parser::new(0).parse_all(part).map(|payload| of(&payload.unwrap())).sum()
    }

    fn functions(part: &[u8]) -> usize {
        count(part, |payload| {
            usize::from(matches!(payload, wasmparser::Payload::CodeSectionEntry(_)))
        })
    }

    fn exports(part: &[u8]) -> Vec<String> {
        let mut names = Vec::new();
        for payload in wasmparser::Parser::new(0).parse_all(part) {
            if let wasmparser::Payload::ExportSection(section) = payload.unwrap() {
                names.extend(section.into_iter().map(|export| export.unwrap().name.to_owned()));
            }
        }
        names
    }
}
