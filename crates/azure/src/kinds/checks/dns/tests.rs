use std::{collections::BTreeMap, sync::Mutex};

use async_trait::async_trait;
use serde_json::json;

use super::*;
use crate::{
    seams::{Direct, PublicError, PublicReply, PublicRequest},
    testing::TestClock,
};

/// A world in which each resolver says what stands here of each name.
#[derive(Default)]
struct Names {
    said: BTreeMap<(String, String), Said>,
    asked: Mutex<Vec<String>>,
}

impl Names {
    fn say(mut self, resolver: &str, name: &str, values: &[&str]) -> Names {
        let said = Said {
            values: values.iter().map(|value| (*value).to_owned()).collect(),
            ttl: Some(60),
            ..Said::default()
        };
        self.said.insert((resolver.to_owned(), name.to_owned()), said);
        self
    }

    fn with(mut self, resolver: &str, name: &str, change: impl FnOnce(&mut Said)) -> Names {
        change(
            self.said
                .entry((resolver.to_owned(), name.to_owned()))
                .or_default(),
        );
        self
    }
}

#[async_trait]
impl PublicWire for Names {
    async fn http(&self, _: &PublicRequest) -> Result<PublicReply, PublicError> {
        Err(PublicError::not_sent("nobody"))
    }

    async fn connect(&self, _: &str, _: u16, _: Duration) -> Result<(), PublicError> {
        Err(PublicError::not_sent("nobody"))
    }

    async fn resolve(
        &self,
        question: &Question,
        resolver: Resolver,
        _: Duration,
    ) -> Result<Said, PublicError> {
        self.asked
            .lock()
            .unwrap()
            .push(format!("{resolver} {}", question.sort));
        let known = self.said.get(&(resolver.to_string(), question.name.clone()));
        known
            .cloned()
            .ok_or_else(|| PublicError::lost("no answer in time"))
    }
}

