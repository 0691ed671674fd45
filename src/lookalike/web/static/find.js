// Search by name or id, in the page itself.

import { $, h } from "./dom.js";

const MOST = 12;

export function finder(app) {
  const { data, source } = app;
  const [field, list] = [$("find"), $("found")];
  let texts = null;
  let rows = [];
  let at = -1;

  const search = (words) => {
    texts ||= data.ids.map((id, row) => `${id} ${data.columns.filter((c) => c.kind === "text").map((c) => data.value(row, c) ?? "").join(" ")}`.toLowerCase());
    const parts = words.toLowerCase().split(/\s+/).filter(Boolean);
    const found = [];
    if (!parts.length) return found;
    for (let row = 0; row < texts.length; row++) {
      if (!parts.every((part) => texts[row].includes(part))) continue;
      found.push([data.ids[row].toLowerCase().startsWith(parts[0]) ? 0 : data.name(row).toLowerCase().startsWith(parts[0]) ? 1 : 2, row]);
      if (found.length > 2000) break;
    }
    return found.sort((a, b) => a[0] - b[0] || a[1] - b[1]).slice(0, MOST).map(([, row]) => row);
  };

  const close = () => {
    list.hidden = true;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
    at = -1;
  };
  const take = (row) => {
    close();
    field.value = "";
    field.blur();
    app.go({ item: data.ids[row], photo: null }, true);
  };
  const mark = (next) => {
    at = next;
    [...list.children].forEach((child, place) => child.setAttribute("aria-selected", String(place === at)));
    if (at >= 0) {
      field.setAttribute("aria-activedescendant", `found-${at}`);
      list.children[at].scrollIntoView({ block: "nearest" });
    }
  };

  field.addEventListener("input", () => {
    rows = search(field.value);
    list.replaceChildren(...rows.map((row, place) => h("li", { role: "option", id: `found-${place}`, "aria-selected": "false", onpointerdown: (event) => {
      event.preventDefault();
      take(row);
    } }, source.picture(data.ids[row], ""), h("div", {}, h("b", {}, data.name(row)), h("small", {}, data.ids[row])))));
    if (field.value.trim() && !rows.length) list.replaceChildren(h("li", { role: "option", "aria-disabled": "true" }, h("div", {}, "Nothing has these words in its name, id or metadata.")));
    list.hidden = !field.value.trim();
    field.setAttribute("aria-expanded", String(!list.hidden));
    mark(-1);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (rows.length) mark((at + (event.key === "ArrowDown" ? 1 : -1) + rows.length) % rows.length);
    } else if (event.key === "Enter" && rows.length) take(rows[Math.max(at, 0)]);
    else if (event.key === "Escape" && !list.hidden) {
      event.stopPropagation();
      close();
    }
  });
  field.addEventListener("blur", close);
}
