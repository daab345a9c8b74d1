/* A table for a wall: whole rows only, as many as the screen holds, and how many more there are. On a phone it scrolls. */
import { html, useLayoutEffect, useRef, useState } from "/vendor/htm-preact-3.1.1.js";
import { whole } from "/numbers.js";
import { telling } from "/tip.js";
import { FIGURES } from "/figures.js";
import { words } from "/words.js";

/* `columns`: {key, head, wide, cell(row)}; a key of FIGURES has its definition at the head. */
export function Table({ title, columns, rows, hidden = 0, empty = words.nothing, note, children, keyOf = (row, n) => n }) {
  const box = useRef(null);
  const room = useRoom(box, rows.length);
  const shown = rows.slice(0, room);
  const more = hidden + rows.length - shown.length;
  return html`<section class="card">
    <h2><span>${title}</span><small>${[note, more > 0 && words.more(whole(more))].filter(Boolean).join(" · ")}</small></h2>
    ${children}
    <div class="rows" ref=${box}>
      ${rows.length === 0 ? html`<p class="empty">${empty}</p>` : html`<table>
        <thead><tr>${columns.map((column) => html`<th class=${column.class} scope="col" ...${FIGURES[column.key] ? telling(column.key) : {}}>${column.head}</th>`)}</tr></thead>
        <tbody>${shown.map((row, n) => html`<tr key=${keyOf(row, n)} class=${row.tone}>${columns.map((column) => html`<td class=${column.class}>${column.cell(row)}</td>`)}</tr>`)}</tbody>
      </table>`}
    </div>
  </section>`;
}

/* How many rows fit below the head. Everything, where the page scrolls. */
function useRoom(box, count) {
  const [room, setRoom] = useState(8);
  useLayoutEffect(() => {
    const measure = () => {
      if (!box.current) return;
      if (matchMedia("(max-width: 700px)").matches) return setRoom(40);
      const row = box.current.querySelector("tbody tr");
      const head = box.current.querySelector("thead");
      if (row && head) setRoom(Math.max(1, Math.floor((box.current.clientHeight - head.offsetHeight + 1) / row.offsetHeight)));
    };
    measure();
    const watcher = new ResizeObserver(measure);
    watcher.observe(box.current);
    return () => watcher.disconnect();
  }, [count > 0]);
  return room;
}
