"""Converts the `db/schema.rb` of a Rails application to SQL for PostgreSQL, without Rails.

    python3 rails_schema.py db/schema.rb | psql -d maybe

Columns, defaults, unique indexes, enumerations and foreign keys are kept; other indexes, checks and comments are not.
"""
import re
import sys

TYPES = {
    "bigint": "bigint", "binary": "bytea", "boolean": "boolean", "citext": "citext", "date": "date",
    "datetime": "timestamp", "timestamptz": "timestamptz", "decimal": "numeric", "float": "double precision",
    "hstore": "hstore", "inet": "inet", "integer": "integer", "json": "json", "jsonb": "jsonb", "string": "varchar",
    "text": "text", "time": "time", "tsvector": "tsvector", "uuid": "uuid",
}
IDS = {"uuid": "uuid", "serial": "serial", "integer": "serial", "string": "varchar"}


def quoted(name):
    """A name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def option(name, line):
    """The value of an option such as `null: false` in a line of Ruby, without quotes, or None."""
    found = re.search(rf'\b{name}: (?:"((?:[^"\\]|\\.)*)"|-> {{ "(.*?)" }}|(\{{\}}|\[[^\]]*\]|[^,\s]+))', line)
    return None if found is None else next((group for group in found.groups() if group is not None), None)


def default(line, kind, array):
    """The DEFAULT of a column, or nothing."""
    function = re.search(r'default: -> { "(.*?)" }', line)
    if function:
        return f" DEFAULT {function[1]}"
    value = option("default", line)
    if value is None or value == "nil":
        return ""
    if value in ("{}", "[]") and (array or kind == "hstore"):
        return " DEFAULT '{}'" if array else " DEFAULT ''"
    return " DEFAULT '" + value.replace('\\"', '"').replace("'", "''") + "'"


def column(line):
    """A column of CREATE TABLE, from `t.string "name", null: false`."""
    kind, name = re.match(r'\s*t\.(\w+) "(\w+)"', line).groups()
    array = "array: true" in line
    if kind == "virtual":
        expression = option("as", line).encode().decode("unicode_escape")
        base = TYPES[option("type", line).lstrip(":")]
        return f"{quoted(name)} {base} GENERATED ALWAYS AS ({expression}) STORED"
    written = quoted(option("enum_type", line)) if kind == "enum" else TYPES.get(kind, kind)
    precision = option("precision", line)
    if kind == "decimal" and precision:
        written += f"({precision},{option('scale', line) or 0})"
    required = " NOT NULL" if option("null", line) == "false" else ""
    return f"{quoted(name)} {written}{'[]' if array else ''}{default(line, kind, array)}{required}"


def unique(table, line):
    """CREATE UNIQUE INDEX, from `t.index [...], unique: true`, or None."""
    if "unique: true" not in line:
        return None
    listed = re.search(r't\.index \[(.*?)\]', line)
    expression = re.search(r't\.index "(.*?)", name:', line)
    columns = ", ".join(quoted(name) for name in re.findall(r'"(\w+)"', listed[1])) if listed else expression[1]
    where = option("where", line)
    return f"CREATE UNIQUE INDEX ON {table} ({columns}){f' WHERE {where}' if where else ''};"


def key(line):
    """The primary key of a table, from `create_table`."""
    listed = re.search(r'primary_key: \[(.*?)\]', line)
    if listed:
        return None, "PRIMARY KEY (" + ", ".join(quoted(name) for name in re.findall(r'"(\w+)"', listed[1])) + ")"
    if "id: false" in line:
        return None, None
    kind = IDS.get((option("id", line) or "").lstrip(":"), "bigserial")
    function = re.search(r'default: -> { "(.*?)" }', line)
    preset = f" DEFAULT {function[1]}" if function else " DEFAULT gen_random_uuid()" if kind == "uuid" else ""
    return f"{quoted(option('primary_key', line) or 'id')} {kind}{preset} PRIMARY KEY", None


def tables(lines):
    """CREATE TABLE and unique indexes of all tables."""
    table = None
    for line in lines:
        start = re.match(r'\s*create_table "([\w.]+)"', line)
        if start:
            table, indexes = ".".join(quoted(part) for part in start[1].split(".")), []
            columns = [part for part in key(line) if part]
        elif table and re.match(r"\s*end\b", line):
            yield f"CREATE TABLE {table} (\n  " + ",\n  ".join(columns) + "\n);"
            yield from indexes
            table = None
        elif table and re.match(r"\s*t\.index", line):
            indexes += filter(None, [unique(table, line)])
        elif table and re.match(r'\s*t\.\w+ "', line) and not re.match(r"\s*t\.check_constraint", line):
            columns.append(column(line))


def singular(name):
    """The name of one row of a table."""
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("s", "")):
        if name.endswith(ending):
            return name[:-len(ending)] + instead
    return name


def references(lines):
    """ALTER TABLE for each `add_foreign_key`."""
    for line in lines:
        found = re.match(r'\s*add_foreign_key "(\w+)", "(\w+)"', line)
        if found:
            table, to = found.groups()
            by = option("column", line) or singular(to) + "_id"
            yield (f"ALTER TABLE {quoted(table)} ADD FOREIGN KEY ({quoted(by)}) "
                   f"REFERENCES {quoted(to)} ({quoted(option('primary_key', line) or 'id')});")


def main():
    """Prints the SQL of a file."""
    with open(sys.argv[1], encoding="utf-8") as file:
        lines = file.read().splitlines()
    for line in lines:
        extension = re.match(r'\s*enable_extension "(.*?)"', line)
        enum = re.match(r'\s*create_enum "(.*?)", \[(.*)\]', line)
        if extension:
            print(f'CREATE EXTENSION IF NOT EXISTS "{extension[1].split(".")[-1]}";')
        elif enum:
            print(f"CREATE TYPE {quoted(enum[1])} AS ENUM (" + enum[2].replace('"', "'") + ");")
    print("\n".join([*tables(lines), *references(lines)]))


if __name__ == "__main__":
    main()
