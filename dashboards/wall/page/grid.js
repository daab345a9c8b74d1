/* Signs on a canvas, one a person: the colour and the shape say the state, a ring says overload, a frame the one looked at. */
import { isOverloaded } from "/people.js";

const COLOURS = { available: "#46d39a", busy: "#6cb6ff", wrapup: "#b493ff", break: "#f2c14e", meeting: "#e58fb8", training: "#6fd3d3" };
const RING = "#ff6b6b";
const FRAME = "#ffffff";

/* The largest square cells that all find room in. */
export function layOut(canvas, count) {
  const { clientWidth: width, clientHeight: height } = canvas.parentElement;
  let size = Math.max(4, Math.min(56, Math.floor(Math.sqrt((width * height) / Math.max(1, count)))));
  while (size > 4 && Math.floor(width / size) * Math.floor(height / size) < count) size -= 1;
  return { width, height, size, columns: Math.max(1, Math.floor(width / size)) };
}

export function cellAt(canvas, count, x, y) {
  const { size, columns } = layOut(canvas, count);
  const at = Math.floor(y / size) * columns + Math.floor(x / size);
  return Math.floor(x / size) < columns && at < count ? at : -1;
}

export function draw(canvas, people, chosen) {
  const { width, height, size, columns } = layOut(canvas, people.length);
  const dots = globalThis.devicePixelRatio || 1;
  canvas.width = Math.round(width * dots);
  canvas.height = Math.round(height * dots);
  const pen = canvas.getContext("2d");
  pen.scale(dots, dots);
  const radius = size * 0.33;
  people.forEach((person, n) => {
    const x = (n % columns) * size + size / 2;
    const y = Math.floor(n / columns) * size + size / 2;
    pen.fillStyle = COLOURS[person.state] ?? "#5c6978";
    pen.beginPath();
    (SHAPES[person.state] ?? SHAPES.available)(pen, x, y, radius);
    pen.fill();
    if (isOverloaded(person)) ring(pen, x, y, size * 0.44, RING, Math.max(1.5, size / 9));
    if (n === chosen) {
      pen.strokeStyle = FRAME;
      pen.lineWidth = 2;
      pen.strokeRect(x - size / 2 + 1, y - size / 2 + 1, size - 2, size - 2);
    }
  });
}

function ring(pen, x, y, radius, colour, width) {
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.stroke();
}

const corners = (pen, x, y, points) => {
  points.forEach(([dx, dy], n) => (n ? pen.lineTo(x + dx, y + dy) : pen.moveTo(x + dx, y + dy)));
  pen.closePath();
};
const SHAPES = {
  available: (pen, x, y, r) => pen.arc(x, y, r, 0, 2 * Math.PI),
  busy: (pen, x, y, r) => pen.rect(x - r * 0.9, y - r * 0.9, r * 1.8, r * 1.8),
  wrapup: (pen, x, y, r) => corners(pen, x, y, [[0, -r * 1.15], [r * 1.15, 0], [0, r * 1.15], [-r * 1.15, 0]]),
  break: (pen, x, y, r) => corners(pen, x, y, [[0, -r], [r * 1.1, r * 0.9], [-r * 1.1, r * 0.9]]),
  meeting: (pen, x, y, r) => corners(pen, x, y, [[0, r], [r * 1.1, -r * 0.9], [-r * 1.1, -r * 0.9]]),
  training: (pen, x, y, r) => {
    pen.rect(x - r / 3, y - r, (2 * r) / 3, 2 * r);
    pen.rect(x - r, y - r / 3, 2 * r, (2 * r) / 3);
  },
};
