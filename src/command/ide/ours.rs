//! Whether what a host starts is this program.

/// Where this program stands among the words: first, or behind `uvx`, `npx`, `docker run` and their
/// like. These may name it twice, as a package and as its program, but before the server's URL, which
/// may have its name, too. `read` makes of a word what it stands for.
pub fn position<'a>(words: &[&'a str], read: impl Fn(&'a str) -> String) -> Option<usize> {
    let known = |word: &&'a str| is_ours(&read(word));
    if words.first().is_some_and(known) {
        return Some(0);
    }
    let end = words.iter().position(|word| word.contains("://")).unwrap_or(words.len());
    words[..end].iter().rposition(known)
}

/// Whether a word is the path of this program, its package with or without a version, or its image.
pub fn is_ours(word: &str) -> bool {
    let last = word.rsplit(['/', '\\']).next().unwrap_or_default();
    let bare = last.split(['@', ':', '=', '<', '>', '~', '!', '[']).next().unwrap_or_default();
    let bare = bare.to_ascii_lowercase();
    let endings = [".exe", ".cmd"].iter().find_map(|ending| bare.strip_suffix(ending));
    endings.unwrap_or(&bare) == env!("CARGO_PKG_NAME")
}

#[cfg(test)]
mod tests {
    use super::is_ours;

    #[test]
    fn this_program_is_known_in_each_of_its_forms() {
        for word in [
            "mcp-secure-remote",
            "/opt/bin/mcp-secure-remote",
            r"C:\tools\mcp-secure-remote.EXE",
            r"C:\npm\mcp-secure-remote.cmd",
            "mcp-secure-remote@0.1.0",
            "@scope/mcp-secure-remote@1",
            "mcp-secure-remote==0.1.0",
            "mcp-secure-remote>=0.1",
            "images.example:5000/somebody/mcp-secure-remote:latest",
        ] {
            assert!(is_ours(word), "{word}");
        }
        for word in ["mcp-secure-remote-client", "npx", "--from=mcp-secure-remote", ""] {
            assert!(!is_ours(word), "{word}");
        }
    }
}
