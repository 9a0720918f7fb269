//! The panels: which can be seen, and which message they are about.

use crate::model::tabs::{Panel, Panels, TabMove};

/// What can happen to the panels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PanelsMsg {
    /// A panel's tab was pressed, or a link to it.
    Chosen(Panel),
    /// A key was pressed on the tabs.
    TabKeyPressed(TabMove),
    /// The screen became wide, or narrow.
    Resized {
        /// Whether there is room for three panels at once.
        wide: bool,
    },
    /// A message was chosen to be looked at.
    MessageSelected(Selection),
    /// Something happened in a side panel that only itself knows of, and is to be
    /// shown.
    Refreshed,
}

/// What is to be done for the panels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PanelsEffect {
    /// Move the focus to the tab that is selected.
    FocusTab,
    /// Store which panel is in front, as long as the tab lives.
    StorePanel(&'static str),
}

/// Which message is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// This one.
    Message(u32),
    /// This one, and its bytes are to be seen.
    Bytes(u32),
    /// The one before.
    Previous,
    /// The one after.
    Next,
    /// Whichever is the newest.
    Newest,
}

/// State of the panels.
#[derive(Debug)]
pub struct PanelsModel {
    panels: Panels,
    /// The message that is looked at, if it is not the newest.
    selected: Option<u32>,
    effects: Vec<PanelsEffect>,
}

impl PanelsModel {
    /// The panel that was stored before a reload in front, on a screen with room
    /// for three panels at once or not.
    pub fn new(stored: &str, wide: bool) -> Self {
        let panels = Panels::first(stored, wide);
        PanelsModel { panels, selected: None, effects: Vec::new() }
    }

    /// Which panels can be seen. One that cannot needs no work.
    pub fn panels(&self) -> Panels {
        self.panels
    }

    /// The id of the message that is looked at, if it is not the newest.
    pub fn selected(&self) -> Option<u32> {
        self.selected
    }

    /// Takes what happened while the log has so many `messages`, and returns
    /// what to do, in order.
    pub fn update(&mut self, msg: PanelsMsg, messages: usize) -> Vec<PanelsEffect> {
        match msg {
            PanelsMsg::Chosen(panel) => return self.show(panel),
            PanelsMsg::TabKeyPressed(tab_move) => {
                self.panels.move_selection(tab_move);
                return self.show(self.panels.selected());
            }
            PanelsMsg::Resized { wide } => self.panels.resize(wide),
            PanelsMsg::MessageSelected(selection) => self.select(selection, messages as u32),
            PanelsMsg::Refreshed => {}
        }
        std::mem::take(&mut self.effects)
    }

    /// Brings a panel to the front and moves the focus to its tab.
    pub fn show(&mut self, panel: Panel) -> Vec<PanelsEffect> {
        self.choose(panel);
        self.effects.push(PanelsEffect::FocusTab);
        std::mem::take(&mut self.effects)
    }

    /// Looks at whichever message is the newest.
    pub fn select_newest(&mut self) {
        self.selected = None;
    }

    fn choose(&mut self, panel: Panel) {
        self.panels.choose(panel);
        self.effects.push(PanelsEffect::StorePanel(panel.id()));
    }

    fn select(&mut self, selection: Selection, end: u32) {
        let selected = match selection {
            Selection::Message(id) => id,
            Selection::Bytes(id) => {
                self.choose(Panel::Bytes);
                id
            }
            Selection::Previous => self.selected.unwrap_or(end).saturating_sub(1),
            Selection::Next => self.selected.map_or(end, |id| id + 1),
            Selection::Newest => end,
        };
        self.selected = (selected < end).then_some(selected);
    }
}
