"""What Cargo.toml says of the project. Nothing that it says is written down a second time."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

#: Both programs, the first of which bears the name of the packages.
PROGRAMS = ["mcp-secure-remote", "mcp-secure-remote-client"]


def _field(name: str) -> str:
    # `tomllib` came with Python 3.11, and these are plain texts.
    package = (ROOT / "Cargo.toml").read_text().split("\n[", 1)[0]
    return re.search(rf'^{name} = "(.*)"$', package, re.MULTILINE).group(1)


NAME = _field("name")
VERSION = _field("version")
DESCRIPTION = _field("description")
LICENSE = _field("license")
REPOSITORY = _field("repository")
KEYWORDS = ["mcp", "mtls", "proxy", "json-rpc", "bridge"]

#: The name in the registry of MCP servers, which follows from who owns the repository.
SERVER_NAME = "io.github." + "/".join(REPOSITORY.split("/")[-2:])

#: Where the files of this release can be fetched once it is published.
DOWNLOADS = f"{REPOSITORY}/releases/download/v{VERSION}"


def programs(folder: Path) -> list[Path]:
    """The files of both programs in this folder, with the ending that Windows wants."""
    found = [folder / name for name in PROGRAMS]
    return [file if file.exists() else file.with_suffix(".exe") for file in found]
