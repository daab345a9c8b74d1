/* A tile: one figure, as large as the wall allows, with its state, its way, its sample and its last quarter of an hour. */
import { html } from "/vendor/htm-preact-3.1.1.js";
import { FIGURES } from "/figures.js";
import { classOf, judge } from "/limits.js";
import { isNumber, parts, whole } from "/numbers.js";
import { Chip } from "/parts.js";
import { wall } from "/state.js";
import { telling } from "/tip.js";
import { POINTS, trail, trend } from "/trail.js";
import { words } from "/words.js";

const ARROWS = { up: "↗", down: "↘", flat: "→" };

export function Tile({ figure: key, value, row = {}, judged = judge(key, value, row), under, atLeast, children }) {
  const { kind, span, sample } = FIGURES[key];
  const [figure, unit] = parts(kind, value);
  const known = isNumber(value);
  const way = known ? trend(key) : null;
  const said = under ?? [span === "now" ? words.now : wall.facts ? words.window(whole(wall.facts.window_s / 60)) : "", sample && isNumber(sample(row)) ? `n = ${whole(sample(row))}` : ""].filter(Boolean).join(" · ");
  return html`<article class="tile ${classOf(judged)}" data-figure=${key} data-value=${known ? value : "none"} ...${telling(key, row)}>
    <h2>${words.figures[key][0]}${known && html`<${Chip} judged=${judged} />`}</h2>
    ${children ?? html`<p class="figure ${known ? "" : "none"}"><span class="number">${figure}</span>${atLeast && html`<small>+</small>`}${unit && html`<small>${unit}</small>`}${way && html`<i class="way" title=${words.trend[way]} aria-label=${words.trend[way]}>${ARROWS[way]}</i>`}</p>`}
    ${said && html`<p class="under">${said}</p>`}
    ${!children && html`<${Trail} values=${trail(key)} />`}
  </article>`;
}

/* A line of the values seen, broken where there was no data. */
function Trail({ values }) {
  const known = values.filter(isNumber);
  if (known.length < 6) return null;
  const low = Math.min(...known);
  const span = Math.max(...known) - low || 1;
  const d = values.map((value, i) => (isNumber(value) ? `${isNumber(values[i - 1]) ? "L" : "M"}${(i / (POINTS - 1)) * 100} ${100 - ((value - low) / span) * 100}` : "")).join("");
  return html`<svg class="trail" viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true"><path d=${d} /></svg>`;
}
