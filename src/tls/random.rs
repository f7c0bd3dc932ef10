//! Numbers that nobody can guess.

use rustls::crypto::aws_lc_rs;

/// 128 bits from the random source of the TLS library, as 32 hexadecimal digits. `None` if the
/// source fails, which the system's does not.
pub fn random_id() -> Option<String> {
    let mut bytes = [0; 16];
    aws_lc_rs::default_provider().secure_random.fill(&mut bytes).ok()?;
    Some(format!("{:032x}", u128::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::random_id;

    #[test]
    fn ids_are_unique_and_long() {
        let ids: HashSet<_> = (0..10_000).map(|_| random_id().unwrap()).collect();
        assert_eq!(ids.len(), 10_000);
        assert!(ids.iter().all(|id| id.len() == 32 && id.bytes().all(|c| c.is_ascii_hexdigit())));
    }
}
