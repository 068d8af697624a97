//! Who may sign in at the pretend authority?

use serde::{Deserialize, Serialize};

/// A tenant and who may sign in there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Directory {
    /// The tenant's GUID.
    #[serde(default = "tenant")]
    pub tenant: String,
    /// The applications.
    #[serde(default)]
    pub clients: Vec<Client>,
    /// How long a token lasts, in seconds of its holder.
    #[serde(default = "lifetime")]
    pub token_lifetime: u32,
}

/// An application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Client {
    /// Its GUID.
    pub id: String,
    /// Its secret, where it has one.
    #[serde(default)]
    pub secret: Option<String>,
    /// Thumbprints, in hexadecimal, of certificates that may sign its assertions; `*` for any.
    #[serde(default)]
    pub certificates: Vec<String>,
    /// Subjects of other issuers' tokens that may stand for it; `*` for any.
    #[serde(default)]
    pub subjects: Vec<String>,
    /// Whether a machine may sign in as it without any proof, as its managed identity.
    #[serde(default)]
    pub managed: bool,
}

impl Default for Directory {
    /// Makes a tenant with one application that may sign in every way there is.
    fn default() -> Directory {
        Directory {
            tenant: tenant(),
            clients: vec![Client {
                id: "00000000-0000-4000-8000-00000000c11e".to_owned(),
                secret: Some("pretend-secret".to_owned()),
                certificates: vec!["*".to_owned()],
                subjects: vec!["*".to_owned()],
                managed: true,
            }],
            token_lifetime: lifetime(),
        }
    }
}

impl Directory {
    /// Returns an application by its id.
    pub fn client(&self, id: &str) -> Option<&Client> {
        self.clients
            .iter()
            .find(|client| client.id.eq_ignore_ascii_case(id))
    }
}

fn tenant() -> String {
    "00000000-0000-4000-8000-000000007e4a".to_owned()
}

/// An hour, less a second: what Entra says most of the time.
fn lifetime() -> u32 {
    3_599
}
