/* The figures that pages show: of what kind each is, over which span, and out of how many. Its name and its definition are words. */
const ended = (row) => (row.answered ?? 0) + (row.abandoned ?? 0);

export const FIGURES = {
  waiting: { kind: "count", span: "now" },
  longest_wait_s: { kind: "seconds", span: "now", sample: (row) => row.waiting },
  service_level: { kind: "share", span: "window", sample: ended, formula: true },
  first_response_avg_s: { kind: "seconds", span: "window", sample: (row) => row.first_response_count },
  answered: { kind: "count", span: "window", sample: (row) => row.offered },
  abandoned: { kind: "count", span: "window", sample: (row) => row.offered },
  abandonment_rate: { kind: "share", span: "window", sample: (row) => row.offered },
  asa_s: { kind: "seconds", span: "window", sample: (row) => row.answered },
  response_avg_s: { kind: "seconds", span: "window", sample: (row) => row.response_count },
  occupancy: { kind: "share", span: "window" },
  csat_share: { kind: "share", span: "window", sample: (row) => row.csat_count },
  in_service: { kind: "count", span: "now" },
  offered: { kind: "count", span: "window" },
  free: { kind: "count", span: "now" },
  left: { kind: "seconds", span: "now" },
  agents: { kind: "count", span: "now" },
  due: { kind: "count", span: "now" },
  cases: { kind: "count", span: "now" },
  near: { kind: "count", span: "now" },
  overdue: { kind: "count", span: "now" },
  promises: { kind: "count", span: "now" },
  breaches: { kind: "count", span: "window" },
  present: { kind: "count", span: "now" },
  overloaded: { kind: "count", span: "now" },
  wait_max_s: { kind: "seconds", span: "window" },
  queue_depth_max: { kind: "count", span: "window" },
  arrivals: { kind: "count", span: "window" },
};
export const STATES = ["available", "busy", "wrapup", "break", "meeting", "training"];
