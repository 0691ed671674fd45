"""Small networks of timm and open_clip with random weights, as their publishers would write them."""

from __future__ import annotations

import importlib.util
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

TINY_CLIP = "lookalike-tiny"
NAMES = ("timm:test_resnet", "timm:test_vit", f"open_clip:{TINY_CLIP}")
_CLIP = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 64, "layers": 2, "width": 64, "head_width": 32, "patch_size": 16},
    "text_cfg": {"context_length": 8, "vocab_size": 64, "width": 32, "heads": 2, "layers": 1},
}


def needs_torch() -> None:
    """Skip where the extra `torch` is not installed."""
    for name in ("torch", "timm", "open_clip", "safetensors", "onnxscript"):
        if importlib.util.find_spec(name) is None:
            pytest.skip("torch, timm or open_clip is not installed: pip install 'lookalike[torch]'")


def network(name: str, folder: Path, *, whole: bool = True) -> Any:
    """The network of that name in PyTorch, seeded; `whole` with its classifier or text tower."""
    torch: Any = import_module("torch")
    torch.manual_seed(0)
    kind, _, own = name.partition(":")
    if kind == "timm":
        return import_module("timm").create_model(own, pretrained=False, **({} if whole else {"num_classes": 0})).eval()
    open_clip: Any = import_module("open_clip")
    if own == TINY_CLIP and own not in open_clip.list_models():
        (folder / f"{own}.json").write_text(json.dumps(_CLIP))
        open_clip.add_model_config(folder / f"{own}.json")
    return open_clip.create_model(own, pretrained=None).eval()


def write_random(folder: Path, name: str, *, change: Any = None) -> Path:
    """A safetensors file with all weights of a network."""
    state = {key: value.contiguous() for key, value in network(name, folder).state_dict().items()}
    if change is not None:
        change(state)
    path = folder / f"{name.replace(':', '-')}.safetensors"
    import_module("safetensors.torch").save_file(state, str(path))
    return path
