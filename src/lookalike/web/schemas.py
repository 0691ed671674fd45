"""The answers of the API, as OpenAPI describes them. `docs/api.md` is compared with it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

Value = str | float | int | bool | None
_METADATA = {"type": "Boot", "color": "Black", "year": 2012}


class Described(BaseModel):
    """An item. `cluster`, `x` and `y` are null where they were not computed for it."""

    id: str = Field(examples=["0001.jpg"])
    path: str = Field(examples=["0001.jpg"])
    width: int = Field(examples=[480])
    height: int = Field(examples=[360])
    format: str = Field(examples=["JPEG"])
    metadata: dict[str, Value] = Field(examples=[_METADATA])
    cluster: int | None = Field(examples=[3])
    x: float | None = Field(examples=[-12.5])
    y: float | None = Field(examples=[40.25])


class Items(BaseModel):
    """A part of all items, in the order of their ids."""

    total: int = Field(examples=[1000])
    items: list[Described]


class Parts(BaseModel):
    """What makes up a score, 1 / (1 + `picture` + the sum of `prefer`): the pictures, and each preferred field."""

    picture: float = Field(examples=[0.72])
    prefer: dict[str, float] = Field(examples=[{"brand": 0.3}])


class LookAlike(BaseModel):
    """One look-alike. `score` is 1 for the same picture and 1/2 at a distance typical of the catalog."""

    id: str = Field(examples=["0417.jpg"])
    path: str = Field(examples=["0417.jpg"])
    distance: float = Field(examples=[4.21])
    score: float = Field(examples=[0.58])
    metadata: dict[str, Value] = Field(examples=[_METADATA])
    parts: Parts
    reasons: list[str] = Field(examples=[["same type", "similar color", "other brand"]])


class Diversity(BaseModel):
    """What choosing results that differ did: `pool` candidates, `collapsed` of them near-identical to one before; the
    mean `score`, that of the `nearest` in their place, and the difference, `cost`.
    """

    pool: int
    collapsed: int
    score: float
    nearest: float
    cost: float


class Similar(BaseModel):
    """The look-alikes of a query, nearest first. `recall` is 1.0 when `exact`; `diverse` is null unless asked for."""

    query: str = Field(examples=["0001.jpg"])
    exact: bool
    recall: float = Field(examples=[1.0])
    took_ms: float = Field(examples=[3.4])
    results: list[LookAlike]
    diverse: Diversity | None
    recall_low: float = Field(examples=[1.0])
    recall_high: float = Field(examples=[1.0])
    adapted: list[str] = Field(description="Labels that a map in use was learned from; empty: pictures alone.")


class Place(BaseModel):
    """A place on the map."""

    x: float
    y: float


class Found(Similar):
    """The look-alikes of a photo, and its place on the map: null where none of them has one."""

    place: Place | None


class Elbow(BaseModel):
    """Where the inertia curve bends, the range of close calls, and whether there is a clear elbow."""

    k: int
    low: int
    high: int
    clear: bool


class Stated(BaseModel):
    """`state`: `current`, `older` (than the items) or `missing`; `mend`: the command that computes it anew."""

    state: str = Field(examples=["current"])
    mend: str | None


class Clusters(Stated):
    """The clusters in their order: sizes, the item closest to each center, items that cover it; inertia by K.

    `swept` is the largest K that may be asked for with `k`.
    `chosen` says `by` what K was chosen and `why`; `evidence` and `reach` are as `lookalike cluster --json` prints
    them, null for clusters of an older version.
    """

    swept: int
    chosen: dict[str, str] | None
    evidence: dict[str, object] | None
    reach: list[float] | None

    k: int
    inertia: list[float]
    elbow: Elbow | None
    sizes: list[int]
    representatives: list[str]
    exemplars: list[list[str]]


class Map(Stated):
    """The map by columns; `x` and `y` are null for items without a place, `cluster` for those without one.

    `kept` is the share of the 10 nearest that stay near in the map.
    """

    kept: float | None
    total: int
    ids: list[str]
    x: list[float | None]
    y: list[float | None]
    cluster: list[int | None]


class Column(BaseModel):
    """A metadata column: a number's `values`, or the `labels` of a text and a code an item (-1: none)."""

    name: str
    kind: str = Field(examples=["text"])
    values: list[float | None] | None = None
    labels: list[str] | None = None
    codes: list[int] | None = None


class Columns(BaseModel):
    """Ids and metadata of all items by column, in the order of the ids."""

    ids: list[str]
    columns: list[Column]


class Info(BaseModel):
    """What the catalog holds, as `lookalike info --json`, and what this server offers."""

    model_config = ConfigDict(extra="allow")

    title: str
    catalog: str = Field(description="The catalog as one writes it in a command.", examples=["shop.catalog"])
    items: int
    states: dict[str, Stated]
    sheets: int
    room: float
    controls: list[str]
    upload: bool
    writable: bool
    against: int | None


class Added(BaseModel):
    """An item that was `added`, or replaced; `version` of the catalog has it, and is shown within a second or two."""

    id: str = Field(examples=["0001.jpg"])
    added: bool
    version: int


class Removed(BaseModel):
    """An item that was removed; `version` of the catalog is without it."""

    id: str = Field(examples=["0001.jpg"])
    removed: bool
    version: int


class Side(BaseModel):
    """One of two catalogs."""

    title: str
    model: str
    identity: str
    version: int


class About(BaseModel):
    """Two catalogs side by side: `items` are in both, `missing` the ids of a that b lacks; may votes be sent?"""

    a: Side
    b: Side
    items: int
    missing: list[str]
    writable: bool
    token: bool = Field(description="Whether votes are kept only of those who send the server's token.")


class Sides(BaseModel):
    """The look-alikes of an item in both catalogs; `alike`: the same in the same order."""

    query: str
    alike: bool
    a: list[LookAlike]
    b: list[LookAlike]


class Share(BaseModel):
    """A share with its 95% interval (Wilson)."""

    value: float
    low: float
    high: float


class Result(BaseModel):
    """Votes for `a`, for `b` and for neither, of how many `voters`; the `share` of the decided that prefers b (null
    without any), and `p`, how likely a split at least this uneven is if both are equally good (sign test).
    """

    a: int
    b: int
    same: int
    voters: int
    share: Share | None
    p: float


class ProblemDetails(BaseModel):
    """An error (RFC 9457). `code` is stable; `detail` says what was given, what is allowed and what to do."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    code: str = Field(examples=["E_USAGE"])
    detail: str
