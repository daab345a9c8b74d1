/* The last hours of the main figures, beside the same hours a week before, or the day before where nobody knows of a week ago; the
   quality of now above them, and where arrivals come from. */
import { html, useEffect, useLayoutEffect, useRef } from "/vendor/htm-preact-3.1.1.js";
import { Heat } from "/heat.js";
import { judge, limitsOf } from "/limits.js";
import { isNumber, text, timeOfDay } from "/numbers.js";
import { Name } from "/parts.js";
import { changed, totalRow, wall } from "/state.js";
import { Tile } from "/tile.js";
import { telling } from "/tip.js";
import { language, words } from "/words.js";

const HOURS = 4;
const STEP_S = 300;
const DAY_S = 86400;
const WEEK_S = 7 * DAY_S;
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
const MEASURES_MAX = 3;
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
    const [today, week, day] = (await Promise.all([get(0), get(WEEK_S), get(DAY_S)])).map(whole);
    wall.history = { today, week, day };
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
  return html`<div class="stack"><${Quality} />
    <div class="charts">${CHARTS.map(([key, lines, kind]) => html`<${Chart} key=${key} figure=${key} lines=${lines} kind=${kind} />`)}<${Heat} /></div></div>`;
}

/* Ratings, and the first of the response measures that the policy names. */
function Quality() {
  const row = totalRow();
  const measures = Object.entries(row.measures ?? {}).slice(0, MEASURES_MAX);
  const plain = (value) => ({ word: isNumber(value) ? "plain" : "none", depth: 0 });
  return html`<section class="tiles six">
    <${Tile} figure="csat_share" value=${row.csat_share} row=${row} judged=${judge("csat_share", row.csat_share, row)} />
    <${Tile} figure="nps" value=${row.nps} row=${row} judged=${plain(row.nps)} />
    <${Tile} figure="response_avg_s" value=${row.response_avg_s} row=${row} />
    ${measures.map(([name, measure]) => html`<${Tile} key=${name} figure="measure" title=${html`<${Name} of=${name} table="measures" />`} value=${measure.rate} row=${measure} judged=${plain(measure.rate)} />`)}
    ${[...Array(MEASURES_MAX - measures.length)].map((_, n) => html`<${Tile} key=${n} figure="measure" value=${null} />`)}
  </section>`;
}

const seen = (history, lines) => { const row = history?.groups[0]; return row && lines.some((line) => row[line].some(isNumber)) ? row : null; };

function Chart({ figure, lines, kind }) {
  const box = useRef(null);
  const { today, week, day } = wall.history ?? {};
  const row = today?.groups[0];
  const lastWeek = seen(week, lines);
  const old = lastWeek ?? seen(day, lines);
  useLayoutEffect(() => {
    if (!row || !uPlot || !box.current) return undefined;
    const chart = plot(box.current, today, row, old, lines, kind, figure);
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
    <h2 title=${words.trendsPage.last}><span>${words.figures[figure][0]}</span><small><b class=${isNumber(latest) ? "" : "none"}>${isNumber(latest) ? text(kind, latest) : words.none}</b></small></h2>
    <div class="plot" ref=${box} role="img" aria-label=${`${words.figures[figure][0]}, ${words.trendsPage.hours(HOURS)}`}></div>
    <ul class="legend">${lines.length > 1 ? lines.map((line, n) => html`<li class="line${n}">${words.figures[line]?.[0] ?? words.figures[figure][0]}</li>`) : html`<li class="line0">${words.trendsPage.today}</li>`}
      ${old && html`<li class="before">${lastWeek ? words.trendsPage.week : words.trendsPage.before}</li>`}
      ${!lastWeek && html`<li class="missing">${words.trendsPage.missing}</li>`}</ul>
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
