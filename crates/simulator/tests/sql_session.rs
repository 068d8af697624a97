//! Does the pretend SQL server speak as one does?

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use leeward_simulator::SqlSession;
use support::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn packet(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 8).unwrap().to_be_bytes();
    let mut bytes = vec![kind, 1, length[0], length[1], 0, 0, 1, 0];
    bytes.extend(body);
    bytes
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn login(database: &str) -> Vec<u8> {
    let mut body = vec![0; 94];
    body[68..70].copy_from_slice(&94_u16.to_le_bytes());
    body[70..72].copy_from_slice(&u16::try_from(database.len()).unwrap().to_le_bytes());
    body.extend(utf16(database));
    packet(0x10, &body)
}

fn statement(text: &str) -> Vec<u8> {
    let mut body = 4_u32.to_le_bytes().to_vec();
    body.extend(utf16(text));
    packet(0x01, &body)
}

async fn ask(azure: &leeward_simulator::Simulator, host: &str, database: &str, text: &str) -> Vec<u8> {
    let (mut ours, mut theirs) = tokio::io::duplex(65_536);
    let session = SqlSession::new(azure.clone(), host);
    let speak = async move { session.serve(&mut theirs).await };
    let listen = async move {
        ours.write_all(&packet(0x12, &[0, 0, 6, 0, 6, 0xff]))
            .await
            .unwrap();
        ours.write_all(&login(database)).await.unwrap();
        ours.write_all(&statement(text)).await.unwrap();
        ours.shutdown().await.unwrap();
        let mut all = Vec::new();
        ours.read_to_end(&mut all).await.unwrap();
        all
    };
    let (served, all) = tokio::join!(speak, listen);
    served.unwrap();
    all
}

fn holds(bytes: &[u8], text: &str) -> bool {
    let wanted = utf16(text);
    bytes.windows(wanted.len()).any(|part| part == wanted)
}

const UPDATEABILITY: &str = "SELECT DATABASEPROPERTYEX(DB_NAME(), 'Updateability')";

#[tokio::test(start_paused = true)]
async fn the_listener_leads_to_whoever_is_primary_now() {
    let azure = platform(1);
    for (host, word) in [
        ("fog-shop.database.windows.net", "READ_WRITE"),
        ("fog-shop.secondary.database.windows.net", "READ_ONLY"),
        ("sql-shop-weu.database.windows.net", "READ_WRITE"),
        ("sql-shop-neu.database.windows.net", "READ_ONLY"),
    ] {
        assert!(
            holds(&ask(&azure, host, "orders", UPDATEABILITY).await, word),
            "{host}"
        );
    }
    let name = "SELECT @@SERVERNAME";
    let listener = "fog-shop.database.windows.net";
    assert!(holds(
        &ask(&azure, listener, "orders", name).await,
        "sql-shop-weu"
    ));
    let begun = post(&azure, &format!("{}/failover", server_group("neu")), SQL).await;
    finish(&azure, &begun).await;
    assert!(holds(
        &ask(&azure, listener, "orders", name).await,
        "sql-shop-neu"
    ));
    assert!(holds(
        &ask(&azure, listener, "orders", UPDATEABILITY).await,
        "READ_WRITE"
    ));
}

#[tokio::test(start_paused = true)]
async fn a_database_that_is_not_there_takes_no_login() {
    let told = ask(
        &platform(1),
        "fog-shop.database.windows.net",
        "nothing",
        "SELECT 1",
    )
    .await;
    assert!(holds(&told, "Cannot open database"));
}

#[tokio::test(start_paused = true)]
async fn a_statement_that_nobody_described_is_an_error_that_says_where_to_write_it() {
    let told = ask(
        &platform(1),
        "fog-shop.database.windows.net",
        "orders",
        "SELECT x FROM y",
    )
    .await;
    assert!(holds(&told, "sql-answers"));
    let azure = platform_with(
        1,
        "sql-answers: [{ statement: 'select X  from y', value: forty-two }]",
    );
    let told = ask(
        &azure,
        "fog-shop.database.windows.net",
        "orders",
        "SELECT x FROM y",
    )
    .await;
    assert!(holds(&told, "forty-two"));
}

#[tokio::test(start_paused = true)]
async fn a_server_takes_connections_while_its_region_is_up() {
    let open = |azure: leeward_simulator::Simulator, host: &'static str| async move {
        let request = http::Request::builder()
            .method("CONNECT")
            .uri(format!("{host}:1433"))
            .body(bytes::Bytes::new())
            .unwrap();
        matches!(
            azure.handle(request).await,
            leeward_simulator::Outcome::Answered(_)
        )
    };
    let calm = platform(1);
    assert!(open(calm.clone(), "fog-shop.database.windows.net").await);
    assert!(!open(calm, "elsewhere.database.windows.net").await);
    let gone = platform_with(1, "regions: [{ name: westeurope, outages: [{ is: gone }] }]");
    assert!(!open(gone.clone(), "fog-shop.database.windows.net").await);
    assert!(open(gone, "sql-shop-neu.database.windows.net").await);
}

#[tokio::test(start_paused = true)]
async fn the_lag_is_what_the_world_says_and_the_state_what_the_link_reads() {
    const LAG: &str =
        "SELECT replication_state_desc, replication_lag_sec FROM sys.dm_geo_replication_link_status";
    let silent = ask(&platform(1), "sql-shop-weu.database.windows.net", "orders", LAG).await;
    assert!(holds(&silent, "CATCH_UP"));
    let number = |figure: i32| {
        // A nullable integer: its length, its bytes.
        let mut bytes = vec![4];
        bytes.extend(figure.to_le_bytes());
        bytes
    };
    let tells = |told: &[u8], figure: i32| told.windows(5).any(|part| part == number(figure));
    assert!(!tells(&silent, 0), "a lag of nothing is a figure, too");
    for key in ["fog-shop", "sql-shop-weu/orders"] {
        let azure = platform_with(1, &format!("lag-seconds: {{ {key}: 4711 }}"));
        let told = ask(&azure, "sql-shop-weu.database.windows.net", "orders", LAG).await;
        assert!(tells(&told, 4711) && holds(&told, "CATCH_UP"), "{key}");
        let secondary = ask(&azure, "sql-shop-neu.database.windows.net", "orders", LAG).await;
        assert!(!tells(&secondary, 4711), "{key}");
    }
    let torn = platform_with(
        1,
        "regions: [{ name: northeurope, outages: [{ is: not-serving }] }]",
    );
    let told = ask(&torn, "sql-shop-weu.database.windows.net", "orders", LAG).await;
    assert!(holds(&told, "SUSPENDED") && !holds(&told, "CATCH_UP"));
}
