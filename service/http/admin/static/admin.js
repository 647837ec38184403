// @ts-check
// What the admin pages do beyond htmx: keys, and edits that could not be sent.

(() => {
  const DRAFT = "aicompare-draft";

  /** @param {Element | null} element */
  const focus = (element) => {
    if (element instanceof HTMLElement) element.focus();
  };

  /**
   * The cell that lies in a direction, seen from another.
   * @param {Element} cell
   * @param {string} key
   */
  const neighbour = (cell, key) => {
    const row = cell.closest("tr");
    const cells = row ? [...row.querySelectorAll("[data-cell]")] : [];
    const place = cells.indexOf(cell);
    if (key === "ArrowLeft") return cells[place - 1];
    if (key === "ArrowRight") return cells[place + 1];
    const next = key === "ArrowUp" ? row?.previousElementSibling : row?.nextElementSibling;
    return next?.querySelectorAll("[data-cell]")[place];
  };

  document.addEventListener("keydown", (event) => {
    const target = event.target;
    if (!(target instanceof Element)) return;
    if (event.key === "Escape") {
      const cancel = target.closest("[data-edit]")?.querySelector("[data-cancel]");
      if (cancel instanceof HTMLElement) {
        event.preventDefault();
        cancel.click();
      }
    } else if (event.key.startsWith("Arrow") && target.matches("[data-cell]")) {
      const next = neighbour(target, event.key);
      if (next) {
        event.preventDefault();
        focus(next);
      }
    }
  });

  // Only htmx sends an edit.
  document.addEventListener("submit", (event) => {
    if (event.target instanceof Element && event.target.matches("[data-edit]")) event.preventDefault();
  });

  // A field that opens is ready to be typed over.
  document.addEventListener("htmx:afterSettle", (event) => {
    const field = document.activeElement;
    if (event.target && field instanceof HTMLInputElement && field.closest("[data-edit]")) {
      field.select();
    }
  });

  /** @param {Event} event */
  const details = (event) => /** @type {CustomEvent} */ (event).detail;

  /** @param {Element} form */
  const draft = (form) => {
    const value = form.querySelector("#value");
    const typed = value instanceof HTMLInputElement || value instanceof HTMLSelectElement;
    const data = new FormData(/** @type {HTMLFormElement} */ (form));
    return typed
      ? {
          place: location.pathname + location.search,
          id: form.closest("tr")?.dataset.id,
          table: form.closest("table")?.dataset.table,
          field: String(data.get("field")),
          value: value.value,
        }
      : null;
  };

  // The session is over: what was typed is kept until its owner has signed in again.
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    const { xhr, elt } = details(event);
    const form = elt instanceof Element ? elt.closest("[data-edit]") : null;
    if (form && xhr.getResponseHeader("HX-Redirect")) {
      sessionStorage.setItem(DRAFT, JSON.stringify(draft(form)));
    }
  });

  for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(name, (event) => {
      const { elt, xhr } = details(event);
      const row = elt instanceof Element ? elt.closest("tr") : null;
      const place = row?.querySelector(".failed");
      const status = xhr?.status ? `status ${xhr.status}` : "no connection";
      const text = `Nothing was done (${status}): try again.`;
      if (place instanceof HTMLElement) {
        place.textContent = text;
        place.hidden = false;
      } else if (row) {
        const alert = document.createElement("p");
        alert.className = "failed problem";
        alert.setAttribute("role", "alert");
        alert.textContent = text;
        row.lastElementChild?.append(alert);
      }
    });
  }

  document.addEventListener("DOMContentLoaded", () => {
    const kept = JSON.parse(sessionStorage.getItem(DRAFT) ?? "null");
    if (!kept || kept.place !== location.pathname + location.search) return;
    sessionStorage.removeItem(DRAFT);
    const tables = [...document.querySelectorAll("table[data-table]")];
    const table = tables.find((one) => one instanceof HTMLElement && one.dataset.table === kept.table);
    const rows = [...(table?.querySelectorAll("tr[data-id]") ?? [])];
    const row = rows.find((one) => one instanceof HTMLElement && one.dataset.id === kept.id);
    if (!row) return;
    // The row says which table and row it is of.
    const query = new URLSearchParams({ field: kept.field, draft: kept.value });
    // @ts-ignore htmx is a script of its own
    window.htmx.ajax("GET", `/admin/edit?${query}`, { source: row, target: row, swap: "outerHTML settle:0s" });
  });
})();