async fn look(names: &Names, written: Value) -> Probe {
    let clock = TestClock::new();
    probe(names, clock.as_ref(), &written).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn every_resolver_must_say_it_and_each_is_told_with_its_time_to_live() {
    let names = Names::default()
        .say("10.0.0.4", "shop.test", &["10.20.0.1"])
        .say("system", "shop.test", &["10.20.0.1", "10.20.0.2"])
        .with("system", "shop.test", |said| {
            said.through = vec!["tm.test".to_owned()];
            said.ttl = None;
        });
    let written = json!({
        "name": "shop.test", "expect": ["10.20.0.1", "10.20.0.2"], "resolvers": ["10.0.0.4", "system"],
    });
    let seen = look(&names, written).await;
    assert!(seen.passed);
    assert_eq!(
        seen.evidence,
        "shop.test A: 2 of 2 resolvers agree, all must: 10.0.0.4 says 10.20.0.1 (TTL 1m, in 0 ms); \
         system says tm.test → 10.20.0.1, 10.20.0.2 (in 0 ms)"
    );
}

#[tokio::test(start_paused = true)]
async fn a_resolver_that_still_says_the_old_side_or_says_nothing_is_told_by_name() {
    let names = Names::default()
        .say("10.0.0.4", "shop.test", &["10.20.0.1"])
        .say("10.0.0.5", "shop.test", &["10.20.0.1", "10.10.0.1"])
        .with("10.0.0.7", "shop.test", |said| said.code = 3);
    let resolvers = ["10.0.0.4", "10.0.0.5", "10.0.0.6:5353", "10.0.0.7"];
    let ask = |agree: Value| json!({"name": "shop.test", "expect": "10.20.0.1", "resolvers": resolvers, "agree": agree});
    let seen = look(&names, ask(json!("all"))).await;
    assert!(!seen.passed);
    for words in [
        "1 of 4 resolvers agree, all must",
        "10.0.0.5 says 10.20.0.1, 10.10.0.1 (TTL 1m, in 0 ms), not 10.20.0.1",
        "10.0.0.6:5353 does not answer: no answer in time",
        "10.0.0.7 says that there is no such name",
    ] {
        assert!(seen.evidence.contains(words), "{words}: {}", seen.evidence);
    }
    assert!(look(&names, ask(json!(1))).await.passed);
    assert!(!look(&names, ask(json!(2))).await.passed);
}

#[tokio::test(start_paused = true)]
async fn a_name_may_have_to_say_what_another_name_says_at_the_same_resolver() {
    let names = Names::default()
        .say("10.0.0.4", "shop.test", &["10.20.0.1"])
        .say("10.0.0.4", "ingress-neu.test", &["10.20.0.1", "10.20.0.2"])
        .say("10.0.0.5", "shop.test", &["10.10.0.1"])
        .say("10.0.0.5", "ingress-neu.test", &["10.20.0.1"]);
    let ask = |resolvers: Value| json!({"name": "shop.test", "resolves-to": "ingress-neu.test", "resolvers": resolvers});
    assert!(look(&names, ask(json!(["10.0.0.4"]))).await.passed);
    let seen = look(&names, ask(json!(["10.0.0.4", "10.0.0.5"]))).await;
    assert!(
        !seen.passed && seen.evidence.contains("10.0.0.5 says 10.10.0.1"),
        "{}",
        seen.evidence
    );
}

#[tokio::test(start_paused = true)]
async fn values_are_compared_as_what_they_are() {
    for (sort, said, expect, passes) in [
        ("AAAA", "fd00::1", "FD00:0:0::1", true),
        ("CNAME", "neu.shop.test", "NEU.shop.test.", true),
        ("CNAME", "weu.shop.test", "neu.shop.test", false),
        ("TXT", "side=neu", "side=neu", true),
        ("TXT", "side=NEU", "side=neu", false),
        ("A", "10.20.0.1", "10.20.0.10", false),
    ] {
        let names = Names::default().say("10.0.0.4", "shop.test", &[said]);
        let written = json!({"name": "shop.test", "type": sort, "expect": expect, "resolvers": ["10.0.0.4"]});
        assert_eq!(look(&names, written).await.passed, passes, "{sort} {said}");
    }
}

#[tokio::test(start_paused = true)]
async fn several_public_resolvers_are_asked_where_none_is_named_and_nonsense_is_never_passed() {
    let names = Names::default();
    let seen = look(&names, json!({"name": "shop.test", "expect": "10.20.0.1"})).await;
    assert!(!seen.passed);
    assert_eq!(names.asked.lock().unwrap().len(), 3);
    let clock = TestClock::new();
    for written in [
        json!({"expect": "x"}),
        json!({"name": "shop.test"}),
        json!({"name": "shop.test", "expect": []}),
        json!({"name": "shop.test", "expect": "x", "type": "MX"}),
        json!({"name": "shop.test", "expect": "x", "resolvers": ["dns.google"]}),
        json!({"name": "shop.test", "expect": "x", "agree": 0}),
        json!({"name": "shop.test", "expect": "x", "agree": 4}),
    ] {
        assert!(
            probe(&names, clock.as_ref(), &written).await.is_err(),
            "{written}"
        );
    }
}

#[tokio::test]
async fn a_check_asks_a_real_server_on_a_real_socket() {
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let at = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = vec![0; 512];
        let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
        let mut answer = buffer[..length].to_vec();
        // An answer with one address, its name by pointer.
        answer[2] = 0x81;
        answer[7] = 1;
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4, 10, 20, 0, 1]);
        socket.send_to(&answer, from).await.unwrap();
    });
    let clock = TestClock::new();
    let wire = Direct::new(clock.clone());
    let written = json!({"name": "shop.test", "expect": "10.20.0.1", "resolvers": [at.to_string()]});
    let seen = probe(&wire, clock.as_ref(), &written).await.unwrap();
    assert!(seen.passed, "{}", seen.evidence);
    assert!(
        seen.evidence.contains(&format!("{at} says 10.20.0.1 (TTL 30s")),
        "{}",
        seen.evidence
    );
}
