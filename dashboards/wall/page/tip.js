/* What a figure means: its definition, formula, span and sample, shown at a hover, a focus or a tap. */
import { html } from "/vendor/htm-preact-3.1.1.js";
import { FIGURES } from "/figures.js";
import { limitsOf } from "/limits.js";
import { isNumber, text, whole } from "/numbers.js";
import { changed, wall } from "/state.js";
import { words } from "/words.js";

/* What makes an element tell of a figure; `row` is where its sample is. */
export function telling(key, row = {}) {
  const show = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    wall.tip = { key, row, x: box.left, y: box.bottom, top: box.top };
    changed();
  };
  const hide = () => {
    wall.tip = null;
    changed();
  };
  return {
    tabIndex: 0, role: "group", "aria-label": `${words.figures[key][0]}. ${sentences(key, row).join(" ")}`,
    onMouseEnter: show, onMouseLeave: hide, onFocus: show, onBlur: hide, onClick: show,
    onKeyDown: (event) => event.key === "Escape" && hide(),
  };
}

function sentences(key, row) {
  return [words.figures[key][1], ...facts(key, row).map(([name, value]) => `${name}: ${value}.`)];
}

function facts(key, row) {
  const { kind, span, sample, formula } = FIGURES[key];
  const limits = limitsOf(key);
  const found = [[words.span, span === "now" || !isNumber(wall.facts?.window_s) ? words.now : words.window(whole(wall.facts.window_s / 60))]];
  if (sample) found.push([words.sample, isNumber(sample(row)) ? `${whole(sample(row))} ${words.contacts}` : words.none]);
  if (limits) found.push([words.limit, words.limits(text(kind, limits[0]), text(kind, limits[1]))]);
  if (formula) found.push([words.formula, wall.facts?.service_level_formula ?? words.none]);
  return found;
}

export function Tip() {
  const { tip } = wall;
  if (!tip) return null;
  const below = tip.y < innerHeight * 0.6;
  const place = { left: `${Math.max(8, Math.min(tip.x, innerWidth - 330))}px`, ...(below ? { top: `${tip.y + 6}px` } : { bottom: `${innerHeight - tip.top + 6}px` }) };
  return html`<div class="tip" style=${place} aria-hidden="true">
    <h3>${words.figures[tip.key][0]}</h3>
    <p>${words.figures[tip.key][1]}</p>
    <dl>${facts(tip.key, tip.row).map(([name, value]) => html`<dt>${name}</dt><dd translate=${name !== words.formula}>${value}</dd>`)}</dl>
  </div>`;
}
