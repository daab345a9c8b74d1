/* Alerts as escalation has them: what is raised, who has it, at which level it stands and when the next is told; and what whoever
   may act can do about it. An act is done in the name of whose page this is: the service knows who that is, the page does not say.

   The list is fetched only while its page is shown, and where the service tells somebody of alerts at all. */
import { html, useEffect } from "/vendor/htm-preact-3.1.1.js";
import { Where } from "/clocks.js";
import { countdown, isNumber, whole } from "/numbers.js";
import { Chip, Mark, Name, useTick } from "/parts.js";
import { changed, serviceNowUs, wall } from "/state.js";
import { Table } from "/table.js";
import { called, words } from "/words.js";

const EVERY_MS = 2000;
const SEVERE = { critical: { word: "over", depth: 2 }, warning: { word: "near", depth: 2 }, info: { word: "plain", depth: 0 } };
const SNOOZE = "30m";
const busy = new Set();
let said = "";

export async function fetchAlerts() {
  if (document.hidden || !wall.me?.escalates) return;
  try {
    const answer = await fetch("/api/v1/alerts");
    if (!answer.ok) return;
    wall.escalation = await answer.json();
    changed();
  } catch { /* The header says that the service is away; the next turn asks again. */ }
}

async function act(row, what, body = {}) {
  busy.add(row.id);
  changed();
  try {
    const answer = await fetch(`/api/v1/alerts/${encodeURIComponent(row.id)}/${what}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    said = answer.ok ? "" : words.escalation.refused;
  } catch {
    said = words.escalation.failed;
  }
  await fetchAlerts();
  busy.delete(row.id);
  changed();
}

const isTaken = (row) => row.status === "acknowledged" || row.status === "snoozed";
const ORDER = { critical: 0, warning: 1, info: 2 };
const inOrder = (a, b) => isTaken(a) - isTaken(b) || ORDER[a.severity] - ORDER[b.severity] || (a.climbs_us ?? Infinity) - (b.climbs_us ?? Infinity) || a.opened_us - b.opened_us;

/* Until an instant by the service's clock. */
function Until({ at_us }) {
  useTick(250);
  return html`<span class="value">${countdown(Math.max(0, (at_us - serviceNowUs()) / 1e6))}</span>`;
}

/* Whom the next level tells and when; or when what somebody said holds no longer. */
function Next({ row }) {
  if (isNumber(row.lapses_us)) return html`<small>${words.escalation.lapses}</small> <${Until} at_us=${row.lapses_us} />`;
  if (!row.next) return html`<span class="none">${words.escalation.top}</span>`;
  return html`<small>${row.next.to.map((name, n) => html`${n ? " · " : ""}<${Name} of=${name} table="duties" />`)}</small> <${Until} at_us=${row.climbs_us} />`;
}

function What({ row }) {
  const { commitment } = row.facts;
  const table = called("commitments", commitment) ? "commitments" : "conditions";
  return html`<${Mark} row=${row.facts} /> <${Name} of=${commitment} table=${table} />${row.count > 1 && html` <small>× ${whole(row.count)}</small>`}`;
}

function Acts({ row }) {
  const others = wall.escalation.people.filter((person) => person.id !== row.owner);
  const isBusy = busy.has(row.id);
  return html`<span class="doing">
    ${row.status !== "acknowledged" && html`<button type="button" disabled=${isBusy} onClick=${() => act(row, "acknowledge")}>${words.escalation.acknowledge}</button>`}
    ${row.status !== "snoozed" && html`<button type="button" class="narrow" disabled=${isBusy} onClick=${() => act(row, "snooze", { until: SNOOZE })}>${words.escalation.snooze}</button>`}
    ${others.length > 0 && html`<select class="narrow" disabled=${isBusy} aria-label=${words.escalation.handOver} onChange=${(event) => { const to = event.target.value; event.target.value = ""; if (to) act(row, "hand_over", { to }); }}>
      <option value="">${words.escalation.handOver}</option>${others.map((person) => html`<option value=${person.id} translate=${false}>${person.name}</option>`)}</select>`}
  </span>`;
}

const Story = ({ row }) => html`<a href=${row.story} target="_blank" rel="noopener">${words.escalation.story}</a>`;

export function Escalation() {
  useEffect(() => {
    fetchAlerts();
    const timer = setInterval(fetchAlerts, EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  const told = wall.escalation;
  if (!told) return null;
  const rows = [...told.alerts].sort(inOrder);
  const columns = [
    { key: "severity", head: words.escalation.severity, class: "step", cell: (row) => html`<${Chip} judged=${SEVERE[row.severity]} word=${words.severities[row.severity]} />` },
    { key: "what", head: words.columns.what, class: "what", cell: (row) => html`<${What} row=${row} />` },
    { key: "where", head: words.columns.where, class: "text narrow", cell: (row) => html`<${Where} row=${row.facts} />` },
    { key: "owner", head: words.columns.owner, class: "text narrow", cell: (row) => (row.owner ? html`${isTaken(row) ? "✓ " : ""}<${Name} of=${row.owner_name} /> <small>${words.escalation.status[row.status]}</small>` : html`<span class="none">${words.escalation.nobody}</span>`) },
    { key: "level", head: words.escalation.level, class: "text level narrow", cell: (row) => words.of(whole(row.level), whole(row.levels)) },
    { key: "next", head: words.escalation.next, class: "text narrow", cell: (row) => html`<${Next} row=${row} />` },
    { key: "story", head: "", class: "story narrow", cell: (row) => html`<${Story} row=${row} />` },
    told.acting_as && !wall.settings.kiosk && { key: "acts", head: "", class: "acts", cell: (row) => html`<${Acts} row=${row} />` },
  ].filter(Boolean);
  const note = said || (told.plan?.refused.length > 0 ? `▲ ${words.escalation.planRefused}` : "");
  return html`<div class=${columns.at(-1).key === "acts" ? "escalation acting" : "escalation"}><${Table} title=${words.escalation.title} columns=${columns} rows=${rows} note=${note} empty=${words.escalation.none} keyOf=${(row) => row.id} /></div>`;
}
