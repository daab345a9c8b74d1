/* Alerts and who has them, where somebody is told of them; warnings and breaches, the worst and of those the newest first; and the measured
   conditions that hold now. */
import { html } from "/vendor/htm-preact-3.1.1.js";
import { isHigh, rank } from "/accounts.js";
import { Where } from "/clocks.js";
import { Conditions } from "/conditions.js";
import { Escalation } from "/escalation.js";
import { text, timeOfDay } from "/numbers.js";
import { Chip, Mark, Name } from "/parts.js";
import { changed, wall } from "/state.js";
import { Table } from "/table.js";
import { called, words } from "/words.js";

export const ABOUT = ["case", "promise", "contact", "agent", "customer", "group", "source"];
const ORDER = { broken: 0, warned: 1, ended: 2 };
const JUDGED = { broken: { word: "over", depth: 1 }, warned: { word: "near", depth: 2 }, ended: { word: "good", depth: 0 } };

export const aboutOf = (alarm) => ABOUT.find((about) => alarm[about] !== undefined) ?? "contact";

export function alarmsShown() {
  return (wall.facts?.alarms ?? [])
    .filter((alarm) => wall.filter === "all" || alarm.step === wall.filter)
    .sort((a, b) => (isHigh(b) - isHigh(a)) || ORDER[a.step] - ORDER[b.step] || rank(a) - rank(b) || b.at_us - a.at_us);
}

export function Alerts() {
  const zone = wall.facts?.service?.zone;
  const rows = alarmsShown();
  const columns = [
    { key: "step", head: words.columns.step, class: "step", cell: (row) => html`<${Chip} judged=${JUDGED[row.step] ?? JUDGED.warned} word=${called("steps", row.step) ?? row.step} />` },
    { key: "what", head: words.columns.what, class: "what", cell: (row) => html`<${Mark} row=${row} /> <${Name} of=${row.commitment} table="commitments" />` },
    { key: "who", head: words.columns.who, class: "text narrow", cell: (row) => html`${aboutOf(row) !== "contact" && html`<small>${called("about", aboutOf(row))}</small> `}<${Name} of=${row[aboutOf(row)]} />` },
    { key: "where", head: words.columns.where, class: "text where narrow", cell: (row) => html`<${Where} row=${row} />` },
    rows.some((row) => row.owner || row.agent) && { key: "owner", head: words.columns.owner, class: "text narrow", cell: (row) => (row.owner || row.agent ? html`<${Name} of=${row.owner || row.agent} />` : html`<span class="none">—</span>`) },
    { key: "when", head: words.columns.when, class: "time", cell: (row) => html`<span class="value">${timeOfDay(row.at_us, zone)}</span>` },
  ].filter(Boolean);
  return html`<div class=${wall.escalation ? "stack raising" : "stack"}><${Escalation} /><div class="aside">
    <${Table} title=${words.alertsPage.list} columns=${columns} rows=${rows} empty=${words.alertsPage.none} keyOf=${(row) => row.id}>
      <div class="filters" role="group" aria-label=${words.alertsPage.filter}>${["all", "broken", "warned", "ended"].map((step) => html`<button type="button" aria-pressed=${wall.filter === step} onClick=${() => { wall.filter = step; changed(); }}>${step === "all" ? words.all : words.steps[step]}</button>`)}</div>
    <//>
    <${Conditions} />
  </div></div>`;
}

export const told = (alarm) => `${called("commitments", alarm.commitment) ?? alarm.commitment} · ${called("steps", alarm.step) ?? alarm.step}${typeof alarm.since_us === "number" ? ` · ${text("seconds", Math.max(0, (alarm.at_us - alarm.since_us) / 1e6))}` : ""}`;
