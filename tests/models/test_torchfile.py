"""Weights are read without PyTorch, and a pickle that wants more than arrays is refused before it acts."""

from __future__ import annotations

import hashlib
import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from lookalike.errors import ModelError
from lookalike.models import lite0
from lookalike.models.torchfile import parse_checkpoint, read_checkpoint
from tests.models.legacy import MACHINE, STORAGES, Stored, View, checkpoint, dumps, simple

DTYPES: list[np.dtype[Any]] = [np.dtype(name) for name in STORAGES]


def parse(data: bytes) -> dict[str, npt.NDArray[Any]]:
    return parse_checkpoint(data, name="w.pth")


def refused(data: bytes, match: str) -> None:
    with pytest.raises(ModelError, match=match) as caught:
        parse(data)
    assert caught.value.exit_code == 5


class Canary:
    """Unpickled without care, makes the folder `canary` in the working folder."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, ("canary",)


# -- what is read --


def test_the_real_weights() -> None:
    arrays = read_checkpoint(lite0.weight_file(), sha256=lite0.SHA256)
    assert arrays["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert arrays["_blocks.14._depthwise_conv.weight"].shape == (1152, 1, 5, 5)
    assert arrays["_fc.weight"].shape == (1000, 1280)
    assert arrays["_bn0.num_batches_tracked"].dtype == np.int64
    floats = [array for array in arrays.values() if array.dtype == np.float32]
    # the published network has 4.65 million parameters; the running statistics of its norms come on top
    assert 4.65e6 < sum(array.size for array in floats) < 4.75e6
    assert all(array.flags.c_contiguous and np.isfinite(array).all() for array in arrays.values())
    assert all((arrays[name] >= 0).all() for name in arrays if name.endswith("running_var"))


@given(
    nps.arrays(
        st.sampled_from(DTYPES),
        nps.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
    ),
    st.randoms(use_true_random=False),
)
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read(values: npt.NDArray[Any], random: Any) -> None:
    axes = list(range(values.ndim))
    random.shuffle(axes)
    # a tensor whose axes lie in another order in memory than in its shape, as the real file has them
    strides = tuple(step // values.itemsize for step in values.strides)
    stored = Stored("1", values.ravel())
    view = View(stored, 0, tuple(values.shape[a] for a in axes), tuple(strides[a] for a in axes))
    read = parse(checkpoint({"x": view}, [stored]))["x"]
    np.testing.assert_array_equal(read, values.transpose(axes))
    assert read.dtype == values.dtype


def test_tensors_may_share_a_storage_and_start_inside_it() -> None:
    stored = Stored("7", np.arange(10, dtype=np.float32))
    views = {"all": View(stored, 0, (10,), (1,)), "odd": View(stored, 1, (5,), (2,))}
    arrays = parse(checkpoint(views, [stored]))
    np.testing.assert_array_equal(arrays["odd"], [1, 3, 5, 7, 9])
    arrays["odd"][:] = 0
    np.testing.assert_array_equal(arrays["all"], np.arange(10))


# -- the first door: the checksum --


def test_another_checksum_is_refused_before_anything_is_unpickled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "w.pth"
    path.write_bytes(pickle.dumps(Canary()))
    with pytest.raises(ModelError, match="damaged or exchanged") as caught:
        read_checkpoint(path, sha256=lite0.SHA256)
    assert caught.value.code == "E_MODEL_CHECKSUM"
    assert not (tmp_path / "canary").exists()


def test_one_flipped_bit_of_the_real_weights_is_refused(tmp_path: Path) -> None:
    data = bytearray(lite0.weight_file().read_bytes())
    data[len(data) // 2] ^= 1
    path = tmp_path / "w.pth"
    path.write_bytes(data)
    with pytest.raises(ModelError, match=hashlib.sha256(data).hexdigest()):
        read_checkpoint(path, sha256=lite0.SHA256)


def test_a_missing_file_is_a_model_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone\.pth cannot be read.*install its package") as caught:
        read_checkpoint(tmp_path / "gone.pth", sha256=lite0.SHA256)
    assert caught.value.code == "E_MODEL_MISSING"


# -- the second door: the unpickler --


def test_the_canary_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pickle.loads(pickle.dumps(Canary()))
    assert (tmp_path / "canary").is_dir()


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("place", range(5))
def test_a_function_is_not_found_in_any_of_the_pickles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: int, protocol: int
) -> None:
    monkeypatch.chdir(tmp_path)
    parts = [dumps(0x1950A86A20F9469CFC6C), dumps(1001), dumps(MACHINE), dumps(OrderedDict()), dumps([])]
    parts[place] = pickle.dumps(Canary(), protocol)
    refused(b"".join(parts), "names (posix|nt).mkdir")
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("builtins", "eval"),
        ("builtins", "getattr"),
        ("torch", "load"),
        ("torch._utils", "_rebuild_tensor"),
        ("torch._utils", "_rebuild_tensor_v2.__call__"),
        ("collections", "OrderedDict.__init__"),
        ("collections", "namedtuple"),
        ("lookalike.models.torchfile", "read_checkpoint"),
    ],
)
def test_a_name_that_no_weights_need_is_refused(module: str, name: str, protocol: int) -> None:
    if protocol == 2:
        data = b"\x80\x02c" + f"{module}\n{name}\n".encode() + b"."
    else:  # two strings and STACK_GLOBAL, which splits dotted names
        strings = b"".join(b"\x8c" + bytes([len(part)]) + part.encode() for part in (module, name))
        data = b"\x80\x04" + strings + b"\x93."
    refused(data, f"names {module}.{name}")


def test_a_registered_extension_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import copyreg

    copyreg.add_extension("os", "getcwd", 241)
    try:
        refused(pickle.dumps(os.getcwd, 2).replace(b"cposix\ngetcwd\n", b"\x82\xf1"), "names os.getcwd")
    finally:
        copyreg.remove_extension("os", "getcwd", 241)


def test_what_stands_for_torch_cannot_be_called_or_changed() -> None:
    called = b"\x80\x02ctorch\nFloatStorage\n)R."
    refused(called, "not callable")
    # BUILD with a state of (None, {"__call__": 1}) sets attributes on whatever is below it
    changed = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\nN}X\x08\x00\x00\x00__call__K\x01s\x86b."
    refused(changed, "refused")
    stored = Stored("1", np.arange(4, dtype=np.float32))
    assert parse(checkpoint({"x": View(stored, 0, (4,), (1,))}, [stored]))["x"].size == 4


def test_another_kind_of_reference_is_refused() -> None:
    for reference in (("file", "/etc/passwd"), "1", ("storage", "float", "1", "cpu", 4, None)):
        refused(pickle.dumps(reference, 2)[:-1] + b"Q.", "not a storage")


# -- files that are broken --


@pytest.mark.parametrize(
    ("offset", "shape", "stride", "match"),
    [
        (0, (7,), (1,), "leaves its storage"),
        (1, (6,), (1,), "leaves its storage"),
        (0, (2, 3), (4, 1), "leaves its storage"),
        (0, (1 << 40,), (0,), "leaves its storage"),
        (0, (1 << 20, 1 << 20, 0, 1 << 40), (0, 0, 0, 0), None),
        (-1, (2,), (1,), "whole number"),
        (5, (6,), (-1,), "whole number"),
        (0, (-2, -3), (1, 1), "whole number"),
        (0, (2.0,), (1,), "whole number"),
        (0, [6], (1,), "no tuple"),
        (0, (2, 3), (1,), "refused"),
        (1 << 70, (1,), (1,), "leaves its storage"),
    ],
)
def test_a_tensor_stays_in_its_storage(offset: Any, shape: Any, stride: Any, match: str | None) -> None:
    stored = Stored("1", np.arange(6, dtype=np.float32))
    data = checkpoint({"x": View(stored, offset, shape, stride)}, [stored])
    refused(data, match or "refused")


def test_a_storage_that_claims_more_than_there_is_is_refused() -> None:
    stored = Stored("1", np.arange(6, dtype=np.float32), claimed=1 << 50)
    refused(checkpoint({"x": View(stored, 0, (6,), (1,))}, [stored]), "cut short or mislabeled")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"magic": 1}, "no weight file"),
        ({"protocol": 1002}, "no weight file"),
        ({"machine": {"little_endian": False}}, "little-endian"),
        ({"machine": []}, "little-endian"),
        ({"keys": ["2"]}, "does not fit"),
        ({"keys": ["1", "1"]}, "does not fit"),
        ({"keys": "1"}, "no table"),
        ({"keys": [1]}, "a name is a int"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(changes: dict[str, Any], match: str) -> None:
    stored = Stored("1", np.arange(6, dtype=np.float32))
    refused(checkpoint({"x": View(stored, 0, (6,), (1,))}, [stored], **changes), match)


def test_what_is_no_tensor_is_refused() -> None:
    refused(checkpoint({"x": 3}, []), "a int where a tensor belongs")
    stored = Stored("1", np.arange(6, dtype=np.float32))
    refused(checkpoint({3: View(stored, 0, (6,), (1,))}, [stored]), "a name is a int")  # type: ignore[dict-item]  # meant


def test_every_cut_is_noticed() -> None:
    data = simple()
    assert parse(data)["x"].tolist() == [[0, 1, 2], [3, 4, 5]]
    for end in range(len(data)):
        refused(data[:end], "refused")
    refused(data + b"\0", "1 bytes after")


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 a newer PyTorch file", b"\x89PNG\r\n\x1a\n", b"\x93NUMPY\x01\x00"])
def test_other_files_are_refused(data: bytes) -> None:
    refused(data, r"weight file w\.pth is refused")
