/* What this screen shows: the layout of its name from the service, and over it what the address says.

   ?screen=NAME ?page= (repeatable, or with commas) ?seconds= ?hold_seconds= ?language= ?queue= ?tenant= ?key_account= (repeatable)
   ?near.FIGURE= ?over.FIGURE= ?sound=high,broken,warned ?quiet=22:00-07:00 ?kiosk */
import { LIMITS } from "/limits.js";
import { wall } from "/state.js";

export const PAGES = ["overview", "queues", "commitments", "agents", "shops", "alerts", "capacity", "trends"];
/* Those that this token is for; known once settings are read. */
export const pagesAllowed = () => PAGES.filter((page) => wall.me?.pages?.includes(page) ?? true);
export const SEVERITIES = ["high", "broken", "warned"];
const DEFAULTS = { screen: "", pages: [], seconds: 0, hold_seconds: 20, language: null, queues: [], tenants: [], key_accounts: [], thresholds: {}, sound: {}, kiosk: false };

export async function readSettings() {
  const asked = new URLSearchParams(location.search);
  const name = asked.get("screen") ?? "";
  await askWho();
  let laid = {};
  if (name) {
    try {
      const answer = await fetch(`/api/v1/screens/${encodeURIComponent(name)}`);
      laid = answer.ok ? await answer.json() : { missing: answer.status === 404 };
    } catch { laid = {}; }
  }
  const own = said(asked);
  wall.settings = { ...DEFAULTS, ...laid, screen: name, ...own, thresholds: { ...laid.thresholds, ...own.thresholds } };
  wall.settings.seconds ||= wall.settings.pages.length > 1 ? 20 : 0;
  for (const tenant of wall.settings.key_accounts) wall.accounts.set(tenant, "ka");
  wall.settings.pages = wall.settings.pages.filter((page) => pagesAllowed().includes(page));
  wall.page = wall.settings.pages[0] ?? pageOfAddress() ?? pagesAllowed()[0];
}

export const pageOfAddress = () => (pagesAllowed().includes(location.hash.slice(1)) ? location.hash.slice(1) : null);

/* Whose page this is and what it may show. Without a token that holds, the login page is what there is to see. */
export async function askWho() {
  try {
    const answer = await fetch("/api/v1/me");
    if (answer.status === 401) location.reload();
    else if (answer.ok) wall.me = await answer.json();
  } catch { /* The service is away: what was known holds on. */ }
}

/* What the address says, and nothing of what it leaves open. */
function said(asked) {
  const found = {};
  const lists = { page: "pages", queue: "queues", tenant: "tenants", key_account: "key_accounts" };
  for (const [name, into] of Object.entries(lists)) if (asked.has(name)) found[into] = asked.getAll(name).flatMap((text) => (name === "page" ? text.split(",") : [text]));
  if (found.pages) found.pages = found.pages.filter((page) => PAGES.includes(page));
  for (const name of ["seconds", "hold_seconds"]) if (/^\d{1,4}$/.test(asked.get(name) ?? "")) found[name] = Number(asked.get(name));
  if (asked.has("language")) found.language = asked.get("language");
  if (asked.has("kiosk")) found.kiosk = asked.get("kiosk") !== "no";
  if (asked.has("sound") || asked.has("quiet")) {
    found.sound = Object.fromEntries((asked.get("sound") ?? "").split(",").filter((name) => SEVERITIES.includes(name)).map((name) => [name, true]));
    found.sound.quiet = asked.getAll("quiet");
  }
  for (const [name, value] of asked) {
    const [place, figure] = name.split(".");
    if (!["near", "over"].includes(place) || !figure || !Number.isFinite(Number(value))) continue;
    found.thresholds ??= {};
    found.thresholds[figure] ??= [...(LIMITS[figure] ?? [Number(value), Number(value)])];
    found.thresholds[figure][place === "near" ? 0 : 1] = Number(value);
  }
  return found;
}

/* The part of the settings that the service chooses rows by. */
export function viewQuery() {
  const { queues, tenants, key_accounts } = wall.settings;
  const query = new URLSearchParams();
  for (const queue of queues) query.append("queue", queue);
  for (const tenant of tenants) query.append("tenant", tenant);
  for (const tenant of key_accounts) query.append("first", tenant);
  return query.size || [...query].length ? `?${query}` : "";
}
