//! Which host is Azure, and does this URL lead there? A token and a request go nowhere else.

use std::fmt;

use url::{Host, Url};

use super::{Request, path};
use crate::cloud::CloudName;

/// Azure's public cloud.
pub const PUBLIC_CLOUD: &str = "https://management.azure.com";

/// Where ARM is: https anywhere, plain http on this machine only.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: Url,
    audience: Option<String>,
    cloud: Option<CloudName>,
}

/// Why a URL cannot be the endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// It is not a URL.
    #[error("`{text}` is not a URL: {reason}")]
    Unreadable {
        /// What was given.
        text: String,
        /// What the parser said.
        reason: String,
    },
    /// Plain http to another machine would show the token to everybody between.
    #[error(
        "`{host}` is not this machine: plain http is for the simulator on the loopback address only, use https"
    )]
    PlainHttp {
        /// The host.
        host: String,
    },
    /// It has a part that an endpoint cannot have.
    #[error("an endpoint is a scheme, a host and a port; `{text}` has {part} as well")]
    TooMuch {
        /// What was given, without what may be secret.
        text: String,
        /// The part.
        part: &'static str,
    },
    /// It is neither https nor http.
    #[error("`{scheme}` is not https")]
    Scheme {
        /// The scheme.
        scheme: String,
    },
}

impl Endpoint {
    /// Reads the URL of an endpoint.
    pub fn parse(text: &str) -> Result<Endpoint, EndpointError> {
        let url = Url::parse(text.trim()).map_err(|error| EndpointError::Unreadable {
            text: super::reply::cut(text),
            reason: error.to_string(),
        })?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let too_much = |part| {
            Err(EndpointError::TooMuch {
                text: host.clone(),
                part,
            })
        };
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            "http" => return Err(EndpointError::PlainHttp { host }),
            scheme => {
                return Err(EndpointError::Scheme {
                    scheme: scheme.to_owned(),
                });
            }
        }
        if !url.username().is_empty() || url.password().is_some() {
            return too_much("a user or password");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return too_much("a query or fragment");
        }
        if url.path() != "/" {
            return too_much("a path");
        }
        Ok(Endpoint {
            url,
            audience: None,
            cloud: None,
        })
    }

    /// Returns the same endpoint with tokens asked for another name than its address.
    pub fn with_audience(self, audience: &str) -> Endpoint {
        Endpoint {
            audience: Some(
                audience
                    .trim_end_matches(".default")
                    .trim_end_matches('/')
                    .to_owned(),
            ),
            ..self
        }
    }

    /// Returns the same endpoint as one of a cloud, whatever its address is.
    pub fn in_cloud(self, cloud: CloudName) -> Endpoint {
        Endpoint {
            cloud: Some(cloud),
            ..self
        }
    }

    /// Returns how the host names of databases end there: as the cloud says, else as the address tells. A simulator's
    /// are those of the public cloud.
    pub fn databases(&self) -> Option<&'static str> {
        self.cloud()?.databases()
    }

    /// Returns the cloud: as it was named, else as the address tells. A simulator plays the public one.
    pub fn cloud(&self) -> Option<CloudName> {
        let told = |cloud: &CloudName| {
            let usual = cloud.endpoint().and_then(|usual| Url::parse(usual).ok());
            usual.is_some_and(|usual| usual.host() == self.url.host())
        };
        match self.cloud {
            Some(cloud) => Some(cloud),
            None if self.is_loopback() => Some(CloudName::Public),
            None => CloudName::ALL.into_iter().find(told),
        }
    }

    /// Returns the endpoint as a URL without path.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Returns whether it is on this machine: a simulator.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.url)
    }

    /// Returns the scope that a token for it must have.
    pub fn scope(&self) -> String {
        match &self.audience {
            Some(audience) => format!("{audience}/.default"),
            None => format!("{}.default", self.url),
        }
    }

    /// Returns whether a URL has this very scheme, host and port.
    pub fn holds(&self, url: &Url) -> bool {
        url.scheme() == self.url.scheme()
            && url.host() == self.url.host()
            && url.port_or_known_default() == self.url.port_or_known_default()
            && url.username().is_empty()
            && url.password().is_none()
    }

    /// Reads a URL that came out of an answer or a journal, and refuses one that leads elsewhere.
    pub fn pin(&self, text: &str) -> Result<Url, String> {
        let url = match Url::parse(text) {
            // Seen in a recording: a `Location` that begins with its path.
            Err(url::ParseError::RelativeUrlWithoutBase) if text.starts_with('/') => self.url.join(text),
            other => other,
        };
        let url = url.map_err(|error| format!("the URL that Azure gave is unreadable: {error}"))?;
        if self.holds(&url) {
            return Ok(url);
        }
        // Only scheme, host and port are shown: the rest is signed and secret-like.
        Err(format!(
            "the URL leads to {}, not to {}: it is not followed",
            url.origin().ascii_serialization(),
            self.url.origin().ascii_serialization()
        ))
    }

    /// Returns the whole URL of a request.
    pub fn url_of(&self, request: &Request) -> Result<Url, path::BadSegment> {
        path::check_path(&request.path)?;
        let mut url = self.url.clone();
        url.set_path(&request.path);
        let mut query = format!("api-version={}", encoded(&request.api_version));
        for (name, value) in &request.query {
            query.push_str(&format!("&{}={}", encoded(name), encoded(value)));
        }
        url.set_query(Some(&query));
        Ok(url)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.url.origin().ascii_serialization())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}

