"""What may be asked of a build beyond its protocol: class balance, difficulty, exclusions. None may tell an answer."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from make_scenes import make_scenes

from terrabench.building.build import build
from terrabench.building.found import Found
from terrabench.building.options_plan import assign
from terrabench.building.protocols import PAPER
from terrabench.building.settings import Settings, read_ids
from terrabench.cli import cli
from terrabench.items import Benchmark
from terracot.generate import source_spec
from terracot.io import MANIFEST, read_json
from terracot.scenes import SourceError
from terracot.verify import verify


def number(n: int, value: float, kind: str = "coverage", about: str = "water", unit: str = "%") -> Found:
    """A finding of one place."""
    return Found(
        key=f"{about} {n}",
        task=kind,
        kind=kind,
        classes=(about,),
        stratum=f"{kind} | {about}",
        source="test",
        scene_id=f"{about} {n}",
        group=f"g{n}",
        value=value,
        word="",
        unit=unit,
    )


def pair(n: int, about: str, word: str) -> Found:
    """A boundary finding."""
    found = number(n, 0.0, "boundary", about)
    return Found(**{**vars(found), "value": None, "word": word, "unit": "", "words": ("yes", "no")})


# --- class balance ----------------------------------------------------------------------------------------------------


def test_no_class_has_more_than_the_average_number_of_items() -> None:
    """Twenty sets of water, five of wetland, five of trees: 30 items of three classes, so at most ten of each."""
    counts = {"water": 80, "wetland": 20, "trees": 20}
    found = [number(n, float(n), about=about) for about, n_of in counts.items() for n in range(n_of)]
    free, _ = assign([Found(**{**vars(f), "value": f.value * 50, "unit": "count"}) for f in found], Settings())  # type: ignore[operator]
    assert Counter(key.split()[0] for key in free) == {"water": 20, "wetland": 5, "trees": 5}
    spread = [Found(**{**vars(f), "value": f.value * 50, "unit": "count"}) for f in found]  # type: ignore[operator]
    fair, audit = assign(spread, Settings(class_balance=True))
    assert Counter(key.split()[0] for key in fair) == {"water": 10, "wetland": 5, "trees": 5}
    assert audit["coverage"]["dropped_with_options"]["over_the_share_of_its_class"] == 10
    assert all(fair[key] == free[key] for key in fair)  # what is kept has the options that it would have had anyway


def test_class_balance_leaves_as_many_items_of_either_outcome() -> None:
    sizes = {"a & b": 40, "a & c": 10, "b & c": 6}
    found = [
        pair(n, about, word) for about, size in sizes.items() for n, word in enumerate(["yes", "no"] * (size // 2))
    ]
    kept, audit = assign(found, Settings(class_balance=True))
    word = {f.key: f.word for f in found}
    said = Counter((key.rsplit(" ", 1)[0], word[key]) for key in kept)
    # 56 items of three pairs: 18.67, so at most 19, and in couples 18
    assert {about: said[about, "yes"] for about in sizes} == {"a & b": 9, "a & c": 5, "b & c": 3}
    assert all(said[about, "yes"] == said[about, "no"] for about in sizes)
    assert audit["boundary"]["dropped_with_options"]["over_the_share_of_its_class"] == 22


# --- difficulty -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("unit", "kind"), [("%", "coverage"), ("m2", "area")])
@pytest.mark.parametrize("difficulty", ["near", "far"])
def test_all_items_are_of_the_difficulty_asked_for(unit: str, kind: str, difficulty: str) -> None:
    values = np.random.default_rng(1).uniform(5, 95, 200) * (1 if unit == "%" else 1000)
    assigned, _ = assign(
        [number(n, float(v), kind, unit=unit) for n, v in enumerate(values)], Settings(difficulty=difficulty)
    )
    assert len(assigned) > 10
    for one in assigned.values():
        low, high = min(one.values), max(one.values)
        assert (high - low <= 20 if unit == "%" else high <= 3 * low) == (difficulty == "near")
        assert one.difficulty == difficulty


def test_without_a_wish_every_set_says_how_difficult_it_is() -> None:
    values = np.random.default_rng(2).uniform(5, 95, 200)
    assigned, _ = assign([number(n, float(v)) for n, v in enumerate(values)], Settings())
    for one in assigned.values():
        assert one.difficulty == ("near" if max(one.values) - min(one.values) <= 20 else "far")


def test_ladders_of_the_other_difficulty_are_dropped_and_counted() -> None:
    found = [number(n, 1000.0 * n, "area", unit="m2") for n in range(1, 6)]
    assigned, audit = assign(found, Settings(protocol=PAPER, difficulty="near"))
    assert assigned == {}  # 0.1 to 2 of an area is a factor of twenty
    assert audit["area"]["dropped_with_options"] == {"options_not_near": 5}


def test_an_unknown_difficulty_names_the_known_ones() -> None:
    with pytest.raises(SourceError, match="difficulty is one of any, near, far; found 'hard'"):
        Settings(difficulty="hard")


# --- exclusions -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_scenes(tmp_path_factory.mktemp("rasters") / "scenes", count=24)


@pytest.fixture(scope="module")
def whole(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "b"
    build(source_spec("geotiff", str(scenes)), out)
    return out


def rows(folder: Path) -> dict[str, dict[str, Any]]:
    return {item["id"]: item for item in Benchmark.open(folder).items}


def test_what_curators_reject_is_left_out_and_nothing_else_changes(scenes: Path, whole: Path, tmp_path: Path) -> None:
    before = rows(whole)
    first, *_, second = before
    scene = before[second]["scene_id"]
    listed = tmp_path / "rejected.txt"
    listed.write_text(f"# seen by nobody yet\n{first} # a blurred image\n\n{scene}\nno-such-id\n")
    out = tmp_path / "curated"
    command = ["build", "geotiff", str(scenes), "--out", str(out), "--exclude", str(listed), "--max-quarantined", "1"]
    done = CliRunner().invoke(cli, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "has 1 ids that no item and no scene has: no-such-id" in done.stderr
    gone = {first, *(i for i, item in before.items() if item["scene_id"] == scene)}
    assert rows(out) == {i: item for i, item in before.items() if i not in gone}
    audit = json.loads((out / "audit.json").read_text())
    assert sum(entry["excluded"] for entry in audit.values()) == len(gone)
    for entry in audit.values():
        assert entry["found"] == entry["kept"] + entry["excluded"] + sum(entry["dropped_with_options"].values())
    assert read_json(out / MANIFEST)["exclude_unknown"] == ["no-such-id"]
    assert verify(out, str(scenes)).problems == []


def test_what_curators_choose_is_kept_and_is_as_it_was(scenes: Path, whole: Path, tmp_path: Path) -> None:
    before = rows(whole)
    chosen = sorted(before)[::4]
    listed = tmp_path / "chosen.txt"
    listed.write_text("".join(f"{name}\n" for name in [*chosen, "nobody"]))
    out = tmp_path / "some"
    command = ["build", "geotiff", str(scenes), "--out", str(out), "--only", str(listed), "--max-quarantined", "1"]
    done = CliRunner().invoke(cli, command, catch_exceptions=False)
    assert done.exit_code == 0
    assert "has 1 ids that no item has: nobody" in done.stderr
    assert rows(out) == {name: before[name] for name in before if name in chosen}
    assert verify(out, str(scenes)).problems == []


def test_a_list_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SourceError, match="expected a text file with one id a line"):
        read_ids(path)


def test_settings_come_back_from_a_manifest_as_they_were(tmp_path: Path) -> None:
    """``verify`` makes items again from them: one that is lost would make a good folder look forged."""
    for settings in (
        Settings(),
        Settings(3, 10, PAPER, class_balance=True, difficulty="near", exclude=("a", "b"), only=("c",)),
    ):
        path = tmp_path / "settings.json"
        path.write_text(json.dumps(settings.to_dict()))
        assert Settings.from_dict(read_json(path)) == settings
