/* What is needed against who is there, by queue: those about to break first, then those that miss most people. */
import { html } from "/vendor/htm-preact-3.1.1.js";
import { Countdown, Chip, Name, Value } from "/parts.js";
import { isNumber, whole } from "/numbers.js";
import { figure, noQueues } from "/queues.js";
import { wall } from "/state.js";
import { Table } from "/table.js";
import { words } from "/words.js";

const BREAKING = { word: "over", depth: 1 };

/* Missing people by sign and colour; a queue that has some to spare shows them with a plus. */
function Missing({ of, breaking }) {
  if (!isNumber(of)) return html`<span class="none">${words.none}</span>`;
  const judged = of > 0 ? (breaking ? "is-over d1" : "is-near d2") : "is-good d0";
  return html`<span class=${`cell ${judged}`}><span class="value">${of > 0 ? `−${whole(of)}` : of < 0 ? `+${whole(-of)}` : whole(0)}</span></span>`;
}

const Breaks = ({ row }) => {
  if (row.breaking === null || row.breaking === undefined) return html`<span class="none">${words.none}</span>`;
  if (!row.breaking) return html`<span class="none">${words.capacityPage.holds}</span>`;
  return html`<${Chip} judged=${BREAKING} word=${words.capacityPage.breaks} /> <${Countdown} due_us=${row.breaks_at_us} />`;
};

/* Of people to spare and of contacts that miss the target together; null where neither is known. */
function costOf(row) {
  const known = [row.surplus_cost_next, row.breach_cost_next].filter(isNumber);
  return known.length ? known.reduce((all, one) => all + one) : null;
}

export function Capacity() {
  const told = wall.facts?.capacity;
  const rows = (told?.queues ?? []).map((row) => ({ ...row, expected: row.breaking && isNumber(row.service_level_now) ? Math.min(row.service_level_now, row.service_level) : row.service_level }));
  const columns = [
    { key: "queue", head: words.columns.queue, class: "name", cell: (row) => html`<${Name} of=${row.queue} />` },
    figure("needed"), figure("there", undefined, (row) => row.present),
    { key: "missing", head: words.figures.missing[0], class: "figure", cell: (row) => html`<${Missing} of=${row.missing} breaking=${row.breaking} />` },
    { key: "planned", head: words.figures.planned[0], class: "figure narrow", cell: (row) => html`<${Value} kind="count" of=${row.planned_next} />` },
    figure("expected"),
    ...(rows.some((row) => isNumber(costOf(row))) ? [{ key: "cost", head: words.figures.cost[0], class: "figure narrow", cell: (row) => html`<${Value} kind="count" of=${costOf(row)} />` }] : []),
    { key: "breaks", head: words.figures.breaks[0], class: "time", cell: (row) => html`<${Breaks} row=${row} />` },
  ];
  const empty = wall.me?.tenants ? noQueues() : words.capacityPage.none;
  return html`<${Table} title=${words.capacityPage.list} note=${words.capacityPage.note} columns=${columns} rows=${rows} empty=${empty} keyOf=${(row) => row.queue} />`;
}
