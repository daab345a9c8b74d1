/* Numbers and durations as people read them, in the language that is spoken. `null` is "no data" and never a zero. */
import { words } from "/words.js";

export const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
export const whole = (value) => new Intl.NumberFormat(words.locale, { maximumFractionDigits: 0 }).format(value);

/* [figure, unit] of a value of a kind: "count", "seconds" or "share". */
export function parts(kind, value) {
  if (!isNumber(value)) return [words.none, ""];
  if (kind === "share") return [share(value), "%"];
  if (kind === "seconds") return duration(value);
  return [whole(value), ""];
}

export function text(kind, value) {
  const [figure, unit] = parts(kind, value);
  return unit === "%" || !unit ? figure + unit : `${figure} ${unit}`;
}

/* Below ten seconds with a tenth, below a minute in seconds, above that as a clock shows it. */
export function duration(seconds) {
  if (seconds < 9.95) return [new Intl.NumberFormat(words.locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(seconds), words.s];
  const total = Math.round(seconds);
  return total < 60 ? [String(total), words.s] : [clock(total), ""];
}

/* Time left, to the second: a minus where it has run out. */
export function countdown(seconds) {
  const total = seconds < 0 ? Math.ceil(-seconds) : Math.floor(seconds);
  return (seconds < 0 ? "−" : "") + clock(total);
}

function clock(total) {
  const pad = (n) => String(n).padStart(2, "0");
  const [days, h, m, s] = [Math.floor(total / 86400), Math.floor((total % 86400) / 3600), Math.floor((total % 3600) / 60), total % 60];
  const hours = days * 24 + h;
  return hours ? `${hours}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
}

function share(value) {
  const percent = value * 100;
  const digits = percent === 0 || percent >= 99.95 ? 0 : 1;
  return new Intl.NumberFormat(words.locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(percent);
}

/* An instant in microseconds as the service's own clock shows it. */
export function timeOfDay(us, zone, seconds = true) {
  const form = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone, ...(seconds ? { second: "2-digit" } : {}) };
  return new Intl.DateTimeFormat(words.locale, form).format(new Date(us / 1000));
}

export const day = (us, zone) =>
  new Intl.DateTimeFormat(words.locale, { weekday: "short", day: "numeric", month: "short", timeZone: zone }).format(new Date(us / 1000));
