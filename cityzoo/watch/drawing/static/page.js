"use strict";
// Coordinates are 0..1 of the frame. Walking along a line, its side "from" is on the left hand.
const COLORS = { line: "#e69f00", zone: "#56b4e9", privacy: "#cc79a7", ground: "#f0e442" };
const HINTS = {
  "": "Drag points to move them. Choose what to draw.",
  line: "Click along the line, then Enter or double-click. The arrow shows the direction forward.",
  zone: "Click the corners, then Enter or double-click.",
  ground: "Click four points of the road of which you know the distances, walking around them.",
};
const REACH = 9; // pixels of the screen around a point
const $ = (id) => document.getElementById(id);
const canvas = $("canvas"), pen = canvas.getContext("2d"), frame = new Image();
let scene = {}, past = [], tool = "", drawn = [], dragged = null, chosen = null, pointer = null;

const copy = (value) => JSON.parse(JSON.stringify(value));
const remember = () => { past.push(copy({ scene, drawn })); if (past.length > 200) past.shift(); };
const shapes = () => [...scene.lines, ...scene.zones];
const freeName = (stem) => {
  const names = shapes().map((shape) => shape.name);
  for (let number = 1; ; number++) if (!names.includes(`${stem} ${number}`)) return `${stem} ${number}`;
};

function filled(given) {
  return { lines: [], zones: [], flows: [], forbidden: [], rules: [], ground: null, ...given };
}

function choose(name) {
  tool = tool === name ? "" : name;
  drawn = [];
  for (const each of ["line", "zone", "ground"]) $(`tool-${each}`).setAttribute("aria-pressed", each === tool);
  $("hint").textContent = HINTS[tool];
  draw();
}

function finish() {
  const least = { line: 2, zone: 3, ground: 4 }[tool];
  if (!tool || drawn.length < least) return;
  remember();
  const points = drawn;
  if (tool === "line") scene.lines.push({ name: freeName("line"), points, from: "from", to: "to", direction: "both" });
  if (tool === "zone") scene.zones.push({ name: freeName("zone"), points, purpose: "count" });
  if (tool === "ground") scene.ground = { image: points, metres: [["", ""], ["", ""], ["", ""], ["", ""]] };
  chosen = tool === "ground" ? scene.ground : shapes().find((shape) => shape.points === points);
  choose("");
  list();
}

// ---- the canvas

function place(event) {
  const box = canvas.getBoundingClientRect();
  const within = (value) => Math.min(1, Math.max(0, Math.round(value * 10000) / 10000));
  return [within((event.clientX - box.left) / box.width), within((event.clientY - box.top) / box.height)];
}

function nearest(point) {
  const box = canvas.getBoundingClientRect();
  let best = null, least = REACH;
  const owners = [...shapes().map((shape) => [shape, shape.points]), ...(scene.ground ? [[scene.ground, scene.ground.image]] : [])];
  for (const [owner, points] of owners) points.forEach((each, index) => {
    const away = Math.hypot((each[0] - point[0]) * box.width, (each[1] - point[1]) * box.height);
    if (away < least) { least = away; best = { owner, points, index }; }
  });
  return best;
}

canvas.addEventListener("pointerdown", (event) => {
  const point = place(event);
  if (tool) {
    const box = canvas.getBoundingClientRect(), last = drawn[drawn.length - 1] || [-1, -1];
    const away = Math.hypot((last[0] - point[0]) * box.width, (last[1] - point[1]) * box.height);
    if (away > 3) drawn.push(point); // the second press of a double-click is no point
    if (tool === "ground" && drawn.length === 4) finish();
  } else if ((dragged = nearest(point))) {
    remember();
    chosen = dragged.owner;
    canvas.setPointerCapture(event.pointerId);
    list();
  }
  draw();
});
canvas.addEventListener("pointermove", (event) => {
  pointer = place(event);
  if (dragged) dragged.points[dragged.index] = pointer;
  draw();
});
canvas.addEventListener("pointerup", () => { dragged = null; });
canvas.addEventListener("dblclick", finish);

function path(points, closed, color, fill) {
  pen.beginPath();
  points.forEach(([x, y], index) => pen[index ? "lineTo" : "moveTo"](x * canvas.width, y * canvas.height));
  if (closed) pen.closePath();
  pen.strokeStyle = color;
  if (fill) { pen.globalAlpha = 0.25; pen.fillStyle = color; pen.fill(); pen.globalAlpha = 1; }
  pen.stroke();
  for (const [x, y] of points) {
    pen.beginPath();
    pen.arc(x * canvas.width, y * canvas.height, 2 * pen.lineWidth, 0, 7);
    pen.fillStyle = color;
    pen.fill();
  }
}

