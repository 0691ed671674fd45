// The explorer: one state, kept in the address, shown by the map and the two sides.

import { $, count, h, later, remember, say } from "./dom.js";
import { Data, heading, sql, tester } from "./data.js";
import { Duel } from "./duel.js";
import { handle } from "./hands.js";
import { Map2D } from "./map.js";
import * as panel from "./panel.js";
import { finder } from "./find.js";
import { Picks } from "./picks.js";
import * as side from "./side.js";
import { openSource } from "./source.js";
import { isDark, tones } from "./tones.js";
import { fillWall } from "./wall.js";

const START = { item: null, photo: null, groups: null, cluster: null, duel: null, filters: {}, same: [], prefer: [], diverse: false, k: 12, ranking: "default", tint: null, color: "cluster", at: null };

class App {
  state = { ...START };
  source = openSource();

  async start() {
    this.theme(remember("theme"), false);
    const info = await this.source.info();
    document.title = `${info.title} · lookalike`;
    $("title").textContent = info.title;
    $("count").textContent = count(info.items, "item");
    if (!this.source.upload) {
      $("photo-button").hidden = $("hint-photo").hidden = true;
      this.note("This is one file, without a server: search by photo needs lookalike serve.", null, true);
    }
    if (!info.items) return this.veil("This catalog is empty.", `lookalike index ${info.title}.catalog PHOTOS adds the photos of a folder.`);
    const [clusters, points, columns] = await Promise.all([this.source.clusters(), this.source.points(), this.source.columns()]);
    this.data = new Data(info, clusters, points, columns);
    if (this.source.use) this.source.use(this.data);
    this.map = new Map2D($("map"), $("canvas"), $("ink"), this.source, this.data);
    if (this.map.flat) this.note(`WebGL2 did not start, so the map is drawn plainly${this.data.n > 50000 ? ": 50,000 of its dots" : ""}.`, null, true);
    for (const [name, { state, mend }] of Object.entries(info.states)) {
      const what = name === "map" ? "The map" : "The clusters";
      const verb = name === "map" ? (state === "older" ? "is" : "was") : state === "older" ? "are" : "were";
      if (state !== "current") this.note(`${what} ${verb} ${state === "older" ? "older than the items" : "not computed yet"}.`, mend);
    }
    $("colors").append(...[["cluster", "Groups"], ...this.data.facets.map((c) => [c.name, heading(c.name)])].map(([value, word]) => h("option", { value }, `Color: ${word}`)));
    side.groups(this);
    this.picks = new Picks(this);
    this.duel = new Duel(this);
    this.wire();
    await this.read(false);
    $("veil").hidden = true;
    $("hint").hidden = remember("hint") === "seen" || Boolean(this.state.item);
    document.body.dataset.ready = "yes";
    return null;
  }

