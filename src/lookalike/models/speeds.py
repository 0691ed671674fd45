"""How long the models take: measured by `benchmarks/speed_models.py --all`, for `lookalike models list`."""

from __future__ import annotations

from collections.abc import Mapping

MACHINE = "one core of an AMD EPYC with AVX-512 VNNI and BF16"
CORE_MS: Mapping[str, Mapping[str, float]] = {
    "efficientnet-lite0": {"fp32": 7.84, "int8": 3.83, "fp32 openvino": 8.04, "int8 openvino": 3.39},
    "efficientnet-lite0-gap": {"fp32": 9.05, "int8": 4.23},
    "efficientnet-lite1": {"fp32": 12.9},
    "efficientnet-lite2": {"fp32": 18.5},
    "vgg16": {"fp32": 275.0, "bf16 openvino": 135.0},
    "vgg16-notop": {"fp32": 271.0, "bf16 openvino": 132.0},
}
"""Processor milliseconds a photo on that machine, without preparing it, by precision and device."""


def core_ms(name: str) -> Mapping[str, float]:
    """Processor milliseconds a photo of a model on `MACHINE`, by precision (and device, where it is not `cpu`).

    Empty for a model that was not measured.
    """
    return CORE_MS.get(name, {})
