//! Acts: what the teacher does, carried out on the class. Each is checked here and
//! noted in the journal.

use std::net::IpAddr;
use std::time::Duration;

use api::{Act, Action, JournalEntry, MAX_ANNOUNCEMENT, Sticky};
use protocol::Stage;
use tokio::time::Instant;

use super::Classroom;
use super::lead::{Done, HINDERED, Switches, Undoable};
use super::people::PersonId;
use crate::book::revision::{NotRevised, Removed, Revision};
use crate::language::{Language, localized};

/// The longest pause before each reply, in milliseconds: half of the minute after which
/// the page takes a connection that owes it a reply for broken.
const LONGEST_PAUSE: u64 = 30_000;

/// Why something was not done.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The act needs a person and names none.
    WithoutPerson,
    /// There is no such person, or not any more.
    UnknownPerson,
    /// The act needs a text and has none.
    WithoutText,
    /// The announcement is too long, or has control characters.
    BadAnnouncement,
    /// It is no IP address.
    BadAddress,
    /// That address is not blocked.
    NotBlocked,
    /// The pause is missing or too long.
    BadPause,
    /// Only the server does that.
    ServersAct,
    /// There is nothing to take back.
    NothingToUndo,
    /// The book.
    Book(NotRevised),
}

impl Refused {
    /// What the teacher reads.
    pub(crate) fn sentence(&self, language: Language) -> String {
        match self {
            Refused::WithoutPerson => {
                localized!(in language; "没有说明是哪位学生", "it does not say which student")
            }
            Refused::UnknownPerson => {
                localized!(in language; "这位学生已经不在了", "that student is not here any more")
            }
            Refused::WithoutText => {
                localized!(in language; "没有填写内容", "the text is missing")
            }
            Refused::BadAnnouncement => localized!(
                in language;
                "公告要写成一行，1 到 {MAX_ANNOUNCEMENT} 个字",
                "an announcement is one line of 1 to {MAX_ANNOUNCEMENT} characters"
            ),
            Refused::BadAddress => {
                localized!(in language; "这不是 IP 地址", "that is no IP address")
            }
            Refused::NotBlocked => {
                localized!(in language; "这个地址没有被屏蔽", "that address is not blocked")
            }
            Refused::BadPause => {
                let most = LONGEST_PAUSE / 1000;
                localized!(
                    in language;
                    "回复前的等待时间是 0 到 {most} 秒",
                    "the pause before each reply is 0 to {most} seconds"
                )
            }
            Refused::ServersAct => {
                localized!(in language; "这件事只有服务器自己会做", "only the server does that")
            }
            Refused::NothingToUndo => {
                localized!(in language; "没有可以撤销的操作", "there is nothing to undo")
            }
            Refused::Book(error) => error.sentence(language),
        }
    }
}

/// What another server of the class tells of something that was done there.
#[derive(Debug)]
pub(crate) struct DoneElsewhere {
    /// Its entry in the journal there.
    pub(crate) entry: JournalEntry,
    pub(crate) done: Done,
    /// What it took out of the book, if it can be undone.
    pub(crate) removed: Option<Removed>,
    /// What it has undone.
    pub(crate) undone: Option<Done>,
}

impl From<NotRevised> for Refused {
    fn from(error: NotRevised) -> Self {
        Refused::Book(error)
    }
}

impl Classroom {
    /// Does what the teacher wants, for all messages to come. What it does to the book is
    /// durable when this returns. To be run to its end.
    ///
    /// # Errors
    ///
    /// Nothing was done, unless the error says that it may have been.
    pub(crate) async fn act(&self, act: Act) -> Result<(), Refused> {
        let whom = match act.action {
            Action::Delete | Action::Reset | Action::NewBook => return self.revise(act).await,
            Action::Undo => return self.undo(act).await,
            Action::End => return self.end_lesson(act).await,
            Action::Crowded => return Err(Refused::ServersAct),
            Action::Block | Action::Unblock => self.block_or_unblock(&act)?,
            Action::Disconnect | Action::ShowOne | Action::LowerHand => self.single_out(&act)?,
            Action::StickyJoin | Action::StickySplit | Action::StickyOff => self.stick(&act)?,
            Action::Announce | Action::Slow => self.switch_to(&act)?,
            _ => self.switch_plain(act.action),
        };
        if let Some(whom) = whom {
            self.lead().journal().add(act, whom, false);
        }
        Ok(())
    }

