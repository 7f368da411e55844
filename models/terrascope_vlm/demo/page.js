// Theme, keys, and what happens on which event.

function closeFinder() {
  document.body.classList.remove("finding");
  byId("open-finder").setAttribute("aria-expanded", "false");
}

function changeTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = document.documentElement.dataset.theme ?? (dark ? "dark" : "light");
  document.documentElement.dataset.theme = now === "dark" ? "light" : "dark";
}

async function showAbout() {
  try {
    state.about = await get("about");
    const { model } = state.about;
    const million = (model.parameters / 1e6).toLocaleString("en", { maximumFractionDigits: 1 });
    byId("about").textContent = [model.checkpoint, `${million} M parameters`, `evidence ${model.evidence}`,
      `fusion ${model.fusion}`, `${model.device}, ${model.dtype}`].join(" · ");
  } catch (error) {
    trouble(error.message);
  }
}

byId("files").addEventListener("change", () => {
  const files = [...byId("files").files];
  byId("files").value = "";
  take(files);
});
for (const name of ["dragenter", "dragover"]) {
  addEventListener(name, (event) => {
    event.preventDefault();
    byId("drop").classList.add("over");
  });
}
for (const name of ["dragleave", "drop"]) {
  addEventListener(name, (event) => {
    event.preventDefault();
    if (name === "drop" || !event.relatedTarget) byId("drop").classList.remove("over");
  });
}
addEventListener("drop", (event) => take([...event.dataTransfer.files]));
byId("how").addEventListener("change", openFiles);
byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
byId("stop").addEventListener("click", stop);
byId("tint").addEventListener("input", draw);
byId("cells").addEventListener("change", draw);
byId("theme").addEventListener("click", changeTheme);
byId("open-finder").addEventListener("click", () => {
  const isOpen = document.body.classList.toggle("finding");
  byId("open-finder").setAttribute("aria-expanded", String(isOpen));
});
for (const name of ["mouseover", "focusin"]) document.addEventListener(name, (event) => follows(event.target));
document.addEventListener("focusout", (event) => event.relatedTarget ?? follows(null));
document.documentElement.addEventListener("mouseleave", () => follows(null));
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.closest("#form")) ask();
  if (event.key === "Escape") stop();
});
showAbout();
showExamples();
