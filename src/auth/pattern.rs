//! Patterns for URIs, segment by segment.

/// A URI of which some segments may be anything. Segments are what stands between slashes, and
/// nothing is normalised: upper and lower case, `%41` and `A` differ.
///
/// A segment `*` covers exactly one, `**` one or more. Neither covers an empty segment, `.` or
/// `..`: elsewhere those may be read as another path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Literal(String),
    One,
    Many,
}

/// An asterisk within a segment, which other programs read in several ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StarWithinSegment;

impl Pattern {
    /// Reads a pattern; without an asterisk it is the URI itself.
    pub(super) fn parse(text: &str) -> Result<Self, StarWithinSegment> {
        text.split('/').map(Segment::parse).collect::<Result<_, _>>().map(Self)
    }

    /// Whether the whole URI is covered. Takes time in proportion to the product of the lengths.
    pub(super) fn matches(&self, uri: &str) -> bool {
        let segments: Vec<&str> = uri.split('/').collect();
        // Which numbers of segments, counted from the left, the pattern so far can cover.
        let mut reached = vec![false; segments.len() + 1];
        reached[0] = true;
        for wanted in &self.0 {
            let mut next = vec![false; reached.len()];
            for (at, segment) in segments.iter().enumerate() {
                next[at + 1] = match wanted {
                    Segment::Literal(literal) => reached[at] && literal == segment,
                    Segment::One => reached[at] && coverable(segment),
                    Segment::Many => (reached[at] || next[at]) && coverable(segment),
                };
            }
            reached = next;
        }
        reached[segments.len()]
    }
}

impl Segment {
    fn parse(text: &str) -> Result<Self, StarWithinSegment> {
        match text {
            "*" => Ok(Self::One),
            "**" => Ok(Self::Many),
            _ if text.contains('*') => Err(StarWithinSegment),
            _ => Ok(Self::Literal(text.to_owned())),
        }
    }
}

fn coverable(segment: &str) -> bool {
    !matches!(segment, "" | "." | "..")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::any;
    use proptest::prelude::prop;
    use proptest::proptest;
    use proptest::strategy::Strategy;

    use super::Pattern;
    use super::StarWithinSegment;

    fn matches(pattern: &str, uri: &str) -> bool {
        Pattern::parse(pattern).unwrap().matches(uri)
    }

    #[test]
    fn a_pattern_without_asterisks_is_the_uri_itself() {
        let uri = "spiffe://prod/ns/web/sa/api";
        assert!(matches(uri, uri));
        for other in [
            "spiffe://prod/ns/web/sa/API",
            "spiffe://prod/ns/web/sa/api/",
            "spiffe://prod/ns/web/sa/api/x",
            "spiffe://prod/ns/web/sa/ap",
            "spiffe://prod//ns/web/sa/api",
            "spiffe://prod/ns/./web/sa/api",
            "spiffe://prod/ns/x/../web/sa/api",
            "spiffe://prod/ns/web/sa/%61pi",
            "spiffe://prod/ns/web/sa/api.",
            "",
        ] {
            assert!(!matches(uri, other), "{other}");
        }
    }

    #[test]
    fn one_asterisk_covers_one_segment() {
        let pattern = "spiffe://prod/ns/*/sa/api";
        assert!(matches(pattern, "spiffe://prod/ns/web/sa/api"));
        for other in ["", "a/b", ".", ".."] {
            assert!(!matches(pattern, &format!("spiffe://prod/ns/{other}/sa/api")), "{other}");
        }
        assert!(!matches("spiffe://prod/*", "spiffe://prod/"));
        assert!(!matches("spiffe://prod/*", "spiffe://prod"));
    }

    #[test]
    fn two_asterisks_cover_one_or_more_segments() {
        for (pattern, uri) in [
            ("spiffe://prod/**", "spiffe://prod/a"),
            ("spiffe://prod/**", "spiffe://prod/a/b/c"),
            ("spiffe://prod/**/api", "spiffe://prod/a/api/b/api"),
            ("spiffe://prod/**/x/**", "spiffe://prod/a/x/x/b"),
            ("spiffe://*/**", "spiffe://prod/a"),
        ] {
            assert!(matches(pattern, uri), "{pattern} {uri}");
        }
        for (pattern, uri) in [
            ("spiffe://prod/**", "spiffe://prod"),
            ("spiffe://prod/**", "spiffe://prod/"),
            ("spiffe://prod/**", "spiffe://production/a"),
            ("spiffe://prod/ns/**", "spiffe://prod/ns/../admin"),
            ("spiffe://prod/**", "spiffe://prod/a//b"),
            ("spiffe://prod/**/api", "spiffe://prod/api"),
            ("**", "spiffe://prod/a"),
        ] {
            assert!(!matches(pattern, uri), "{pattern} {uri}");
        }
    }

    #[test]
    fn an_asterisk_within_a_segment_is_refused() {
        for pattern in ["spiffe://prod/web-*", "spiffe://prod/***", "*a", "a/*b*/c"] {
            assert_eq!(Pattern::parse(pattern), Err(StarWithinSegment), "{pattern}");
        }
    }

    #[test]
    fn many_asterisks_take_no_long_time() {
        let pattern = Pattern::parse(&"**/".repeat(100)).unwrap();
        assert!(!pattern.matches(&"a/".repeat(3000)[..5999]));
    }

    /// The rule once more, by trying everything.
    fn slow(pattern: &[&str], uri: &[&str]) -> bool {
        let covers = |count: usize| {
            uri.len() >= count && uri[..count].iter().all(|it| !["", ".", ".."].contains(it))
        };
        match pattern.split_first() {
            None => uri.is_empty(),
            Some((&"*", rest)) => covers(1) && slow(rest, &uri[1..]),
            Some((&"**", rest)) => {
                (1..=uri.len()).any(|count| covers(count) && slow(rest, &uri[count..]))
            }
            Some((literal, rest)) => uri.first() == Some(literal) && slow(rest, &uri[1..]),
        }
    }

    fn segments(of: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
        prop::collection::vec(prop::sample::select(of), 1..8)
    }

    proptest! {
        #[test]
        fn the_fast_way_and_the_slow_way_agree(
            pattern in segments(&["*", "**", "a", "b", "", ".."]),
            uri in segments(&["a", "b", "", ".", ".."]),
        ) {
            assert_eq!(matches(&pattern.join("/"), &uri.join("/")), slow(&pattern, &uri));
        }

        #[test]
        fn what_has_no_asterisk_matches_itself_alone(a in "[ab/.]{0,6}", b in "[ab/.]{0,6}") {
            assert_eq!(matches(&a, &b), a == b);
        }

        #[test]
        fn no_text_upsets_it(pattern in any::<String>(), uri in any::<String>()) {
            if let Ok(pattern) = Pattern::parse(&pattern) {
                pattern.matches(&uri);
            }
        }

        /// To make a wildcard of a segment never loses what was matched before.
        #[test]
        fn a_wildcard_covers_what_stood_in_its_place(
            uri in segments(&["a", "b", "c"]),
            at in any::<prop::sample::Index>(),
            many in any::<bool>(),
        ) {
            let mut pattern = uri.clone();
            pattern[at.index(uri.len())] = if many { "**" } else { "*" };
            assert!(matches(&pattern.join("/"), &uri.join("/")));
        }
    }
}
