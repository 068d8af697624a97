//! Which Azure is it? Where its Resource Manager and its authority are, for each of the clouds by name.

use std::{fmt, str::FromStr};

use url::Url;

use crate::arm::{Endpoint, EndpointError, reply::cut};

/// The clouds that have a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloudName {
    /// The cloud of most.
    Public,
    /// Azure in China, operated by 21Vianet.
    China,
    /// Azure for the government of the United States.
    Government,
    /// Any other: a simulator, a stack of one's own. Both addresses have to be given.
    Custom,
}

impl CloudName {
    /// Returns every cloud, in the order of the documentation.
    pub const ALL: [CloudName; 4] = [
        CloudName::Public,
        CloudName::China,
        CloudName::Government,
        CloudName::Custom,
    ];

    /// Returns the word of the settings.
    pub fn word(self) -> &'static str {
        match self {
            CloudName::Public => "public",
            CloudName::China => "china",
            CloudName::Government => "government",
            CloudName::Custom => "custom",
        }
    }

    /// Returns the address of its Resource Manager; nothing for a custom one.
    pub fn endpoint(self) -> Option<&'static str> {
        match self {
            CloudName::Public => Some("https://management.azure.com"),
            CloudName::China => Some("https://management.chinacloudapi.cn"),
            CloudName::Government => Some("https://management.usgovcloudapi.net"),
            CloudName::Custom => None,
        }
    }

    /// Returns the address of its authority, where tokens come from; nothing for a custom one.
    pub fn authority(self) -> Option<&'static str> {
        match self {
            CloudName::Public => Some("https://login.microsoftonline.com"),
            CloudName::China => Some("https://login.chinacloudapi.cn"),
            CloudName::Government => Some("https://login.microsoftonline.us"),
            CloudName::Custom => None,
        }
    }
}

impl CloudName {
    /// Returns how the host names of its databases end; nothing for a custom one.
    pub fn databases(self) -> Option<&'static str> {
        match self {
            CloudName::Public => Some("database.windows.net"),
            CloudName::China => Some("database.chinacloudapi.cn"),
            CloudName::Government => Some("database.usgovcloudapi.net"),
            CloudName::Custom => None,
        }
    }
}

impl CloudName {
    /// Returns how the host names of its blob endpoints end; nothing for a custom one.
    pub fn blobs(self) -> Option<&'static str> {
        match self {
            CloudName::Public => Some("blob.core.windows.net"),
            CloudName::China => Some("blob.core.chinacloudapi.cn"),
            CloudName::Government => Some("blob.core.usgovcloudapi.net"),
            CloudName::Custom => None,
        }
    }

    /// Returns how the host names of its key vaults end; nothing for a custom one.
    pub fn vaults(self) -> Option<&'static str> {
        match self {
            CloudName::Public => Some("vault.azure.net"),
            CloudName::China => Some("vault.azure.cn"),
            CloudName::Government => Some("vault.usgovcloudapi.net"),
            CloudName::Custom => None,
        }
    }
}

/// No such cloud.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not a cloud: public, china, government or custom")]
pub struct UnknownCloud {
    /// What was given.
    pub name: String,
}

impl FromStr for CloudName {
    type Err = UnknownCloud;

    fn from_str(text: &str) -> Result<CloudName, UnknownCloud> {
        CloudName::ALL
            .into_iter()
            .find(|cloud| cloud.word() == text)
            .ok_or_else(|| UnknownCloud { name: cut(text) })
    }
}

/// Where tokens come from: https only, on any machine, since secrets are sent there.
#[derive(Clone, PartialEq, Eq)]
pub struct Authority {
    url: Url,
}

impl Authority {
    /// Reads the address of an authority.
    pub fn parse(text: &str) -> Result<Authority, EndpointError> {
        let url = Endpoint::parse(text)?.url().clone();
        match url.scheme() {
            "https" => Ok(Authority { url }),
            scheme => Err(EndpointError::Scheme {
                scheme: scheme.to_owned(),
            }),
        }
    }

    /// Returns the address without path.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Returns the address at which a tenant gives tokens.
    pub(crate) fn token_url(&self, tenant: &str) -> String {
        format!("{}{tenant}/oauth2/v2.0/token", self.url)
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.url.origin().ascii_serialization())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cloud_has_its_own_addresses_and_they_can_be_used() {
        let mut seen = std::collections::BTreeSet::new();
        for cloud in CloudName::ALL {
            assert_eq!(cloud.word().parse(), Ok(cloud));
            let (Some(endpoint), Some(authority)) = (cloud.endpoint(), cloud.authority()) else {
                assert_eq!(cloud, CloudName::Custom);
                continue;
            };
            assert!(seen.insert(endpoint) && seen.insert(authority), "{cloud:?}");
            let endpoint = Endpoint::parse(endpoint).unwrap();
            assert_eq!(endpoint.scope(), format!("{endpoint}/.default"));
            assert!(Authority::parse(authority).is_ok());
        }
        assert!("germany".parse::<CloudName>().is_err());
    }

    #[test]
    fn a_secret_is_sent_nowhere_without_tls() {
        assert!(Authority::parse("http://127.0.0.1:8443").is_err());
        assert!(Authority::parse("http://login.example.test").is_err());
        let authority = Authority::parse("https://127.0.0.1:8443").unwrap();
        assert_eq!(
            authority.token_url("t-1"),
            "https://127.0.0.1:8443/t-1/oauth2/v2.0/token"
        );
    }
}
