//! A key press in the input, as far as the page cares.
//!
//! Its one piece of knowledge: when a press belongs to an input method and not
//! to the page. It decides nothing else.

/// The keys that mean something to the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// Send.
    Enter,
    /// The line before.
    Up,
    /// The line after.
    Down,
    /// Complete.
    Tab,
    /// Let the next Tab move on.
    Escape,
}

/// What a browser reports of a press.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report<'a> {
    /// `KeyboardEvent.key`
    pub key: &'a str,
    /// `KeyboardEvent.keyCode`
    pub key_code: u32,
    /// `KeyboardEvent.isComposing`
    pub is_composing: bool,
    /// Whether Shift is held.
    pub shift: bool,
    /// Whether Ctrl, Alt or Meta is held.
    pub modified: bool,
}

/// What `keyCode` is while an input method handles the key.
const HANDLED_BY_INPUT_METHOD: u32 = 229;

impl Key {
    /// The key, unless it is an input method's or a shortcut's.
    ///
    /// Safari ends the composition before it reports the Enter that ended it,
    /// so `isComposing` is false by then and only the key code tells.
    pub fn of(report: Report<'_>) -> Option<Self> {
        let Report { key, key_code, is_composing, shift, modified } = report;
        if is_composing || key_code == HANDLED_BY_INPUT_METHOD || shift || modified {
            return None;
        }
        Some(match key {
            "Enter" => Key::Enter,
            "ArrowUp" => Key::Up,
            "ArrowDown" => Key::Down,
            "Tab" => Key::Tab,
            "Escape" => Key::Escape,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_enter_that_ends_a_composition_is_not_ours() {
        let enter = Report { key: "Enter", key_code: 13, ..Report::default() };
        assert_eq!(Key::of(enter), Some(Key::Enter));
        assert_eq!(Key::of(Report { is_composing: true, ..enter }), None);
        assert_eq!(Key::of(Report { key_code: 229, ..enter }), None);
    }

    #[test]
    fn shift_and_tab_moves_back() {
        let tab = Report { key: "Tab", key_code: 9, ..Report::default() };
        assert_eq!(Key::of(tab), Some(Key::Tab));
        assert_eq!(Key::of(Report { shift: true, ..tab }), None);
    }
}
