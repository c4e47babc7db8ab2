"""Writes the Grafana dashboards into helm/specfuse/dashboards, where the chart and deploy/compose.yaml take them from.

    python3 deploy/dashboards/make.py            writes them
    python3 deploy/dashboards/make.py --check    says which of them are not what would be written, and fails if any is

A dashboard that was changed in Grafana is brought back by changing what is here. Nothing but Python is needed.
"""

import pathlib
import sys

import members
import overview
import workers
from panel import dashboard

TARGET = pathlib.Path(__file__).resolve().parents[2] / "helm" / "specfuse" / "dashboards"


def main() -> int:
    stale = []
    for name, module in {"overview": overview, "members": members, "workers": workers}.items():
        text = dashboard(f"specfuse-{name}", module.TITLE, module.DESCRIPTION, module.VARIABLES, module.ROWS)
        file = TARGET / f"{name}.json"
        if "--check" not in sys.argv[1:]:
            file.write_text(text)
        elif not file.is_file() or file.read_text() != text:
            stale.append(file.name)
    if stale:
        print(f"not as {pathlib.Path(__file__).name} would write them: {', '.join(stale)}", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
