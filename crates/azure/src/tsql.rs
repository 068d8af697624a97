//! How is one statement run on a SQL server? A session is opened, asked once, and closed again.
//!
//! The login is an application's own (user and password) or the identity of the run. An identity's token goes to
//! Azure's own database hosts only, whatever a runbook or a server's redirection says, and never unencrypted.

use std::time::Duration;

use futures::StreamExt;
use secrecy::{ExposeSecret, SecretString};
use tiberius::{AuthMethod, Client, ColumnData, Config, EncryptionLevel, QueryItem, error::Error};
use tokio_util::compat::TokioAsyncReadCompatExt;

use crate::{
    arm::{Arm, reply::cut},
    seams::PublicWire,
};

/// The ends of host names to which a token of the run's identity may go.
const AZURE_HOSTS: &[&str] = &[
    ".database.windows.net",
    ".database.usgovcloudapi.net",
    ".database.chinacloudapi.cn",
];
/// How many rows of an answer are kept.
const MOST_ROWS: usize = 1_000;

/// Words that do more than read.
const CHANGES: &[&str] = &[
    "ALTER",
    "BACKUP",
    "CREATE",
    "DBCC",
    "DELETE",
    "DROP",
    "EXEC",
    "EXECUTE",
    "GRANT",
    "INSERT",
    "INTO",
    "KILL",
    "MERGE",
    "OPENQUERY",
    "OPENROWSET",
    "RESTORE",
    "SHUTDOWN",
    "TRUNCATE",
    "UPDATE",
    "WAITFOR",
];

/// Whom to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) database: String,
}

/// As whom.
pub(crate) enum Login {
    /// A login of the server's own.
    Own { user: String, password: SecretString },
    /// The identity of the run, in another tenant than its own where one is named.
    Identity { tenant: Option<String> },
}

/// The first set of rows that a statement gave; `None` is NULL.
pub(crate) type Rows = Vec<Vec<Option<String>>>;

/// Why there are no rows. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SqlError {
    /// Nobody took the connection, or it broke.
    #[error("{0}")]
    Unreachable(String),
    /// The server said no.
    #[error("error {number}: {message}")]
    Refused { number: u32, message: String },
    /// It is not even asked.
    #[error("{0}")]
    Impossible(String),
}

/// Runs one statement that only reads.
pub(crate) async fn ask(
    public: &dyn PublicWire,
    arm: &Arm,
    server: &Server,
    login: &Login,
    statement: &str,
    within: Duration,
) -> Result<Rows, SqlError> {
    only_reads(statement).map_err(SqlError::Impossible)?;
    let exchange = async {
        let mut host = (server.host.clone(), server.port);
        // A gateway may send us on to the node that serves; once, as Azure's do.
        for _ in 0..2 {
            match exchange(public, arm, server, &host, login, statement, within).await {
                Err(Error::Routing { host: to, port }) => {
                    let to = to.split(['\\', ',']).next().unwrap_or_default().to_owned();
                    tracing::debug!(%to, port, "sent on by the gateway");
                    host = (to, port);
                }
                other => return other.map_err(reason),
            }
        }
        Err(SqlError::Unreachable(
            "the gateway sends from one node to another".to_owned(),
        ))
    };
    tokio::time::timeout(within, exchange)
        .await
        .unwrap_or_else(|_| Err(SqlError::Unreachable("no answer in time".to_owned())))
}

async fn exchange(
    public: &dyn PublicWire,
    arm: &Arm,
    server: &Server,
    (host, port): &(String, u16),
    login: &Login,
    statement: &str,
    within: Duration,
) -> Result<Rows, Error> {
    let line = public.dial(host, *port, within).await.map_err(broken)?;
    let mut config = Config::new();
    config.host(host);
    config.port(*port);
    config.database(&server.database);
    config.application_name("leeward");
    config.client_name("leeward");
    // Its own clocks run on threads that a rehearsal cannot stop; ours ends the whole exchange.
    config.handshake_timeout(None);
    config.command_timeout(None);
    config.encryption(if line.pretended {
        EncryptionLevel::NotSupported
    } else {
        EncryptionLevel::Required
    });
    config.authentication(authentication(arm, login, host, line.pretended).await?);
    let mut client = Client::connect(config, line.bytes.compat()).await?;
    let mut items = client.simple_query(statement).await?;
    let mut rows = Rows::new();
    while let Some(item) = items.next().await {
        match item? {
            QueryItem::Row(row) if row.result_index() == 0 && rows.len() < MOST_ROWS => {
                rows.push(row.into_iter().map(|cell| shown(&cell)).collect());
            }
            _ => {}
        }
    }
    drop(items);
    // It was only read; how the session ends is nobody's business.
    let _ = client.close().await;
    Ok(rows)
}

