"""The Homebrew formula, out of its template."""

import re
from hashlib import sha256
from pathlib import Path

import project


def formula(made: dict[str, Path], out: Path) -> Path:
    """`made` has the archive of each target; one that is missing leaves its place open."""

    def fill(match: re.Match) -> str:
        word, _, target = match.group(1).partition(" ")
        if not target:
            return getattr(project, word)
        if target not in made:
            return f"(no archive for {target})"
        return made[target].name if word == "ARCHIVE" else _digest(made[target])

    template = (project.ROOT / "packaging/formula.rb.in").read_text()
    text = re.sub(r"@([A-Z0-9]+(?: [a-z0-9_-]+)?)@", fill, template)
    path = out / f"{project.NAME}.rb"
    path.write_text(text.split("\n", 1)[1])  # without the line about the template
    return path


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()
