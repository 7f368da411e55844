"""Annotation by a model: what is kept where a map knows better, what is refused; one bad reply costs no other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from make_scenes import make_scenes

from terracot.cli import main
from terracot.io import iter_jsonl, read_json
from terracot.masks import decode
from terracot.shards import read_rows
from terracot.verify import verify

HEAD = """
import numpy as np
from terracot.plugins import PredictedMask, Response

class Model:
    info = {"revision": "abc"}

    def respond(self, prompts):
        return [self.one(prompt) for prompt in prompts]

    def one(self, prompt):
        left = np.zeros(prompt.shape, bool)
        left[:, :24] = True
"""
LEFT = """
        return Response("The left half is water: [SEG]. <answer>Water.</answer>", (PredictedMask(1, left, "water"),))
"""


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    return make_scenes(tmp_path / "scenes", count=5)


@pytest.fixture
def images(scenes: Path) -> Path:
    """The same folder with a layout that names no labels."""
    layout = yaml.safe_load((scenes / "terracot.yaml").read_text())
    del layout["labels"], layout["legend"]
    (scenes / "terracot.yaml").write_text(yaml.safe_dump(layout))
    return scenes


def annotate(source: Path, tmp_path: Path, body: str, *more: str) -> tuple[int, Path]:
    model = tmp_path / "model.py"
    model.write_text(HEAD + body)
    out = tmp_path / "out"
    arguments = ["annotate", "geotiff", str(source), "--model", f"{model}:Model", "--out", str(out), *more]
    return main(arguments), out


def rows_of(out: Path) -> list[dict[str, Any]]:
    return list(read_rows(out, "samples"))


def reasons(out: Path) -> list[str]:
    return [entry["reason"] for entry in iter_jsonl(out / "quarantine.jsonl")]


def test_without_labels_masks_and_words_of_the_model_are_kept(images: Path, tmp_path: Path):
    code, out = annotate(images, tmp_path, LEFT)
    assert code == 0
    rows = rows_of(out)
    assert len(rows) == 5
    for row in rows:
        assert (row["level"], row["kind"], row["answer"]) == ("caption", "annotated/caption", "Water.")
        assert row["text"] == "<think>The left half is water: [SEG].</think><answer>Water.</answer>"
        [mask] = row["masks"]
        kept = decode(mask["rle"], (48, 48))
        assert kept[:, :24].all()
        assert not kept[:, 24:].any()
    agreement = read_json(out / "manifest.json")["annotation"]["agreement"]
    assert (agreement["regions_compared"], agreement["mean_iou"]) == (0, None)
    assert agreement["regions_without_labels"] == 5
    assert verify(out).problems == []


def test_with_labels_only_what_map_and_model_agree_on_is_kept_and_the_agreement_is_told(
    scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    import rasterio

    code, out = annotate(scenes, tmp_path, LEFT, "--json")
    assert code == 0
    told = json.loads(capsys.readouterr().out)["agreement"]
    ious = []
    for row in rows_of(out):
        with rasterio.open(scenes / "label" / f"{row['scene_id']}.tif") as file:
            codes = file.read(1)
        water, left = codes == 10, np.zeros((48, 48), bool)
        left[:, :24] = True
        left &= codes != 0
        assert np.array_equal(decode(row["masks"][0]["rle"], (48, 48)), water & left)
        ious.append((water & left).sum() / (water | left).sum())
    assert told["mean_iou"] == pytest.approx(np.mean(ious), abs=1e-5)
    assert told["classes"]["water"]["regions"] == 5
    assert verify(out).problems == []


def test_a_region_where_the_map_has_none_of_its_class_is_dropped_with_its_step(scenes: Path, tmp_path: Path):
    body = """
        right = ~left
        text = "Wetland lies here: [SEG]. Water is there: [SEG]. Nothing else."
        return Response(text, (PredictedMask(1, right, "wetland"), PredictedMask(1, left, "water")))
