//! `room`: makes and looks after the classes in a database.

use std::io::Write as _;

use anyhow::Context as _;

use crate::book::room::database::Database;
use crate::book::room::{RoomId, transfer};
use crate::cli::options::RoomCommand;
use crate::csv;
use crate::language::{Language, localized};
use crate::rooms::registry::{self, About, NewRoom};
use crate::terminal::diagnostics;

/// Does what is asked for.
///
/// # Errors
///
/// The database cannot be used, there is no such class, or a file is wrong; nothing has
/// changed.
pub fn run(command: &RoomCommand, language: Language) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start a runtime")?;
    runtime.block_on(carry_out(command, language))
}

async fn carry_out(command: &RoomCommand, language: Language) -> anyhow::Result<()> {
    let database = Database::connect(command.database(), 1).await?;
    match command {
        RoomCommand::Create { name, max_contacts, url, .. } => {
            let room = registry::create(&database, name, *max_contacts).await?;
            print(&created(&room, url.as_deref().unwrap_or_default(), language))
        }
        RoomCommand::List { .. } => {
            let rooms = registry::list(&database).await?;
            print(&rooms.iter().map(|room| line(room, language)).collect::<String>())
        }
        RoomCommand::Export { room, csv, bom, force, .. } => {
            let contacts = transfer::contacts(&database, RoomId(*room)).await?;
            csv::export_rows(&contacts, csv, *bom, *force)
        }
        RoomCommand::Import { room, csv, encoding, .. } => {
            let contacts = csv::read_rows(csv, *encoding)?;
            let imported = transfer::import(&database, RoomId(*room), contacts).await?;
            csv::say_imported(&imported);
            Ok(())
        }
        RoomCommand::Archive { room, reopen, .. } => {
            registry::set_archived(&database, RoomId(*room), !reopen).await?;
            diagnostics::say(match reopen {
                true => localized!("课堂 {room} 重新开放了", "the class {room} is open again"),
                false => localized!(
                    "课堂 {room} 已经关闭，联系人还在",
                    "the class {room} is closed, its contacts are kept"
                ),
            });
            Ok(())
        }
        RoomCommand::Delete { room, .. } => {
            registry::delete(&database, RoomId(*room)).await?;
            diagnostics::say(localized!("课堂 {room} 删除了", "the class {room} is deleted"));
            Ok(())
        }
    }
}

/// What is printed of a new class.
fn created(room: &NewRoom, url: &str, language: Language) -> String {
    let NewRoom { id: RoomId(number), code, token } = room;
    let (url, token) = (url.trim_end_matches('/'), token.as_str());
    localized!(
        in language;
        "编号      {number}\n代码      {code}\n网页      {url}/r/{code}/\n\
         原始 TCP  先发送 join;{code}\n教师网页  {url}/r/{code}/teacher#{token}\n\
         投影页面  {url}/r/{code}/board\n",
        "number   {number}\ncode     {code}\npage     {url}/r/{code}/\n\
         raw TCP  send join;{code} first\nteacher  {url}/r/{code}/teacher#{token}\n\
         board    {url}/r/{code}/board\n"
    )
}

/// The line of a class in the list.
fn line(room: &About, language: Language) -> String {
    let About { id: RoomId(number), name, contacts, quota, used, archived, .. } = room;
    let closed = match archived {
        true => language.pick("，已关闭", ", closed"),
        false => "",
    };
    localized!(
        in language;
        "{number}\t{name}\t{contacts}/{quota} 个联系人\t最后使用 {used}{closed}\n",
        "{number}\t{name}\t{contacts}/{quota} contacts\tlast used {used}{closed}\n"
    )
}

fn print(text: &str) -> anyhow::Result<()> {
    std::io::stdout()
        .lock()
        .write_all(text.as_bytes())
        .with_context(|| localized!("无法写到标准输出", "cannot write to standard output"))
}
