"""A run under a control shows what it says, is stamped with it, and is never mixed with another run."""

import io
import json

import models_for_tests as fakes
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from make_bench import make_bench
from PIL import Image
from scipy import stats

from terrabench.asking.control_names import NAMES
from terrabench.asking.prompting import TEMPLATES
from terrabench.asking.prompts import Asking
from terrabench.asking.responses import RunError, load_responses, load_rotations, run_status
from terrabench.asking.runner import run
from terrabench.asking.survey import Survey, partners
from terrabench.cli import main
from terrabench.items import Benchmark
from terrabench.scoring.results import item_results
from terrabench.scoring.scores import score
from terracot.io import iter_jsonl
from terracot.plugins import ModelError, Response, load_model

EVERY_CONTROL = [None, *NAMES]


class Watching(fakes.Bright):
    """Keeps what it was shown."""

    def __init__(self):
        super().__init__()
        self.shown = []

    def one(self, prompt):
        self.shown.append(prompt)
        return super().one(prompt)


class NeedsImage(Watching):
    needs_image = True


class SameText:
    """Knows nothing and always picks the text that comes first in the alphabet."""

    def respond(self, prompts):
        return [Response(p.letters[p.options.index(min(p.options))]) for p in prompts]


class SameLetter:
    def respond(self, prompts):
        return [Response("A") for _ in prompts]


def run_json(out):
    return json.loads((out / "run.json").read_text())


def shown_by_question(bench, model):
    return {(p.question, p.options): p for p in model.shown}


def asked(bench, control, model=None, seed=0):
    asking = Asking(bench, model or fakes.Bright(), TEMPLATES["letter"], control, seed, privileged=False)
    return {item["id"]: asking.ask(item, 0) for item in bench.items}


@pytest.mark.parametrize("control", EVERY_CONTROL)
def test_replies_under_a_control_do_not_depend_on_the_batch(bench, tmp_path, control):
    for size in (1, 7):
        run(bench, fakes.Bright(), "m", tmp_path / str(size), batch_size=size, control=control)
    one, seven = (
        [{k: v for k, v in line.items() if k != "seconds"} for line in iter_jsonl(tmp_path / s / "responses.jsonl")]
        for s in ("1", "7")
    )
    assert one == seven
    assert len(one) >= len(bench)


@pytest.mark.parametrize("control", EVERY_CONTROL)
def test_ids_stay_opaque_unique_and_change_with_the_seed(bench, tmp_path, control):
    seen = []
    for seed in (0, 1):
        model = Watching()
        run(bench, model, "m", tmp_path / str(seed), control=control, seed=seed)
        seen.append([p.id for p in model.shown])
        text = " ".join([p.id + " ".join(f.id for f in p.frames) for p in model.shown])
        assert not any(item["id"] in text or item["scene_id"] in text for item in bench.items)
        assert "secret" not in text
    assert len(set(seen[0])) == len(seen[0])
    assert not set(seen[0]) & set(seen[1])


@pytest.mark.parametrize("control", EVERY_CONTROL)
def test_every_control_can_be_scored_and_stamps_its_name(bench, tmp_path, control):
    run(bench, fakes.Bright(), "m", tmp_path / "run", control=control)
    stamped = run_json(tmp_path / "run")["control"]
    assert (stamped and stamped["name"]) == control
    scores = score(tmp_path / "run")
    assert scores["control"] == stamped
    assert scores["prompt"]["name"] == "letter"
    assert sum(scores["counts"].values()) + scores["not_applicable"] == scores["items"] == len(bench)
    assert (scores["circular"] is not None) == (control == "shuffled-options")


def test_the_instruction_reaches_the_model_and_run_json(bench, tmp_path):
    class Thinker(Watching):
        prompt_template = "think"

    model = Thinker()
    run(bench, model, "m", tmp_path / "own", limit=3)
    assert all(p.text.endswith(TEMPLATES["think"].text) for p in model.shown)
    assert run_json(tmp_path / "own")["prompt"] == TEMPLATES["think"].record()
    run(bench, model, "m", tmp_path / "flag", limit=3, template="none")
    assert all(p.instruction == "" for p in model.shown[3:])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"control": "blind"}, "control was None, is now {'name': 'blind'"),
        ({"template": "think"}, "prompt.name was 'letter', is now 'think'"),
    ],
)
def test_a_run_under_a_control_is_never_mixed_with_the_plain_one(bench, tmp_path, change, named):
    run(bench, fakes.Bright(), "m", tmp_path / "run", limit=2)
    with pytest.raises(RunError, match="holds another run") as error:
        run(bench, fakes.Bright(), "m", tmp_path / "run", limit=2, **change)
    assert named in str(error.value)
    run(bench, fakes.Bright(), "m", tmp_path / "other", limit=2, **change)
    with pytest.raises(RunError, match="holds another run"):
        run(bench, fakes.Bright(), "m", tmp_path / "other", limit=2)


