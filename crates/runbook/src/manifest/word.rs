//! Which values do readers of YAML disagree about? Kubernetes' own tools follow an older YAML than this program.

use crate::yaml::Scalar;

/// Returns what other readers take a value for, where they may take it for something else than we do.
pub(super) fn ambiguous(scalar: &Scalar) -> Option<&'static str> {
    if !scalar.plain {
        return None;
    }
    let text = &*scalar.text;
    if matches!(
        text.to_ascii_lowercase().as_str(),
        "yes" | "no" | "on" | "off" | "y" | "n"
    ) {
        return Some("a flag");
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let all = |test: fn(&u8) -> bool| !digits.is_empty() && digits.as_bytes().iter().all(&test);
    let octal = digits.len() > 1 && digits.starts_with('0') && all(u8::is_ascii_digit);
    let based = ["0x", "0o", "0b"].iter().any(|base| {
        digits
            .get(..2)
            .is_some_and(|start| start.eq_ignore_ascii_case(base))
            && digits[2..].bytes().all(|byte| byte.is_ascii_hexdigit())
            && digits.len() > 2
    });
    if octal || based {
        return Some("a number in another base");
    }
    let parted = |mark: char| {
        digits.contains(mark)
            && digits.starts_with(|c: char| c.is_ascii_digit())
            && digits.chars().all(|c| c.is_ascii_digit() || c == mark)
    };
    // `1:30` once was a number to the base of sixty, `1_000` a thousand.
    if parted('_') || (parted(':') && digits.split(':').all(|part| part.len() <= 2 && !part.is_empty())) {
        return Some("a number");
    }
    let special = matches!(
        digits.to_ascii_lowercase().as_str(),
        ".inf" | ".nan" | "infinity" | "nan"
    );
    special.then_some("a number that is none")
}
