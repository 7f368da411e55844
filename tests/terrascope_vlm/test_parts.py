from __future__ import annotations

import shutil

import pytest

torch = pytest.importorskip("torch")

import hub_checkpoints as hub  # noqa: E402
from terrascope_vlm.checkpoints import CheckpointError, load, save  # noqa: E402
from terrascope_vlm.frames import FrameImage  # noqa: E402
from terrascope_vlm.parts import from_parts  # noqa: E402
from terrascope_vlm.tiny import tiny_parts  # noqa: E402
from terrascope_vlm.widen import widen  # noqa: E402
from tiny_batches import GROUND, batch, example, image  # noqa: E402

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """Folders of both hub checkpoints and the models that were saved there."""
    root = tmp_path_factory.mktemp("hub")
    models = {"internvl": hub.internvl(root / "internvl"), "sam2": hub.sam2(root / "sam2")}
    return root, models


@pytest.fixture(scope="module")
def built(sources):
    return from_parts(sources[0] / "internvl", sources[0] / "sam2", evidence="box")


def mask_of(sam, pixels, prompt):
    """A mask for an embedding and no point, by the classes of transformers alone."""
    sam.mask_decoder.dynamic_multimask_via_stability = False
    maps = sam.get_image_embeddings(pixels)
    dense = sam.prompt_encoder.no_mask_embed.weight.reshape(1, -1, 1, 1).expand_as(maps[-1])
    positions = sam.get_image_wide_positional_embeddings().expand(len(pixels), -1, -1, -1)
    return sam.mask_decoder(maps[-1], positions, prompt[:, None, None], dense, False, maps[:-1])[0][:, 0, 0]


def test_what_the_parts_see_and_draw_stays_exactly_the_same(sources, built):
    model, _ = built
    tiles, pixels, prompt = torch.rand(2, 3, 64, 64), torch.rand(2, 3, 64, 64), torch.randn(2, 32)
    with torch.no_grad():
        expected = sources[1]["internvl"].model.get_image_features(pixel_values=model.normalised(tiles)).pooler_output
        assert torch.equal(model.visual_tokens(tiles), expected.flatten(0, 1))
        mask = mask_of(sources[1]["sam2"], model.normalised(pixels), prompt)
        assert torch.equal(model.grounding.decode(model.encode(pixels), prompt), mask)
        assert float(mask.std()) > 0.01


def test_every_weight_of_the_parts_is_there_to_the_last_bit(sources, built):
    found = built[0].state_dict()
    words = len(hub.internvl_tokenizer())
    for name, weight in sources[1]["internvl"].state_dict().items():
        mine = found[f"vlm.{name}"]
        assert torch.equal(
            mine[:words] if name.endswith(("embed_tokens.weight", "lm_head.weight")) else mine, weight
        ), name
    for name, weight in sources[1]["sam2"].state_dict().items():
        assert torch.equal(found[f"grounding.sam.{name}"], weight), name


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("spare", [0, 5])
def test_seg_is_the_mean_of_all_words_and_spare_rows_are_none(tied, spare, sources, tmp_path):
    words = len(hub.internvl_tokenizer())
    source = hub.internvl(tmp_path / "internvl", tied=tied, rows=words + spare)
    model, processor = from_parts(tmp_path / "internvl", sources[0] / "sam2")
    assert processor.ids["seg"] == model.config.seg_token_id == words
    assert processor.encode("a[SEG]b")[1] == words
    rows = model.get_input_embeddings().weight
    assert len(rows) == max(words + 1, words + spare) == model.config.internvl_config.text_config.vocab_size
    torch.testing.assert_close(rows[words], source.get_input_embeddings().weight[:words].mean(0))
    head = model.get_output_embeddings().weight
    torch.testing.assert_close(head[words], source.get_output_embeddings().weight[:words].mean(0))
    assert (head is rows) == tied == model.config.tie_word_embeddings


