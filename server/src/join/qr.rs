//! QR codes of URLs, as modules. The terminal and the page draw them, each in its way.

use qrcode::bits::Bits;
use qrcode::{Color, EcLevel, QrCode, Version};

/// The smallest QR code for a text; none if the text is longer than a QR code
/// holds (2,953 bytes). As bytes: the `qrcode` crate's own choice of segments makes
/// an IPv6 address a version larger, and larger than the screen.
pub(crate) fn encode(text: &str) -> Option<QrCode> {
    // The lowest correction level gives the largest modules; a screen is clean.
    const LEVEL: EcLevel = EcLevel::L;
    (1..=40).find_map(|version| {
        let mut bits = Bits::new(Version::Normal(version));
        bits.push_byte_data(text.as_bytes()).ok()?;
        bits.push_terminator(LEVEL).ok()?;
        QrCode::with_bits(bits, LEVEL).ok()
    })
}

/// The modules by row: `1` for a dark one, `0` for a light one.
pub(crate) fn rows(code: &QrCode) -> Vec<String> {
    let row = |row: &[Color]| row.iter().map(|module| module.select('1', '0')).collect();
    code.to_colors().chunks(code.width()).map(row).collect()
}
