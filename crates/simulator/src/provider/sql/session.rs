//! How does one connection to a pretend SQL server go?

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};

use super::{query, tds};
use crate::simulator::Simulator;

/// One connection to a pretend SQL server: a login, and statements until the other side goes.
#[derive(Clone, Debug)]
pub struct SqlSession {
    simulator: Simulator,
    host: String,
}

impl SqlSession {
    /// Makes the session of a host. Whether anybody listens there is a `CONNECT`'s business.
    pub fn new(simulator: Simulator, host: impl Into<String>) -> SqlSession {
        SqlSession {
            simulator,
            host: host.into(),
        }
    }

    /// Speaks until the other side goes.
    pub async fn serve(&self, stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<()> {
        let mut database = String::new();
        while let Some((kind, message)) = tds::read(stream).await? {
            let answer = match kind {
                tds::HELLO => tds::hello(&message),
                tds::LOGIN => {
                    database = tds::database(&message);
                    self.login(&database)
                }
                tds::STATEMENT => self.statement(&database, &tds::statement(&message)),
                _ => tds::refusal(
                    40_000,
                    "this pretended server takes logins and plain statements only",
                ),
            };
            tds::write(stream, &answer).await?;
        }
        Ok(())
    }

    fn login(&self, database: &str) -> Vec<u8> {
        let (world, now) = (self.simulator.world(), self.simulator.now());
        match query::reached(&world, &self.host, now) {
            Some(reached) if !query::has(&world, &reached, database) => tds::refusal(
                4_060,
                &format!("Cannot open database \"{database}\" requested by the login. The login failed."),
            ),
            _ => tds::welcome(),
        }
    }

    fn statement(&self, database: &str, statement: &str) -> Vec<u8> {
        let (world, now) = (self.simulator.world(), self.simulator.now());
        let reached = query::reached(&world, &self.host, now);
        match query::answer(&world, reached.as_ref(), database, statement, now) {
            Ok(table) => tds::rows(&table),
            Err((number, message)) => tds::refusal(number, &message),
        }
    }
}

/// Returns whether a SQL server answers at a host and port now; nothing where the host is none.
pub(crate) fn listens(world: &crate::world::World, host: &str, port: u16, now: jiff::Timestamp) -> bool {
    port == 1433 && query::reached(world, host, now).is_some()
}
