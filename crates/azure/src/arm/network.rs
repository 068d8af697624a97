//! What stands between us and the internet? A proxy and certificates, from the environment, as values.

use std::{fmt, path::Path};

use url::Url;

/// Where no proxy is ever used: this machine, and the address at which a virtual machine asks who it is.
const NEVER_PROXIED: &str = "localhost,127.0.0.0/8,::1,169.254.169.254";

/// A proxy, and certificates that are trusted beside the system's own.
#[derive(Clone, Default)]
pub struct NetworkSettings {
    proxy: Option<Url>,
    bypass: Option<String>,
    certificates: Vec<reqwest::Certificate>,
}

/// Why the settings of the network cannot be used. Holds no password of a proxy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// The proxy is not a URL, or of a sort that is not spoken.
    #[error("`{variable}` is not the address of a proxy (`http://HOST:PORT`)")]
    Proxy {
        /// Where it was written.
        variable: String,
    },
    /// The bundle of certificates cannot be used.
    #[error("the certificates in `{path}` cannot be used: {reason}")]
    Bundle {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
}

impl fmt::Debug for NetworkSettings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A proxy's address may hold a password.
        let proxy = self.proxy.as_ref().and_then(Url::host_str);
        out.debug_struct("NetworkSettings")
            .field("proxy", &proxy)
            .field("certificates", &self.certificates.len())
            .finish_non_exhaustive()
    }
}

impl NetworkSettings {
    /// Returns the settings of a network with nothing between.
    pub fn direct() -> NetworkSettings {
        NetworkSettings::default()
    }

    /// Reads `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY` (either case) and `SSL_CERT_FILE`.
    ///
    /// `HTTP_PROXY` plays no part: plain http goes to this machine only, and never through a proxy.
    pub fn from_environment(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<NetworkSettings, NetworkError> {
        let found = |names: &[&str]| {
            names.iter().find_map(|name| {
                let value = variable(name)?;
                (!value.trim().is_empty()).then(|| ((*name).to_owned(), value))
            })
        };
        let mut settings = NetworkSettings::direct();
        if let Some((name, value)) = found(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]) {
            settings.proxy = Some(proxy_of(&name, value.trim())?);
        }
        settings.bypass = found(&["NO_PROXY", "no_proxy"]).map(|(_, value)| value);
        if let Some((_, path)) = found(&["SSL_CERT_FILE"]) {
            settings = settings.with_bundle(Path::new(&path))?;
        }
        Ok(settings)
    }

    /// Trusts the certificates of a PEM file, beside those that the system trusts.
    pub fn with_bundle(mut self, path: &Path) -> Result<NetworkSettings, NetworkError> {
        let failed = |reason: String| NetworkError::Bundle {
            path: path.display().to_string(),
            reason,
        };
        let bytes = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
        let found = reqwest::Certificate::from_pem_bundle(&bytes)
            .map_err(|_| failed("it is not a PEM file of certificates".to_owned()))?;
        if found.is_empty() {
            return Err(failed("there is none in it".to_owned()));
        }
        self.certificates.extend(found);
        Ok(self)
    }

    /// Returns whether requests to other machines go through a proxy.
    pub fn has_proxy(&self) -> bool {
        self.proxy.is_some()
    }

    /// Hands everything to the builder of an HTTP client.
    pub(crate) fn apply(&self, builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
        let builder = self.apply_proxy(builder);
        match self.certificates.is_empty() {
            true => builder,
            false => builder.tls_certs_merge(self.certificates.clone()),
        }
    }

    /// Hands the proxy alone to it, for whoever trusts certificates of its own.
    pub(crate) fn apply_proxy(&self, builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
        match self.proxy.clone().map(reqwest::Proxy::all) {
            Some(Ok(proxy)) => {
                let bypass = match &self.bypass {
                    Some(bypass) => format!("{NEVER_PROXIED},{bypass}"),
                    None => NEVER_PROXIED.to_owned(),
                };
                builder.proxy(proxy.no_proxy(reqwest::NoProxy::from_string(&bypass)))
            }
            // Without this the client would look into the environment by itself.
            _ => builder.no_proxy(),
        }
    }
}

fn proxy_of(variable: &str, text: &str) -> Result<Url, NetworkError> {
    let bad = || NetworkError::Proxy {
        variable: variable.to_owned(),
    };
    let text = match text.contains("://") {
        true => text.to_owned(),
        false => format!("http://{text}"),
    };
    let url = Url::parse(&text).map_err(|_| bad())?;
    let spoken = matches!(url.scheme(), "http" | "https") && url.host().is_some();
    if !spoken || reqwest::Proxy::all(url.clone()).is_err() {
        return Err(bad());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<NetworkSettings, NetworkError> {
        NetworkSettings::from_environment(|name| {
            let found = pairs.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_proxy_is_taken_from_the_environment_and_its_password_shown_nowhere() {
        let settings = read(&[("https_proxy", "http://joe:hunter2@proxy.test:3128")]).unwrap();
        assert!(settings.has_proxy());
        assert!(!format!("{settings:?}").contains("hunter2"));
        assert!(read(&[("HTTPS_PROXY", "proxy.test:3128")]).unwrap().has_proxy());
        assert!(!read(&[("HTTP_PROXY", "http://proxy.test")]).unwrap().has_proxy());
        assert!(!read(&[("HTTPS_PROXY", " ")]).unwrap().has_proxy());
        let error = read(&[("ALL_PROXY", "socks5://joe:hunter2@proxy.test")]).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn a_bundle_that_holds_no_certificate_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, "nothing\n").unwrap();
        for path in [path, folder.path().join("not-there.pem")] {
            let text = path.display().to_string();
            let error = read(&[("SSL_CERT_FILE", &text)]).unwrap_err();
            assert!(error.to_string().contains(&text), "{error}");
        }
    }
}
