"""Fills the tables of any PostgreSQL schema with plausible rows, by what the catalogue shows of them.

    python3 fill.py --database postgres://postgres@127.0.0.1/maybe --hints hints/maybe.json

Texts, names, addresses and tokens contain MARK and a number, and addresses of hosts begin with 203.0.113., so that they
are recognized wherever they appear. Only for databases that may be thrown away: triggers are off meanwhile. Needs
psycopg (`pip install 'psycopg[binary]'`) and a superuser.
"""
import argparse
import collections
import json
import logging
import random
import re

import psycopg
from psycopg import sql

import values

COLUMNS = """
SELECT c.oid::bigint AS oid, n.nspname AS schema, c.relname AS name, c.relkind::text AS kind, a.attnum AS number,
       a.attname AS column, a.attnotnull OR t.typnotnull AS required, pg_get_expr(d.adbin, d.adrelid) AS preset,
       a.attidentity::text || a.attgenerated::text AS made, coalesce(b.typname, t.typname)::text AS type,
       CASE WHEN a.atttypmod > 4 THEN a.atttypmod - 4 WHEN t.typtypmod > 4 THEN t.typtypmod - 4 END AS length,
       (SELECT array_agg(enumlabel::text ORDER BY enumsortorder) FROM pg_enum
        WHERE enumtypid IN (t.oid, t.typelem, t.typbasetype)) AS labels
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_type b ON b.oid = nullif(t.typbasetype, 0)
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname !~ '^(pg_|information_schema$)'
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.objid = c.oid AND e.deptype = 'e')
ORDER BY c.oid, a.attnum"""

CONSTRAINTS = """
SELECT conrelid::bigint AS oid, contype::text AS kind, conkey AS columns, confrelid::bigint AS parent,
       confkey AS keys, pg_get_constraintdef(oid) AS text
FROM pg_constraint WHERE contype IN ('f', 'c') AND conparentid = 0"""

UNIQUE = """
SELECT indrelid::bigint AS oid, array(SELECT unnest(indkey)::int) AS columns FROM pg_index WHERE indisunique"""

BOOKKEEPING = re.compile(r"migrations?$|^sequelizemeta$|^ar_internal_metadata$|^previously_run_sql$|saved_ddl$", re.I)
FEW = re.compile(
    r"settings?$|config|^(local_)?site|plans?$|tiers?$|roles?$|permissions?$|definitions?$|providers?$|secrets?$"
    r"|^languages?$|counter$|^counters?$|_groups?$|flags?$|nodes?$|node_infos$|rate_limit$", re.I)
MANY = re.compile(
    r"events?$|logs?$|history|pings?$|runs?$|attempts?$|deliver|notifications?$|messages?$|activit|entries$"
    r"|actions$|views$|comments?$|posts?$|snapshots?$|transactions?$|items?$|balances$|prices$|rates$", re.I)
PEOPLE = re.compile(
    r"(users?|accounts?|customers?|organi[sz]ations?|teams?|famil\w+|persons?|projects?|tenants?)$", re.I)


class Table:
    """A table with its columns, references and rules, as the catalogue has them."""

    def __init__(self, row):
        self.oid, self.schema, self.name, self.kind = row["oid"], row["schema"], row["name"], row["kind"]
        self.columns, self.references, self.unique, self.one_of = {}, [], set(), []

    @property
    def identifier(self):
        """The name for statements."""
        return sql.Identifier(self.schema, self.name)

    def rows(self, hints):
        """How many rows it gets: few for settings, many for events."""
        hinted = hints.get("rows", {}).get(self.name)
        if hinted is not None:
            return hinted
        for pattern, rows in ((FEW, 8), (MANY, 5000), (PEOPLE, 400)):
            if pattern.search(values.snake(self.name)):
                return rows
        return 1200


def tables(connection):
    """All tables by their oid."""
    found = {}
    for row in connection.execute(COLUMNS):
        table = found.setdefault(row["oid"], Table(row))
        table.columns[row["number"]] = dict(row, allowed=None)
    for row in connection.execute(UNIQUE):
        if row["oid"] in found and len(row["columns"]) == 1:
            found[row["oid"]].unique.add(row["columns"][0])
    for row in connection.execute(CONSTRAINTS):
        table = found.get(row["oid"])
        if table and row["kind"] == "f" and row["parent"] in found:
            table.references.append(row)
        elif table and row["kind"] == "c":
            constrain(table, row)
    return {oid: table for oid, table in found.items() if not BOOKKEEPING.search(table.name)}


