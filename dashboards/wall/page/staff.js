/* Agents by state: a bar and its legend, for the overview's tile and the agents' page. */
import { html } from "/vendor/htm-preact-3.1.1.js";
import { STATES } from "/figures.js";
import { isNumber, whole } from "/numbers.js";
import { Tile } from "/tile.js";
import { words } from "/words.js";

export function Agents({ row }) {
  const counts = row.agents;
  const online = counts ? STATES.reduce((sum, state) => sum + (counts[state] ?? 0), 0) : null;
  const shown = STATES.filter((state) => counts?.[state] || ["available", "busy", "wrapup", "break"].includes(state));
  return html`<${Tile} figure="agents" value=${online} row=${row} under="">
    <p class="figure small ${isNumber(online) ? "" : "none"}"><span class="number">${isNumber(online) ? whole(online) : words.none}</span></p>
    <div class="states" aria-hidden="true">${counts && STATES.map((state) => counts[state] > 0 && html`<b class="s-${state}" style=${{ flexGrow: counts[state] }}></b>`)}</div>
    <ul class="legend">${shown.map((state) => html`<li class="s-${state}">${words.states[state]} <b>${counts ? whole(counts[state] ?? 0) : words.none}</b></li>`)}</ul>
  <//>`;
}
