# ruff: noqa: E501, RUF005  lists of texts
"""500 hostile texts: markup, formulas, paths, addresses, SQL, control characters, and ways to spell each."""

from __future__ import annotations

from itertools import product
from urllib.parse import quote

PORT = "{port}"
_SCRIPTS = ("alert(1)", "window.hit=1", "fetch('http://127.0.0.1:{port}/')", "document.title='hit'")
_MARKUP = (
    "<script>{}</script>",
    "<img src=x onerror={}>",
    "<svg onload={}>",
    '"><script>{}</script>',
    "'-{}-'",
    "</script><script>{}</script>",
    "<iframe srcdoc='<script>{}</script>'>",
    "javascript:{}",
    "<a href='javascript:{}'>x</a>",
    "<body onload={}>",
    "{{{{constructor.constructor('{}')()}}}}",
    "<math><mtext><script>{}</script>",
    "--><script>{}</script><!--",
    "<details open ontoggle={}>",
)
_FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0", '=HYPERLINK("http://127.0.0.1")')
_PATHS = tuple(
    f"{up * count}{target}"
    for up, count, target in product(
        ("../", "..\\", "%2e%2e%2f", "..%2f", "....//", "..%252f", "..%c0%af"),
        (1, 3, 8),
        ("etc/passwd", "lookalike.json", "canary.txt"),
    )
) + (
    "/etc/passwd",
    "C:\\Windows\\win.ini",
    "\\\\127.0.0.1\\share",
    "\0",
    "a\0.jpg",
    "canary.txt",
    "/dev/zero",
    "/proc/self/environ",
)
_HOSTS = (
    "127.0.0.1", "localhost", "[::1]", "0x7f000001", "2130706433", "017700000001", "127.1", "0.0.0.0", "[::ffff:127.0.0.1]",
    "[64:ff9b::7f00:1]", "169.254.169.254", "10.0.0.1", "100.64.0.1", "127.0.0.1.nip.io", "evil@127.0.0.1", "①②⑦.⓪.⓪.①",
)  # fmt: skip
_ADDRESSES = tuple(
    f"{scheme}{host}:{PORT}/x" for scheme, host in product(("http://", "https://", "ftp://", "gopher://", "//"), _HOSTS)
) + ("file:///etc/passwd", "file://canary.txt", "data:text/html,<script>alert(1)</script>", "jar:file:///x!/y")
_SQL = (
    "1=1; DROP TABLE metadata", "' OR '1'='1", "x'; DELETE FROM metadata; --", "1) UNION SELECT * FROM items --",
    "color = 'red'; ATTACH 'x.db'", "COPY items TO 'canary.txt'", "(SELECT id FROM items)", "EXISTS (SELECT 1)",
    "read_csv('/etc/passwd')", "load_extension('x')", "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'",
    "INSERT INTO items VALUES (1)", "SET x = 1", "pg_sleep(10)", "color = (SELECT color FROM metadata LIMIT 1)",
    "UPDATE metadata SET color = 'x'", "EXPLAIN SELECT 1", "TABLE metadata", "id IN (SELECT id FROM '/etc/passwd')",
)  # fmt: skip
_CONTROL = tuple(
    f"a{chr(code)}b" for code in (*range(1, 32), 127, 0x85, 0x200B, 0x202E, 0x2028, 0x2029, 0xFEFF, 0xFFFE)
)
_MORE = (
    "", " ", ".", "..", "CON", "nul.jpg", "a" * 255, "é" * 127, "\U0001f45f", "%", "%00", "%n%s%x", "${jndi:ldap://127.0.0.1/x}",
    "{{7*7}}", "$(touch canary.txt)", "`touch canary.txt`", "; touch canary.txt", "| touch canary.txt", "\r\nSet-Cookie: a=b",
    "\r\n\r\n<script>alert(1)</script>", "__proto__", "constructor", "toString", "NaN", "Infinity", "-0", "1e999", "9" * 400,
    "[" * 500, "null", "undefined", "True", "\x1b[2J\x1b]0;hit\x07", "--help", "-rf", "?x=1#y", "a/b//c", "a?b", "a#b", "a&b=c",
)  # fmt: skip


def payloads(port: int = 9) -> list[str]:
    """All of them, each once, at least 500; `port` is where a listener would notice a connection."""
    scripted = [text.format(script) for text, script in product(_MARKUP, _SCRIPTS)]
    spelled = (
        [quote(text) for text in scripted] + [text.upper() for text in scripted] + [text[::-1] for text in scripted]
    )
    spaced = [f" {text} " for text in (*_FORMULAS, *_SQL)]
    found = [*scripted, *spelled, *spaced, *_FORMULAS, *_PATHS, *_ADDRESSES, *_SQL, *_CONTROL, *_MORE]
    return list(dict.fromkeys(text.replace(PORT, str(port)) for text in found))