  wire() {
    const { map } = this;
    let over = -1;
    handle(map, {
      open: (row) => this.go({ item: this.data.ids[row], photo: null }, true),
      hover: (row, x, y) => {
        if (row !== over) this.tip((over = row));
        if (row >= 0) this.place(x, y);
      },
      lasso: (rows) => {
        this.choose(rows, true);
        say(`${count(rows.length, "item")} selected`);
      },
      back: () => {
        if ($("rail").classList.contains("open")) this.rail(false);
        else if (this.state.duel !== null) this.go({ duel: null }, true);
        else if (this.state.item || this.photo) this.go({ item: null, photo: null }, true);
        else if (this.state.cluster !== null) this.go({ cluster: null }, true);
      },
    });
    finder(this);
    map.addEventListener("move", () => {
      if (over >= 0) this.tip((over = -1));
    });
    map.addEventListener("move", later(300, () => {
      this.write(false);
      $("lost").hidden = !map.isLost;
    }));
    addEventListener("popstate", () => this.read());
    addEventListener("hashchange", () => this.read());
    const press = (id, action) => $(id).addEventListener("click", action);
    press("clear", () => this.go({ filters: {} }, true));
    press("theme", () => this.theme(isDark() ? "light" : "dark"));
    press("rail-button", () => this.rail(!$("rail").classList.contains("open")));
    press("hint-close", () => {
      $("hint").hidden = true;
      remember("hint", "seen");
    });
    press("home", (event) => {
      event.preventDefault();
      this.go({ ...START }, true);
      map.whole();
    });
    press("lost-back", () => map.whole());
    $("colors").addEventListener("change", (event) => this.go({ color: event.target.value }, true));
    if (this.source.newer) this.watch();
    if (!this.source.upload) return;
    $("photo").addEventListener("change", (event) => event.target.files[0] && this.ask(event.target.files[0]));
    let inside = 0;
    const files = (event) => [...event.dataTransfer.types].includes("Files");
    addEventListener("dragenter", (event) => files(event) && ($("drop").hidden = !++inside));
    addEventListener("dragleave", (event) => files(event) && ($("drop").hidden = !--inside));
    addEventListener("dragover", (event) => event.preventDefault());
    addEventListener("drop", (event) => {
      event.preventDefault();
      inside = 0;
      $("drop").hidden = true;
      if (event.dataTransfer.files[0]) this.ask(event.dataTransfer.files[0]);
    });
    addEventListener("paste", (event) => {
      const file = [...(event.clipboardData?.files || [])][0];
      if (file) this.ask(file);
    });
  }

  // Say once that the catalog has changed: what this page holds is of the version that it was opened on.
  watch() {
    const look = setInterval(async () => {
      if (document.hidden || !(await this.source.newer().catch(() => false))) return;
      clearInterval(look);
      this.note("The catalog has changed since this page was opened.", null).prepend(h("button", { class: "link", type: "button", onclick: () => location.reload() }, "Reload"));
    }, 20000);
  }

  // Change the state, show it, and keep it in the address; `past`: as a step that Back undoes.
  go(change, past) {
    const before = this.state;
    this.state = { ...before, ...change };
    if (!this.state.photo) this.photo = null;
    this.write(past);
    return this.show(before);
  }

  ask(file) {
    this.photo = file;
    if (this.photoAddress) URL.revokeObjectURL(this.photoAddress);
    this.photoAddress = URL.createObjectURL(file);
    $("photo").value = "";
    this.go({ item: null, photo: String(performance.now()) }, true);
  }

  filter(name, wanted) {
    const filters = { ...this.state.filters };
    if (wanted) filters[name] = wanted;
    else delete filters[name];
    this.go({ filters }, true);
  }

  options() {
    const { k, same, prefer, diverse, ranking, tint, filters } = this.state;
    return { k, same, prefer, diverse, ranking, color: tint, where: sql(this.data, filters), passes: tester(this.data, filters) };
  }

  // Show the groups of the K that is asked for; true if it is still asked for once they are there.
  async regroup() {
    const { state, data } = this;
    const k = state.groups;
    const swept = k === null || (k >= 1 && k <= data.own.clusters.swept);
    if (!swept) this.note(`This catalog holds no ${k} groups: it has 1 to ${data.own.clusters.swept}.`, null, true);
    try {
      const [told, labels] = swept && k !== null ? await this.source.grouped(k) : [data.own.clusters, data.own.labels];
      if (this.state.groups !== k) return false;
      data.group(told, labels);
    } catch (problem) {
      this.note(problem.message, null, true);
    }
    side.groups(this, true);
    return true;
  }

  async show(before) {
    const { state, data, map } = this;
    const changed = (name) => JSON.stringify(before?.[name]) !== JSON.stringify(state[name]);
    const regrouped = changed("groups") && (before || state.groups !== null);
    if (regrouped && !(await this.regroup())) return;
    if (!before || changed("filters") || changed("cluster") || changed("color") || regrouped) this.paint();
    if (!before || changed("filters")) side.filters(this);
    if (!before || changed("cluster") || regrouped) side.press(this);
    if (before && changed("cluster") && state.cluster !== null) {
      const rows = [];
      for (let row = 0; row < data.n; row++) if (data.cluster[row] === state.cluster) rows.push(row);
      map.show(rows);
      this.rail(false);
    }
    $("colors").value = state.color;
    if (!before || changed("duel")) this.duel.show(state.duel);
    const asked = ["item", "photo"].some(changed);
    if (!before || asked || ["filters", "same", "prefer", "diverse", "k", "ranking", "tint"].some(changed)) this.answer(before && !asked, Boolean(before));
  }

