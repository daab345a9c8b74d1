/* A tone for what is new and bad: its height and its number say how bad. Silent in quiet hours, and until the browser allows it.

   Browsers let a page sound only after somebody touched it, or when they are started to allow it; until then the button says so. */
import { isHigh, tierOf } from "/accounts.js";
import { isNumber, timeOfDay } from "/numbers.js";
import { changed, serviceNowUs, wall } from "/state.js";

/* Hertz of each beep; a quarter of a second apart, so never more than two in half a second. */
const BEEPS = { high: [880, 660, 880], broken: [660, 520], warned: [440] };
const APART_S = 0.28;
const REST_MS = 5000;
let speaker = null;
let restsUntil = 0;

export const severityOf = (alarm) => (alarm.step === "ended" ? null : isHigh(alarm) || (alarm.step === "broken" && tierOf(alarm)) ? "high" : alarm.step);
export const wanted = () => Object.keys(BEEPS).some((severity) => wall.settings.sound[severity]);

export async function start() {
  if (!wanted() || !globalThis.AudioContext) return say("off");
  speaker ??= new AudioContext();
  speaker.onstatechange = tell;
  try { await Promise.race([speaker.resume(), new Promise((done) => setTimeout(done, 300))]); } catch { /* Not allowed yet. */ }
  return tell();
}

export function toggle() {
  if (!wanted()) wall.settings.sound = { ...wall.settings.sound, high: true, broken: true };
  else if (speaker?.state === "running") wall.settings.sound = { quiet: wall.settings.sound.quiet };
  start();
}

export function ring(alarms) {
  const severity = ["high", "broken", "warned"].find((name) => wall.settings.sound[name] && alarms.some((alarm) => severityOf(alarm) === name));
  if (!severity || speaker?.state !== "running" || isQuiet() || performance.now() < restsUntil) return;
  restsUntil = performance.now() + REST_MS;
  BEEPS[severity].forEach((hertz, n) => beep(hertz, speaker.currentTime + n * APART_S));
}

/* Quiet hours are of the service's own clock, and may reach over midnight. */
export function isQuiet() {
  if (!isNumber(wall.skewMs)) return false;
  const now = timeOfDay(serviceNowUs(), wall.facts?.service?.zone, false);
  return (wall.settings.sound.quiet ?? []).some((span) => {
    const [from, until] = span.split("-");
    return from <= until ? from <= now && now < until : now >= from || now < until;
  });
}

function beep(hertz, at) {
  const tone = speaker.createOscillator();
  const loudness = speaker.createGain();
  tone.frequency.value = hertz;
  loudness.gain.setValueAtTime(0.0001, at);
  loudness.gain.exponentialRampToValueAtTime(0.3, at + 0.02);
  loudness.gain.exponentialRampToValueAtTime(0.0001, at + 0.24);
  tone.connect(loudness).connect(speaker.destination);
  tone.start(at);
  tone.stop(at + 0.25);
}

const tell = () => say(!wanted() ? "off" : speaker?.state === "running" ? (isQuiet() ? "quiet" : "on") : "blocked");

function say(state) {
  if (wall.soundState === state) return;
  wall.soundState = state;
  changed();
}