def test_unknown_controls_are_named_before_anything_is_asked(bench, tmp_path):
    with pytest.raises(RunError, match="unknown control 'dark'; expected one of blind, grey"):
        run(bench, fakes.Bright(), "m", tmp_path / "run", control="dark")
    assert not (tmp_path / "run").exists()


def test_a_model_that_needs_an_image_gets_the_grey_one_and_this_is_stamped(bench, tmp_path):
    plain, needy = Watching(), NeedsImage()
    run(bench, plain, "m", tmp_path / "plain", control="blind")
    run(bench, needy, "m", tmp_path / "needy", control="blind")
    assert all(p.frames == () for p in plain.shown)
    assert run_json(tmp_path / "plain")["control"]["label"] == "blind"
    assert all(np.ptp(f.image.reshape(-1, 3), axis=0).max() == 0 for p in needy.shown for f in p.frames)
    assert {len(p.frames) for p in needy.shown} == {1, 2}
    assert run_json(tmp_path / "needy")["control"]["label"] == "blind (grey image)"


def test_masks_given_blindly_are_kept_for_they_are_no_mistake(bench, tmp_path):
    class Guess:
        def respond(self, prompts):
            from terracot.plugins import PredictedMask

            return [Response("A", (PredictedMask(1, np.ones(p.shape, bool)),)) for p in prompts]

    status = run(bench, Guess(), "m", tmp_path / "run", control="blind")
    assert status["dropped_masks"] == 0
    assert 0 < score(tmp_path / "run")["mean_iou"] < 1


@pytest.mark.parametrize("control", [None, "blind"])
def test_a_model_that_empties_its_prompt_ends_no_run_and_loses_no_mask(bench, tmp_path, control):
    status = run(bench, fakes.Clearing(), "m", tmp_path / "run", limit=4, control=control)
    assert (status["counts"]["ok"], status["dropped_masks"]) == (4, 0)


def test_grey_is_the_mean_of_every_image_of_a_modality(bench):
    """Held against the stored pictures and bytes, read here without the benchmark's reader of prompts."""
    colours, bands = {}, {}
    for scene_id in {item["scene_id"] for item in bench.items}:
        for frame in bench.scene(scene_id)["frames"]:
            picture = np.asarray(Image.open(io.BytesIO(frame["image"]["bytes"]))).reshape(-1, 3)
            colours.setdefault(frame["modality"], []).append(picture)
            pixels = np.frombuffer(frame["pixels"], np.float32).reshape(len(frame["bands"]), -1)
            for name, values in zip(frame["bands"], pixels, strict=True):
                bands.setdefault((frame["modality"], frame["unit"], name), []).append(values)
    greys = Survey.of(bench).greys
    assert {m: list(c) for m, c in greys.colour.items()} == {
        m: np.rint(np.concatenate(parts).mean(axis=0)).tolist() for m, parts in colours.items()
    }
    assert set(greys.bands) == set(bands)
    for key, parts in bands.items():
        assert greys.bands[key] == pytest.approx(np.concatenate(parts).mean(dtype=np.float64), rel=1e-6)


def test_partners_share_task_and_look_and_never_the_group(bench):
    looks = Survey.of(bench).looks
    found = partners(bench.items, looks)
    for item in bench.items:
        alike = [
            other
            for other in bench.items
            if other["task"] == item["task"]
            and looks[other["scene_id"]] == looks[item["scene_id"]]
            and other["group"] != item["group"]
        ]
        assert (item["id"] in found) == bool(alike)
        if alike:
            assert found[item["id"]]["id"] in {other["id"] for other in alike}
    assert len(found) > len(bench) / 2
    again = partners(bench.items[::-1], looks)
    assert {k: v["id"] for k, v in again.items()} == {k: v["id"] for k, v in found.items()}


