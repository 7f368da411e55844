"""The house around the code: what a stranger meets first, and what must never get into the repository."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from terracot.ground import GroundSampling
from terracot.plugins import Prompt, PromptFrame, load_model
from terracot.scenes import Modality
from terracot.sources import open_source

ROOT = Path(__file__).parents[1]
TEXT = {".py", ".md", ".yaml", ".yml", ".toml", ".txt", ".cff", ".html", ".css", ".js", ""}

LEAKS = re.compile(
    r"/(root|home|Users|opt|mnt|srv|work)/[\w.]"  # somebody's disk
    r"|\b(pypi\.org|pythonhosted\.org|download\.pytorch\.org|index-url|find-links +\S)"  # somebody's registry
)


def tracked(*suffixes: str) -> list[Path]:
    """Files under version control with one of these endings."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    files = [ROOT / name for name in listing.stdout.split("\0") if name]
    return [f for f in files if f.suffix in suffixes and f.is_file()]


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_readme_cannot_be_taken_for_the_other_terrabench_or_terrascope() -> None:
    first = (ROOT / "README.md").read_text().splitlines()[0]
    for words in ("TerraScope-Bench", "TerraBench (arXiv 2606.13148)", "`terrascope`", "not"):
        assert words in first


def test_leaks_are_recognised() -> None:
    assert LEAKS.search("see /" + "work/data") is not None
    assert LEAKS.search("pip install --index-url x") is not None
    assert LEAKS.search("out/.work/plan.json, farmland, https://arxiv.org/abs/2603.19039") is None


def test_no_machine_path_or_registry_host_is_tracked() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in tracked(*TEXT)
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if LEAKS.search(line)
    ]
    assert found == []


def test_no_file_grows_beyond_600_lines() -> None:
    sizes = {str(p.relative_to(ROOT)): len(p.read_text(encoding="utf-8").splitlines()) for p in tracked(*TEXT)}
    assert {name: lines for name, lines in sizes.items() if lines > 600} == {}


def test_links_between_documents_lead_somewhere() -> None:
    broken = []
    for page in tracked(".md"):
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)} -> {target}")
    assert broken == []


def test_every_dependency_is_pinned(project: dict[str, Any]) -> None:
    """An unpinned one would make two set-ups differ."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = {_plain(line.partition("==")[0]) for line in lines if "==" in line}
    extras = project["optional-dependencies"]
    asked = {_plain(r) for r in [*project["dependencies"], *extras["dev"], *extras["models"]]}
    assert "terrascope-bench[models]" in extras["dev"]
    assert asked - pins == {"terrascope-bench", "torch"}
    assert "torch==2.13.0" in (ROOT / "constraints-cpu.txt").read_text()


def _plain(requirement: str) -> str:
    name = re.match(r"[\w.-]+", requirement)
    assert name is not None, f"no name in {requirement!r}"
    return re.sub(r"[._]", "-", name.group()).lower()


@pytest.mark.parametrize("script", ["terracot", "terrabench", "terrascope-vlm"])
def test_console_script_answers_help(script: str) -> None:
    (point,) = entry_points(group="console_scripts", name=script)
    assert callable(point.load())
    program = Path(sys.executable).with_name(script)
    shown = subprocess.run([program, "--help"], capture_output=True, text=True, check=False)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "Usage" in shown.stdout


def test_every_registered_model_can_be_imported(project: dict[str, Any]) -> None:
    stated = project["entry-points"]["terrabench.models"]
    installed = {p.name: p for p in entry_points(group="terrabench.models")}
    assert set(stated) <= set(installed), "run `make setup` again: pyproject.toml has new models"
    assert all(isinstance(installed[name].load(), type) for name in stated)


def test_help_does_not_wait_for_heavy_libraries() -> None:
    code = "import sys, terracot.cli, terrabench.cli, terrascope_vlm.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "terrabench.cli" in loaded
    assert {"torch", "transformers", "datasets", "sklearn", "ray", "rasterio"} & set(loaded) == set()


def test_wheel_carries_all_packages_with_their_yaml_and_page(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    made = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        str(path.relative_to(source))
        for source, packages in (
            (ROOT, ("terracot", "terrabench")),
            (ROOT / "models", ("terrabaselines", "terrascope_vlm")),
        )
        for package in packages
        for path in tracked(".py", ".yaml", ".html", ".css", ".js", ".parquet", ".txt", ".json")
        if path.is_relative_to(source / package)
    }
    carried = {"terracot/sources/layouts/hls_worldcover.yaml", "terracot/browser/page.html"}
    assert carried | {"terrabench/recipes/embedded.txt", "terrabench/embedded/manifest.json"} <= expected
    assert expected - names == set()
    assert not [n for n in names if n.startswith(("tests/", "docs/", "models/"))]


def readme_block(language: str) -> str:
    """The first fenced block of a language in the README."""
    blocks = re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert blocks, f"README.md has no {language} block"
    return blocks[0]


def test_layout_in_the_readme_reads_a_folder(tmp_path: Path) -> None:
    (tmp_path / "terracot.yaml").write_text(readme_block("yaml"))
    labels = np.full((1, 32, 32), 10, dtype=np.uint8)
    labels[0, :8] = 80
    grid = {"driver": "GTiff", "height": 32, "width": 32, "crs": "EPSG:32633"}
    for name, data in (("images/a.tif", np.full((3, 32, 32), 1500, dtype=np.uint16)), ("labels/a.tif", labels)):
        (tmp_path / name).parent.mkdir()
        transform = rasterio.Affine(10, 0, 331200, 0, -10, 5331600)
        with rasterio.open(tmp_path / name, "w", count=len(data), dtype=data.dtype, transform=transform, **grid) as f:
            f.write(data)
    source = open_source("geotiff", str(tmp_path))
    scene = source.load(*source.ids())
    assert scene.frames[0].pixels()[0, 0, 0] == pytest.approx(0.15)
    assert np.count_nonzero(scene.labels[0].classes() == scene.labels[0].legend.id_of("open water")) == 256
    assert scene.ground.sampling == (10.0, 10.0)


def test_model_in_the_readme_answers(tmp_path: Path) -> None:
    (tmp_path / "my_model.py").write_text(readme_block("python"))
    model = load_model(f"{tmp_path / 'my_model.py'}:Darkest")
    image = np.full((4, 4, 3), 200, dtype=np.uint8)
    image[0] = 10
    frame = PromptFrame("1", 1, Modality.OPTICAL, ("r", "g", "b"), "digital number", image, lambda: image)
    (reply,) = model.respond([Prompt("x", (frame,), GroundSampling.unknown(), "How much?", ("10%", "20%"))])
    assert reply.text == "<answer>A</answer>"
    assert reply.masks[0].t == 1
    assert np.array_equal(reply.masks[0].mask, image[:, :, 0] == 10)
