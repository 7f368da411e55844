"""`terrabench run --model transformers` from checkpoint to scores, for every family."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from family_checkpoints import FAMILIES, GROUNDING
from make_bench import HEIGHT, WIDTH, make_bench

from terrabench.cli import main
from terracot.masks import decode

SPEED = "device=cpu,min_side=0,max_new_tokens=6"


@pytest.fixture(scope="module")
def bench_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scenes of one image, of two sensors and of two dates."""
    return make_bench(tmp_path_factory.mktemp("bench") / "bench", scenes=3)


def asked(bench: Path, checkpoint: Path, out: Path, arguments: str = SPEED, batch: int = 1) -> list[dict[str, Any]]:
    """The lines of a run without their timings."""
    given = f"pretrained={checkpoint},batch={batch},{arguments}"
    options = ["--model", "transformers", "--model-args", given, "--batch-size", str(batch), "--quiet"]
    assert main(["run", "--bench", str(bench), *options, "--out", str(out)]) == 0
    lines = [json.loads(line) for line in (out / "responses.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def scores_of(out: Path) -> dict[str, Any]:
    assert main(["score", str(out)]) == 0
    scores: dict[str, Any] = json.loads((out / "scores.json").read_text())
    return scores


@pytest.mark.parametrize("family", [*FAMILIES, "llava"])
def test_a_reply_does_not_depend_on_the_batch(
    bench_folder: Path, checkpoints: Path, tmp_path: Path, family: str
) -> None:
    alone = asked(bench_folder, checkpoints / family, tmp_path / "1")
    together = asked(bench_folder, checkpoints / family, tmp_path / "4", batch=4)
    assert alone == together
    assert {line["status"] for line in alone} <= {"ok", "unparsed"}
    assert len({line["reply"] for line in alone}) > len(alone) / 2, "replies that never change would prove nothing"


@pytest.mark.parametrize("family", ["qwen2.5-vl", "llava-onevision"])
def test_who_was_not_asked_for_boxes_or_cannot_draw_any_has_no_masks_and_not_iou_zero(
    bench_folder: Path, checkpoints: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], family: str
) -> None:
    asked(bench_folder, checkpoints / family, tmp_path / "run")
    scores = scores_of(tmp_path / "run")
    assert scores["no_masks"]
    assert scores["mean_iou"] is None
    assert all(task["mean_iou"] is None for task in scores["tasks"].values())
    shown = capsys.readouterr().out
    assert "no masks" in shown
    assert f"transformers {family} " in shown, "which of many checkpoints it was"


def test_a_run_says_which_model_answered_and_how(bench_folder: Path, checkpoints: Path, tmp_path: Path) -> None:
    asked(bench_folder, checkpoints / "internvl", tmp_path / "run", f"{SPEED},box_cot=true")
    run = json.loads((tmp_path / "run" / "run.json").read_text())
    info = run["model"]["info"]
    assert (info["checkpoint"], info["model_type"], info["dtype"]) == ("internvl", "internvl", "float32")
    assert len(info["revision"]) == len(info["profile"]["sha256"]) == 64
    assert info["decoding"] == {"rule": "greedy", "max_new_tokens": 6}
    assert info["grounding"] == {"syntax": "box_tags", "scale": 1000}
    assert (run["prompt"]["name"], run["prompt"]["version"], info["box_cot"]) == ("box-cot", 1, True)


# The left half of a scene of 48 x 64, each family in its own words. Qwen2.5-VL sees it in 56 x 56.
LEFT_HALF = {
    "qwen2.5-vl": '```json\n[{"bbox_2d": [0, 0, 28, 56], "label": "water"}]\n```\n<answer>A</answer>',
    "qwen3-vl": '[{"bbox_2d": [0, 0, 500, 1000], "label": "water"}]\n<answer>A</answer>',
    "internvl": "<ref>water</ref><box>[[0, 0, 500, 1000]]</box>\n<answer>A</answer>",
    "glm-4.1v": "<think>water: <|begin_of_box|>[[0, 0, 500, 1000]]<|end_of_box|></think>"
    "<answer><|begin_of_box|>A<|end_of_box|></answer>",
}


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes every model write a given text, then its end token, then padding."""

    def script(checkpoint: Path, text: str) -> None:
        tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
        ids = [*tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id, 0]

        def generate(self: Any, input_ids: Any, **others: Any) -> Any:
            return torch.cat([input_ids, torch.tensor([ids] * len(input_ids))], dim=1)

        monkeypatch.setattr(transformers.GenerationMixin, "generate", generate)

    return script


@pytest.mark.parametrize("family", GROUNDING)
def test_boxes_of_a_reply_are_scored_as_masks_of_the_scene(
    bench_folder: Path, checkpoints: Path, tmp_path: Path, scripted: Any, family: str
) -> None:
    scripted(checkpoints / family, LEFT_HALF[family])
    lines = asked(bench_folder, checkpoints / family, tmp_path / "run", f"{SPEED},box_cot=true", batch=4)
    half = np.zeros((HEIGHT, WIDTH), bool)
    half[:, : WIDTH // 2] = True
    for line in lines:
        assert line["letter"] == "A"
        (mask,) = line["masks"]
        assert (mask["t"], mask["label"]) == (1, "water")
        assert np.array_equal(decode(mask["rle"], (HEIGHT, WIDTH)), half)
        assert line["meta"]["ended"] == "end"
    scores = scores_of(tmp_path / "run")
    assert not scores["no_masks"]
    assert scores["pooled"]["iou_covered"] == 1.0
    assert 0 < scores["mean_iou"] < 1


def test_the_reply_of_a_model_asked_for_boxes_that_draws_none_has_iou_zero(
    bench_folder: Path, checkpoints: Path, tmp_path: Path, scripted: Any
) -> None:
    scripted(checkpoints / "qwen3-vl", "I see no region. <answer>B</answer>")
    asked(bench_folder, checkpoints / "qwen3-vl", tmp_path / "run", f"{SPEED},box_cot=true")
    scores = scores_of(tmp_path / "run")
    assert (scores["no_masks"], scores["mean_iou"], scores["pooled"]["iou_covered"]) == (False, 0.0, 0.0)


def test_what_stands_behind_the_end_token_is_not_part_of_a_reply(
    bench_folder: Path, checkpoints: Path, tmp_path: Path, scripted: Any
) -> None:
    scripted(checkpoints / "internvl", "A<|im_end|>B")
    lines = asked(bench_folder, checkpoints / "internvl", tmp_path / "run")
    assert {line["reply"] for line in lines} == {"A"}
    assert {line["meta"]["tokens"] for line in lines} == {1}
