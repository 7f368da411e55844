"""Questions of a benchmark in the words of a language model: only words change, and verify holds them to it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from make_scenes import make_scenes
from test_rewriting import Server, completion, given, server

from terrabench.building.build import build
from terrabench.items import Benchmark
from terracot.chat import Chat
from terracot.generate import source_spec
from terracot.io import MANIFEST, read_json
from terracot.rewriting import Rewriter
from terracot.verify import verify

__all__ = ["server"]  # the fixture


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_scenes(tmp_path_factory.mktemp("rasters") / "scenes", count=8)


def built(scenes: Path, out: Path, server: Server | None, **settings: Any) -> list[dict[str, Any]]:
    rewriter = None if server is None else Rewriter(Chat(server.url, "tiny", str(out.parent / "cache")))
    build(source_spec("geotiff", str(scenes)), out, protocol="paper", rewriter=rewriter, **settings)
    return Benchmark.open(out).items


def politely(body: dict[str, Any]) -> tuple[int, bytes]:
    return completion(json.dumps({"question": f"Please tell: {given(body)['question']}", "steps": []}))


def test_a_reworded_benchmark_differs_in_words_alone_and_verifies(scenes: Path, server: Server, tmp_path: Path) -> None:
    server.answer = politely
    plain = {item["id"]: item for item in built(scenes, tmp_path / "plain", None)}
    items = built(scenes, tmp_path / "reworded", server)
    assert len(items) == len(plain) > 20
    for item in items:
        template = plain[item["template_id"]]
        assert item["question"] == f"Please tell: {template['question']}"
        assert json.loads(item["rewriter"])["model"] == "tiny-1"
        assert {k for k in item if item[k] != template[k]} == {"id", "question", "rewriter", "template_id"}
    assert read_json(tmp_path / "reworded" / MANIFEST)["rewriting"]["rows"] == {"reworded": len(items)}
    assert verify(tmp_path / "reworded").problems == []
    assert verify(tmp_path / "reworded", str(scenes)).problems == []


def test_other_numbers_and_classes_leave_the_template(scenes: Path, server: Server, tmp_path: Path) -> None:
    """A question that names another class, or another pixel size, would have another answer."""

    def astray(body: dict[str, Any]) -> tuple[int, bytes]:
        question = re.sub(r"\bwater\b", "wetland", re.sub(r"\d+", "7", given(body)["question"]))
        return completion(json.dumps({"question": question, "steps": []}))

    server.answer = astray
    items = built(scenes, tmp_path / "astray", server)
    fates = read_json(tmp_path / "astray" / MANIFEST)["rewriting"]["rows"]
    astray_of = [item for item in items if re.search(r"\d|\bwater\b", item["question"])]
    assert len(astray_of) > 20
    assert not any(item["rewriter"] for item in astray_of)
    # the pixel size stands in brackets
    assert fates["other_classes"] + fates["other_remarks"] == len(astray_of)
    assert sum(fates.values()) == len(items)
    assert verify(tmp_path / "astray", str(scenes)).problems == []


@pytest.mark.parametrize("option", ["exclude", "only"])
def test_items_chosen_by_their_reworded_id_verify_against_the_source(
    scenes: Path, server: Server, tmp_path: Path, option: str
) -> None:
    """The words of a model follow from no source, so a list of such ids must not make good items look forged."""
    server.answer = politely
    ids = [item["id"] for item in built(scenes, tmp_path / "all", server)]
    chosen = ids[::3]
    kept = [item["id"] for item in built(scenes, tmp_path / option, server, **{option: chosen})]
    assert kept == [i for i in ids if (i in chosen) == (option == "only")]
    assert read_json(tmp_path / option / MANIFEST)["exclude_unknown"] == []
    assert verify(tmp_path / option, str(scenes)).problems == []
