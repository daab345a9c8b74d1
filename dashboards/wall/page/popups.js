/* Notices over the page for what is of high priority: two at most and a new one every five seconds, each for a while or until
   somebody closes it. */
import { html } from "/vendor/htm-preact-3.1.1.js";
import { isHigh, tierOf } from "/accounts.js";
import { aboutOf, told } from "/alerts.js";
import { Where } from "/clocks.js";
import { Mark, Name } from "/parts.js";
import { changed, wall } from "/state.js";
import { words } from "/words.js";

const SHOWN_MAX = 2;
const SHOWN_MS = 12000;

const APART_MS = 5000;
let nextAt = 0;

export function announce(alarms) {
  const now = performance.now();
  const found = alarms.filter((one) => one.step !== "ended" && (isHigh(one) || (one.step === "broken" && tierOf(one))));
  const worst = found.find(isHigh) ?? found[0];
  if (!worst || (now < nextAt && !isHigh(worst))) return;
  nextAt = now + APART_MS;
  wall.popups = [{ alarm: worst, until: now + SHOWN_MS }, ...wall.popups].slice(0, SHOWN_MAX);
}

/* Once a second. */
export function clearUp() {
  const kept = wall.popups.filter((popup) => popup.until > performance.now());
  if (kept.length !== wall.popups.length) {
    wall.popups = kept;
    changed();
  }
}

const close = (popup) => {
  wall.popups = wall.popups.filter((one) => one !== popup);
  changed();
};

export const Popups = () => html`<div class="popups" role="alert">${wall.popups.map((popup) => html`<article key=${popup.alarm.id} class=${popup.alarm.step}>
  <h2><span><${Mark} row=${popup.alarm} /> ${told(popup.alarm)}</span><button type="button" aria-label=${words.popup.close} onClick=${() => close(popup)}>✕</button></h2>
  <p class="under"><${Name} of=${popup.alarm[aboutOf(popup.alarm)]} /> · <${Where} row=${popup.alarm} /></p>
</article>`)}</div>`;