function write(text, x, y) {
  pen.save();
  pen.font = `${Math.max(11, canvas.width / 60)}px sans-serif`;
  pen.textAlign = "center"; pen.textBaseline = "middle";
  pen.lineWidth = 4; pen.strokeStyle = "#000"; pen.strokeText(text, x, y);
  pen.fillStyle = "#fff"; pen.fillText(text, x, y);
  pen.restore();
}

function arrow(line) {
  const middle = Math.floor((line.points.length - 1) / 2);
  const [[ax, ay], [bx, by]] = [line.points[middle], line.points[middle + 1]].map(([x, y]) => [x * canvas.width, y * canvas.height]);
  const length = Math.hypot(bx - ax, by - ay) || 1, u = canvas.width / 300;
  const [ex, ey] = [(bx - ax) / length, (by - ay) / length], [rx, ry] = [-ey, ex]; // right hand: y grows downwards
  const [mx, my] = [(ax + bx) / 2, (ay + by) / 2];
  const at = (right, along) => [mx + right * u * rx + along * u * ex, my + right * u * ry + along * u * ey];
  pen.beginPath(); pen.moveTo(...at(-12, 0)); pen.lineTo(...at(12, 0)); pen.stroke();
  pen.beginPath(); pen.moveTo(...at(14, 0)); pen.lineTo(...at(8, 4)); pen.lineTo(...at(8, -4)); pen.closePath();
  pen.fillStyle = COLORS.line; pen.fill();
  write(line.from, ...at(-18, 0)); write(line.to, ...at(20, 0));
}

function draw() {
  pen.drawImage(frame, 0, 0);
  for (const zone of scene.zones) {
    pen.lineWidth = canvas.width / (zone === chosen ? 250 : 450);
    path(zone.points, true, COLORS[zone.purpose === "privacy" ? "privacy" : "zone"], true);
    const [x, y] = [0, 1].map((axis) => zone.points.reduce((sum, point) => sum + point[axis], 0) / zone.points.length);
    write(zone.name, x * canvas.width, y * canvas.height);
  }
  if (scene.ground) {
    pen.lineWidth = canvas.width / 450;
    path(scene.ground.image, true, COLORS.ground);
    scene.ground.image.forEach(([x, y], index) => write(`${index + 1}`, x * canvas.width, y * canvas.height - canvas.width / 60));
  }
  for (const line of scene.lines) {
    pen.lineWidth = canvas.width / (line === chosen ? 200 : 350);
    path(line.points, false, COLORS.line);
    arrow(line);
    write(line.name, line.points[0][0] * canvas.width, line.points[0][1] * canvas.height - canvas.width / 50);
  }
  pen.lineWidth = canvas.width / 350;
  if (drawn.length) path(pointer ? [...drawn, pointer] : drawn, tool !== "line", COLORS[tool]);
}

// ---- the lists

function field(owner, key, label, options) {
  const input = document.createElement(options ? "select" : "input");
  input.setAttribute("aria-label", label); input.title = label;
  for (const option of options || []) input.append(new Option(option, option));
  input.value = owner[key] ?? "";
  input.addEventListener("change", () => {
    remember();
    owner[key] = input.value;
    if (options) list(); else draw(); // a new list would take the focus from the next field
  });
  return input;
}

function button(text, label, act) {
  const element = document.createElement("button");
  element.textContent = text;
  element.setAttribute("aria-label", label);
  element.addEventListener("click", () => { remember(); act(); list(); });
  return element;
}

function item(owner, kind, ...parts) {
  const element = document.createElement("div");
  element.className = `item ${kind}${owner === chosen ? " chosen" : ""}`;
  element.append(...parts);
  return element;
}

function remove(from, owner) {
  from.splice(from.indexOf(owner), 1);
  scene.forbidden = scene.forbidden.filter((rule) => rule.line !== owner.name);
  scene.flows = scene.flows.filter((flow) => flow.from !== owner.name && flow.to !== owner.name);
}

function nameField(owner) {
  const input = field(owner, "name", "Name");
  input.addEventListener("focus", () => { input.dataset.before = owner.name; chosen = owner; draw(); });
  input.addEventListener("change", () => { // what refers to the shape follows
    const before = input.dataset.before;
    for (const rule of scene.forbidden) if (rule.line === before) rule.line = owner.name;
    for (const flow of scene.flows) for (const end of ["from", "to"]) if (flow[end] === before) flow[end] = owner.name;
    input.dataset.before = owner.name;
    listFlows();
  });
  return input;
}