def test_other_image_shows_the_partner_and_says_where_there_is_none(bench, tmp_path):
    found = partners(bench.items, Survey.of(bench).looks)
    plain, shown = asked(bench, None), asked(bench, "other-image")
    for item in bench.items:
        own, now = plain[item["id"]].prompt, shown[item["id"]].prompt
        assert (now.id, now.text) == (own.id, own.text)
        if item["id"] in found:
            partner = plain[found[item["id"]]["id"]].prompt
            assert all((a.image == b.image).all() for a, b in zip(now.frames, partner.frames, strict=True))
            assert not (now.frames[0].image == own.frames[0].image).all()
            assert shown[item["id"]].note is None
        else:
            assert np.ptp(now.frames[0].image.reshape(-1, 3), axis=0).max() == 0
            assert shown[item["id"]].note == "grey image: no partner"
    status = run(bench, fakes.Bright(), "m", tmp_path / "run", control="other-image")
    lonely = len(bench) - len(found)
    assert run_json(tmp_path / "run")["control"]["without_partner"] == lonely
    assert status["notes"] == ({"grey image: no partner": lonely} if lonely else {})


def test_a_benchmark_of_one_place_has_no_partners_and_every_item_is_asked(tmp_path):
    bench = Benchmark.open(make_bench(tmp_path / "bench", scenes=2))  # both of group-0
    status = run(bench, fakes.Bright(), "m", tmp_path / "run", control="other-image")
    assert status["notes"] == {"grey image: no partner": len(bench)}
    assert status["complete"]
    assert "optical" in run_json(tmp_path / "run")["control"]["colour"]


def test_items_that_nothing_is_left_of_are_not_applicable_and_never_wrong(bench, tmp_path):
    with_radar = {i["id"] for i in bench.items if int(i["scene_id"].rsplit("-", 1)[1]) % 3 == 1}
    model = Watching()
    status = run(bench, model, "m", tmp_path / "run", control="sar-only", batch_size=4)
    assert len(model.shown) == len(with_radar) > 0
    assert all([f.modality for f in p.frames] == ["sar"] for p in model.shown)
    assert status["not_applicable"] == len(bench) - len(with_radar)
    assert status["complete"]
    assert status["counts"]["error"] == 0
    scores = score(tmp_path / "run")
    assert scores["not_applicable"] == len(bench) - len(with_radar)
    assert sum(task["n"] for task in scores["tasks"].values()) == len(with_radar)
    assert {r.id for r in item_results(tmp_path / "run", bench, bench.items)} == with_radar
    again = Watching()
    run(bench, again, "m", tmp_path / "run", control="sar-only", retry_errors=True)
    assert again.shown == []


def test_no_run_can_call_hard_items_not_applicable(bench, tmp_path):
    run(bench, fakes.Bright(), "m", tmp_path / "run")
    log = tmp_path / "run" / "responses.jsonl"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    lines[0]["status"] = "not_applicable"
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(RunError, match="calls 1 items not applicable, which only optical-only and sar-only can do"):
        score(tmp_path / "run")


def test_clouds_hide_the_true_masks_on_every_optical_image(bench):
    plain, cloudy = asked(bench, None), asked(bench, "cloudy")
    for item in bench.items:
        before, after = plain[item["id"]].prompt, cloudy[item["id"]].prompt
        evidence = np.logical_or.reduce([m.mask for m in bench.evidence(item)])
        for old, new in zip(before.frames, after.frames, strict=True):
            if old.modality == "sar":
                assert (new.image == old.image).all()
                assert (new.native() == old.native()).all()
            else:
                assert new.image[evidence].min() >= 220
                assert (new.native()[:, evidence] == np.float32(0.6)).all()
                assert (new.image != old.image).any()


def test_what_a_control_leaves_as_it_is_says_so(bench):
    by_note = {
        control: {i for i, one in asked(bench, control).items() if one.note == "unchanged"}
        for control in ("optical-only", "first-and-last-date", "rgb-only", "all-bands")
    }
    with_radar = {i["id"] for i in bench.items if int(i["scene_id"].rsplit("-", 1)[1]) % 3 == 1}
    assert by_note["optical-only"] == {i["id"] for i in bench.items} - with_radar
    assert by_note["first-and-last-date"] == {i["id"] for i in bench.items}  # two dates at most
    assert by_note["rgb-only"] == by_note["all-bands"] == set()


