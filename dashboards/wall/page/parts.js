/* Small parts that every page is made of: a name, a sign of state, a figure, a mark, a running clock. */
import { html, useEffect, useState } from "/vendor/htm-preact-3.1.1.js";
import { isHigh, tierOf } from "/accounts.js";
import { classOf } from "/limits.js";
import { countdown, isNumber, parts, text } from "/numbers.js";
import { asOfUs } from "/state.js";
import { called, words } from "/words.js";

/* A name from outside, as text, in its own direction; a word of ours where the table knows the name. */
export function Name({ of, table }) {
  if (of === null || of === undefined || of === "") return html`<span class="none">${words.unnamed}</span>`;
  const known = table ? called(table, of) : null;
  return known ? html`<span>${known}</span>` : html`<bdi translate=${false} title=${String(of)}>${String(of)}</bdi>`;
}

/* A state by shape and word as well as by colour. */
export const Chip = ({ judged, word }) =>
  judged.word === "plain" && !word ? null : html`<span class="chip ${classOf(judged)}">${word ?? words.judged[judged.word]}</span>`;

/* A value with its unit; "no data" looks like no figure. */
export function Value({ kind, of }) {
  if (!isNumber(of)) return html`<span class="none">${words.none}</span>`;
  const [figure, unit] = parts(kind, of);
  return html`<span class="value">${figure}${unit && html`<small>${unit}</small>`}</span>`;
}

/* Key accounts, VIPs and high priority, by sign and word. */
export function Mark({ row }) {
  const tier = tierOf(row);
  if (isHigh(row)) return html`<span class="mark high">‼ ${words.regarding.high}</span>`;
  return tier ? html`<span class="mark">★ ${words.regarding[tier]}</span>` : null;
}

/* Seconds left until an instant, running on between messages. */
export function Countdown({ due_us }) {
  useTick(250);
  const now = asOfUs();
  if (!isNumber(due_us) || now === null) return html`<span class="none">${words.none}</span>`;
  return html`<span class="value">${countdown((due_us - now) / 1e6)}</span>`;
}

/* Seconds since an instant, running on between messages. */
export function Since({ since_us }) {
  useTick(1000);
  const now = asOfUs();
  if (!isNumber(since_us) || now === null) return html`<span class="none">${words.none}</span>`;
  return html`<span class="value">${text("seconds", Math.max(0, (now - since_us) / 1e6))}</span>`;
}

export function useTick(everyMs) {
  const [, turn] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => turn((n) => n + 1), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
}
