/* Running clocks of contacts, cases and promises in one order: who comes first, then the least time left. */
import { html } from "/vendor/htm-preact-3.1.1.js";
import { rank, rowsOf } from "/accounts.js";
import { classOf, judgeLeft } from "/limits.js";
import { Chip, Countdown, Mark, Name, useTick } from "/parts.js";
import { asOfUs } from "/state.js";
import { called, words } from "/words.js";

/* What a limit is taken for where the row does not tell when its clock began. */
const LIMIT_S = 60;

export function clocksOf(facts, kinds = ["contact", "case", "promise"]) {
  const found = [];
  if (kinds.includes("contact")) found.push(...(facts?.due ?? []).map((row) => ({ ...row, about: "contact", name: row.contact })));
  if (kinds.includes("case")) found.push(...rowsOf(facts?.cases).map((row) => ({ ...row, about: "case", name: row.case, commitment: row.next ?? row.commitment ?? "case_resolve" })));
  if (kinds.includes("promise")) found.push(...rowsOf(facts?.promises).map((row) => ({ ...row, about: "promise", name: row.promise, commitment: "promise" })));
  return found.filter((row) => typeof row.due_us === "number").sort((a, b) => rank(a) - rank(b) || a.due_us - b.due_us);
}


/* Columns of a table of clocks; `wide` has room for who has it and what it is about. */
export function clockColumns(wide) {
  const columns = [
    { key: "what", head: words.columns.what, class: "what", cell: (row) => html`<${Mark} row=${row} /> <${Name} of=${row.commitment} table="commitments" />${wide && row.kind && html` <small><${Name} of=${row.kind} table="kinds" /></small>`}` },
    { key: "where", head: words.columns.where, class: "text", cell: (row) => html`<${Where} row=${row} />` },
  ];
  if (wide) {
    columns.push({ key: "who", head: words.columns.who, class: "text narrow", cell: (row) => html`<small>${called("about", row.about)}</small> <${Name} of=${row.name} />` });
    columns.push({ key: "owner", head: words.columns.owner, class: "text narrow", cell: (row) => (row.owner || row.agent || row.department ? html`<${Name} of=${row.owner || row.agent || row.department} table=${row.owner || row.agent ? undefined : "departments"} />` : html`<span class="none">—</span>`) });
  }
  const limitOf = (row) => (typeof row.since_us === "number" ? Math.max(1, (row.due_us - row.since_us) / 1e6) : LIMIT_S);
  columns.push({ key: "time", head: words.columns.left, class: "time", cell: (row) => html`<${Left} due_us=${row.due_us} limit=${limitOf(row)} />` });
  return columns;
}

/* A countdown with its state; `limit` is how many seconds the clock had. */
export function Left({ due_us, limit }) {
  useTick(250);
  const judged = judgeLeft((due_us - asOfUs()) / 1e6, limit);
  return html`<span class="left ${classOf(judged)}"><${Chip} judged=${judged} /><${Countdown} due_us=${due_us} /></span>`;
}

/* The queue, shop or department of a row, as much as is known. */
export function Where({ row }) {
  const known = [["queue"], ["tenant"], ["department", "departments"], ["channel", "channels"], ["region"], ["source"]].filter(([name]) => row[name]);
  if (!known.length) return html`<span class="none">—</span>`;
  return known.slice(0, 2).map(([name, table], n) => html`${n ? " · " : ""}<${Name} of=${row[name]} table=${table} />`);
}
