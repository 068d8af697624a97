//! In which tenant does a request's subscription live? A runbook may cross subscriptions of several tenants.

use std::collections::BTreeMap;

use leeward_engine::port::Context;
use serde_json::Value;

/// The tenants of a step's subscriptions, where its settings name them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tenants {
    by_subscription: BTreeMap<String, String>,
    otherwise: Option<String>,
}

impl Tenants {
    /// Reads `subscription` and `tenant` of both sides and of the step; a side's own word counts first.
    pub(crate) fn of(context: &Context) -> Tenants {
        let text = |place: &Value, name: &str| {
            let found = place.get(name).and_then(Value::as_str);
            found.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let settings = &context.settings;
        let usual = text(settings, "subscription").or_else(|| {
            text(
                &Value::Object(context.plan.parameters.clone().into_iter().collect()),
                "subscription",
            )
        });
        // The settings of a step hold those of the side that takes over; its tenant is not the other side's.
        let common = text(settings, "tenant")
            .filter(|tenant| text(&context.target, "tenant").as_ref() != Some(tenant));
        let mut found = BTreeMap::new();
        for side in [&context.target, &context.source, settings] {
            let subscription = text(side, "subscription").or_else(|| usual.clone());
            let tenant = text(side, "tenant").or_else(|| common.clone());
            if let (Some(subscription), Some(tenant)) = (subscription, tenant) {
                found.entry(subscription.to_lowercase()).or_insert(tenant);
            }
        }
        Tenants {
            by_subscription: found,
            otherwise: common,
        }
    }

    /// Returns the tenant of a path's subscription, where one was named.
    pub(crate) fn of_path(&self, path: &str) -> Option<&str> {
        let mut segments = path.split('/').skip_while(|segment| segment.is_empty());
        let under = segments
            .next()
            .is_some_and(|first| first.eq_ignore_ascii_case("subscriptions"));
        let named = segments
            .next()
            .filter(|_| under && !self.by_subscription.is_empty());
        named
            .and_then(|subscription| self.by_subscription.get(&subscription.to_lowercase()))
            .or(self.otherwise.as_ref())
            .map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use leeward_runbook::journey::Journey;
    use serde_json::json;

    use super::*;
    use crate::testing::context;

    #[test]
    fn each_side_of_a_step_may_live_in_a_tenant_of_its_own() {
        let tenants = Tenants::of(&context(
            "azure.resource",
            Journey::Failover,
            json!({"tenant": "t-usual"}),
            json!({"subscription": "S-Source", "tenant": "t-source"}),
            json!({"subscription": "s-target"}),
        ));
        assert_eq!(tenants.of_path("/Subscriptions/s-source/x"), Some("t-source"));
        assert_eq!(tenants.of_path("/subscriptions/s-target"), Some("t-usual"));
        // Whatever else the step asks for, a vault in a third subscription for one.
        assert_eq!(tenants.of_path("/subscriptions/s-other"), Some("t-usual"));
    }

    #[test]
    fn the_tenant_of_the_side_that_takes_over_is_not_the_other_sides() {
        let tenants = Tenants::of(&context(
            "azure.resource",
            Journey::Failover,
            json!({}),
            json!({"subscription": "s-source"}),
            json!({"subscription": "s-target", "tenant": "t-target"}),
        ));
        assert_eq!(tenants.of_path("/subscriptions/s-target/x"), Some("t-target"));
        assert_eq!(tenants.of_path("/subscriptions/s-source/x"), None);
    }

    #[test]
    fn a_step_that_names_no_tenant_has_the_credentials_own() {
        let tenants = Tenants::of(&context(
            "azure.resource",
            Journey::Failover,
            json!({"subscription": "s"}),
            json!({}),
            json!({}),
        ));
        assert_eq!(tenants.of_path("/subscriptions/s/x"), None);
    }
}
