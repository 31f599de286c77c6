"""The page's style sheet: one set of colour names, given for light, for dark and for paper."""

from __future__ import annotations

from typing import Final

_LIGHT: Final = """
  --ground: #ffffff; --raised: #f6f7f9; --text: #1b1f24; --quiet: #59636e; --rule: #d5dae0;
  --zero: #eef1f5; --value: #c3cfde; --wrong: #c8102e; --wrong-ground: #ffd3d3; --cut: #9a5b00; --source: #0b5cad;
"""
_DARK: Final = """
  --ground: #14171c; --raised: #1d2229; --text: #e5e9ee; --quiet: #9aa5b1; --rule: #363e48;
  --zero: #232a33; --value: #48586c; --wrong: #ff7b87; --wrong-ground: #6b1f2b; --cut: #e0a44c; --source: #6db3ff;
"""

STYLE: Final = f"""
:root {{ color-scheme: light dark; {_LIGHT} }}
@media (prefers-color-scheme: dark) {{ :root {{ {_DARK} }} }}
@media print {{ :root {{ color-scheme: light; {_LIGHT} }} }}
* {{ box-sizing: border-box; }}
body {{ margin: 0 auto; padding: 2rem 1.5rem 4rem; max-width: 78rem; background: var(--ground); color: var(--text);
  font: 15px/1.5 system-ui, sans-serif; }}
h1 {{ font-size: 1.35rem; line-height: 1.3; margin: 0 0 .35rem; overflow-wrap: anywhere; }}
h2 {{ font-size: 1.02rem; margin: 2.2rem 0 .6rem; padding-bottom: .25rem; border-bottom: 1px solid var(--rule); }}
p {{ margin: .4rem 0; max-width: 62rem; }}
.lead {{ font-size: 1.05rem; }}
.quiet {{ color: var(--quiet); }}
.verdict {{ display: grid; grid-template-columns: max-content 1fr; gap: .35rem 1.2rem; margin: 1.1rem 0;
  background: var(--raised); border: 1px solid var(--rule); border-radius: 6px; padding: .8rem 1rem; }}
.verdict dt {{ color: var(--quiet); max-width: 16rem; overflow-wrap: anywhere; }}
.verdict dd {{ margin: 0; overflow-wrap: anywhere; }}
code, pre, .number, svg text {{ font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }}
code, .number {{ font-size: .88em; overflow-wrap: anywhere; }}
pre {{ background: var(--raised); border: 1px solid var(--rule); border-radius: 6px; padding: .7rem .9rem; font-size: 12px;
  line-height: 1.45; overflow-x: auto; }}
.scroll {{ overflow-x: auto; }}
pre.command {{ white-space: pre-wrap; overflow-wrap: anywhere; }}
table {{ border-collapse: collapse; width: 100%; font-size: 14px; }}
th {{ text-align: left; font-weight: 600; color: var(--quiet); font-size: .85em; }}
th, td {{ padding: .32rem .7rem .32rem 0; border-bottom: 1px solid var(--rule); vertical-align: top; }}
td.number {{ white-space: nowrap; }}
.differs {{ color: var(--wrong); font-weight: 600; }}
svg.trace {{ display: block; width: 100%; min-width: 56rem; height: auto; }}
svg text {{ font-size: 10px; fill: var(--text); }}
svg .zero {{ fill: var(--zero); }}
svg .value {{ fill: var(--value); }}
svg .wrong {{ fill: var(--wrong-ground); stroke: var(--wrong); stroke-width: 1.4; }}
svg text.wrong {{ fill: var(--wrong); stroke: none; font-weight: 700; }}
svg .framed {{ stroke: var(--source); stroke-width: 1.8; }}
svg .cross {{ stroke: var(--wrong); stroke-width: 1.5; fill: none; }}
svg .group {{ fill: var(--raised); stroke: var(--rule); }}
svg .group-name {{ text-anchor: middle; fill: var(--quiet); }}
svg .column {{ font-weight: 600; }}
svg .row {{ text-anchor: end; }}
svg .row.equal, svg .gap, svg .legend {{ fill: var(--quiet); }}
svg .cut {{ stroke: var(--cut); stroke-width: 1.6; stroke-dasharray: 6 3; }}
svg .cut-name {{ fill: var(--cut); }}
svg .halo {{ fill: none; stroke: var(--ground); stroke-width: 4.5; opacity: .75; }}
svg .arrow {{ fill: none; stroke: var(--source); stroke-width: 1.6; }}
svg .tip {{ fill: var(--source); }}
svg .box {{ fill: var(--raised); stroke: var(--source); stroke-width: 1.2; }}
svg .box-head {{ font-weight: 600; }}
svg .box-detail {{ fill: var(--quiet); font-size: 9.2px; }}
@media print {{
  @page {{ size: A4 landscape; margin: 12mm; }}
  body {{ padding: 0; max-width: none; font-size: 11px; }}
  pre, dl {{ break-inside: avoid; }}
  h2 {{ break-after: avoid; margin-top: 1.2rem; }}
  svg.trace {{ min-width: 0; break-inside: avoid; }}
  table {{ font-size: 10px; }}
  tr, .verdict {{ break-inside: avoid; }}
  thead, tr:has(+ tr:last-child) {{ break-after: avoid; }}
  pre {{ font-size: 8.5px; white-space: pre-wrap; overflow-wrap: anywhere; }}
  .scroll {{ overflow: visible; }}
  .screen {{ display: none; }}
  * {{ print-color-adjust: exact; -webkit-print-color-adjust: exact; }}
}}
"""
