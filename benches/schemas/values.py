"""Plausible values for columns, by their names and types. `fill.py` uses them."""
import datetime
import functools
import json
import re
import uuid

NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
DAY = 86400

DONE = re.compile(
    r"^complet|[^n]complet|success|succeed|done|finish|processed|active|paid|deliver|sent|approved|accepted|good|ok$"
    r"|^up$|deployed|committed|confirmed|published|resolved|signed|verified|available|executed", re.I)
FAILED = re.compile(
    r"fail|error|crash|dead|reject|expired|abort|timed?_?out|cancel|declin|void|unknown|past_due|down", re.I)
OPEN = re.compile(
    r"pend|queue|wait|process(ing)?$|running|started|syncing|importing|progress|creat(ed|ing)|executing|delayed"
    r"|dequeued|building|deploying|uploading|init|new$|draft|unresolved|scheduled", re.I)

# Values of text columns, the usual ones first. Whatever has no entry here or in the hints is a mark.
NAMED = [
    (r"currency", ["USD", "EUR", "GBP"]),
    (r"locale|language", ["en", "de", "fr"]),
    (r"time_?zone|^tz$", ["UTC", "Europe/Berlin", "America/New_York"]),
    (r"country", ["US", "DE", "FR", "GB"]),
    (r"severity|^level$|log_level", ["info", "warning", "error"]),
    (r"priority", ["normal", "high", "low"]),
    (r"plan$|plan_name|^tier$", ["free", "pro", "business"]),
    (r"interval|^period$", ["month", "year"]),
    (r"role$", ["member", "admin", "owner"]),
    (r"provider$", ["google", "github", "microsoft"]),
    (r"status_?code|response_?code", ["200", "404", "500"]),
    (r"status$|state$", ["completed", "pending", "processing", "failed"]),
    (r"(http_?)?method$|^verb$", ["GET", "POST", "PUT"]),
    (r"mime|content_?type", ["image/png", "application/pdf", "text/plain"]),
    (r"environment$", ["production", "staging"]),
    (r"platform$|os$|device_type", ["ios", "android", "web"]),
    (r"source$|channel$|medium$", ["web", "api", "import"]),
    (r"(kind|type|category|event|action|operation|reason)$", ["alpha", "beta", "gamma"]),
    (r"colou?r$", ["#336699", "#993333"]),
    (r"theme$", ["light", "dark"]),
    (r"version$", ["1.0.0", "1.1.0", "2.0.0"]),
]

# Whole numbers: what the name is like, and between which they are.
RANGES = [
    (r"bytes|size", 1000, 5_000_000),
    (r"amount|price|cost|cents|total|balance", 100, 50_000),
    (r"duration|_ms$|elapsed|latency", 5, 5000),
    (r"year", 1990, 2026),
    (r"(^|_)id$", 1, 300),
]

# Times, by the first that fits: how they relate to the creation of the row.
SOON = re.compile(r"expir|valid_?(until|to)|due|renew|next_|deadline|ends?_(at|on)$|trial_end|period_end|hold_until")
SHORT = re.compile(r"reset|verif|code|challenge|nonce|rate_?limit|otp|grant|sad_")
ALIVE = re.compile(r"heartbeat|last_?(seen|dequeue|ping)|updated_date_of_node")
RARE = re.compile(
    r"delet|archiv|revok|cancel|suspend|bann?ed|ban_|disabl|removed|dismiss|unsubscri|disconnect|ignored|fail"
    r"|blocked|block_|paused|deactiv|scheduled_|overridden|necro|over_limit|notice|hidden")
ENDED = re.compile(
    r"end|finish|complet|process|clos|resolv|deliver|sent|accept|confirm|respon|viewed|emailed|read_at|readat"
    r"|built|deployed|installed|resumed|signed|synced|expired_at|expiredat|merged|stopped")
LATER = re.compile(r"updat|modif|last|seen|access|refresh|used|changed|validat|activity|login|active")


