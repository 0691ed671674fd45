"""Do the default network and those of timm and open_clip compute what PyTorch does? Real photos, both ways.

    python -m venv aside && aside/bin/pip install -e '.[dev,torch]' efficientnet_lite_pytorch
    LOOKALIKE_PHOTOS=... aside/bin/python -m benchmarks.parity_torch [--photos 32] [--model timm:resnet50]

EfficientNet-Lite0 has its published weights and is compared with the implementation that they were published for; the
others have seeded random weights, written as safetensors in their real layout. Prints the largest difference over the
largest value, and for how many photos the same three others are nearest; fails above 1e-4. For timm and open_clip it
also prints the mean cosine between vectors of photos that we prepare and that the library's own transform prepares
(other resampling, and timm cuts off a border), which is no failure.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tests.models import towers

from benchmarks import parity_lite0
from benchmarks.closeness import closeness
from lookalike import images, models
from lookalike.options import Fit, ImageLimits
from lookalike.records import Bytes, Floats, ModelFacts

CLOSE = 1e-4
MODELS = ("timm:vit_small_patch16_dinov3.lvd1689m", "open_clip:ViT-B-16-SigLIP")


def prepare(paths: list[Path], facts: ModelFacts) -> Bytes:
    """Pixels as `index` makes them."""
    fit = Fit(size=facts.size, resize=facts.resize)
    return np.stack([images.load(path.read_bytes(), fit, ImageLimits()).pixels for path in paths])


def report(name: str, found: Floats, expected: Floats) -> None:
    """Print how far apart two sets of vectors are; fail where they are not the same."""
    difference, same = closeness(found, expected)
    print(
        f"{name}: {found.shape[1]} numbers, largest difference {difference:.1e} of the largest value, same three "
        f"nearest for {same} of {len(found)}",
        flush=True,
    )
    assert difference <= CLOSE


def compare(name: str, paths: list[Path], folder: Path) -> None:
    """One network with random weights, through lookalike and in plain PyTorch."""
    torch: Any = import_module("torch")
    weights = towers.write_random(folder, name)
    started = time.perf_counter()
    model = models.load(name, weights=weights, threads=os.cpu_count() or 1)
    print(f"{model.facts.identity}: made in {time.perf_counter() - started:.0f} s", flush=True)
    run, mean, std, transform = reference(name, folder, weights)
    pixels = prepare(paths, model.facts)
    shaped = [torch.tensor(values).view(1, 3, 1, 1) for values in (mean, std)]
    with torch.no_grad():
        expected = np.concatenate(
            [run((torch.from_numpy(one[None]).permute(0, 3, 1, 2) / 255 - shaped[0]) / shaped[1]) for one in pixels]
        )
        own = np.concatenate([run(transform(Image.open(path).convert("RGB"))[None]) for path in paths])
    found = model.embed(pixels)
    report(name, found, expected)
    cosine = (found * own).sum(axis=1) / np.linalg.norm(found, axis=1) / np.linalg.norm(own, axis=1)
    print(
        f"{name}: cosine with photos prepared by the library itself: mean {cosine.mean():.4f}, least {cosine.min():.4f}"
    )


def reference(name: str, folder: Path, weights: Path) -> tuple[Callable[[Any], Any], Any, Any, Any]:
    """The network in PyTorch with these weights, as its library runs it, its mean and deviation, and its transform."""
    torch: Any = import_module("torch")
    state = import_module("safetensors.torch").load_file(str(weights))
    if name.startswith("timm:"):
        timm: Any = import_module("timm")
        module = timm.create_model(name.removeprefix("timm:"), pretrained=False, num_classes=0).eval()
        module.load_state_dict({key: state[key] for key in module.state_dict()})
        config = timm.data.resolve_model_data_config(module)
        transform = timm.data.create_transform(**config, is_training=False)
        return lambda x: module(x).numpy(), config["mean"], config["std"], transform
    open_clip: Any = import_module("open_clip")
    architecture = name.split(":")[1]
    model = open_clip.create_model(architecture, pretrained=None).eval()
    model.load_state_dict(state)
    tags = open_clip.list_pretrained_tags_by_model(architecture)
    said = open_clip.get_pretrained_cfg(architecture, tags[0]) if tags else {}
    config = {**open_clip.get_model_preprocess_cfg(model), **{key: value for key, value in said.items() if value}}
    keys = ("mean", "std", "interpolation", "resize_mode")
    transform = open_clip.image_transform(config["size"], is_train=False, **{key: config[key] for key in keys})

    def run(x: Any) -> Any:
        return torch.nn.functional.normalize(model.encode_image(x), dim=-1).numpy()

    return run, config["mean"], config["std"], transform


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--photos", type=int, default=32)
    parser.add_argument("--model", action="append", help="timm:NAME or open_clip:NAME; may be repeated")
    options = parser.parse_args()
    sources = sorted((Path(os.environ["LOOKALIKE_PHOTOS"]) / "images").rglob("*.jpg"))
    sources = sources[:: len(sources) // options.photos][: options.photos]
    with tempfile.TemporaryDirectory() as aside:
        folder = Path(aside)
        os.environ["LOOKALIKE_CACHE"] = str(folder / "cache")
        paths = []
        for number, source in enumerate(sources):  # as large and as wide as product photos are, so that a resize counts
            paths.append(folder / f"{number}.jpg")
            with Image.open(source) as photo:
                photo.convert("RGB").resize((480, 360), Image.Resampling.BICUBIC).save(paths[-1], quality=92)
        pixels = prepare(paths, models.facts(models.DEFAULT))
        for name, expected in parity_lite0.reference(pixels).items():
            report(name, models.load(name, threads=os.cpu_count() or 1).embed(pixels), expected)
        for name in options.model or MODELS:
            compare(name, paths, folder)


if __name__ == "__main__":
    main()
