// Finds, shows and lights. All texts are set as text, never as markup: whatever a class is called stays a name.

const byId = (id) => document.getElementById(id);
const DATA = JSON.parse(byId("data").textContent);
const SAMPLES = DATA.samples;
const PLACE = new Map(SAMPLES.map((sample, n) => [sample.id, n]));

const state = {
  at: -1, // position in SAMPLES
  shown: [], // positions that pass the filters
  scene: null,
  pictures: [], // one Image per frame
  canvases: [],
  layers: [], // one per mask
  hidden: new Set(), // masks that are switched off
  lit: [], // masks of the step under pointer or focus
  frame: 0, // the frame that was chosen
  all: false, // every frame side by side
  sensor: null, // the sensor that was chosen last; the next sample opens with it
};

function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

// --- finding ---------------------------------------------------------------------------------------------------------

const facets = new Map();

function buildFinder() {
  for (const { key, label, values } of DATA.facets) {
    const select = element("select", { id: `facet-${key}` }, element("option", { value: "" }, "any"));
    values.forEach(([value, count], n) => select.append(element("option", { value: String(n) }, `${value} (${count})`)));
    select.addEventListener("change", filter);
    facets.set(key, { select, values: values.map(([value]) => value) });
    byId("facets").append(element("label", { htmlFor: select.id }, label, select));
  }
  for (const sample of SAMPLES) {
    const link = element("a", { href: `#${sample.id}` },
      element("span", { className: "kind" }, sample.kind),
      element("span", { className: "tier" }, [sample.level, sample.form].filter(Boolean).join(" · ")),
      element("span", { className: "asked" }, plain(sample.question)));
    byId("list").append(element("li", {}, link));
  }
  byId("text").addEventListener("input", filter);
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("reset").addEventListener("click", () => {
    byId("filters").reset();
    filter();
  });
}

const plain = (pieces) => pieces.map((piece) => (typeof piece === "string" ? piece : piece.text)).join("");

/** All texts of a sample in lower case, made when first searched. */
function searchable(sample) {
  sample.search ??= [sample.id, sample.scene_id, sample.kind, ...sample.classes, plain(sample.question),
    ...sample.options, ...sample.steps.map((step) => plain(step.text)), plain(sample.answer)].join("\n").toLowerCase();
  return sample.search;
}

function filter() {
  const words = byId("text").value.toLowerCase().split(/\s+/).filter(Boolean);
  const chosen = [...facets].filter(([, { select }]) => select.value !== "")
    .map(([key, { select, values }]) => [key, values[Number(select.value)]]);
  const passes = (sample) => chosen.every(([key, value]) => [sample[key]].flat().includes(value)) &&
    words.every((word) => searchable(sample).includes(word));
  state.shown = [];
  const items = byId("list").children;
  SAMPLES.forEach((sample, n) => {
    const ok = passes(sample);
    items[n].hidden = !ok;
    if (ok) state.shown.push(n);
  });
  byId("found").textContent = `${state.shown.length} of ${SAMPLES.length} samples`;
  byId("reset").hidden = !words.length && !chosen.length;
  showPosition();
}

// --- showing ---------------------------------------------------------------------------------------------------------

function sceneOf(number) {
  return JSON.parse(byId(`scene-${number}`).textContent);
}

/** The sample that the address names, or the first. */
function follow() {
  const id = decodeURIComponent(location.hash.slice(1));
  const known = PLACE.has(id);
  byId("missing").hidden = known || !id || id === "sample";
  byId("missing").textContent = `Sample ${id} is not in this page, which holds ${SAMPLES.length} of ${DATA.total}.`;
  const at = known ? PLACE.get(id) : state.shown[0] ?? 0;
  if (id !== "sample" && at !== state.at) show(at);
}

