//! TLS: which authorities are trusted, which certificate is ours, and why a handshake failed. All by rustls
//! with ring.

use std::path::PathBuf;
use std::sync::Arc;

use hyper_rustls::ConfigBuilderExt;
use rustls::client::WantsClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{AlertDescription, CertificateError, ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};

use super::error::SettingsError;
use super::settings::TlsFiles;
use crate::classify::TlsFailure;

const CA: &str = "tls.ca_file";
const CERT: &str = "tls.cert_file";
const KEY: &str = "tls.key_file";

/// The client side of TLS as configured. Reads files; without `ca_file` the system's store of authorities.
pub(super) fn config(files: &TlsFiles, alpn: &[u8]) -> Result<ClientConfig, SettingsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|source| SettingsError::Tls { key: CA, source })?;
    let mut config = with_client(with_authorities(builder, files)?, files)?;
    config.alpn_protocols = vec![alpn.to_vec()];
    Ok(config)
}

/// No TLS at all: for `http` URLs, for which reading the system's store would be work for nothing.
pub(super) fn unused() -> Result<ClientConfig, SettingsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|source| SettingsError::Tls { key: CA, source })?;
    Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

/// The name the certificate must have, if it is not the URL's host.
pub(super) fn server_name(files: &TlsFiles) -> Result<Option<ServerName<'static>>, SettingsError> {
    let name = files.server_name.clone().map(ServerName::try_from);
    name.transpose().map_err(|_| SettingsError::ServerName)
}

/// The files that a configuration is read from.
pub(super) fn files(files: &TlsFiles) -> impl Iterator<Item = &PathBuf> {
    [&files.ca_file, &files.cert_file, &files.key_file].into_iter().flatten()
}

/// The files that decide about such a failure, in words.
pub(super) fn files_of(files: &TlsFiles, why: TlsFailure) -> String {
    let (what, file) = match why {
        TlsFailure::ClientCertificate => ("our certificate", &files.cert_file),
        _ => ("trusted authorities", &files.ca_file),
    };
    match (file, why) {
        (Some(path), _) => format!("{what}: {}", path.display()),
        (None, TlsFailure::ClientCertificate) => format!("{what}: none"),
        (None, _) => format!("{what}: the system's"),
    }
}

type Trusting = ConfigBuilder<ClientConfig, WantsClientCert>;

fn with_authorities(
    builder: ConfigBuilder<ClientConfig, WantsVerifier>,
    files: &TlsFiles,
) -> Result<Trusting, SettingsError> {
    let Some(path) = &files.ca_file else {
        return builder.with_native_roots().map_err(|source| SettingsError::SystemAuthorities { source });
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(CA, path)? {
        roots.add(certificate).map_err(|source| SettingsError::Tls { key: CA, source })?;
    }
    Ok(builder.with_root_certificates(roots))
}

fn with_client(builder: Trusting, files: &TlsFiles) -> Result<ClientConfig, SettingsError> {
    let (certificate, key) = match (&files.cert_file, &files.key_file) {
        (None, None) => return Ok(builder.with_no_client_auth()),
        (Some(_), None) => return Err(SettingsError::MissingFile { key: KEY }),
        (None, Some(_)) => return Err(SettingsError::MissingFile { key: CERT }),
        (Some(certificate), Some(key)) => (certificate, key),
    };
    let chain = certificates(CERT, certificate)?;
    let key =
        PrivateKeyDer::from_pem_file(key).map_err(|error| SettingsError::of_pem(KEY, key.clone(), error))?;
    builder.with_client_auth_cert(chain, key).map_err(|source| SettingsError::Tls { key: CERT, source })
}

/// All certificates of a file; none at all is an error.
fn certificates(key: &'static str, path: &PathBuf) -> Result<Vec<CertificateDer<'static>>, SettingsError> {
    let wrap = |error| SettingsError::of_pem(key, path.clone(), error);
    let found: Vec<_> =
        CertificateDer::pem_file_iter(path).and_then(|found| found.collect()).map_err(wrap)?;
    if found.is_empty() { Err(wrap(rustls::pki_types::pem::Error::NoItemsFound)) } else { Ok(found) }
}

/// What went wrong in a handshake.
pub(super) fn failure(error: &rustls::Error) -> TlsFailure {
    match error {
        rustls::Error::InvalidCertificate(why) => certificate_failure(why),
        rustls::Error::AlertReceived(alert) => alert_failure(*alert),
        rustls::Error::InvalidMessage(_) => TlsFailure::NotTls,
        _ => TlsFailure::Handshake,
    }
}

fn certificate_failure(error: &CertificateError) -> TlsFailure {
    match error {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            TlsFailure::WrongHost
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => TlsFailure::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            TlsFailure::NotYetValid
        }
        // An authority of the right name with another key signs nothing that we trust.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => TlsFailure::UnknownIssuer,
        CertificateError::Revoked => TlsFailure::Revoked,
        _ => TlsFailure::BadCertificate,
    }
}

/// The server's alerts about our certificate; RFC 8446 §6.2.
fn alert_failure(alert: AlertDescription) -> TlsFailure {
    match alert {
        AlertDescription::NoCertificate
        | AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        | AlertDescription::AccessDenied
        | AlertDescription::DecryptError
        | AlertDescription::CertificateRequired => TlsFailure::ClientCertificate,
        _ => TlsFailure::Handshake,
    }
}
