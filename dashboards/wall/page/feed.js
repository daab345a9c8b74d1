/* The stream of figures: opened, listened to, opened again; and when the page must say that it is stale.

   Figures never go back: a message older than what is shown is passed over, unless a new process goes on saying so for a while. */
import { changed, wall } from "/state.js";
import { viewQuery } from "/settings.js";

export const STALE_MS = 4500;
const REOPEN_MS = 8000;
const REFUSED_MS = 1000;
const PATIENCE_MS = 5000;
const news = new Set();
let source = null;
let openedAt = 0;
let olderSince = null;

/* Called with the facts, after they are in `wall`, for every message that brings more than a sign of life. */
export const onNews = (listener) => news.add(listener);

export function open() {
  source?.close();
  openedAt = performance.now();
  source = new EventSource(`/api/v1/stream${viewQuery()}`);
  source.onmessage = (message) => hear(JSON.parse(message.data), true);
  source.addEventListener("alive", (message) => hear(JSON.parse(message.data), false));
}

/* EventSource reconnects after a broken line, but not after a refused answer, nor when a line is dead without breaking. */
export function watch() {
  const silentMs = performance.now() - Math.max(wall.heardAt ?? 0, openedAt);
  if (silentMs > REOPEN_MS || (source.readyState === EventSource.CLOSED && performance.now() - openedAt > REFUSED_MS)) open();
  const stale = performance.now() - (wall.heardAt ?? 0) > STALE_MS;
  if (stale !== wall.stale) {
    wall.stale = stale;
    changed();
  }
}

function hear(message, isWhole) {
  const now = performance.now();
  if (isOlder(message)) {
    olderSince ??= now;
    if (now - olderSince < PATIENCE_MS) return;
  }
  olderSince = null;
  wall.facts = isWhole ? message : { ...wall.facts, ...message };
  wall.heardAt = now;
  wall.stale = false;
  wall.skewMs = message.service.sent_us / 1000 - Date.now();
  if (isWhole) news.forEach((listener) => listener(wall.facts));
  changed();
}

function isOlder({ service, as_of_us }) {
  const shown = wall.facts;
  if (!shown) return false;
  if (service.started_us === shown.service.started_us) return service.version < shown.service.version;
  return service.sequence < shown.service.sequence || (as_of_us ?? 0) < (shown.as_of_us ?? 0);
}
