//! Does a path match a pattern?

/// Returns whether a path matches: `*` is within a segment, `**` is across them, letters have no case.
pub(crate) fn matches(pattern: &str, path: &str) -> bool {
    inner(pattern.to_lowercase().as_bytes(), path.to_lowercase().as_bytes())
}

fn inner(pattern: &[u8], path: &[u8]) -> bool {
    // Two places to go back to: the last `**`, and within it the last `*`.
    let (mut p, mut t) = (0, 0);
    let mut wide: Option<(usize, usize)> = None;
    let mut narrow: Option<(usize, usize)> = None;
    loop {
        if pattern[p..].starts_with(b"**") {
            wide = Some((p + 2, t));
            narrow = None;
            p += 2;
        } else if pattern.get(p) == Some(&b'*') {
            narrow = Some((p + 1, t));
            p += 1;
        } else if t < path.len() && pattern.get(p) == Some(&path[t]) {
            p += 1;
            t += 1;
        } else if p == pattern.len() && t == path.len() {
            return true;
        } else if let Some((after, from)) =
            narrow.filter(|(_, from)| *from < path.len() && path[*from] != b'/')
        {
            narrow = Some((after, from + 1));
            p = after;
            t = from + 1;
        } else if let Some((after, from)) = wide.filter(|(_, from)| *from < path.len()) {
            wide = Some((after, from + 1));
            narrow = None;
            p = after;
            t = from + 1;
        } else {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stays_within_its_segment() {
        assert!(matches("/a/*/c", "/A/b/C"));
        assert!(!matches("/a/*/c", "/a/b/b/c"));
        assert!(matches("**/failover", "/x/y/Failover"));
        assert!(!matches("**/failover", "/x/y/failover/z"));
        assert!(matches("**/fog*/failover", "/x/fog-1/y/fog-2/failover"));
        assert!(matches("**", "/anything"));
    }
}
