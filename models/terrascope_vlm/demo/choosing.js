// Files and examples: taking them, saying how they are read, opening them.

/** "scene_SAR.tif" is a SAR image, unless the user says otherwise. */
const looksLikeSar = (name) => /(^|[^a-z])(sar|s1|vv|vh|sentinel-?1)([^a-z]|$)/i.test(name);

async function take(files) {
  trouble();
  const taken = [];
  for (const file of files) {
    try {
      if (file.size > state.about.max_upload) throw new Error(`${file.name} has more than ${state.about.max_upload / 2 ** 20} MB`);
      const sent = await (await call(`upload?name=${encodeURIComponent(file.name)}`, file)).json();
      const sar = looksLikeSar(file.name);
      // Images are dates in the order they come; SAR images go with them one by one.
      const before = [...state.files, ...taken].filter((one) => one.sar === sar).map((one) => one.t);
      taken.push({ ...sent, sar, t: Math.max(0, ...before) + 1 });
    } catch (error) {
      trouble(error.message);
      return;
    }
  }
  if (!taken.length) return;
  state.files = [...state.files, ...taken];
  showChosen();
  await openFiles();
}

function showChosen() {
  byId("chosen").replaceChildren(...state.files.map((one, n) => {
    const kind = element("select", { ariaLabel: `Sensor of ${one.name}` },
      element("option", { value: "" }, "optical"), element("option", { value: "sar" }, "SAR"));
    kind.value = one.sar ? "sar" : "";
    kind.addEventListener("change", () => change(() => (one.sar = kind.value === "sar")));
    const date = element("input", { type: "number", min: 1, max: 24, value: one.t, ariaLabel: `Date of ${one.name}`, title: "Date, from 1" });
    date.addEventListener("change", () => change(() => (one.t = Math.max(1, Math.round(Number(date.value)) || 1))));
    const remove = element("button", { type: "button", ariaLabel: `Remove ${one.name}` }, "×");
    remove.addEventListener("click", () => change(() => {
      state.files.splice(n, 1);
      byId("files").focus();
    }));
    return element("li", {}, element("span", { className: "name", title: one.name }, one.name), kind,
      element("label", {}, "date", date), remove);
  }));
}

function change(how) {
  how();
  showChosen();
  openFiles();
}

function howToRead(kind) {
  const names = ["bands", "unit", "scale", "offset"];
  return Object.fromEntries(names.map((name) => [name, byId(`${kind}-${name}`).value.trim()]));
}

function openFiles() {
  if (!state.files.length) return trouble();
  return open({ images: state.files.map(({ file, sar, t }) => ({ file, sar, t })), image_options: howToRead("image"),
    sar_options: howToRead("sar"), gsd: byId("gsd").value.trim(), window: byId("window").value.trim() }, null);
}

async function open(asked, example) {
  const mine = ++state.opening;
  trouble();
  document.body.classList.add("loading");
  try {
    const scene = await post("open", asked);
    if (mine === state.opening) showScene(scene, example);
  } catch (error) {
    if (mine === state.opening) trouble(error.message);
    if (/unit|scale|band/.test(error.message)) byId("how").open = true;
  } finally {
    document.body.classList.remove("loading");
  }
}

async function showExamples() {
  try {
    const { examples } = await get("examples");
    byId("examples").replaceChildren(...examples.map(({ title, shows, src }, n) => {
      const button = element("button", { type: "button", ariaPressed: "false" }, element("img", { src, alt: "" }),
        element("span", {}, title, element("small", {}, shows)));
      button.addEventListener("click", () => {
        state.files = [];
        showChosen();
        open({ example: n }, n);
      });
      return element("li", {}, button);
    }));
    byId("examples-wait").hidden = true;
    byId("example-part").hidden = !examples.length;
  } catch (error) {
    byId("examples-wait").textContent = `There are none: ${error.message}`;
  }
}
