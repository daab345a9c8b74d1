/* How good or bad a figure is: the word for it, and how deep its colour.

   A figure is judged by [near, over]; the catalogue's default targets hold unless the service publishes `targets` or the
   screen has `thresholds`. Where the first is the larger, less is worse. */
import { isNumber } from "/numbers.js";
import { wall } from "/state.js";

export const LIMITS = {
  longest_wait_s: [120, 300], service_level: [0.8, 0.7], expected: [0.8, 0.7], abandonment_rate: [0.05, 0.1], asa_s: [30, 60],
  first_response_avg_s: [60, 90], response_avg_s: [60, 90], csat_share: [0.9, 0.8],
};
const INSTANT = new Set(["app", "wechat", "web"]);
const SPOKEN = new Set([...INSTANT, "phone"]);
/* Replies are held to the minute on instant channels only, and a written channel has no seconds to be answered in. */
const HELD = {
  service_level: (row) => !("channel" in row) || SPOKEN.has(row.channel),
  first_response_avg_s: (row) => !("channel" in row) || INSTANT.has(row.channel),
  response_avg_s: (row) => !("channel" in row) || INSTANT.has(row.channel),
};

export const limitsOf = (key) => wall.settings.thresholds?.[key] ?? wall.facts?.targets?.[key] ?? LIMITS[key];

/* {word, depth}: "good" of depth 0 to 1, "near" of 1 to 3, "over" of 1 to 2; "none" without data, "plain" without limits. */
export function judge(key, value, row = {}) {
  if (!isNumber(value)) return { word: "none", depth: 0 };
  const limits = limitsOf(key);
  if (!limits || HELD[key]?.(row) === false) return { word: "plain", depth: 0 };
  const [near, over] = limits;
  const way = near > over ? -1 : 1;
  if (way * (value - over) > 0) return { word: "over", depth: way * (value - over) > Math.abs(over) / 2 ? 2 : 1 };
  if (way * (value - near) > 0) return { word: "near", depth: 1 + Math.min(2, Math.floor((3 * (value - near)) / (over - near))) };
  return { word: "good", depth: way * (value - near) > -Math.abs(near) / 4 ? 1 : 0 };
}

/* The same for a clock with so many seconds left of a limit. */
export function judgeLeft(left, limit) {
  if (left <= 0) return { word: "over", depth: left < -limit ? 2 : 1 };
  const share = left / limit;
  return share < 0.4 ? { word: "near", depth: share < 0.1 ? 3 : share < 0.2 ? 2 : 1 } : { word: "good", depth: share < 0.6 ? 1 : 0 };
}

export const classOf = ({ word, depth }) => `is-${word} d${depth}`;
