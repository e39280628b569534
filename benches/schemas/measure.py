"""Measures how much `platform_exporter init` finds in a database that `fill.py` has filled.

    python3 measure.py --database postgres://postgres@127.0.0.1/maybe --wanted wanted/maybe.txt

Runs `init`, the role that it wrote, `check --live` and `bundle` in a new directory, then the exporter with that role
and a Prometheus; evaluates every panel, and looks for marks in all that was written or served. Prints what is missing
and a row of a table. Needs psycopg (`pip install 'psycopg[binary]'`), psql and prometheus.
"""
import argparse
import contextlib
import json
import os
import pathlib
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

import psycopg
from psycopg import sql

MARK = re.compile(r"MARK[0-9a-f]{4,}|\b203\.0\.113\.\d+", re.I)
ROLE = "platform_exporter"
TABLE = re.compile(r'\b(?:FROM|JOIN)\s+(?:ONLY\s+)?((?:"[^"]+"|[\w$]+)(?:\.(?:"[^"]+"|[\w$]+))?)', re.I)
PROMETHEUS = """global: {{scrape_interval: 5s, evaluation_interval: 5s}}
rule_files: ['{rules}/*.rules.yml']
scrape_configs: [{{job_name: platform_exporter, static_configs: [{{targets: ['{target}']}}]}}]
"""


def free_port():
    """A port on which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def get(url):
    """The text at an address, or nothing while nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.read().decode()
    except OSError:
        return ""


