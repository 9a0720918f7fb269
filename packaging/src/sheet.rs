//! The teacher's sheet, `docs/before-class.*.md`, as one HTML file to print: the
//! pictures are inside it, so that it can be sent on alone.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, html};

/// The languages of the sheet, as in the names of its files.
pub const LANGUAGES: [&str; 2] = ["zh", "en"];

/// One page of A4: on paper nothing but the sheet, and no picture cut in two.
const STYLE: &str = "\
body { font: 15px/1.5 system-ui, 'Microsoft YaHei', 'PingFang SC', sans-serif; \
max-width: 46rem; margin: 1.5rem auto; padding: 0 1rem; color: #111; }\n\
h1 { font-size: 1.5rem; margin: 0 0 .5rem; } h2 { font-size: 1.05rem; margin: .9rem 0 .2rem; }\n\
p, ul, ol { margin: .2rem 0; } ul, ol { padding-left: 1.4rem; } li { margin: .1rem 0; }\n\
code { font: .92em Consolas, Menlo, monospace; background: #eee; padding: 0 .2em; }\n\
pre { background: #eee; padding: .3rem .6rem; margin: .3rem 0; }\n\
img { max-width: 48%; max-height: 16rem; border: 1px solid #bbb; vertical-align: top; }\n\
th { text-align: left; } td { vertical-align: top; } td:first-child { width: 30%; }\n\
@page { size: A4; margin: 10mm 12mm; }\n\
@media print { body { font-size: 11px; line-height: 1.4; margin: 0; max-width: none; padding: 0; } \
h1 { font-size: 1.25rem; } h2 { font-size: .95rem; margin: .55rem 0 .1rem; } \
img { max-height: 40mm; break-inside: avoid; } }\n";

/// The sheet in a language.
///
/// # Errors
///
/// The sheet or one of its pictures is missing.
pub fn page(language: &str) -> Result<String> {
    let path = format!("docs/before-class.{language}.md");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    from_markdown(&text, language, Path::new("docs"))
}

fn from_markdown(text: &str, language: &str, folder: &Path) -> Result<String> {
    let title = text.lines().next().unwrap_or_default().trim_start_matches('#').trim();
    let mut events = Vec::new();
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        events.push(match event {
            Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
                let dest_url = embedded(&folder.join(&*dest_url))?;
                Event::Start(Tag::Image { link_type, dest_url, title, id })
            }
            event => event,
        });
    }
    let mut body = String::new();
    html::push_html(&mut body, events.into_iter());
    Ok(format!(
        "<!doctype html>\n<html lang=\"{language}\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n{body}</html>\n"
    ))
}

/// A picture as a `data:` address.
fn embedded(path: &Path) -> Result<CowStr<'static>> {
    let picture = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(format!("data:image/png;base64,{}", STANDARD.encode(picture)).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sheet_is_one_file_with_its_pictures_inside() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.png"), b"png").unwrap();
        let page = from_markdown("# Title\n\n![what](a.png) `x`\n", "en", folder.path()).unwrap();
        assert!(page.contains("<title>Title</title>"), "{page}");
        assert!(page.contains("src=\"data:image/png;base64,cG5n\" alt=\"what\""), "{page}");
        let missing = from_markdown("![x](b.png)", "en", folder.path()).unwrap_err();
        assert!(format!("{missing:#}").contains("b.png"), "{missing:#}");
    }
}
