/* Everything that is owed: clocks of contacts, cases and promises in one list, and how many stand where. */
import { html } from "/vendor/htm-preact-3.1.1.js";
import { clockColumns, clocksOf } from "/clocks.js";
import { whole } from "/numbers.js";
import { Name } from "/parts.js";
import { totalRow, wall } from "/state.js";
import { Table } from "/table.js";
import { Tile } from "/tile.js";
import { words } from "/words.js";

/* The service lists no more clocks than this. */
const LISTED_MAX = 100;
const PROGRESS = ["overdue", "near_limit", "in_progress", "open"];

export function Commitments() {
  const { facts } = wall;
  const clocks = clocksOf(facts);
  const count = (value, bad) => ({ word: value === undefined ? "none" : bad && value > 0 ? bad : "plain", depth: 1 });
  const tiles = [
    ["due", facts?.due?.length], ["breaches", totalRow().breaches, "over"], ["cases", facts?.cases?.count], ["near", facts?.cases?.near_limit, "near"],
    ["overdue", facts?.cases?.overdue, "over"], ["promises", facts?.promises?.count],
  ];
  return html`<div class="stack">
    <section class="tiles six">${tiles.map(([key, value, bad]) => html`<${Tile} figure=${key} value=${value} judged=${count(value, bad)} under="" atLeast=${key === "due" && value >= LISTED_MAX} />`)}</section>
    <div class="aside">
      <${Table} title=${words.commitmentsPage.list} columns=${clockColumns(true)} rows=${clocks} empty=${words.quiet} keyOf=${(row) => row.about + row.name} />
      <div class="column">
        <${Standing} title=${words.commitmentsPage.departments} rows=${facts?.cases?.by_department} name="department" table="departments" />
        <${Standing} title=${words.commitmentsPage.kinds} rows=${facts?.cases?.by_kind} name="kind" table="kinds" />
      </div>
    </div>
  </div>`;
}

/* Open cases by a property, as a bar of where they stand. */
function Standing({ title, rows, name, table }) {
  const most = Math.max(1, ...(rows ?? []).map((row) => PROGRESS.reduce((sum, state) => sum + (row[state] ?? 0), 0)));
  return html`<section class="card standing">
    <h2><span>${title}</span></h2>
    ${!rows?.length ? html`<p class="empty">${rows ? words.nothing : words.none}</p>` : html`<ul>${rows.slice(0, 6).map((row) => html`<li>
      <span class="label"><${Name} of=${row[name]} table=${table} /></span>
      <span class="bar" role="img" aria-label=${PROGRESS.map((state) => `${words.progress[state]} ${row[state] ?? 0}`).join(", ")}>${PROGRESS.map((state) => row[state] > 0 && html`<b class="p-${state}" style=${{ width: `${(row[state] / most) * 100}%` }}></b>`)}</span>
      <span class="count">${whole(PROGRESS.reduce((sum, state) => sum + (row[state] ?? 0), 0))}</span>
    </li>`)}</ul>`}
    ${rows?.length > 0 && html`<ul class="legend">${PROGRESS.map((state) => html`<li class="p-${state}">${words.progress[state]}</li>`)}</ul>`}
  </section>`;
}