async fn authentication(arm: &Arm, login: &Login, host: &str, pretended: bool) -> Result<AuthMethod, Error> {
    match login {
        Login::Own { user, password } => Ok(AuthMethod::sql_server(user, password.expose_secret())),
        Login::Identity { tenant } => {
            let scope = match scope(host) {
                Some(scope) => scope,
                None if pretended => "simulator".to_owned(),
                None => {
                    return Err(broken(format!(
                        "{host} is no database host of Azure: the token of the run's identity is not sent there"
                    )));
                }
            };
            let token = arm.token_for(tenant.as_deref(), &scope).await.map_err(broken)?;
            Ok(AuthMethod::aad_token(token.expose_secret()))
        }
    }
}

/// Returns the audience of a host's tokens; nothing where it is none of Azure's.
fn scope(host: &str) -> Option<String> {
    let host = host.to_ascii_lowercase();
    let end = AZURE_HOSTS.iter().find(|end| host.ends_with(*end))?;
    Some(format!("https://{}/.default", end.trim_start_matches('.')))
}

fn broken(reason: impl std::fmt::Display) -> Error {
    Error::Protocol(reason.to_string().into())
}

fn reason(error: Error) -> SqlError {
    match error {
        Error::Server(token) => SqlError::Refused {
            number: token.code(),
            message: cut(token.message()),
        },
        Error::Protocol(reason) => SqlError::Unreachable(cut(&reason)),
        other => SqlError::Unreachable(cut(&other.to_string())),
    }
}

/// Returns a cell as text; nothing for NULL.
fn shown(cell: &ColumnData<'_>) -> Option<String> {
    let text = match cell {
        ColumnData::U8(value) => value.map(|value| value.to_string()),
        ColumnData::I16(value) => value.map(|value| value.to_string()),
        ColumnData::I32(value) => value.map(|value| value.to_string()),
        ColumnData::I64(value) => value.map(|value| value.to_string()),
        ColumnData::F32(value) => value.map(|value| value.to_string()),
        ColumnData::F64(value) => value.map(|value| value.to_string()),
        ColumnData::Bit(value) => value.map(|value| u8::from(value).to_string()),
        ColumnData::String(value) => value.as_ref().map(ToString::to_string),
        ColumnData::Guid(value) => value.map(|value| value.to_string()),
        ColumnData::Numeric(value) => value.map(|value| value.to_string()),
        ColumnData::Xml(value) => value.as_ref().map(ToString::to_string),
        // Times and bytes have no one way to be written: a statement that needs them converts them itself.
        _ => Some("‹not a text: use CONVERT›".to_owned()),
    };
    text.map(|text| cut(&text))
}

/// Refuses a statement that could change something. It is stricter than it need be.
fn only_reads(statement: &str) -> Result<(), String> {
    let bare = without_texts(statement);
    let words: Vec<String> = bare
        .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '@'))
        .filter(|word| !word.is_empty())
        .map(str::to_uppercase)
        .collect();
    if !matches!(words.first().map(String::as_str), Some("SELECT" | "WITH")) {
        return Err("a check only reads: its statement begins with SELECT or WITH".to_owned());
    }
    if bare.trim_end().trim_end_matches(';').contains(';') {
        return Err("a check asks one statement".to_owned());
    }
    match words.iter().find(|word| CHANGES.contains(&word.as_str())) {
        Some(word) => Err(format!("a check only reads, and `{word}` does more")),
        None => Ok(()),
    }
}

/// Takes out what stands between quotes, and comments.
fn without_texts(statement: &str) -> String {
    let mut kept = String::new();
    let mut letters = statement.chars().peekable();
    while let Some(letter) = letters.next() {
        let closing = match letter {
            '\'' => '\'',
            '"' => '"',
            '[' => ']',
            '-' if letters.peek() == Some(&'-') => '\n',
            _ => {
                kept.push(letter);
                continue;
            }
        };
        for inner in letters.by_ref() {
            if inner == closing {
                break;
            }
        }
        kept.push(' ');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_that_could_change_something_is_not_sent() {
        for good in [
            "SELECT 1",
            "select count(*) from orders where note = 'delete; me';",
            "WITH recent AS (SELECT 1 AS x) SELECT x FROM recent",
            "SELECT [update] FROM t -- drop it",
        ] {
            assert!(only_reads(good).is_ok(), "{good}");
        }
        for bad in [
            "DELETE FROM orders",
            "SELECT 1; DROP TABLE orders",
            "SELECT * INTO copy FROM orders",
            "WITH x AS (SELECT 1 AS a) UPDATE t SET a = 1",
            "EXEC sp_who",
            "SELECT '' ; EXEC('x')",
            "",
        ] {
            assert!(only_reads(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_identitys_token_is_for_azures_own_hosts_only() {
        let public = scope("FOG.database.windows.net");
        assert_eq!(public.as_deref(), Some("https://database.windows.net/.default"));
        assert!(scope("fog.zone.database.usgovcloudapi.net").is_some());
        for elsewhere in [
            "database.windows.net.example.test",
            "evildatabase.windows.net.test",
            "10.1.2.3",
            "xdatabase.windows.net",
        ] {
            assert_eq!(scope(elsewhere), None, "{elsewhere}");
        }
    }
}
