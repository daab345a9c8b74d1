/* The last hours of the main figures, beside the same hours of the day before where they are known. */
import { html, useEffect, useLayoutEffect, useRef } from "/vendor/htm-preact-3.1.1.js";
import { limitsOf } from "/limits.js";
import { isNumber, text, timeOfDay } from "/numbers.js";
import { changed, wall } from "/state.js";
import { telling } from "/tip.js";
import { language, words } from "/words.js";

const HOURS = 4;
const STEP_S = 300;
const DAY_S = 86400;
const EVERY_MS = 30000;
/* A chart: the words of its figure, the lines of it, and of what kind they are. */
const CHARTS = [
  ["arrivals", ["offered", "answered", "abandoned"], "count"],
  ["queue_depth_max", ["queue_depth_max"], "count"],
  ["wait_max_s", ["wait_max_s"], "seconds"],
  ["service_level", ["service_level"], "share"],
  ["first_response_avg_s", ["first_response_mean_s"], "seconds"],
  ["abandonment_rate", ["abandonment_rate"], "share"],
];
const COLOURS = ["#6cb6ff", "#46d39a", "#ff8f70"];
let uPlot = null;

async function fetchHistory() {
  if (document.hidden) return;
  try {
    uPlot ??= (await import("/vendor/uplot-1.6.32.js")).default;
    const get = async (ago) => {
      const answer = await fetch(`/api/v1/history?step=${STEP_S}&hours=${HOURS}&ago=${ago}`);
      return answer.ok ? answer.json() : null;
    };
    const [today, before] = (await Promise.all([get(0), get(DAY_S)])).map(whole);
    wall.history = { today, before };
    changed();
  } catch { /* The header says that the service is away; the next turn asks again. */ }
}

/* Without the interval that is still running: it would look like a fall. */
function whole(history) {
  if (!history) return null;
  const count = history.starts_us.filter((start) => start + history.step_us <= history.as_of_us).length;
  const cut = (row) => Object.fromEntries(Object.entries(row).map(([name, values]) => [name, Array.isArray(values) ? values.slice(0, count) : values]));
  return { ...history, starts_us: history.starts_us.slice(0, count), groups: history.groups.map(cut) };
}

export function Trends() {
  useEffect(() => {
    fetchHistory();
    const timer = setInterval(fetchHistory, EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  return html`<div class="charts">${CHARTS.map(([key, lines, kind]) => html`<${Chart} key=${key} figure=${key} lines=${lines} kind=${kind} />`)}</div>`;
}

function Chart({ figure, lines, kind }) {
  const box = useRef(null);
  const { today, before } = wall.history ?? {};
  const row = today?.groups[0];
  const old = before?.groups[0];
  const hasOld = old && lines.some((line) => old[line].some(isNumber));
  useLayoutEffect(() => {
    if (!row || !uPlot || !box.current) return undefined;
    const chart = plot(box.current, today, row, hasOld ? old : null, lines, kind, figure);
    const fit = () => chart.setSize(sizeOf(box.current));
    const watcher = new ResizeObserver(fit);
    watcher.observe(box.current);
    return () => {
      watcher.disconnect();
      chart.destroy();
    };
  }, [wall.history, language]);
  const latest = row?.[lines[0]].at(-1);
  return html`<section class="card chart" ...${telling(figure)}>
    <h2><span>${words.figures[figure][0]}</span><small>${words.trendsPage.last} <b class=${isNumber(latest) ? "" : "none"}>${isNumber(latest) ? text(kind, latest) : words.none}</b></small></h2>
    <div class="plot" ref=${box} role="img" aria-label=${`${words.figures[figure][0]}, ${words.trendsPage.hours(HOURS)}`}></div>
    <ul class="legend">${lines.length > 1 ? lines.map((line, n) => html`<li class="line${n}">${words.figures[line]?.[0] ?? words.figures[figure][0]}</li>`) : html`<li class="line0">${words.trendsPage.today}</li>`}
      <li class=${hasOld ? "before" : "missing"}>${hasOld ? words.trendsPage.before : words.trendsPage.missing}</li></ul>
    ${!row && html`<p class="empty">${words.trendsPage.none}</p>`}
  </section>`;
}

const sizeOf = (box) => ({ width: Math.max(40, box.clientWidth), height: Math.max(40, box.clientHeight) });

function plot(box, today, row, old, lines, kind, figure) {
  const unit = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const zone = wall.facts?.service?.zone;
  const font = `${Math.round(unit * 0.85)}px system-ui, "Noto Sans CJK SC", sans-serif`;
  const axis = { stroke: "#a3b0bf", grid: { stroke: "#1d2632", width: 1 }, ticks: { show: false }, font };
  const limits = limitsOf(figure);
  const series = lines.map((line, n) => ({ stroke: COLOURS[n], width: Math.max(2, unit / 9), points: { show: false }, fill: lines.length === 1 ? "#6cb6ff1f" : undefined }));
  const data = [today.starts_us.map((us) => us / 1e6), ...lines.map((line) => row[line])];
  if (old) {
    series.push({ stroke: "#93a1b1", width: Math.max(1, unit / 14), dash: [unit / 3, unit / 3], points: { show: false } });
    data.push(old[lines[0]]);
  }
  return new uPlot({
    ...sizeOf(box), padding: [unit / 2, unit * 1.6, 0, 0], cursor: { show: false }, legend: { show: false },
    scales: { y: { range: (chart, low, high) => [0, kind === "share" ? Math.min(1, Math.max(0.1, high * 1.1)) : Math.max(1, high * 1.15)] } },
    series: [{}, ...series],
    axes: [
      { ...axis, size: unit * 1.6, space: unit * 4, values: (chart, ticks) => ticks.map((at) => timeOfDay(at * 1e6, zone, false)) },
      { ...axis, size: unit * 3.9, space: unit * 2.2, values: (chart, ticks) => ticks.map((value) => (kind === "seconds" && value < 60 ? `${value} ${words.s}` : text(kind, value))) },
    ],
    hooks: { draw: [(chart) => limits && mark(chart, limits[1])] },
  }, data, box);
}

/* The limit, as a line across. */
function mark(chart, value) {
  const y = chart.valToPos(value, "y", true);
  if (!(y > chart.bbox.top && y < chart.bbox.top + chart.bbox.height)) return;
  chart.ctx.save();
  chart.ctx.strokeStyle = "#ff6b6b";
  chart.ctx.setLineDash([4, 6]);
  chart.ctx.lineWidth = 2;
  chart.ctx.beginPath();
  chart.ctx.moveTo(chart.bbox.left, y);
  chart.ctx.lineTo(chart.bbox.left + chart.bbox.width, y);
  chart.ctx.stroke();
  chart.ctx.restore();
}
