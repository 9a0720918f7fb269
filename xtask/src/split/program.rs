//! A program of WebAssembly, read, and made smaller where a compiler may not.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use anyhow::{Context as _, Result, bail, ensure};
use wasm_encoder::reencode::{Reencode as _, RoundtripReencoder};
use wasm_encoder::{Instruction, RawSection, SectionId, ValType};
use wasmparser::{
    ElementItems, ElementKind, ExternalKind, FunctionBody, Name, NameSectionReader, Operator,
    Parser, Payload, TypeRef,
};

/// A program, as far as it has to be understood.
pub struct Program<'a> {
    bytes: &'a [u8],
    /// The sections that stay as they are.
    sections: BTreeMap<u8, Range<usize>>,
    /// How many functions are imported. They come first.
    pub imported: u32,
    /// The type of each function.
    pub types: Vec<u32>,
    /// Those that are not imported.
    pub functions: Vec<Function<'a>>,
    pub globals: Vec<wasmparser::GlobalType>,
    pub memory: wasmparser::MemoryType,
    pub exports: BTreeMap<&'a str, u32>,
    pub other_exports: Vec<wasmparser::Export<'a>>,
    pub start: Option<u32>,
    /// What stands at each place of the table, and how many places it has.
    pub table: BTreeMap<u32, u32>,
    pub places: u32,
    pub data: Vec<(u32, Vec<u8>)>,
    names: BTreeMap<u32, String>,
}

