/* Which page is shown: chosen by a person, turned by time, or jumped to where something broke.

   A breach that is new stops the turning for `hold_seconds` and brings its page. One whole turn lies between two jumps, so that
   a bad hour does not keep the wall on one page; what is of high priority need not wait. */
import { isHigh, tierOf } from "/accounts.js";
import { aboutOf } from "/alerts.js";
import { PAGES, pageOfAddress } from "/settings.js";
import { changed, wall } from "/state.js";

const OF_ABOUT = { contact: "commitments", case: "commitments", promise: "commitments", agent: "agents", customer: "alerts", source: "alerts" };
let jumpAgainAt = 0;

export function show(page) {
  wall.page = page;
  wall.tip = null;
  wall.turnsAt = performance.now() + wall.settings.seconds * 1000;
  if (location.hash.slice(1) !== page) history.replaceState(null, "", `${location.pathname}${location.search}#${page}`);
  changed();
}

export const rotates = () => wall.settings.seconds > 0 && wall.settings.pages.length > 1;

/* Once a second. */
export function turn() {
  if (!rotates() || performance.now() < Math.max(wall.turnsAt, wall.heldUntil)) return;
  const { pages } = wall.settings;
  show(pages[(pages.indexOf(wall.page) + 1) % pages.length]);
}

/* New alarms, as they come. */
export function hold(alarms) {
  const broken = alarms.filter((alarm) => alarm.step === "broken");
  const worst = broken.find((alarm) => isHigh(alarm) || tierOf(alarm)) ?? broken[0];
  const now = performance.now();
  if (!worst || !rotates() || !wall.settings.hold_seconds || (now < jumpAgainAt && !isHigh(worst) && !tierOf(worst))) return;
  if (now < wall.heldUntil) return;
  const { hold_seconds, seconds, pages } = wall.settings;
  wall.heldUntil = now + hold_seconds * 1000;
  jumpAgainAt = wall.heldUntil + seconds * pages.length * 1000;
  show(pageOf(worst));
}

export function pageOf(alarm) {
  const about = aboutOf(alarm);
  if (about === "group") return alarm.queue ? "queues" : alarm.tenant ? "shops" : "overview";
  return OF_ABOUT[about];
}

export function listenToAddress() {
  addEventListener("hashchange", () => pageOfAddress() && show(pageOfAddress()));
  addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest?.("canvas, input")) return;
    const page = PAGES[Number(event.key) - 1];
    if (page) show(page);
  });
}
