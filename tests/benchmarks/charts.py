"""Bars as SVG, readable on a light and on a dark page; no library draws so little in so few bytes."""

from __future__ import annotations

from html import escape
from math import log10
from pathlib import Path

BAR, GAP, LEFT, WIDTH = 18, 8, 90, 640
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#24292f}.bar{fill:#8c959f}.own{fill:#0969da}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.bar{fill:#6e7681}.own{fill:#4493f8}}"
)


def bars(title: str, values: dict[str, float], own: str, *, is_log: bool = False) -> str:
    """One bar per name, in order; `own` stands out.

    Args:
        title: over the bars, with the unit; the description for screen readers, too.
        values: not negative.
        own: the name that stands out.
        is_log: lengths by logarithm from a thousandth of the longest on, where values differ by powers of ten.
    """
    longest = max(values.values()) or 1.0
    lines = []
    for row, (name, value) in enumerate(values.items()):
        share = value / longest
        if is_log:
            share = max(0.0, 1 + log10(share) / 3) if share > 0 else 0.0
        y = 32 + row * (BAR + GAP)
        length = max(1.0, share * (WIDTH - LEFT - 90))
        kind = "own" if name == own else "bar"
        lines += [
            f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">{escape(name)}</text>',
            f'<rect class="{kind}" x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR}" rx="2"/>',
            f'<text x="{LEFT + length + 6:.1f}" y="{y + 13}">{_number(value)}</text>',
        ]
    height = 32 + len(values) * (BAR + GAP)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">'
    label = f'<title>{escape(title)}</title><style>{STYLE}</style><text x="0" y="16">{escape(title)}</text>'
    return "\n".join([head, label, *lines, "</svg>"]) + "\n"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def write_charts(folder: Path, peers: dict[str, dict[str, float]]) -> list[Path]:
    """A chart for each figure of the comparison."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for key, title, is_log in (
        ("drain_per_s", "Tasks a second, one worker process (more is better)", False),
        ("start_p99_ms", "p99 from submission to start at 20 tasks/s, ms (less is better, log scale)", True),
        ("calls_per_task_batch", "Redis calls per task, batches (less is better, log scale)", True),
        ("idle_calls_per_hour", "Redis calls an hour of an idle worker (less is better, log scale)", True),
    ):
        values = {name: figures[key] for name, figures in peers.items()}
        ordered = dict(sorted(values.items(), key=lambda one: one[1], reverse=key == "drain_per_s"))
        path = folder / f"bench-{key.replace('_', '-')}.svg"
        path.write_text(bars(title, ordered, "dtq", is_log=is_log))
        written.append(path)
    return written