function show(at) {
  const sample = SAMPLES[at];
  if (!sample) return;
  const items = byId("list").children;
  items[state.at]?.firstChild.removeAttribute("aria-current");
  Object.assign(state, { at, scene: sceneOf(sample.scene), hidden: new Set(), lit: [] });
  items[at].firstChild.setAttribute("aria-current", "true");
  if (!items[at].hidden) items[at].scrollIntoView({ block: "nearest" });
  state.layers = sample.masks.map((mask, n) => layerOf(mask, DATA.colours[n % DATA.colours.length]));
  chooseFirstFrame(sample);
  showPictures();
  showMasks(sample);
  showWords(sample);
  showPosition();
  closeFinder();
  document.title = `${sample.kind} ${sample.id} · ${DATA.title}`;
}

function showPosition() {
  const place = state.shown.indexOf(state.at);
  byId("position").textContent = place < 0 ? `– of ${state.shown.length}` : `${place + 1} of ${state.shown.length}`;
  byId("previous").disabled = neighbour(-1) === undefined;
  byId("next").disabled = neighbour(1) === undefined;
}

/** The next sample that passes the filters, also from one that does not. */
function neighbour(step) {
  return step > 0 ? state.shown.find((n) => n > state.at) : state.shown.findLast((n) => n < state.at);
}

function go(step) {
  const at = neighbour(step);
  if (at === undefined) return;
  show(at); // at once: the browser tells of the new address later, and a key may come before it does
  location.hash = SAMPLES[at].id;
}

// --- pictures --------------------------------------------------------------------------------------------------------

function chooseFirstFrame(sample) {
  const t = sample.masks[0]?.t;
  const frames = state.scene.frames;
  const of = (test) => frames.findIndex(test);
  const places = [of((f) => f.t === t && f.modality === state.sensor), of((f) => f.t === t),
    of((f) => f.modality === state.sensor), 0];
  state.frame = places.find((place) => place >= 0);
}

function showPictures() {
  const { frames, height, width } = state.scene;
  const box = byId("canvases");
  box.replaceChildren();
  state.pictures = [];
  state.canvases = frames.map((frame, n) => {
    const canvas = element("canvas", { role: "img", "aria-label": `${frame.title}. Masks are listed below.` });
    canvas.style.aspectRatio = `${width} / ${height}`;
    const picture = new Image();
    picture.onload = () => draw();
    picture.src = frame.src;
    state.pictures[n] = picture;
    box.append(element("figure", {}, canvas, element("figcaption", {}, frame.title)));
    return canvas;
  });
  const choices = frames.map((frame, n) => frameChoice(String(n), frame.label, frame.title));
  if (frames.length > 1) choices.push(frameChoice("all", "side by side", "All images side by side"));
  byId("frames").replaceChildren(byId("frames").firstElementChild, ...choices);
  byId("frames").hidden = frames.length < 2;
  draw();
}

function frameChoice(value, label, title) {
  const input = element("input", { type: "radio", name: "frame", value, ariaLabel: title });
  input.addEventListener("change", () => chooseFrame(value));
  return element("label", { title }, input, element("span", {}, label));
}

function chooseFrame(value) {
  state.all = value === "all";
  if (!state.all) {
    state.frame = Number(value);
    state.sensor = state.scene.frames[state.frame].modality;
  }
  draw();
}

/** The frame in view: the chosen one, or, while only masks of other dates are lit, one of their date. */
function frameInView() {
  const { frames } = state.scene;
  const chosen = frames[state.frame];
  const dates = state.lit.map((n) => SAMPLES[state.at].masks[n].t);
  if (!dates.length || dates.includes(chosen.t)) return state.frame;
  const same = frames.findIndex((f) => f.t === dates[0] && f.modality === chosen.modality);
  return same >= 0 ? same : Math.max(0, frames.findIndex((f) => f.t === dates[0]));
}

