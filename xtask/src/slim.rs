//! The built page without what no browser needs.
//!
//! Comments and indentation, for those who read the source; what the compiler
//! notes about itself; and long names. wasm-bindgen calls each function of the
//! browser something like `__wbg_appendChild_dbf7ad2f48413560`, in the program
//! and in the JavaScript beside it, and no compression helps against sixteen
//! random digits: for a hundred functions they are three kilobytes of every
//! first visit. So both files get one or two letters instead.
//!
//! Trunk can minify, too, but for the newest browsers only: it writes
//! `width<=40em` for `max-width:40em`, and drops what stands there for others.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};

/// Makes every file of a built page as small as it works.
pub fn slim(dist: &Path) -> Result<()> {
    for entry in dist.read_dir().with_context(|| dist.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.ends_with(".js") || name.ends_with(".css") {
            std::fs::write(&path, uncommented(&read_text(&path)?))?;
        } else if name.ends_with(".html") {
            std::fs::write(&path, without_notes(&read_text(&path)?))?;
        }
    }
    // Only now: the names are looked for where lines begin.
    for entry in dist.read_dir()? {
        let program = entry?.path();
        let name = program.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Some(stem) = name.strip_suffix("_bg.wasm") {
            let script = program.with_file_name(format!("{stem}.js"));
            let (bytes, text) = shortened(&std::fs::read(&program)?, &read_text(&script)?)
                .with_context(|| format!("{name} is not as wasm-bindgen leaves it"))?;
            std::fs::write(&program, bytes)?;
            std::fs::write(&script, text)?;
        }
    }
    Ok(())
}

fn read_text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| path.display().to_string())
}

/// A script or a style sheet without indentation, empty lines, and the
/// comments that stand on lines of their own.
fn uncommented(text: &str) -> String {
    let mut kept = String::new();
    let mut in_comment = false;
    for line in text.lines().map(str::trim) {
        in_comment |= line.starts_with("/*");
        if !in_comment && !line.is_empty() && !line.starts_with("//") {
            kept.push_str(line);
            kept.push('\n');
        }
        in_comment &= !line.contains("*/");
    }
    kept
}

/// Markup without comments and empty lines.
fn without_notes(markup: &str) -> String {
    let mut pieces = markup.split("<!--");
    let mut kept = pieces.next().unwrap_or_default().to_owned();
    kept.extend(pieces.filter_map(|piece| Some(piece.split_once("-->")?.1)));
    kept.lines().filter(|line| !line.is_empty()).flat_map(|line| [line, "\n"]).collect()
}

fn shortened(program: &[u8], script: &str) -> Result<(Vec<u8>, String)> {
    /// The section of a program that names what it imports.
    const IMPORTS: u8 = 2;
    /// Its magic number and version.
    const HEADER: usize = 8;

    /// The sections of notes.
    const NOTES: u8 = 0;

    let mut script = script.to_owned();
    let mut reader = Reader { rest: program };
    let mut shortened = reader.take(HEADER)?.to_vec();
    while let Ok(kind) = reader.byte() {
        let length = reader.number()?;
        let mut content = reader.take(length)?.to_vec();
        if kind == NOTES {
            continue;
        }
        if kind == IMPORTS {
            content = imports(&content, &mut script)?;
        }
        shortened.push(kind);
        push_number(&mut shortened, content.len());
        shortened.extend(content);
    }
    Ok((shortened, script))
}

fn imports(section: &[u8], script: &mut String) -> Result<Vec<u8>> {
    const FUNCTION: u8 = 0;
    let mut reader = Reader { rest: section };
    let count = reader.number()?;
    let mut shortened = Vec::new();
    push_number(&mut shortened, count);
    for index in 0..count {
        let module = reader.name()?;
        let name = reader.name()?;
        ensure!(reader.byte()? == FUNCTION, "{name} is no function");
        let signature = reader.number()?;

        let short = short_name(index);
        let (key, short_key) = (format!("\n{name}: function("), format!("\n{short}: function("));
        ensure!(script.matches(&key).count() == 1, "the JavaScript does not have {name} once");
        *script = script.replace(&key, &short_key);
        for piece in [module, &short] {
            push_number(&mut shortened, piece.len());
            shortened.extend(piece.as_bytes());
        }
        shortened.push(FUNCTION);
        push_number(&mut shortened, signature);
    }
    Ok(shortened)
}

/// `a` to `z`, then `aa`, `ba` and on. As the key of an object even a word of
/// JavaScript's own is a name like any other.
fn short_name(mut index: usize) -> String {
    let mut name = String::new();
    loop {
        name.push(char::from(b'a' + (index % 26) as u8));
        match (index / 26).checked_sub(1) {
            Some(rest) => index = rest,
            None => return name,
        }
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count).context("it stops too early")?;
        self.rest = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    /// Seven bits a byte, the lowest first; the eighth says that more follow.
    fn number(&mut self) -> Result<usize> {
        let mut number = 0;
        for shift in (0..u32::BITS).step_by(7) {
            let byte = self.byte()?;
            number |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        bail!("a number is too long")
    }

    fn name(&mut self) -> Result<&'a str> {
        let length = self.number()?;
        Ok(str::from_utf8(self.take(length)?)?)
    }
}

fn push_number(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(imports: &[&str], notes: &[u8]) -> Vec<u8> {
        let mut section = Vec::new();
        push_number(&mut section, imports.len());
        for name in imports {
            for piece in ["./web_bg.js", name] {
                push_number(&mut section, piece.len());
                section.extend(piece.bytes());
            }
            section.extend([0, 1]);
        }
        let mut program = b"\0asm\x01\0\0\0".to_vec();
        program.extend([1, 1, 0, 2]);
        push_number(&mut program, section.len());
        program.extend(section);
        program.extend([10, 2, 7, 7]);
        program.extend(notes);
        program
    }

    #[test]
    fn both_files_get_the_same_short_names_and_all_else_stays() {
        let long = format!("__wbg_{}_0123456789abcdef", "appendChild".repeat(12));
        let script = format!(
            "/* A\n   comment. */\n// Another.\nconst import0 = {{\n    {long}: function(arg0) {{\n\n    }},\n    \
             __wbindgen_throw: function(arg0) {{}},\n}};\n"
        );
        let (bytes, text) = shortened(
            &program(&[&long, "__wbindgen_throw"], b"\0\x03\x02hi"),
            &uncommented(&script),
        )
        .unwrap();
        assert_eq!(bytes, program(&["a", "b"], &[]));
        assert_eq!(text, "const import0 = {\na: function(arg0) {\n},\nb: function(arg0) {},\n};\n");
    }

    #[test]
    fn files_that_do_not_belong_together_are_refused() {
        let error = shortened(&program(&["__wbg_item_1"], &[]), "nothing").unwrap_err();
        assert!(error.to_string().contains("__wbg_item_1"), "{error}");
        assert!(shortened(&program(&[], &[])[..10], "").is_err());
    }

    #[test]
    fn no_two_names_are_alike() {
        let names: std::collections::BTreeSet<_> = (0..1_000).map(short_name).collect();
        assert_eq!(names.len(), 1_000);
        assert_eq!([0, 25, 26, 701, 702].map(short_name), ["a", "z", "aa", "zz", "aaa"]);
    }
}
