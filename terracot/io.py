"""Writing to disk so that a crash, a full disk or a Ctrl-C never leaves something that looks finished.

A file appears whole or not at all (temporary file in the same folder, flush, fsync, rename). Logs are appended line by
line and a torn last line is dropped when they are read again. A folder is finished when its ``manifest.json`` is
there: it is written last and holds the hash of every other file. Manifests hold no clock times, so that the same
inputs, seed and version give the same bytes.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import platform
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, BinaryIO

import terracot

MANIFEST = "manifest.json"
STAMPED_LIBRARIES = ("numpy", "scipy", "scikit-image", "pyarrow", "pycocotools", "pyproj", "rasterio", "pillow")


class OutputError(ValueError):
    """Something that cannot be written, or was found damaged; the message says what is safe and what to do."""


@contextmanager
def atomic_file(path: str | Path) -> Iterator[BinaryIO]:
    """Open a temporary binary file beside ``path`` that takes its place only when the block ends without an error.

    Folders are made as needed. ``OutputError`` on any ``OSError`` of the system; the old ``path`` stays untouched.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise OutputError(_explain(error, path, "whatever was there before is unchanged")) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def atomic_write_bytes(path: str | Path, data: bytes) -> None:
    """Write ``data`` so that ``path`` holds either all of it or what it held before; ``OutputError`` otherwise."""
    with atomic_file(path) as file:
        file.write(data)


def atomic_write_text(path: str | Path, text: str) -> None:
    """Write ``text`` as UTF-8, atomically."""
    atomic_write_bytes(path, text.encode("utf-8"))


def canonical_json(value: Any) -> str:
    """One spelling per value: sorted keys, no spaces, no escapes, and no NaN (``ValueError``)."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def pretty_json(value: Any) -> str:
    """JSON for files that people read: indented, in the order given, no NaN (``ValueError``), newline at the end."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def read_json(path: str | Path, remedy: str = "restore it or write it again") -> dict[str, Any]:
    """Read a JSON file that holds an object; ``OutputError`` names the file when it is missing or damaged, and the
    remedy."""
    try:
        value = json.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise OutputError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise OutputError(f"{path} is not valid JSON ({error}); {remedy}") from error
    if not isinstance(value, dict):
        raise OutputError(f"{path}: expected a JSON object, found {type(value).__name__}; {remedy}")
    return value


def open_log(path: str | Path) -> IO[bytes]:
    """Open a JSON-lines file for ``append_line``, unbuffered: closing it after a full disk cannot fail once more."""
    try:
        return Path(path).open("ab", buffering=0)
    except OSError as error:
        raise OutputError(_explain(error, Path(path), "nothing was changed")) from error


def lock(handle: IO[bytes]) -> bool:
    """Keep other processes from locking this open file until it is closed; False when one of them was first.

    True, without a lock, where the system or its file system has none.
    """
    if sys.platform != "win32":
        import fcntl

        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            pass
    return True


def append_line(handle: IO[bytes], value: Mapping[str, Any], sync: bool = False) -> None:
    """Append ``value`` to a binary handle as one line of JSON and flush it; with ``sync`` also to the disk itself."""
    line = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False) + "\n"
    rest = memoryview(line.encode("utf-8", "backslashreplace"))  # a reply may hold half a surrogate pair
    try:
        while rest:  # an unbuffered handle may write a part only
            rest = rest[handle.write(rest) :]
        handle.flush()
        if sync:
            os.fsync(handle.fileno())
    except OSError as error:
        safe = "every line before this one is safe; a torn last line is dropped when the file is read again"
        raise OutputError(_explain(error, Path(str(getattr(handle, "name", "?"))), safe)) from error


