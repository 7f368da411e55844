"""The error ledger: every verdict by hand, and known errors injected into answers to a real (procedural) benchmark."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from terrabench.asking.responses import RunError
from terrabench.asking.runner import run
from terrabench.cli import main
from terrabench.items import Benchmark, prompt_id
from terrabench.reasoning.ledger import claim, ledger, parts, verdict
from terracot.language import UNITS
from terracot.plugins import EvidenceMask, PredictedMask, Response

SHARES = {"sound": 0.3, "perception": 0.2, "arithmetic": 0.15, "choice": 0.1, "format": 0.1, "lucky": 0.15}
"""What the simulated model does, and how often."""

TASKS = ("coverage", "area", "ranking", "boundary", "distance")
SQUARE = np.ones((3, 3), bool)


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        (("B", "B", "B", None), "format"),
        (("B", "A", "A", "A"), "perception"),
        (("B", "A", "B", "A"), "perception"),
        (("B", "A", None, "A"), "perception"),
        (("B", "B", "A", "A"), "arithmetic"),
        (("B", "B", "A", "C"), "arithmetic"),
        (("B", "B", "B", "A"), "choice"),
        (("B", "B", None, "A"), "unmeasured"),
        (("B", None, "B", "A"), "unmeasured"),
        (("B", "B", "B", "B"), "sound"),
        (("B", "B", None, "B"), "sound"),
        (("B", "A", "B", "B"), "lucky"),
        (("B", "B", "A", "B"), "misstated"),
        (("B", None, "B", "B"), "unmeasured"),
    ],
)
def test_the_first_failing_stage_is_the_verdict(letters, expected):
    assert verdict(*letters) == expected


def item(kind, truth_unit="", options=("yes", "no"), names=("water", "cropland")):
    masks = [{"class_name": name} for name in names]
    return {"kind": kind, "options": list(options), "truth": {"unit": truth_unit}, "masks": masks}


def test_what_is_claimed_is_of_the_asked_kind():
    reply = "<think>It has 568 pixels, 13.9% of the image, or 5.68 ha of land.</think><answer>A</answer>"
    assert claim(item("coverage", "%", ("14%", "20%")), reply).value == 13.9
    assert claim(item("area", "ha", ("5 ha", "9 ha")), reply).value == 5.68
    assert claim(item("area", "m2", ("50,000 m²", "90,000 m²")), reply).value == pytest.approx(56_800)
    assert claim(item("distance", "m", ("50 m", "90 m")), reply) is None
    assert claim(item("boundary"), "<think>They touch.</think><answer>B</answer>").text == "yes"
    assert claim(item("boundary"), "<answer>yes</answer>") is None
    assert claim(item("ranking", "", ("water", "cropland")), "Water is smaller.\nANSWER: A").text == "cropland"
    assert claim(item("building_change", "count", ("3", "5")), "Of 9 buildings 5 were destroyed. Answer: A").value == 5


def row(start, stop):
    mask = np.zeros((1, 10), bool)
    mask[0, start:stop] = True
    return mask


def test_masks_play_the_parts_that_scoring_gives_them():
    true = [EvidenceMask(1, "water", row(0, 4)), EvidenceMask(1, "cropland", row(6, 10))]
    given = [PredictedMask(1, row(5, 10), "first"), PredictedMask(1, row(0, 3), "second")]
    played = parts(given, true, {1: row(0, 9)})
    assert [m.class_name for m in played] == ["water", "cropland"]
    assert [int(m.mask.sum()) for m in played] == [3, 4]  # of five pixels one is not valid
    assert parts(given[:1], true, {}) is None
    assert parts([PredictedMask(2, row(0, 4))], true[:1], {}) is None
    assert parts(given, [], {}) is None


class Simulated:
    """Answers with known errors: what it does with an item is drawn by seed and noted in ``did``."""

    def __init__(self, bench: Benchmark, seed: int) -> None:
        self.bench = bench
        self.items = {prompt_id(i["id"], 0): i for i in bench.items}
        self.rng = np.random.default_rng(seed)
        self.did: dict[str, str] = {}

    def respond(self, prompts):
        return [self.one(self.items[prompt.id]) for prompt in prompts]

    def one(self, item):
        act = str(self.rng.choice(list(SHARES), p=list(SHARES.values())))
        right, other = "ABCD".index(item["answer"]), self.other(item)
        masks = self.bench.evidence(item)
        if act in ("perception", "lucky"):
            masks = self.misseen(item, masks, other)
        stated = other if act in ("perception", "arithmetic") else right
        letter = other if act in ("perception", "arithmetic", "choice") else right
        self.did[item["id"]] = act
        answer = "I cannot say." if act == "format" else f"<answer>{'ABCD'[letter]}</answer>"
        reply = f"<think>I mark them: [SEG]. {self.statement(item, stated)}</think>{answer}"
        return Response(reply, tuple(PredictedMask(m.t, m.mask, m.class_name) for m in masks))

    def other(self, item):
        """A wrong option, always the same one of an item."""
        wrong = [n for n in range(len(item["options"])) if "ABCD"[n] != item["answer"]]
        return wrong[int(item["id"], 16) % len(wrong)]

    def can_missee(self, item):
        return item["task"] in TASKS and self.misseen(item, self.bench.evidence(item), self.other(item)) is not None

    def statement(self, item, option):
        text = item["options"][option]
        if item["kind"] == "boundary":
            return "The two touch." if text.casefold() == "yes" else "The two do not touch."
        return f"The {text} is larger." if item["kind"] == "ranking" else f"I measure about {text}."

    def misseen(self, item, masks, option):
        """Masks that lead to another option by construction; None where there is no simple way."""
        value, shape = item["option_values"][option], masks[0].mask.shape
        valid = self.bench.valid(item)[masks[0].t]
        if item["kind"] in ("coverage", "area"):
            unit = item["truth"]["unit"]
            pixels = value / 100 * valid.sum() if unit == "%" else value * UNITS[unit] / 100  # pixels of 10 m
            wrong = np.zeros(shape, bool)
            wrong[tuple(np.argwhere(valid)[: round(pixels)].T)] = True
            return [EvidenceMask(masks[0].t, "", wrong)] if round(pixels) <= valid.sum() else None
        a, b = masks[0].mask, masks[1].mask
        if item["kind"] == "ranking":
            big, small = (a, b) if a.sum() > b.sum() else (b, a)
            piece = np.zeros(shape, bool)
            piece[tuple(np.argwhere(big)[: small.sum() // 2].T)] = True
            return [EvidenceMask(m.t, "", piece if m.mask is big else m.mask) for m in masks]
        if item["kind"] == "boundary":
            near = ndimage.binary_dilation(b, SQUARE)
            changed = valid & ~b if not (near & a).any() else a & ~near
            return [EvidenceMask(masks[0].t, "", m) for m in (changed, b)] if changed.any() else None
        gap = round(value * UNITS[item["truth"]["unit"]] / 10)
        if item["kind"] != "distance" or gap + 6 > shape[1] or not valid[:3].all():
            return None
        left, right = np.zeros(shape, bool), np.zeros(shape, bool)
        left[:3, :3], right[:3, 2 + gap : 5 + gap] = True, True
        return [EvidenceMask(masks[0].t, "", left), EvidenceMask(masks[0].t, "", right)]


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("ledger") / "bench"
    config = "{scenes: 50, size: 64}"
    assert main(["build", "procedural", config, "--protocol", "paper", "--limit", "50", "--out", str(out)]) in (0, 3)
    return out


def test_injected_errors_are_found_again_item_by_item_and_in_their_shares(built, tmp_path, capsys):
    bench = Benchmark.open(built)
    model = Simulated(bench, seed=5)
    bench.items[:] = [item for item in bench.items if model.can_missee(item)]
    run(bench, model, "simulated.py:Simulated", tmp_path / "run")
    found = ledger(tmp_path / "run", bench)
    assert found == json.loads((tmp_path / "run" / "ledger.json").read_text())
    differing = [(e, model.did[e["id"]]) for e in found["items"] if e["verdict"] != model.did[e["id"]]]
    assert not differing, (len(differing), differing[:3])
    done = Counter(model.did.values())
    assert len(done) == len(SHARES)
    assert min(done.values()) > 20
    for side, acts in (("wrong", ("perception", "arithmetic", "choice", "format")), ("right", ("sound", "lucky"))):
        assert found[side]["n"] == sum(done[act] for act in acts)
        for act in acts:
            figure = found[side]["verdicts"][act]
            assert figure["n"] == done[act]
            low, high = figure["ci95"]
            assert low <= SHARES[act] / sum(SHARES[a] for a in acts) <= high
            assert high - low < 0.25
    assert set(found["tasks"]) == set(TASKS)


def test_a_reply_without_masks_is_not_measured(built, tmp_path):
    class Silent:
        def respond(self, prompts):
            return [Response("<think>It is large.</think><answer>A</answer>") for _ in prompts]

    bench = Benchmark.open(built)
    run(bench, Silent(), "silent.py:Silent", tmp_path / "run", limit=30)
    found = ledger(tmp_path / "run", bench)
    assert found["wrong"]["verdicts"]["unmeasured"]["share"] == 1.0
    assert found["right"]["verdicts"]["unmeasured"]["share"] == 1.0
    assert found["faithfulness"]["share"] is None


def test_items_without_a_reply_are_unanswered(built, tmp_path):
    class Failing:
        def respond(self, prompts):
            raise RuntimeError("no")

    bench = Benchmark.open(built)
    run(bench, Failing(), "failing.py:Failing", tmp_path / "run", limit=10)
    found = ledger(tmp_path / "run", bench)
    assert found["wrong"]["verdicts"]["unanswered"]["n"] == found["wrong"]["n"] == 10
    assert found["right"] == {**found["right"], "n": 0}


def test_the_oracle_is_sound(bench_path, tmp_path, capsys):
    assert main(["run", "--bench", str(bench_path), "--model", "oracle", "--out", str(tmp_path / "run")]) == 0
    capsys.readouterr()
    assert main(["ledger", str(tmp_path / "run"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["wrong"]["n"] == 0
    assert found["right"]["verdicts"]["sound"]["n"] == found["n"] > 0
    assert main(["ledger", str(tmp_path / "run")]) == 0
    table = capsys.readouterr().out
    assert "sound" in table
    assert "coverage" in table


def test_a_folder_that_is_no_run_has_no_ledger(tmp_path, capsys):
    with pytest.raises(RunError, match=r"run\.json"):
        ledger(tmp_path)
    assert main(["ledger", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("Error:")


@pytest.mark.real
def test_masks_of_real_labels_squared_to_boxes_are_found_to_be_the_fault(real_data, tmp_path, capsys):
    source, bench = real_data / "hls_worldcover", tmp_path / "bench"
    if not source.is_dir():
        pytest.skip(f"{source} is not there")
    assert main(["build", "geotiff", str(source), "--limit", "60", "--out", str(bench)]) in (0, 3)
    for model, faults in (("oracle", False), ("box-oracle", True)):
        assert main(["run", "--bench", str(bench), "--model", model, "--out", str(tmp_path / model)]) == 0
        found = ledger(tmp_path / model)
        assert found["wrong"]["n"] == found["wrong"]["verdicts"]["perception"]["n"]
        assert (found["wrong"]["n"] > 10) == faults
        assert found["faithfulness"]["share"] == 1.0
