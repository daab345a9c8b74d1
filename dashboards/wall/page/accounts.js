/* Who comes first: key accounts and VIPs, by the layout and by what clocks, cases and alarms say of their tier; high priority. */
import { wall } from "/state.js";

const FIRST = ["ka", "vip"];
const HIGH = new Set(["high", "urgent", "critical"]);
const GRAVE = new Set(["major", "extraordinary"]);

export function learn(facts) {
  for (const row of [...(facts.due ?? []), ...rowsOf(facts.cases), ...rowsOf(facts.promises), ...(facts.alarms ?? [])]) {
    if (row.tenant && FIRST.includes(row.tier) && wall.accounts.size < 1000) wall.accounts.set(row.tenant, row.tier);
  }
}

/* "ka", "vip", or "" for everybody else. */
export const tierOf = (row) => (FIRST.includes(row.tier) ? row.tier : wall.accounts.get(row.tenant) ?? "");
export const isHigh = (row) => HIGH.has(row.priority) || GRAVE.has(row.grade) || row.commitment === "high_priority" || row.severity === "critical";
/* Small numbers first. */
export const rank = (row) => (isHigh(row) ? 0 : tierOf(row) === "ka" ? 1 : tierOf(row) === "vip" ? 2 : 3);

/* The rows of a list that the service gives with counts around it; none where it gives no such list. */
export const rowsOf = (list) => list?.rows ?? (Array.isArray(list) ? list : []);
