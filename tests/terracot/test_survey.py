"""terracot check: every planted defect is found, counted under its name, and decides the exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import rsvqa_on_disk as rsvqa
from make_scenes import make_scenes, unknown_code

from terracot.cli import main
from terracot.generate import source_spec
from terracot.scenes import SceneError, SourceError
from terracot.sources import open_source
from terracot.sources.catalogue import CATALOGUE
from terracot.sources.published import LeftOut, Listing, PublishedSource, category
from terracot.survey import survey


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """20 scenes: one label of an unknown code, one missing image, one truncated image."""
    folder = make_scenes(tmp_path / "rasters", count=20)
    unknown_code(folder, "s003")
    (folder / "image" / "s005.tif").unlink()
    whole = (folder / "image" / "s007.tif").read_bytes()
    (folder / "image" / "s007.tif").write_bytes(whole[: len(whole) // 2])
    return folder


def test_every_planted_defect_is_counted_with_its_reason(damaged: Path) -> None:
    found = survey(source_spec("geotiff", str(damaged)))
    assert found.usable == 17
    assert found.reasons == {"unknown_code": 1, "missing_frame": 1, "unreadable": 1}
    assert found.categories["corrupt"] == 2
    assert found.categories["missing"] == 1
    assert found.examples["unreadable"][0]["name"] == "s007"
    assert found.unusable_share == 3 / 20
    assert found.ground == {"measured": 17}


def test_workers_change_nothing(damaged: Path) -> None:
    one = survey(source_spec("geotiff", str(damaged)))
    assert survey(source_spec("geotiff", str(damaged)), workers=2).to_dict() == one.to_dict()


def test_a_limit_does_not_hold_the_whole_listing_against_the_scenes_that_were_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = rsvqa.published(tmp_path / "rsvqa", [row for n in range(1, 31) for row in rsvqa.asked(n)], size=16)
    (folder / "Images_LR" / "30.tif").unlink()  # 1 of 30
    (folder / "Images_LR" / "1.tif").write_bytes(b"")
    found = survey(source_spec("rsvqa-lr", str(folder)), limit=10)
    assert (found.usable, found.unread, found.reasons) == (9, 19, {"missing_image": 1, "empty_file": 1})
    assert found.unusable_share == pytest.approx((1 + 29 / 10) / 30)  # one is missing, one in ten of the others empty
    assert survey(source_spec("rsvqa-lr", str(folder))).unusable_share == 2 / 30
    assert main(["check", "rsvqa-lr", str(folder), "--limit", "10", "--max-quarantined", "0.14"]) == 0
    text = capsys.readouterr().out
    assert "not read                   19  beyond --limit" in text
    assert "Usable, but about 13 % cannot be used." in text


def test_exit_code_says_whether_a_download_is_usable(damaged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "geotiff", str(damaged)]) == 3
    text = capsys.readouterr().out
    assert "missing_frame 1" in text
    assert "s005: scene s005: expected one file image/s005.tif, found no file" in text
    assert "Not usable as it is: 15 % cannot be used, more than the 5 %" in text
    assert main(["check", "geotiff", str(damaged), "--max-quarantined", "0.15"]) == 0
    assert "Usable, but 15 % cannot be used." in capsys.readouterr().out
    for image in (damaged / "image").iterdir():
        image.write_bytes(b"")
    assert main(["check", "geotiff", str(damaged), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["usable"] == 0
    assert report["categories"]["corrupt"] + report["categories"]["missing"] == 20
    assert main(["check", "geotiff", str(damaged / "nothing")]) == 2


def test_check_writes_nothing(damaged: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in damaged.rglob("*")}
    main(["check", "geotiff", str(damaged), "--json"])
    assert {path: path.stat().st_mtime_ns for path in damaged.rglob("*")} == before


class TwoSplits(PublishedSource):
    """A published set of two splits, as adapters write them."""

    name = "xbd"
    splits = ("train", "test")

    def listing(self) -> Listing:
        left = (
            LeftOut("c", "missing_label", "no label"),
            LeftOut("d", "missing_label", "no label", split="test"),
            LeftOut("rest", "not_downloaded", "100 others", count=100),
        )
        return Listing({"a": "train", "b": "test"}, left)


def test_a_split_restricts_the_scenes_and_the_others_are_named(tmp_path: Path) -> None:
    source = TwoSplits(tmp_path, split="train")
    assert source.ids() == ["a"]
    assert [(left.name, left.reason) for left in source.left_out()] == [
        ("c", "missing_label"),
        ("d", "other_split"),
        ("rest", "not_downloaded"),
        ("b", "other_split"),
    ]
    assert [left.reason for left in TwoSplits(tmp_path, split="test").left_out()][1] == "missing_label"
    assert TwoSplits(tmp_path).ids() == ["a", "b"]
    assert TwoSplits(tmp_path).fingerprint() != source.fingerprint()
    with pytest.raises(SourceError, match="splits train, test; found split=val"):
        TwoSplits(tmp_path, split="val")
    with pytest.raises(SourceError, match="found no folder"):
        TwoSplits(tmp_path / "nothing")


def test_reasons_mean_what_the_table_says() -> None:
    assert category("missing_label") == "missing"
    assert category("other_split") == "outside the split"
    assert category("placeholder") == "placeholder"
    assert category("unreadable") == "corrupt"
    assert category("quadrant_undecided") == "unusable"


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_every_source_of_the_catalogue_opens_or_says_what_it_expects(name: str, tmp_path: Path) -> None:
    with pytest.raises((SourceError, SceneError)) as caught:
        open_source(name, str(tmp_path / "nothing")).ids()
    assert len(str(caught.value)) > 20
    with pytest.raises(SourceError, match="has no option 'colour'"):
        open_source(name, str(tmp_path), colour="red")


def test_options_are_named_once_and_with_a_value(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for given in (["-o", "labels"], ["-o", "=x"], ["-o", "a=1", "-o", "a=2"]):
        assert main(["check", "geotiff", str(tmp_path), *given]) == 2
        assert "-o takes NAME=VALUE" in capsys.readouterr().err
