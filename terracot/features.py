"""What Hugging Face `datasets` is told of our columns, in the schema of each Parquet file.

Arrow types say all but one thing: that a struct of bytes and path is a picture. With that, ``load_dataset`` decodes
pictures, streaming included, in whatever way the files are opened.
"""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from terracot.samples import IMAGE

_DTYPES = {"double": "float64", "float": "float32"}


def described(schema: pa.Schema, embedded: bool = True) -> pa.Schema:
    """The schema with the features of its columns as metadata (key "huggingface").

    Pictures that are not ``embedded`` stay as they are: `datasets` would look for their paths from wherever it runs.
    """
    features = {field.name: _feature(field.type, embedded) for field in schema}
    return schema.with_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def _feature(kind: pa.DataType, embedded: bool) -> Any:
    if kind == IMAGE:
        return {"_type": "Image", "decode": embedded}
    if pa.types.is_struct(kind):
        return {field.name: _feature(field.type, embedded) for field in kind}
    if pa.types.is_list(kind):
        return [_feature(kind.value_type, embedded)]
    return {"dtype": _DTYPES.get(str(kind), str(kind)), "_type": "Value"}
