//! Waiting until a file is saved.

use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// How often the file is looked at. Editors save in many ways (rename, truncate,
/// network drives), and looking finds them all.
const INTERVAL: Duration = Duration::from_millis(300);

/// Waits until the file's text is another one. Returns it, or nothing when it is to
/// stop.
pub(super) async fn change(path: &Path, before: &str, stop: &CancellationToken) -> Option<String> {
    loop {
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            () = stop.cancelled() => return None,
        }
        // While an editor writes, the file may be gone or empty for a moment.
        match std::fs::read(path) {
            Ok(bytes) if !bytes.is_empty() => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                if text != before {
                    return Some(text);
                }
            }
            _ => {}
        }
    }
}
