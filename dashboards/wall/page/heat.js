/* Where the arrivals of each category come from: by hour, and by region over these hours. A figure stands in every cell, so that
   colour says nothing alone. */
import { html, useEffect } from "/vendor/htm-preact-3.1.1.js";
import { isNumber, timeOfDay, whole } from "/numbers.js";
import { Name } from "/parts.js";
import { changed, wall } from "/state.js";
import { words } from "/words.js";

const HOURS = 6;
const ROWS_MAX = 7;
const REGIONS_MAX = 6;
const EVERY_MS = 60000;

async function fetchHeat() {
  if (document.hidden || wall.me?.tenants) return; // Of all shops, so not for who is held to some.
  try {
    const answer = await fetch(`/api/v1/history?rollup=category,region&step=3600&hours=${HOURS}`);
    wall.heat = answer.ok ? await answer.json() : null;
    changed();
  } catch { /* The header says that the service is away; the next turn asks again. */ }
}

/* The largest categories by hour and by region; what has no category or no region is of no use here. */
function added(heat) {
  const categories = new Map();
  const regions = new Map();
  for (const { category, region, offered } of heat?.groups ?? []) {
    const sum = offered.filter(isNumber).reduce((a, b) => a + b, 0);
    if (!category || !region || !sum) continue;
    if (!categories.has(category)) categories.set(category, { sum: 0, hours: offered.map(() => null), regions: new Map() });
    const row = categories.get(category);
    row.sum += sum;
    offered.forEach((count, n) => { if (isNumber(count)) row.hours[n] = (row.hours[n] ?? 0) + count; });
    row.regions.set(region, sum);
    regions.set(region, (regions.get(region) ?? 0) + sum);
  }
  const largest = (map, of, count) => [...map].sort((a, b) => of(b[1]) - of(a[1])).slice(0, count);
  return { rows: largest(categories, (row) => row.sum, ROWS_MAX), regions: largest(regions, (sum) => sum, REGIONS_MAX).map(([region]) => region) };
}

export function Heat() {
  useEffect(() => {
    fetchHeat();
    const timer = setInterval(fetchHeat, EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  const { rows, regions } = added(wall.heat);
  const zone = wall.facts?.service?.zone;
  const hours = (wall.heat?.starts_us ?? []).map((start) => timeOfDay(start, zone, false));
  return html`<section class="card heat"><h2><span>${words.trendsPage.heat}</span><small>${words.trendsPage.hours(HOURS)}</small></h2>
    ${rows.length === 0 ? html`<p class="empty">${words.trendsPage.noHeat}</p>` : html`
    <${Grid} caption=${words.trendsPage.byHour} heads=${hours.map((hour) => html`${hour}`)} rows=${rows.map(([name, row]) => [name, row.hours])} />
    <${Grid} caption=${words.trendsPage.byRegion} heads=${regions.map((region) => html`<${Name} of=${region} table="regions" />`)} rows=${rows.map(([name, row]) => [name, regions.map((region) => row.regions.get(region) ?? 0)])} />`}
  </section>`;
}

function Grid({ caption, heads, rows }) {
  const most = Math.max(1, ...rows.flatMap(([, cells]) => cells.filter(isNumber)));
  return html`<table><caption>${caption}</caption>
    <thead><tr><th class="name" scope="col">${words.columns.category}</th>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
    <tbody>${rows.map(([name, cells]) => html`<tr key=${name}><th class="name" scope="row"><${Name} of=${name} table="categories" /></th>
      ${cells.map((count) => html`<td class=${`h${isNumber(count) ? Math.min(5, Math.ceil((5 * count) / most)) : ""}`}>${isNumber(count) ? whole(count) : html`<span class="none">—</span>`}</td>`)}</tr>`)}</tbody></table>`;
}
