/* The page put together: settings, words, the stream, and what is drawn from them. */
import { html, render } from "/vendor/htm-preact-3.1.1.js";
import { learn } from "/accounts.js";
import { Alerts } from "/alerts.js";
import { Capacity } from "/capacity.js";
import { Commitments } from "/commitments.js";
import { onNews, open, watch } from "/feed.js";
import { Band, Footer, Header } from "/frame.js";
import { Overview } from "/overview.js";
import { People } from "/people.js";
import { announce, clearUp, Popups } from "/popups.js";
import { Queues } from "/queues.js";
import { hold, listenToAddress, show, turn } from "/rotation.js";
import { readSettings } from "/settings.js";
import { Shops } from "/shops.js";
import { ring, start } from "/sound.js";
import { onChange, wall } from "/state.js";
import { Tip } from "/tip.js";
import { keep } from "/trail.js";
import { Trends } from "/trends.js";
import { speak, words } from "/words.js";

const PAGES = { overview: Overview, queues: Queues, commitments: Commitments, agents: People, shops: Shops, alerts: Alerts, capacity: Capacity, trends: Trends };
let known = null;
const REST_MS_MAX = 800;
let asked = false;
let restsUntil = 0;

function App() {
  const Page = PAGES[wall.page];
  return html`<${Header} /><${Band} /><main id="main" class=${wall.page} tabIndex="-1"><${Page} /></main><${Footer} /><${Popups} /><${Tip} />`;
}

function draw() {
  asked = false;
  document.title = `Floorwatch · ${words.pages[wall.page]}`;
  document.body.classList.toggle("kiosk", wall.settings.kiosk);
  document.body.classList.toggle("stale", wall.stale);
  document.body.dataset.page = wall.page;
  document.body.dataset.version = wall.facts?.service?.version ?? "";
  render(html`<${App} />`, document.body);
}

/* Figures may come five times a second. A machine that needs long to draw them draws less often: no more than a third of its time. */
function drawSoon() {
  if (asked) return;
  asked = true;
  const wait = restsUntil - performance.now();
  const begin = () => {
    const began = performance.now();
    draw();
    const rest = () => { restsUntil = performance.now() + Math.min(REST_MS_MAX, 2 * (performance.now() - began)); };
    rest();
    requestAnimationFrame(() => setTimeout(rest));
  };
  if (wait > 0) setTimeout(begin, wait);
  else queueMicrotask(begin);
}

/* Alarms that were not there in the message before; of the first message none is new. */
function freshAlarms(facts) {
  const alarms = facts.alarms ?? [];
  const fresh = known ? alarms.filter((alarm) => !known.has(alarm.id)) : [];
  known = new Set(alarms.map((alarm) => alarm.id));
  return fresh;
}

async function stayAwake() {
  try { await navigator.wakeLock?.request("screen"); } catch { /* Not allowed here: the operating system's setting decides. */ }
}

await readSettings();
speak(wall.settings.language);
onChange(drawSoon);
onNews((facts) => {
  learn(facts);
  keep();
  const fresh = freshAlarms(facts);
  announce(fresh);
  hold(fresh);
  ring(fresh);
});
document.querySelector("noscript")?.remove();
listenToAddress();
show(wall.page);
open();
start();
stayAwake();
document.addEventListener("visibilitychange", () => { if (!document.hidden) stayAwake(); });
addEventListener("pointerdown", () => start(), { passive: true });
setInterval(watch, 250);
setInterval(() => { turn(); clearUp(); }, 1000);