  async answer(again, smooth) {
    const { state, data, map } = this;
    const row = state.item === null ? -1 : data.row(state.item);
    map.spot = null;
    map.marks = map.near = [];
    map.below = 0;
    map.redraw();
    if (row < 0 && !this.photo) {
      panel.close();
      if (state.item !== null) this.note(`There is no item ${state.item} in this catalog.`, null, true);
      return;
    }
    $("hint").hidden = true;
    const found = await panel.open(this, this.photo ? { file: this.photo } : { row }, again);
    if (!found) return;
    if (innerWidth <= 820) map.below = $("panel").offsetHeight;
    const rows = found.results.map((hit) => data.row(hit.id));
    map.marks = this.photo ? [] : [row];
    if (this.photo) {
      map.spot = found.place;
      $("spot").textContent = found.place ? "The ring on the map is where it belongs." : "";
    }
    map.near = rows;
    map.redraw();
    const [x, y] = row < 0 ? [0, 0] : map.at(row);
    const covered = x < 0 || y < 0 || x > map.view.width || y > map.view.height - map.below; // by the panel, of a link from a wider screen
    if (!again && (!this.held || covered)) map.show([...(this.photo ? [] : [row]), ...rows.slice(0, 6)], smooth);
    this.held = false;
  }

  paint() {
    const { state, data, map } = this;
    const test = tester(data, state.filters);
    const lit = test || state.cluster !== null ? (row) => (!test || test(row)) && (state.cluster === null || data.cluster[row] === state.cluster) : null;
    let many = 0;
    const passes = lit ? new Uint8Array(data.n) : null;
    if (lit) for (let row = 0; row < data.n; row++) many += passes[row] = Number(lit(row));
    map.only(passes);
    $("count").textContent = lit ? `${many.toLocaleString("en")} of ${count(data.n, "item")}` : count(data.n, "item");
    map.rim = isDark() ? [0.18, 0.21, 0.24, 0] : [0.86, 0.85, 0.82, 0];
    map.strong = isDark() ? [0.96, 0.6, 0.33, 1] : [0.76, 0.33, 0, 1];
    map.paint(tones(data, state.color, lit));
    fillWall(this, passes);
  }

  choose(rows, on) {
    for (const row of rows) this.map.chosen[on ? "add" : "delete"](row);
    const many = this.map.chosen.size;
    $("picked").hidden = !many;
    $("picked-count").textContent = `${many.toLocaleString("en")} kept`;
    this.map.redraw();
    const shown = document.querySelector(".acts button");
    if (shown && this.state.item) {
      const kept = this.map.chosen.has(this.data.row(this.state.item));
      shown.textContent = kept ? "Kept ✓" : "Keep";
      shown.setAttribute("aria-pressed", String(kept));
    }
  }

  tip(row) {
    const tip = $("tip");
    tip.hidden = row < 0;
    if (row < 0) return;
    const { data } = this;
    const facts = data.facets.filter((c) => c.kind === "text" && data.value(row, c) !== null).slice(0, 3).map((c) => data.word(row, c));
    tip.replaceChildren(this.source.picture(data.ids[row], ""), h("div", {}, h("b", {}, data.name(row)), h("span", { class: "quiet" }, facts.join(" · "))));
  }

  place(x, y) {
    const { tip, map } = { tip: $("tip"), map: $("map") };
    const [width, height] = [tip.offsetWidth, tip.offsetHeight];
    tip.style.left = `${Math.max(8, Math.min(x + 18, map.clientWidth - width - 8))}px`;
    tip.style.top = `${y + 22 + height > map.clientHeight ? y - height - 14 : y + 22}px`;
  }

