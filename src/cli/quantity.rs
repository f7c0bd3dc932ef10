//! Times, sizes and switches as they are typed.

use std::time::Duration;

use crate::cli::usage::UsageError;
use crate::limits;

/// A time of `10` or `10s` seconds, `500ms`, `2m` or `1h`; more than zero, at most a day.
///
/// # Errors
///
/// Anything else; `flag` is the flag that is named.
pub fn time(flag: &str, text: &str) -> Result<Duration, UsageError> {
    let (number, unit) = split(text);
    let millis = match unit {
        "" | "s" => Some(1000),
        "ms" => Some(1),
        "m" => Some(60 * 1000),
        "h" => Some(60 * 60 * 1000),
        _ => None,
    };
    millis
        .and_then(|millis| number?.checked_mul(millis))
        .map(Duration::from_millis)
        .filter(|time| !time.is_zero() && *time <= limits::MAX_TIME_SETTING)
        .ok_or_else(|| {
            UsageError::new(format!("{flag} must be a time between 1ms and 1 day"))
                .hint(format!("for example `{flag} 10`, `10s`, `500ms`, `2m` or `1h`"))
        })
}

/// A size of `4096` bytes, `64KiB`, `64MiB` or `1GiB`, units in any case.
///
/// # Errors
///
/// Anything else, and what [`limits`] rule out; `flag` is the flag that is named.
pub fn size(flag: &str, text: &str) -> Result<usize, UsageError> {
    let (number, unit) = split(text);
    let bytes = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => Some(1),
        "kib" => Some(1 << 10),
        "mib" => Some(1 << 20),
        "gib" => Some(1 << 30),
        _ => None,
    };
    bytes
        .and_then(|bytes| number?.checked_mul(bytes))
        .filter(|size| (limits::MIN_MESSAGE_SETTING..=limits::MAX_MESSAGE_SETTING).contains(size))
        .and_then(|size| usize::try_from(size).ok())
        .ok_or_else(|| {
            UsageError::new(format!("{flag} must be a size between 4KiB and 2GiB - 1"))
                .hint(format!("for example `{flag} 67108864` or `64MiB`"))
        })
}

/// How many of something: more than zero, at most a million.
///
/// # Errors
///
/// Anything else; `flag` is the flag that is named.
pub fn count(flag: &str, text: &str) -> Result<usize, UsageError> {
    text.parse().ok().filter(|count| (1..=limits::MAX_COUNT_SETTING).contains(count)).ok_or_else(
        || {
            UsageError::new(format!(
                "{flag} must be a number from 1 to {}",
                limits::MAX_COUNT_SETTING
            ))
        },
    )
}

/// The value of `--flag=value` for a flag that is on or off.
///
/// # Errors
///
/// A word that says neither.
pub fn switch(flag: &str, text: &str) -> Result<bool, UsageError> {
    match text.to_ascii_lowercase().as_str() {
        "false" | "no" | "0" => Ok(false),
        word if is_yes(word) => Ok(true),
        _ => Err(UsageError::new(format!("{flag} must be true or false"))),
    }
}

/// Whether a variable says yes; anything else than `1`, `true` and `yes` says no.
pub fn is_yes(text: &str) -> bool {
    ["1", "true", "yes"].iter().any(|yes| text.eq_ignore_ascii_case(yes))
}

/// The number in front and the unit behind it.
fn split(text: &str) -> (Option<u64>, &str) {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    (number.parse().ok(), unit.trim_start())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::size;
    use super::switch;
    use super::time;

    #[test]
    fn a_time_has_a_unit_or_is_in_seconds() {
        for (text, millis) in
            [("10", 10_000), ("10s", 10_000), ("500ms", 500), ("2m", 120_000), ("1h", 3_600_000)]
        {
            assert_eq!(time("--t", text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn a_time_of_nothing_or_of_days_is_refused() {
        for text in
            ["", "0", "-1", "s", "1d", "25h", "1.5s", "25000m", "99999999999999999999", "10 s x"]
        {
            assert!(time("--t", text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_size_has_a_binary_unit_or_is_in_bytes() {
        for (text, bytes) in [
            ("4096", 4096),
            ("4096b", 4096),
            ("8kib", 8192),
            ("64MiB", 64 << 20),
            ("1 GiB", 1 << 30),
        ] {
            assert_eq!(size("--s", text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn a_size_without_room_or_bound_is_refused() {
        for text in ["", "0", "4095", "2GiB", "64MB", "MiB", "18446744073709551615GiB"] {
            assert!(size("--s", text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_switch_is_yes_or_no() {
        for (text, value) in [("true", true), ("YES", true), ("1", true), ("False", false)] {
            assert_eq!(switch("--x", text), Ok(value), "{text}");
        }
        assert!(switch("--x", "perhaps").is_err());
        assert!(switch("--x", "").is_err());
    }
}
