"""The terracot command: every command, every error line, and that --help is quick."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner
from make_scenes import make_scenes
from PIL import Image

from terracot.cli import cli, main, run_command
from terracot.ground import GroundError
from terracot.io import OutputError
from terracot.masks import RleError
from terracot.scenes import SceneError, SourceError
from terracot.shards import read_rows
from terracot.sheet import COLOURS
from terracot.sources.catalogue import CATALOGUE, REFUSED
from terracot.sources.layout import shipped_layouts

COMMANDS = ("generate", "verify", "show", "sources", "check", "status")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_scenes(tmp_path_factory.mktemp("in") / "scenes", count=8)


@pytest.fixture(scope="module")
def finished(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "data-set"
    assert main(["generate", "geotiff", str(scenes), "--out", str(out), "--quiet"]) == 0
    return out


@pytest.fixture
def unfinished(tmp_path: Path) -> Path:
    work = tmp_path / "half" / ".work"
    work.mkdir(parents=True)
    (work / "plan.json").write_text('{"plan": "x", "shards": {"generate": 5}}')
    for number in (0, 3):
        (work / f"generate-{number:05d}.json").write_text("{}")
    return work.parent


def error_of(arguments: list[str], capsys: pytest.CaptureFixture[str], code: int = 2) -> str:
    """The one error line of a command that fails."""
    assert main(arguments) == code
    captured = capsys.readouterr()
    assert captured.err.startswith("Error: ")
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err
    return captured.err


# --- help and start-up ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str):
    result = CliRunner().invoke(cli, [command, "--help"])
    assert result.exit_code == 0
    assert "Usage: " in result.output
    assert command in CliRunner().invoke(cli, ["--help"]).output


def test_no_command_prints_the_help(capsys: pytest.CaptureFixture[str]):
    assert main([]) == 0
    assert "Commands:" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--help"], ["generate", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(arguments: list[str]):
    heavy = "numpy pyarrow scipy skimage PIL rasterio pyproj pandas yaml tqdm torch"
    script = (
        f"import sys; from terracot.cli import main; code = main({arguments!r})\n"
        f"loaded = [m for m in {heavy.split()!r} if m in sys.modules]\n"
        "assert not loaded, loaded\n"
        "sys.exit(code)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.e2e
def test_the_installed_program_runs_and_exits_with_its_codes(tmp_path: Path):
    program = Path(sys.executable).with_name("terracot")
    if not program.exists():
        pytest.skip("terracot is not installed beside this Python")
    good = subprocess.run([program, "sources"], capture_output=True, text=True, check=False)
    assert good.returncode == 0
    bad = subprocess.run([program, "status", tmp_path / "none"], capture_output=True, text=True, check=False)
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr == f"Error: expected a data-set folder, found nothing at {tmp_path / 'none'}\n"


# --- generate -------------------------------------------------------------------------------------------------------


def test_generate_says_where_the_files_are_and_how_many(
    scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "out"
    assert main(["generate", "geotiff", str(scenes), "--out", str(out), "--limit", "4"]) == 0
    captured = capsys.readouterr()
    samples = list(read_rows(out, "samples", ["kind"]))
    assert captured.out.startswith(f"{len(samples)} samples over 4 scenes: {out / 'data'}\n")
    kinds = dict(re.findall(r"^  (\w+) +(\d+)$", captured.out, re.MULTILINE))
    assert sum(map(int, kinds.values())) == len(samples)
    assert kinds["counting"] == str(sum(row["kind"] == "counting" for row in samples))
    assert "no scene quarantined" in captured.out
    assert captured.err == ""  # no progress bar where nobody watches


def test_generate_json_is_one_object(scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "out"
    arguments = ["generate", "geotiff", str(scenes), "--out", str(out), "--json", "--allow-license", "MIT"]
    assert main(arguments) == 3
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    counted = ("levels", "kinds", "forms", "modalities", "dates", "sources", "splits")
    assert report == {
        "out": str(out),
        "scenes_read": 8,
        "counts": {"scenes": 0, "samples": 0, "left_out": 0} | {column: {} for column in counted},
        "quarantined": 8,
        "quarantined_share": 1.0,
        "reasons": {"license": 8},
    }
    assert captured.err.startswith("Warning: 8 of 8 scenes were quarantined, more than --max-quarantined 0.05 allows.")


def test_generate_quiet_is_quiet(scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["generate", "geotiff", str(scenes), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_generate_lists_several_licences(scenes: Path, tmp_path: Path):
    arguments = ["generate", "geotiff", str(scenes), "--out", str(tmp_path / "out"), "--quiet"]
    assert main([*arguments, "--allow-license", "MIT, CC-BY-4.0"]) == 0


def test_unknown_source_names_the_nearest(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    error = error_of(["generate", "geotif", "x", "--out", str(tmp_path / "out")], capsys)
    assert "unknown source 'geotif'. Did you mean geotiff?" in error
    assert not (tmp_path / "out").exists()


def test_missing_source_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    error = error_of(["generate", "geotiff", str(tmp_path / "none"), "--out", str(tmp_path / "out")], capsys)
    assert f"expected a folder of rasters or a layout file, found nothing at {tmp_path / 'none'}" in error


def test_unknown_layout_lists_the_shipped_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "rasters").mkdir()
    arguments = ["generate", "geotiff", str(tmp_path / "rasters"), "--out", str(tmp_path / "out"), "--layout", "hls"]
    error = error_of(arguments, capsys)
    assert "--layout hls" in error
    assert "hls_worldcover" in error


def test_layout_is_refused_for_other_sources(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    arguments = ["generate", "procedural", "default", "--out", str(tmp_path / "out"), "--layout", "hls_worldcover"]
    assert "procedural takes no --layout; it is for geotiff" in error_of(arguments, capsys)


def test_other_settings_in_out(scenes: Path, finished: Path, capsys: pytest.CaptureFixture[str]):
    error = error_of(["generate", "geotiff", str(scenes), "--out", str(finished), "--seed", "1"], capsys)
    assert f"{finished} holds a finished data set with other settings; choose another --out or remove it" in error


def test_unfinished_work_of_other_settings_in_out(scenes: Path, unfinished: Path, capsys: pytest.CaptureFixture[str]):
    error = error_of(["generate", "geotiff", str(scenes), "--out", str(unfinished)], capsys)
    assert "holds unfinished work with other settings" in error


def test_settings_that_failed_before_the_first_shard_can_be_mended(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    arguments = ["generate", "procedural", "{scenes: 8, size: 64}", "--out", str(tmp_path / "out"), "--quiet"]
    assert "wider than blocks" in error_of([*arguments, "--split-blocks", "0.01"], capsys)
    assert main([*arguments, "--split-blocks", "1000"]) == 0


def test_unwritable_out(scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "file").write_text("")
    error = error_of(["generate", "geotiff", str(scenes), "--out", str(tmp_path / "file" / "out")], capsys)
    assert "cannot write" in error
    assert "Check the folder and its permissions" in error


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["generate"], "Missing argument 'SOURCE'. (see `terracot generate --help`)"),
        (["generate", "geotiff", "x"], "Missing option '--out'."),
        (["generate", "geotiff", "x", "--out", "y", "--limit", "0"], "0 is not in the range x>=1"),
        (["generate", "geotiff", "x", "--out", "y", "--max-quarantined", "5"], "5.0 is not in the range 0<=x<=1"),
        (["generate", "geotiff", "x", "--out", "y", "--allow-license", " ,"], "--allow-license names no licence"),
        (["generate", "geotiff", "x", "--out", "y", "--speed"], "No such option"),
        (["generate", "geotiff", "x", "--out", "y", "--mcq-share", "nan"], "nan is not a finite number"),
        (["generate", "geotiff", "x", "--out", "y", "--max-quarantined", "nan"], "nan is not a finite number"),
        (["generate", "geotiff", "x", "--out", "y", "--split-blocks", "inf"], "inf is not a finite number"),
        (["stats", "x", "--within", "nan"], "nan is not a finite number"),
        (["paint"], "No such command 'paint'."),
        (["show", "x", "y", "--out", "z.jpg"], "expected a name that ends in .png"),
    ],
)
def test_wrong_use_is_one_line(arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]):
    assert expected in error_of(arguments, capsys)


# --- verify and status ----------------------------------------------------------------------------------------------


def test_verify_passes_a_fresh_data_set(finished: Path, scenes: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["verify", str(finished), "--source", str(scenes)]) == 0
    assert capsys.readouterr().out.startswith("no problem; checked: ")


def test_verify_shows_problems_and_exits_with_one(scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "out"
    assert main(["generate", "geotiff", str(scenes), "--out", str(out), "--quiet"]) == 0
    for number in range(25):
        (out / f"extra{number:02d}.txt").write_text("")
    assert main(["verify", str(out)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "extra00.txt is not in the manifest"
    assert lines[20] == "... and 5 more (all of them with --json)"
    assert lines[21].startswith("25 problems; checked: ")
    assert main(["verify", str(out), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["ok"], len(report["problems"])) == (False, 25)
    assert report["checked"]["scenes"] == 8


@pytest.mark.parametrize("command", [["verify"], ["show"]])
def test_unfinished_and_foreign_folders_are_told_apart(
    command: list[str], unfinished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    rest = ["an-id", "--out", str(tmp_path / "x.png")] if command == ["show"] else []
    assert "is unfinished; run the command that makes it again" in error_of([*command, str(unfinished), *rest], capsys)
    assert "it is no data set or benchmark" in error_of([*command, str(tmp_path), *rest], capsys)
    assert "found nothing at" in error_of([*command, str(tmp_path / "none"), *rest], capsys)


def test_status_of_a_finished_folder(finished: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["status", str(finished)]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"{finished}: finished (terra-cot)\n  scenes: 8\n")
    assert "quarantined: 0" in text
    assert main(["status", str(finished), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["scenes"] == 8


def test_status_of_unfinished_work_counts_shards(unfinished: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["status", str(unfinished)]) == 1
    assert capsys.readouterr().out == f"{unfinished}: unfinished\n  generate: 2 of 5 shards done\n"
    assert main(["status", str(unfinished), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["shards"] == {"generate": {"done": 2, "planned": 5}}


def test_status_of_a_damaged_and_of_a_foreign_folder(scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "out"
    assert main(["generate", "geotiff", str(scenes), "--out", str(out), "--quiet"]) == 0
    (out / "README.md").unlink()
    assert main(["status", str(out)]) == 1
    assert "damaged (terra-cot)" in (text := capsys.readouterr().out)
    assert "README.md is missing" in text
    assert main(["status", str(tmp_path)]) == 2
    assert capsys.readouterr().out == f"{tmp_path}: not a data set\n"


# --- show and sources -----------------------------------------------------------------------------------------------


def picture(finished: Path, row_id: str, out: Path) -> np.ndarray:
    assert main(["show", str(finished), row_id, "--out", str(out)]) == 0
    with Image.open(out) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


def test_show_draws_enlarged_pictures_with_outlined_masks(finished: Path, tmp_path: Path):
    row = next(r for r in read_rows(finished, "samples") if len(r["masks"]) == 2)
    drawn = picture(finished, row["id"], tmp_path / "sheet.png")
    assert min(drawn.shape[:2]) >= 384
    for colour in COLOURS[:2]:
        # A mask has an outline and each [SEG] of legend and trace a chip; of the third colour there is nothing.
        assert np.all(drawn == colour, axis=-1).sum() > 200
    assert not np.all(drawn == COLOURS[2], axis=-1).any()


def test_show_draws_a_picture_for_each_date(tmp_path: Path):
    folder = make_scenes(tmp_path / "pairs", count=3, dates=3)
    out = tmp_path / "out"
    assert main(["generate", "geotiff", str(folder), "--out", str(out), "--quiet"]) == 0
    row = next(iter(read_rows(out, "samples", ["id"])))
    assert picture(out, row["id"], tmp_path / "sheet.png").shape[1] >= 3 * 384


def test_show_says_which_ids_are_near(finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    row = next(iter(read_rows(finished, "samples", ["id", "scene_id"])))
    rest = ["--out", str(tmp_path / "x.png")]
    start = error_of(["show", str(finished), row["id"][:7], *rest], capsys)
    assert f"did you mean {row['id']}" in start
    swapped = row["id"][:5] + row["id"][6] + row["id"][5] + row["id"][7:]
    if swapped != row["id"]:
        assert row["id"] in error_of(["show", str(finished), swapped, *rest], capsys)
    assert "this is a scene; ask for one of its rows" in error_of(
        ["show", str(finished), row["scene_id"], *rest], capsys
    )
    assert "its ids look like" in error_of(["show", str(finished), "zz", *rest], capsys)
    assert not (tmp_path / "x.png").exists()


def test_sources_lists_every_source_and_layout(capsys: pytest.CaptureFixture[str]):
    assert main(["sources"]) == 0
    text = capsys.readouterr().out
    assert all(f"  {name} " in text for name in (*CATALOGUE, *REFUSED))
    assert main(["sources", "geotiff"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in shipped_layouts())
    assert main(["sources", "chatearthnet"]) == 0
    text = capsys.readouterr().out
    assert "  --split NAME        read only this split\n" in text
    assert "  -o worldcover=PATH  this or satlas: " in text
    assert main(["sources", "--json"]) == 0
    table = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(table) == {*CATALOGUE, *REFUSED}
    assert "bigearthnet_v2" in [layout["name"] for layout in table["geotiff"]["layouts"]]
    assert table["xbd"]["non_commercial"] is True
    assert table["bigearthnet"]["non_commercial"] is False


def test_a_set_that_is_not_read_is_refused_with_its_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert "500 m" in error_of(["check", "sen12ms", str(tmp_path)], capsys)
    assert main(["sources", "deepglobe"]) == 0
    assert "georeference" in capsys.readouterr().out
    assert "Known sources" in error_of(["sources", "bigearth"], capsys)


# --- the error families ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        SourceError("what to do"),
        SceneError("reason", "what to do"),
        GroundError("what to do"),
        OutputError("what to do"),
        RleError("what\n  to do"),
        click.ClickException("what to do"),
    ],
)
def test_explained_errors_are_one_line_and_code_two(error: Exception, capsys: pytest.CaptureFixture[str]):
    @click.command()
    def failing() -> None:
        raise error

    assert run_command(failing, "program", []) == 2
    assert capsys.readouterr().err == "Error: what to do\n"


def test_a_bug_keeps_its_traceback():
    @click.command()
    def failing() -> None:
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        run_command(failing, "program", [])


def test_an_interrupt_says_how_to_go_on(capsys: pytest.CaptureFixture[str]):
    @click.command()
    @click.option("--out")
    def slow(out: str) -> None:
        raise KeyboardInterrupt

    assert run_command(slow, "program", ["--out", "a folder"]) == 130
    assert capsys.readouterr().err.endswith("to go on where it stopped:\n  program --out 'a folder'\n")


def test_generate_without_a_sample_is_no_success(
    scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["generate", "geotiff", str(scenes), "--out", str(tmp_path / "out"), "--allow-license", "MIT"]
    assert main([*arguments, "--max-quarantined", "1"]) == 1
    assert "no sample could be made" in capsys.readouterr().err