@functools.cache
def snake(name):
    """`createdAt` as `created_at`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


@functools.cache
def usual(name):
    """The values that a text column of this name usually has, or nothing."""
    return next((listed for pattern, listed in NAMED if re.search(pattern, name)), None)


@functools.cache
def singular(name):
    """The name of one row of a table."""
    return re.sub(r"s$", "", re.sub(r"ies$", "y", snake(name)))


FAMILIES = {
    "text": "text varchar bpchar citext name char", "time": "timestamp timestamptz", "date": "date", "uuid": "uuid",
    "whole": "int2 int4 int8", "fraction": "numeric float4 float8 money", "bool": "bool", "json": "json jsonb",
    "bytes": "bytea", "host": "inet cidr", "span": "interval", "clock": "time timetz", "words": "tsvector",
    "path": "ltree", "pairs": "hstore", "oid": "oid",
}


def family(column):
    """What kind of type a column has."""
    kind = column["type"]
    if kind.startswith("_"):
        return "array"
    found = next((name for name, kinds in FAMILIES.items() if kind in kinds.split()), None)
    return found or ("enum" if column["labels"] else "other")


def adapted(value):
    """A value as the driver takes it."""
    return json.dumps(value) if isinstance(value, dict) else value


def weights(listed):
    """Most rows are done, some are open, few have failed."""
    return [12 if DONE.search(v) else 1 if FAILED.search(v) else 1.5 if OPEN.search(v) else 6 / (at + 1)
            for at, v in enumerate(map(str, listed))]


def seconds(number):
    """So many seconds."""
    return datetime.timedelta(seconds=number)


class Moment:
    """The values of one row, which fit each other: when it was made, and whether it is open, done or has failed."""

    def __init__(self, table, hints, rng):
        self.table, self.hints, self.rng = table, hints.get("values", {}), rng
        self.states = {}
        for column in table.columns.values():
            if re.search(r"(status|state)(_name)?$", snake(column["column"])):
                listed = self.listed(column)
                if listed:
                    self.states[column["column"]] = rng.choices(listed, weights(listed))[0]
        first = str(next(iter(self.states.values()), "done"))
        self.open = bool(OPEN.search(first))
        age = rng.uniform(0, 3 * 3600) if self.open and rng.random() < 0.9 else rng.uniform(0, 60 * DAY)
        self.made = NOW - datetime.timedelta(seconds=age)
        self.started = min(NOW, self.made + datetime.timedelta(seconds=rng.expovariate(1 / 20)))

    def listed(self, column):
        """The few values that a column may have, or nothing."""
        name = column["column"]
        for key in (f"{self.table.name}.{name}", name):
            if key in self.hints:
                return self.hints[key]
        if column["allowed"] or column["labels"]:
            return column["allowed"] or column["labels"]
        if family(column) != "text":
            return None
        found = usual(snake(name))
        preset = re.match(r"'([^']+)'::", column["preset"] or "")
        if preset and (found or column["required"]):
            found = [preset[1], *[v for v in found or [] if v != preset[1]]]
        return [v for v in found if not column["length"] or len(v) <= column["length"]] if found else None

    def value(self, column, number, unique, sparse):
        """A value for a column."""
        kind, name = family(column), snake(column["column"])
        if kind in ("time", "date"):
            return self.time(column, name, kind)
        if not column["required"] and not unique and column["column"] not in self.states:
            is_error = re.search(r"error|fail(ed)?_?reason|exception", name)
            if self.rng.random() < sparse or is_error and self.rng.random() < 0.9:
                return None
        if column["column"] in self.states:
            return self.typed(self.states[column["column"]], kind)
        listed = None if unique and kind != "enum" else self.listed(column)
        if kind == "array":
            return [self.rng.choice(listed)] if listed else [] if "text" not in column["type"] else [self.mark(number)]
        if listed:
            return self.typed(self.rng.choices(listed, weights(listed))[0], kind)
        return getattr(self, f"a_{kind}", self.a_text)(column, name, number, unique)

    @staticmethod
    def typed(value, kind):
        """A listed value as the type of the column has it."""
        return int(value) if kind == "whole" and isinstance(value, str) else value

    def mark(self, number):
        """A text that is recognized wherever it appears."""
        return f"MARK{number:05d}{self.rng.randrange(16 ** 4):04x}"

    def time(self, column, name, kind):
        """A time that fits the others of the row."""
        rng, optional = self.rng, not column["required"]
        if ALIVE.search(name):
            value = NOW - seconds(rng.uniform(0, 20) if rng.random() < 0.8 else rng.uniform(0, 9 * DAY))
        elif RARE.search(name) and optional and rng.random() < 0.92:
            return None
        elif SOON.search(name):
            short = SHORT.search(snake(self.table.name) + " " + name)
            value = self.made + seconds(3600) if short else NOW + seconds(rng.uniform(-8, 32) * DAY)
        elif re.search(r"start|began|creat|publish|insert|submit|joined|trigger|timestamp|^date$|period|queued", name):
            value = self.started if "start" in name else self.made
        elif ENDED.search(name) or RARE.search(name):
            if optional and (self.open or rng.random() < 0.1):
                return None
            value = self.started + seconds(rng.expovariate(1 / 240))
        elif LATER.search(name):
            value = self.made + (NOW - self.made) * rng.random() ** 2
        else:
            value = self.made
        value = value if SOON.search(name) else min(value, NOW)
        return value.date() if kind == "date" else value

    def a_text(self, column, name, number, unique):
        """A mark in the form that the name leads one to expect."""
        text, length = self.mark(number), column["length"]
        if length and length < len(text):
            return "".join(self.rng.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=length))
        if "email" in name and "id" not in name.split("_"):
            text = f"{text}@example.org"
        elif re.search(r"url|uri|link|website|avatar|icon", name):
            text = f"https://example.org/{text}"
        elif re.search(r"body|content|text|description|notes?$|message|reason|bio", name):
            text = f"Some words by {text} about this and that"
        return text[:length] if length else text

    def a_whole(self, column, name, number, unique):
        """A whole number that is plausible for its name."""
        limit = 32767 if column["type"] == "int2" else 2 ** 31 - 1
        if unique:
            return 1000 + number
        is_time = re.search(r"(_at|_time|timestamp|_date|expir\w*)$|^(created|updated|start_time)$", name)
        if is_time and column["type"] == "int8":
            return int(self.made.timestamp() * 1000)
        for pattern, low, high in RANGES:
            if re.search(pattern, name):
                return min(limit, self.rng.randint(low, high))
        if re.search(r"error|fail|retr|attempt", name):
            return self.rng.choice((0, 0, 0, 0, 0, 0, 1, 1, 2, 5))
        if re.search(r"status_?code|response_?code|http_status", name):
            return self.rng.choice((200, 200, 200, 200, 404, 500))
        return self.rng.randint(0, 60)

    def a_fraction(self, column, name, number, unique):
        """An amount or a share."""
        is_share = re.search(r"rate|ratio|score|percent", name)
        return round(self.rng.random(), 4) if is_share else round(self.rng.uniform(1, 900), 2)

    def a_bool(self, column, name, number, unique):
        """Rarely something bad, mostly something good."""
        bad = re.search(
            r"delet|bann|disab|remov|fail|lock|error|archiv|cancel|block|hidden|paused|revok|spam|nsfw|offline", name)
        good = re.search(r"active|enabled|verif|valid|accept|confirm|success|published|sent|^local$|complete", name)
        return self.rng.random() < (0.06 if bad else 0.85 if good else 0.3)

    def a_json(self, column, name, number, unique):
        """An object with a mark."""
        return {"note": self.mark(number), "name": f"{self.mark(number)} Example"}

    def a_uuid(self, column, name, number, unique):
        """A random identifier."""
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def a_bytes(self, column, name, number, unique):
        """A mark as bytes."""
        return self.mark(number).encode()

    def a_host(self, column, name, number, unique):
        """An address of the network for documentation, which counts as a mark."""
        return f"203.0.113.{number % 250}"

    def a_span(self, column, name, number, unique):
        """Minutes."""
        return datetime.timedelta(minutes=self.rng.randint(1, 300))

    def a_clock(self, column, name, number, unique):
        """A time of the day."""
        return datetime.time(self.rng.randrange(24), self.rng.randrange(60))

    def a_pairs(self, column, name, number, unique):
        """A pair with a mark."""
        return f'note => "{self.mark(number)}"'

    def a_path(self, column, name, number, unique):
        """A path of two parts."""
        return f"0.{1000 + number}"

    def a_oid(self, column, name, number, unique):
        """A number of an object."""
        return 1000 + number
