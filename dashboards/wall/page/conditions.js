/* Measured conditions that are raised: as a list on the alerts page, the first of them as a band on the overview. */
import { html } from "/vendor/htm-preact-3.1.1.js";
import { isNumber, text, whole } from "/numbers.js";
import { Chip, Name, Since } from "/parts.js";
import { wall } from "/state.js";
import { Table } from "/table.js";
import { called, words } from "/words.js";

const SEVERE = { critical: { word: "over", depth: 2 }, high: { word: "over", depth: 1 }, warning: { word: "near", depth: 2 }, info: { word: "plain", depth: 0 } };
const BAND_MAX = 4;
const RATIO = /_(share|rate|level|resolution)$|^service_level$|^occupancy$/;

const Severity = ({ row }) => html`<${Chip} judged=${SEVERE[row.severity] ?? SEVERE.warning} word=${called("severities", row.severity) ?? " "} />`;

function Of({ row }) {
  const names = Object.entries(row.of ?? {});
  if (!names.length) return words.whole;
  return names.map(([dimension, name], n) => html`${n ? " · " : ""}<${Name} of=${name} table=${dimension === "channel" ? "channels" : undefined} />`);
}

/* The figure and its limit, by what they measure; both are texts, empty where there is no data. */
function Figure({ row, alone }) {
  const [figure, limit] = [row.figure, row.limit].map((value) => (value === "" || value === null || value === undefined ? NaN : Number(value)));
  const kind = RATIO.test(row.measure ?? "") && limit <= 1 ? "share" : /_s$/.test(row.measure ?? "") ? "seconds" : null;
  const said = (value) => (!isNumber(value) ? words.none : kind ? text(kind, value) : Number.isInteger(value) ? whole(value) : value.toLocaleString(words.locale, { maximumFractionDigits: 2 }));
  const held = `${words.limit} ${said(limit)}`;
  return html`<span class="value" title=${held}>${said(figure)}</span>${!alone && html` <small>${held}</small>`}`;
}

export function Conditions() {
  const rows = wall.facts?.conditions;
  const columns = [
    { key: "name", head: words.columns.name, class: "name", cell: (row) => html`<${Severity} row=${row} /> <${Name} of=${row.name} table="conditions" />` },
    { key: "where", head: words.columns.where, class: "text", cell: (row) => html`<${Of} row=${row} />` },
    { key: "figure", head: words.columns.figure, class: "text narrow", cell: (row) => html`<${Figure} row=${row} alone />` },
    { key: "since", head: words.columns.since, class: "time", cell: (row) => html`<${Since} since_us=${row.since_us} />` },
  ];
  return html`<${Table} title=${words.alertsPage.conditions} columns=${columns} rows=${rows ?? []} empty=${rows ? words.alertsPage.noConditions : words.none} keyOf=${(row) => `${row.name} ${JSON.stringify(row.of)}`} />`;
}

/* Across the overview while any is raised; the service lists the most severe first. */
export function Raised() {
  const rows = wall.facts?.conditions ?? [];
  if (!rows.length) return null;
  const more = rows.length - BAND_MAX;
  return html`<section class="raised" aria-label=${words.alertsPage.conditions}>${rows.slice(0, BAND_MAX).map((row) => html`<p key=${row.name + JSON.stringify(row.of)}>
    <${Severity} row=${row} /> <b><${Name} of=${row.name} table="conditions" /></b> <span><${Of} row=${row} /></span> <span class="much"><${Figure} row=${row} /></span></p>`)}
    ${more > 0 && html`<p class="more">${words.more(whole(more))}</p>`}</section>`;
}