"""
    code, out = annotate(scenes, tmp_path, body)
    assert code == 0
    for row in rows_of(out):
        assert [mask["class_name"] for mask in row["masks"]] == ["water"]
        assert row["text"] == "Water is there: [SEG]. Nothing else."
    assert read_json(out / "manifest.json")["annotation"]["agreement"]["regions_dropped"] == 5
    assert verify(out).problems == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('        return Response("Nothing here.")\n', "no_regions"),
        ('        return Response("Two: [SEG] [SEG].", (PredictedMask(1, left),))\n', "seg_count"),
        ('        return Response("One: [SEG].", (PredictedMask(2, left),))\n', "bad_mask"),
        ('        return Response("One: [SEG].", (PredictedMask(1, left[:5]),))\n', "bad_mask"),
        ('        return Response("<image> [SEG].", (PredictedMask(1, left),))\n', "bad_text"),
        ('        return Response("Image: 2 [SEG].", (PredictedMask(1, left),))\n', "mask_dates"),
        ('        return Response("Empty: [SEG].", (PredictedMask(1, left & ~left),))\n', "no_region_kept"),
        ('        raise RuntimeError("out of memory")\n', "model_error"),
        ('        return "no response"\n', "model_error"),
    ],
)
def test_a_reply_that_cannot_be_used_is_listed_with_its_reason(images: Path, tmp_path: Path, body: str, reason: str):
    code, out = annotate(images, tmp_path, body)
    assert code in (1, 3)
    assert reasons(out) == [reason] * 5


def test_one_failing_scene_costs_no_other_of_its_batch(images: Path, tmp_path: Path):
    body = """
        if prompt.frames[0].image[10, 40, 0] == self.worst(prompt):
            raise ValueError("this one")
        return Response("Left: [SEG].", (PredictedMask(1, left, "left half"),))

    seen = []
    def worst(self, prompt):
        self.seen.append(prompt.id)
        return prompt.frames[0].image[10, 40, 0] if prompt.id == self.seen[0] else -1
"""
    _, out = annotate(images, tmp_path, body, "--max-quarantined", "1")
    assert reasons(out) == ["model_error"]
    assert len(rows_of(out)) == 4


def test_regions_that_are_only_listed_get_a_sentence_each(images: Path, tmp_path: Path):
    body = '        return Response("A quiet place.", (PredictedMask(1, left, "lake"), PredictedMask(1, ~left)))\n'
    _, out = annotate(images, tmp_path, body)
    assert rows_of(out)[0]["text"] == ("Here I mark the lake: [SEG]. Here I mark the region: [SEG]. A quiet place.")


def test_the_model_sees_pictures_and_no_label_and_no_name_of_the_scene(scenes: Path, tmp_path: Path):
    body = """
        assert prompt.options == () and not prompt.valid
        assert all(name not in prompt.question + prompt.id for name in ("s00", "water"))
        return Response("Left: [SEG].", (PredictedMask(1, left, "water"),))
"""
    code, _ = annotate(scenes, tmp_path, body)
    assert code == 0


def test_the_manifest_names_model_and_revision_and_no_path(images: Path, tmp_path: Path):
    _, out = annotate(images, tmp_path, LEFT)
    stated = read_json(out / "manifest.json")["annotation"]
    assert (stated["model"], stated["model_info"]) == ("model.py:Model", {"revision": "abc"})
    assert str(tmp_path) not in (out / "manifest.json").read_text()


def test_a_forged_annotation_is_found(images: Path, tmp_path: Path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    from terracot.samples import SAMPLE_SCHEMA, content_id

    _, out = annotate(images, tmp_path, LEFT)
    path = out / "data" / "samples-00000.parquet"
    rows = pq.read_table(path).to_pylist()
    rows[0]["text"] += " And more: [SEG]."
    rows[0]["id"] = content_id(rows[0])
    pq.write_table(pa.Table.from_pylist(rows, schema=SAMPLE_SCHEMA), path)
    assert any("2 [SEG], the row has 1 masks" in problem for problem in verify(out).problems)


def test_a_reference_model_that_sees_no_pictures_is_refused(
    scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "out"
    assert main(["annotate", "geotiff", str(scenes), "--model", "oracle", "--out", str(out)]) == 2
    assert "sees no pictures" in capsys.readouterr().err
    assert not out.exists()


def test_verify_with_a_source_says_that_a_model_follows_from_none(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    _, out = annotate(images, tmp_path, LEFT)
    assert main(["verify", str(out), "--source", str(images)]) == 2
    assert "follow from no source" in capsys.readouterr().err


def test_a_path_among_the_arguments_of_a_model_is_no_map_of_the_disk(images: Path, tmp_path: Path):
    body = LEFT + "\n    def __init__(self, weights):\n        self.weights = weights\n"
    _, out = annotate(images, tmp_path, body, "--model-args", f"weights={tmp_path / 'w.safetensors'}")
    assert read_json(out / "manifest.json")["annotation"]["model_args"] == {"weights": "w.safetensors"}
    assert str(tmp_path) not in (out / "manifest.json").read_text()
