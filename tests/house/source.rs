//! The files of the project, as the rules look at them.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

/// One file of `src/`.
pub(crate) struct Source {
    /// From the root of the project, with `/` between the folders.
    pub(crate) path: String,
    /// The module directly below the crate that it belongs to: `tls` for `src/tls/client.rs`, for
    /// `src/tls/mod.rs` and for `src/tls.rs`.
    pub(crate) room: String,
    /// The text without comments and without what stands between quotes.
    pub(crate) code: String,
}

impl Source {
    /// A file with this text.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let inside = path.strip_prefix("src/").unwrap_or(path);
        let room = inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs");
        Self { path: path.to_owned(), room: room.to_owned(), code: code(text) }
    }

    /// The code that is shipped: no tests.
    pub(crate) fn shipped(&self) -> String {
        let file = self.path.rsplit('/').next().unwrap_or(&self.path);
        if file == "tests.rs" { String::new() } else { without_tests(&self.code) }
    }
}

/// All of `src/`.
pub(crate) fn sources() -> Vec<Source> {
    let is_source = |path: &String| path.starts_with("src/") && path.ends_with(".rs");
    let files = files().into_iter().filter(is_source);
    let sources: Vec<_> = files.map(|path| Source::new(&path, &read(&path))).collect();
    assert!(sources.len() > 50, "only {} files of `src/` were found", sources.len());
    sources
}

/// All files of the project; what is built or installed is not part of it.
pub(crate) fn files() -> Vec<String> {
    let mut files = Vec::new();
    walk(&root(), &mut files);
    let shown = |path: PathBuf| {
        let path = path.strip_prefix(root()).expect("a file below the root").to_owned();
        path.to_str().expect("UTF-8").replace('\\', "/")
    };
    let mut files: Vec<String> = files.into_iter().map(shown).collect();
    files.sort();
    files
}

/// The text of a file; what is not UTF-8 has none.
pub(crate) fn read(path: &str) -> String {
    let bytes = fs::read(root().join(path)).expect(path);
    String::from_utf8(bytes).unwrap_or_default().replace("\r\n", "\n")
}

/// The root of the project.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !path.is_dir() {
            files.push(path);
        } else if is_ours(&name) {
            walk(&path, files);
        }
    }
}

fn is_ours(folder: &str) -> bool {
    match folder {
        ".cargo" | ".ci" | ".github" => true,
        "artifacts" | "corpus" | "node_modules" | "target" | "__pycache__" => false,
        _ => !folder.starts_with('.'),
    }
}

/// Blanks comments, texts and characters out; line ends stay. As much of Rust's grammar as that
/// takes.
fn code(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let before = code.chars().next_back();
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if before.is_some_and(is_word) {
            0
        } else {
            quoted(rest)
        };
        let (gone, kept) = rest.split_at(if skipped == 0 { c.len_utf8() } else { skipped });
        if skipped == 0 {
            code.push(c);
        } else {
            code.push(' ');
            code.extend(gone.chars().filter(|c| *c == '\n'));
        }
        rest = kept;
    }
    code
}

/// How many bytes the text or character has that begins here; 0 if none does.
fn quoted(rest: &str) -> usize {
    let bare = rest.trim_start_matches(['b', 'c']);
    let length = match (bare.strip_prefix('r'), bare.strip_prefix('"'), bare.strip_prefix('\'')) {
        (Some(raw), _, _) => raw_text(raw).map(|length| 1 + length),
        (_, Some(text), _) => Some(1 + until(text, '"')),
        // Any other single quote begins a lifetime.
        (_, _, Some(character)) if character.starts_with('\\') || is_one(character) => {
            Some(1 + until(character, '\''))
        }
        _ => None,
    };
    length.map_or(0, |length| rest.len() - bare.len() + length)
}

/// The bytes of what follows the `r` of a raw text.
fn raw_text(raw: &str) -> Option<usize> {
    let hashes = raw.len() - raw.trim_start_matches('#').len();
    let inside = raw[hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    Some(hashes + 1 + inside.find(&close)? + close.len())
}

/// Whether a single character and its closing quote stand here.
fn is_one(character: &str) -> bool {
    character.chars().nth(1) == Some('\'')
}

/// The bytes up to the closing quote, and with it.
fn until(inside: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in inside.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    inside.len()
}

/// Cuts out what stands behind `#[cfg(test)]`: up to the semicolon, or to the closing brace.
fn without_tests(code: &str) -> String {
    let mut parts = code.split("#[cfg(test)]");
    let mut shipped = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut depth = 0_usize;
        let end = part.char_indices().find(|(_, c)| {
            match c {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && matches!(c, ';' | '}')
        });
        shipped.push_str(end.map_or("", |(at, _)| &part[at + 1..]));
    }
    shipped
}

/// Whether `c` is part of a name.
pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The names that follow `root::` in `code`, where `root` begins a path.
pub(crate) fn follow<'a>(code: &'a str, root: &str) -> Vec<&'a str> {
    let begin = format!("{root}::");
    let starts = code.match_indices(&begin).filter(|(at, _)| begins_path(&code[..*at]));
    let names = starts.map(|(at, _)| &code[at + begin.len()..]);
    names.map(|rest| &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())]).collect()
}

/// Whether what stands before leaves a name the first of its path; `::name` is a first one too.
fn begins_path(before: &str) -> bool {
    let before = before.strip_suffix("::").unwrap_or(before);
    !before.ends_with(|c| is_word(c) || c == '>')
}

#[test]
fn comments_and_texts_are_no_code() {
    let text = "a //b::c\n/* d */ \"e\\\"f\" r#\"g\"h\"# b'i' '\\'' 'j: k<'l> br\"m\"";
    let code = code(text);
    let words: Vec<_> = code.split_whitespace().collect();
    assert_eq!(words, ["a", "'j:", "k<'l>"]);
}

#[test]
fn tests_are_not_shipped() {
    let text = "a #[cfg(test)] mod t; b #[cfg(test)] mod u { fn v() { w } } c";
    assert_eq!(without_tests(text).split_whitespace().collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn a_name_within_a_path_begins_none() {
    assert_eq!(follow("a::b(x::a::c, ::a::d, <x>::a::e) ba::f", "a"), ["b", "d"]);
}
