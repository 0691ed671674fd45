// A selection: kept under a name in the browser, compared with another, saved as a file.

import { $, count, h, remember, save, say } from "./dom.js";
import { heading } from "./data.js";

const MOST = 8; // values of a field that a comparison shows

const parse = (text) => {
  try {
    const found = JSON.parse(text || "[]");
    return Array.isArray(found) ? found.filter((each) => each && typeof each.name === "string" && Array.isArray(each.ids)) : [];
  } catch {
    return [];
  }
};

export class Picks {
  constructor(app) {
    this.app = app;
    this.key = `picks-${app.data.info.title}`;
    this.kept = parse(remember(this.key));
    this.chosen = new Set();
    const press = (id, action) => $(id).addEventListener("click", action);
    press("picked-clear", () => app.choose([...app.map.chosen], false));
    press("picked-keep", () => this.keep());
    for (const kind of ["csv", "json", "parquet"]) press(`save-${kind}`, () => this.save(kind));
    this.list();
  }

  get name() {
    return $("picked-name").value.trim() || "selection";
  }

  rows() {
    return [...this.app.map.chosen].sort((a, b) => a - b);
  }

  keep() {
    const { data } = this.app;
    const { name } = this;
    this.kept = [...this.kept.filter((each) => each.name !== name), { name, ids: this.rows().map((row) => data.ids[row]) }];
    if (!remember(this.key, JSON.stringify(this.kept))) this.app.note("This browser keeps nothing for this page: save the selection as a file.", null, true);
    this.list();
    say(`${name} kept`);
  }

  drop(name) {
    this.kept = this.kept.filter((each) => each.name !== name);
    this.chosen.delete(name);
    remember(this.key, JSON.stringify(this.kept));
    this.list();
  }

  // The rows of a kept selection that are still there.
  of(kept) {
    return kept.ids.map((id) => this.app.data.row(id)).filter((row) => row >= 0);
  }

  list() {
    $("picks").hidden = !this.kept.length;
    $("picks-list").replaceChildren(...this.kept.map((each) => {
      const box = h("input", { type: "checkbox", "aria-label": `Compare ${each.name}`, onchange: () => {
        this.chosen[box.checked ? "add" : "delete"](each.name);
        this.#ready();
      } });
      box.checked = this.chosen.has(each.name);
      return h("li", {}, box, h("button", { class: "link", type: "button", title: `Show ${each.name} on the map`, onclick: () => this.show(each) }, each.name), h("b", {}, each.ids.length.toLocaleString("en")),
        h("button", { class: "link", type: "button", "aria-label": `Forget ${each.name}`, onclick: () => this.drop(each.name) }, "✕"));
    }));
    this.#ready();
  }

  #ready() {
    const button = $("picks-compare");
    button.hidden = this.kept.length < 2;
    button.disabled = this.chosen.size !== 2;
    button.onclick = () => this.compare(...this.kept.filter((each) => this.chosen.has(each.name)));
  }

  show(kept) {
    const { app } = this;
    app.choose([...app.map.chosen], false);
    const rows = this.of(kept);
    $("picked-name").value = kept.name;
    app.choose(rows, true);
    app.map.show(rows);
    app.rail(false);
    if (rows.length < kept.ids.length) app.note(`${count(kept.ids.length - rows.length, "item")} of ${kept.name} are no longer in the catalog.`, null, true);
  }

  compare(one, two) {
    const { app } = this;
    const { data } = app;
    const sides = [one, two].map((each) => this.of(each));
    const there = new Set(sides[0]);
    const both = sides[1].filter((row) => there.has(row)).length;
    const either = sides[0].length + sides[1].length - both;
    const table = (title, value, word) => {
      const counts = sides.map((rows) => {
        const found = new Map();
        for (const row of rows) found.set(value(row), (found.get(value(row)) || 0) + 1);
        return found;
      });
      const share = (place, key) => (counts[place].get(key) || 0) / Math.max(sides[place].length, 1);
      const keys = [...new Set([...counts[0].keys(), ...counts[1].keys()])].sort((a, b) => Math.abs(share(0, b) - share(1, b)) - Math.abs(share(0, a) - share(1, a)));
      if (!keys.length || keys.length > 0.5 * either + 20) return null;
      const cell = (place, key) => h("td", {}, h("span", { class: "meter", "aria-hidden": "true" }, h("span", { wide: `${100 * share(place, key)}%` })), `${(counts[place].get(key) || 0).toLocaleString("en")} · ${(100 * share(place, key)).toFixed(0)}%`);
      const more = keys.length - MOST;
      return h("table", { class: "versus" }, h("caption", {}, title), h("thead", {}, h("tr", {}, h("th", { scope: "col" }, more > 0 ? `The ${MOST} that differ most of ${keys.length}` : ""), ...[one, two].map(({ name }) => h("th", { scope: "col" }, name)))),
        h("tbody", {}, keys.slice(0, MOST).map((key) => h("tr", {}, h("th", { scope: "row" }, word(key)), cell(0, key), cell(1, key)))));
    };
    const groups = data.clusters.k ? table("Groups", (row) => data.cluster[row], (key) => {
      const id = data.clusters.representatives[key];
      if (key < 0 || data.row(id) < 0) return "none";
      return h("div", { class: "like" }, app.source.picture(id, ""), h("span", {}, data.name(data.row(id))));
    }) : null;
    const facets = data.facets.filter((column) => column.kind === "text").map((column) => table(heading(column.name), (row) => column.codes[row], (code) => (code < 0 ? "(empty)" : data.word(sides[0].concat(sides[1]).find((row) => column.codes[row] === code), column))));
    const panel = $("panel");
    const away = h("button", { class: "button icon close", type: "button", "aria-label": "Close", onclick: () => {
      panel.hidden = true;
      panel.replaceChildren();
    } }, "✕");
    panel.replaceChildren(h("div", {}, away, h("h1", {}, `${one.name} and ${two.name}`),
      h("p", {}, `${count(sides[0].length, "item")} and ${count(sides[1].length, "item")}; ${both.toLocaleString("en")} in both, ${(either ? (100 * both) / either : 0).toFixed(0)}% of all that are in either.`)), ...[groups, ...facets].filter(Boolean));
    panel.hidden = false;
    panel.scrollTop = 0;
    panel.focus({ preventScroll: true });
    app.rail(false);
  }

  async save(kind) {
    const { app } = this;
    const { data } = app;
    const rows = this.rows();
    const name = this.name.replace(/[^\w .-]+/g, "_");
    if (kind === "parquet") {
      if (!app.source.upload) return app.note("Parquet is written by the server: open this catalog with lookalike serve, or save CSV or JSON here.", null, true);
      try {
        return save(`${name}.parquet`, "application/vnd.apache.parquet", await app.source.table(rows.map((row) => data.ids[row])));
      } catch (problem) {
        return app.note(problem.message, null, true);
      }
    }
    const items = rows.map((row) => ({ id: data.ids[row], cluster: data.cluster[row] < 0 ? null : data.cluster[row], ...data.metadata(row) }));
    if (kind === "json") return save(`${name}.json`, "application/json", JSON.stringify({ name: this.name, catalog: data.info.title, items }, null, 1));
    const cell = (value) => {
      const text = value === null ? "" : String(value);
      const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text; // no formula in a spreadsheet
      return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
    };
    const head = Object.keys(items[0]);
    return save(`${name}.csv`, "text/csv", [head, ...items.map((item) => head.map((field) => item[field]))].map((line) => line.map(cell).join(",")).join("\r\n") + "\r\n");
  }
}
