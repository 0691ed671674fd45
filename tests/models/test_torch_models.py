"""Networks of timm and open_clip: the vectors are those of PyTorch; what is no safetensors is refused unread."""

from __future__ import annotations

import json
import pickle
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lookalike import models
from lookalike.errors import ModelError, UsageError
from lookalike.models import registry, torch_models
from lookalike.models import towers as families
from tests.conftest import Run
from tests.models import towers


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(registry, "_wrapped", {})


def expected(name: str, folder: Path, pixels: Any) -> Any:
    """The vectors of PyTorch itself."""
    torch: Any = import_module("torch")
    module = towers.network(name, folder, whole=name.startswith("open_clip"))
    if name.startswith("timm"):
        config = import_module("timm").data.resolve_model_data_config(module)
        state = towers.network(name, folder).state_dict()
        module.load_state_dict({key: state[key] for key in module.state_dict()})
        run = module
    else:
        config = module.visual.preprocess_cfg
        run = lambda x: torch.nn.functional.normalize(module.encode_image(x), dim=-1)  # noqa: E731
    mean, std = (torch.tensor(config[key]).view(1, 3, 1, 1) for key in ("mean", "std"))
    with torch.no_grad():
        return run((torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255 - mean) / std).numpy()


@pytest.mark.slow
@pytest.mark.parametrize("name", towers.NAMES)
def test_the_vectors_are_those_of_pytorch(name: str, tmp_path: Path) -> None:
    towers.needs_torch()
    model = models.load(name, weights=towers.write_random(tmp_path, name))
    size = model.facts.size
    pixels = np.random.default_rng(0).integers(0, 256, (4, size, size, 3), dtype=np.uint8)
    found, right = model.embed(pixels), expected(name, tmp_path, pixels)
    assert np.abs(found - right).max() <= 1e-5 * np.abs(right).max()
    assert model.facts.resize == "crop", "as configured"
    assert not model.facts.published


@pytest.mark.slow
def test_the_weights_are_needed_once(tmp_path: Path, photos: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    towers.needs_torch()
    name = towers.NAMES[0]
    weights, catalog = towers.write_random(tmp_path, name), tmp_path / "c.catalog"
    done = run("index", catalog, photos, "--model", name, "--weights", weights, "--json")
    assert (done.code, done.json["embedded"]) == (0, 12), done.err
    weights.rename(tmp_path / "elsewhere.safetensors")
    monkeypatch.setattr(registry, "_wrapped", {})
    monkeypatch.setattr(families, "make_tower", None)
    assert run("similar", catalog, photos / "red-00.png").code == 0, "from the cache, without PyTorch"
    other = towers.write_random(tmp_path, name, change=lambda state: state["conv1.0.weight"].mul_(2))
    monkeypatch.undo()
    done = run("index", catalog, photos, "--weights", other)
    assert done.code == 5
    assert "vectors of two kinds" in done.err


@pytest.mark.slow
def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    towers.needs_torch()
    name = "timm:test_resnet"

    def lacking(state: dict[str, Any]) -> None:
        del state["conv1.0.weight"]

    def strange(state: dict[str, Any]) -> None:
        state["more.weight"] = state["conv1.0.weight"].clone()

    def short(state: dict[str, Any]) -> None:
        state["conv1.0.weight"] = state["conv1.0.weight"][:3].contiguous()

    for change, message in ((lacking, "it lacks"), (strange, "it has besides"), (short, "it has in another shape")):
        path = towers.write_random(tmp_path, name, change=change)
        with pytest.raises(ModelError, match=message):
            models.resolve(name, weights=path)
    with pytest.raises(ModelError, match="timm has no network 'no_such'"):
        models.resolve("timm:no_such", weights=path)
    with pytest.raises(ModelError, match=r"open_clip has no network 'ViT-B-33'.*ViT-B-16"):
        models.resolve("open_clip:ViT-B-33", weights=path)
    with pytest.raises(ModelError, match="say which ones these are, as in open_clip:ViT-B-32:openai"):
        models.facts("open_clip:ViT-B-32")


class _Canary:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("canary",)


@pytest.mark.parametrize("name", ["timm:test_resnet", "open_clip:ViT-B-32"])
def test_m03_what_is_no_safetensors_is_refused_unread(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    for data, message in (
        (pickle.dumps(_Canary()), "a PyTorch pickle, which may run any program"),
        (b"PK\x03\x04" + b"\0" * 64, "a PyTorch pickle"),
        (b"", "no safetensors file"),
        (b"<html>404</html>", "no safetensors file"),
        ((10**12).to_bytes(8, "little") + header, "no safetensors file"),
    ):
        path = tmp_path / "model.safetensors"
        path.write_bytes(data)
        with pytest.raises(ModelError, match=message) as caught:
            models.resolve(name, weights=path)
        assert caught.value.exit_code == 5
    with pytest.raises(ModelError, match="there is no weight file"):
        models.resolve(name, weights=tmp_path / "gone.safetensors")
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 4)
    torch_models.check_safetensors(path)
    assert "canary" not in capsys.readouterr().out


def test_options_of_other_models_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="leave --model-option out"):
        models.resolve("timm:test_resnet", settings={"size": "224"})
    with pytest.raises(UsageError, match="precision of timm:test_resnet='int8' is not known: give one of fp32"):
        models.resolve("timm:test_resnet", precision="int8")
    assert models.best_precision("open_clip:ViT-B-32") == "fp32"


def test_a_library_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(families, "import_module", absent)
    with pytest.raises(ModelError, match=r"needs torch, .*pip install 'lookalike\[torch\]'"):
        models.facts("timm:test_resnet")
