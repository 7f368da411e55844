"""A small U-Net over the stacked bands. Torch is imported only here, and only when this segmenter is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from terrabaselines.segment_then_measure.stacks import Floats, Stack
from terracot.plugins import ModelError
from terracot.seeding import seeded_rng

Labels = npt.NDArray[np.int8]
CHANNELS, LEVELS = 16, 4
CROP, BATCH, STEPS = 64, 8, 600
IGNORED = -1


class UNet:
    """Four levels of two 3 x 3 convolutions, 16 channels at the top; ``arrays`` are its weights by name."""

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        torch = _torch()
        self._arrays = dict(arrays)
        self._net = _network(len(arrays["mean"]), int(arrays["classes"]))
        weights = {name[7:]: torch.from_numpy(a.copy()) for name, a in arrays.items() if name.startswith("weight:")}
        self._net.load_state_dict(weights)
        self._net.eval()

    @classmethod
    def fit(cls, stacks: Sequence[Stack], labels: Sequence[Labels], classes: int, seed: int, effort: float) -> UNet:
        """Train on random crops with flips; ``effort`` multiplies the number of steps."""
        torch = _torch()
        torch.manual_seed(seed)
        images = [stack.channels for stack in stacks]
        values = np.concatenate([image.reshape(len(image), -1)[:, ::7] for image in images], axis=1)
        mean, deviation = np.nanmean(values, axis=1), np.nanstd(values, axis=1) + 1e-6
        images = [_normalised(image, mean, deviation) for image in images]
        rng = seeded_rng(seed, "crops")
        net = _network(len(mean), classes)
        steps = max(20, round(STEPS * effort))
        optimiser = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-4)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps)
        loss = torch.nn.CrossEntropyLoss(ignore_index=IGNORED)
        net.train()
        for _ in range(steps):
            drawn = [_crop(images[i], labels[i], rng) for i in rng.integers(len(images), size=BATCH)]
            x = torch.from_numpy(np.stack([image for image, _ in drawn]))
            y = torch.from_numpy(np.stack([label for _, label in drawn]).astype(np.int64))
            if not bool((y != IGNORED).any()):
                continue
            optimiser.zero_grad()
            loss(net(x), y).backward()
            optimiser.step()
            schedule.step()
        weights = {f"weight:{name}": value.numpy() for name, value in net.state_dict().items()}
        return cls({"mean": mean, "deviation": deviation, "classes": np.array(classes), **weights})

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """Everything that it is made of."""
        return self._arrays

    def probabilities(self, stack: Stack) -> Floats:
        """``(classes, H, W)``."""
        torch = _torch()
        image = _normalised(stack.channels, self._arrays["mean"], self._arrays["deviation"])
        height, width = image.shape[1:]
        side = 2 ** (LEVELS - 1)
        padded = np.pad(image, ((0, 0), (0, -height % side), (0, -width % side)), mode="edge")
        with torch.no_grad():
            logits = self._net(torch.from_numpy(padded)[None])[0, :, :height, :width]
            return np.asarray(torch.softmax(logits, dim=0).numpy())


def _torch() -> Any:
    try:
        return import_module("torch")
    except ImportError as error:
        raise ModelError(
            f"segmenter=unet needs torch, which is not installed ({error}); install the extra `models`, "
            "or use segmenter=boosting"
        ) from error


def _network(bands: int, classes: int) -> Any:
    nn = _torch().nn

    def block(before: int, after: int) -> Any:
        layers = []
        for channels in (before, after):
            layers += [nn.Conv2d(channels, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
        return nn.Sequential(*layers)

    class Net(nn.Module):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__()
            widths = [CHANNELS * 2**level for level in range(LEVELS)]
            self.down = nn.ModuleList(block(a, b) for a, b in zip([bands, *widths], widths, strict=False))
            self.up = nn.ModuleList(block(a + b, a) for a, b in pairwise(widths))
            self.head = nn.Conv2d(CHANNELS, classes, 1)

        def forward(self, x: Any) -> Any:
            kept = []
            for level, down in enumerate(self.down):
                x = down(nn.functional.max_pool2d(x, 2) if level else x)
                kept.append(x)
            for level in reversed(range(LEVELS - 1)):
                above = nn.functional.interpolate(x, size=kept[level].shape[-2:], mode="bilinear")
                x = self.up[level](_torch().cat([kept[level], above], dim=1))
            return self.head(x)

    return Net()


def _normalised(image: Floats, mean: npt.NDArray[Any], deviation: npt.NDArray[Any]) -> Floats:
    scaled = (image - mean[:, None, None]) / deviation[:, None, None]
    return np.asarray(np.nan_to_num(scaled, nan=0.0, posinf=0.0, neginf=0.0).clip(-10, 10), dtype=np.float32)


def _crop(image: Floats, label: Labels, rng: np.random.Generator) -> tuple[Floats, Labels]:
    """A random square, flipped and turned at random; smaller images are filled up with unknown pixels."""
    short = [max(0, CROP - size) for size in label.shape]
    image = np.pad(image, ((0, 0), (0, short[0]), (0, short[1])))
    label = np.pad(label, ((0, short[0]), (0, short[1])), constant_values=IGNORED)
    row, column = (int(rng.integers(size - CROP + 1)) for size in label.shape)
    turns, flip = int(rng.integers(4)), bool(rng.integers(2))
    square = np.rot90(image[:, row : row + CROP, column : column + CROP], turns, (1, 2))
    known = np.rot90(label[row : row + CROP, column : column + CROP], turns)
    return (square[:, :, ::-1], known[:, ::-1]) if flip else (square, known)
