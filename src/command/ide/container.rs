//! How `docker` starts the bridge: the folders of its files are mounted, variables passed on by name.

use crate::command::ide::entry::Os;
use crate::command::ide::entry::Spec;
use crate::command::ide::entry::Word;

/// The arguments of `docker`.
pub(super) fn args(spec: &Spec, image: &str, user: Option<&str>, os: Os) -> Vec<String> {
    let folders = folders(spec, os);
    let mut args: Vec<String> = ["run", "-i", "--rm"].map(str::to_owned).to_vec();
    let mut add = |flag: &str, value: String| args.extend([flag.to_owned(), value]);
    for (at, folder) in folders.iter().enumerate() {
        let inside = inside(at);
        if has_colon(folder, os) {
            add("--mount", format!("type=bind,source={folder},target={inside},readonly"));
        } else {
            add("-v", format!("{folder}:{inside}:ro"));
        }
    }
    if let Some(user) = user.filter(|_| !folders.is_empty()) {
        add("--user", user.to_owned());
    }
    for name in spec.env.iter().map(|(name, _)| name).chain(&spec.inherited) {
        add("-e", name.clone());
    }
    args.push(image.to_owned());
    args.extend(spec.words.iter().map(|word| match word {
        Word::Text(text) => text.clone(),
        Word::File(path) => {
            let (folder, name) = os.split(path);
            let at = folders.iter().position(|it| *it == folder).unwrap_or_default();
            format!("{}/{name}", self::inside(at))
        }
    }));
    args
}

/// The first folder that no option of `docker` can name.
pub fn unmountable(spec: &Spec, os: Os) -> Option<&str> {
    let is_bad =
        |folder: &&str| folder.contains(',') || has_colon(folder, os) && folder.contains('"');
    folders(spec, os).into_iter().find(is_bad)
}

/// Whether this is the name of an image, with a tag or a digest behind it if need be: the grammar of
/// `distribution/reference`.
pub fn is_image(text: &str) -> bool {
    let (text, digest) = text.split_once('@').map_or((text, None), |(name, it)| (name, Some(it)));
    let digest_fits = digest.is_none_or(|digest| {
        let hex = digest.strip_prefix("sha256:").unwrap_or_default();
        hex.len() == 64 && hex.chars().all(|c| c.is_ascii_hexdigit())
    });
    let last = text.rfind('/').map_or(0, |at| at + 1);
    let (name, tag) = match text[last..].split_once(':') {
        Some((name, tag)) => (&text[..last + name.len()], Some(tag)),
        None => (text, None),
    };
    let in_tag = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let tag_fits = tag.is_none_or(|tag| {
        !tag.is_empty()
            && tag.len() <= 128
            && !tag.starts_with(['.', '-'])
            && tag.chars().all(in_tag)
    });
    let is_domain = |part: &str| part.contains(['.', ':']) || part == "localhost";
    let path = match name.split_once('/') {
        Some((domain, path)) if is_domain(domain) => {
            let in_domain = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
            Some(path).filter(|_| domain.chars().all(in_domain))
        }
        _ => Some(name),
    };
    digest_fits && tag_fits && path.is_some_and(|path| path.split('/').all(is_part))
}

/// Small letters and digits, with separators between them.
fn is_part(part: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let ends = [part.chars().next(), part.chars().last()];
    ends.iter().all(|end| end.is_some_and(is_plain))
        && part.chars().all(|c| is_plain(c) || "._-".contains(c))
        && ["..", "._", "_.", "-.", ".-", "-_", "_-", "___"].iter().all(|it| !part.contains(it))
}

/// Each folder once.
fn folders(spec: &Spec, os: Os) -> Vec<&str> {
    let mut folders: Vec<&str> = Vec::new();
    for word in &spec.words {
        let Word::File(path) = word else { continue };
        let (folder, _) = os.split(path);
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    folders
}

/// Whether `docker` would take a colon of the path for the end of it.
fn has_colon(folder: &str, os: Os) -> bool {
    os != Os::Windows && folder.contains(':')
}

/// Where the container sees the folder of this number.
fn inside(at: usize) -> String {
    if at == 0 { "/certs".to_owned() } else { format!("/certs{}", at + 1) }
}

#[cfg(test)]
mod tests {
    use super::is_image;

    #[test]
    fn an_image_is_called_as_its_registry_takes_it() {
        let digest = format!("mcp-secure-remote@sha256:{}", "0a".repeat(32));
        for name in [
            "mcp-secure-remote",
            "mcp-secure-remote:1.0_X",
            "images.Example:5000/some_body/mcp-secure-remote:latest",
            "localhost/mcp-secure-remote",
            "a/b__c/d--e",
            &digest,
        ] {
            assert!(is_image(name), "{name}");
        }
        for name in [
            "",
            "mcp-secure-remote:",
            "a b/mcp-secure-remote",
            "UPPER/mcp-secure-remote",
            "mcp-secure-remote==1",
            "/mcp-secure-remote",
            "a//mcp-secure-remote",
            "-v/mcp-secure-remote",
            "images.example/",
            "mcp-secure-remote@sha256:0a",
        ] {
            assert!(!is_image(name), "{name}");
        }
    }
}
