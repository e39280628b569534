//! The section `tls_server_config` while it is read: its errors, and its certificates and keys.

use std::path::{Path, PathBuf};

use platform_core::yaml::Faults;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::files::Files;
use super::section::Section;

/// The section, while it is read.
pub(super) struct SectionReader<'a> {
    pub(super) section: &'a Section<'a>,
    pub(super) files: &'a mut Files,
    pub(super) faults: &'a mut Faults,
}

/// The one of `NAME` and `NAME_file` that is given.
pub(super) fn present<'a>(section: &Section<'_>, name: &'a str) -> &'a str {
    match (section.has(name), name) {
        (true, _) => name,
        (false, "cert") => "cert_file",
        (false, "key") => "key_file",
        (false, _) => "client_ca_file",
    }
}

impl SectionReader<'_> {
    pub(super) fn fault(&mut self, key: &str, message: impl Into<String>) {
        self.section.fault(key, message, self.faults);
    }

    /// The value given as `name` or `name_file`.
    fn pem(&mut self, name: &str, key_of_file: &str) -> Option<Vec<u8>> {
        let text: Option<String> = self.section.key(name, self.faults);
        let path: Option<PathBuf> = self.section.key(key_of_file, self.faults);
        if self.section.has(name) && self.section.has(key_of_file) {
            self.fault(name, format!("set either `{name}` or `{key_of_file}`, not both"));
            return None;
        }
        match path {
            None => text.map(String::into_bytes),
            Some(path) => self.file(&path, key_of_file),
        }
    }

    fn file(&mut self, path: &Path, key: &str) -> Option<Vec<u8>> {
        match self.files.read(path) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                self.fault(key, format!("cannot read {}: {error}", path.display()));
                None
            }
        }
    }

    pub(super) fn certificates(
        &mut self,
        name: &str,
        key_of_file: &str,
    ) -> Option<Vec<CertificateDer<'static>>> {
        let pem = self.pem(name, key_of_file)?;
        match CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>() {
            Ok(certificates) if !certificates.is_empty() => Some(certificates),
            _ => {
                self.fault(present(self.section, name), "expected certificates in PEM");
                None
            }
        }
    }

    pub(super) fn certificate(&mut self) -> Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
        for name in ["cert", "key"] {
            let file = if name == "cert" { "cert_file" } else { "key_file" };
            if !self.section.has(name) && !self.section.has(file) {
                self.fault(file, format!("the key `{file}` is missing (or `{name}`, with inline PEM)"));
            }
        }
        let chain = self.certificates("cert", "cert_file");
        let key = self.pem("key", "key_file");
        let key = key.and_then(|pem| {
            let key = PrivateKeyDer::from_pem_slice(&pem).ok();
            if key.is_none() {
                self.fault(
                    present(self.section, "key"),
                    "expected a private key in PEM, without a passphrase",
                );
            }
            key
        });
        Some((chain?, key?))
    }
}