  // Show on the map which item a result is.
  point(row) {
    const shown = this.state.item === null ? [] : [this.data.row(this.state.item)];
    this.map.marks = row >= 0 ? [...shown, row] : shown;
    this.map.redraw();
  }

  rail(open) {
    $("rail").classList.toggle("open", open);
    $("rail-button").setAttribute("aria-expanded", String(open));
  }

  theme(name, repaint = true) {
    if (name) {
      document.documentElement.dataset.theme = name;
      remember("theme", name);
    }
    if (repaint) {
      this.paint();
      side.press(this);
    }
  }

  note(words, command, passing = false) {
    const shown = h("p", { class: "note" }, h("span", {}, words, command ? [" ", h("code", {}, command), " mends that."] : null),
      h("button", { class: "link", type: "button", "aria-label": "Hide this note", onclick: () => shown.remove() }, "✕"));
    $("notes").append(shown);
    if (passing) setTimeout(() => shown.remove(), 8000);
    return shown;
  }

  veil(head, words) {
    $("veil").hidden = false;
    $("veil").classList.add("failed");
    $("veil-words").replaceChildren(h("b", {}, head), h("br"), words);
  }

  write(past) {
    const { state, map } = this;
    const query = new URLSearchParams();
    for (const name of ["item", "groups", "cluster", "duel", "color", "ranking", "tint", "k"]) if (state[name] !== START[name]) query.set(name, state[name]);
    for (const list of ["same", "prefer"]) for (const name of state[list]) query.append(list, name);
    if (state.diverse) query.set("diverse", "1");
    for (const [name, wanted] of Object.entries(state.filters)) query.set(`only.${name}`, JSON.stringify(wanted));
    const { x, y, scale } = map.view;
    query.set("at", [x.toPrecision(5), y.toPrecision(5), (scale / map.fit).toPrecision(4)].join(","));
    const address = `#${query}`;
    if (address !== location.hash) history[past ? "pushState" : "replaceState"](null, "", address);
  }

  // The state from the address: of a link, or of Back and Forward.
  async read(smooth = true) {
    const query = new URLSearchParams(location.hash.slice(1));
    const { data, map } = this;
    const filters = {};
    for (const column of data.columns) {
      try {
        const wanted = JSON.parse(query.get(`only.${column.name}`));
        if (Array.isArray(wanted)) filters[column.name] = wanted;
      } catch { /* a link that was cut short */ }
    }
    const colors = ["cluster", ...data.facets.map((c) => c.name)];
    const fields = (list) => query.getAll(list).filter((name) => data.columns.some((c) => c.name === name));
    const state = { ...START, item: query.get("item"), duel: query.get("duel"), filters, same: fields("same"), prefer: fields("prefer"), diverse: query.get("diverse") === "1" };
    if (query.has("groups")) state.groups = Number(query.get("groups")) || null;
    if (query.has("cluster")) state.cluster = Number(query.get("cluster")) || 0;
    if (colors.includes(query.get("color"))) state.color = query.get("color");
    if (query.get("ranking") === "euclidean") state.ranking = "euclidean";
    else if (Number(query.get("tint") ?? 2) >= 0 && Number(query.get("tint") ?? 2) <= 1) state.tint = Number(query.get("tint"));
    if (Number(query.get("k")) >= 1) state.k = Math.min(1000, Math.round(Number(query.get("k"))));
    const before = smooth ? this.state : null;
    this.photo = null;
    this.state = state;
    const at = (query.get("at") || "").split(",").map(Number);
    this.held = at.length === 3 && at.every(Number.isFinite); // the link says what part of the map to show
    await this.show(before);
    if (this.held) map.fly(at[0], at[1], at[2] * map.fit, false);
    if (!state.item) this.held = false;
  }
}

const app = new App();
app.start().catch((problem) => app.veil("This did not work.", problem.message));
