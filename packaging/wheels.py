"""Wheels: what maturin has built is what goes into all other packages of that platform too."""

import zipfile
from pathlib import Path, PurePosixPath

#: Words in the tag of a wheel, and the target of Rust that they stand for.
TARGETS = {
    ("manylinux", "x86_64"): "x86_64-unknown-linux-gnu",
    ("manylinux", "aarch64"): "aarch64-unknown-linux-gnu",
    ("macosx", "x86_64"): "x86_64-apple-darwin",
    ("macosx", "arm64"): "aarch64-apple-darwin",
    ("win", "amd64"): "x86_64-pc-windows-msvc",
}


def unpack(wheel: Path, scratch: Path) -> tuple[str, Path]:
    """The target of this wheel, and a folder with its programs."""
    tag = wheel.stem.rsplit("-", 1)[1]
    found = [it for (system, cpu), it in TARGETS.items() if tag.startswith(system) and tag.endswith(cpu)]
    if not found:
        raise SystemExit(f"error: no target is known for the wheel {wheel.name}")
    folder = scratch / found[0]
    folder.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if ".data/scripts/" in name:
                program = folder / PurePosixPath(name).name
                program.write_bytes(archive.read(name))
                program.chmod(0o755)
    return found[0], folder