def iter_jsonl(path: str | Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a JSON-lines file; a last line without its newline (still being written) is left out.

    ``OutputError`` names the line when anything else is damaged.
    """
    try:
        with Path(path).open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    return
                try:
                    value = json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise OutputError(
                        f"{path}, line {number} is damaged ({error}); only a torn last line can be healed. "
                        "Restore the file or delete that line"
                    ) from error
                if not isinstance(value, dict):
                    raise OutputError(f"{path}, line {number}: expected a JSON object, found {type(value).__name__}")
                yield value
    except OSError as error:
        raise OutputError(f"cannot read {path}: {error.strerror or error}") from error


def heal_jsonl(path: str | Path) -> int:
    """Cut a torn last line (one without a newline) off the file; returns the number of bytes cut."""
    path = Path(path)
    try:
        with path.open("r+b") as file:
            end = position = file.seek(0, os.SEEK_END)
            while position > 0:
                start = max(0, position - 65536)
                file.seek(start)
                newline = file.read(position - start).rfind(b"\n")
                if newline >= 0:
                    position = start + newline + 1
                    break
                position = start
            if position < end:
                file.truncate(position)
            return end - position
    except OSError as error:
        raise OutputError(_explain(error, path, "nothing was cut")) from error


def read_jsonl_healing(path: str | Path) -> list[dict[str, Any]]:
    """Drop a torn last line from the file itself, then read all objects; ``OutputError`` on damage elsewhere."""
    heal_jsonl(path)
    return list(iter_jsonl(path))


def sha256_file(path: str | Path) -> str:
    """Hex sha256 of a file, read in pieces."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def stamp() -> dict[str, Any]:
    """What made this output: package version, git commit and dirty flag (None outside a checkout), libraries."""
    return {
        "package": "terrascope-bench",
        "version": terracot.__version__,
        **_git(),
        "python": platform.python_version(),
        "machine": f"{sys.platform}-{platform.machine()}",
        "libraries": {name: _version(name) for name in STAMPED_LIBRARIES},
    }


def write_manifest(
    folder: str | Path, content: Mapping[str, Any], hashes: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Any]:
    """Write ``manifest.json``, last of all: ``content`` and ``files`` with bytes, sha256 and rows of every file.

    ``hashes`` are those that are known since the files were written, by path. Returns what was written. The presence of
    the file is the completion mark of the folder.
    """
    folder = Path(folder)
    files = {name: _describe(folder / name, hashes.get(name)) for name in _listing(folder)}
    manifest = {**content, "files": files}
    atomic_write_text(folder / MANIFEST, pretty_json(manifest))
    return manifest


def read_manifest(folder: str | Path) -> dict[str, Any]:
    """Manifest of a finished folder; ``OutputError`` when it is missing or damaged."""
    return read_json(Path(folder) / MANIFEST, f"remove the folder {folder} and run the command that made it again")


def check_manifest(folder: str | Path, hashes: bool = True) -> list[str]:
    """Problems of a finished folder, one sentence each: missing, changed and extra files. Empty when all is well.

    ``hashes=False`` compares names and sizes only, which takes no time on any size of folder.
    ``OutputError`` when there is no readable manifest, which means that the folder was never finished.
    """
    folder = Path(folder)
    if not (folder / MANIFEST).is_file():
        raise OutputError(f"{folder} has no {MANIFEST}, so it was never finished; run the command that makes it again")
    files = read_manifest(folder).get("files")
    if not isinstance(files, dict):
        raise OutputError(f"{folder / MANIFEST} has no list of files; it is not one of ours")
    found = _listing(folder)
    problems = [f"{name} is missing" for name in files if name not in found]
    problems += [f"{name} is not in the manifest" for name in found if name not in files]
    for name in sorted(set(files) & set(found)):
        expected, size = files[name], (folder / name).stat().st_size
        if size != expected["bytes"]:
            problems.append(f"{name} changed: expected {expected['bytes']} bytes, found {size}")
        elif hashes and sha256_file(folder / name) != expected["sha256"]:
            problems.append(f"{name} changed: its sha256 differs from the manifest")
    return problems


def _listing(folder: Path) -> list[str]:
    names = (p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
    return sorted(n.as_posix() for n in names if str(n) != MANIFEST and not any(x.startswith(".") for x in n.parts))


def _describe(path: Path, sha256: str | None = None) -> dict[str, Any]:
    entry: dict[str, Any] = {"bytes": path.stat().st_size, "sha256": sha256 or sha256_file(path)}
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        entry["rows"] = pq.read_metadata(path).num_rows
    elif path.suffix == ".jsonl":
        with path.open("rb") as file:
            entry["rows"] = sum(1 for _ in file)
    return entry


def _explain(error: OSError, path: Path, safe: str) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full, {path} was not written; {safe}. Free some space and run the same command again"
    return f"cannot write {path}: {error}; {safe}. Check the folder and its permissions"


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


@lru_cache(maxsize=1)
def _git() -> dict[str, Any]:
    """Commit and dirty flag of the checkout that tracks this package; a stranger's repository is not ours."""
    here = Path(terracot.__file__).resolve()

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(here.parent), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", here.name)
        return {
            "commit": git("rev-parse", "HEAD"),
            "dirty": bool(git("status", "--porcelain", "--untracked-files=no")),
        }
    except (OSError, subprocess.SubprocessError):
        return {"commit": None, "dirty": None}