def until(seconds, condition):
    """Waits until a condition holds, and exits if it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"not within {seconds} seconds: {condition.__doc__ or condition}")
        time.sleep(0.5)


@contextlib.contextmanager
def running(command, log, **options):
    """Runs a program in the background, and ends it."""
    with (open(log, "wb") as file,
          subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, **options) as process):
        try:
            yield process
        finally:
            process.terminate()


class Project:
    """The directory in which `init` runs."""

    def __init__(self, arguments):
        self.name, self.url = arguments.name, arguments.database
        self.binary = str(pathlib.Path(shutil.which(arguments.binary) or arguments.binary).resolve())
        self.directory = pathlib.Path(arguments.out or tempfile.mkdtemp(prefix="schemas-"))
        self.directory.mkdir(parents=True, exist_ok=True)
        self.pack = self.directory / "packs" / f"{self.name}.yml"

    def environment(self, url):
        """Only what a program needs, with the address of the database."""
        return {"PATH": os.environ["PATH"], "HOME": str(self.directory), "DATABASE_URL": url}

    def run(self, *arguments, url=None, program=None):
        """Runs a command. Returns whether it succeeded, and keeps what it prints in a file."""
        command = [program or self.binary, *arguments]
        done = subprocess.run(command, cwd=self.directory, env=self.environment(url or self.url), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        (self.directory / f"{arguments[0].lstrip('-')}.txt").write_text(done.stdout, encoding="utf-8")
        if done.returncode:
            print(f"{' '.join(command)} failed:\n{done.stdout[-3000:]}")
        return done.returncode == 0

    def write(self):
        """Everything from `init` to the bundle. Returns what failed, and how many seconds `init` and `bundle` took."""
        config = ["--config.file", "platform.yml"]
        start = time.monotonic()
        failed = [] if self.run("init", "--yes", "--name", self.name) else ["init"]
        taken = time.monotonic() - start
        if not self.run("-d", self.url, "-v", "ON_ERROR_STOP=1", "-qf", f"packs/{self.name}.role.sql", program="psql"):
            failed.append("the role")
        restricted = self.as_role()
        if not self.run("check", "--live", *config, url=restricted):
            failed.append("check --live")
        start = time.monotonic()
        if not self.run("bundle", *config, "--out", "out"):
            failed.append("bundle")
        return failed, taken + time.monotonic() - start, restricted

    def as_role(self):
        """The address of the database for the role, which gets a password for this run."""
        password = secrets.token_hex(16)
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(ROLE), sql.Literal(password)))
        parts = urllib.parse.urlsplit(self.url)
        host = parts.netloc.rpartition("@")[2]
        return urllib.parse.urlunsplit(parts._replace(netloc=f"{ROLE}:{password}@{host}"))

    def tables_read(self):
        """The tables that queries of the pack read."""
        read, depth = set(), None
        for line in self.pack.read_text(encoding="utf-8").splitlines():
            indent = len(line) - len(line.lstrip())
            if re.match(r"\s*sql:", line):
                depth = indent
            elif depth is not None and line.strip() and indent <= depth:
                depth = None
            if depth is not None:
                read.update(part.rpartition(".")[2].strip('"') for part in TABLE.findall(line))
        return read

    def panels(self):
        """Title and expressions of each panel that shows metrics."""
        path = self.directory / f"out/grafana/dashboards/{self.name}.json"
        dashboard = json.loads(path.read_text(encoding="utf-8"))
        nested = [panel for row in dashboard["panels"] for panel in row.get("panels", [])]
        for panel in dashboard["panels"] + nested:
            listed = [target["expr"] for target in panel.get("targets", []) if "expr" in target
                      and target["refId"] != "Z" and not target["refId"].startswith("last")]
            if panel["type"] != "row" and listed:
                yield panel.get("title", ""), listed


def resolved(expression):
    """An expression as Grafana sends it, with all that a viewer may choose."""
    expression = expression.replace("$__rate_interval", "20s").replace("$__interval", "20s").replace("$__range", "1m")
    expression = expression.replace("${__to:date:seconds}", str(int(time.time())))
    return re.sub(r"\$\{?[a-z_]+(:\w+)?\}?", ".*", expression)


def has_answer(prometheus, expression):
    """Whether an expression has a value now."""
    query = urllib.parse.urlencode({"query": resolved(expression)})
    answer = json.loads(get(f"{prometheus}/api/v1/query?{query}") or "{}")
    if answer.get("status") != "success":
        print(f"refused: {expression}")
    return bool(answer.get("data", {}).get("result"))


def queries(exposition, name):
    """The queries of the pack: all of them, and those that failed, with the reason."""
    query = rf'{{.*?query="({re.escape(name)}\.[^"]+)"'
    found = set(re.findall(rf"^platform_query_max_age_seconds{query}", exposition, re.M))
    failed = dict(re.findall(rf'^platform_query_problem{query}.*?reason="(\w+)".*}} 1$', exposition, re.M))
    broken = re.findall(rf"^platform_query_last_run_successful{query}.*}} 0$", exposition, re.M)
    return found, {**dict.fromkeys(broken, "failed"), **failed}


def marks(directory, served):
    """How many marks each file, or page that was served, has."""
    texts = {str(path.relative_to(directory)): path.read_text(encoding="utf-8", errors="replace")
             for path in directory.rglob("*") if path.is_file()}
    counts = {name: len(MARK.findall(text)) for name, text in {**texts, **served}.items()}
    return {name: count for name, count in counts.items() if count}


def observe(project, url, seconds):
    """Runs the exporter with a Prometheus. Returns the panels, those without data, and all that was served."""
    exporter, prometheus = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    with tempfile.TemporaryDirectory(prefix="schemas-prometheus-") as data:
        config = pathlib.Path(data, "prometheus.yml")
        config.write_text(PROMETHEUS.format(rules=project.directory / "out/alerts", target=exporter), encoding="utf-8")
        command = [project.binary, "--config.file", "platform.yml", "--web.listen-address", exporter]
        scraper = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={data}/data",
                   f"--web.listen-address={prometheus}"]
        with running(command, project.directory / "exporter.log", cwd=project.directory, env=project.environment(url)):
            until(60, lambda: "platform_" in get(f"http://{exporter}/metrics"))
            with running(scraper, f"{data}/log"):
                until(60, lambda: get(f"http://{prometheus}/-/ready"))
                time.sleep(seconds)
                panels = list(project.panels())
                empty = [title for title, listed in panels
                         if not all(has_answer(f"http://{prometheus}", expression) for expression in listed)]
            served = {page: get(f"http://{exporter}{page}") for page in ("/metrics", "/")}
    return panels, empty, served


def report(project, wanted, failed, seconds, found):
    """Prints what is missing, and the row of the table."""
    panels, empty, served = found
    read = project.tables_read()
    missing = [table for table in wanted if table not in read]
    listed, broken = queries(served["/metrics"], project.name)
    leaked = marks(project.directory, served)
    for what, values in (("failed", failed), ("tables that are missing", missing), ("queries that failed", broken),
                         ("panels without data", empty), ("marks", leaked)):
        print(f"{what}: {values or 'none'}")
    print(f"written to {project.directory}")
    row = {
        "wanted": len(wanted), "there": len(wanted) - len(missing), "queries": len(listed), "failed": len(broken),
        "panels": len(panels), "with data": len(panels) - len(empty), "marks": sum(leaked.values()),
        "seconds": round(seconds, 1),
    }
    print("| schema | " + " | ".join(row) + " |")
    print(f"| {project.name} | " + " | ".join(map(str, row.values())) + " |")
    return not failed and not broken and not leaked


def main():
    """Measures one database."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--database", required=True, help="its URL, of a superuser")
    parser.add_argument("--wanted", required=True, help="the tables that should be there, the first word of each line")
    parser.add_argument("--binary", default="platform_exporter")
    parser.add_argument("--name", help="the name of the pack; by default that of the file of tables")
    parser.add_argument("--out", help="an empty directory to write to; by default a temporary one, which is kept")
    parser.add_argument("--seconds", type=int, default=75, help="for how long Prometheus scrapes")
    arguments = parser.parse_args()
    arguments.name = arguments.name or pathlib.Path(arguments.wanted).stem
    lines = pathlib.Path(arguments.wanted).read_text(encoding="utf-8").splitlines()
    wanted = [line.split()[0] for line in lines if line.strip()]
    project = Project(arguments)
    failed, seconds, url = project.write()
    sys.exit(not report(project, wanted, failed, seconds, observe(project, url, arguments.seconds)))


if __name__ == "__main__":
    main()
