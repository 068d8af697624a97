//! What does a path name?

use crate::world::fold_id;

/// A path, taken apart. Names keep the case in which the caller wrote them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArmPath {
    /// The whole path, without a trailing slash, percent signs decoded.
    pub raw: String,
    /// What stands before the last `/providers/`: a subscription, a group, a resource, or nothing.
    pub scope: String,
    /// The subscription's GUID.
    pub subscription: Option<String>,
    /// The resource group's name.
    pub group: Option<String>,
    /// The provider's namespace: `Microsoft.Sql`.
    pub namespace: Option<String>,
    /// The type segments after the namespace, a collection's or an action's last one not included.
    pub types: Vec<String>,
    /// The names, one for each type segment.
    pub names: Vec<String>,
    /// An odd last segment: a collection in a GET, an action in a POST.
    pub tail: Option<String>,
}

impl ArmPath {
    /// Takes a path apart.
    pub fn parse(path: &str) -> ArmPath {
        let decoded = decode(path);
        let segments: Vec<&str> = decoded.split('/').filter(|segment| !segment.is_empty()).collect();
        let raw = format!("/{}", segments.join("/"));
        let named = |word: &str, place: usize| {
            segments
                .get(place)
                .filter(|segment| segment.eq_ignore_ascii_case(word))
                .and_then(|_| segments.get(place + 1))
                .map(|name| (*name).to_owned())
        };
        let subscription = named("subscriptions", 0);
        let group = subscription.as_ref().and_then(|_| named("resourceGroups", 2));
        let last = segments
            .iter()
            .rposition(|segment| segment.eq_ignore_ascii_case("providers"));
        let mut parsed = ArmPath {
            raw,
            subscription,
            group,
            ..ArmPath::default()
        };
        let Some(at) = last else {
            parsed.scope = parsed.raw.clone();
            return parsed;
        };
        if at > 0 {
            parsed.scope = format!("/{}", segments[..at].join("/"));
        }
        parsed.namespace = segments.get(at + 1).map(|name| (*name).to_owned());
        for pair in segments.get(at + 2..).unwrap_or_default().chunks(2) {
            match pair {
                [kind, name] => {
                    parsed.types.push((*kind).to_owned());
                    parsed.names.push((*name).to_owned());
                }
                [tail] => parsed.tail = Some((*tail).to_owned()),
                _ => {}
            }
        }
        parsed
    }

    /// Returns the id of the resource that is named, without a collection or an action.
    pub fn id(&self) -> String {
        match &self.tail {
            Some(tail) => self.raw[..self.raw.len() - tail.len() - 1].to_owned(),
            None => self.raw.clone(),
        }
    }

    /// Returns the id as it is compared.
    pub fn key(&self) -> String {
        fold_id(&self.id())
    }

    /// Returns the type of the resource that is named, folded: `microsoft.sql/servers/failovergroups`.
    pub fn kind(&self) -> String {
        self.joined(None)
    }

    /// Returns the type of the collection that is named, folded.
    pub fn collection(&self) -> Option<String> {
        self.tail.as_ref().map(|tail| self.joined(Some(tail)))
    }

    /// Returns the name of the resource that is named.
    pub fn name(&self) -> &str {
        self.names.last().map(String::as_str).unwrap_or_default()
    }

    /// Returns the name that follows a type segment.
    pub fn named(&self, kind: &str) -> Option<&str> {
        self.types
            .iter()
            .position(|segment| segment.eq_ignore_ascii_case(kind))
            .and_then(|place| self.names.get(place))
            .map(String::as_str)
    }

    /// Returns the action of a POST, in lower case.
    pub fn action(&self) -> Option<String> {
        self.tail.as_ref().map(|tail| tail.to_lowercase())
    }

    fn joined(&self, more: Option<&String>) -> String {
        let mut parts = vec![self.namespace.clone().unwrap_or_default()];
        parts.extend(self.types.iter().cloned());
        parts.extend(more.cloned());
        parts.join("/").to_lowercase()
    }
}

/// Decodes percent signs; what is no code stays as it is.
fn decode(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut place = 0;
    while place < bytes.len() {
        let code = path
            .get(place + 1..place + 3)
            .filter(|_| bytes[place] == b'%')
            .and_then(|code| u8::from_str_radix(code, 16).ok());
        match code {
            Some(byte) => {
                decoded.push(byte);
                place += 3;
            }
            None => {
                decoded.push(bytes[place]);
                place += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_on_an_extension_of_a_resource_is_taken_apart() {
        let path = ArmPath::parse(
            "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/c/providers/Microsoft.KubernetesConfiguration/extensions/flux/",
        );
        assert_eq!(path.group.as_deref(), Some("rg"));
        assert!(path.scope.ends_with("/managedClusters/c"));
        assert_eq!(path.kind(), "microsoft.kubernetesconfiguration/extensions");
        assert_eq!(path.name(), "flux");
        assert_eq!(path.tail, None);
    }

    #[test]
    fn a_location_with_a_space_is_the_same_location() {
        let spaced = ArmPath::parse(
            "/subscriptions/S/resourceGroups/RG/providers/Microsoft.Sql/locations/West%20Europe/instanceFailoverGroups/fog/failover",
        );
        let plain = ArmPath::parse(
            "/subscriptions/s/resourcegroups/rg/providers/microsoft.sql/locations/westeurope/instancefailovergroups/fog",
        );
        assert_eq!(spaced.key(), plain.key());
        assert_eq!(spaced.action().as_deref(), Some("failover"));
    }
}
