"""TerraScope as a model of the benchmark: what it replies, draws, tells of itself, and refuses."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faces import dictate, prompt_of_noise
from terrascope_vlm.phrases import name_before
from terrascope_vlm.plugin import TerraScope
from terrascope_vlm.told import answer_line, area_text, cells_read, region_line

from terrabench.cli import main as terrabench
from terracot.ground import GroundSampling
from terracot.plugins import EvidenceMask, EvidenceModel, Model, ModelError, Prompt, load_model

torch = pytest.importorskip("torch")

TWO_DATES = (
    "<think>The water is here: Image: 2 [SEG]. It has 9 pixels. Now the tree cover: Image: 1 [SEG]."
    "</think><answer>B</answer>"
)


@pytest.fixture(scope="module")
def model(checkpoint: Path) -> TerraScope:
    return TerraScope(checkpoint, max_new_tokens=40)


# --- replies --------------------------------------------------------------------------------------------------------


def test_every_seg_gives_a_mask_of_its_date_with_its_name(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dictate(monkeypatch, TWO_DATES)
    (reply,) = TerraScope(checkpoint).respond([prompt_of_noise(1, 2)])
    assert reply.text == TWO_DATES
    assert [(mask.t, mask.label) for mask in reply.masks] == [(2, "water"), (1, "tree cover")]
    assert all(mask.mask.shape == (32, 32) and mask.mask.dtype == np.bool_ for mask in reply.masks)
    assert reply.meta["ended"] == "end"
    first = reply.meta["regions"][0]
    assert first["pixels"] == int(reply.masks[0].mask.sum())
    assert (first["t"], first["dated"], first["forced"], first["sar"], first["measured"]) == (2, True, False, None, "")


def test_replies_do_not_depend_on_the_batch(checkpoint: Path) -> None:
    prompts = [
        prompt_of_noise(1, seed=1),
        prompt_of_noise(1, 2, seed=2, question="What changed between the two images, and where?"),
        prompt_of_noise(1, sar=(1,), seed=3),
        prompt_of_noise(sar=(1,), seed=4, question="How much water?"),
    ]
    alone, together = (TerraScope(checkpoint, batch=batch, max_new_tokens=24).respond(prompts) for batch in (1, 3))
    assert [reply.text for reply in alone] == [reply.text for reply in together]
    assert [reply.meta for reply in alone] == [reply.meta for reply in together]
    for one, other in zip(alone, together, strict=True):
        assert all(np.array_equal(a.mask, b.mask) for a, b in zip(one.masks, other.masks, strict=True))


def test_events_of_a_later_batch_name_the_place_among_all_prompts(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dictate(monkeypatch, "a[SEG]", "b", "c[SEG]")
    said: list[tuple[int, str]] = []
    prompts = [prompt_of_noise(1, seed=n) for n in range(3)]
    TerraScope(checkpoint, batch=2).tell(prompts, on_event=lambda n, _, e: said.append((n, type(e).__name__)))
    assert {n for n, _ in said} == {0, 1, 2}
    assert [n for n, kind in said if kind == "Drew"] == [0, 2]


def test_given_masks_are_read_instead_of_drawn_ones(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dictate(monkeypatch, TWO_DATES)
    given = np.zeros((32, 32), dtype=bool)
    given[8:16, 16:24] = True  # one cell: a token is 8 x 8 pixels
    (reply,) = TerraScope(checkpoint).respond_with_evidence(
        [prompt_of_noise(1, 2)], [[EvidenceMask(1, "water", given)]]
    )
    assert reply.masks[0].t == 1
    assert np.array_equal(reply.masks[0].mask, given)
    assert [region["forced"] for region in reply.meta["regions"]] == [True, False]
    assert reply.meta["regions"][0]["cells"] == 1


def test_empty_mask_is_told(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dictate(monkeypatch, "<think>The water: [SEG].</think><answer>A</answer>")
    empty = EvidenceMask(1, "water", np.zeros((32, 32), dtype=bool))
    (told,) = TerraScope(checkpoint).tell([prompt_of_noise(1)], [[empty]])
    region = told.record()["regions"][0]
    assert (region["empty"], region["weak"], region["cells"]) == (True, False, 0)
    assert region_line(region, 1) == "water: nothing there: the mask is empty"


def test_prompt_without_frames_is_answered_from_a_grey_image(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dictate(monkeypatch, TWO_DATES)
    shown = prompt_of_noise(1, 2)
    blind = Prompt("x", (), shown.ground, shown.question, shown.options, shown.valid)
    nothing = Prompt("x", (), GroundSampling.unknown(), "How much?", ("1", "2"))
    told = TerraScope(checkpoint).tell([blind, nothing])
    assert [frame.t for frame in told[0].prompt.frames] == [1, 2]
    assert {int(v) for frame in told[0].prompt.frames for v in np.unique(frame.image)} == {128}
    assert [mask.t for mask in told[0].response().masks] == [2, 1]
    assert told[0].response().masks[0].mask.shape == (32, 32)
    assert len(told[1].prompt.frames) == 1


def test_it_is_a_model_that_takes_evidence_and_needs_an_image(model: TerraScope) -> None:
    assert isinstance(model, Model)
    assert isinstance(model, EvidenceModel)
    assert (model.prompt_template, model.needs_image) == ("none", True)


# --- what was read --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fusion", "frames"), [("none", {0}), ("concat", {0, 1}), ("text-guided", {0, 1})], ids=lambda v: str(v)
)
def test_cells_are_placed_on_the_image_they_were_read_from(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, fusion: str, frames: set[int]
) -> None:
    dictate(monkeypatch, "Here: [SEG]")
    given = np.zeros((32, 32), dtype=bool)
    given[:16, 24:] = True  # the upper two cells of the last column
    (told,) = TerraScope(checkpoint, fusion=fusion).tell(
        [prompt_of_noise(1, sar=(1,))], [[EvidenceMask(1, "water", given)]]
    )
    (drawn,) = told.reasoning.drawn
    cells = cells_read(told.query, drawn)
    assert {box for _, box in cells} == {(0, 24, 8, 32), (8, 24, 16, 32)}
    assert {frame for frame, _ in cells} <= frames
    if fusion == "concat":
        assert sorted(cells) == [(n, box) for n in (0, 1) for box in ((0, 24, 8, 32), (8, 24, 16, 32))]
        assert told.response().meta["regions"][0]["sar"] == 0.5
    if fusion == "text-guided":
        assert [frame == 1 for frame, _ in cells] == list(drawn.sar)


def test_measured_text_is_told(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dictate(monkeypatch, "Here: [SEG]")
    given = np.zeros((32, 32), dtype=bool)
    given[:4, :4] = True
    model = TerraScope(checkpoint, evidence="measured")
    (told,) = model.tell([prompt_of_noise(1, sar=(1,))], [[EvidenceMask(1, "water", given)]])
    region = told.record()["regions"][0]
    assert region["sar"] is None  # nothing was read of either image
    assert "16 of 1,024 valid pixels" in region["measured"]
    assert "measured (16 of 1,024" in region_line(region, 1)
    assert (region["pixels"], region["share"], region["area_m2"], region["area"]) == (16, 16 / 1024, 1600.0, "1,600 m²")
    assert region["read"] == []


@pytest.mark.parametrize(
    ("reply", "think", "answer"),
    [
        ("<think>It is here.</think><answer>B</answer>", "It is here.", "B"),
        ("It is here.</think><answer> 12 ha\n</answer>.", "It is here.", "12 ha"),
        ("<think>It is <answer>A</answer> no <answer>B</answer>", "It is", "B"),
        ("<think>It is he", "It is he", ""),
        ("B", "B", ""),
        ("<answer>B", "", ""),
        ("", "", ""),
    ],
)
def test_reply_is_parted_into_reasoning_and_answer(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, reply: str, think: str, answer: str
) -> None:
    dictate(monkeypatch, reply)
    (told,) = TerraScope(checkpoint).tell([prompt_of_noise(1)])
    assert (told.think, told.answer) == (think, answer)


@pytest.mark.parametrize(
    ("area", "text"), [(150.0, "150 m²"), (9999.0, "10,000 m²"), (12_345.0, "1.23 ha"), (1.2e7, "12 km²")]
)
def test_area_is_told_in_the_unit_of_its_size(area: float, text: str) -> None:
    assert area_text(area) == text


@pytest.mark.parametrize(
    ("record", "line"),
    [
        ({"option": "B", "options": ["1", "2"], "answer": "B", "ended": "end"}, "B: 2"),
        ({"option": None, "options": ["1", "2"], "answer": "7", "ended": "end"}, "7 (none of the options)"),
        ({"option": None, "options": [], "answer": "12 ha", "ended": "end"}, "12 ha"),
        ({"option": None, "options": [], "answer": "", "ended": "length"}, "none: the reply was cut off"),
    ],
)
def test_answer_is_told_in_one_line(record: dict[str, Any], line: str) -> None:
    assert answer_line(record) == line


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("<think>The cropland is here: Image: 2 ", "cropland"),
        ("First the water: [SEG]. Then I segment the tree cover: ", "tree cover"),
        ("Then I mark the built-up area after the change: Image: 2 ", "built-up area"),
        ("For the later date I segment the bare ground: Image: 12 ", "bare ground"),
        ("The region labelled inland wetlands is this one: ", "inland wetlands"),
        ("Also present is the water, which I mark: ", "water"),
        ("The forest covers most of it. I mark the road surface: ", "road surface"),
        ("Here is this mask of the image: ", None),
        ("The water touches the cropland here: ", None),
        ("The next mask shows the buildings that are not destroyed: ", None),
        ("", None),
        ("\ufffd\ufffd the ", None),
    ],
)
def test_name_of_a_region_is_read_where_it_is_clear(text: str, name: str | None) -> None:
    assert name_before(text) == name


# --- what it says of itself, and refuses ----------------------------------------------------------------------------


def test_info_names_weights_and_rules(checkpoint: Path) -> None:
    model = TerraScope(checkpoint, evidence="box", fusion="concat", max_new_tokens=7, dtype="bfloat16", device="cpu")
    weights = hashlib.sha256((checkpoint / "model.safetensors").read_bytes()).hexdigest()
    assert model.info["checkpoint"] == "tiny"
    assert model.info["revision"] == weights
    assert (model.info["evidence"], model.info["fusion"]) == ("box", "concat")
    assert (model.info["device"], model.info["dtype"]) == ("cpu", "bfloat16")
    assert model.info["decoding"] == {"rule": "greedy", "max_new_tokens": 7, "max_masks": 16}
    assert json.loads(json.dumps(model.info)) == model.info
    assert next(model.loaded.model.parameters()).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"evidence": "boxes"}, "evidence is 'boxes'; expected one of mask, box"),
        ({"fusion": "mean"}, "fusion is 'mean'; expected one of none"),
        ({"dtype": "float8"}, "unknown dtype 'float8'; expected one of float32"),
        ({"batch": 0}, "batch is 0; expected a whole number, 1 or more"),
        ({"max_new_tokens": "many"}, "max_new_tokens is 'many'"),
        ({"device": "toaster"}, "device 'toaster' cannot be used"),
        ({"min_cover": 1.0}, "min_cover"),
        ({"checkpoint": "nowhere"}, "nowhere"),
        ({"tiles": 3}, "does not take these arguments"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_wrong_argument_is_refused_in_words(checkpoint: Path, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError) as caught:
        load_model("terrascope", {"checkpoint": str(checkpoint)} | arguments)
    assert words in str(caught.value)


def test_without_a_checkpoint_it_says_what_to_pass(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("terrascope_vlm.loading.BUNDLED", tmp_path / "terrascope-tiny")
    with pytest.raises(ModelError, match=r"checkpoint=DIR in --model-args .* --checkpoint DIR"):
        TerraScope()


def test_bundled_checkpoint_is_the_default(monkeypatch: pytest.MonkeyPatch, checkpoint: Path) -> None:
    monkeypatch.setattr("terrascope_vlm.loading.BUNDLED", checkpoint)
    assert TerraScope().info["checkpoint"] == "tiny"


def test_without_torch_it_can_be_imported_and_says_what_to_install() -> None:
    code = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(('torch', 'transformers')))  # as if they were not installed\n"
        "from terracot.plugins import ModelError, load_model\n"
        "try:\n"
        "    load_model('terrascope', {'checkpoint': 'x'})\n"
        "except ModelError as error:\n"
        "    print(error)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert found.stderr == ""
    assert "torch, transformers" in found.stdout
    assert "pip install 'terrascope-bench[models]'" in found.stdout


# --- in the benchmark -----------------------------------------------------------------------------------------------


@pytest.mark.e2e
def test_benchmark_is_run_scored_and_asked_blind(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dictate(monkeypatch, "<think>The water is here: [SEG].</think><answer>A</answer>")
    arguments = f"checkpoint={checkpoint},batch=3,device=cpu"
    shared = ["run", "--bench", "embedded", "--model", "terrascope", "--model-args", arguments, "--limit", "4"]
    assert terrabench([*shared, "--batch-size", "4", "--out", str(tmp_path / "plain")]) == 0
    rows = [json.loads(line) for line in (tmp_path / "plain" / "responses.jsonl").read_text().splitlines()]
    assert {(row["status"], row["letter"], row["error"]) for row in rows} == {("ok", "A", None)}
    assert {mask["label"] for row in rows for mask in row["masks"]} == {"water"}
    assert all(row["meta"]["regions"][0]["pixels"] >= 0 for row in rows)
    run = json.loads((tmp_path / "plain" / "run.json").read_text())
    assert run["prompt"]["name"] == "none"
    assert run["model"]["info"]["decoding"]["rule"] == "greedy"
    assert terrabench([*shared, "--control", "blind", "--out", str(tmp_path / "blind")]) == 0
    run = json.loads((tmp_path / "blind" / "run.json").read_text())
    assert run["control"]["label"] == "blind (grey image)"
    capsys.readouterr()