/// Encodes for a query; `%20` and not `+`, as the vendors' own clients do.
fn encoded(text: &str) -> String {
    let encoded: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    encoded.replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for good in [
            "https://management.azure.com",
            "https://management.chinacloudapi.cn/",
            "http://127.0.0.1:8080",
            "http://localhost:1",
            "http://[::1]:99",
        ] {
            assert!(Endpoint::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "http://management.azure.com",
            "http://127.0.0.1.example.test",
            "http://10.0.0.1",
            "ftp://localhost",
            "https://user:word@host",
            "https://host/path",
            "https://host?x=1",
            "nonsense",
        ] {
            assert!(Endpoint::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn databases_are_looked_for_in_the_cloud_that_the_run_acts_in() {
        let ends = |url: &str| Endpoint::parse(url).unwrap().databases();
        assert_eq!(ends("https://management.azure.com"), Some("database.windows.net"));
        assert_eq!(
            ends("https://management.chinacloudapi.cn"),
            Some("database.chinacloudapi.cn")
        );
        assert_eq!(ends("http://127.0.0.1:9"), Some("database.windows.net"));
        assert_eq!(ends("https://arm.example.test"), None);
        // An address of one's own, such as a private link, in a cloud by name.
        let own = Endpoint::parse("https://arm.example.test").unwrap();
        let own = own.in_cloud(CloudName::Government);
        assert_eq!(own.databases(), Some("database.usgovcloudapi.net"));
    }

    #[test]
    fn a_url_that_leads_elsewhere_is_not_followed() {
        let endpoint = Endpoint::parse("https://management.azure.com").unwrap();
        assert!(
            endpoint
                .pin("https://management.azure.com:443/x?s=secret")
                .is_ok()
        );
        let joined = endpoint.pin("/subscriptions/s?x=1").unwrap();
        assert_eq!(
            joined.as_str(),
            "https://management.azure.com/subscriptions/s?x=1"
        );
        for bad in [
            "//evil.test/x?s=secret",
            "/\\evil.test/x?s=secret",
            "x?s=secret",
            "http://management.azure.com/x",
            "https://management.azure.com:444/x",
            "https://management.azure.com.evil.test/x",
            "https://u@management.azure.com/x",
            "https://evil.test/x?s=secret",
        ] {
            let reason = endpoint.pin(bad).unwrap_err();
            assert!(!reason.contains("secret"), "{reason}");
        }
    }

    #[test]
    fn a_request_becomes_one_url() {
        let endpoint = Endpoint::parse("http://127.0.0.1:9").unwrap();
        let request = Request::get("/subscriptions/s/locations/Central US", "2024-01-01")
            .query("$filter", "a eq 'b c'");
        assert_eq!(
            endpoint.url_of(&request).unwrap().as_str(),
            "http://127.0.0.1:9/subscriptions/s/locations/Central%20US?api-version=2024-01-01&%24filter=a%20eq%20%27b%20c%27"
        );
        assert_eq!(endpoint.scope(), "http://127.0.0.1:9/.default");
        for audience in [
            "https://arm.test",
            "https://arm.test/",
            "https://arm.test/.default",
        ] {
            let scope = endpoint.clone().with_audience(audience).scope();
            assert_eq!(scope, "https://arm.test/.default");
        }
        assert!(endpoint.url_of(&Request::get("/a/../b", "1")).is_err());
    }
}
