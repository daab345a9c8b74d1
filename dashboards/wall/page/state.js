/* What the page knows, in one place; who changes it calls `changed`, and everything is drawn anew from it. */
export const wall = {
  /* The newest facts of the service, null before the first. */
  facts: null,
  /* When they came, by performance.now(); the process that sent them. */
  heardAt: null,
  /* How many seconds this machine's clock is behind the service's. */
  skewMs: 0,
  stale: false,
  /* Who looks, as the service says: name, role, tenants and pages; null before it has said so. */
  me: null,
  settings: { pages: [], thresholds: {}, sound: {} },
  page: "overview",
  heldUntil: 0,
  turnsAt: 0,
  /* Tenants known to come first, from the layout and from what clocks and alarms said. */
  accounts: new Map(),
  tip: null,
  popups: [],
  /* What pages fetch besides: people, alerts, history. */
  people: null,
  escalation: null,
  history: null,
  heat: null,
  filter: "all",
  soundState: "off",
};

const listeners = new Set();
export const onChange = (listener) => listeners.add(listener);
export const changed = () => listeners.forEach((listener) => listener());

/* A group in which nothing waits and nothing happened has no row; once time is known, that means nobody, not "no data". */
export function totalRow() {
  const { facts, settings } = wall;
  const rows = settings.queues.length === 1 && settings.tenants.length === 0 ? facts?.groups?.queue : facts?.groups?.total;
  return rows?.[0] ?? (typeof facts?.watermark_us === "number" ? { waiting: 0, in_service: 0, answered: 0, abandoned: 0, offered: 0 } : {});
}

/* The instant that the figures are of, moved on since they came, but never past the point where they are stale. */
export function asOfUs() {
  const { facts, heardAt } = wall;
  if (typeof facts?.as_of_us !== "number") return null;
  return facts.as_of_us + Math.min(5000, performance.now() - heardAt) * 1000;
}

export const serviceNowUs = () => (Date.now() + wall.skewMs) * 1000;
