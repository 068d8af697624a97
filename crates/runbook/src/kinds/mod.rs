//! The declarations of every kind, one file a family. They are data: the checker, the planner,
//! the schema, `leeward kinds` and the drivers read the same ones.

mod aks;
mod check;
mod common;
mod compute;
mod gate;
mod kubernetes;
mod notify;
mod resource;
mod run;
mod site_recovery;
mod sql;
mod storage;
mod traffic;

use std::{collections::HashMap, sync::OnceLock};

use crate::kind::Kind;

static CATALOGUE: [&Kind; 25] = [
    &sql::INSTANCE_GROUP,
    &sql::DATABASE_GROUP,
    &site_recovery::MACHINES,
    &site_recovery::PLAN,
    &storage::GEO,
    &storage::OBJECTS,
    &aks::CLUSTER,
    &compute::RUN_COMMAND,
    &run::COMMAND,
    &traffic::TRAFFIC_MANAGER,
    &traffic::FRONT_DOOR,
    &traffic::DNS,
    &traffic::PRIVATE_DNS,
    &resource::ANY,
    &kubernetes::APPLYING,
    &check::HTTP,
    &check::TCP,
    &check::DNS,
    &check::SQL,
    &check::TLS,
    &gate::APPROVAL,
    &gate::MANUAL,
    &gate::WAIT,
    &notify::WEBHOOK,
    &notify::STATUS_PAGE,
];

/// Returns every kind, in the order of the documentation.
pub fn catalogue() -> &'static [&'static Kind] {
    &CATALOGUE
}

/// Returns the kind of that name.
pub fn find(name: &str) -> Option<&'static Kind> {
    static BY_NAME: OnceLock<HashMap<&str, &'static Kind>> = OnceLock::new();
    BY_NAME
        .get_or_init(|| catalogue().iter().map(|kind| (kind.name, *kind)).collect())
        .get(name)
        .copied()
}

/// Returns the names of every kind.
pub fn names() -> impl Iterator<Item = &'static str> {
    catalogue().iter().map(|kind| kind.name)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, time::Duration};

    use super::*;
    use crate::{
        journey::Journey,
        kind::{RepeatClass, Setting, Shape},
    };

    #[test]
    fn every_kind_is_declared_once_and_found_by_its_name() {
        let names: BTreeSet<_> = names().collect();
        assert_eq!(names.len(), catalogue().len());
        for kind in catalogue() {
            assert_eq!(find(kind.name).map(|found| found.name), Some(kind.name));
            assert!(
                kind.summary.len() > 10 && !kind.summary.ends_with('.'),
                "{}",
                kind.name
            );
            assert!(
                kind.default_journeys
                    .iter()
                    .all(|journey| kind.journeys.contains(journey)),
                "{}",
                kind.name
            );
        }
    }

    #[test]
    fn an_operation_that_is_not_repeatable_settles_no_sooner_than_a_late_answer_can_arrive() {
        for kind in catalogue() {
            for operation in kind.operations {
                let least = match operation.repeat {
                    RepeatClass::Repeatable => Duration::from_secs(0),
                    _ => Duration::from_secs(150),
                };
                assert!(operation.settling >= least, "{} {}", kind.name, operation.name);
                assert!(
                    !operation.goal.is_empty() && !operation.source.is_empty(),
                    "{}",
                    kind.name
                );
            }
        }
    }

    #[test]
    fn every_rung_of_a_ladder_is_an_operation() {
        for kind in catalogue() {
            for rung in kind.ladder {
                let known = kind
                    .operations
                    .iter()
                    .any(|operation| operation.rung == Some(rung));
                assert!(known, "{} {rung}", kind.name);
            }
            assert!(!kind.can_lose(Journey::Drill));
        }
    }

    #[test]
    fn every_default_is_readable_and_no_setting_is_called_like_a_side() {
        fn look(kind: &str, settings: &[Setting]) {
            let mut seen = BTreeSet::new();
            for setting in settings {
                assert!(seen.insert(setting.name), "{kind} {}", setting.name);
                assert!(!matches!(setting.name, "region" | "side" | "location"), "{kind}");
                assert!(!setting.summary.ends_with('.'), "{kind} {}", setting.name);
                if let Some(default) = setting.default {
                    assert!(
                        serde_json::from_str::<serde_json::Value>(default).is_ok(),
                        "{kind} {}",
                        setting.name
                    );
                }
                if let Shape::Map(inner) = setting.shape {
                    look(kind, inner);
                }
            }
        }
        for kind in catalogue() {
            look(kind.name, kind.settings);
        }
    }
}