def constrain(table, row):
    """Keeps what a CHECK allows: a list of values, or exactly one column that is not null."""
    allowed = re.findall(r"'((?:[^']|'')*)'(?:::[\w ]+)?", row["text"])
    if len(row["columns"] or []) == 1 and re.search(r"= ANY|(?<![<>])= '", row["text"]) and allowed:
        table.columns[row["columns"][0]]["allowed"] = allowed
    one = re.search(r"num_nonnulls\(([^)]*)\) = 1", row["text"])
    if one:
        table.one_of.append([name.strip(' "') for name in one[1].split(",")])


def in_order(found):
    """Parents first. Of a cycle, the table comes first that has the fewest references that must be there."""
    left, ordered = dict(found), []

    def waits(table):
        needed = [r for r in table.references if r["parent"] in left and r["parent"] != table.oid]
        strict = [r for r in needed if all(table.columns[n]["required"] for n in r["columns"])]
        return (len(strict), len(needed), table.name)

    while left:
        table = min(left.values(), key=waits)
        ordered.append(left.pop(table.oid))
    return ordered


class Keys:
    """The keys of rows that are there already, for references to them."""

    def __init__(self, connection, found):
        self.connection, self.found, self.known = connection, found, {}
        self.by_name = {values.singular(table.name): table for table in found.values()}

    def of(self, table, columns):
        """Up to 3,000 keys, each a tuple."""
        key = (table.oid, tuple(columns))
        if key not in self.known:
            names = sql.SQL(", ").join(sql.Identifier(column) for column in columns)
            query = sql.SQL("SELECT {} FROM {} LIMIT 3000").format(names, table.identifier)
            rows = [tuple(row.values()) for row in self.connection.execute(query)]
            if not rows:
                return []
            self.known[key] = rows
        return self.known[key]

    def guessed(self, column):
        """Keys for a column such as `account_id` that has no foreign key, if a table has this name."""
        found = re.match(r"(.+)_(record_)?id$", values.snake(column["column"]))
        table = self.by_name.get(values.singular(found[1])) if found else None
        if table is None:
            return []
        name = "record_id" if found[2] else "id"
        same = [c for c in table.columns.values() if c["column"] == name and values.family(c) == values.family(column)]
        return [key[0] for key in self.of(table, [name])] if same else []


def pick(keys, rng):
    """A key; the first ones are referred to more often, as large customers are."""
    return keys[int(len(keys) * rng.random() ** 1.6)]


def row_of(table, keys, hints, rng, number, sparse):
    """One row by column name. The more `sparse`, the more columns are null that may be."""
    moment = values.Moment(table, hints, rng)
    row = {}
    for reference in table.references:
        columns = [table.columns[n] for n in reference["columns"]]
        parent = keys.found.get(reference["parent"])
        optional = all(not column["required"] for column in columns)
        listed = keys.of(parent, [parent.columns[n]["column"] for n in reference["keys"]]) if parent else []
        empty = not listed or (optional and rng.random() < (0.8 if parent is table else sparse))
        chosen = [None] * len(columns) if empty else pick(listed, rng)
        for column, value in zip(columns, chosen):
            if row.get(column["column"]) is None:
                row[column["column"]] = value
    for at, column in table.columns.items():
        name = column["column"]
        if name in row or column["made"] or "nextval" in (column["preset"] or ""):
            continue
        guessed = [] if at in table.unique or name in ("id", "record_id") else keys.guessed(column)
        row[name] = pick(guessed, rng) if guessed else moment.value(column, number, at in table.unique, sparse)
    for names in table.one_of:
        set_one(row, names, rng)
    return row


def set_one(row, names, rng):
    """Leaves one of these columns."""
    there = [name for name in names if row.get(name) is not None]
    for name in there:
        row[name] = None if name != there[0] else row[name]
    if len(there) > 1:
        kept = rng.choice(there)
        row[there[0]], row[kept] = None, row.get(kept)


def insert(connection, table, rows):
    """Inserts rows at once, or one by one if one of them is refused. Returns how many were not refused."""
    statements = collections.defaultdict(list)
    for row in rows:
        statements[tuple(row)].append([values.adapted(value) for value in row.values()])
    done = 0
    for names, listed in statements.items():
        columns = sql.SQL(", ").join(sql.Identifier(name) for name in names)
        marks = sql.SQL(", ").join(sql.Placeholder() for _ in names)
        query = sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({}) ON CONFLICT DO NOTHING")
        query = query.format(table.identifier, columns, marks)
        done += at_once(connection, query, listed)
    return done


