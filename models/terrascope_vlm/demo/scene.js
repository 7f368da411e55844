// The images of a scene with their masks, and the cells that were read of them.

function showScene(scene, example) {
  stop();
  busy(false);
  Object.assign(state, { scene, frame: 0, all: false, asking: null });
  document.body.classList.add("opened");
  byId("empty").hidden = true;
  byId("one").hidden = false;
  closeFinder();
  [...byId("examples").querySelectorAll("button")].forEach((one, n) => (one.ariaPressed = String(n === example)));
  byId("ground").textContent = `${scene.height} × ${scene.width} pixels. ${scene.ground}${scene.synthetic ? " Synthetic images." : ""}`;
  byId("suggested").hidden = !scene.questions.length;
  byId("suggested").open = true;
  byId("suggestions").replaceChildren(...scene.questions.map((one) => {
    const button = element("button", { type: "button" }, one.question,
      one.options.length ? element("small", { className: "hint" }, ` (${one.options.join(" / ")})`) : "");
    button.addEventListener("click", () => {
      byId("ask").value = one.question;
      byId("options").value = one.options.join("\n");
      byId("choice").open = one.options.length > 0;
      ask();
    });
    return element("li", {}, button);
  }));
  byId("ask").value = byId("options").value = "";
  clearReply();
  showPictures();
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
  const dates = new Set(frames.map((frame) => frame.t)).size;
  const pair = new Set(frames.map((frame) => frame.modality)).size > 1;
  const choices = frames.map((frame, n) =>
    frameChoice(String(n), [dates > 1 ? frame.t : "", pair || dates === 1 ? sensor(frame) : ""].filter(Boolean).join(" "), frame.title));
  if (frames.length > 1) choices.push(frameChoice("all", "side by side", "All images side by side"));
  byId("frames").replaceChildren(byId("frames").firstElementChild, ...choices);
  byId("frames").hidden = frames.length < 2;
  draw();
}

const sensor = ({ modality }) => (modality === "sar" ? "SAR" : modality);

function frameChoice(value, label, title) {
  const input = element("input", { type: "radio", name: "frame", value, ariaLabel: title });
  input.addEventListener("change", () => {
    state.all = value === "all";
    if (!state.all) state.frame = Number(value);
    draw();
  });
  return element("label", { title }, input, element("span", {}, label));
}

const litNow = () => (state.lit.length ? state.lit : state.shown === null ? [] : [state.shown]);

/** The frame in view: the chosen one, or, while only masks of other dates are lit, one of their date and its sensor. */
function frameInView() {
  const { frames } = state.scene;
  const chosen = frames[state.frame];
  const dates = litNow().map((n) => state.regions[n].t);
  if (!dates.length || dates.includes(chosen.t)) return state.frame;
  const same = frames.findIndex((f) => f.t === dates[0] && f.modality === chosen.modality);
  return same >= 0 ? same : Math.max(0, frames.findIndex((f) => f.t === dates[0]));
}

function draw() {
  if (!state.scene) return;
  const { frames } = state.scene;
  const inView = frameInView();
  const lit = litNow();
  byId("canvases").classList.toggle("all", state.all && frames.length > 1);
  frames.forEach((frame, n) => {
    const figure = state.canvases[n].parentElement;
    figure.hidden = !state.all && n !== inView;
    if (figure.hidden || !state.pictures[n].complete || !state.pictures[n].naturalWidth) return;
    const here = state.regions.map((_, i) => i).filter((i) => state.regions[i].t === frame.t);
    const pick = (numbers) => numbers.map((i) => state.layers[i]);
    drawFrame(state.canvases[n], state.pictures[n], state.scene, pick(here), pick(here.filter((i) => lit.includes(i))),
      byId("tint").value / 100);
    if (byId("cells").checked) drawCells(n, here.filter((i) => lit.includes(i)));
  });
  for (const input of byId("frames").querySelectorAll("input")) {
    input.checked = input.value === (state.all ? "all" : String(inView));
  }
  for (const part of document.querySelectorAll("[data-mask]")) {
    part.classList.toggle("lit", lit.includes(Number(part.dataset.mask)));
  }
}

/** Outline the cells that were read after the lit masks; those read from another image than this are crossed out. */
function drawCells(n, lit) {
  const canvas = state.canvases[n];
  const context = canvas.getContext("2d");
  const scale = canvas.width / state.scene.width;
  for (const i of lit) {
    const { read, frame } = state.regions[i];
    const own = new Set(read.filter((cell) => cell.frame === n).map((cell) => cell.box.join()));
    for (const cell of read) {
      const elsewhere = cell.frame !== n;
      if (elsewhere && (frame !== n || own.has(cell.box.join()))) continue;
      const [top, left, bottom, right] = cell.box.map((side) => side * scale);
      for (const [colour, width] of [["rgb(0 0 0 / 60%)", 3], ["white", 1.2]]) {
        context.beginPath();
        context.rect(left + 1, top + 1, right - left - 2, bottom - top - 2);
        if (elsewhere) {
          context.moveTo(left, bottom);
          context.lineTo(right, top);
        }
        context.lineWidth = (width * canvas.width) / SHARP_SIDE;
        context.strokeStyle = colour;
        context.stroke();
      }
    }
  }
}

/** Light the mask of the part around a place; without one, of whatever has the focus. */
function follows(place) {
  const part = place?.closest?.("[data-mask]") ?? document.activeElement?.closest("[data-mask]");
  const lit = part ? [Number(part.dataset.mask)] : [];
  if (lit.join() === state.lit.join()) return;
  state.lit = lit;
  draw();
}
