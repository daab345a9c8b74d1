// The wall's behaviour. It shows what the service publishes and computes no figure of its own. Law: what has no data is
// "—", never 0; what is old says so at once; text from outside becomes text nodes only.
"use strict";

const WORDS = {
  en: {
    locale: "en-GB", switchTo: "中文", subtitle: "service floor, live", none: "—", s: "s",
    live: "live", connecting: "connecting", behind: (t) => `figures are ${t} behind`, stale: (n) => `no news for ${n} s`,
    age: (t) => `data ${t} old`, empty: "No contacts yet.", more: (n) => `+ ${n} more`, worst: "worst first",
    unnamed: "(not said)", window: (n) => `rates and averages over the last ${n} min`, counted: (e, r, l, d) => `${e} events · ${r} rejected · ${l} late · ${d} dropped`,
    of: (a, b) => `${a} of ${b}`, free: (n) => `${n} free`, online: (n) => `${n} on shift`,
    tiles: {
      waiting: ["Waiting now", "Contacts that wait for a person at this moment, over all queues."],
      longest_wait_s: ["Longest wait", "How long the oldest of the contacts waiting now has been waiting."],
      service_level: ["Service level", "Share of contacts answered within the target, by the formula named in the policy, over the window."],
      abandonment_rate: ["Abandoned", "Contacts that left before a person answered ÷ contacts offered, over the window."],
      asa_s: ["Speed of answer", "Average speed of answer: total wait of the answered contacts ÷ answered contacts, over the window."],
      first_response_avg_s: ["First response", "Average time from a customer's first message to the first reply by a person; automatic replies do not count. Over the window."],
      in_service: ["In service", "Contacts answered by a person and not yet closed."],
      agents: ["People", "People by state at this moment; those offline are left out."],
    },
    under: { offered: "offered", answered: "answered", queued: "queued", response: "every reply", handle: "handle time", occupancy: "occupancy", limit: "limit", target: "target" },
    tables: { queue: "By queue", "tenant,channel": "By shop and channel" },
    columns: { queue: "Queue", tenant: "Shop", channel: "Channel", waiting: "Waiting", longest_wait_s: "Longest", service_level: "Level", asa_s: "Answer", first_response_avg_s: "First", response_avg_s: "Reply", abandonment_rate: "Aband.", free: "Free" },
    states: { available: "free", busy: "busy", wrapup: "wrap-up", break: "break", meeting: "meeting", training: "training" },
    channels: { app: "App", wechat: "WeChat", web: "Web", phone: "Phone", sms: "SMS", message: "Message", email: "E-mail", ticket: "Ticket" },
  },
  zh: {
    locale: "zh-CN", switchTo: "English", subtitle: "客服大厅实时看板", none: "—", s: "秒",
    live: "实时", connecting: "连接中", behind: (t) => `数据滞后 ${t}`, stale: (n) => `已 ${n} 秒没有新数据`,
    age: (t) => `数据延迟 ${t}`, empty: "暂无会话。", more: (n) => `另有 ${n} 项`, worst: "最差在前",
    unnamed: "（未注明）", window: (n) => `比率与均值按最近 ${n} 分钟计算`, counted: (e, r, l, d) => `事件 ${e} · 拒收 ${r} · 迟到 ${l} · 丢弃 ${d}`,
    of: (a, b) => `${a} / ${b}`, free: (n) => `空闲 ${n}`, online: (n) => `在岗 ${n} 人`,
    tiles: {
      waiting: ["当前排队", "此刻所有队列中等待人工接入的会话数。"],
      longest_wait_s: ["最长等待", "当前排队会话中等待最久的一个已等待的时间。"],
      service_level: ["服务水平", "统计窗口内在目标时间内被接起的会话占比，公式以策略中指定的为准。"],
      abandonment_rate: ["放弃率", "统计窗口内人工接起前离开的会话数 ÷ 进线会话数。"],
      asa_s: ["平均应答速度", "统计窗口内已接起会话的等待时间总和 ÷ 已接起会话数。"],
      first_response_avg_s: ["首次响应", "统计窗口内从客户第一条消息到人工第一条回复的平均时间，自动回复不计。"],
      in_service: ["服务中", "已由人工接起且尚未结束的会话数。"],
      agents: ["坐席", "此刻各状态的坐席人数，离线不计。"],
    },
    under: { offered: "进线", answered: "接起", queued: "排队", response: "每次回复", handle: "处理时长", occupancy: "占用率", limit: "上限", target: "目标" },
    tables: { queue: "按队列", "tenant,channel": "按店铺与渠道" },
    columns: { queue: "队列", tenant: "店铺", channel: "渠道", waiting: "排队", longest_wait_s: "最长", service_level: "水平", asa_s: "应答", first_response_avg_s: "首响", response_avg_s: "响应", abandonment_rate: "放弃率", free: "空闲" },
    states: { available: "空闲", busy: "忙碌", wrapup: "话后", break: "小休", meeting: "会议", training: "培训" },
    channels: { app: "App", wechat: "微信", web: "网页", phone: "电话", sms: "短信", message: "留言", email: "邮件", ticket: "工单" },
  },
};
const STATES = ["available", "busy", "wrapup", "break", "meeting", "training"];
const SECONDS = new Set(["longest_wait_s", "asa_s", "first_response_avg_s", "response_avg_s", "aht_s"]);
const SHARES = new Set(["service_level", "abandonment_rate", "occupancy"]);
// Where a figure turns amber and red: the catalogue's default targets. A service that publishes `targets` overrides them.
// Replies are held to the minute on instant channels only, and a written channel has no seconds to be answered in.
const LIMITS = {
  longest_wait_s: [120, 300], service_level: [0.8, 0.7], abandonment_rate: [0.05, 0.1], asa_s: [30, 60], first_response_avg_s: [60, 90], response_avg_s: [60, 90],
};
const NAMES = new Set(["queue", "tenant", "channel"]);
const INSTANT = new Set(["app", "wechat", "web"]);
const SPOKEN = new Set([...INSTANT, "phone"]);
const JUDGED_IN_ROWS = {
  longest_wait_s: () => true, abandonment_rate: () => true,
  service_level: (row) => !("channel" in row) || SPOKEN.has(row.channel),
  first_response_avg_s: (row) => INSTANT.has(row.channel), response_avg_s: (row) => INSTANT.has(row.channel),
};
const COLUMNS = {
  queue: ["queue", "waiting", "longest_wait_s", "service_level", "asa_s", "first_response_avg_s", "abandonment_rate", "free"],
  "tenant,channel": ["tenant", "channel", "waiting", "longest_wait_s", "service_level", "first_response_avg_s", "response_avg_s", "abandonment_rate"],
};
const TREND = ["waiting", "longest_wait_s", "in_service", "asa_s", "first_response_avg_s", "service_level", "abandonment_rate"];
const TREND_POINTS = 180;
const TREND_EVERY_MS = 5000;
const STALE_MS = 5000;
const REOPEN_MS = 12000;
const BEHIND_US = 30e6;

