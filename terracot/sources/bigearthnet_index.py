"""The metadata of BigEarthNet v2.0: two Parquet files, one row a patch, the only thing that joins its sensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from terracot.scenes import SceneError, SourceError

CLEAN = "metadata.parquet"
FLAGGED = "metadata_for_patches_with_snow_cloud_or_shadow.parquet"
_TEXT, _FLAG = pa.string(), pa.bool_()
_SNOW, _CLOUD = "contains_seasonal_snow", "contains_cloud_or_shadow"
_SCHEMA = pa.schema(
    {
        "patch_id": _TEXT,
        "labels": pa.list_(_TEXT),
        "split": _TEXT,
        "country": _TEXT,
        "s1_name": _TEXT,
        "s2v1_name": _TEXT,
        _SNOW: _FLAG,
        _CLOUD: _FLAG,
    }
)


class Index:
    """Rows of both files by patch id. ``flagged`` patches have seasonal snow, cloud or shadow."""

    def __init__(self, clean: Path, flagged: Path | None) -> None:
        tables = [_read(clean)] + ([_read(flagged)] if flagged else [])
        self._table = pa.concat_tables(tables)
        second_file = np.arange(self._table.num_rows) >= tables[0].num_rows
        self._flagged = second_file | self._flags(_SNOW) | self._flags(_CLOUD)
        splits = self._table["split"].combine_chunks().fill_null("").dictionary_encode()
        self._split_names, self._splits = splits.dictionary.to_pylist(), splits.indices.to_numpy()
        patch_ids = self._table["patch_id"].to_pylist()
        self._rows: dict[str, int] = {name: i for i, name in enumerate(patch_ids) if name is not None}
        self.without_id = patch_ids.count(None)
        self._contradicted = self._find_contradicted(patch_ids)

    def _flags(self, name: str) -> npt.NDArray[np.bool_]:
        return np.asarray(self._table[name].fill_null(False).to_numpy(), dtype=bool)

    def _find_contradicted(self, patch_ids: Sequence[str | None]) -> frozenset[str]:
        """Patches whose rows disagree; a row that says the same twice does no harm."""
        if len(self._rows) + self.without_id == len(patch_ids):
            return frozenset()
        repeats = [(i, name) for i, name in enumerate(patch_ids) if name is not None and self._rows[name] != i]
        return frozenset(name for i, name in repeats if self._content(i) != self._content(self._rows[name]))

    def _content(self, i: int) -> tuple[Mapping[str, Any], bool]:
        return self._table.slice(i, 1).to_pylist()[0], bool(self._flagged[i])

    def __contains__(self, patch_id: str) -> bool:
        return patch_id in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def flagged(self, patch_id: str) -> bool:
        """True for a patch with seasonal snow, cloud or shadow."""
        return bool(self._flagged[self._rows[patch_id]])

    def split(self, patch_id: str) -> str:
        """The split as the file has it."""
        return str(self._split_names[self._splits[self._rows[patch_id]]])

    def contradicted(self, patch_id: str) -> bool:
        """True when two rows say different things of this patch."""
        return patch_id in self._contradicted

    def row(self, patch_id: str) -> Mapping[str, Any]:
        """All columns of one patch; ``SceneError`` when there is no row, or two that disagree."""
        if patch_id not in self._rows:
            raise SceneError("missing_metadata", f"{patch_id}: no row in {CLEAN} or {FLAGGED}; fetch both again")
        if self.contradicted(patch_id):
            raise SceneError("bad_record", f"{patch_id}: two rows of the metadata disagree; fetch both files again")
        return self._content(self._rows[patch_id])[0]


def _read(path: Path) -> pa.Table:
    try:
        found = pq.read_schema(path).names
        missing = [name for name in _SCHEMA.names if name not in found]
        if missing:
            raise SourceError(
                f"{path.name}: the columns {', '.join(missing)} are missing (found: {', '.join(found)}); expected the "
                f"file of BigEarthNet v2.0 with {', '.join(_SCHEMA.names)}"
            )
        table = pq.read_table(path, columns=_SCHEMA.names).select(_SCHEMA.names).cast(_SCHEMA)
        table.validate(full=True)  # text that is none
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise SourceError(
            f"{path.name}: cannot be read as the metadata of BigEarthNet v2.0 "
            f"({str(error).replace(str(path), path.name)[:200]}); fetch it again"
        ) from error
    return table
