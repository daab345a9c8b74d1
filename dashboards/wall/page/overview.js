/* The overview: what waits, how it is served, who is there, what breaks next, and the worst queues. */
import { html } from "/vendor/htm-preact-3.1.1.js";
import { Agents } from "/staff.js";
import { clockColumns, clocksOf } from "/clocks.js";
import { Raised } from "/conditions.js";
import { noQueues, queueColumns, queueRows } from "/queues.js";
import { Table } from "/table.js";
import { Tile } from "/tile.js";
import { totalRow, wall } from "/state.js";
import { words } from "/words.js";

const TILES = ["waiting", "longest_wait_s", "service_level", "first_response_avg_s", "answered", "abandoned", "in_service"];

export function Overview() {
  const row = totalRow();
  return html`<div class="board">
    <section class="tiles">
      ${TILES.map((key) => html`<${Tile} key=${key} figure=${key} value=${row[key]} row=${row} />`)}
      <${Agents} row=${row} />
    </section>
    <${Raised} />
    <div class="halves">
      <${Table} title=${words.figures.due[0]} columns=${clockColumns(false)} rows=${clocksOf(wall.facts)} empty=${words.quiet} keyOf=${(clock) => clock.about + clock.name} />
      <${Table} title=${words.pages.queues} note=${words.worst} columns=${queueColumns(false)} rows=${queueRows()} empty=${noQueues()} hidden=${wall.facts?.hidden?.queue} keyOf=${(queue) => queue.queue} />
    </div>
  </div>`;
}
