//! How does a name get into a request's path? Through here only: the vendors' clients do not
//! encode segments, so a name that is not plainly a name is refused.

/// The longest segment that is taken; Azure's own names end well before.
const LONGEST: usize = 260;

/// Why something cannot stand in a path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` cannot be part of a request's path: {reason}")]
pub struct BadSegment {
    /// The text, cut and without control characters.
    pub shown: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl BadSegment {
    fn of(text: &str, reason: &'static str) -> BadSegment {
        let shown = text.chars().filter(|c| !c.is_control()).take(60).collect();
        BadSegment { shown, reason }
    }
}

/// Builds a path segment by segment and remembers the first bad one.
#[derive(Clone, Debug)]
#[must_use]
pub struct ArmPath {
    text: String,
    bad: Option<BadSegment>,
}

impl ArmPath {
    /// Starts at `/subscriptions/{id}`.
    pub fn subscription(id: &str) -> ArmPath {
        ArmPath::root().pair("subscriptions", id)
    }

    /// Starts at nothing, for the few calls above a subscription.
    pub fn root() -> ArmPath {
        ArmPath {
            text: String::new(),
            bad: None,
        }
    }

    /// Starts at a resource that is known by its whole id.
    pub fn resource(id: &str) -> ArmPath {
        let mut path = ArmPath::root();
        let Some(rest) = id.strip_prefix('/') else {
            path.bad = Some(BadSegment::of(id, "a resource id begins with `/`"));
            return path;
        };
        for segment in rest.trim_end_matches('/').split('/') {
            path = path.then(segment);
        }
        path
    }

    /// Adds `/resourceGroups/{name}`.
    pub fn group(self, name: &str) -> ArmPath {
        self.pair("resourceGroups", name)
    }

    /// Adds `/providers/{namespace}`.
    pub fn provider(self, namespace: &str) -> ArmPath {
        self.pair("providers", namespace)
    }

    /// Adds `/{type}/{name}`.
    pub fn pair(self, kind: &str, name: &str) -> ArmPath {
        self.then(kind).then(name)
    }

    /// Adds one segment: a verb, or a collection.
    pub fn then(mut self, segment: &str) -> ArmPath {
        match check_segment(segment) {
            Ok(()) => {
                self.text.push('/');
                self.text.push_str(segment);
            }
            Err(bad) => {
                self.bad.get_or_insert(bad);
            }
        }
        self
    }

    /// Returns the path, or the first segment that cannot be part of one.
    pub fn build(self) -> Result<String, BadSegment> {
        match self.bad {
            Some(bad) => Err(bad),
            None => Ok(self.text),
        }
    }
}

/// Checks one segment.
pub fn check_segment(segment: &str) -> Result<(), BadSegment> {
    let bad = |reason| Err(BadSegment::of(segment, reason));
    if segment.is_empty() {
        return bad("it is empty");
    }
    if segment.len() > LONGEST {
        return bad("it is too long");
    }
    if segment == "." || segment == ".." {
        return bad("it would climb the path");
    }
    if segment.chars().any(char::is_control) {
        return bad("it holds a control character");
    }
    // `%` as well: an encoded `/` or `..` is decoded on the other side.
    if segment.contains(['/', '\\', '?', '#', '%', '<', '>', '"', '{', '}']) {
        return bad("it holds a character with a meaning of its own");
    }
    if segment.starts_with(' ') || segment.ends_with(' ') {
        return bad("it begins or ends with a space");
    }
    Ok(())
}

/// Checks a whole path: the last look before it goes out.
pub fn check_path(path: &str) -> Result<(), BadSegment> {
    ArmPath::resource(path).build().map(|_| ())
}

/// Returns the form of a resource id that is fit for comparing: Azure answers in mixed case.
pub fn folded(id: &str) -> String {
    id.trim_end_matches('/').to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_built_of_plain_names() {
        let path = ArmPath::subscription("s-1")
            .group("rg (old)_1.x")
            .provider("Microsoft.Sql")
            .pair("locations", "Central US")
            .then("failover")
            .build();
        assert_eq!(
            path.as_deref(),
            Ok(
                "/subscriptions/s-1/resourceGroups/rg (old)_1.x/providers/Microsoft.Sql/locations/Central US/failover"
            )
        );
    }

    #[test]
    fn a_name_that_would_lead_elsewhere_never_gets_into_a_path() {
        let long = "x".repeat(261);
        for name in [
            "",
            "..",
            ".",
            "a/b",
            "a\\b",
            "a?b",
            "a#b",
            "a%2fb",
            "a\nb",
            "a\0",
            " a",
            long.as_str(),
        ] {
            assert!(
                ArmPath::subscription("s").group(name).build().is_err(),
                "{name:?}"
            );
            assert!(check_segment(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_resource_id_of_azure_comes_through_as_it_is() {
        let id = "/Subscriptions/s/resourcegroups/RG/providers/Microsoft.Storage/storageAccounts/a";
        assert_eq!(ArmPath::resource(id).build().as_deref(), Ok(id));
        assert!(ArmPath::resource("subscriptions/s").build().is_err());
        assert!(check_path("/subscriptions/s/../t").is_err());
        assert_eq!(folded("/Subscriptions/S/"), "/subscriptions/s");
    }
}
