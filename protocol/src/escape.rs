//! Showing text that came from a stranger.
//!
//! A name may try to move the cursor, colour the terminal, turn the reading
//! direction round or look like another name. Whatever shows such text to a
//! person goes through [`Escaped`]; whatever stores it refuses
//! [invisible characters](invisibles) in the first place.

use std::fmt;

use crate::slice::slice;

/// Whether a character changes how the text around it is shown instead of
/// showing something itself: the C0 and C1 controls and DEL, the controls of
/// Unicode's `Bidi_Control` property, and the line and paragraph separators.
pub fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061C}' | '\u{200E}' | '\u{200F}'
            | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
            | '\u{2028}' | '\u{2029}')
}

/// Whether a character shows nothing by itself: Unicode's property
/// `Default_Ignorable_Code_Point`, from `DerivedCoreProperties.txt` of
/// Unicode 16.0. A test compares the two.
pub fn is_ignorable(c: char) -> bool {
    matches!(c,
        // Soft hyphen, grapheme joiner, Arabic letter mark.
        '\u{00AD}' | '\u{034F}' | '\u{061C}'
        // Hangul fillers, Khmer inherent vowels, Mongolian selectors.
        | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}' | '\u{180B}'..='\u{180F}'
        // Zero width space, joiners and marks; bidi; word joiner and operators.
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        // Hangul fillers again, variation selectors, byte order mark.
        | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
        // Reserved; shorthand and musical format controls; tags and selectors.
        | '\u{FFF0}'..='\u{FFF8}' | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Whether a character is [deceptive](is_deceptive) or
/// [ignorable](is_ignorable).
pub fn is_invisible(c: char) -> bool {
    // ASCII, and the blocks of Chinese and Korean, are told at once.
    !matches!(c, ' '..='~' | '\u{3165}'..='\u{FDFF}') && (is_deceptive(c) || is_ignorable(c))
}

/// The joiner inside emoji of several people or things: 👩 + ZWJ + 🚀 is 👩‍🚀.
const ZERO_WIDTH_JOINER: char = '\u{200D}';

/// Asks for the colored form of the character before it: ❤ + VS16 is ❤️.
const EMOJI_SELECTOR: char = '\u{FE0F}';

/// The frame of a keycap: 1 + VS16 + this is 1️⃣.
const KEYCAP: char = '\u{20E3}';

/// Whether a character is, or can be, a picture: Unicode's property
/// `Extended_Pictographic`, from `emoji-data.txt` of Unicode 16.0, which is what
/// may stand beside a joiner (UAX #29, rule GB11). A test compares the two.
fn is_pictographic(c: char) -> bool {
    matches!(c,
        '\u{A9}' | '\u{AE}' | '\u{203C}' | '\u{2049}' | '\u{2122}' | '\u{2139}'
        | '\u{2194}'..='\u{2199}' | '\u{21A9}'..='\u{21AA}' | '\u{231A}'..='\u{231B}'
        | '\u{2328}' | '\u{2388}' | '\u{23CF}' | '\u{23E9}'..='\u{23F3}'
        | '\u{23F8}'..='\u{23FA}' | '\u{24C2}' | '\u{25AA}'..='\u{25AB}' | '\u{25B6}'
        | '\u{25C0}' | '\u{25FB}'..='\u{25FE}' | '\u{2600}'..='\u{2605}'
        | '\u{2607}'..='\u{2612}' | '\u{2614}'..='\u{2685}' | '\u{2690}'..='\u{2705}'
        | '\u{2708}'..='\u{2712}' | '\u{2714}' | '\u{2716}' | '\u{271D}' | '\u{2721}'
        | '\u{2728}' | '\u{2733}'..='\u{2734}' | '\u{2744}' | '\u{2747}' | '\u{274C}'
        | '\u{274E}' | '\u{2753}'..='\u{2755}' | '\u{2757}' | '\u{2763}'..='\u{2767}'
        | '\u{2795}'..='\u{2797}' | '\u{27A1}' | '\u{27B0}' | '\u{27BF}'
        | '\u{2934}'..='\u{2935}' | '\u{2B05}'..='\u{2B07}' | '\u{2B1B}'..='\u{2B1C}'
        | '\u{2B50}' | '\u{2B55}' | '\u{3030}' | '\u{303D}' | '\u{3297}' | '\u{3299}'
        | '\u{1F000}'..='\u{1F0FF}' | '\u{1F10D}'..='\u{1F10F}' | '\u{1F12F}'
        | '\u{1F16C}'..='\u{1F171}' | '\u{1F17E}'..='\u{1F17F}' | '\u{1F18E}'
        | '\u{1F191}'..='\u{1F19A}' | '\u{1F1AD}'..='\u{1F1E5}' | '\u{1F201}'..='\u{1F20F}'
        | '\u{1F21A}' | '\u{1F22F}' | '\u{1F232}'..='\u{1F23A}' | '\u{1F23C}'..='\u{1F23F}'
        | '\u{1F249}'..='\u{1F3FA}' | '\u{1F400}'..='\u{1F53D}' | '\u{1F546}'..='\u{1F64F}'
        | '\u{1F680}'..='\u{1F6FF}' | '\u{1F774}'..='\u{1F77F}' | '\u{1F7D5}'..='\u{1F7FF}'
        | '\u{1F80C}'..='\u{1F80F}' | '\u{1F848}'..='\u{1F84F}' | '\u{1F85A}'..='\u{1F85F}'
        | '\u{1F888}'..='\u{1F88F}' | '\u{1F8AE}'..='\u{1F8FF}' | '\u{1F90C}'..='\u{1F93A}'
        | '\u{1F93C}'..='\u{1F945}' | '\u{1F947}'..='\u{1FAFF}' | '\u{1FC00}'..='\u{1FFFD}')
}

/// The five skin tones, which follow a picture (`Emoji_Modifier`).
fn is_skin_tone(c: char) -> bool {
    matches!(c, '\u{1F3FB}'..='\u{1F3FF}')
}

/// Whether an invisible character holds an emoji together, by its neighbours.
fn joins_emoji(before: Option<char>, c: char, behind: Option<char>) -> bool {
    let Some(before) = before else { return false };
    match c {
        ZERO_WIDTH_JOINER => {
            let is_emoji =
                is_pictographic(before) || is_skin_tone(before) || before == EMOJI_SELECTOR;
            is_emoji && behind.is_some_and(is_pictographic)
        }
        EMOJI_SELECTOR if behind == Some(KEYCAP) => {
            matches!(before, '0'..='9' | '#' | '*')
        }
        EMOJI_SELECTOR => is_pictographic(before),
        _ => false,
    }
}

/// The characters of a text that show nothing, and where they stand in it, but
/// for those that hold an emoji together: a joiner between two pictures, and the
/// selector of the colored form behind one.
pub fn invisibles(text: &str) -> impl Iterator<Item = (usize, char)> {
    text.char_indices().filter(|&(_, c)| is_invisible(c)).filter(|&(at, c)| {
        let before = slice(text, ..at).chars().next_back();
        let behind = slice(text, at + c.len_utf8()..).chars().next();
        !joins_emoji(before, c, behind)
    })
}

/// A character by its number, as Unicode writes it: `U+200B`.
pub fn code_point(c: char) -> String {
    format!("U+{:04X}", u32::from(c))
}

/// A mark in a sentence: itself, and its number where it is easily taken for
/// another.
pub fn named(mark: char) -> String {
    match mark {
        '\t' => "a tab".to_owned(),
        mark if is_invisible(mark) => code_point(mark),
        mark if mark.is_whitespace() => "a space".to_owned(),
        mark if mark.is_ascii_graphic() => mark.to_string(),
        mark => format!("{mark} ({})", code_point(mark)),
    }
}

/// An invisible character in a sentence: its number, and the name of the one
/// that has a key of its own.
pub fn numbered(character: char) -> String {
    match character {
        '\t' => format!("{} (tab)", code_point(character)),
        character => code_point(character),
    }
}

/// Displays a text with every [invisible character](invisibles) spelled out:
/// `\r`, `\n` and `\t` as in Rust and Python, every other one by its number, as
/// in `<U+200B>`.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(pub &'a str);

impl Escaped<'_> {
    /// The text that is displayed.
    pub fn text(self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut from = 0;
        for (at, c) in invisibles(self.0) {
            f.write_str(slice(self.0, from..at))?;
            match c {
                '\r' => f.write_str("\\r")?,
                '\n' => f.write_str("\\n")?,
                '\t' => f.write_str("\\t")?,
                c => write!(f, "<{}>", code_point(c))?,
            }
            from = at + c.len_utf8();
        }
        f.write_str(slice(self.0, from..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_nothing_is_spelled_out_and_nothing_else() {
        for (raw, shown) in [
            ("张三 O'Neil é 👩‍🚀 ❤️", "张三 O'Neil é 👩‍🚀 ❤️"),
            ("a\x1b[31mred", "a<U+001B>[31mred"),
            ("c1\u{9b}31m", "c1<U+009B>31m"),
            ("tab\tcr\rlf\n", "tab\\tcr\\rlf\\n"),
            ("\u{202e}gnp.exe", "<U+202E>gnp.exe"),
            ("one\u{2028}two", "one<U+2028>two"),
            ("zhang\u{200b}san", "zhang<U+200B>san"),
            ("\u{feff}\u{3164}\u{e0041}", "<U+FEFF><U+3164><U+E0041>"),
            ("", ""),
        ] {
            assert_eq!(Escaped(raw).to_string(), shown);
        }
    }

    #[test]
    fn only_what_holds_an_emoji_together_is_no_invisible_character() {
        for whole in ["👨‍👩‍👧", "👩🏽‍🚀", "❤️‍🔥", "🏳️‍🌈", "1️⃣", "#️⃣*️⃣", "☺️", "🐈‍⬛", "🇨🇳", "👍🏽", "©️"]
        {
            assert_eq!(invisibles(whole).next(), None, "{whole}");
        }
        for (broken, at) in [
            ("a\u{200d}b", 1),
            ("\u{200d}👩", 0),
            ("👩\u{200d}", 4),
            ("👩\u{200d}a", 4),
            ("a\u{200d}👩", 1),
            ("👩\u{200d}\u{200d}👩", 4),
            ("\u{fe0f}", 0),
            ("a\u{fe0f}", 1),
            ("张\u{fe0f}", 3),
            ("1\u{fe0f}", 1),
            ("1\u{fe0f}1", 1),
            ("❤\u{fe0f}\u{fe0f}", 6),
            ("❤\u{fe0e}", 3),
            ("👩\u{200b}👩", 4),
            // The flag of England is a black flag and six invisible letters.
            ("🏴\u{e0067}\u{e0062}\u{e007f}", 4),
        ] {
            let found = invisibles(broken).next();
            assert_eq!(found.map(|(at, _)| at), Some(at), "{broken:?}");
        }
    }

    #[test]
    fn the_tables_are_unicodes() {
        #[track_caller]
        fn check(property: &str, holds: impl Fn(char) -> bool) {
            let class = regex_syntax::parse(&format!("\\p{{{property}}}")).unwrap();
            let regex_syntax::hir::HirKind::Class(regex_syntax::hir::Class::Unicode(class)) =
                class.kind()
            else {
                panic!("{property} is a class of characters");
            };
            let mut ranges = class.ranges().iter().map(|range| range.start()..=range.end());
            let mut range = ranges.next();
            for c in '\0'..=char::MAX {
                let expected = range.as_ref().is_some_and(|range| range.contains(&c));
                assert_eq!(holds(c), expected, "{property} {}", code_point(c));
                if range.as_ref().is_some_and(|range| *range.end() == c) {
                    range = ranges.next();
                }
            }
            assert_eq!(range, None, "{property} was looked at to its end");
        }
        check("Default_Ignorable_Code_Point", is_ignorable);
        check("Extended_Pictographic", is_pictographic);
        check("Emoji_Modifier", is_skin_tone);
        for c in '\0'..=char::MAX {
            assert_eq!(is_invisible(c), is_deceptive(c) || is_ignorable(c), "{}", code_point(c));
        }
        check("Bidi_Control", |c| is_deceptive(c) && is_ignorable(c));
    }
}
