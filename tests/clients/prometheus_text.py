"""Reads scraped pages with Prometheus' own parsers; prints how many series each has. An error is one of the pages'."""

import pathlib
import sys

from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics_parser

for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    text = path.read_text()
    strict = list(openmetrics_parser.text_string_to_metric_families(text))
    assert strict, f"{path.name} tells nothing"
    for family in strict:
        assert family.documentation, f"{path.name}: {family.name} says nothing of itself"
        for sample in family.samples:
            assert sample.value >= 0, f"{path.name}: {sample}"
    # Older servers read it as the format before that: line by line, without the mark of the end.
    plain = list(parser.text_string_to_metric_families(text))
    assert sum(len(family.samples) for family in plain) == sum(len(family.samples) for family in strict), path.name
    print(path.name, sum(len(family.samples) for family in strict))
