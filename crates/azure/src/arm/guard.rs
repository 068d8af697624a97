//! May this request go out while a region is believed to be gone?

use leeward_engine::port::{Context, SourceRegion};
use serde_json::Value;

/// What is known about the region that served, as far as a request's path can touch it.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    state: SourceRegion,
    region: String,
    groups: Vec<String>,
}

/// What the guard says of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// As usual.
    Free,
    /// One short try.
    Brief,
    /// Not at all.
    Refused(String),
}

impl Guard {
    /// Lets everything pass.
    pub(crate) fn open() -> Guard {
        Guard {
            state: SourceRegion::Open,
            region: String::new(),
            groups: Vec::new(),
        }
    }

    /// Guards the region that served, and the resource groups that only its side names.
    pub(crate) fn of(context: &Context) -> Guard {
        let group = |side: &Value| {
            side.get("resource-group")
                .and_then(Value::as_str)
                .map(str::to_lowercase)
        };
        let target = group(&context.target);
        Guard {
            state: context.source_region,
            region: folded_region(&context.plan.source.region),
            groups: group(&context.source)
                .into_iter()
                .filter(|name| Some(name) != target.as_ref())
                .collect(),
        }
    }

    /// Judges a path, encoded or not.
    pub(crate) fn judge(&self, path: &str) -> Pass {
        if self.state == SourceRegion::Open || !self.touches(path) {
            return Pass::Free;
        }
        match self.state {
            SourceRegion::Closed => Pass::Refused(format!(
                "the outage of {} is declared: nothing is asked there before recovery",
                self.region
            )),
            SourceRegion::Tried | SourceRegion::Open => Pass::Brief,
        }
    }

    fn touches(&self, path: &str) -> bool {
        let segments: Vec<String> = path
            .split('/')
            .map(|segment| segment.replace("%20", " ").to_lowercase())
            .collect();
        segments.windows(2).any(|pair| match pair[0].as_str() {
            "locations" => folded_region(&pair[1]) == self.region,
            "resourcegroups" => self.groups.contains(&pair[1]),
            _ => false,
        })
    }
}

/// Folds `Central US` and `centralus` into one.
pub(crate) fn folded_region(name: &str) -> String {
    name.replace(' ', "").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(state: SourceRegion) -> Guard {
        Guard {
            state,
            region: "westeurope".to_owned(),
            groups: vec!["rg-weu".to_owned()],
        }
    }

    #[test]
    fn nothing_is_asked_of_a_region_whose_outage_is_declared() {
        let gone = [
            "/subscriptions/s/resourceGroups/RG-weu/providers/x",
            "/subscriptions/s/providers/Microsoft.Sql/locations/West%20Europe/ops/1",
        ];
        let fine = [
            "/subscriptions/s/resourceGroups/rg-neu/providers/x",
            "/subscriptions/s/providers/Microsoft.Sql/locations/northeurope/ops/1",
        ];
        for path in gone {
            assert!(
                matches!(guard(SourceRegion::Closed).judge(path), Pass::Refused(_)),
                "{path}"
            );
            assert_eq!(guard(SourceRegion::Tried).judge(path), Pass::Brief);
            assert_eq!(guard(SourceRegion::Open).judge(path), Pass::Free);
        }
        for path in fine {
            assert_eq!(guard(SourceRegion::Closed).judge(path), Pass::Free, "{path}");
        }
    }
}
