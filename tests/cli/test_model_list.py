"""`models list` says what each model takes."""

from __future__ import annotations

from lookalike import models
from tests.conftest import Run


def test_every_model_has_a_speed_for_each_of_its_precisions() -> None:
    for name in models.names():
        assert {key.split()[0] for key in models.core_ms(name)} == set(models.precisions(name)), name
    assert not models.core_ms("onnx:other.onnx")


def test_it_is_shown(run: Run) -> None:
    shown = run("models", "list").out
    assert "fp32 275, bf16 135" in next(line for line in shown.splitlines() if line.startswith("vgg16 "))
    assert models.MACHINE in shown


def test_json_holds_it(run: Run) -> None:
    found = run("models", "list", "--json").json
    assert found["machine"] == models.MACHINE
    default = next(model for model in found["models"] if model["name"] == models.DEFAULT)
    assert default["core_ms"]["int8"] < default["core_ms"]["fp32"]
    assert default["device"] == "cpu"