def test_a_reference_model_is_only_asked_under_controls_that_it_can_notice(bench, tmp_path):
    with pytest.raises(ModelError, match="under shuffled-options only"):
        run(bench, load_model("oracle"), "oracle", tmp_path / "a", control="blind")
    run(bench, load_model("oracle"), "oracle", tmp_path / "b", control="shuffled-options")
    scores = score(tmp_path / "b")
    assert scores["micro_accuracy"] == scores["circular"]["consistent"] == scores["mean_iou"] == 1.0


class Memory:
    """Knows the answer of every item by its native bands, and says A when it sees others."""

    def __init__(self, bench):
        asking = Asking(bench, self, TEMPLATES["letter"], None, 0, privileged=False)
        self.known = {
            self.key(asking.ask(item, 0).prompt): item["options"]["ABCD".index(item["answer"])] for item in bench.items
        }

    @staticmethod
    def key(prompt):
        return prompt.question, frozenset(prompt.options), tuple(f.native().tobytes() for f in prompt.frames)

    def respond(self, prompts):
        texts = [(p, self.known.get(self.key(p))) for p in prompts]
        return [Response("A" if text is None else p.letters[p.options.index(text)]) for p, text in texts]


@pytest.mark.parametrize("control", EVERY_CONTROL)
def test_a_model_that_knows_the_images_loses_exactly_what_a_control_takes_away(bench, tmp_path, control):
    run(bench, Memory(bench), "m", tmp_path / "run", control=control)
    radar = {i["id"] for i in bench.items if int(i["scene_id"].rsplit("-", 1)[1]) % 3 == 1}
    keeps = {None, "all-bands", "shuffled-options", "first-and-last-date"}
    for result in item_results(tmp_path / "run", bench, bench.items):
        item = next(i for i in bench.items if i["id"] == result.id)
        if control == "other-image" and item["task"] in ("ranking", "boundary"):
            continue  # it knows the other image too, which is asked about in the same words
        knows = control in keeps or (control == "optical-only" and result.id not in radar)
        assert result.correct == (knows or item["answer"] == "A")


def test_every_rotation_is_one_line_and_all_of_them_must_be_right(bench, tmp_path):
    out = tmp_path / "run"
    run(bench, SameText(), "m", out, control="shuffled-options", batch_size=5)
    lines = load_rotations(out)
    assert set(lines) == {(item["id"], r) for item in bench.items for r in range(len(item["options"]))}
    assert all(
        line["rotations"] == len(i["options"]) for i in bench.items for (n, _), line in lines.items() if n == i["id"]
    )
    results = {r.id: r for r in item_results(out, bench, bench.items)}
    for item in bench.items:
        picked = "ABCD"[item["options"].index(min(item["options"]))]
        assert results[item["id"]].letter == picked
        assert results[item["id"]].correct == (picked == item["answer"])
        assert results[item["id"]].consistent
    assert load_responses(out).keys() == results.keys()


def test_a_letter_that_is_always_the_same_is_never_right_in_all_rotations(bench, tmp_path):
    run(bench, SameLetter(), "m", tmp_path / "plain")
    run(bench, SameLetter(), "m", tmp_path / "circular", control="shuffled-options")
    assert score(tmp_path / "plain")["micro_accuracy"] > 0
    circular = score(tmp_path / "circular")
    assert circular["micro_accuracy"] == circular["circular"]["consistent"] == 0
    assert circular["counts"]["ok"] == len(bench)


def test_guessing_scores_k_to_the_minus_k_in_a_real_run(tmp_path):
    """The chance model draws anew for each rotation, since each has an id of its own."""
    bench = Benchmark.open(make_bench(tmp_path / "bench", scenes=60))
    run(bench, load_model("chance"), "chance", tmp_path / "run", control="shuffled-options", batch_size=64)
    found = score(tmp_path / "run")["circular"]
    two = [i for i in bench.items if len(i["options"]) == 2]
    expected = len(two) / 4 + (len(bench) - len(two)) / 256  # 1/4 of two options, 1/256 of four
    assert found["chance_guessing"] == pytest.approx(expected / len(bench))
    assert stats.binomtest(round(found["tasks"]["boundary"]["accuracy"] * 40), 40, 0.25).pvalue > 0.001
    assert found["tasks"]["boundary"]["n"] == 40
    assert abs(found["accuracy"] * len(bench) - expected) <= 4 * np.sqrt(expected)


