"""Which SQL a filter may hold: what could end the process, or fill its memory, is refused before it is planned.

Lance plans an expression by recursion, so a chain of a thousand operators overflows its stack, and some functions make
a text as long as one asks for. Neither gives an error: the process ends, a server with it.
"""

from __future__ import annotations

import re

from lookalike.errors import UsageError

# fmt: off
FUNCTIONS = frozenset({
    "abs", "btrim", "char_length", "character_length", "coalesce", "concat", "contains", "current_date",
    "date_part", "date_trunc", "ends_with", "exp", "greatest", "ifnull", "initcap", "instr", "isnan", "least",
    "left", "length", "ln", "log", "log10", "log2", "lower", "ltrim", "md5", "now", "nullif", "nvl", "position",
    "power", "regexp_like", "regexp_match", "reverse", "right", "round", "rtrim", "sha256", "signum", "split_part",
    "sqrt", "starts_with", "strpos", "to_date", "to_timestamp", "translate", "trunc", "upper",
})
# fmt: on
"""The functions that a filter may call: none gives more than it was given."""
LINKED, LONGEST = 10_000, 200
"""Parts that AND and OR may link, and words and signs that one of them may have."""
SHOWN = 200
"""Characters of a filter that a message repeats."""
_TYPES = frozenset({"cast", "datetime", "timestamp", "try_cast"})
_BEFORE_GROUPS = frozenset({"and", "between", "ilike", "in", "is", "like", "not", "or"})
_TOKEN = re.compile(
    r"""\s+ | (?P<text>'(?:[^']|'')*' | "(?:[^"]|"")*") | (?P<name>`[^`]*` | [^\W\d]\w*) | (?P<number>\d[\w.]*)
    | (?P<comment>-- | /\*) | (?P<placeholder>[$?]) | (?P<sign>\|\| | :: | [<>!=]+ | .)""",
    re.VERBOSE | re.DOTALL,
)


def check_filter(where: str) -> None:
    """Raise `UsageError` for an expression that must not be planned; errors of grammar are left to Lance."""
    linked, before, groups = 1, "", [_Group()]
    for match in _TOKEN.finditer(where):
        kind, part = match.lastgroup, match.group().lower()
        if kind is None:
            continue
        group = groups[-1]
        if kind == "comment":
            raise _refused(where, f"holds a comment ({part}): leave it out")
        if kind == "placeholder":
            raise _refused(where, f"holds a {part} that stands for a value: write the value itself")
        if part in {"(", "["}:
            _check_call(where, before)
            group.count += 1
            groups.append(_Group())
        elif part in {")", "]"} and len(groups) > 1:
            groups.pop()
            groups[-1].inner = max(groups[-1].inner, group.deepest)
        elif part == ",":
            group.end()
        elif part in {"and", "or"} and not group.ends_between(part):
            linked += 1
            group.end()
        else:
            group.between |= part == "between"
            group.count += 1
        if sum(each.count for each in groups) + groups[-1].inner > LONGEST:
            raise _refused(
                where,
                f"has a part of more than {LONGEST} words and signs: link shorter ones with AND or OR, or use IN (...)",
            )
        before = part if kind == "name" else ""
    if linked > LINKED:
        raise _refused(where, f"links {linked:,} parts, and {LINKED:,} are the most: use IN (...), or ask in parts")


def shown(where: str) -> str:
    """A filter as a message repeats it."""
    return repr(where if len(where) <= SHOWN else f"{where[:SHOWN]}...")


class _Group:
    """What stands between two parentheses, or outside of all: how long its longest part is."""

    def __init__(self) -> None:
        self.count = self.inner = self.longest = 0
        self.between = False

    @property
    def deepest(self) -> int:
        """How long a chain of operators in it can be."""
        return max(self.longest, self.count + self.inner)

    def end(self) -> None:
        """A part ends here."""
        self.longest = self.deepest
        self.count = self.inner = 0
        self.between = False

    def ends_between(self, word: str) -> bool:
        """Whether `word` is the AND of a BETWEEN, which links nothing."""
        ends, self.between = self.between and word == "and", False
        return ends


def _check_call(where: str, before: str) -> None:
    """Refuse a group behind a name, quoted or not, that is no function to be called."""
    name = before.strip("`")
    if before and name not in FUNCTIONS | _TYPES | _BEFORE_GROUPS:
        raise _refused(where, f"calls {name}(), which a filter may not: it knows {', '.join(sorted(FUNCTIONS))}")


def _refused(where: str, why: str) -> UsageError:
    return UsageError(f"where={shown(where)} {why}")
