// State, elements, and talking to the server. All texts are set as text, never as markup: whatever a file or a model
// says stays words.

const byId = (id) => document.getElementById(id);

const state = {
  about: null, // the model, colours of masks, the largest upload
  files: [], // {file, name, sar, t} as uploaded
  scene: null,
  pictures: [], // one Image per frame
  canvases: [],
  regions: [], // as drawn: record of each mask
  layers: [], // their pixels
  lit: [], // masks under pointer or focus
  shown: null, // a mask that was just drawn and is lit for a moment
  frame: 0,
  all: false,
  text: "", // of the reply so far
  asking: null, // AbortController
  opening: 0, // number of the last request to open, so that only its answer counts
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

// --- the server ------------------------------------------------------------------------------------------------------

/** What the server answers; an Error with its words when it does not. */
async function call(path, body, signal) {
  const options = body === undefined ? {} : { method: "POST", body, signal };
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("the server does not answer; is terrascope-vlm demo still running?");
  }
  if (!response.ok) throw new Error((await response.json().catch(() => ({}))).error ?? `error ${response.status}`);
  return response;
}

const get = async (path) => (await call(path)).json();
const post = async (path, value) => (await call(path, JSON.stringify(value))).json();

/** The objects of a stream, line by line, as they arrive. */
async function* lines(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    rest += value ?? "";
    const parts = rest.split("\n");
    rest = parts.pop();
    for (const part of parts) yield JSON.parse(part);
    if (done) return;
  }
}

function trouble(message) {
  byId("trouble").textContent = message ?? "";
  byId("trouble").hidden = !message;
}
