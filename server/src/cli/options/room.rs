//! The options of `room`: the classes in a database.

use std::path::PathBuf;

use clap::Args;
use protocol::Contacts;

use super::serve::MOST_CONTACTS;
use super::values;
use crate::csv::Encoding;

/// The database with the classes.
#[derive(Clone, Debug, Args)]
pub struct RoomDatabase {
    /// The PostgreSQL database with the classes, as postgres://USER@HOST/DATABASE.
    #[arg(long, value_name = "URL", env = "TCP_CLASSROOM_DATABASE", hide_env_values = true)]
    pub database: String,
}

/// What to do with the classes.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum RoomCommand {
    /// Make a class, and print its code and its teacher's token, which are shown this once.
    Create {
        /// What the class is called.
        #[arg(value_name = "NAME")]
        name: String,
        /// Where the classes are.
        #[command(flatten)]
        at: RoomDatabase,
        /// The most contacts in its book.
        #[arg(
            long, value_name = "N", default_value_t = Contacts::DEFAULT_LIMIT,
            value_parser = values::number(1..=MOST_CONTACTS), env = "TCP_CLASSROOM_MAX_CONTACTS"
        )]
        max_contacts: usize,
        /// The address of the servers, like https://school.example, to print whole
        /// addresses.
        #[arg(long, value_name = "ADDRESS", env = "TCP_CLASSROOM_URL")]
        url: Option<String>,
    },
    /// List all classes with their numbers.
    List {
        /// Where the classes are.
        #[command(flatten)]
        at: RoomDatabase,
    },
    /// Write a class's contacts to a CSV file.
    Export {
        /// The number of the class, as listed.
        #[arg(value_name = "NUMBER")]
        room: i64,
        /// The file to write; - for standard output.
        #[arg(value_name = "CSV")]
        csv: PathBuf,
        /// Where the classes are.
        #[command(flatten)]
        at: RoomDatabase,
        /// Begin with a byte order mark, so that Excel shows Chinese names.
        #[arg(long)]
        bom: bool,
        /// Replace the file if it is there already.
        #[arg(long)]
        force: bool,
    },
    /// Add the contacts of a CSV file to a class, all of them or, if one is wrong, none.
    Import {
        /// The number of the class, as listed.
        #[arg(value_name = "NUMBER")]
        room: i64,
        /// The file to read; - for standard input.
        #[arg(value_name = "CSV")]
        csv: PathBuf,
        /// Where the classes are.
        #[command(flatten)]
        at: RoomDatabase,
        /// How the text is encoded. UTF-16 is recognised by itself.
        #[arg(long, value_enum, default_value_t, env = "TCP_CLASSROOM_ENCODING")]
        encoding: Encoding,
    },
    /// Close a class for everybody, and keep its contacts.
    Archive {
        /// The number of the class, as listed.
        #[arg(value_name = "NUMBER")]
        room: i64,
        /// Open it again instead.
        #[arg(long)]
        reopen: bool,
        /// Where the classes are.
        #[command(flatten)]
        at: RoomDatabase,
    },
    /// Delete a class with its contacts. Export them before.
    Delete {
        /// The number of the class, as listed.
        #[arg(value_name = "NUMBER")]
        room: i64,
        /// Where the classes are.
        #[command(flatten)]
        at: RoomDatabase,
    },
}

impl RoomCommand {
    /// The address of the database.
    pub fn database(&self) -> &str {
        let (RoomCommand::Create { at, .. }
        | RoomCommand::List { at }
        | RoomCommand::Export { at, .. }
        | RoomCommand::Import { at, .. }
        | RoomCommand::Archive { at, .. }
        | RoomCommand::Delete { at, .. }) = self;
        &at.database
    }
}
