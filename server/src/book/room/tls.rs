//! TLS: how connections to the database are encrypted, and whose certificate is taken.
//!
//! As with PostgreSQL's own programs, `sslmode` and `sslrootcert` in the address say so.
//! tokio-postgres leaves certificates to its caller and knows no `verify-full`, so that both
//! are taken out of the address before it reads it.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use percent_encoding::percent_decode_str;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::language::localized;

/// What an address says of encryption.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TlsOptions {
    mode: Mode,
    /// A PEM file with the certificates of the authorities that are trusted; none for those
    /// of the system.
    roots: Option<PathBuf>,
}

/// `sslmode`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    Disable,
    /// Encrypted where the database offers it, with any certificate. Keeps out who only
    /// listens; the default of PostgreSQL's own programs.
    #[default]
    Prefer,
    /// Always encrypted; with any certificate unless authorities are named.
    Require,
    /// Always encrypted, with a certificate of a trusted authority for the host's name.
    VerifyFull,
}

impl TlsOptions {
    /// Takes the options of encryption out of an address. Returns it without them.
    ///
    /// # Errors
    ///
    /// An option has a value that is none.
    pub(super) fn take_from(url: &str) -> anyhow::Result<(String, Self)> {
        let mut options = TlsOptions::default();
        let is_url = ["postgres://", "postgresql://"].iter().any(|start| url.starts_with(start));
        if !is_url {
            // Key and value, with spaces in between.
            let mut rest = Vec::new();
            for pair in url.split_whitespace() {
                if !options.take(pair, Cow::from)? {
                    rest.push(pair);
                }
            }
            return Ok((rest.join(" "), options));
        }
        let Some((address, query)) = url.split_once('?') else {
            return Ok((url.to_owned(), options));
        };
        let mut rest = Vec::new();
        for pair in query.split('&') {
            if !options.take(pair, |value| percent_decode_str(value).decode_utf8_lossy())? {
                rest.push(pair);
            }
        }
        let mark = if rest.is_empty() { "" } else { "?" };
        Ok((format!("{address}{mark}{}", rest.join("&")), options))
    }

    /// Takes a pair of key and value, if it is an option of encryption.
    fn take<'p>(
        &mut self,
        pair: &'p str,
        decode: impl Fn(&'p str) -> Cow<'p, str>,
    ) -> anyhow::Result<bool> {
        match pair.split_once('=') {
            Some(("sslmode", value)) => {
                self.mode = match &*decode(value) {
                    "disable" => Mode::Disable,
                    "allow" | "prefer" => Mode::Prefer,
                    "require" => Mode::Require,
                    "verify-full" => Mode::VerifyFull,
                    other => bail!(localized!(
                        "sslmode 可以是 disable、prefer、require 或 verify-full，不能是 {other}",
                        "sslmode is disable, prefer, require or verify-full, not {other}"
                    )),
                };
            }
            // As PostgreSQL's own programs name the system's authorities.
            Some(("sslrootcert", "system")) => self.roots = None,
            Some(("sslrootcert", file)) => self.roots = Some(decode(file).as_ref().into()),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What tokio-postgres is told: whether it has to be encrypted.
    pub(super) fn ssl_mode(&self) -> SslMode {
        match self.mode {
            Mode::Disable => SslMode::Disable,
            Mode::Prefer => SslMode::Prefer,
            Mode::Require | Mode::VerifyFull => SslMode::Require,
        }
    }

    /// What encrypts the connections.
    ///
    /// # Errors
    ///
    /// The authorities cannot be read, or there are none.
    pub(super) fn connector(&self) -> anyhow::Result<MakeRustlsConnect> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .context("the provider has no version of TLS")?;
        let is_verified = match self.mode {
            Mode::Disable | Mode::Prefer => false,
            Mode::Require => self.roots.is_some(),
            Mode::VerifyFull => true,
        };
        let builder = match is_verified {
            true => builder.with_root_certificates(self.authorities()?),
            false => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider))),
        };
        Ok(MakeRustlsConnect::new(builder.with_no_client_auth()))
    }

    fn authorities(&self) -> anyhow::Result<RootCertStore> {
        let mut roots = RootCertStore::empty();
        let Some(file) = &self.roots else {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                bail!(localized!(
                    "这台机器没有受信任的证书颁发机构；请在数据库地址里用 sslrootcert=文件 指定",
                    "this machine has no trusted certificate authorities; name a file with them \
                     in the database's address, as sslrootcert=FILE"
                ));
            }
            return Ok(roots);
        };
        let cannot = || {
            let file = file.display();
            localized!("无法读取证书 {file}", "cannot read the certificates in {file}")
        };
        for certificate in CertificateDer::pem_file_iter(file).with_context(cannot)? {
            roots.add(certificate.with_context(cannot)?).with_context(cannot)?;
        }
        if roots.is_empty() {
            bail!(cannot());
        }
        Ok(roots)
    }
}

/// What to do where the error is one of certificates.
pub(super) fn explain(error: &tokio_postgres::Error) -> Option<String> {
    let mut causes =
        std::iter::successors(Some(error as &(dyn std::error::Error + 'static)), |error| {
            error.source()
        });
    // rustls's error comes wrapped into one of I/O, which says it and is no source of it.
    let is_certificate = |error: &(dyn std::error::Error + 'static)| {
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let inner = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let error = inner.or_else(|| error.downcast_ref());
        matches!(error, Some(rustls::Error::InvalidCertificate(_)))
    };
    causes.any(is_certificate).then(|| {
        localized!(
            "数据库的证书不受信任；请核对主机名，并用 sslrootcert=文件 指定颁发机构的证书",
            "the database's certificate is not trusted; look at the host's name, and name its \
             authority's certificate with sslrootcert=FILE"
        )
    })
}

/// Takes any certificate, but only of somebody who has its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(url: &str) -> (String, Mode, Option<PathBuf>) {
        let (rest, TlsOptions { mode, roots }) = TlsOptions::take_from(url).unwrap();
        (rest, mode, roots)
    }

    #[test]
    fn encryption_is_taken_out_of_both_forms_of_address_and_the_rest_stays() {
        for (url, rest, mode, roots) in [
            ("postgres://me:a%3Fb@db/x", "postgres://me:a%3Fb@db/x", Mode::Prefer, None),
            ("postgres://db/x?sslmode=require", "postgres://db/x", Mode::Require, None),
            (
                "postgresql://a,b/x?connect_timeout=3&sslrootcert=%2Fetc%2Fca%201.pem&sslmode=verify-full&options=-c%20a%3Db",
                "postgresql://a,b/x?connect_timeout=3&options=-c%20a%3Db",
                Mode::VerifyFull,
                Some("/etc/ca 1.pem"),
            ),
            (
                "host=db sslmode=disable user=me sslrootcert=/ca.pem",
                "host=db user=me",
                Mode::Disable,
                Some("/ca.pem"),
            ),
            ("host=db sslrootcert=system", "host=db", Mode::Prefer, None),
        ] {
            let expected = (rest.to_owned(), mode, roots.map(PathBuf::from));
            assert_eq!(taken(url), expected, "{url}");
        }
        let refused = TlsOptions::take_from("postgres://db/x?sslmode=verify-ca").unwrap_err();
        assert!(refused.to_string().contains("not verify-ca"), "{refused}");
    }
}
