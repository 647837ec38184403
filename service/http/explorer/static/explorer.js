// What the explorer's pages gain by a script; all of them work without it.
const LIMIT = 8;
const KEY = "aicompare-picks";

/** @param {string} selector @param {ParentNode} [root] @returns {HTMLElement[]} */
function all(selector, root = document) {
  return Array.from(root.querySelectorAll(selector)).filter((one) => one instanceof HTMLElement);
}

// Forms send no empty fields, and several values of a name as one list: the URL that links write.
document.addEventListener("htmx:configRequest", (event) => {
  if (!(event instanceof CustomEvent)) return;
  const data = /** @type {FormData} */ (event.detail.formData);
  for (const name of new Set(data.keys())) {
    const values = data.getAll(name).map((value) => String(value).trim()).filter(Boolean);
    data.delete(name);
    if (values.length) data.set(name, values.join(","));
  }
  if (data.get("deprecated") === "false") data.delete("deprecated");
});

// A list that is swapped for its new counts stays where it was scrolled to.
let scrolled = 0;
document.addEventListener("htmx:beforeSwap", () => {
  scrolled = all("#facets .list")[0]?.scrollTop ?? 0;
});
document.addEventListener("htmx:afterSettle", () => {
  const list = all("#facets .list")[0];
  if (list) list.scrollTop = scrolled;
  showPicks();
});

/** Models chosen for a comparison, on all pages of the list. @returns {string[]} */
function picks() {
  return (sessionStorage.getItem(KEY) ?? "").split(",").filter(Boolean);
}

function showPicks() {
  const form = document.getElementById("picks");
  if (!(form instanceof HTMLFormElement)) return;
  const chosen = picks();
  const boxes = /** @type {HTMLInputElement[]} */ (all("input[form=picks]"));
  for (const box of boxes) {
    box.checked = chosen.includes(box.value);
    box.disabled = !box.checked && chosen.length >= LIMIT;
  }
  for (const one of all("input[type=hidden]", form)) one.remove();
  const here = new Set(boxes.map((box) => box.value));
  for (const id of chosen.filter((one) => !here.has(one))) {
    const field = Object.assign(document.createElement("input"), { type: "hidden", name: "ids", value: id });
    form.append(field);
  }
  const button = form.querySelector("button");
  if (button) button.disabled = chosen.length === 0;
  const hint = form.querySelector(".hint");
  if (hint) hint.textContent = chosen.length ? `${chosen.length} of ${LIMIT} chosen` : `choose up to ${LIMIT}`;
}

document.addEventListener("change", (event) => {
  const target = event.target;
  if (target instanceof HTMLInputElement && target.form?.id === "picks") {
    const rest = picks().filter((id) => id !== target.value);
    sessionStorage.setItem(KEY, (target.checked ? [...rest, target.value] : rest).slice(0, LIMIT).join(","));
    showPicks();
  } else if (target instanceof HTMLElement && target.closest("form[data-submits]")) {
    target.closest("form")?.requestSubmit();
  }
});

// A plain form sends its empty fields; without them the URL is one to be shared.
document.addEventListener("submit", (event) => {
  if (!(event.target instanceof HTMLFormElement) || event.target.method !== "get") return;
  const empty = Array.from(event.target.elements).filter(
    (field) => field instanceof HTMLInputElement && !field.disabled && field.value === "",
  );
  for (const field of empty) field.setAttribute("disabled", "");
  setTimeout(() => empty.forEach((field) => field.removeAttribute("disabled")));
});

// Ids to add to a comparison, as they are typed.
const add = document.getElementById("add");
let waiting = 0;
add?.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(suggest, 150);
});
async function suggest() {
  const list = document.getElementById("found");
  if (!(add instanceof HTMLInputElement) || !list || !add.value.trim()) return;
  const typed = add.value;
  const answer = await fetch(`/v1/search?${new URLSearchParams({ q: typed.trim(), pageSize: "12" })}`);
  if (!answer.ok || add.value !== typed) return;
  /** @type {{ data: { kind: string, id: string, name: string }[] }} */
  const found = await answer.json();
  list.replaceChildren(
    ...found.data.filter((one) => one.kind === "model").map((one) =>
      Object.assign(document.createElement("option"), { value: one.id, label: one.name })),
  );
}

// On a phone the filters are closed until they are asked for.
if (matchMedia("(max-width: 50rem)").matches) {
  for (const one of all("details.more")) one.removeAttribute("open");
}
showPicks();