function draw() {
  const sample = SAMPLES[state.at];
  const { frames } = state.scene;
  const inView = frameInView();
  byId("canvases").classList.toggle("all", state.all && frames.length > 1);
  frames.forEach((frame, n) => {
    const figure = state.canvases[n].parentElement;
    figure.hidden = !state.all && n !== inView;
    if (figure.hidden || !state.pictures[n].complete || !state.pictures[n].naturalWidth) return;
    const here = sample.masks.map((mask, i) => i).filter((i) => sample.masks[i].t === frame.t);
    const lit = here.filter((i) => state.lit.includes(i));
    const visible = here.filter((i) => !state.hidden.has(i) || lit.includes(i));
    const pick = (numbers) => numbers.map((i) => state.layers[i]);
    drawFrame(state.canvases[n], state.pictures[n], state.scene, pick(visible), pick(lit), byId("tint").value / 100);
  });
  for (const input of byId("frames").querySelectorAll("input")) {
    input.checked = input.value === (state.all ? "all" : String(inView));
  }
  for (const part of document.querySelectorAll("[data-masks]")) {
    const own = part.dataset.masks.split(" ").filter(Boolean).map(Number);
    part.classList.toggle("lit", own.some((n) => state.lit.includes(n)));
  }
}

function light(masks) {
  if (masks.join() === state.lit.join()) return;
  state.lit = masks;
  draw();
}

/** The part lights its masks while the pointer or the focus is on it; see `follows`. */
function lights(part, masks) {
  if (masks.length) part.dataset.masks = masks.join(" ");
  return part;
}

/** Light the masks of the innermost part around a place; without one, of whatever has the focus. */
function follows(place) {
  const part = place?.closest?.("[data-masks]") ?? document.activeElement?.closest("[data-masks]");
  const masks = part ? part.dataset.masks.split(" ").map(Number) : [];
  const legend = part?.parentElement.id === "masks"; // where a mask was just switched off it stays off
  light(legend ? masks.filter((mask) => !state.hidden.has(mask)) : masks);
}

// --- masks -----------------------------------------------------------------------------------------------------------

function showMasks(sample) {
  const dates = new Set(state.scene.frames.map((frame) => frame.t)).size;
  byId("masks").replaceChildren(...sample.masks.map((mask, n) => {
    const layer = state.layers[n];
    const input = element("input", { type: "checkbox", checked: true, id: `mask-${n}` });
    input.addEventListener("change", () => toggle(n, input.checked));
    const size = layer.problem ?? (layer.pixels ? `${layer.pixels.toLocaleString("en")} px` : "empty");
    const where = dates > 1 ? `image ${mask.t}` : "";
    const label = element("label", { htmlFor: input.id }, input, swatch(n),
      element("span", { className: "name" }, mask.name),
      element("span", { className: "size" }, [size, where].filter(Boolean).join(" · ")));
    return lights(element("li", {}, label), [n]);
  }));
  document.querySelector(".legend").hidden = !sample.masks.length;
  showAllButton();
}

function swatch(n) {
  const made = element("span", { className: "swatch" }, String(n + 1));
  made.style.backgroundColor = `rgb(${DATA.colours[n % DATA.colours.length]})`;
  return made;
}

function toggle(n, on) {
  if (on) state.hidden.delete(n);
  else state.hidden.add(n);
  byId(`mask-${n}`).checked = on;
  if (!on) state.lit = state.lit.filter((mask) => mask !== n);
  showAllButton();
  draw();
}

function toggleAll() {
  const on = state.hidden.size > 0;
  SAMPLES[state.at].masks.forEach((_, n) => toggle(n, on));
}

function showAllButton() {
  byId("all-masks").textContent = state.hidden.size ? "Show all" : "Hide all";
  byId("all-masks").setAttribute("aria-pressed", String(!state.hidden.size));
}

// --- words -----------------------------------------------------------------------------------------------------------

