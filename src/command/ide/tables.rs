//! Puts an entry into TOML and takes it out again. An entry is a table with a header of its own, so it
//! can stand at the end of any file; what becomes of the meaning is checked each time.

use toml::Table;
use toml::Value;

use crate::command::ide::entry::Entry;
use crate::command::ide::json::Unfit;
use crate::command::ide::kept::Kept;

/// What the text means.
pub(super) fn read(text: &str) -> Result<Table, Unfit> {
    text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| text[..span.start].split('\n').count());
        let message = error.message().trim_end().replace('\n', ", ");
        format!("it is not TOML: {message}, line {line}")
    })
}

/// The text with the entry under `key` and `name`, in the place of what is there.
pub(super) fn insert(
    text: &str,
    key: &str,
    name: &str,
    entry: &Entry,
    kept: &Kept,
) -> Result<String, Unfit> {
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let block = block(key, name, entry, kept)?.replace('\n', end);
    let mut expected = read(text)?;
    let value = read(&block)?.remove(key).and_then(|servers| servers.get(name).cloned());
    let servers = expected.entry(key).or_insert_with(|| Value::Table(Table::new()));
    let servers = servers.as_table_mut().ok_or_else(|| format!("`{key}` is not a table"))?;
    let is_there =
        servers.insert(name.to_owned(), value.unwrap_or(Value::Boolean(false))).is_some();
    let new = if is_there {
        let range = place(text, key, name)?;
        let gap = if range.end < text.len() { end } else { "" };
        format!("{}{block}{gap}{}", &text[..range.start], &text[range.end..])
    } else {
        let line = if text.is_empty() || text.ends_with('\n') { "" } else { end };
        let gap = if text.trim().is_empty() { "" } else { end };
        format!("{text}{line}{gap}{block}")
    };
    // A table that is written in one line, or key by key, takes no further header.
    match read(&new) {
        Ok(found) if found == expected => Ok(new),
        _ => Err(format!("`{key}` is not written as tables with a header each")),
    }
}

/// The text without what stands under `key` and `name`, and `None` if that is nothing.
pub(super) fn remove(text: &str, key: &str, name: &str) -> Result<Option<String>, Unfit> {
    if read(text)?.get(key).and_then(|servers| servers.get(name)).is_none() {
        return Ok(None);
    }
    let range = place(text, key, name)?;
    let (before, after) = (&text[..range.start], &text[range.end..]);
    // The empty line in front of it came with it.
    let gap = if after.is_empty() { before.strip_suffix('\n') } else { None };
    let gap = gap.map(|rest| rest.strip_suffix('\r').unwrap_or(rest));
    let before = gap.filter(|rest| rest.ends_with('\n')).unwrap_or(before);
    Ok(Some(format!("{before}{after}")))
}

fn block(key: &str, name: &str, entry: &Entry, kept: &Kept) -> Result<String, Unfit> {
    let text = |text: &String| Value::String(text.clone()).to_string();
    let list = |texts: &[String]| texts.iter().map(text).collect::<Vec<_>>().join(", ");
    let mut block = format!(
        "[{key}.{}]\ncommand = {}\nargs = [{}]\n",
        word(name),
        text(&entry.command),
        list(&entry.args)
    );
    let inherited = kept.inherited(entry);
    if !inherited.is_empty() {
        block.push_str(&format!("env_vars = [{}]\n", list(&inherited)));
    }
    let member = |(name, value): (&String, &serde_json::Value)| {
        let unfit = |_| format!("`{name}` cannot be written as TOML");
        let value = Value::try_from(value).map_err(unfit)?;
        Ok(format!("{} = {value}", word(name)))
    };
    let env: Result<Vec<String>, Unfit> = kept.env(entry).iter().map(member).collect();
    let env = env?.join(", ");
    if !env.is_empty() {
        block.push_str(&format!("env = {{ {env} }}\n"));
    }
    for line in kept.members.iter().map(member) {
        block.push_str(&format!("{}\n", line?));
    }
    Ok(block)
}

/// A name as it stands before a `=` or in a header.
fn word(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.is_empty() && name.chars().all(is_plain) {
        return name.to_owned();
    }
    // A text of JSON is one of TOML, too.
    serde_json::Value::from(name).to_string()
}

/// The lines of the table, up to the next one that is not below it.
fn place(text: &str, key: &str, name: &str) -> Result<std::ops::Range<usize>, Unfit> {
    let mut expected = read(text)?;
    if let Some(servers) = expected.get_mut(key).and_then(Value::as_table_mut) {
        servers.remove(name);
    }
    let headers = headers(text);
    let is_its = |header: &[String]| header.starts_with(&[key.to_owned(), name.to_owned()]);
    let emptied = |table: &Table| {
        let mut table = table.clone();
        table.retain(|it, value| it != key || value.as_table().is_none_or(|it| !it.is_empty()));
        table
    };
    for (at, (start, _)) in headers.iter().enumerate().filter(|(_, (_, header))| is_its(header)) {
        let next = headers[at..].iter().find(|(_, header)| !is_its(header));
        let range = *start..next.map_or(text.len(), |(next, _)| *next);
        let without = format!("{}{}", &text[..range.start], &text[range.end..]);
        // What looks like a header can be a line of a long text.
        if read(&without).is_ok_and(|found| emptied(&found) == emptied(&expected)) {
            return Ok(range);
        }
    }
    Err(format!("`{key}.{name}` is not written as one table with a header"))
}

