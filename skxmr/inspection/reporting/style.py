"""The head of a report's page: nothing is loaded, and no script runs."""

from __future__ import annotations

HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<link rel="icon" href="data:,">
<style>
:root { color-scheme: light dark; --ink: #1c1c1c; --paper: #ffffff; --line: #d5d5d5; --bar: #2f6db5; --soft: #f3f3f3; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ececec; --paper: #161616; --line: #444444; --bar: #7fb2ee; --soft: #242424; }
}
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.45 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin-top: 2rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--line); text-align: start; vertical-align: top; }
th { background: var(--soft); vertical-align: bottom; }
td { min-width: 7rem; max-width: 22rem; overflow-wrap: anywhere; }
td.number { min-width: 3rem; white-space: nowrap; }
.number { text-align: end; font-variant-numeric: tabular-nums; }
.row { opacity: .75; font-size: .85em; white-space: nowrap; }
.level { white-space: nowrap; font-variant-numeric: tabular-nums; }
.labels { font-style: italic; }
.bar { display: inline-block; width: 4rem; height: .7em; background: var(--soft); border: 1px solid var(--line); }
.bar i { display: block; height: 100%; background: var(--bar); }
td img { max-width: 6rem; max-height: 6rem; background: #ffffff; display: block; }
figure { margin: 0; display: inline-block; max-width: 100%; }
figure img { width: 26rem; max-width: 100%; background: #ffffff; }
figcaption { font-size: .85rem; }
@media screen and (max-width: 40rem) {
  main { padding: .6rem; }
  table { font-size: .8rem; }
  th, td { padding: .25rem .3rem; }
  td { min-width: 5rem; }
  td.number { min-width: 0; }
  .bar { width: 2.2rem; }
}
@media print {
  :root { --ink: #000000; --paper: #ffffff; --line: #999999; --bar: #444444; --soft: #eeeeee; }
  body { font-size: 10pt; }
  .wide { overflow: visible; }
  table { font-size: 8pt; width: 100%; }
  .bar { width: 2.5rem; }
  td { min-width: 6rem; }
  td.number { min-width: 0; }
  .bar, .bar i, th { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  tr, figure { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
}
</style>
"""
