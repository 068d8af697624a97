//! Does traffic go where a move sends it, in every world and journey, by whatever way the runbook names?

use leeward_acceptance::{
    processes::Stage as Shell,
    stage::{Book, rehearse},
};
use leeward_cli::rehearsal::Outage;
use leeward_engine::view::StepWord;
use leeward_runbook::journey::Journey;
use serde_json::Value;

const WORLDS: [Outage; 3] = [Outage::BothUp, Outage::ServingDown, Outage::RegionGone];

fn head(steps: &str) -> String {
    format!(
        "leeward: 1
name: traffic
regions: {{ primary: westeurope, paired: northeurope }}
objectives: {{ rto: 30m, rpo: 10m }}
parameters:
  subscription: {{ type: subscription-id, default: 00000000-0000-0000-0000-0000000000f1 }}
steps:
{steps}"
    )
}

fn records() -> String {
    head(
        "  shop-record:
    use: azure.dns.record-set
    with: { zone: shop.test, resource-group: rg-global, record: www, type: A, ttl: 1m }
    at:
      primary: { value: 10.10.0.1 }
      paired: { value: [10.20.0.1, 10.20.0.2] }
  queue-record:
    use: azure.private-dns.record-set
    with: { zone: queue.internal, resource-group: rg-global, record: \"@\", type: AAAA }
    at:
      primary: { value: \"fd00::1\" }
      paired: { value: \"fd00::2\" }
    ends: recovery
",
    )
}

/// Plays a journey and returns what the resource of that end holds afterwards.
fn held(book: &str, journey: Journey, outage: Outage, end: &str) -> (Vec<StepWord>, Value, String) {
    let book = Book::written(book, "{}");
    rehearse(async {
        let (mut stage, planned) = book.stage(journey, outage, 7);
        let played = stage.play(&planned).await;
        let words = played.view.steps.iter().map(|step| step.state).collect();
        let world = stage.simulator.world();
        let found = world.resources.iter().find(|(key, _)| key.ends_with(end));
        let body = found.unwrap_or_else(|| panic!("no {end}")).1.body["properties"].clone();
        (words, body, played.tale())
    })
}

#[test]
fn records_answer_with_the_side_that_takes_over_out_and_home_again_in_every_world() {
    for outage in WORLDS {
        let (words, public, tale) = held(&records(), Journey::Failover, outage, "/a/www");
        assert!(words.iter().all(|word| *word == StepWord::Done), "{tale}");
        assert_eq!(public["ARecords"][0]["ipv4Address"], "10.20.0.1");
        assert_eq!(public["ARecords"][1]["ipv4Address"], "10.20.0.2");
        let (words, private, tale) = held(&records(), Journey::Failback, outage, "/aaaa/@");
        assert!(words.iter().all(|word| *word == StepWord::Done), "{tale}");
        assert_eq!(private["aaaaRecords"][0]["ipv6Address"], "fd00::1");
    }
    let (words, public, tale) = held(&records(), Journey::Drill, Outage::BothUp, "/a/www");
    assert!(words.iter().all(|word| *word == StepWord::Done), "{tale}");
    assert_eq!(
        public["ARecords"][0]["ipv4Address"], "10.10.0.1",
        "a drill moves nothing"
    );
}

#[test]
fn the_old_time_to_live_is_shown_before_a_record_is_written() {
    let shell = Shell::new();
    shell.write("runbook.yaml", &records());
    let told = shell.run(&["simulate", "runbook.yaml"]).ended(0);
    assert!(told.whole().contains("all 2 steps done"), "{}", told.whole());
    let book = Book::written(&records(), "{}");
    rehearse(async {
        let (mut stage, planned) = book.stage(Journey::Failover, Outage::BothUp, 7);
        let played = stage.play(&planned).await;
        let told = format!("{:?}", played.records);
        assert!(told.contains("takes effect within 1m, its old TTL"), "{told}");
    });
}

#[test]
fn a_record_that_somebody_else_writes_in_between_is_looked_at_again_and_written_once() {
    let book = Book::written(&records(), "{}");
    let rules = leeward_simulator::rules(
        "- match: { method: PUT, path: \"**/dnsZones/shop.test/**\", nth: 1 }
  verdict: { status: { status: 412, code: PreconditionFailed } }",
    )
    .expect("rules");
    rehearse(async {
        let (mut stage, planned) = book.stage(Journey::Failover, Outage::BothUp, 7);
        stage.simulator.add_faults(rules);
        let played = stage.play(&planned).await;
        assert!(
            played.view.steps.iter().all(|step| step.state == StepWord::Done),
            "{}",
            played.tale()
        );
        let written = stage.accepted();
        let shop = written
            .iter()
            .filter(|entry| entry.path.contains("shop.test"))
            .count();
        assert_eq!(shop, 1, "{written:#?}");
    });
}

fn origins(by: &str) -> String {
    head(&format!(
        "  edge:
    use: azure.front-door.origin-group
    with: {{ profile: afd, resource-group: rg-global, origin-group: shop, by: {by} }}
    at:
      primary: {{ origin: weu }}
      paired: {{ origin: neu }}
  serving:
    use: check.http
    after: [edge]
    with: {{ url: \"https://shop.test/health\", expect: 200, for: 1m, within: 20m }}
    ends: recovery
"
    ))
}

#[test]
fn the_edge_sends_people_to_the_origin_that_takes_over_out_and_home_again_in_every_world() {
    for outage in WORLDS {
        for journey in [Journey::Failover, Journey::Failback] {
            let (words, neu, tale) = held(&origins("state"), journey, outage, "/origins/neu");
            assert!(
                words.iter().all(|word| *word == StepWord::Done),
                "{outage:?} {journey}: {tale}"
            );
            let wanted = if journey == Journey::Failover {
                "Enabled"
            } else {
                "Disabled"
            };
            assert_eq!(neu["enabledState"], wanted, "{outage:?} {journey}");
        }
        for by in ["priority", "weight"] {
            let (words, neu, tale) = held(&origins(by), Journey::Failover, outage, "/origins/neu");
            assert!(
                words.iter().all(|word| *word == StepWord::Done),
                "{outage:?} {by}: {tale}"
            );
            assert_eq!(neu["enabledState"], "Enabled");
        }
    }
    let (words, neu, tale) = held(&origins("state"), Journey::Drill, Outage::BothUp, "/origins/neu");
    assert!(words.iter().all(|word| *word == StepWord::Done), "{tale}");
    assert_eq!(neu["enabledState"], "Disabled", "a drill moves nothing");
}

fn two_ways() -> String {
    head(
        "  profile:
    use: azure.traffic-manager.profile
    with: { profile: tm, resource-group: rg-global, fallback: shop-record, fallback-after: 3m }
    at:
      primary: { endpoint: weu }
      paired: { endpoint: neu }
    ends: recovery
  shop-record:
    use: azure.dns.record-set
    with: { zone: shop.test, resource-group: rg-global, record: www, type: A }
    at:
      primary: { value: 10.10.0.1 }
      paired: { value: 10.20.0.1 }
",
    )
}

#[test]
fn a_frozen_control_plane_is_gone_round_by_the_fallback_and_an_open_one_is_not() {
    let book = Book::written(&two_ways(), "{}");
    let frozen = |changing: &str, verdict: &str| {
        format!("- {{ match: {{ path: \"**/trafficManagerProfiles/**\"{changing} }}, verdict: {verdict} }}")
    };
    let down = "{ status: { status: 503 } }";
    for (name, rules, moved) in [
        ("open", String::new(), false),
        (
            "it refuses changes",
            frozen(", changing: true", "{ status: { status: 403 } }"),
            true,
        ),
        ("changes go unanswered", frozen(", changing: true", down), true),
        ("nobody answers", frozen("", down), true),
    ] {
        rehearse(async {
            let (mut stage, planned) = book.stage(Journey::Failover, Outage::RegionGone, 7);
            if !rules.is_empty() {
                stage
                    .simulator
                    .add_faults(leeward_simulator::rules(&rules).expect("rules"));
            }
            let played = stage.play(&planned).await;
            assert!(
                played.view.steps.iter().all(|step| step.state == StepWord::Done),
                "{name}: {}",
                played.tale()
            );
            let written = stage.accepted();
            let records = written
                .iter()
                .filter(|entry| entry.path.contains("shop.test"))
                .count();
            assert_eq!(records, usize::from(moved), "{name}: {written:#?}");
            let told = format!("{:?}", played.records);
            assert!(
                told.contains("stands by: it is the way out of `profile`"),
                "{name}"
            );
            assert_eq!(told.contains("rung: \"fallback\", send_by"), moved, "{name}");
        });
    }
}

#[test]
fn what_the_fallback_moved_comes_home_with_the_rest() {
    let (words, record, tale) = held(&two_ways(), Journey::Failback, Outage::BothUp, "/a/www");
    assert!(words.iter().all(|word| *word == StepWord::Done), "{tale}");
    assert_eq!(record["ARecords"][0]["ipv4Address"], "10.10.0.1");
}