    /// A switch without parameters, which concerns no single person: returns an empty
    /// name if it changed anything.
    fn switch_plain(&self, action: Action) -> Option<String> {
        let change = |switches: &mut Switches| match action {
            Action::Pause => switches.held_until = Some(Instant::now() + HINDERED),
            Action::Resume => switches.held_until = None,
            Action::StageEcho => switches.stage = Stage::Echo,
            Action::StageContacts => switches.stage = Stage::Contacts,
            Action::Freeze => switches.frozen = true,
            Action::Thaw => switches.frozen = false,
            Action::CloseDoor => switches.closed = true,
            Action::OpenDoor => switches.closed = false,
            Action::OpenServers => switches.servers = true,
            Action::CloseServers => switches.servers = false,
            Action::Unannounce => switches.announcement = None,
            Action::Show => switches.shows_lines = true,
            Action::Hide => (switches.shows_lines, switches.shows) = (false, None),
            _ => unreachable!("it has a function of its own"),
        };
        // Within the change, so that what comes from other servers is no step behind it.
        let change = |switches: &mut Switches| {
            change(switches);
            match action {
                Action::Freeze | Action::Thaw => self.book().set_frozen(switches.frozen),
                Action::OpenServers | Action::CloseServers => {
                    self.playground().let_neighbours(switches.servers);
                }
                _ => {}
            }
        };
        self.lead().switch(change).then(String::new)
    }

    /// A switch with a text or a number.
    fn switch_to(&self, act: &Act) -> Result<Option<String>, Refused> {
        let switched = match act.action {
            Action::Announce => {
                let line = announcement(act)?;
                self.lead().switch(|switches| switches.announcement = Some(line))
            }
            _ => {
                let millis = act.millis.filter(|millis| *millis <= LONGEST_PAUSE);
                let pause = Duration::from_millis(millis.ok_or(Refused::BadPause)?);
                self.lead().switch(|switches| switches.pause = pause)
            }
        };
        Ok(switched.then(String::new))
    }

    /// What happens to replies on purpose: somebody's, or everybody's.
    fn stick(&self, act: &Act) -> Result<Option<String>, Refused> {
        let sticky = match act.action {
            Action::StickyJoin => Sticky::Joined,
            Action::StickySplit => Sticky::Split,
            _ => Sticky::Off,
        };
        if act.person.is_none() {
            return Ok(self.lead().switch(|switches| switches.sticky = sticky).then(String::new));
        }
        let (id, label) = self.person(act)?;
        match self.people().set_sticky(id, sticky) {
            true => Ok(Some(label)),
            false if self.people().is_elsewhere(id) => Ok(Some(label)),
            false => Err(Refused::UnknownPerson),
        }
    }

    /// What concerns one person alone. For somebody at another server it is done there,
    /// which reads it in the [journal](Self::follow).
    fn single_out(&self, act: &Act) -> Result<Option<String>, Refused> {
        let (id, label) = self.person(act)?;
        let done = match act.action {
            Action::Disconnect => self.people().disconnect(id) || self.people().is_elsewhere(id),
            Action::LowerHand => self.people().lower_hand(id) || self.people().is_elsewhere(id),
            _ => self.lead().switch(|switches| switches.shows = Some(id)),
        };
        Ok(done.then_some(label))
    }

    fn block_or_unblock(&self, act: &Act) -> Result<Option<String>, Refused> {
        if act.action == Action::Unblock {
            let text = act.text.as_deref().ok_or(Refused::WithoutText)?;
            let address: IpAddr = text.trim().parse().map_err(|_| Refused::BadAddress)?;
            let unblocked = self.lead().switch(|switches| switches.unblock(address.to_canonical()));
            return if unblocked {
                Ok(Some(address.to_string()))
            } else {
                Err(Refused::NotBlocked)
            };
        }
        let (id, label) = self.person(act)?;
        let address = self.people().address_of(id).ok_or(Refused::UnknownPerson)?;
        // First the block, so that nothing comes back in between.
        self.lead().switch(|switches| switches.block(address.to_canonical(), Instant::now()));
        self.people().disconnect_address(address);
        let is_named = label != address.to_string();
        Ok(Some(if is_named { format!("{label} ({address})") } else { label }))
    }

