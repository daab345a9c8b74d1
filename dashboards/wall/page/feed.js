/* The stream of figures: opened, listened to, opened again; and when the page must say that it is stale.

   Figures never go back: a message older than what is shown is passed over, unless a new process goes on saying so for a while. */
import { changed, wall } from "/state.js";
import { askWho, viewQuery } from "/settings.js";

export const STALE_MS = 4500;
const REOPEN_MS = 8000;
const REFUSED_MS = 1000;
const PATIENCE_MS = 5000;
const news = new Set();
let source = null;
/* The newest message, shown or not: what changes are changes of. */
let last = null;
let openedAt = 0;
let olderSince = null;

/* Called with the facts, after they are in `wall`, for every message that brings more than a sign of life. */
export const onNews = (listener) => news.add(listener);

export function open() {
  source?.close();
  openedAt = performance.now();
  source = new EventSource(`/api/v1/stream${viewQuery()}`);
  source.onmessage = (message) => hear(JSON.parse(message.data), true);
  source.addEventListener("changes", (message) => hear(merged(last, JSON.parse(message.data)), true));
  source.addEventListener("alive", (message) => hear({ ...last, ...JSON.parse(message.data) }, false));
}

/* EventSource reconnects after a broken line, but not after a refused answer, nor when a line is dead without breaking. */
export function watch() {
  const silentMs = performance.now() - Math.max(wall.heardAt ?? 0, openedAt);
  const isRefused = source.readyState === EventSource.CLOSED && performance.now() - openedAt > REFUSED_MS;
  if (silentMs > REOPEN_MS || isRefused) open();
  if (isRefused) askWho();
  const stale = performance.now() - (wall.heardAt ?? 0) > STALE_MS;
  if (stale !== wall.stale) {
    wall.stale = stale;
    changed();
  }
}

/* Takes a whole message; `isNews` where it has more than a sign of life. */
export function hear(message, isNews) {
  const now = performance.now();
  last = message;
  if (isOlder(message)) {
    olderSince ??= now;
    if (now - olderSince < PATIENCE_MS) return;
  }
  olderSince = null;
  wall.facts = grown(message);
  wall.heardAt = now;
  wall.stale = false;
  wall.skewMs = message.service.sent_us / 1000 - Date.now();
  if (isNews) news.forEach((listener) => listener(wall.facts));
  changed();
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/* What was told before, with the changes in it; in a list of rows, a number is the place of an unchanged one in the list of before. */
export function merged(before, told) {
  if (!isObject(told)) return told;
  if (told["~"]) return told["~"].map((row) => (typeof row === "number" ? before[row] : row));
  if (!isObject(before)) return told;
  return { ...before, ...Object.fromEntries(Object.entries(told).map(([name, value]) => [name, merged(before[name], value)])) };
}

/* Waits are told by when they began. */
function grown(facts) {
  for (const rows of Object.values(facts.groups ?? {})) {
    for (const row of rows) row.longest_wait_s = row.oldest_us === undefined ? null : Math.max(0, (facts.as_of_us - row.oldest_us) / 1e6);
  }
  return facts;
}

function isOlder({ service, as_of_us }) {
  const shown = wall.facts;
  if (!shown) return false;
  if (service.started_us === shown.service.started_us) return service.version < shown.service.version;
  return service.sequence < shown.service.sequence || (as_of_us ?? 0) < (shown.as_of_us ?? 0);
}