impl<'a> Program<'a> {
    /// Reads what has functions, memory and one table, as Rust's programs have.
    ///
    /// # Errors
    ///
    /// Fails at what those do not have.
    pub fn read(bytes: &'a [u8]) -> Result<Self> {
        let mut program = Program {
            bytes,
            sections: BTreeMap::new(),
            imported: 0,
            types: Vec::new(),
            functions: Vec::new(),
            globals: Vec::new(),
            memory: wasmparser::MemoryType {
                memory64: false,
                shared: false,
                initial: 0,
                maximum: None,
                page_size_log2: None,
            },
            exports: BTreeMap::new(),
            other_exports: Vec::new(),
            start: None,
            table: BTreeMap::new(),
            places: 0,
            data: Vec::new(),
            names: BTreeMap::new(),
        };
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload?;
            if let Some((id, range)) = payload.as_section() {
                program.sections.insert(id, range);
            }
            program.take(payload)?;
        }
        Ok(program)
    }

    fn take(&mut self, payload: Payload<'a>) -> Result<()> {
        match payload {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    let TypeRef::Func(kind) = import.ty else {
                        bail!("it imports {}, which is no function", import.name);
                    };
                    self.types.push(kind);
                    self.imported += 1;
                }
            }
            Payload::FunctionSection(section) => {
                for kind in section {
                    self.types.push(kind?);
                }
            }
            Payload::TableSection(section) => {
                ensure!(section.count() == 1, "it has {} tables", section.count());
                for table in section {
                    self.places = table?.ty.initial.try_into()?;
                }
            }
            Payload::MemorySection(section) => {
                ensure!(section.count() == 1, "it has {} memories", section.count());
                for memory in section {
                    self.memory = memory?;
                }
            }
            Payload::GlobalSection(section) => {
                for global in section {
                    self.globals.push(global?.ty);
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    if export.kind == ExternalKind::Func {
                        self.exports.insert(export.name, export.index);
                    } else {
                        self.other_exports.push(export);
                    }
                }
            }
            Payload::StartSection { func, .. } => self.start = Some(func),
            Payload::ElementSection(section) => {
                for element in section {
                    let element = element?;
                    let (ElementKind::Active { offset_expr, .. }, ElementItems::Functions(list)) =
                        (element.kind, element.items)
                    else {
                        bail!("its table is filled in another way");
                    };
                    let first = address(&offset_expr)?;
                    for (place, function) in (first..).zip(list) {
                        self.table.insert(place, function?);
                    }
                }
            }
            Payload::CodeSectionEntry(body) => self.functions.push(Function::read(&body)?),
            Payload::DataSection(section) => {
                for data in section {
                    let data = data?;
                    let wasmparser::DataKind::Active { offset_expr, .. } = data.kind else {
                        bail!("its data is placed in another way");
                    };
                    self.data.push((address(&offset_expr)?, data.data.to_vec()));
                }
            }
            Payload::CustomSection(section) if section.name() == "name" => {
                let reader = wasmparser::BinaryReader::new(section.data(), section.data_offset());
                for name in NameSectionReader::new(reader) {
                    if let Name::Function(functions) = name? {
                        for function in functions {
                            let function = function?;
                            self.names.insert(function.index, plain(function.name));
                        }
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The function that is exported by that name.
    pub fn door(&self, name: &str) -> Result<u32> {
        ensure!(!self.names.is_empty(), "its functions have no names");
        self.exports.get(name).copied().with_context(|| format!("it has no door {name}"))
    }

    /// What a function is called.
    pub fn name(&self, function: u32) -> &str {
        self.names.get(&function).map_or("a function without a name", String::as_str)
    }

    /// A function's code; none if it is imported.
    pub fn code(&self, function: u32) -> &[Instruction<'a>] {
        let index = function.checked_sub(self.imported);
        index.map_or(&[], |index| &self.functions[index as usize].code)
    }

    /// Whom a function calls by name.
    pub fn calls_of(&self, function: u32) -> impl Iterator<Item = u32> {
        self.code(function).iter().filter_map(|instruction| match instruction {
            Instruction::Call(callee) => Some(*callee),
            _ => None,
        })
    }

    /// All functions that these lead to, themselves included, but for some.
    pub fn reached_from(
        &self,
        roots: impl Iterator<Item = u32>,
        without: Option<&BTreeSet<u32>>,
    ) -> BTreeSet<u32> {
        let mut reached = BTreeSet::new();
        let mut next: Vec<u32> = roots.collect();
        while let Some(function) = next.pop() {
            let is_out = function < self.imported
                || without.is_some_and(|without| without.contains(&function));
            if !is_out && reached.insert(function) {
                next.extend(self.calls_of(function));
            }
        }
        reached
    }

    /// The compiler makes one of two functions that do the same, under the name
    /// of either. So a method of a type in the first part may have got a name
    /// that moves it: then a table of methods that the first part uses has it.
    pub fn check_tables_of_methods(&self, first: &BTreeSet<u32>, moved: &[u32]) -> Result<()> {
        for &function in first {
            for instruction in self.code(function) {
                let Instruction::I32Const(value) = instruction else { continue };
                let Some(methods) = self.methods(*value as u32) else { continue };
                if let Some(method) = methods.into_iter().find(|method| moved.contains(method)) {
                    let (user, method) = (self.name(function), self.name(method));
                    bail!("{user} uses {method} past the door; perhaps two functions are one");
                }
            }
        }
        Ok(())
    }

    /// What is found at an address if it is a table of methods: how to drop a
    /// value, its size, its alignment, and at least one method. Of those, the
    /// first two; nobody knows where another table begins.
    fn methods(&self, address: u32) -> Option<Vec<u32>> {
        let word = |place: u32| {
            self.data.iter().find_map(|(start, bytes)| {
                let at = address.checked_add(4 * place)?.checked_sub(*start)? as usize;
                Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
            })
        };
        let (drop, align) = (word(0)?, word(2)?);
        let is_one = address.is_multiple_of(4) && (drop == 0 || self.table.contains_key(&drop));
        if !is_one || !matches!(align, 1 | 2 | 4 | 8 | 16) {
            return None;
        }
        self.table.get(&word(3)?)?;
        let methods = [0, 3, 4].into_iter().filter_map(|place| self.table.get(&word(place)?));
        Some(methods.copied().collect())
    }

    /// A panic is a trap in the end, and what it says before goes to a console
    /// that a page does not have. So a function that never returns traps at once,
    /// and so does whoever would call it. The data it would have told stays, which
    /// is why an index into a text still costs two kilobytes of tables.
    pub fn trap_at_once(&mut self) {
        let mut lost = BTreeSet::new();
        loop {
            let before = lost.len();
            for (number, function) in (self.imported..).zip(&self.functions) {
                if function.never_returns(&lost) {
                    lost.insert(number);
                }
            }
            if lost.len() == before {
                break;
            }
        }
        for (number, function) in (self.imported..).zip(&mut self.functions) {
            if lost.contains(&number) {
                *function = Function {
                    locals: Vec::new(),
                    code: vec![Instruction::Unreachable, Instruction::End],
                };
            } else {
                function.trap_at(&lost);
            }
        }
    }

    /// Makes one of functions that do the same. A name of the module that moves
    /// gives way to any other.
    pub fn fold(&mut self, module: &str) {
        loop {
            let mut known: BTreeMap<(u32, Vec<u8>), u32> = BTreeMap::new();
            let mut same: BTreeMap<u32, u32> = BTreeMap::new();
            let (mine, others): (Vec<u32>, Vec<u32>) = (self.imported..self.types.len() as u32)
                .partition(|&function| self.name(function).contains(module));
            for function in others.into_iter().chain(mine) {
                let key = (self.types[function as usize], self.written(function));
                let first = *known.entry(key).or_insert(function);
                if first != function {
                    same.insert(function, first);
                }
            }
            let mut is_done = true;
            let mut replace = |function: &mut u32| {
                if let Some(first) = same.get(function) {
                    *function = *first;
                    is_done = false;
                }
            };
            for function in &mut self.functions {
                for instruction in &mut function.code {
                    if let Instruction::Call(callee) = instruction {
                        replace(callee);
                    }
                }
            }
            self.table.values_mut().for_each(&mut replace);
            if is_done {
                break;
            }
        }
    }

    fn written(&self, function: u32) -> Vec<u8> {
        let Function { locals, code } = &self.functions[(function - self.imported) as usize];
        let mut written = wasm_encoder::Function::new(locals.iter().copied());
        for instruction in code {
            written.instruction(instruction);
        }
        written.into_raw_body()
    }

    /// Functions that begin alike beside each other: half a kilobyte less when
    /// they are packed.
    pub fn alike_together(&self, functions: BTreeSet<u32>) -> Vec<u32> {
        let mut functions: Vec<u32> = functions.into_iter().collect();
        functions.sort_by_cached_key(|&function| self.written(function));
        functions
    }

    /// Leaves out in which file, line and column a panic happened. It is told as
    /// the address and the length of the file's name, and two numbers.
    pub fn forget_places(&mut self) {
        let text = |data: &[(u32, Vec<u8>)], address: u32, length: u32| {
            data.iter().enumerate().find_map(|(index, (start, bytes))| {
                let begin = address.checked_sub(*start)? as usize;
                let range = begin..begin.checked_add(length as usize)?;
                bytes.get(range.clone())?.ends_with(b".rs").then_some((index, range))
            })
        };
        let mut forgotten = Vec::new();
        for (index, (_, bytes)) in self.data.iter().enumerate() {
            for (at, place) in bytes.windows(16).enumerate().step_by(4) {
                let word = |at: usize| place[at..at + 4].try_into().map_or(0, u32::from_le_bytes);
                let is_place = word(4) < 256 && (1..0x1_0000).contains(&word(8));
                if let Some(name) = is_place.then(|| text(&self.data, word(0), word(4))).flatten() {
                    forgotten.extend([name, (index, at..at + 16)]);
                }
            }
        }
        for (index, range) in forgotten {
            self.data[index].1[range].fill(0);
        }
    }

    /// A section as it is.
    pub fn raw(&self, id: SectionId) -> Option<RawSection<'a>> {
        let range = self.sections.get(&(id as u8))?.clone();
        Some(RawSection { id: id as u8, data: &self.bytes[range] })
    }
}

/// A function of the program's own.
pub struct Function<'a> {
    pub locals: Vec<(u32, ValType)>,
    pub code: Vec<Instruction<'a>>,
}