def at_once(connection, query, listed):
    """Runs a statement with each of these parameters; halves the list around those that are refused."""
    try:
        with connection.transaction(), connection.cursor() as cursor:
            cursor.executemany(query, listed)
            return len(listed)
    except psycopg.Error as error:
        if len(listed) == 1:
            at_once.last = str(error).splitlines()[0]
            return 0
        half = len(listed) // 2
        return at_once(connection, query, listed[:half]) + at_once(connection, query, listed[half:])


def fill(connection, table, keys, hints, seed):
    """Fills a table. Rows that a rule refuses are made again, with more or fewer nulls."""
    rng = random.Random(f"{seed} {table.name}")
    wanted, done, number = table.rows(hints), 0, 0
    for sparse in (0.25, 0.25, 0.6, 0.9, 0.05, 0.5):
        missing = min(wanted - done, 400 if sparse != 0.25 and not done else wanted)
        if missing <= 0:
            break
        rows = [row_of(table, keys, hints, rng, number + n, sparse) for n in range(missing)]
        number += missing
        done += insert(connection, table, rows)
    return connection.execute(sql.SQL("SELECT count(*) AS n FROM {}").format(table.identifier)).fetchone()["n"]


def close_cycles(connection, table, keys, seed):
    """Sets references that were left null because their parents came later, in half of the rows."""
    for reference in table.references:
        column, parent = table.columns[reference["columns"][0]], keys.found.get(reference["parent"])
        if column["required"] or len(reference["columns"]) > 1 or parent is None:
            continue
        query = sql.SQL("SELECT count({}) AS n FROM {}").format(sql.Identifier(column["column"]), table.identifier)
        listed = keys.of(parent, [parent.columns[reference["keys"][0]]["column"]])
        if connection.execute(query).fetchone()["n"] or not listed or any(column["column"] in o for o in table.one_of):
            continue
        update = sql.SQL("UPDATE {} SET {} = (%s::text[])[1 + mod(abs(hashtext(ctid::text)), %s)]::{} "
                         "WHERE mod(abs(hashtext(ctid::text || %s)), 2) = 0")
        update = update.format(table.identifier, sql.Identifier(column["column"]), sql.SQL(column["type"]))
        try:
            with connection.transaction():
                connection.execute(update, [[str(key[0]) for key in listed], len(listed), str(seed)])
        except psycopg.Error:
            pass  # A rule of the table forbids it, and null is allowed.


def prepare(connection, found):
    """Turns triggers off, and gives partitioned tables a place for rows."""
    connection.execute("SET session_replication_role = replica")
    for table in found.values():
        partitions = connection.execute("SELECT FROM pg_inherits WHERE inhparent = %s", [table.oid]).fetchone()
        if table.kind == "p" and partitions is None:
            default = sql.Identifier(table.schema, f"{table.name}_rest")
            connection.execute(sql.SQL("CREATE TABLE {} PARTITION OF {} DEFAULT").format(default, table.identifier))


def main():
    """Fills all tables, and prints those that stayed empty."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--database", required=True)
    parser.add_argument("--hints", help="a file as hints/*.json")
    parser.add_argument("--seed", default="1")
    arguments = parser.parse_args()
    logging.getLogger("psycopg").setLevel(logging.ERROR)  # It warns of each list of rows that is refused.
    hints = {}
    if arguments.hints:
        with open(arguments.hints, encoding="utf-8") as file:
            hints = json.load(file)
    with psycopg.connect(arguments.database, autocommit=True, row_factory=psycopg.rows.dict_row) as connection:
        found = tables(connection)
        prepare(connection, found)
        keys, total = Keys(connection, found), 0
        for table in in_order(found):
            rows = fill(connection, table, keys, hints, arguments.seed)
            total += rows
            if not rows:
                print(f"empty: {table.name} ({getattr(at_once, 'last', 'no row was refused')})")
        for table in found.values():
            close_cycles(connection, table, keys, arguments.seed)
        connection.execute("ANALYZE")
        print(f"{len(found)} tables, {total} rows")


if __name__ == "__main__":
    main()
