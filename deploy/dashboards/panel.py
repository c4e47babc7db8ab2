"""Panels, rows and variables in Grafana's own JSON: what all panels of all dashboards share is said here, once."""

import json

# Grafana 12's. Later versions read it too, and bring it up to theirs when they load it.
SCHEMA = 41
# A dashboard is so many columns wide.
WIDTH = 24
SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def stat(title, unit, description, expr, bad=None):
    """One number and its past; red from `bad` on."""
    steps = [{"color": "green", "value": None}]
    if bad is not None:
        steps.append({"color": "red", "value": bad})
    return {
        "type": "stat",
        "title": title,
        "description": description,
        "fieldConfig": {
            "defaults": {"unit": unit, "min": 0, "thresholds": {"mode": "absolute", "steps": steps}},
            "overrides": [],
        },
        "options": {
            "colorMode": "value",
            "graphMode": "area",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        },
        "targets": targets({"": expr}),
    }


def graph(title, unit, description, lines, stacked=False):
    """Curves: a dictionary of legends and expressions, where a legend may name labels as {{label}}."""
    custom = {"fillOpacity": 20 if stacked else 5, "lineWidth": 1, "showPoints": "never"}
    if stacked:
        custom["stacking"] = {"mode": "normal", "group": "A"}
    return {
        "type": "timeseries",
        "title": title,
        "description": description,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0, "custom": custom}, "overrides": []},
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "targets": targets(lines),
    }


def table(title, description, expr, hidden):
    """What labels say now."""
    [target] = targets({"": expr})
    dropped = {name: True for name in ["Time", "Value", "__name__", *hidden]}
    return {
        "type": "table",
        "title": title,
        "description": description,
        "fieldConfig": {"defaults": {}, "overrides": []},
        "options": {"showHeader": True},
        "targets": [target | {"format": "table", "instant": True}],
        "transformations": [{"id": "organize", "options": {"excludeByName": dropped}}],
    }


def targets(lines):
    letters = "ABCDEFGH"
    return [
        {"refId": letter, "datasource": SOURCE, "expr": expr, "legendFormat": legend}
        for letter, (legend, expr) in zip(letters, lines.items(), strict=False)
    ]


def quantiles(metric, selector, by=None):
    """Three curves of a histogram; with a label to tell curves apart by, one for each of its values."""
    if by:
        expr = f"histogram_quantile(0.95, sum by ({by}, le) (rate({metric}_bucket{{{selector}}}[$__rate_interval])))"
        return {f"{{{{{by}}}}}": expr}
    return {
        f"p{percent}": f"histogram_quantile({percent / 100}, sum by (le) (rate({metric}_bucket{{{selector}}}[$__rate_interval])))"
        for percent in (50, 95, 99)
    }


def mean(metric, selector, by=None):
    """The mean of a histogram's values."""
    grouped = f"sum by ({by})" if by else "sum"
    return " / ".join(f"{grouped} (rate({metric}_{part}{{{selector}}}[$__rate_interval]))" for part in ("sum", "count"))


def variable(name, label, metric):
    """What a label of a metric has been, to choose from; at first all of it."""
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": f"label_values({metric}, {name})", "refId": name},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }


def dashboard(uid, title, description, variables, rows):
    """The file's text: rows of panels below their headings, each with its height; numbers are six to a line, curves three or four."""
    panels, top = [], 0
    for heading, height, row in rows:
        panels.append({"type": "row", "title": heading, "collapsed": False, "panels": []} | at(0, top, WIDTH, 1))
        top += 1
        across = min(len(row), 6 if height < 6 else 4 if len(row) == 4 else 3)
        for index, panel in enumerate(row):
            line, column = divmod(index, across)
            width = WIDTH // across
            panels.append(panel | {"datasource": SOURCE} | at(column * width, top + line * height, width, height))
        top += height * -(-len(row) // across)
    source = {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "refresh": 1}
    whole = {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["specfuse"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "links": [{"type": "dashboards", "title": "SpecFuse", "tags": ["specfuse"], "keepTime": True, "asDropdown": False}],
        "templating": {"list": [source, *variables]},
        "panels": [{"id": number} | panel for number, panel in enumerate(panels, start=1)],
    }
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def at(x, y, width, height):
    return {"gridPos": {"x": x, "y": y, "w": width, "h": height}}
