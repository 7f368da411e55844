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

import pytest

ROOT = Path(__file__).parents[1]
TEXT = {".py", ".md", ".yaml", ".yml", ".toml", ".txt", ".cff", ".html", ".css", ".js", ""}

LEAKS = re.compile(
    r"/(work|farm|root|home|Users|opt|mnt)/[\w.]"  # somebody's disk
    r"|\b(pypi\.org|pythonhosted\.org|download\.pytorch\.org|index-url|find-links +\S)"  # somebody's registry
    r"|\bthe farm\b|\bCEO\b|\bdevelopers? session"
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
    asked = {_plain(r) for r in [*project["dependencies"], *project["optional-dependencies"]["dev"]]}
    assert asked - pins == set()
    assert "torch" not in pins


def _plain(requirement: str) -> str:
    name = re.match(r"[\w.-]+", requirement)
    assert name is not None, f"no name in {requirement!r}"
    return re.sub(r"[._]", "-", name.group()).lower()


@pytest.mark.parametrize("script", ["terracot", "terrabench"])
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
    code = "import sys, terracot.cli, terrabench.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "terrabench.cli" in loaded
    assert {"torch", "transformers", "datasets", "sklearn", "ray", "rasterio"} & set(loaded) == set()


def test_wheel_carries_all_packages_and_their_yaml(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    made = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        str(path.relative_to(source))
        for source, package in ((ROOT, "terracot"), (ROOT, "terrabench"), (ROOT / "models", "terrabaselines"))
        for path in tracked(".py", ".yaml")
        if path.is_relative_to(source / package)
    }
    assert "terracot/sources/layouts/hls_worldcover.yaml" in expected
    assert expected - names == set()
    assert not [n for n in names if n.startswith(("tests/", "docs/", "models/"))]