/// Where each line begins that looks like a header, and the names in it.
fn headers(text: &str) -> Vec<(usize, Vec<String>)> {
    let mut start = 0;
    let mut headers = Vec::new();
    for line in text.split_inclusive('\n') {
        headers.extend(header(line.trim_start()).map(|names| (start, names)));
        start += line.len();
    }
    headers
}

/// A name may hold a bracket, too.
fn header(line: &str) -> Option<Vec<String>> {
    let ends = line.starts_with('[').then(|| line.match_indices(']')).into_iter().flatten();
    let mut tables = ends.filter_map(|(at, _)| line[..=at].parse::<Table>().ok());
    let (mut names, mut rest) = (Vec::new(), Value::Table(tables.next()?));
    loop {
        let inner = match &rest {
            Value::Array(items) => items.first().cloned(),
            Value::Table(table) => table.iter().next().map(|(name, value)| {
                names.push(name.clone());
                value.clone()
            }),
            _ => None,
        };
        match inner {
            Some(inner) => rest = inner,
            None => return Some(names),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Entry;
    use super::Kept;
    use super::insert;
    use super::read;
    use super::remove;

    fn entry() -> Entry {
        let args = ["https://a/", "--header", "A: \"${T}\" \\"].map(str::to_owned).to_vec();
        let env = vec![("T".to_owned(), "it's".to_owned())];
        let inherited = vec!["TOKEN".to_owned()];
        Entry { command: r"C:\x\mcp-secure-remote.exe".to_owned(), args, env, inherited }
    }

    #[test]
    fn what_was_put_in_means_the_same_and_comes_out_without_a_trace() {
        for text in [
            "",
            "model = \"x\" # mine\n",
            "# only this\n\n",
            "a = 1\r\n\r\n[mcp_servers.other]\r\ncommand = 'o'\r\n",
            "[mcp_servers]\n\n[mcp_servers.other]\ncommand = \"o\"\n[mcp_servers.other.env]\nA = 'b'\n",
            "x = '''\n[mcp_servers.n]\n'''\n[projects.\"/p\"]\ntrust_level = \"trusted\"\n",
        ] {
            let with = insert(text, "mcp_servers", "n", &entry(), &Kept::default()).unwrap();
            assert!(with.starts_with(text), "{with}");
            assert_eq!(with.contains("\r\n"), text.contains("\r\n"), "{with:?}");
            let found = serde_json::to_value(&read(&with).unwrap()["mcp_servers"]["n"]).unwrap();
            assert_eq!(Entry::read(&found), Some(entry()));
            let without = remove(&with, "mcp_servers", "n").unwrap().unwrap();
            assert_eq!(without, text, "{with}");
            assert_eq!(remove(text, "mcp_servers", "n"), Ok(None));
        }
    }

    #[test]
    fn an_entry_of_any_name_is_cut_out() {
        for name in ["a.b c", "[x]", "a\"b", ""] {
            let text = "a = 1\n\n[mcp_servers.o]\ncommand = 'o'\n";
            let with = insert(text, "mcp_servers", name, &entry(), &Kept::default()).unwrap();
            assert_eq!(remove(&with, "mcp_servers", name).unwrap().unwrap(), text, "{with}");
        }
        let literal = "[ mcp_servers . 'a.b c' ] # mine\ncommand = 'x'\n";
        assert_eq!(remove(literal, "mcp_servers", "a.b c"), Ok(Some(String::new())));
    }

    // Codex does so when it adds another.
    #[test]
    fn an_entry_that_its_host_has_written_anew_is_cut_out() {
        let text = "a = 1\n\n[mcp_servers.n]\ncommand = 'x'\nenv_vars = ['T']\n\n[mcp_servers.n.env]\nA = 'b'\n\n\
                    [mcp_servers.o]\ncommand = 'o'\n\n[mcp_servers.o.env]\nA = 'b'\n";
        assert_eq!(
            remove(text, "mcp_servers", "n").unwrap().unwrap(),
            "a = 1\n\n[mcp_servers.o]\ncommand = 'o'\n\n[mcp_servers.o.env]\nA = 'b'\n"
        );
        let bare = remove(text, "mcp_servers", "o").unwrap().unwrap();
        assert!(bare.ends_with("[mcp_servers.n.env]\nA = 'b'\n"), "{bare}");
    }

    #[test]
    fn an_entry_is_replaced_where_it_stands() {
        let text =
            "[mcp_servers.n] # old\ncommand = 'x'\n[mcp_servers.n.env]\nA = 'b'\n\n[z]\ny = 1\n";
        let with = insert(text, "mcp_servers", "n", &entry(), &Kept::default()).unwrap();
        assert!(
            with.starts_with("[mcp_servers.n]\ncommand = ") && with.ends_with("}\n\n[z]\ny = 1\n"),
            "{with}"
        );
        assert!(!with.contains("'b'"));
    }

    #[test]
    fn what_takes_no_header_is_refused() {
        for (text, told) in [
            ("mcp_servers = { o = { command = 'x' } }\n", "is not written as tables"),
            ("mcp_servers = 7\n", "`mcp_servers` is not a table"),
            ("a = 1\nb = \n", "it is not TOML: "),
        ] {
            let unfit = insert(text, "mcp_servers", "n", &entry(), &Kept::default()).unwrap_err();
            assert!(unfit.contains(told), "{unfit}");
        }
        assert!(read("a = 1\nb = \n").unwrap_err().ends_with("line 2"));
        let inline = "[mcp_servers]\nn = { command = 'x' }\n";
        assert!(
            remove(inline, "mcp_servers", "n").unwrap_err().contains("one table with a header")
        );
    }
}
