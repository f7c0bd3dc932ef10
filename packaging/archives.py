"""Archives that are the same, byte for byte, whenever they are made from the same files."""

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

#: Name within the archive, content, and whether it is a program.
Entry = tuple[str, bytes, bool]


def file(name: str, path: Path, program: bool = False) -> Entry:
    return name, path.read_bytes(), program


def tar_gz(path: Path, entries: list[Entry]) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content, program in entries:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            info.mode = 0o755 if program else 0o644
            info.mtime = 499162500  # what npm takes; some tools refuse 1970
            archive.addfile(info, io.BytesIO(content))
    with open(path, "wb") as out, gzip.GzipFile("", "wb", 9, out, mtime=0) as compressed:
        compressed.write(buffer.getvalue())


def zip_file(path: Path, entries: list[Entry]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content, program in entries:
            info = zipfile.ZipInfo(name, (1985, 10, 26, 8, 15, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3  # Unix, so that the next line counts
            info.external_attr = (0o100755 if program else 0o100644) << 16
            archive.writestr(info, content)
