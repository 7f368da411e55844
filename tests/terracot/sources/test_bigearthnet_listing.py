"""What of a BigEarthNet v2.0 download is listed, what is left out and why; metadata that break their format."""

from __future__ import annotations

import json
import struct
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bigearthnet_on_disk import (
    CLEAN,
    COLUMNS,
    FLAGGED,
    OTHER_TILE,
    SNOWY,
    TWO_OF_ONE_TILE,
    Patch,
    download,
    read_all,
    refusal,
    write_rows,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from terracot.cli import main
from terracot.generate import source_spec
from terracot.scenes import SceneError, SourceError
from terracot.sources.bigearthnet import BigEarthNetSource
from terracot.survey import survey

PATCH = Patch()


def left_out(root: Path, **options: str) -> dict[str, str]:
    return {entry.name: entry.reason for entry in BigEarthNetSource(root, **options).left_out()}


# --- listing --------------------------------------------------------------------------------------------------------


def test_listing_takes_split_and_country_from_the_metadata(tmp_path: Path) -> None:
    a, b = TWO_OF_ONE_TILE
    source = BigEarthNetSource(download(tmp_path, a, b, OTHER_TILE))
    assert list(source.ids()) == [b.id, a.id, OTHER_TILE.id]  # tiles and patches in the order of their names
    assert source.left_out() == []
    assert source.load(OTHER_TILE.id).split == "test"
    assert source.load(OTHER_TILE.id).provenance["metadata"]["country"] == "Finland"
    assert list(BigEarthNetSource(tmp_path, split="validation").ids()) == [b.id]
    assert left_out(tmp_path, split="validation") == {a.id: "other_split", OTHER_TILE.id: "other_split"}


def test_a_patch_only_in_the_snow_file_comes_back_when_asked_for(tmp_path: Path) -> None:
    root = download(tmp_path, PATCH, SNOWY)
    assert list(BigEarthNetSource(root).ids()) == [PATCH.id]
    assert left_out(root) == {SNOWY.id: "flagged"}
    both = BigEarthNetSource(root, flagged="yes")
    assert list(both.ids()) == [PATCH.id, SNOWY.id]
    assert both.load(SNOWY.id).provenance["metadata"]["contains_seasonal_snow"] is True


def test_a_flag_in_the_first_file_counts_too(tmp_path: Path) -> None:
    root = download(tmp_path, PATCH)
    write_rows(root / CLEAN, [PATCH.row | {"contains_cloud_or_shadow": True}])
    assert left_out(root) == {PATCH.id: "flagged"}


def test_patches_without_a_row_are_left_out(tmp_path: Path) -> None:
    root = download(tmp_path, PATCH, SNOWY)
    (root / FLAGGED).unlink()
    (entry,) = BigEarthNetSource(root).left_out()
    assert (entry.name, entry.reason) == (SNOWY.id, "missing_metadata")
    assert FLAGGED in entry.message
    assert refusal(root, SNOWY).reason == "missing_metadata"
    with pytest.raises(SourceError, match=FLAGGED):
        BigEarthNetSource(root, flagged="yes")


def test_rows_without_a_folder_are_summed_up_by_tile(tmp_path: Path) -> None:
    a, b = TWO_OF_ONE_TILE
    root = download(tmp_path, a)
    gone = [replace(OTHER_TILE, column=c) for c in range(40)]
    write_rows(root / CLEAN, [p.row for p in (a, b, *gone)])
    write_rows(root / FLAGGED, [SNOWY.row])
    source = BigEarthNetSource(root)
    assert list(source.ids()) == [a.id]
    assert [(e.name, e.reason, e.message) for e in source.left_out()] == [
        (a.tile_id, "not_downloaded", "1 of its 2 patches in the metadata are not below BigEarthNet-S2"),
        (OTHER_TILE.tile_id, "not_downloaded", "40 of its 40 patches in the metadata are not below BigEarthNet-S2"),
    ]
    assert survey(source_spec("bigearthnet", str(root))).reasons == {"not_downloaded": 41}  # patches, not tiles
    assert [e.message.split()[0] for e in BigEarthNetSource(root, flagged="yes").left_out()] == ["1", "41"]
    assert refusal(root, b).reason == "missing_image"


def test_tiles_that_were_not_fetched_do_not_make_a_download_unusable(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One tile of 31 is here and complete; a file missing in it is a defect all the same."""
    gone = [replace(OTHER_TILE, time=f"201711{day:02d}T094131") for day in range(1, 31)]
    root = download(tmp_path, PATCH)
    write_rows(root / CLEAN, [p.row for p in (PATCH, *gone)])
    assert main(["check", "bigearthnet", str(root)]) == 0
    shown = capsys.readouterr().out
    assert "not_downloaded 30" in shown
    assert "Usable: nothing is wrong." in shown
    (root / PATCH.band_file("B8A")).unlink()
    assert main(["check", "bigearthnet", str(root), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["reasons"] == {"not_downloaded": 30, "missing_image": 1}
    assert report["unusable_share"] == 1


def test_rows_that_disagree_are_bad_and_rows_that_repeat_are_not(tmp_path: Path) -> None:
    a, b = TWO_OF_ONE_TILE
    root = download(tmp_path, a, b)
    write_rows(root / CLEAN, [a.row, b.row, a.row, b.row | {"split": "test"}])
    assert list(BigEarthNetSource(root).ids()) == [a.id]
    assert left_out(root) == {b.id: "bad_record"}
    assert refusal(root, b).reason == "bad_record"
    write_rows(root / CLEAN, [a.row, b.row])
    write_rows(root / FLAGGED, [b.row])  # clean and flagged at once
    assert left_out(root) == {b.id: "bad_record"}


def test_unknown_splits_and_rows_without_a_patch_are_bad_records(tmp_path: Path) -> None:
    root = download(tmp_path, PATCH)
    write_rows(root / CLEAN, [PATCH.row | {"split": "val"}, PATCH.row | {"patch_id": None}])
    assert left_out(root) == {PATCH.id: "bad_record", CLEAN: "bad_record"}


def test_stray_files_and_folders_are_no_scenes(tmp_path: Path) -> None:
    root = download(tmp_path, PATCH)
    (root / "BigEarthNet-S2" / ".DS_Store").write_bytes(b"x")
    (root / "BigEarthNet-S2" / PATCH.tile_id / "readme.txt").write_text("x")
    (root / "BigEarthNet-S2" / "spare" / PATCH.id).mkdir(parents=True)
    source = BigEarthNetSource(root)
    assert list(source.ids()) == [PATCH.id]
    assert [(e.name, e.reason) for e in source.left_out()] == [(PATCH.id, "misplaced")]


def test_parts_may_lie_one_folder_deeper_as_mirrors_unpack_them(tmp_path: Path) -> None:
    root = download(tmp_path, PATCH)
    nested = root / "BigEarthNet-S2"
    nested.rename(root / "old")
    nested.mkdir()
    (root / "old").rename(nested / "BigEarthNet-S2")
    (root / "V2").mkdir()
    for part in ("Reference_Maps", CLEAN, FLAGGED, "BigEarthNet-S1"):
        (root / part).rename(root / "V2" / part)
    source = BigEarthNetSource(root)
    assert list(source.ids()) == [PATCH.id]
    scene = source.load(PATCH.id)
    assert len(scene.frames) == 2
    assert scene.provenance["labels"][0]["file"] == f"V2/{PATCH.map_file}"
    assert scene.provenance["files"]["S2"][0].startswith("BigEarthNet-S2/BigEarthNet-S2/S2A_")


def test_the_fingerprint_follows_metadata_options_and_sar(tmp_path: Path) -> None:
    root = download(tmp_path, PATCH)
    prints = {BigEarthNetSource(root, **options).fingerprint() for options in ({}, {"sar": "no"}, {"legend": "common"})}
    assert BigEarthNetSource(root).fingerprint() in prints
    write_rows(root / CLEAN, [PATCH.row | {"country": "Ireland"}])
    prints.add(BigEarthNetSource(root).fingerprint())
    assert len(prints) == 4


# --- wrong folders and metadata -------------------------------------------------------------------------------------


def test_a_wrong_folder_is_refused_with_what_was_expected_and_found(tmp_path: Path) -> None:
    (tmp_path / "BigEarthNet-S2.tar.zst").touch()
    with pytest.raises(
        SourceError, match=r"no BigEarthNet-S2, Reference_Maps, metadata\.parquet in .*tar\.zst.*Unpack"
    ):
        BigEarthNetSource(tmp_path)
    with pytest.raises(SourceError, match="found no folder"):
        BigEarthNetSource(tmp_path / "nowhere")
    root = download(tmp_path / "real", PATCH)
    with pytest.raises(SourceError, match="Reference_Maps"):
        BigEarthNetSource(root / "BigEarthNet-S2")


@pytest.mark.parametrize("options", [{"flagged": "maybe"}, {"sar": "1"}, {"legend": "ben43"}, {"split": "val"}])
def test_unknown_values_of_options_are_refused(tmp_path: Path, options: dict[str, str]) -> None:
    download(tmp_path, PATCH)
    with pytest.raises(SourceError, match=next(iter(options))):
        BigEarthNetSource(tmp_path, **options)


@pytest.mark.parametrize("column", COLUMNS.names)
def test_metadata_without_a_column_name_it(tmp_path: Path, column: str) -> None:
    root = download(tmp_path, PATCH)
    pq.write_table(pq.read_table(root / CLEAN).drop_columns(column), root / CLEAN)
    with pytest.raises(SourceError, match=rf"metadata\.parquet: the columns {column} are missing"):
        BigEarthNetSource(root).ids()


def test_metadata_that_are_no_parquet_are_refused(tmp_path: Path) -> None:
    root = download(tmp_path, PATCH)
    whole = (root / CLEAN).read_bytes()
    for content in (b"", b"patch_id,labels\n", whole[: len(whole) // 2]):
        (root / CLEAN).write_bytes(content)
        with pytest.raises(SourceError, match="fetch it again"):
            BigEarthNetSource(root).ids()


def test_metadata_that_pandas_wrote_again_are_read(tmp_path: Path) -> None:
    root = download(tmp_path, PATCH)
    pd.read_parquet(root / CLEAN).to_parquet(root / CLEAN)
    assert BigEarthNetSource(root).load(PATCH.id).provenance["metadata"] == PATCH.row


def test_metadata_of_other_types_are_refused(tmp_path: Path) -> None:
    root = download(tmp_path, PATCH)
    table = pa.Table.from_pylist([PATCH.row | {"labels": "Arable land"}])
    pq.write_table(table, root / CLEAN)
    with pytest.raises(SourceError, match=CLEAN):
        BigEarthNetSource(root).ids()


TEXT = st.one_of(st.none(), st.text(max_size=30), st.sampled_from(["../..", PATCH.s1_name, PATCH.id, "test", "."]))
HOSTILE = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@HOSTILE
@given(rows=st.lists(st.fixed_dictionaries(dict.fromkeys(("patch_id", "split", "country", "s1_name"), TEXT))))
def test_hostile_metadata_raise_nothing_else(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    root = tmp_path / "data"
    if not root.exists():
        download(root, PATCH)
    write_rows(root / CLEAN, [PATCH.row | row for row in rows])
    source = BigEarthNetSource(root)
    source.left_out()
    for name in {PATCH.id, *(str(row["patch_id"]) for row in rows)}:
        with suppress(SceneError):
            read_all(source.load(name))


DAMAGED = st.sampled_from([PATCH.band_file("B04"), PATCH.map_file, PATCH.s1_file("VV"), CLEAN])


@HOSTILE
@given(
    file=DAMAGED,
    changes=st.lists(st.tuples(st.integers(-700, 700), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_damaged_files_raise_nothing_else(file: str, changes: list[tuple[int, int]], tmp_path: Path) -> None:
    """Headers of rasters lie in their first bytes, those of Parquet in the last."""
    root = tmp_path / "data"
    if not root.exists():
        download(root, PATCH)
    whole = (root / file).read_bytes()
    damaged = bytearray(whole)
    for position, value in changes:
        damaged[position % len(whole)] = value
    (root / file).write_bytes(damaged)
    with suppress(SceneError, SourceError):
        source = BigEarthNetSource(root)
        source.left_out()
        read_all(source.load(PATCH.id))
    (root / file).write_bytes(whole)


def test_text_that_is_no_text_is_refused(tmp_path: Path) -> None:
    root = download(tmp_path, PATCH)
    whole = (root / CLEAN).read_bytes()
    for damage in (b"Arable", b"S1B_IW", b"spli"):  # a value, a value, a name
        (root / CLEAN).write_bytes(whole.replace(damage, b"\xff" + damage[1:]))
        with pytest.raises(SourceError):
            BigEarthNetSource(root).ids()
    (root / CLEAN).write_bytes(whole)
    path = root / PATCH.map_file
    epsg, none = struct.pack("<4H", 3072, 0, 1, 32633), struct.pack("<4H", 3072, 0, 1, 1)  # GeoTIFF key of the CRS
    path.write_bytes(path.read_bytes().replace(epsg, none).replace(b"UTM", b"\xffTM"))
    assert refusal(root).reason == "unreadable"