impl<'a> Function<'a> {
    fn read(body: &FunctionBody<'a>) -> Result<Self> {
        let same = &mut RoundtripReencoder;
        let mut locals = Vec::new();
        for local in body.get_locals_reader()? {
            let (count, kind) = local?;
            locals.push((count, same.val_type(kind)?));
        }
        let mut code = Vec::new();
        for operator in body.get_operators_reader()? {
            let operator = operator?;
            ensure!(!matches!(operator, Operator::RefFunc { .. }), "it refers to a function");
            code.push(same.instruction(operator)?);
        }
        Ok(Function { locals, code })
    }

    /// Whether it certainly traps, if calling these does.
    fn never_returns(&self, lost: &BTreeSet<u32>) -> bool {
        let [.., last, Instruction::End] = &*self.code else { return false };
        let traps = match last {
            Instruction::Unreachable => true,
            Instruction::Call(callee) => lost.contains(callee),
            _ => false,
        };
        let mut depth = 0;
        traps
            && self.code.iter().all(|instruction| {
                depth += change_of_depth(instruction);
                let is_end = |label: &u32| *label as i32 == depth;
                match instruction {
                    Instruction::Return => false,
                    Instruction::Br(label) | Instruction::BrIf(label) => !is_end(label),
                    Instruction::BrTable(labels, other) => {
                        !labels.iter().chain([other]).any(is_end)
                    }
                    _ => true,
                }
            })
    }