def test_an_item_is_missing_until_all_its_rotations_have_been_asked(bench, tmp_path):
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        run(bench, fakes.Interrupting(), "m", out, control="shuffled-options", batch_size=3)  # stops after 6 askings
    status = run_status(out)
    assert status["counts"]["missing"] == len(bench) - 1  # one item of four options is done, one is half done
    assert not status["complete"]
    model = fakes.Interrupting()
    model.batches = [0] * 10
    run(bench, model, "m", out, control="shuffled-options", batch_size=4)
    run(bench, fakes.Bright(), "m", tmp_path / "whole", control="shuffled-options")
    essence = [
        {(k, line["reply"], line["status"], json.dumps(line["masks"])) for k, line in load_rotations(folder).items()}
        for folder in (out, tmp_path / "whole")
    ]
    assert essence[0] == essence[1]
    assert run_status(out)["complete"]
    assert len(list(iter_jsonl(out / "responses.jsonl"))) == sum(len(i["options"]) for i in bench.items)


def test_one_failed_rotation_makes_the_item_an_error_and_only_that_one_is_asked_again(bench, tmp_path):
    class Once(fakes.Bright):
        healed = False

        def one(self, prompt):
            if "border" in prompt.question and prompt.options[0] == "yes" and not self.healed:
                raise RuntimeError("not this one")
            return super().one(prompt)

    out, model = tmp_path / "run", Once()
    borders = sum(item["task"] == "boundary" for item in bench.items)
    status = run(bench, model, "m", out, control="shuffled-options")
    assert status["counts"]["error"] == borders > 0
    model.healed, model.batches = True, []
    run(bench, model, "m", out, control="shuffled-options", retry_errors=True)
    assert len(model.batches) == borders
    assert run_status(out)["counts"]["error"] == 0


def test_a_line_of_a_rotation_that_cannot_be_is_refused(bench, tmp_path):
    out = tmp_path / "run"
    run(bench, fakes.Bright(), "m", out, limit=1)
    (line,) = iter_jsonl(out / "responses.jsonl")
    with (out / "responses.jsonl").open("a") as log:
        log.write(json.dumps(line | {"rotation": 1}) + "\n")
    with pytest.raises(RunError, match=f"such as {line['id']} in rotation 1"):
        score(out)
    (out / "responses.jsonl").write_text(json.dumps(line | {"rotation": -1}) + "\n")
    with pytest.raises(RunError, match="holds a line that is no response"):
        score(out)


@pytest.mark.parametrize("control", NAMES)
def test_the_published_table_can_be_asked_under_every_control(tmp_path, control):
    """It has neither masks nor bands nor radar: controls that find nothing to take away say so, and nothing fails."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(6):
        buffer = io.BytesIO()
        Image.fromarray(rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)).save(buffer, "PNG")
        candidates = json.dumps({"A": f"{number}%", "B": f"{number + 20}%"})
        image = {"bytes": buffer.getvalue(), "path": f"{number}.png"}
        rows.append({"image": image, "question": f"Q{number}?", "candidates": candidates, "answer": "A"})
    table = pa.Table.from_pylist([row | {"task_type": "coverage_percentage"} for row in rows])
    pq.write_table(table, tmp_path / "table.parquet")
    bench = Benchmark.open(tmp_path / "table.parquet")
    status = run(bench, fakes.Bright(), "m", tmp_path / "run", control=control)
    assert status["counts"]["error"] == 0
    unchanged = 6 if control in ("optical-only", "cloudy", "rgb-only", "first-and-last-date") else 0
    assert status["notes"].get("unchanged", 0) == unchanged
    assert score(tmp_path / "run")["not_applicable"] == (6 if control == "sar-only" else 0)


def test_the_command_says_what_a_run_was_made_under(bench_path, tmp_path, capsys):
    options = ["run", "--bench", str(bench_path), "--model", "chance", "--control", "sar-only", "--prompt", "think"]
    assert main([*options, "--out", str(tmp_path / "run")]) == 0
    shown = capsys.readouterr().out
    assert "chance under sar-only" in shown
    assert "not applicable" in shown
    assert run_json(tmp_path / "run")["prompt"]["name"] == "think"
    assert main(["run", "--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in NAMES)
