"""What the campaign's page adds to the style sheet of all pages."""

from __future__ import annotations

from typing import Final

from harness.report.style import STYLE

CAMPAIGN_STYLE: Final = (
    STYLE
    + """
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(14rem, 1fr)); gap: .7rem; margin: 1.1rem 0; }
.tile { background: var(--raised); border: 1px solid var(--rule); border-radius: 6px; padding: .55rem .8rem; }
.tile b { display: block; font-size: 1.3rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.tile.bad b { color: var(--wrong); }
.tile span { color: var(--quiet); font-size: .85em; }
.banner { border: 1px solid var(--wrong); border-left-width: 5px; border-radius: 6px; padding: .5rem .8rem; color: var(--wrong);
  font-weight: 600; }
td.right, th.right { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; padding-right: 1.4rem; }
table.shares td:not(:last-child), table.shares th:not(:last-child) { width: 1%; white-space: nowrap; padding-right: 1.4rem; }
td.wide { overflow-wrap: anywhere; white-space: normal; }
td.number.wide { white-space: normal; min-width: 16rem; }
td .quiet { white-space: nowrap; }
a { color: var(--source); overflow-wrap: anywhere; }
svg.time { display: block; width: 100%; min-width: 38rem; height: auto; break-inside: avoid; }
svg.bar { width: 9rem; height: .7rem; vertical-align: middle; }
svg .bar-ground { fill: var(--zero); stroke: var(--rule); }
svg .bar-fill { fill: var(--source); }
svg .grid { stroke: var(--rule); stroke-width: 1; }
svg .panel { font-weight: 600; }
svg .steps { fill: var(--value); stroke: var(--source); stroke-width: .8; }
svg .growth { fill: none; stroke: var(--source); stroke-width: 1.8; }
svg .pause { fill: var(--raised); stroke: none; }
@media print { svg.time { min-width: 0; } a { color: inherit; } .tile b { font-size: 15px; } }
"""
)