const byId = (id) => document.getElementById(id);
const trends = Object.fromEntries(TREND.map((key) => [key, []]));
let language = storedLanguage() ?? ((navigator.languages?.[0] ?? navigator.language ?? "").toLowerCase().startsWith("zh") ? "zh" : "en");
let words = WORDS[language];
let facts = null;
let heardAt = null;
let openedAt = 0;
let trendAt = -Infinity;
let skewMs = 0;
let source = null;

function storedLanguage() {
  try { return WORDS[localStorage.getItem("language")] ? localStorage.getItem("language") : null; } catch { return null; }
}

function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children.filter((child) => child !== null));
  return made;
}

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const whole = (value) => new Intl.NumberFormat(words.locale).format(value);

function parts(key, value) {
  if (!isNumber(value)) return [words.none, ""];
  if (SHARES.has(key)) return [(value * 100).toFixed(value >= 0.9995 || value === 0 ? 0 : 1), "%"];
  if (SECONDS.has(key)) return duration(value);
  return [whole(value), ""];
}

function duration(seconds) {
  if (seconds < 9.95) return [seconds.toFixed(1), words.s];
  const total = Math.round(seconds);
  if (total < 60) return [String(total), words.s];
  const pad = (n) => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(total / 3600), Math.floor((total % 3600) / 60), total % 60];
  return [h ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`, ""];
}

const text = (key, value) => parts(key, value).join(SHARES.has(key) ? "" : " ").trim();

function judge(key, value) {
  const limits = (facts?.targets ?? LIMITS)[key];
  if (!limits || !isNumber(value)) return "";
  const beyond = (limit) => (limits[0] > limits[1] ? value < limit : value > limit);
  return beyond(limits[1]) ? "bad" : beyond(limits[0]) ? "warn" : "good";
}

function tile(key, total, under) {
  const [label, definition] = words.tiles[key];
  const [figure, unit] = parts(key, total[key]);
  const state = judge(key, total[key]) || "calm";
  const made = element("article", `tile ${isNumber(total[key]) ? state : ""}`,
    element("h2", "", label, element("i", "", state === "bad" ? "▲" : "")),
    element("div", isNumber(total[key]) ? "figure" : "figure none", figure, element("small", "", unit)),
    element("div", "under", under));
  made.title = key === "service_level" && facts?.service_level_formula ? `${definition} [${facts.service_level_formula}]` : definition;
  const trend = trendLine(key);
  if (trend) made.append(trend);
  return made;
}

function trendLine(key) {
  const values = trends[key] ?? [];
  const known = values.filter(isNumber);
  if (known.length < 6) return null;
  const low = Math.min(...known, SHARES.has(key) ? Infinity : 0);
  const span = Math.max(...known) - low || 1;
  const points = values.map((v, i) => (isNumber(v) ? `${(i / (TREND_POINTS - 1)) * 100},${100 - ((v - low) / span) * 100}` : null)).filter(Boolean);
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 100 100");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
  line.setAttribute("points", points.join(" "));
  svg.append(line);
  return svg;
}

function peopleTile(total) {
  const [label, definition] = words.tiles.agents;
  const counts = total.agents ?? {};
  const online = STATES.reduce((sum, state) => sum + (counts[state] ?? 0), 0);
  const bar = element("div", "states");
  const legend = element("div", "people");
  for (const state of STATES) {
    const count = counts[state] ?? 0;
    if (count) {
      const piece = element("b", state);
      piece.style.flexGrow = count;
      bar.append(piece);
    }
    legend.append(element("span", state, words.states[state], element("b", "", total.agents ? whole(count) : words.none)));
  }
  const made = element("article", total.agents ? "tile calm" : "tile", element("h2", "", label, element("span", "", total.agents ? words.online(whole(online)) : "")), bar, legend);
  made.title = definition;
  return made;
}

// A group in which nothing waits and nothing happened has no row; once time is known, that means nobody, not "no data".
const totalRow = () => facts?.groups?.total?.[0] ?? (isNumber(facts?.watermark_us) ? { waiting: 0, in_service: 0 } : {});

function drawTiles() {
  const total = totalRow();
  const say = (label, key) => (isNumber(total[key]) ? `${words.under[label]} ${text(key, total[key])}` : "");
  const limit = (key) => `${words.under.limit} ${text(key, (facts?.targets ?? LIMITS)[key][1])}`;
  byId("tiles").replaceChildren(
    tile("waiting", total, say("queued", "queued")),
    tile("longest_wait_s", total, limit("longest_wait_s")),
    tile("service_level", total, isNumber(total.answered) ? `${words.under.answered} ${words.of(whole(total.answered), whole(total.offered ?? 0))}` : ""),
    tile("abandonment_rate", total, isNumber(total.abandoned) ? `${words.of(whole(total.abandoned), whole(total.offered ?? 0))}` : ""),
    tile("asa_s", total, say("handle", "aht_s")),
    tile("first_response_avg_s", total, say("response", "response_avg_s")),
    tile("in_service", total, say("occupancy", "occupancy")),
    peopleTile(total));
}

function cell(row, key) {
  if (NAMES.has(key)) {
    const name = row[key];
    const shown = name === null || name === undefined || name === "" ? words.unnamed : key === "channel" && Object.hasOwn(words.channels, name) ? words.channels[name] : String(name);
    const made = element("td", name ? "name" : "name none", shown);
    made.title = shown;
    return made;
  }
  const value = key === "free" ? row.agents?.available : row[key];
  const quiet = key === "longest_wait_s" && !row.waiting;
  if (!isNumber(value) || quiet) return element("td", "none", words.none);
  const state = JUDGED_IN_ROWS[key]?.(row) ? judge(key, value) : "";
  return element("td", state || (value === 0 ? "zero" : ""), text(key, value));
}

const expanded = new Set();

// A wall nobody touches shows whole rows only and says how many more there are; a click shows them all, to scroll.
function fit(card, hidden) {
  const box = card.querySelector(".scroll");
  const bottom = box.getBoundingClientRect().bottom;
  const beyond = [...box.querySelectorAll("tbody tr")].filter((row) => row.getBoundingClientRect().bottom > bottom + 1);
  for (const row of beyond) row.className = "beyond";
  const more = hidden + (card.classList.contains("all") ? 0 : beyond.length);
  card.querySelector("button").textContent = more ? `${words.worst} · ${words.more(whole(more))}` : words.worst;
}

function drawTables() {
  const scrolled = [...document.querySelectorAll(".scroll")].map((box) => box.scrollTop);
  byId("tables").replaceChildren(...Object.entries(COLUMNS).map(([rollup, columns]) => {
    const rows = facts?.groups?.[rollup] ?? [];
    const head = element("tr", "", ...columns.map((key) => {
      const made = element("th", NAMES.has(key) ? `name ${key}` : "", words.columns[key]);
      made.title = words.tiles[key]?.[1] ?? words.columns[key];
      return made;
    }));
    const body = element("tbody", "", ...rows.map((row) => element("tr", "", ...columns.map((key) => cell(row, key)))));
    const more = element("button", "");
    more.type = "button";
    more.addEventListener("click", () => {
      if (!expanded.delete(rollup)) expanded.add(rollup);
      drawTables();
    });
    return element("section", expanded.has(rollup) ? "card all" : "card",
      element("h2", "", words.tables[rollup], more),
      element("div", "scroll", rows.length ? element("table", "", element("thead", "", head), body) : element("p", "empty", words.empty)));
  }));
  document.querySelectorAll(".card").forEach((card, index) => {
    fit(card, facts?.hidden?.[Object.keys(COLUMNS)[index]] ?? 0);
    card.querySelector(".scroll").scrollTop = scrolled[index] ?? 0;
  });
}

function drawFooter() {
  const counters = facts?.counters ?? {};
  const sum = (value) => (value && typeof value === "object" ? Object.values(value).reduce((a, b) => a + b, 0) : value ?? 0);
  const shown = [counters.events, counters.rejected, counters.late, counters.dropped].map((value) => whole(sum(value)));
  byId("note").replaceChildren(
    element("span", "", isNumber(facts?.window_s) ? words.window(whole(facts.window_s / 60)) : ""),
    element("span", "", facts ? words.counted(...shown) : ""));
}

function draw() {
  drawTiles();
  drawTables();
  drawFooter();
}

function drawLanguage() {
  document.documentElement.lang = words.locale;
  byId("language").textContent = words.switchTo;
  byId("subtitle").textContent = words.subtitle;
  document.title = `Floorwatch · ${words.subtitle}`;
}

function drawState() {
  const silentMs = heardAt === null ? performance.now() : performance.now() - heardAt;
  const stale = silentMs > STALE_MS;
  const state = byId("state");
  const lagUs = isNumber(facts?.watermark_us) && facts.watermark_us > 0 ? facts.service.sent_us - facts.watermark_us : 0;
  const behind = lagUs > BEHIND_US;
  document.body.classList.toggle("stale", stale);
  state.className = `state ${stale ? "stale" : behind ? "behind" : heardAt === null ? "" : "live"}`;
  const sentence = stale ? words.stale(Math.floor(silentMs / 1000)) : behind ? words.behind(duration(lagUs / 1e6).join(" ").trim()) : heardAt === null ? words.connecting : words.live;
  if (state.textContent !== sentence) state.textContent = sentence;
  // The service's own clock: a television's may be wrong by hours.
  const zone = facts?.service?.zone;
  const now = new Date(Date.now() + skewMs);
  byId("clock").querySelector("time").textContent = new Intl.DateTimeFormat(words.locale, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZone: zone }).format(now);
  const day = new Intl.DateTimeFormat(words.locale, { weekday: "short", day: "numeric", month: "short", timeZone: zone }).format(now);
  const age = lagUs ? ` · ${words.age(duration(Math.max(0, lagUs / 1e6 + silentMs / 1000)).join(" ").trim())}` : "";
  byId("clock").querySelector("small").textContent = day + age;
}

function remember() {
  if (performance.now() - trendAt < TREND_EVERY_MS) return;
  trendAt = performance.now();
  const total = totalRow();
  for (const key of TREND) {
    trends[key].push(total[key]);
    if (trends[key].length > TREND_POINTS) trends[key].shift();
  }
}

function hear(message, isWhole) {
  const news = JSON.parse(message.data);
  heardAt = performance.now();
  facts = isWhole ? news : { ...facts, ...news };
  if (isNumber(facts.service?.sent_us)) skewMs = facts.service.sent_us / 1000 - Date.now();
  remember();
  if (isWhole) draw();
  drawState();
}

function open() {
  source?.close();
  openedAt = performance.now();
  source = new EventSource("/api/v1/stream");
  source.onmessage = (message) => hear(message, true);
  source.addEventListener("alive", (message) => hear(message, false));
}

// EventSource reconnects after a broken line, but not after a refused answer, nor when a line is dead without breaking.
function watch() {
  drawState();
  const silentMs = performance.now() - Math.max(heardAt ?? 0, openedAt);
  if (silentMs > REOPEN_MS || (source.readyState === EventSource.CLOSED && silentMs > 2000)) open();
}

async function stayAwake() {
  try { await navigator.wakeLock?.request("screen"); } catch { /* Not allowed here: the operating system's setting decides. */ }
}

byId("language").addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  words = WORDS[language];
  try { localStorage.setItem("language", language); } catch { /* Private window: the choice lasts until it closes. */ }
  drawLanguage();
  draw();
  drawState();
});
document.addEventListener("visibilitychange", () => { if (!document.hidden) stayAwake(); });
drawLanguage();
draw();
open();
stayAwake();
addEventListener("resize", drawTables);
setInterval(watch, 1000);