function forbidden(line) {
  const rule = scene.forbidden.find((each) => each.line === line.name);
  const owner = { value: rule ? `no ${rule.direction}` : "both allowed" };
  const input = field(owner, "value", "Forbidden direction", ["both allowed", "no forward", "no back"]);
  input.addEventListener("change", () => {
    scene.forbidden = scene.forbidden.filter((each) => each.line !== line.name);
    if (input.value !== "both allowed") scene.forbidden.push({ line: line.name, direction: input.value.slice(3) });
    list();
  });
  return input;
}

function listFlows() {
  const names = shapes().map((shape) => shape.name);
  $("flows").replaceChildren(...scene.flows.map((flow) => item(flow, "line", field(flow, "name", "Name of the movement"),
    field(flow, "from", "From", names), "→", field(flow, "to", "To", names),
    button("✕", `Delete ${flow.name}`, () => scene.flows.splice(scene.flows.indexOf(flow), 1)))));
  $("add-flow").disabled = names.length < 2;
}

function list() {
  $("lines").replaceChildren(...scene.lines.map((line) => item(line, "line", nameField(line),
    field(line, "from", "Side from"), "→", field(line, "to", "Side to"),
    button("⇄", `Turn ${line.name} around`, () => line.points.reverse()),
    field(line, "direction", "Counted direction", ["both", "forward", "back"]), forbidden(line),
    button("✕", `Delete ${line.name}`, () => remove(scene.lines, line)))));
  $("zones").replaceChildren(...scene.zones.map((zone) => item(zone, zone.purpose === "privacy" ? "privacy" : "zone", nameField(zone),
    field(zone, "purpose", "Purpose", ["count", "dwell", "stopped", "forbidden", "privacy"]),
    ...(["dwell", "stopped"].includes(zone.purpose) ? [field(zone, "dwell", "After, e.g. 20s")] : []),
    button("✕", `Delete ${zone.name}`, () => remove(scene.zones, zone)))));
  listFlows();
  const ground = scene.ground;
  $("ground").replaceChildren(...(ground ? [item(ground, "ground",
    ...ground.metres.map((metres, index) => {
      const row = document.createElement("div");
      const [x, y] = ["x", "y"].map((axis, place) => field(metres, place, `Metres ${axis} of point ${index + 1}`));
      row.append(`${index + 1}: x `, x, " m, y ", y, " m");
      return row;
    }),
    button("✕", "Delete the ground", () => { scene.ground = null; }))] : []));
  for (const input of $("ground").querySelectorAll("input")) input.className = "short";
  $("rules").value = scene.rules.join("\n");
  draw();
}

// ---- undo, save, start

function undo() {
  if (tool && drawn.length) drawn.pop();
  else if (past.length) { const before = past.pop(); scene = before.scene; chosen = null; list(); }
  draw();
}

async function save() {
  const content = Object.fromEntries(Object.entries(scene).filter(([, value]) => value && (!Array.isArray(value) || value.length)));
  for (const zone of content.zones || []) if (!zone.dwell) delete zone.dwell;
  let answer;
  try {
    answer = await (await fetch("scene", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content) })).json();
  } catch { answer = { error: "the program on this machine has ended: start it again" }; }
  $("message").className = answer.error ? "bad" : "";
  $("message").textContent = answer.error || `saved: ${scene.lines.length} lines, ${scene.zones.length} zones`;
}

for (const name of ["line", "zone", "ground"]) $(`tool-${name}`).addEventListener("click", () => choose(name));
$("undo").addEventListener("click", undo);
$("save").addEventListener("click", save);
$("add-flow").addEventListener("click", () => {
  remember();
  const [first, second] = shapes();
  scene.flows.push({ name: `movement ${scene.flows.length + 1}`, from: first.name, to: second.name });
  list();
});
$("rules").addEventListener("change", () => { remember(); scene.rules = $("rules").value.split("\n").filter((rule) => rule.trim()); });
document.addEventListener("keydown", (event) => {
  if (event.target.matches("input, textarea, select")) return;
  if (event.key === "Enter" && drawn.length) { event.preventDefault(); finish(); }
  if (event.key === "Escape") choose("");
  if (event.key === "Backspace" || (event.key === "z" && (event.ctrlKey || event.metaKey))) { event.preventDefault(); undo(); }
});

(async () => {
  const answer = await (await fetch("scene")).json();
  scene = filled(answer.scene);
  document.title = `${answer.file} · Draw a scene`;
  frame.src = "frame.png";
  await frame.decode();
  canvas.width = frame.naturalWidth;
  canvas.height = frame.naturalHeight;
  choose("");
  list();
})();