    /// Does this server's part in something that was done on another server of the class,
    /// and enters it into the journal. Returns its number there. What is switched for all
    /// comes [another way](super::lead::shared).
    pub(crate) async fn follow(&self, elsewhere: DoneElsewhere) -> u64 {
        let DoneElsewhere { entry, done, removed, undone } = elsewhere;
        if let Some(id) = entry.act.person.map(PersonId) {
            let people = self.people();
            let sticky = |sticky| people.set_sticky(id, sticky);
            // Nothing happens where it is about somebody of another server.
            let _ = match entry.act.action {
                Action::Disconnect => people.disconnect(id),
                Action::LowerHand => people.lower_hand(id),
                Action::StickyJoin => sticky(Sticky::Joined),
                Action::StickySplit => sticky(Sticky::Split),
                Action::StickyOff => sticky(Sticky::Off),
                _ => false,
            };
        }
        let mut revisions = self.lead().undo().lock().await;
        if entry.act.action == Action::End {
            self.lead().journal().forget();
            revisions.clear();
        }
        let entry = self.lead().journal().take_over(entry);
        if let Some(removed) = removed {
            revisions.push(Undoable { entry, done, removed });
        }
        if let Some(undone) = undone {
            revisions.take(undone);
        }
        self.lead().switch(|switches| switches.undo = revisions.entry());
        entry
    }

    /// Whom an act is about, and what to call that person.
    fn person(&self, act: &Act) -> Result<(PersonId, String), Refused> {
        let id = PersonId(act.person.ok_or(Refused::WithoutPerson)?);
        let label = self.people().label_of(id).ok_or(Refused::UnknownPerson)?;
        Ok((id, label))
    }

    /// Takes contacts out of the book, to be put back by [`Action::Undo`].
    async fn revise(&self, act: Act) -> Result<(), Refused> {
        let text = || act.text.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let revision = match act.action {
            Action::Delete => {
                let name = text().ok_or(Refused::WithoutText)?;
                // No name in a book has one, and PostgreSQL takes no text with a NUL.
                if name.contains(char::is_control) {
                    return Err(NotRevised::NotThere.into());
                }
                Revision::Remove(name.into())
            }
            Action::Reset => Revision::Clear { keep: None },
            _ => Revision::Clear { keep: Some(text().ok_or(Refused::WithoutText)?.to_owned()) },
        };
        let mut revisions = self.lead().undo().lock().await;
        let removed = self.book().revise(revision).await?;
        let whom = match act.action {
            Action::Reset => String::new(),
            _ => text().unwrap_or_default().to_owned(),
        };
        let entry = self.lead().journal().add(act, whom, false);
        let done = Done { server: self.lead().tag(), entry };
        revisions.push(Undoable { entry, done, removed });
        self.lead().switch(|switches| switches.undo = Some(entry));
        Ok(())
    }

    /// Puts back what was last taken out of the book, but for names that have been
    /// stored again since.
    async fn undo(&self, act: Act) -> Result<(), Refused> {
        let mut revisions = self.lead().undo().lock().await;
        let Undoable { done, removed, .. } =
            revisions.last().cloned().ok_or(Refused::NothingToUndo)?;
        // Where this fails it can be tried again.
        self.book().revise(Revision::PutBack(removed.clone())).await?;
        revisions.take(done);
        let whom = match &removed[..] {
            [(name, _)] => name.to_string(),
            _ => String::new(),
        };
        self.lead().switch(|switches| switches.undo = revisions.entry());
        let entry = self.lead().journal().add(act, whom, false);
        revisions.note_undone(entry, done);
        Ok(())
    }

    /// Ends the lesson: what is known of people is forgotten, the journal and what could
    /// be undone included, for they name people. The book stays, and so does what is set
    /// for the class as a whole.
    async fn end_lesson(&self, act: Act) -> Result<(), Refused> {
        let mut revisions = self.lead().undo().lock().await;
        revisions.clear();
        self.forget_lesson();
        self.lead().journal().forget();
        self.lead().switch(|switches| {
            *switches = Switches {
                stage: switches.stage,
                pause: switches.pause,
                frozen: switches.frozen,
                closed: switches.closed,
                servers: switches.servers,
                lesson: switches.lesson + 1,
                ..Switches::default()
            };
        });
        self.lead().journal().add(act, String::new(), false);
        Ok(())
    }
}

/// The line that is to be announced.
fn announcement(act: &Act) -> Result<String, Refused> {
    let line = act.text.as_deref().map(str::trim).ok_or(Refused::WithoutText)?;
    let fits = (1..=MAX_ANNOUNCEMENT).contains(&line.chars().count());
    if !fits || line.chars().any(char::is_control) {
        return Err(Refused::BadAnnouncement);
    }
    Ok(line.to_owned())
}
