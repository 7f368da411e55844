"""From download to benchmark with the programs, as a curator types it: every published set walks the whole way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from every_source import DOWNLOADS, Download

from terrabench.cli import main as terrabench
from terracot.cli import main as terracot
from terracot.sources.catalogue import CATALOGUE, PUBLISHED


def test_no_published_source_is_left_out() -> None:
    assert set(DOWNLOADS) == {info.name for info in PUBLISHED}


@pytest.fixture(scope="module", params=sorted(DOWNLOADS))
def named(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Download]:
    name: str = request.param
    return name, DOWNLOADS[name](tmp_path_factory.mktemp(name) / "download")


def no_path_of(download: Download, *folders: Path) -> bool:
    """True when no file of the outputs tells where the download lies."""
    secret = str(download.path.parent.resolve()).encode()
    return not any(secret in file.read_bytes() for folder in folders for file in folder.rglob("*") if file.is_file())


def test_check_calls_a_whole_download_usable(named: tuple[str, Download], capsys: pytest.CaptureFixture[str]) -> None:
    name, download = named
    assert terracot(["check", name, str(download.path), *download.flags, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["usable"] >= 10
    assert report["unusable_share"] == 0


def test_samples_are_made_and_verify_against_the_source(
    named: tuple[str, Download], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, download = named
    out = tmp_path / "set"
    arguments = ["generate", name, str(download.path), *download.flags, "--out", str(out), "--json"]
    if not download.samples:  # sets for evaluation are refused as training data
        assert terracot(arguments) == 3
        report = json.loads(capsys.readouterr().out)
        assert (report["counts"]["samples"], set(report["reasons"])) == (0, {"evaluation_only"})
        return
    assert terracot(arguments) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["counts"]["samples"] >= report["counts"]["scenes"] >= 10
    verify = ["verify", str(out), "--source", str(download.path), *download.path_flags, "--json"]
    assert terracot(verify) == 0, capsys.readouterr().out
    assert json.loads(capsys.readouterr().out)["checked"]["scenes rebuilt from source"] == report["counts"]["scenes"]
    assert no_path_of(download, out)


def test_items_are_made_and_verify_against_the_source(
    named: tuple[str, Download], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, download = named
    out = tmp_path / "bench"
    arguments = ["build", name, str(download.path), *download.flags, "--out", str(out), "--json"]
    if not download.items:  # a phrase with a mask is no choice among options
        assert terrabench(arguments) == 1
        assert json.loads(capsys.readouterr().out)["counts"]["items"] == 0
        return
    assert terrabench(arguments) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["counts"]["items"] >= 6
    asked = {task for task, count in report["counts"]["tasks"].items() if count}
    able = CATALOGUE[name].answers
    assert all(task in able or any(task.startswith(a.partition("<")[0]) for a in able if "<" in a) for task in asked)
    verify = ["verify", str(out), "--source", str(download.path), *download.path_flags, "--json"]
    assert terracot(verify) == 0, capsys.readouterr().out
    assert no_path_of(download, out)
