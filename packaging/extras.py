"""What stands beside the programs in an archive: completions and manual pages, from the programs."""

import subprocess
import tempfile
from pathlib import Path

import archives
import project

#: How each shell wants its file to be called.
COMPLETIONS = {"bash": "{}", "zsh": "_{}", "fish": "{}.fish", "powershell": "_{}.ps1", "elvish": "{}.elv"}


def extras(folders: list[Path]) -> list[archives.Entry]:
    """Made by whichever of these programs runs on this machine."""
    program = _running(folders)
    entries = []
    for shell, pattern in COMPLETIONS.items():
        for name, flags in zip(project.PROGRAMS, [[], ["--client"]]):
            script = subprocess.check_output([program, "completions", shell, *flags])
            entries.append((f"completions/{shell}/{pattern.format(name)}", script, False))
    with tempfile.TemporaryDirectory() as folder:
        subprocess.check_call([program, "man", "--output", folder])
        pages = sorted(Path(folder).iterdir())
        entries += [archives.file(f"man/{page.name}", page) for page in pages]
    return entries


def _running(folders: list[Path]) -> Path:
    for folder in folders:
        program = project.programs(folder)[0].resolve()
        try:
            subprocess.check_output([program, "--version"], stderr=subprocess.DEVNULL)
            return program
        except (OSError, subprocess.CalledProcessError):
            continue  # of another system
    raise SystemExit("error: none of these programs runs on this machine")
