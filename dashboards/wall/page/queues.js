/* The queues, worst first, each with the time that its oldest contact has left. */
import { html } from "/vendor/htm-preact-3.1.1.js";
import { Left } from "/clocks.js";
import { FIGURES } from "/figures.js";
import { classOf, judge, limitsOf } from "/limits.js";
import { isNumber, whole } from "/numbers.js";
import { Name, Value } from "/parts.js";
import { wall } from "/state.js";
import { Table } from "/table.js";
import { words } from "/words.js";

/* Rows with the instant at which the oldest contact breaks its limit. */
export function queueRows() {
  const ends = new Map();
  for (const clock of wall.facts?.due ?? []) {
    if (clock.commitment === "wait" && clock.due_us < (ends.get(clock.queue) ?? Infinity)) ends.set(clock.queue, clock.due_us);
  }
  const limitUs = limitsOf("longest_wait_s")[1] * 1e6;
  return (wall.facts?.groups?.queue ?? []).map((row) => {
    const since_us = isNumber(row.longest_wait_s) ? wall.facts.as_of_us - row.longest_wait_s * 1e6 : null;
    return { ...row, due_us: since_us === null ? null : ends.get(row.queue) ?? since_us + limitUs };
  });
}

export function queueColumns(wide) {
  const columns = [
    { key: "queue", head: words.columns.queue, class: "name", cell: (row) => html`<${Name} of=${row.queue} />` },
    figure("waiting"),
    figure("longest_wait_s", (row) => !row.waiting && "—"),
    { key: "left", head: words.figures.left[0], class: "time", cell: (row) => (isNumber(row.due_us) ? html`<${Left} due_us=${row.due_us} limit=${limitsOf("longest_wait_s")[1]} />` : html`<span class="none">${words.nobody}</span>`) },
    figure("service_level"),
  ];
  if (wide) columns.push(figure("first_response_avg_s"), figure("abandonment_rate"), figure("free", undefined, (row) => row.agents?.available));
  return columns;
}

/* A column of a figure of the row; `instead` gives what stands there where the figure does not apply. */
export function figure(key, instead, of = (row) => row[key]) {
  return {
    key, head: words.figures[key][0], class: "figure",
    cell: (row) => {
      const other = instead?.(row);
      if (other) return html`<span class="none">${other}</span>`;
      const judged = judge(key, of(row), row);
      return html`<span class=${`cell ${classOf(judged)} ${of(row) === 0 ? "zero" : ""}`} title=${words.judged[judged.word]}><${Value} kind=${FIGURES[key].kind} of=${of(row)} /></span>`;
    },
  };
}

/* Who is held to some shops sees no queue, since queues serve several. */
export const noQueues = () => (wall.me?.tenants ? words.queuesOfAll : words.nothing);

export function Queues() {
  const rows = queueRows();
  const note = `${words.worst} · ${words.pages.queues} ${whole(rows.length + (wall.facts?.hidden?.queue ?? 0))}`;
  return html`<${Table} title=${words.pages.queues} note=${note} columns=${queueColumns(true)} rows=${rows} empty=${noQueues()} hidden=${wall.facts?.hidden?.queue} keyOf=${(row) => row.queue} />`;
}