function showWords(sample) {
  byId("chips").replaceChildren(...sample.chips.map((chip) => element("span", { className: "chip" }, chip)));
  byId("question").replaceChildren(...words(sample.question));
  byId("options").hidden = !sample.options.length;
  byId("options").replaceChildren(...sample.options.map((option, n) => {
    const right = sample.right === n;
    const item = element("li", { className: right ? "right" : "" },
      element("b", {}, String.fromCharCode(65 + n)), " ", element("span", {}, option));
    if (right) item.append(" ", element("span", { className: "mark" }, "✓ right"));
    return item;
  }));
  byId("trace-part").hidden = !sample.steps.length;
  byId("trace").replaceChildren(...sample.steps.map((step) => {
    const item = element("li", { tabIndex: 0, className: step.masks.length ? "" : "silent" }, ...words(step.text));
    if (step.seg !== null) item.append(" ", element("span", { className: "seg" }, swatch(step.seg), "[SEG]"));
    return lights(item, step.masks);
  }));
  byId("answer").replaceChildren(...words(sample.answer));
  byId("answer-label").hidden = byId("answer").hidden = !plain(sample.answer);
  const rows = [...sample.origin, ...state.scene.origin];
  byId("origin").replaceChildren(...rows.flatMap(([name, text, link]) => [
    element("dt", {}, name),
    element("dd", {}, link ? element("a", { href: `#${link}` }, text) : text),
  ]));
}

/** Texts as they are, and numbers that tell their quantity when pointed at. */
function words(pieces) {
  return pieces.map((piece) => {
    if (typeof piece === "string") return piece;
    const number = element("span", { className: "number", tabIndex: 0 }, piece.text);
    number.dataset.tip = piece.tip;
    return lights(number, piece.masks);
  });
}

function showTip(event) {
  const number = event.target.closest?.("[data-tip]");
  const tip = byId("tip");
  document.querySelector("[aria-describedby=tip]")?.removeAttribute("aria-describedby");
  tip.hidden = !number;
  if (!number) return;
  number.setAttribute("aria-describedby", "tip");
  tip.textContent = number.dataset.tip;
  const box = number.getBoundingClientRect();
  const left = Math.min(box.left, document.documentElement.clientWidth - tip.offsetWidth - 8);
  tip.style.left = `${Math.max(8, left)}px`;
  tip.style.top = `${box.top - tip.offsetHeight - 6 > 0 ? box.top - tip.offsetHeight - 6 : box.bottom + 6}px`;
}

// --- the page --------------------------------------------------------------------------------------------------------

function closeFinder() {
  document.body.classList.remove("finding");
  byId("open-finder").setAttribute("aria-expanded", "false");
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const typing = event.target.matches("input[type=search], select");
  if (event.key === "Escape") {
    closeFinder();
    byId("tip").hidden = true;
    if (typing) event.target.blur();
  }
  if (typing) return;
  const arrows = event.target.matches("input[type=radio], input[type=range]");
  const key = event.key;
  const n = Number(key) - 1;
  if (key === "j" || (key === "ArrowRight" && !arrows)) go(1);
  else if (key === "k" || (key === "ArrowLeft" && !arrows)) go(-1);
  else if (key === "f") chooseFrame(String((frameInView() + 1) % state.scene.frames.length));
  else if (key === "m") toggleAll();
  else if (n >= 0 && n < state.layers.length) toggle(n, state.hidden.has(n));
  else if (key === "/") {
    document.body.classList.add("finding");
    byId("text").focus();
  } else return;
  event.preventDefault();
}

function changeTheme() {
  const dark = document.documentElement.dataset.theme
    ? document.documentElement.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "light" : "dark";
}

byId("previous").addEventListener("click", () => go(-1));
byId("next").addEventListener("click", () => go(1));
byId("tint").addEventListener("input", draw);
byId("all-masks").addEventListener("click", toggleAll);
byId("theme").addEventListener("click", changeTheme);
byId("open-finder").addEventListener("click", () => {
  const open = document.body.classList.toggle("finding");
  byId("open-finder").setAttribute("aria-expanded", String(open));
  if (open) byId("text").focus();
});
for (const name of ["mouseover", "focusin"]) {
  document.addEventListener(name, (event) => {
    follows(event.target);
    showTip(event);
  });
}
document.addEventListener("focusout", (event) => event.relatedTarget ?? light([]));
document.documentElement.addEventListener("mouseleave", () => follows(null));
document.addEventListener("scroll", () => (byId("tip").hidden = true), true);
document.addEventListener("keydown", onKey);
addEventListener("hashchange", follow);
buildFinder();
filter();
follow();
