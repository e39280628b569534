"""Reads expositions with the reference parsers: one request as JSON on each line, one answer as JSON on each."""

import json
import math
import struct
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as text

PARSERS = {"text": text, "openmetrics": openmetrics}


def bits(value):
    # The text parser reads -0 as a whole number, which has no sign.
    value = float(value) + 0.0
    return "nan" if math.isnan(value) else struct.pack(">d", value).hex()


def read(request):
    families = PARSERS[request["format"]](request["exposition"])
    return [
        {
            "name": family.name,
            "type": family.type,
            "help": family.documentation,
            "samples": [[sample.name, sample.labels, bits(sample.value)] for sample in family.samples],
        }
        for family in families
    ]


for line in sys.stdin:
    try:
        answer = read(json.loads(line))
    except Exception as refusal:
        answer = repr(refusal)
    print(json.dumps(answer), flush=True)
