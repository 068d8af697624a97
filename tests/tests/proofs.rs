//! Do checks of names and certificates see in a rehearsal what the simulated world shows, and prove a move by it?

use std::{sync::Arc, time::Duration};

use leeward_acceptance::stage::{Book, rehearse};
use leeward_azure::{
    arm::{Endpoint, SystemClock},
    names::{Question, Resolver, Sort},
    seams::{Forward, PublicWire},
};
use leeward_cli::rehearsal::Outage;
use leeward_engine::view::StepWord;
use leeward_runbook::journey::Journey;
use leeward_simulator::{Settings, Simulator, World};

const BOOK: &str = "leeward: 1
name: proofs
regions: { primary: westeurope, paired: northeurope }
objectives: { rto: 30m, rpo: 10m }
parameters:
  subscription: { type: subscription-id, default: 00000000-0000-0000-0000-0000000000f1 }
steps:
  record:
    use: azure.dns.record-set
    with: { zone: shop.test, resource-group: rg-global, record: www, type: A, ttl: 5m }
    at: { primary: { value: 10.10.0.1 }, paired: { value: 10.20.0.1 } }
  profile:
    use: azure.traffic-manager.profile
    with: { profile: tm-shop, resource-group: rg-global }
    at:
      primary: { endpoint: weu }
      paired: { endpoint: neu }
  answers:
    use: check.dns
    after: [record]
    with:
      name: www.shop.test
      resolvers: [system, 9.9.9.9, \"127.0.0.1:5353\"]
      within: 20m
    at: { primary: { expect: 10.10.0.1 }, paired: { expect: 10.20.0.1 } }
  leads:
    use: check.dns
    after: [profile]
    with: { name: tm-shop.trafficmanager.net, type: CNAME, resolvers: [system], within: 20m }
    at: { primary: { expect: weu.tm-shop.westeurope.example.test }, paired: { expect: neu.tm-shop.northeurope.example.test } }
  elsewhere:
    use: check.dns
    with: { name: status.example.test, expect: 192.0.2.1 }
  certificate:
    use: check.tls
    after: [record]
    with: { hosts: [www.shop.test, shop.test] }
    ends: recovery
";

#[test]
fn names_are_proved_by_what_the_simulated_world_says_of_them_out_and_home_again() {
    let book = Book::written(BOOK, "{}");
    for (journey, outage) in [
        (Journey::Failover, Outage::BothUp),
        (Journey::Failover, Outage::RegionGone),
        (Journey::Failback, Outage::BothUp),
    ] {
        rehearse(async {
            let (mut stage, planned) = book.stage(journey, outage, 7);
            let played = stage.play(&planned).await;
            let done = played.view.steps.iter().all(|step| step.state == StepWord::Done);
            assert!(done, "{journey} {outage:?}: {}", played.tale());
            let told = format!("{:?}", played.records);
            let new = if journey == Journey::Failover {
                "10.20.0.1"
            } else {
                "10.10.0.1"
            };
            for words in [
                format!("www.shop.test A: 3 of 3 resolvers agree, all must: system says {new} (TTL 5m"),
                "status.example.test A: 3 of 3 resolvers agree".to_owned(),
                "a simulated world has no certificates to show".to_owned(),
            ] {
                assert!(told.contains(&words), "`{words}` is missing");
            }
        });
    }
}

#[test]
fn a_name_that_still_says_the_old_side_stops_the_step_and_says_what_each_resolver_said() {
    let text = "leeward: 1
name: proofs
regions: { primary: westeurope, paired: northeurope }
objectives: { rto: 30m, rpo: 10m }
parameters:
  subscription: { type: subscription-id, default: 00000000-0000-0000-0000-0000000000f1 }
steps:
  answers:
    use: check.dns
    with: { name: www.shop.test, expect: 10.20.0.1, resolvers: [system, 9.9.9.9], within: 1m }
    ends: recovery
";
    let world = "names: [{ name: www.shop.test, values: [10.10.0.1], ttl: 30 }]";
    let book = Book::written(text, world);
    rehearse(async {
        let (mut stage, planned) = book.stage(Journey::Failover, Outage::BothUp, 7);
        let played = stage.play(&planned).await;
        assert_ne!(played.exit(), 0);
        let tale = played.tale();
        assert!(tale.contains("0 of 2 resolvers agree"), "{tale}");
        assert!(tale.contains("9.9.9.9 says 10.10.0.1 (TTL 30s"), "{tale}");
    });
}

#[tokio::test]
async fn a_served_world_is_asked_for_names_as_one_in_the_process_is() {
    let mut world = World::default();
    world.names = World::from_yaml("names: [{ name: shop.test, values: [10.20.0.1], ttl: 30 }]")
        .expect("a world")
        .names;
    let simulator = Simulator::new(world, Settings::seeded(1));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(leeward_simulator::serve(listener, simulator));
    let endpoint = Endpoint::parse(&format!("http://{address}")).expect("an endpoint");
    let wire = Forward::new(endpoint, Arc::new(SystemClock::new())).expect("this machine");
    let ask = async |name: &str| {
        let question = Question {
            name: name.to_owned(),
            sort: Sort::A,
        };
        wire.resolve(&question, Resolver::System, Duration::from_secs(10))
            .await
            .expect("an answer")
    };
    let said = ask("Shop.test").await;
    assert_eq!(
        (said.code, said.values, said.ttl),
        (0, vec!["10.20.0.1".to_owned()], Some(30))
    );
    assert_eq!(ask("nowhere.test").await.code, 3);
}
