"""What is known of the network in Figure 3: the model's facts, and the shapes of the networks that come along."""

from __future__ import annotations

from dataclasses import dataclass

from lookalike.records import ReportData
from lookalike.report.text import plain


@dataclass(frozen=True, slots=True)
class Stage:
    """One feature map: `side` x `side` positions with `channels` each; `used` when the vector is taken from it."""

    side: int
    channels: int
    used: bool = False


@dataclass(frozen=True, slots=True)
class Network:
    """The words and stages that the diagram of the method shows."""

    name: str
    input: str
    resize: str
    network: str
    vector: str
    summary: str
    stages: tuple[Stage, ...]


_LITE0 = (
    Stage(112, 32), Stage(112, 16), Stage(56, 24), Stage(28, 40), Stage(14, 80, used=True),
    Stage(14, 112, used=True), Stage(7, 192, used=True),
)  # fmt: skip
_STAGES = {
    "efficientnet-lite0": _LITE0,
    "efficientnet-lite0-gap": (
        *(Stage(stage.side, stage.channels) for stage in _LITE0), Stage(7, 320), Stage(7, 1280, used=True),
    ),
    "vgg16": (
        Stage(224, 64), Stage(112, 128), Stage(56, 256), Stage(28, 512), Stage(14, 512), Stage(7, 512),
        Stage(1, 4096), Stage(1, 4096, used=True),
    ),
}  # fmt: skip
_NETWORKS = {
    "efficientnet-lite0": "a network trained on ImageNet;\nmean and deviation of the marked layers",
    "efficientnet-lite0-gap": "a network trained on ImageNet;\nmean of the marked layer",
    "vgg16": "a network for ImageNet's classes;\nthe last layer before these",
}
_RESIZES = {
    "stretch": "both sides resized",
    "crop": "resized, middle cut out",
    "pad": "resized, white around it",
    "nearest": "resized, nearest pixel",
}


def describe(data: ReportData) -> Network:
    """The network of a report, from `data.facts` or, without these, from what `data.model` says: a name, or an
    identity line as `ModelFacts.identity` writes it. What is not known is left out.
    """
    parts = data.model.split("/")
    name, size, resize = plain(parts[0] or "the model", 40), 0, ""
    dimension, summary = 0, ""
    if data.facts is not None:
        name, size, resize = plain(data.facts.name, 40), data.facts.size, data.facts.resize
        dimension, summary = data.facts.dimension, plain(data.facts.summary, 300)
    elif len(parts) == 5:
        resize, _, digits = parts[3].rpartition("-")
        size = int(digits) if digits.isdecimal() else 0
    return Network(
        name=name,
        input=f"{size} x {size} pixels" if size else "Resized",
        resize=_RESIZES.get(resize, ""),
        network=_NETWORKS.get(name, "a neural network"),
        vector=f"{dimension:,} numbers" if dimension else "one a photo",
        summary=summary,
        stages=_STAGES.get(name, ()),
    )
