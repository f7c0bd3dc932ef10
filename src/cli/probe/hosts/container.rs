//! What a host has `docker run` and its like do for the program: variables, and folders of this machine that
//! have other names inside.

/// A folder as it is called here and inside.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mount {
    here: String,
    inside: String,
}

/// The values of these options among the words.
pub(super) fn values<'a>(launcher: &'a [String], options: [&str; 2]) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut words = launcher.iter().map(String::as_str);
    while let Some(word) = words.next() {
        let joined = word.split_once('=').filter(|(option, _)| options.contains(option));
        found.extend(match joined {
            Some((_, value)) => Some(value),
            None if options.contains(&word) => words.next(),
            None => None,
        });
    }
    found
}

/// What `-v HERE:INSIDE` and `--mount source=HERE,target=INSIDE` say. A path inside is absolute, which one of Windows does not end with.
pub(super) fn mounts(launcher: &[String]) -> Vec<Mount> {
    let pairs = values(launcher, ["-v", "--volume"]).into_iter();
    let mount = |pair: &str| {
        let (here, inside) = pair.split_once(":/")?;
        let inside = inside.split(':').next().unwrap_or_default();
        Some(Mount { here: here.to_owned(), inside: format!("/{}", inside.trim_end_matches('/')) })
    };
    let options = values(launcher, ["--mount"; 2]).into_iter().filter_map(|text| {
        let member = |names: &[&str]| {
            let mut pairs = text.split(',').filter_map(|pair| pair.split_once('='));
            pairs.find(|(name, _)| names.contains(name)).map(|(_, value)| value.to_owned())
        };
        let inside = member(&["target", "destination", "dst"])?;
        let inside = inside.trim_end_matches('/').to_owned();
        Some(Mount { here: member(&["source", "src"])?, inside })
    });
    pairs.filter_map(mount).chain(options).collect()
}

/// The path that is called `inside` there; every other text as it is.
///
/// # Errors
/// Why it cannot be found here.
pub(super) fn here(text: &str, mounts: &[Mount]) -> Result<String, String> {
    let below = |mount: &Mount| {
        let rest = text.strip_prefix(&mount.inside)?;
        (rest.is_empty() || rest.starts_with('/')).then(|| rest.to_owned())
    };
    let found = mounts.iter().find_map(|mount| Some((mount, below(mount)?)));
    match found {
        None => Ok(text.to_owned()),
        Some((mount, rest)) if mount.here.contains(['/', '\\']) => Ok(mount.here.clone() + &rest),
        Some((mount, _)) => {
            Err(format!("its files are in the volume `{}` of its container", mount.here))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::here;
    use super::mounts;
    use super::values;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_folder_is_found_under_the_name_that_it_has_here() {
        for (line, text, expected) in [
            ("-v /a:/certs:ro", "/certs/c.pem", Ok("/a/c.pem")),
            ("--volume=/a:/certs/", "/certs", Ok("/a")),
            (r"-v C:\a:/certs", "/certs/c.pem", Ok(r"C:\a/c.pem")),
            ("-v /a:/certs", "/certs2/c.pem", Ok("/certs2/c.pem")),
            ("-v /a:/certs", "https://h/certs", Ok("https://h/certs")),
            (
                "--mount type=bind,source=/a:b,target=/certs,readonly",
                "/certs/c.pem",
                Ok("/a:b/c.pem"),
            ),
            ("-v certs:/certs", "/certs/c.pem", Err("its files are in the volume `certs`")),
        ] {
            let found = here(text, &mounts(&words(line)));
            match (&found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{line}"),
                (Err(found), Err(expected)) => assert!(found.starts_with(expected), "{found}"),
                _ => panic!("{line}: {found:?}"),
            }
        }
    }

    #[test]
    fn options_have_their_values_beside_them_or_in_them() {
        let line = words("run -e A=1 --env B=2 --env=C=3 -i -e");
        assert_eq!(values(&line, ["-e", "--env"]), ["A=1", "B=2", "C=3"]);
    }
}
