/* Everybody on the floor: a sign a person, by what they do, and beside it those that somebody should look at.

   Thousands are drawn on one canvas, which costs a television less than thousands of elements; the arrow keys go from one to the
   next, and what stands there is said in words. The list is fetched only while this page is shown. */
import { html, useEffect, useLayoutEffect, useRef, useState } from "/vendor/htm-preact-3.1.1.js";
import { STATES } from "/figures.js";
import { Name, Since } from "/parts.js";
import { changed, totalRow, wall } from "/state.js";
import { Agents } from "/staff.js";
import { text, whole } from "/numbers.js";
import { Table } from "/table.js";
import { Tile } from "/tile.js";
import { words } from "/words.js";
import { cellAt, draw, layOut } from "/grid.js";

const EVERY_MS = 2000;
/* A pause is worth a look after so long, in seconds. */
const LONG_S = { wrapup: 300, break: 1800, meeting: 3600, training: 7200 };

export const isOverloaded = (person) => person.slots > 0 && person.load > person.slots;
const ageOf = (person) => (wall.people.as_of_us - person.since_us) / 1e6;

export async function fetchPeople() {
  if (document.hidden) return;
  try {
    const answer = await fetch("/api/v1/people");
    if (!answer.ok) return;
    const { fields, rows, ...rest } = await answer.json();
    const people = rows.map((row) => Object.fromEntries(fields.map((field, n) => [field, row[n]])));
    people.sort((a, b) => order(a) - order(b) || (a.name < b.name ? -1 : 1));
    wall.people = { ...rest, people };
    changed();
  } catch { /* The header says that the service is away; the next turn asks again. */ }
}

const order = (person) => { const at = STATES.indexOf(person.state); return at < 0 ? STATES.length : at; };

export function People() {
  useEffect(() => {
    fetchPeople();
    const timer = setInterval(fetchPeople, EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  const row = totalRow();
  const present = wall.people?.people.filter((person) => person.state && person.state !== "offline") ?? [];
  const attention = wall.people?.people.filter((person) => isOverloaded(person) || ageOf(person) > (LONG_S[person.state] ?? Infinity)) ?? [];
  attention.sort((a, b) => isOverloaded(b) - isOverloaded(a) || b.load - b.slots - (a.load - a.slots) || a.since_us - b.since_us);
  const over = wall.facts?.agents?.overloaded;
  const columns = [
    { key: "name", head: words.columns.name, class: "name", cell: (person) => html`<${Name} of=${person.name} />` },
    { key: "state", head: words.columns.state, class: "text", cell: (person) => html`<span class="person s-${person.state ?? "unknown"}">${words.states[person.state ?? "unknown"]}</span>` },
    { key: "load", head: words.columns.load, class: "text", cell: (person) => html`<span class=${isOverloaded(person) ? "cell is-over d1" : "cell"}>${person.slots > 0 ? words.of(person.load, person.slots) : whole(person.load)}</span>` },
    { key: "since", head: words.columns.since, class: "time", cell: (person) => html`<${Since} since_us=${person.since_us} />` },
  ];
  return html`<div class="stack">
    <section class="tiles four">
      <${Tile} figure="present" value=${wall.facts?.agents?.present} judged=${{ word: Number.isFinite(wall.facts?.agents?.present) ? "plain" : "none", depth: 0 }} under="" />
      <${Tile} figure="overloaded" value=${over} judged=${{ word: over === undefined ? "none" : over > 0 ? "over" : "good", depth: 0 }} under="" />
      <${Tile} figure="occupancy" value=${row.occupancy} row=${row} />
      <${Agents} row=${row} />
    </section>
    <div class="aside">
      <${Grid} people=${present} hidden=${wall.people?.hidden ?? 0} />
      <${Table} title=${words.agentsPage.attention} columns=${columns} rows=${attention} keyOf=${(person) => person.name} />
    </div>
  </div>`;
}

function Grid({ people, hidden }) {
  const canvas = useRef(null);
  const [at, setAt] = useState(-1);
  const [size, setSize] = useState(0);
  useLayoutEffect(() => {
    const watcher = new ResizeObserver(() => setSize((n) => n + 1));
    watcher.observe(canvas.current.parentElement);
    return () => watcher.disconnect();
  }, []);
  useLayoutEffect(() => draw(canvas.current, people, at), [people, at, size]);
  const person = people[at];
  const said = person ? [words.states[person.state], person.slots > 0 ? words.agentsPage.load(person.load, person.slots) : words.agentsPage.holds(person.load), text("seconds", ageOf(person)), isOverloaded(person) ? words.figures.overloaded[0] : ""].filter(Boolean).join(" · ") : words.agentsPage.hint;
  const keys = (event) => {
    const { columns } = layOut(canvas.current, people.length);
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    if (!step || !people.length) return;
    event.preventDefault();
    setAt(Math.max(0, Math.min(people.length - 1, at + step)));
  };
  return html`<section class="card grid">
    <h2><span>${words.agentsPage.grid}</span><small>${whole(people.length)}${hidden > 0 && ` · ${words.agentsPage.hidden(whole(hidden))}`}</small></h2>
    <div class="canvas"><canvas ref=${canvas} tabIndex="0" role="img" aria-label=${STATES.map((state) => `${words.states[state]} ${whole(people.filter((one) => one.state === state).length)}`).join(", ")}
      onKeyDown=${keys} onMouseMove=${(event) => setAt(cellAt(canvas.current, people.length, event.offsetX, event.offsetY))} onMouseLeave=${() => setAt(-1)} onClick=${(event) => setAt(cellAt(canvas.current, people.length, event.offsetX, event.offsetY))}></canvas></div>
    <p class="said" aria-live="polite">${person && html`<${Name} of=${person.name} />`} ${said}</p>
    <ul class="legend">${STATES.map((state) => html`<li class="s-${state}">${words.states[state]}</li>`)}<li class="s-over">${words.figures.overloaded[0]}</li></ul>
  </section>`;
}
