/* Shops by channel, key accounts first, then the worst. Nothing is added up here: rates of channels do not add to one of a shop. */
import { html } from "/vendor/htm-preact-3.1.1.js";
import { rank } from "/accounts.js";
import { Mark, Name } from "/parts.js";
import { figure } from "/queues.js";
import { wall } from "/state.js";
import { Table } from "/table.js";
import { words } from "/words.js";

const ROLLUPS = ["tenant", "tenant,channel"];

export function Shops() {
  const rollup = ROLLUPS.find((name) => wall.facts?.groups?.[name]) ?? "tenant,channel";
  const rows = [...(wall.facts?.groups?.[rollup] ?? [])].sort((a, b) => rank(a) - rank(b));
  const columns = [
    { key: "tenant", head: words.columns.tenant, class: "name", cell: (row) => html`<${Mark} row=${row} /> <${Name} of=${row.tenant} />` },
    { key: "channel", head: words.columns.channel, class: "text narrow", cell: (row) => ("channel" in row ? html`<${Name} of=${row.channel} table="channels" />` : words.all) },
    figure("waiting"), figure("longest_wait_s", (row) => !row.waiting && "—"), figure("service_level"),
    figure("first_response_avg_s"), figure("response_avg_s"), figure("abandonment_rate"), figure("csat_share"),
  ];
  return html`<${Table} title=${words.shopsPage.list} note=${words.worst} columns=${columns} rows=${rows} hidden=${wall.facts?.hidden?.[rollup]} keyOf=${(row) => `${row.tenant} ${row.channel}`} />`;
}
