// A question, and the reply as it streams: words, masks in their places, the answer.

function clearReply() {
  Object.assign(state, { text: "", regions: [], layers: [], lit: [], shown: null });
  byId("reply").hidden = byId("answer-part").hidden = true;
  byId("truth").hidden = true;
  byId("masks").replaceChildren();
  byId("no-masks").hidden = false;
  byId("status").textContent = "";
}

function stop() {
  state.asking?.abort();
}

async function ask() {
  const question = byId("ask").value.trim();
  if (!state.scene || !question) return;
  stop();
  const options = byId("options").value.split("\n").map((line) => line.trim()).filter(Boolean);
  clearReply();
  draw();
  byId("reply").hidden = false;
  byId("asked").textContent = [question, ...options.map((option, n) => `${String.fromCharCode(65 + n)}: ${option}`)].join("\n");
  byId("suggested").open = false;
  byId("reply").scrollIntoView({ block: "nearest" });
  const mine = (state.asking = new AbortController());
  busy(true);
  byId("status").textContent = "Looking …";
  let last = "it broke off; is terrascope-vlm demo still running?";
  try {
    const response = await call("ask", JSON.stringify({ scene: state.scene.scene, question, options }), mine.signal);
    for await (const event of lines(response)) {
      if (state.asking !== mine) return;
      if (event.waiting) byId("status").textContent = "Waiting for another question …";
      if (event.started) byId("status").textContent = "Reasoning …";
      if (event.wrote) state.text += event.wrote;
      if (event.drew) drew(event.drew);
      if (event.error) last = event.error;
      if (event.done) last = done(event.done);
      showReasoning();
    }
    if (last) byId("status").textContent = `No answer: ${last}`;
  } catch (error) {
    if (state.asking === mine) byId("status").textContent = error.name === "AbortError" ? "Stopped." : `No answer: ${error.message}`;
  } finally {
    if (state.asking === mine) {
      state.asking = null;
      busy(false);
    }
  }
}

function busy(on) {
  byId("go").disabled = on;
  byId("stop").hidden = !on;
  byId("reasoning").classList.toggle("busy", on);
  byId("reasoning").setAttribute("aria-busy", String(on));
}

/** A mask has been drawn: it is lit for a moment, on an image of its date. */
function drew(region) {
  const n = region.number - 1;
  state.regions[n] = region;
  state.layers[n] = layerOf(region.rle, colourOf(n));
  state.shown = n;
  setTimeout(() => {
    if (state.shown !== n) return;
    state.shown = null;
    draw();
  }, 1500);
  byId("no-masks").hidden = true;
  byId("masks").append(maskRow(n));
  byId("status").textContent = `Drew mask ${region.number}: ${size(region)}`;
  draw();
}

function size(region) {
  if (region.empty) return "empty";
  const share = region.share === null ? "" : ` (${(100 * region.share).toFixed(1)}%)`;
  return `${region.pixels.toLocaleString("en")} px${share}${region.area ? ` · ${region.area}` : ""}`;
}

function notes(region) {
  if (region.empty) return region.measured || "Nothing there: the mask is empty.";
  const count = `${region.cells}${region.covered > region.cells ? ` of ${region.covered}` : ""} ${region.covered === 1 ? "cell" : "cells"}`;
  return [
    region.weak ? "Covers no cell well enough: read the best covered one." : region.cells ? `Read ${count}.` : "",
    region.sar === null ? "" : `${Math.round(100 * region.sar)}% of them from the SAR image.`,
    region.measured ? `Measured ${region.measured}` : "",
    region.forced ? "Given, not drawn." : "",
  ].filter(Boolean).join(" ");
}

function maskRow(n) {
  const region = state.regions[n];
  const dates = new Set(state.scene.frames.map((frame) => frame.t)).size;
  const row = element("li", { tabIndex: 0 },
    element("div", { className: "row" }, swatch(n), element("span", { className: "name" }, region.name ?? "region"),
      element("span", { className: "size" }, [size(region), dates > 1 ? `image ${region.t}` : ""].filter(Boolean).join(" · "))),
    element("p", { className: "hint note" }, notes(region)));
  row.dataset.mask = n;
  return row;
}

const colourOf = (n) => state.about.colours[n % state.about.colours.length];

function swatch(n) {
  const made = element("span", { className: "swatch" }, String(n + 1));
  made.style.backgroundColor = `rgb(${colourOf(n)})`;
  return made;
}

/** The text between the tags of a reply; an answer that is still being written counts, a tag that is, does not. */
function parts(text) {
  const whole = text.replace(/<\/?[a-z]*$/, "");
  const [, answer] = whole.match(/<answer>([^]*?)(?:<\/answer>|$)/) ?? [];
  return { think: whole.replace("<think>", "").trimStart().replace(/<\/think>[^]*$|<answer>[^]*$/, ""), answer };
}

function showReasoning() {
  const { think, answer } = parts(state.text);
  const nodes = [];
  think.split("[SEG]").forEach((piece, n) => {
    if (n) nodes.push(segButton(n - 1));
    if (n && state.regions[n - 1]?.measured) nodes.push(" ", element("span", { className: "measured" }, state.regions[n - 1].measured));
    if (piece) nodes.push(piece);
  });
  const focused = document.activeElement?.closest("#reasoning [data-mask]")?.dataset.mask;
  byId("reasoning").replaceChildren(...nodes);
  if (focused !== undefined) byId("reasoning").querySelector(`[data-mask="${focused}"]`)?.focus();
  if (answer !== undefined && state.asking) {
    byId("answer-part").hidden = false;
    byId("answer").textContent = answer || "…";
  }
}

function segButton(n) {
  const region = state.regions[n];
  const label = region ? `Mask ${n + 1}: ${[region.name, size(region)].filter(Boolean).join(", ")}` : `Mask ${n + 1}`;
  const made = element("button", { type: "button", className: "seg", title: label, ariaLabel: label }, swatch(n), "[SEG]");
  if (region) made.dataset.mask = n;
  made.classList.toggle("lit", litNow().includes(n));
  return made;
}

/** The whole reply is here. */
function done(record) {
  state.text = record.reply;
  byId("answer-part").hidden = false;
  byId("answer").textContent = record.line;
  byId("answer").classList.toggle("none", !record.option && !record.answer);
  byId("truth").hidden = !record.truth;
  byId("truth").textContent = `Measured on the true labels: ${record.truth}`;
  byId("facts").textContent = `${record.tokens} tokens, ${record.regions.length} ${record.regions.length === 1 ? "mask" : "masks"}, ` +
    `${record.seconds} s${record.ended === "length" ? "; cut off at the longest reply allowed" : ""}`;
  byId("status").textContent = "Done.";
  state.asking = null;
  busy(false);
  return "";
}
