"""python benchmarks/decoding.py [--device cuda --size 1b --dtype bf16] [--batch 8] [--tokens 160] [--out DIR] [--json]

What interleaving words, masks and evidence costs, with random weights and dictated replies of ``--tokens`` tokens with
``--masks`` [SEG] each, at places that differ from row to row. Images are synthetic. SAM draws every mask; what counts
as drawn is then a disc over 39 % of the image, since random weights draw all or nothing.

    plain           the same loop and the same words, but nothing is drawn or injected
    plain longer    the same, with prompts longer by half of what is injected: as much to attend to on the average
    generate        the same prompts and words by ``generate`` of transformers, the outside peer
    recomputed      interleaved, but after each [SEG] the row reads its whole sequence again, as it would without a
                    cache that goes on
    one by one      interleaved, a call for each query

Seeing the images and reading the prompts (a reply with no token) is measured by itself and taken off where a cost per
token is given. Injection is what happens between the reading of a [SEG] and the choice of the next word: drawing (SAM's
encoder at the first mask of an image, its decoder), the choice of evidence, and reading it (one forward of a block); it
is given per injected token. All the rest of the interleaved run, per written token, is ``beyond``. It is held against
plain (target: 1.15 at most), with what it costs that injected tokens are attended to ever after, and against plain
longer, without. The other target is 3 times the throughput of one by one.

On the CPU times are CPU time of one thread, which other work on the machine disturbs less; on a GPU they are wall time.
Rounds take turns; ratios are taken within a round, and medians count.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from terrascope_vlm.batch import images_of, rows_of
from terrascope_vlm.frames import FrameImage
from terrascope_vlm.generation import Decoding, reason
from terrascope_vlm.generation.decoding import Interleaved
from terrascope_vlm.generation.sight import Sight
from terrascope_vlm.slots import Query, Slots
from terrascope_vlm.tiny import tiny_config, tiny_parts, tiny_tokenizer
from torch import Tensor

from terracot.ground import GroundSampling
from terracot.io import atomic_write_text

BEYOND, SPEEDUP = 1.15, 3.0
DTYPES = {"float32": torch.float32, "bf16": torch.bfloat16}
ENDLESS = Decoding(max_new_tokens=1 << 30)
NOTHING = Decoding(max_new_tokens=0)


def read_again(loop: Interleaved, blocks: dict[int, Slots]) -> Tensor:
    """In the place of ``Interleaved._inject``: rows read all of their sequence anew, not only their evidence."""
    whole = []
    for place in blocks:
        reply = loop.replies[loop.rows[place]]
        parts, evidence = [reply.query.slots], iter(reply.drawn)
        for token in reply.ids:
            parts.append(Slots.text([token]))
            if token == loop.seg:
                parts.append(next(evidence).evidence.slots)
        whole.append(Slots.joined(parts))
        loop.cache.lengths[place] = 0
    return loop._read_slots(list(blocks), whole)


class Dictated:
    """The words of all rows, one column a step."""

    def __init__(self, tokens: Tensor) -> None:
        self.tokens, self.step = tokens, 0

    def __call__(self, rows: list[int], logits: Tensor) -> Tensor:
        """Logits of which the dictated word is the largest."""
        column = self.tokens[rows, self.step % self.tokens.shape[1]]
        self.step += 1
        return torch.zeros_like(logits).scatter_(1, column[:, None], 1.0)


class Clock:
    """Seconds of what is done, and of the parts of it that are wrapped."""

    def __init__(self, device: str) -> None:
        self.cuda = device == "cuda"
        self.parts: dict[str, float] = {}

    def now(self) -> float:
        """Seconds since some time."""
        if self.cuda:
            torch.cuda.synchronize()
            return time.perf_counter()
        return time.process_time()

    def of(self, work: Callable[[], Any]) -> float:
        """Seconds that ``work`` takes."""
        start = self.now()
        work()
        return self.now() - start

    @contextmanager
    def inside(self, **methods: tuple[type, str]) -> Iterator[None]:
        """Time methods of classes by name while this lasts."""
        self.parts = dict.fromkeys(methods, 0.0)
        kept = {name: getattr(kind, method) for name, (kind, method) in methods.items()}
        for name, (kind, method) in methods.items():
            setattr(kind, method, self._timed(name, kept[name]))
        try:
            yield
        finally:
            for name, (kind, method) in methods.items():
                setattr(kind, method, kept[name])

    def _timed(self, name: str, method: Any) -> Any:
        def timed(*args: Any, **kwargs: Any) -> Any:
            start = self.now()
            try:
                return method(*args, **kwargs)
            finally:
                self.parts[name] += self.now() - start

        return timed


def one_b() -> tuple[Any, Any]:
    """InternVL3-1B and SAM 2.1 large by their sizes, with random weights."""
    from terrascope_vlm.config import TerraScopeConfig
    from terrascope_vlm.modeling import TerraScopeForReasoning
    from terrascope_vlm.processing import TerraScopeProcessor
    from transformers import InternVLConfig, InternVLVisionConfig, Qwen2Config, Sam2Config
    from transformers.models.sam2.configuration_sam2 import Sam2HieraDetConfig, Sam2VisionConfig

    tokenizer = tiny_tokenizer()
    like = tiny_config(tokenizer)
    vision = InternVLVisionConfig(
        hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096, attention_bias=True
    )
    text = Qwen2Config(
        vocab_size=151_674,
        hidden_size=896,
        intermediate_size=4864,
        num_hidden_layers=24,
        num_attention_heads=14,
        num_key_value_heads=2,
        max_position_embeddings=32_768,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
    )
    hiera = Sam2HieraDetConfig(
        hidden_size=144,
        num_attention_heads=2,
        blocks_per_stage=[2, 6, 36, 4],
        embed_dim_per_stage=[144, 288, 576, 1152],
        num_attention_heads_per_stage=[2, 4, 8, 16],
        window_size_per_stage=[8, 4, 16, 8],
        global_attention_blocks=[23, 33, 43],
    )
    config = TerraScopeConfig(
        internvl_config=InternVLConfig(
            vision_config=vision.to_dict(),
            text_config=text.to_dict(),
            image_token_id=like.internvl_config.image_token_id,
            image_seq_length=256,
        ),
        sam2_config=Sam2Config(
            vision_config=Sam2VisionConfig(
                backbone_config=hiera.to_dict(), backbone_channel_list=[1152, 576, 288, 144]
            ).to_dict()
        ),
        seg_token_id=like.seg_token_id,
    )
    torch.manual_seed(0)
    return TerraScopeForReasoning(config).eval(), TerraScopeProcessor.of(config, tokenizer)


def queries_of(processor: Any, batch: int, side: int) -> list[Query]:
    """Synthetic images of noise, each with a question of its own length."""
    rng = np.random.default_rng(0)
    ground = GroundSampling.nominal(10.0, 10.0, "synthetic")
    frames = [FrameImage(rng.random((3, side, side), np.float32), 1, "s2") for _ in range(batch)]
    return [
        processor.query([f], f"How much of image {n} is water? " * (1 + n % 3), ground) for n, f in enumerate(frames)
    ]


def words(processor: Any, batch: int, tokens: int, masks: int) -> Tensor:
    """``(batch, tokens + 1)``: what each row writes, its [SEG] at places of its own, and the end."""
    rng = np.random.default_rng(1)
    table = torch.from_numpy(rng.choice(processor.encode("abcdefghijklmnopqrstuvwxyz "), (batch, tokens + 1)))
    for row in table:
        row[rng.choice(tokens - 1, masks, replace=False)] = processor.ids["seg"]
    table[:, -1] = processor.ids["end"]
    return table


class Bench:
    """One model, one batch, one dictation."""

    def __init__(self, model: Any, processor: Any, queries: list[Query], table: Tensor, clock: Clock) -> None:
        self.model, self.processor, self.queries, self.table, self.clock = model, processor, queries, table, clock
        self.encoded = 0
        encode, drawn = model.encode, model.drawn

        def counted(large: Tensor) -> Any:
            self.encoded += len(large)
            return encode(large)

        def disc(states: Tensor, features: Any, shapes: Any) -> tuple[Tensor, ...]:
            return tuple(logits * 0.0 + _disc(logits) for logits in drawn(states, features, shapes))

        model.encode, model.drawn = counted, disc

    def interleaved(self, rows: list[int] | None = None, decoding: Decoding = ENDLESS) -> Any:
        """The replies to ``rows``, all of them unless said."""
        rows = list(range(len(self.queries))) if rows is None else rows
        dictated = Dictated(self.table[rows])
        return reason(self.model, self.processor, [self.queries[r] for r in rows], decoding, _adjust=dictated)

    def one_by_one(self) -> None:
        """A call for each query."""
        for row in range(len(self.queries)):
            self.interleaved([row])

    def recomputed(self) -> None:
        """Without a cache that goes on."""
        inject, Interleaved._inject = Interleaved._inject, read_again  # type: ignore[method-assign]
        try:
            self.interleaved()
        finally:
            Interleaved._inject = inject  # type: ignore[method-assign]

    def plain(self, longer: int = 0) -> None:
        """Words alone; prompts are ``longer`` by so many tokens."""
        config, queries = self.model.config, self.queries
        kept, config.evidence = config.evidence, "text"
        more = Slots.text(self.processor.encode("x") * longer)
        self.queries = [replace(query, slots=Slots.joined([query.slots, more])) for query in queries]
        try:
            self.interleaved(decoding=replace(ENDLESS, draw=False))
        finally:
            config.evidence, self.queries = kept, queries

    @torch.no_grad()
    def generate(self) -> None:
        """Left-padded embeddings into ``generate``, the words dictated by a logits processor."""
        from transformers import LogitsProcessorList

        images = images_of(self.queries, self.model.config).to(self.model.device)
        rows = rows_of([query.slots for query in self.queries], images.offsets).to(self.model.device)
        embeddings = self.model.embedded(rows, self.model.see(images, rows))
        lengths = rows.attention.sum(1)
        shift = [embeddings.shape[1] - int(length) for length in lengths]
        left = torch.stack([one.roll(by, 0) for one, by in zip(embeddings, shift, strict=True)])
        mask = torch.stack([one.roll(by, 0) for one, by in zip(rows.attention, shift, strict=True)]).long()
        everyone = list(range(len(self.queries)))
        dictated = Dictated(self.table[:, :-1])
        self.model.vlm.generate(
            inputs_embeds=left,
            attention_mask=mask,
            max_new_tokens=self.table.shape[1] - 1,
            do_sample=False,
            pad_token_id=self.processor.ids["pad"],
            eos_token_id=None,
            logits_processor=LogitsProcessorList([lambda _, logits: dictated(everyone, logits)]),
        )

    def round(self, injected: int) -> dict[str, float]:
        """Seconds of each, once, in turn."""
        clock, found = self.clock, {}
        longer = injected // len(self.queries) // 2
        found["prompt"] = clock.of(lambda: self.interleaved(decoding=NOTHING))
        found["plain"] = clock.of(self.plain)
        with clock.inside(
            injection=(Interleaved, "_ground"), drawing=(Sight, "draw"), reading=(Interleaved, "_inject")
        ):
            found["interleaved"] = clock.of(self.interleaved)
            found |= clock.parts
        found["generate"] = clock.of(self.generate)
        found["plain_longer"] = clock.of(lambda: self.plain(longer))
        found["recomputed"] = clock.of(self.recomputed)
        found["one_by_one"] = clock.of(self.one_by_one)
        return found


def _disc(logits: Tensor) -> Tensor:
    rows, columns = (torch.linspace(-1, 1, n, device=logits.device) for n in logits.shape)
    return 0.5 - (rows[:, None] ** 2 + columns**2)


def ratios(seconds: dict[str, float], written: int, injected: int) -> dict[str, float]:
    """Of one round."""
    plain, longer, peer, whole = (
        (seconds[name] - seconds["prompt"]) / written for name in ("plain", "plain_longer", "generate", "interleaved")
    )
    beyond = whole - seconds["injection"] / written
    return {
        "plain, ms a written token": 1000 * plain,
        "generate, ms a written token": 1000 * peer,
        "interleaved, ms a written token": 1000 * whole,
        "injection, ms an injected token": 1000 * seconds["injection"] / injected,
        "of it drawing": 1000 * seconds["drawing"] / injected,
        "of it reading": 1000 * seconds["reading"] / injected,
        "beyond / plain": beyond / plain,
        "beyond / plain longer": beyond / longer,
        "interleaved / plain": whole / plain,
        "interleaved / plain, a token of the sequence": whole * written / (written + injected) / plain,
        "reading an injected token / plain": seconds["reading"] / injected / plain,
        "plain / generate": plain / peer,
        "one by one / interleaved": seconds["one_by_one"] / seconds["interleaved"],
        "recomputed / interleaved": seconds["recomputed"] / seconds["interleaved"],
    }


@click.command()
@click.option("--out", type=click.Path(path_type=Path), help="Folder for decoding.json.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--size", type=click.Choice(["tiny", "1b"]), default="tiny", show_default=True)
@click.option("--dtype", type=click.Choice(list(DTYPES)), default="float32", show_default=True)
@click.option("--batch", default=8, show_default=True)
@click.option("--tokens", default=160, show_default=True, help="Written tokens of a reply, [SEG] among them.")
@click.option("--masks", default=3, show_default=True, help="[SEG] in a reply.")
@click.option("--side", type=int, help="Pixels of a side of the images; that of a tile unless said.")
@click.option("--pairs", default=5, show_default=True, help="Rounds; medians count.")
@click.option("--json", "as_json", is_flag=True, help="Print what --out writes, not the table.")
def main(
    out: Path | None,
    device: str,
    size: str,
    dtype: str,
    batch: int,
    tokens: int,
    masks: int,
    side: int | None,
    pairs: int,
    as_json: bool,
) -> None:
    """Time interleaved decoding against its alternatives."""
    if device == "cpu" and size == "tiny":
        torch.set_num_threads(1)
    model, processor = tiny_parts(0) if size == "tiny" else one_b()
    model.to(device=device, dtype=DTYPES[dtype])
    side = side or processor.tile_size[0]
    queries, table = queries_of(processor, batch, side), words(processor, batch, tokens, masks).to(device)
    bench = Bench(model, processor, queries, table, Clock(device))
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    replies = bench.interleaved()  # warm, and what the counts are taken from
    calls = bench.encoded
    memory = torch.cuda.max_memory_allocated() if device == "cuda" else None
    load = os.getloadavg()[0]
    injected = sum(len(drawn.evidence.slots) for reply in replies for drawn in reply.drawn)
    rounds = [bench.round(injected) for _ in range(pairs)]
    by_round = [ratios(seconds, batch * tokens, injected) for seconds in rounds]
    medians = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
    result: dict[str, Any] = {
        "setting": {
            "device": torch.cuda.get_device_name() if device == "cuda" else "cpu, one thread's CPU time",
            "size": size,
            "parameters": sum(p.numel() for p in model.parameters()),
            "dtype": dtype,
            "torch": torch.__version__,
            "batch": batch,
            "prompt_tokens": [len(query.slots) for query in queries],
            "written_tokens": tokens,
            "masks": masks,
            "injected_tokens": injected,
            "rounds": pairs,
            "load_before": load,
            "load_after": os.getloadavg()[0],
        },
        "seconds": medians,
        "ratios": {name: statistics.median(one[name] for one in by_round) for name in by_round[0]},
        "spread": {name: [min(o[name] for o in by_round), max(o[name] for o in by_round)] for name in by_round[0]},
        "sam_encodings_per_image": calls / batch,
        "peak_memory_gib": None if memory is None else memory / 2**30,
    }
    click.echo(json.dumps(result, indent=2) if as_json else report(result))
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        atomic_write_text(out / "decoding.json", json.dumps(result, indent=2) + "\n")


def report(result: dict[str, Any]) -> str:
    """The table."""
    setting, seconds, found = result["setting"], result["seconds"], result["ratios"]
    lines = [
        f"{setting['parameters'] / 1e6:,.1f} M parameters, {setting['dtype']}, {setting['device']}; batch "
        f"{setting['batch']}, {setting['written_tokens']} written tokens, {setting['masks']} masks and "
        f"{setting['injected_tokens'] / setting['batch']:.0f} injected tokens a reply, "
        f"prompts of {min(setting['prompt_tokens'])} to {max(setting['prompt_tokens'])}; "
        f"load {setting['load_before']:.1f} to {setting['load_after']:.1f}",
        "",
        *(f"{name.replace('_', ' '):<46}{seconds[name]:9.3f} s" for name in seconds),
        "",
        *(
            f"{name:<46}{value:9.3f}   ({result['spread'][name][0]:.3f} to {result['spread'][name][1]:.3f})"
            for name, value in found.items()
        ),
        f"{'SAM encodings per image':<46}{result['sam_encodings_per_image']:9.3f}",
    ]
    if result["peak_memory_gib"] is not None:
        lines.append(f"{'peak memory':<46}{result['peak_memory_gib']:9.2f} GiB")
    for name, met in (
        (f"beyond injection at most {BEYOND} of plain", found["beyond / plain"] <= BEYOND),
        (f"at least {SPEEDUP:g} times one by one", found["one by one / interleaved"] >= SPEEDUP),
        ("one SAM encoding per image", result["sam_encodings_per_image"] == 1),
    ):
        lines.append(f"{'met   ' if met else 'MISSED'}  {name}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