def test_a_tokenizer_that_has_seg_keeps_its_row(sources, tmp_path):
    folder = tmp_path / "internvl"
    source = hub.internvl(folder, rows=len(hub.internvl_tokenizer()) + 1)
    tokenizer = hub.internvl_tokenizer()
    tokenizer.add_tokens(["[SEG]"], special_tokens=True)
    tokenizer.save_pretrained(folder)
    model, _ = from_parts(folder, sources[0] / "sam2")
    assert torch.equal(model.get_input_embeddings().weight, source.get_input_embeddings().weight)


def test_the_built_model_learns_and_comes_back_from_disk(built, tmp_path):
    model, processor = built
    assert model.config.evidence == "box"
    found = model(batch(model.config, [example(processor, [image(1)])]))
    found.loss.backward()
    assert model.seg_projection[0].weight.grad.any()
    model.zero_grad(set_to_none=True)
    save(model, processor, tmp_path)
    again, _ = load(tmp_path)
    assert all(torch.equal(a, b) for a, b in zip(again.state_dict().values(), model.state_dict().values(), strict=True))


def test_new_weights_depend_on_the_seed_alone(sources, built):
    torch.manual_seed(99)
    folders = (sources[0] / "internvl", sources[0] / "sam2")
    same, other = from_parts(*folders)[0], from_parts(*folders, seed=1)[0]
    for name in ("seg_projection.0.weight", "seg_projection.2.weight", "nothing.weight"):
        assert torch.equal(same.state_dict()[name], built[0].state_dict()[name])
        assert not torch.equal(other.state_dict()[name], built[0].state_dict()[name])
    assert not built[0].seg_projection[0].bias.any()
    assert 0.3 < float(built[0].seg_projection(torch.randn(64, 64)).detach().std()) < 1.5


def test_llama_and_bfloat16_are_taken_as_they_are(sources, tmp_path):
    hub.internvl(tmp_path / "llama", llama=True).to(torch.bfloat16).save_pretrained(tmp_path / "llama")
    model, processor = from_parts(tmp_path / "llama", sources[0] / "sam2")
    assert {weight.dtype for weight in model.parameters()} == {torch.bfloat16}
    assert torch.isfinite(model(batch(model.config, [example(processor, [image(1)])])).loss)
    full, _ = from_parts(tmp_path / "llama", sources[0] / "sam2", dtype=torch.float32)
    assert {weight.dtype for weight in full.parameters()} == {torch.float32}


def test_metas_checkpoints_for_videos_are_taken_for_images(sources, tmp_path):
    source = hub.sam2(tmp_path / "video", video=True)
    model, _ = from_parts(sources[0] / "internvl", tmp_path / "video")
    assert not any("memory_attention" in name for name in model.state_dict())
    for name, weight in source.state_dict().items():
        assert torch.equal(model.state_dict()[f"grounding.sam.{name}"], weight), name


def test_metas_own_files_give_the_same_masks(sources, tmp_path):
    root, models = sources
    sam = models["sam2"]
    torch.save({"model": hub.by_metas_names(sam)}, tmp_path / "sam2.pt")
    with pytest.raises(
        ValueError, match=r"5 blocks that begin 16 wide are none of Meta's sizes \(tiny, .*give sam2_config"
    ):
        from_parts(root / "internvl", tmp_path / "sam2.pt")
    model, _ = from_parts(root / "internvl", tmp_path / "sam2.pt", sam2_config=sam.config)
    for name, weight in sam.state_dict().items():
        assert torch.equal(model.state_dict()[f"grounding.sam.{name}"], weight), name


class Trap:
    def __reduce__(self):
        return (pytest.fail, ("code of a pickle was run",))


def test_metas_file_cannot_run_code(sources, tmp_path):
    torch.save({"model": Trap()}, tmp_path / "sam2.pt")
    with pytest.raises(CheckpointError, match="cannot be read as weights alone"):
        from_parts(sources[0] / "internvl", tmp_path / "sam2.pt")


