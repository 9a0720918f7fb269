//! `.tar.gz` and `.zip`, with everything in one folder.

use std::io::{Cursor, Write as _};

use anyhow::Result;
use flate2::{Compression, GzBuilder};
use time::{OffsetDateTime, PrimitiveDateTime};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::VERSION;
use crate::contents::Entry;
use crate::platform::{Format, Platform};

/// The name and the bytes of a platform's archive.
pub fn pack(
    platform: &Platform,
    files: &[Entry],
    time: OffsetDateTime,
) -> Result<(String, Vec<u8>)> {
    let folder = format!("tcp-classroom-{VERSION}-{}", platform.name);
    Ok(match platform.format {
        Format::TarGz => (format!("{folder}.tar.gz"), tar_gz(&folder, files, time)?),
        Format::Zip => {
            let files: Vec<_> = files
                .iter()
                .map(|file| Entry { path: format!("{folder}/{}", file.path), ..file.clone() })
                .collect();
            (format!("{folder}.zip"), zip(&files, time)?)
        }
    })
}

fn tar_gz(folder: &str, files: &[Entry], time: OffsetDateTime) -> Result<Vec<u8>> {
    let compressed = GzBuilder::new().write(Vec::new(), Compression::best());
    let mut tar = tar::Builder::new(compressed);
    for file in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(file.bytes.len() as u64);
        header.set_mode(file.mode());
        header.set_mtime(time.unix_timestamp().unsigned_abs());
        tar.append_data(&mut header, format!("{folder}/{}", file.path), &*file.bytes)?;
    }
    Ok(tar.into_inner()?.finish()?)
}

/// A zip file; wheels are such files, too.
pub fn zip(files: &[Entry], time: OffsetDateTime) -> Result<Vec<u8>> {
    let time = zip::DateTime::try_from(PrimitiveDateTime::new(time.date(), time.time()))?;
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for file in files {
        let options = SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Deflated)
            .compression_level(Some(9))
            .last_modified_time(time)
            .unix_permissions(file.mode());
        zip.start_file(&*file.path, options)?;
        zip.write_all(&file.bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}
