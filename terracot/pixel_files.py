"""Scenes whose pictures and pixels lie as files beside the table: ``images/*.png`` and ``pixels/*.npy``.

The scene table then holds paths relative to the folder instead of bytes. Paths come from files that anybody may have
written, so none may lead out of the folder, and an array is only read when it is what its row says.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from terracot.io import OutputError, atomic_write_bytes

EMBED, FILES = "embed", "files"


def store(row: Mapping[str, Any], folder: Path, name: str) -> tuple[dict[str, Any], dict[str, dict[str, str]]]:
    """Write the pictures and pixels of a scene row under ``name``; returns the row that names them, and their hashes.

    The pixels of frame n of scene "00003/0007" are ``pixels/00003/0007-1.npy``, ``(bands, H, W)``.
    """
    frames, files = [], {}
    for number, frame in enumerate(row["frames"], 1):
        shape = (len(frame["bands"]), row["height"], row["width"])
        array = io.BytesIO()
        np.save(array, np.frombuffer(frame["pixels"], frame["dtype"]).reshape(shape), allow_pickle=False)
        picture, pixels = f"images/{name}-{number}.png", f"pixels/{name}-{number}.npy"
        for path, data in ((picture, frame["image"]["bytes"]), (pixels, array.getvalue())):
            atomic_write_bytes(folder / path, data)
            files[path] = {"sha256": hashlib.sha256(data).hexdigest()}
        frames.append(
            {**frame, "image": {"bytes": None, "path": picture}, "pixels": None, "pixels_path": pixels},
        )
    return {**row, "frames": frames}, files


def with_files(row: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The row with the bytes of the files that it names; any other row as it is. ``OutputError`` for unusable files.

    A row that was read without its size keeps the paths of its pixels, which nobody could use; columns of frames that
    were not read are left out.
    """
    if row.get("frames"):
        for frame in row["frames"]:
            image = frame.get("image")
            if image and image["bytes"] is None and image["path"] is not None:
                frame["image"] = {**image, "bytes": _read(folder, image["path"])}
            unread = frame.get("pixels", b"") is None
            if unread and frame["pixels_path"] is not None and "height" in row:
                shape = (len(frame["bands"]), row["height"], row["width"])
                frame["pixels"] = _read_array(folder, frame["pixels_path"], shape, frame["dtype"])
    return row


def without_paths(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row as a folder that embeds its images has it, for comparing."""
    frames = [{**f, "image": {**f["image"], "path": None}, "pixels_path": None} for f in row["frames"]]
    return {**row, "frames": frames}


def inside(folder: Path, name: str) -> Path:
    """The file ``name`` of a folder; ``OutputError`` for names that lead out of it, also by a link."""
    path = folder / name
    plain = name and "\\" not in name and "\0" not in name and ":" not in name
    if not plain or Path(name).is_absolute() or not path.resolve().is_relative_to(folder.resolve()):
        raise OutputError(f"{folder} names the file {name!r}; expected a path inside the folder. Make the folder again")
    return path


def _read(folder: Path, name: str) -> bytes:
    try:
        return inside(folder, name).read_bytes()
    except OSError as error:
        raise OutputError(f"cannot read {folder / name}: {error.strerror or error}; make the folder again") from error


def _read_array(folder: Path, name: str, shape: tuple[int, ...], dtype: str) -> bytes:
    """C-order bytes of an array; its header is checked before anything of the size that it claims is made."""
    try:
        array = np.load(inside(folder, name), mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise OutputError(f"{folder / name} is no readable .npy array ({error}); make the folder again") from error
    if not isinstance(array, np.ndarray) or array.shape != shape or str(array.dtype) != dtype:
        found = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
        raise OutputError(f"{folder / name}: expected {dtype} {shape}, found {found}; make the folder again")
    return array.tobytes()
