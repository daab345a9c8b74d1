/* The last quarter of an hour of the main figures, as this page has seen them: for the small lines and the arrows.

   A point every five seconds; no more than `POINTS`, so a page that hangs for days stays as small as it was. */
import { isNumber } from "/numbers.js";
import { totalRow } from "/state.js";

export const KEPT = ["waiting", "longest_wait_s", "service_level", "first_response_avg_s", "answered", "abandoned", "in_service"];
export const POINTS = 180;
const EVERY_MS = 5000;
const BACK = 60;
const trails = Object.fromEntries(KEPT.map((key) => [key, []]));
let keptAt = -Infinity;

export function keep() {
  if (performance.now() - keptAt < EVERY_MS) return;
  keptAt = performance.now();
  const row = totalRow();
  for (const key of KEPT) {
    trails[key].push(isNumber(row[key]) ? row[key] : null);
    if (trails[key].length > POINTS) trails[key].shift();
  }
}

export const trail = (key) => trails[key] ?? [];

/* "up", "down" or "flat" against five minutes ago, or as far back as this page knows, a minute at least; null before that. */
export function trend(key) {
  const values = trail(key);
  const now = values.at(-1);
  const then = values[Math.max(0, values.length - 1 - BACK)];
  if (values.length < 12 || !isNumber(now) || !isNumber(then)) return null;
  const moved = now - then;
  const scale = Math.max(Math.abs(then), Math.abs(now));
  return scale === 0 || Math.abs(moved) / scale < 0.05 ? "flat" : moved > 0 ? "up" : "down";
}