    /// Traps where one of these would be called.
    fn trap_at(&mut self, lost: &BTreeSet<u32>) {
        let mut code: Vec<Instruction<'a>> = Vec::new();
        // How deep in what can no longer be reached.
        let mut dead: Option<i32> = None;
        for instruction in self.code.drain(..) {
            if let Some(depth) = &mut dead {
                let is_over =
                    *depth == 0 && matches!(instruction, Instruction::End | Instruction::Else);
                *depth += change_of_depth(&instruction);
                if !is_over {
                    continue;
                }
                dead = None;
            }
            let traps = match &instruction {
                Instruction::Unreachable => true,
                Instruction::Call(callee) => lost.contains(callee),
                _ => false,
            };
            if traps {
                // Nobody takes what was to be told.
                while let Some(Instruction::I32Const(_) | Instruction::LocalGet(_)) = code.last() {
                    code.pop();
                }
                code.push(Instruction::Unreachable);
                dead = Some(0);
            } else {
                code.push(instruction);
            }
        }
        self.code = code;
    }
}

fn change_of_depth(instruction: &Instruction<'_>) -> i32 {
    match instruction {
        Instruction::Block(_) | Instruction::Loop(_) | Instruction::If(_) => 1,
        Instruction::End => -1,
        _ => 0,
    }
}

/// The number that a place is given as.
fn address(expression: &wasmparser::ConstExpr<'_>) -> Result<u32> {
    match expression.get_operators_reader().read()? {
        Operator::I32Const { value } => Ok(value as u32),
        other => bail!("something is placed at {other:?}"),
    }
}

/// A name without the numbers that tell two crates of one name apart.
fn plain(name: &str) -> String {
    let mut plain = String::new();
    for (index, piece) in name.split('[').enumerate() {
        match piece.split_once(']') {
            Some((number, rest)) if number.bytes().all(|digit| digit.is_ascii_hexdigit()) => {
                plain.push_str(rest);
            }
            _ => {
                plain.extend((index > 0).then_some('['));
                plain.push_str(piece);
            }
        }
    }
    plain
}