def test_what_is_no_such_checkpoint_is_said_in_one_line(sources, tmp_path):
    root = sources[0]
    for arguments, match in (
        ((tmp_path / "none", root / "sam2"), "there is no folder .*none"),
        ((root / "sam2", root / "sam2"), "says model_type 'sam2', expected 'internvl'"),
        ((root / "internvl", root / "internvl"), "says model_type 'internvl', expected 'sam2'"),
    ):
        with pytest.raises(CheckpointError, match=match) as error:
            from_parts(*arguments)
        assert "\n" not in str(error.value)
    chat = shutil.copytree(root / "internvl", tmp_path / "chat")
    (chat / "config.json").write_text('{"model_type": "internvl_chat"}')
    with pytest.raises(CheckpointError, match="expected 'internvl'; the checkpoints with -hf"):
        from_parts(chat, root / "sam2")


def test_parts_that_lack_a_weight_are_refused(sources, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(sources[0] / "sam2", tmp_path / "sam2")
    weights = load_file(folder / "model.safetensors")
    del weights["mask_decoder.conv_s0.bias"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=r"1 missing \(mask_decoder.conv_s0.bias\)"):
        from_parts(sources[0] / "internvl", folder)


# Bands


def with_bands(frame, bands, fill=None):
    import numpy as np

    shape = (len(bands), *frame.shape)
    more = (
        np.random.default_rng(9).random(shape, dtype=np.float32) if fill is None else np.full(shape, fill, np.float32)
    )
    return FrameImage(np.concatenate([frame.channels, more]), frame.t, frame.modality)


@pytest.mark.parametrize("fill", [None, float("nan")])
def test_a_widened_model_answers_as_before_whatever_new_bands_show(fill):
    model, processor = tiny_parts(0)
    frame = image(1)
    with torch.no_grad():
        before = model(batch(model.config, [example(processor, [frame])]))
        widen(model, ["B08", "B11"])
        after = model(batch(model.config, [example(processor, [with_bands(frame, ("B08", "B11"), fill)])]))
    torch.testing.assert_close(after.lm_loss, before.lm_loss, rtol=0, atol=1e-6)
    torch.testing.assert_close(after.mask_logits[0], before.mask_logits[0], rtol=0, atol=1e-5)


def test_a_widened_model_learns_from_its_bands_and_not_where_they_are_missing():
    model, processor = tiny_parts(0)
    widen(model, ["B08"])
    for fill, learns in ((None, True), (float("nan"), False)):
        model.zero_grad()
        model(batch(model.config, [example(processor, [with_bands(image(1), ("B08",), fill)])])).loss.backward()
        for projection in (
            model.vlm.model.vision_tower.embeddings.patch_embeddings.projection,
            model.grounding.sam.vision_encoder.backbone.patch_embed.projection,
        ):
            assert bool(projection.weight.grad[:, 3:].any()) == learns
            assert projection.weight.grad[:, :3].any()


def test_bands_come_with_from_parts_and_back_from_disk(sources, tmp_path):
    model, processor = from_parts(sources[0] / "internvl", sources[0] / "sam2", bands=["B08"])
    assert processor.bands == model.config.bands == ["B08"]
    assert model.config.channels == len(model.config.pixel_mean) == 4
    save(model, processor, tmp_path)
    again, read = load(tmp_path)
    assert read.bands == ["B08"]
    query = read.query([with_bands(image(1), ("B08",))], "What?", GROUND)
    assert query.frames[0].channels.shape[0] == 4
    assert again.visual_tokens(torch.rand(1, 4, 64, 64)).shape == (64, 64)


def test_a_band_is_not_added_twice():
    model, _ = tiny_parts(0, bands=("B08",))
    with pytest.raises(ValueError, match="band b08 is there already"):
        widen(model, ["b08"])
