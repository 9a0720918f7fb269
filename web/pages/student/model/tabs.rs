//! Tabs: the panels of the page, and which of them can be seen.
//!
//! A wide screen always has the steps and the conversation and, beside them,
//! one of the others; a narrow one has one panel and no more. What a panel
//! shows is not decided here.

/// A part of the page with a tab of its own, in the order of the tabs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Panel {
    /// The lesson.
    Steps,
    /// The conversation and the input.
    Talk,
    /// Characters and their bytes.
    Bytes,
    /// Who sent what when, as a picture.
    Sequence,
    /// Messages that stick together.
    Sticky,
    /// The class's book.
    Contacts,
    /// The same in Python.
    Python,
    /// The student's own program.
    Program,
}

impl Panel {
    /// All of them, in order.
    pub const ALL: [Panel; 8] = [
        Panel::Steps,
        Panel::Talk,
        Panel::Bytes,
        Panel::Sequence,
        Panel::Sticky,
        Panel::Contacts,
        Panel::Python,
        Panel::Program,
    ];

    /// The `id` of its element, which is what its tab controls.
    pub fn id(self) -> &'static str {
        match self {
            Panel::Steps => "plan",
            Panel::Talk => "talk",
            Panel::Bytes => "wire",
            Panel::Sequence => "sequence",
            Panel::Sticky => "sticky",
            Panel::Contacts => "contacts",
            Panel::Python => "python",
            Panel::Program => "program",
        }
    }

    /// The one whose element that is.
    pub fn with_id(id: &str) -> Option<Self> {
        Panel::ALL.into_iter().find(|panel| panel.id() == id)
    }

    /// Whether a wide screen shows it whatever is chosen. The others are the
    /// [side panels](crate::panels).
    pub fn is_fixed(self) -> bool {
        matches!(self, Panel::Steps | Panel::Talk)
    }
}

/// A key that moves among the tabs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TabMove {
    /// The tab before, round from the first to the last.
    Back,
    /// The tab after, round from the last to the first.
    On,
    /// The first tab.
    First,
    /// The last tab.
    Last,
}

impl TabMove {
    /// What a `KeyboardEvent.key` means on a tab.
    pub fn of(key: &str) -> Option<Self> {
        Some(match key {
            "ArrowLeft" => TabMove::Back,
            "ArrowRight" => TabMove::On,
            "Home" => TabMove::First,
            "End" => TabMove::Last,
            _ => return None,
        })
    }
}

/// Which panels can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panels {
    /// Whether there is room for three at once.
    wide: bool,
    /// What a narrow screen shows.
    narrow: Panel,
    /// What a wide screen shows at the side.
    side: Panel,
}

impl Panels {
    /// The panel of that name first, or where a page begins.
    pub fn first(remembered: &str, wide: bool) -> Self {
        let mut panels = Panels { wide, narrow: Panel::Steps, side: Panel::Bytes };
        if let Some(panel) = Panel::with_id(remembered) {
            panels.choose(panel);
        }
        panels
    }

    /// The one whose tab is selected.
    pub fn selected(self) -> Panel {
        if self.wide { self.side } else { self.narrow }
    }

    /// Whether a panel can be seen.
    pub fn shows(self, panel: Panel) -> bool {
        panel == self.selected() || self.wide && panel.is_fixed()
    }

    /// Brings a panel to the front.
    pub fn choose(&mut self, panel: Panel) {
        self.narrow = panel;
        if !panel.is_fixed() {
            self.side = panel;
        }
    }

    /// Moves to another tab: round among those the screen has.
    pub fn move_selection(&mut self, turn: TabMove) {
        // The fixed ones come first, and a wide screen has no tabs for them.
        let first = if self.wide { Panel::Bytes } else { Panel::Steps } as usize;
        let last = Panel::ALL.len() - 1;
        let at = self.selected() as usize;
        let at = match turn {
            TabMove::First => first,
            TabMove::Last => last,
            TabMove::Back if at <= first => last,
            TabMove::Back => at - 1,
            TabMove::On if at >= last => first,
            TabMove::On => at + 1,
        };
        self.choose(Panel::ALL[at]);
    }

    /// The screen was turned, or its window resized.
    pub fn resize(&mut self, wide: bool) {
        self.wide = wide;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(panels: Panels) -> Vec<Panel> {
        Panel::ALL.into_iter().filter(|&panel| panels.shows(panel)).collect()
    }

    #[test]
    fn a_wide_screen_has_three_panels_and_a_narrow_one_has_one() {
        let mut panels = Panels::first("", true);
        assert_eq!(seen(panels), [Panel::Steps, Panel::Talk, Panel::Bytes]);
        panels.choose(Panel::Python);
        assert_eq!(seen(panels), [Panel::Steps, Panel::Talk, Panel::Python]);
        panels.resize(false);
        assert_eq!(seen(panels), [Panel::Python]);
        panels.choose(Panel::Talk);
        assert_eq!(seen(panels), [Panel::Talk]);
        panels.resize(true);
        assert_eq!(seen(panels), [Panel::Steps, Panel::Talk, Panel::Python]);
        assert_eq!(panels.selected(), Panel::Python);
    }

    #[test]
    fn the_keys_go_round_among_the_tabs_the_screen_has() {
        for (wide, first) in [(true, Panel::Bytes), (false, Panel::Steps)] {
            let mut panels = Panels::first("contacts", wide);
            for (turn, expected) in [
                (TabMove::On, Panel::Python),
                (TabMove::On, Panel::Program),
                (TabMove::On, first),
                (TabMove::Back, Panel::Program),
                (TabMove::Back, Panel::Python),
                (TabMove::First, first),
                (TabMove::Last, Panel::Program),
            ] {
                panels.move_selection(turn);
                assert_eq!(panels.selected(), expected, "{turn:?}");
            }
        }
    }

    #[test]
    fn the_choice_before_a_reload_is_found_again() {
        for panel in Panel::ALL {
            assert_eq!(Panels::first(panel.id(), false).selected(), panel);
        }
        assert_eq!(Panels::first("nonsense", false).selected(), Panel::Steps);
        assert_eq!(Panels::first("talk", true).selected(), Panel::Bytes);
    }
}
