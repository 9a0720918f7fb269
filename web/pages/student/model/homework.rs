//! The homework: how the student's own server stands, as the class's server tells it.
//! The checks themselves are shown as they come, by the view.

/// How the student's own server stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HomeworkMsg {
    /// Whether the server has passed what is required.
    pub passed: bool,
}

/// What is known of the student's own server.
#[derive(Debug, Default)]
pub struct HomeworkModel {
    told: HomeworkMsg,
    passed_in_page: bool,
}

impl HomeworkModel {
    /// The class's server tells how it stands.
    pub fn hear(&mut self, told: HomeworkMsg) {
        self.told = told;
    }

    /// The program in the page has passed.
    pub fn pass_in_page(&mut self) {
        self.passed_in_page = true;
    }

    /// Whether it has passed what is required.
    pub fn passed(&self) -> bool {
        self.told.passed || self.passed_in_page
    }
}
