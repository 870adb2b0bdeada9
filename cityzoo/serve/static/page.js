"use strict";

const at = (id) => document.getElementById(id);
const COLORS = ["#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#008080", "#9a6324", "#808000"];
let lastFile = null;
let turn = 0; // answers that a later question has overtaken are not shown

function headers() {
  const key = at("key").value.trim();
  return key ? { Authorization: `Bearer ${key}` } : {};
}

function say(text, isError = false) {
  at("status").textContent = text;
  at("status").classList.toggle("error", isError);
}

async function listModels() {
  const response = await fetch("v2/repository/index", { method: "POST", headers: headers() });
  const rows = await response.json();
  if (!response.ok) return say(rows.error, true);
  const names = [...new Set(rows.map((row) => row.name))].sort();
  at("model").replaceChildren(...names.map((name) => new Option(name, name)));
  say(names.length ? "" : "no model is served");
}

async function ask(file) {
  lastFile = file;
  const mine = ++turn;
  const query = new URLSearchParams();
  for (const name of ["threshold", "camera"]) if (at(name).value) query.set(name, at(name).value);
  say(`${file.name}: asking ...`);
  const started = performance.now();
  try {
    const url = `predict/${encodeURIComponent(at("model").value)}?${query}`;
    const response = await fetch(url, { method: "POST", headers: headers(), body: file });
    const answer = await response.json();
    if (mine !== turn) return;
    if (!response.ok) throw new Error(answer.error);
    await show(file, answer);
    say(`${file.name}: ${Math.round(performance.now() - started)} ms`);
  } catch (error) {
    if (mine !== turn) return;
    at("result").hidden = true;
    say(error.message, true);
  }
}

async function show(file, answer) {
  at("result").hidden = false;
  at("json").textContent = JSON.stringify(answer, null, 2);
  at("table").replaceChildren(...rowsOf(answer).map(tableRow));
  const canvas = at("canvas");
  canvas.hidden = !answer.image_size_hw && !file.type.startsWith("image/");
  if (!canvas.hidden) draw(canvas, await createImageBitmap(file), answer);
}

function rowsOf(answer) {
  if (answer.detections) return answer.detections.map((found) => [found.class, found.score.toFixed(2)]);
  if (answer.entities) return answer.entities.map((found) => [found.class, found.text, found.score.toFixed(2)]);
  if (answer.scores) return Object.entries(answer.scores).sort((a, b) => b[1] - a[1]);
  if (answer.forecast) return forecastRows(answer);
  return ["count", "score", "threshold", "alarm"].filter((name) => name in answer).map((name) => [name, answer[name]]);
}

function forecastRows(answer) {
  return Object.entries(answer.forecast).map(([sensor, found]) => {
    const middle = found["0.5"];
    return [sensor, `${middle.map((value) => value.toFixed(1)).join(" ")} ${answer.unit}`];
  });
}

function tableRow(cells) {
  const row = document.createElement("tr");
  row.replaceChildren(...cells.map((text) => Object.assign(document.createElement("td"), { textContent: text })));
  return row;
}

function draw(canvas, image, answer) {
  canvas.width = image.width;
  canvas.height = image.height;
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const names = [...new Set((answer.detections || []).map((found) => found.class))].sort();
  const unit = Math.max(1, image.width / 600);
  context.lineWidth = 2 * unit;
  context.font = `${13 * unit}px sans-serif`;
  for (const found of answer.detections || []) {
    const [x1, y1, x2, y2] = found.box;
    const text = `${found.class} ${found.score.toFixed(2)}`;
    context.strokeStyle = context.fillStyle = COLORS[names.indexOf(found.class) % COLORS.length];
    context.strokeRect(x1, y1, x2 - x1, y2 - y1);
    const width = context.measureText(text).width + 6 * unit;
    const top = Math.max(0, y1 - 17 * unit);
    context.fillRect(x1, top, width, 17 * unit);
    context.fillStyle = "#fff";
    context.fillText(text, x1 + 3 * unit, top + 13 * unit);
  }
}

const drop = at("drop");
drop.addEventListener("click", () => at("file").click());
drop.addEventListener("keydown", (event) => event.key === "Enter" && at("file").click());
drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  if (event.dataTransfer.files.length) ask(event.dataTransfer.files[0]);
});
at("file").addEventListener("change", (event) => event.target.files.length && ask(event.target.files[0]));
at("write").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = at("text").value;
  if (text.trim()) ask(new File([text], "sentence", { type: "text/plain" }));
});
for (const id of ["threshold", "camera", "model"]) at(id).addEventListener("change", () => lastFile && ask(lastFile));
at("key").addEventListener("change", listModels);
listModels().catch((error) => say(error.message, true));
