"""Interleaved decoding of a batch: words, masks and evidence on one key-value cache.

Every step feeds the next token of all running rows. The state at ``[SEG]``, once it has been read, draws the mask, as
in training. Rows that have just read one get their evidence as one block, while the others stand still; then all go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import compress

import torch
from torch import Tensor, nn

from terracot.scenes import BoolMask
from terrascope_vlm.batch import rows_of
from terrascope_vlm.evidence import Region, evidence_for
from terrascope_vlm.generation.cache import RaggedCache
from terrascope_vlm.generation.checks import check_forced, positions_of
from terrascope_vlm.generation.events import Decoding, Drawn, Drew, ForcedMask, Hook, Reasoning, Wrote
from terrascope_vlm.generation.reply import Reply
from terrascope_vlm.generation.sight import Sight
from terrascope_vlm.modeling import TerraScopeForReasoning
from terrascope_vlm.processing import TerraScopeProcessor
from terrascope_vlm.routing import Route
from terrascope_vlm.slots import Query, Slots

GREEDY = Decoding()
SPARE = 256
"""Positions that the cache has beyond the longest prompt before it first grows."""

Adjust = Callable[[list[int], Tensor], Tensor]
"""Sees and may change the logits ``(n, V)`` of queries before the rules and the choice. For tests and benchmarks."""


def reason(
    model: TerraScopeForReasoning,
    processor: TerraScopeProcessor,
    queries: Sequence[Query],
    decoding: Decoding = GREEDY,
    *,
    forced: Sequence[Sequence[ForcedMask]] | None = None,
    on_event: Hook | None = None,
    _adjust: Adjust | None = None,
) -> list[Reasoning]:
    """Answer ``queries``, in order. The reply to one does not depend on the others (but for rounding, which in half
    precision can decide between two words that are equally likely).

    ``forced``: for each query masks that its first ``[SEG]`` take instead of drawing; after them the model draws.
    ``on_event`` is told what is written and drawn as it happens. ``ValueError`` for a prompt that is longer than the
    language model has positions, a forced mask that does not fit, or a language model that cannot decode like this.
    """
    given = [()] * len(queries) if forced is None else forced
    check_forced(given, queries)
    if not queries:
        return []
    replies = [Reply(query, masks, processor) for query, masks in zip(queries, given, strict=True)]
    with torch.no_grad(), answering(model):
        Interleaved(model, processor, replies, decoding, on_event, _adjust).run()
    return [reply.reasoning() for reply in replies]


class Interleaved:
    """One batch on its way. ``rows`` are the replies that still run, in the order of the rows of the cache."""

    def __init__(
        self,
        model: TerraScopeForReasoning,
        processor: TerraScopeProcessor,
        replies: Sequence[Reply],
        decoding: Decoding,
        on_event: Hook | None,
        adjust: Adjust | None,
    ) -> None:
        self.model, self.processor, self.decoding = model, processor, decoding
        self.replies, self.on_event, self.adjust = replies, on_event, adjust
        self.lm = model.vlm.model.language_model
        self.device = model.device
        self.positions = positions_of(self.lm.config, [reply.query for reply in replies])
        self.rows = list(range(len(replies)))
        self.seg, self.end = processor.ids["seg"], processor.ids["end"]
        longest = max(len(reply.query.slots) for reply in replies)
        self.cache = RaggedCache(len(replies), longest + min(decoding.max_new_tokens, SPARE), self.device)
        self.sight = Sight(model, [reply.query for reply in replies])
        self.barred: Tensor | None = None

    def run(self) -> None:
        """Until every reply has ended."""
        states = self._read_slots(self.rows, [reply.query.slots for reply in self.replies])
        while True:
            self._choose(states)
            self._leave()
            if not self.rows:
                return
            everyone = range(len(self.rows))
            written = torch.tensor([self.replies[row].ids[-1:] for row in self.rows], device=self.device)
            states = self._read(everyone, self.model.get_input_embeddings()(written), [1] * len(self.rows))
            at_seg = [place for place in everyone if self.replies[self.rows[place]].ids[-1] == self.seg]
            if at_seg:
                self._ground(at_seg, states)

    # Words

    def _choose(self, states: Tensor) -> None:
        """Write one more token to every row, by the state ``(n, D)`` that it ended in; or let it end."""
        logits = self.model.vlm.lm_head(states)
        if self.adjust is not None:
            logits = self.adjust(self.rows, logits)
        if self.barred is None:
            self.barred = self._barred(logits.shape[1])
        logits = logits.masked_fill(self.barred, -torch.inf)
        full = [self.replies[row].segs >= self.decoding.max_masks for row in self.rows]
        if any(full):
            logits[list(compress(range(len(full)), full)), self.seg] = -torch.inf
        for place, token in enumerate(logits.argmax(-1).tolist()):
            reply = self.replies[self.rows[place]]
            if self._full(reply) or self.cache.lengths[place] >= self.positions:
                reply.ended = "length"
            if reply.ended is None and token == self.end:
                reply.ended = "end"
            if reply.ended is None:
                reply.write(token, seg=token == self.seg)
                if self._full(reply) and token != self.seg:  # the region of a last [SEG] is drawn yet
                    reply.ended = "length"
            if self.on_event is not None and (text := reply.fresh()):
                self.on_event(self.rows[place], Wrote(text))

    def _full(self, reply: Reply) -> bool:
        return len(reply.ids) >= self.decoding.max_new_tokens

    def _leave(self) -> None:
        """Rows that have ended leave the batch."""
        for place in reversed(range(len(self.rows))):
            if self.replies[self.rows[place]].ended is not None:
                self.cache.drop(place)
                self.rows[place] = self.rows[-1]
                self.rows.pop()

    def _barred(self, size: int) -> Tensor:
        """``(V,)``: what is never written: tokens of images, padding, the start of a turn, rows that are no token."""
        barred = torch.arange(size) >= len(self.processor.tokenizer)  # hub models have more rows than tokens
        barred[[token for token in self.processor.ids.values() if token not in (self.seg, self.end)]] = True
        return barred.to(self.device)

    # Regions

    def _ground(self, places: list[int], states: Tensor) -> None:
        """Draw for the rows that have just read ``[SEG]``, and let them read the evidence; ``states`` follows."""
        routes = {place: self.replies[self.rows[place]].route() for place in places}
        masks = {place: mask for place, (_, mask) in routes.items() if mask is not None}
        if self.decoding.draw or self.model.config.evidence != "text":
            left = [place for place in places if place not in masks]
            masks.update(self._drawn(left, states, [routes[place][0] for place in left]))
        blocks = {}
        for place in sorted(masks):
            found, given = routes[place]
            slots = self._evidence(self.rows[place], found, masks[place], forced=given is not None)
            if self.cache.lengths[place] + len(slots) > self.positions:
                self.replies[self.rows[place]].ended = "length"
            elif len(slots):
                blocks[place] = slots
        if blocks:
            states[list(blocks)] = self._inject(blocks)

    def _inject(self, blocks: Mapping[int, Slots]) -> Tensor:
        """Let rows read their evidence, in one forward; the states that they end in."""
        return self._read_slots(list(blocks), list(blocks.values()))

    def _drawn(self, places: list[int], states: Tensor, routes: list[Route]) -> dict[int, BoolMask]:
        if not places:
            return {}
        rows = [self.rows[place] for place in places]
        masks = self.sight.draw(states[places], rows, routes)
        return dict(zip(places, masks, strict=True))

    def _evidence(self, row: int, where: Route, mask: BoolMask, *, forced: bool) -> Slots:
        """What the reply to query ``row`` reads of a new region."""
        reply = self.replies[row]
        region = Region(where.t, where.frame, where.other, mask)
        evidence = evidence_for(reply.query, [*reply.regions, region], self.model.config, self.processor)
        sar = self.sight.from_sar(row, evidence.slots)
        reply.drawn.append(Drawn(region, evidence, sar, reply.offset, forced, where.stated))
        if self.on_event is not None:
            self.on_event(row, Drew(reply.drawn[-1]))
        return evidence.slots

    # Reading

    def _read_slots(self, places: Sequence[int], slots: Sequence[Slots]) -> Tensor:
        """Feed each of ``places`` its slots, and give the state that it ends in."""
        offsets = [self.sight.offsets[self.rows[place]] for place in places]
        table = rows_of(slots, offsets, self.processor.ids["pad"]).to(self.device)
        return self._read(places, self.model.embedded(table, self.sight.seen), [len(row) for row in slots])

    def _read(self, places: Sequence[int], embeddings: Tensor, counts: Sequence[int]) -> Tensor:
        """Feed embeddings ``(n, L, D)``, of which the first ``counts`` are no padding; ``(n, D)`` last true states."""
        positions, mask = self.cache.place(places, embeddings.shape[1], embeddings.dtype)
        states: Tensor = self.lm(
            inputs_embeds=embeddings,
            attention_mask=mask,
            position_ids=positions.clamp(max=self.positions - 1),  # padding may lie beyond: rotary scaling looks at it
            past_key_values=self.cache,
            use_cache=True,
        ).last_hidden_state
        self.cache.keep(places, counts)
        if states.shape[1] == 1:
            return states[:, 0]
        return states[torch.arange(len(counts)), [count - 1 for count in counts]]


@contextmanager
def answering(model: nn.Module) -> Iterator[None]:
    """Without dropout, whatever the model was doing; afterwards each part trains again that did."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True
