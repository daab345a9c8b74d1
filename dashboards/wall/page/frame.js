/* What is around every page: the name, the ways to the pages, the state of the data and its age, the clock, the foot. */
import { html, useEffect } from "/vendor/htm-preact-3.1.1.js";
import { day, duration, isNumber, timeOfDay, whole } from "/numbers.js";
import { Name, useTick } from "/parts.js";
import { rotates, show } from "/rotation.js";
import { pagesAllowed } from "/settings.js";
import { toggle } from "/sound.js";
import { changed, serviceNowUs, wall } from "/state.js";
import { language, speak, words } from "/words.js";

const BEHIND_US = 5e6;
const said = (seconds) => duration(Math.max(0, seconds)).join(" ").trim();
const silentS = () => (performance.now() - (wall.heardAt ?? 0)) / 1000;

export function Header() {
  const { settings } = wall;
  useEffect(() => document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" }), [wall.page]);
  return html`<header>
    <a class="skip" href="#main">${words.skip}</a>
    <h1><svg viewBox="0 0 32 24" aria-hidden="true"><path d="M4 20V12M12 20V6M20 20v-7M28 20V3" /></svg><span translate=${false}>Floorwatch</span>${settings.kiosk && html`<span class="title">${words.pages[wall.page]}</span>`}</h1>
    ${!settings.kiosk && html`<nav aria-label=${words.navigation}>${pagesAllowed().map((page) => html`<a href=${`#${page}`} aria-current=${wall.page === page ? "page" : undefined} onClick=${(event) => { event.preventDefault(); show(page); }}>${words.pages[page]}</a>`)}</nav>`}
    <${State} />
    ${!settings.kiosk && html`<div class="buttons"><button type="button" onClick=${toggle} aria-pressed=${wall.soundState === "on"}>${words.sound[wall.soundState]}</button>
      <button type="button" lang=${language === "zh" ? "en" : "zh-CN"} translate=${false} onClick=${() => { speak(language === "zh" ? "en" : "zh", true); changed(); }}>${words.other}</button></div>`}
    ${settings.kiosk && wall.soundState === "blocked" && html`<button type="button" onClick=${toggle}>${words.sound.blocked}</button>`}
    <${Clock} />
  </header>`;
}

function lagUs() {
  const { facts } = wall;
  return isNumber(facts?.watermark_us) ? facts.service.sent_us - facts.watermark_us : null;
}

const isBehind = () => lagUs() !== null && lagUs() > BEHIND_US;

function State() {
  useTick(500);
  const { facts, stale, heardAt } = wall;
  const lag = lagUs();
  const [state, sentence] = stale ? ["stale", words.stale]
    : heardAt === null ? ["", words.connecting]
    : isBehind() ? ["behind", words.behind] : ["live", words.live];
  return html`<p id="state" class="state ${state}"><span role="status">${sentence}</span><small>${lag === null || !facts ? words.noAge : words.age(said(lag / 1e6 + silentS()))}</small></p>`;
}

const since = () => timeOfDay(serviceNowUs() - silentS() * 1e6, wall.facts?.service?.zone);

function Clock() {
  useTick(500);
  const zone = wall.facts?.service?.zone;
  return html`<p id="clock"><time>${timeOfDay(serviceNowUs(), zone)}</time><small>${day(serviceNowUs(), zone)}</small></p>`;
}

/* Across the whole page while nothing comes. */
export function Band() {
  if (wall.stale) return html`<p class="band" role="alert">✕ ${words.staleBand(since())}</p>`;
  const { blind, service } = wall.facts ?? {};
  if (blind) return html`<p class="band" role="alert">✕ ${words.blindBand(blind.why, timeOfDay(blind.since_us, service.zone))}</p>`;
  return isBehind() ? html`<p class="band behind">▲ ${words.behindBand(timeOfDay(wall.facts.watermark_us, wall.facts.service.zone))}</p>` : null;
}

export function Footer() {
  useTick(1000);
  const { facts, settings } = wall;
  const counters = facts?.counters ?? {};
  const sum = (value) => (value && typeof value === "object" ? Object.values(value).reduce((a, b) => a + b, 0) : value ?? 0);
  const counted = [counters.events, counters.rejected, counters.late, counters.dropped].map((value) => whole(sum(value)));
  const place = settings.missing ? words.noScreen(settings.screen) : settings.screen ? words.screen(settings.screen) : wall.me?.tenants ? "" : words.whole;
  const seconds = (until) => whole(Math.max(0, Math.ceil((until - performance.now()) / 1000)));
  const turning = !rotates() ? "" : performance.now() < wall.heldUntil ? words.held(seconds(wall.heldUntil)) : words.turn(settings.pages.indexOf(wall.page) + 1, settings.pages.length, seconds(wall.turnsAt));
  return html`<footer><span translate=${!settings.screen} class=${settings.missing ? "missing" : ""}>${place}</span><${Scope} /><span>${turning}</span><${Policy} /><span>${facts?.counters ? words.counted(...counted) : ""}</span></footer>`;
}

/* Which shops this page is held to. */
function Scope() {
  const tenants = wall.me?.tenants;
  if (!tenants) return null;
  return html`<span class="scope">${words.only(whole(tenants.length))} ${tenants.slice(0, 3).map((tenant, n) => html`${n ? " · " : ""}<${Name} of=${tenant} />`)}</span>`;
}

/* What is promised to whom, since when, and whether another policy was refused. */
function Policy() {
  const { policy, service } = wall.facts ?? {};
  if (!isNumber(policy?.since_us)) return null;
  const refused = policy.refused?.length > 0;
  return html`<span class=${refused ? "missing" : ""} title=${refused ? words.policyRefused : undefined}>${refused ? "▲ " : ""}${words.policy} <${Name} of=${policy.name} table="policies" /> ${words.from(`${day(policy.since_us, service.zone)} ${timeOfDay(policy.since_us, service.zone, false)}`)}${refused ? ` · ${words.policyRefused}` : ""}</span>`;
}
