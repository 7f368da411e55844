"""docs/terra-cot.md and the minute on Terra-CoT of the README: complete tables, commands that run, a real sample."""

from __future__ import annotations

import http.server
import json
import re
import shlex
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from terracot.cli import main
from terracot.levels import LEVELS, SHARES, kinds, kinds_of
from terracot.semantic.kinds import RULES
from terracot.spectral.indices import INDICES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "terra-cot.md").read_text(encoding="utf-8")
MINUTE = (ROOT / "README.md").read_text(encoding="utf-8").split("## Terra-CoT in one minute\n")[1].split("\n## ")[0]
OPTIONS = {"number": "4 numbers", "category": "4 words", "word": "2 words"}
SERVER = "http://127.0.0.1:8000/v1"


def rows_of(heading: str) -> list[list[str]]:
    """Cells of the first table below a heading of the page, without its head."""
    section = PAGE.split(f"\n{heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def named(cell: str) -> list[str]:
    return re.findall(r"`([\w-]+)`", cell)


def test_table_of_kinds_has_every_kind_with_its_level_and_options_and_no_other() -> None:
    documented = {
        name: (*named(cells[1]), cells[4], len(cells)) for cells in rows_of("## All kinds") for name in named(cells[0])
    }
    registered = {
        kind.name: (kind.level, OPTIONS[kind.choice.mode] if kind.choice else "none", 7) for kind in kinds().values()
    }
    assert documented == registered


def test_table_of_levels_has_every_level_with_its_numbers_and_no_other() -> None:
    documented = {named(cells[0])[0]: (cells[1], cells[2]) for cells in rows_of("## Levels")}
    assert documented.pop("qa") == ("", "every question")
    assert documented.pop("refer") == ("1", "every class and date")
    expected = {
        name: (str(len(kinds_of(name))), str(one.least) if one.least == one.most else f"{one.least} to {one.most}")
        for name, one in LEVELS.items()
        if name != "refer"
    }
    assert documented == expected


def test_shares_of_the_paper_are_those_of_the_default_mix() -> None:
    assert "250 captions to 450 L1 to 300 L2, and 2,000 `refer`" in PAGE
    assert SHARES == {"refer": 2000, "caption": 250, "l1": 450, "l2": 300}


def test_every_domain_rule_is_told_with_its_numbers_sources_and_gaps() -> None:
    told = {named(cells[0])[0]: " | ".join(cells) for cells in rows_of("## Domain rules")}
    assert set(told) == {rule.name for rule in RULES}
    for rule in RULES:
        numbers = [rule.limit, *rule.parameters.values(), *(n for other in rule.variants for n in other.values())]
        for number in numbers:
            assert re.search(rf"(?<![\d.]){re.escape(f'{number:g}')}(?![\d.]*\d)", told[rule.name]), (rule.name, number)
        assert all(source.link in told[rule.name] for source in rule.sources), rule.name
        assert rule.left_out in told[rule.name]


def test_every_index_is_cited() -> None:
    assert {cells[0] for cells in rows_of("### Multispectral indices")} == set(INDICES)


class _Echo(http.server.BaseHTTPRequestHandler):
    """An OpenAI-compatible server that gives the sentences back as they came."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        reply = {"model": asked["model"], "choices": [{"message": {"content": asked["messages"][-1]["content"]}}]}
        data = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments: Any) -> None:
        """Nothing on standard error."""


@pytest.fixture
def server() -> Iterator[str]:
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}/v1"
    running.shutdown()
    running.server_close()


def rows_in(folder: Path) -> list[dict[str, Any]]:
    return [
        row for file in sorted((folder / "data").glob("samples-*.parquet")) for row in pq.read_table(file).to_pylist()
    ]


def run(line: str) -> int:
    """Run a command of a page; ``ID`` becomes the id of a sample of the folder named before it."""
    words = shlex.split(line, comments=True)
    assert Path(words[0]).name == "terracot", line
    words = [str(rows_in(Path(words[n - 1]))[0]["id"]) if word == "ID" else word for n, word in enumerate(words)]
    return main(words[1:])


def test_commands_and_the_model_of_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("darkest.py").write_text(re.findall(r"```python\n(.*?)```", PAGE, re.S)[0])
    lines = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.S) for line in block.splitlines() if line]
    assert len(lines) >= 15
    failed = [line for line in lines if run(line.replace(SERVER, server)) != 0]
    assert failed == []
    assert len({row["level"] for row in rows_in(Path("tour"))}) == len(LEVELS)
    assert {row["modality"] for row in rows_in(Path("radar"))} == {"sar"}
    assert json.loads(Path("reworded/manifest.json").read_text())["rewriting"]["rows"].keys() == {"reworded"}
    assert list(Path("published").glob("*.jsonl"))


def test_minute_of_the_readme_runs_and_shows_a_real_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When phrasings change, so does the sample: paste the new one, which the failure shows."""
    monkeypatch.chdir(tmp_path)
    lines = [line.strip() for line in MINUTE.splitlines() if line.startswith("    .venv/bin/terracot")]
    assert [line.split()[1] for line in lines] == ["generate", "show", "browse", "stats", "verify"]
    assert [line for line in lines if run(line) != 0] == []
    scene, kind = re.findall(r"`(procedural-[\w-]+)`, kind `(\w+)`", MINUTE)[0]
    (row,) = [row for row in rows_in(Path("demo/tour")) if (row["scene_id"], row["kind"]) == (scene, kind)]
    letters = "  ".join(f"{letter}. {text}" for letter, text in zip("ABCD", row["options"], strict=False))
    expected = " ".join([row["question"], letters, row["text"]]).split()
    assert re.findall(r"```text\n(.*?)```", MINUTE, re.S)[0].split() == expected
    assert len(MINUTE.splitlines()) <= 30
    assert f"each of the {len(kinds())} kinds" in " ".join(MINUTE.split())
