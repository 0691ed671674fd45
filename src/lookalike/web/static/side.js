// The left side: groups with their representatives, the elbow, filters with counts.

import { $, count, h, svg } from "./dom.js";
import { heading, said, tester } from "./data.js";
import { css, tone } from "./tones.js";

// The chips; `again`: of another K, with the curve left as it is.
export function groups(app, again = false) {
  const { data, source } = app;
  const { clusters } = data;
  $("groups-note").textContent = clusters.k ? count(clusters.k, "cluster") : "";
  if (!clusters.k) {
    $("groups").replaceWith(h("p", { class: "quiet", id: "groups" }, "None yet: the clusters were not computed."));
    $("elbow").hidden = true;
    return;
  }
  const order = clusters.sizes.map((_, place) => place).sort((a, b) => clusters.sizes[b] - clusters.sizes[a]);
  const chips = order.map((cluster) => {
    const id = clusters.representatives[cluster];
    const there = data.row(id) >= 0;
    const label = `Group of ${count(clusters.sizes[cluster], "item")}, like ${there ? data.name(data.row(id)) : id}`;
    return h("li", {}, h("button", { class: "chip", type: "button", "aria-pressed": "false", "aria-label": label, title: label, tone: css(tone(cluster)), "data-cluster": cluster,
      onclick: () => app.go({ cluster: app.state.cluster === cluster ? null : cluster }, true) },
    there ? source.picture(id, "") : null, h("small", { "aria-hidden": "true" }, clusters.sizes[cluster].toLocaleString("en"))));
  });
  $("groups").replaceChildren(...chips);
  $("groups").scrollTop = 0;
  if (again) tellK(clusters.k);
  else $("curve").replaceChildren(...curve(app));
}

let tellK = null;

export function press(app) {
  for (const chip of document.querySelectorAll(".chip")) {
    const cluster = Number(chip.dataset.cluster);
    chip.setAttribute("aria-pressed", String(cluster === app.state.cluster));
    chip.style.setProperty("--tone", css(tone(cluster)));
  }
}

function curve(app) {
  const { inertia, elbow, k: own, swept } = app.data.own.clusters;
  const catalog = app.data.info.catalog || "CATALOG";
  const [width, height, pad] = [240, 130, 18];
  const top = Math.max(...inertia) || 1;
  const most = inertia.length;
  const x = (n) => 6 + ((n - 1) / Math.max(most - 1, 1)) * (width - 12);
  const y = (value) => 6 + (1 - value / top) * (height - pad - 6);
  const line = inertia.map((value, place) => `${place ? "L" : "M"}${x(place + 1).toFixed(1)} ${y(value).toFixed(1)}`).join("");
  const mark = svg("circle", { r: 5 });
  const at = svg("line", { class: "now", y1: 6, y2: height - pad });
  const words = svg("text", { x: 6, y: height - 4 });
  words.textContent = "1";
  const end = svg("text", { x: width - 6, y: height - 4, "text-anchor": "end" });
  end.textContent = `K = ${most}`;
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "curve", "aria-hidden": "true" },
    svg("rect", { class: "close", x: x(elbow.low), y: 0, width: Math.max(2, x(elbow.high) - x(elbow.low)), height: height - pad }),
    svg("line", { x1: 6, x2: width - 6, y1: height - pad, y2: height - pad }), svg("path", { d: line }), at, mark, words, end);
  const told = h("p", { class: "quiet", "aria-live": "polite" });
  const back = h("button", { class: "link", type: "button", onclick: () => app.go({ groups: null, cluster: null }, true) }, `Back to ${own}`);
  const tell = (n) => {
    const shown = app.data.clusters;
    const share = ((100 * inertia[n - 1]) / inertia[0]).toFixed(0);
    const ends = n === shown.k && shown.chosen ? shown.chosen.why : elbow.clear ? `The elbow is at ${elbow.k}.` : `There is no clear elbow: ${elbow.low} to ${elbow.high} are close calls.`;
    const use = n === own ? "" : n > swept ? `lookalike cluster ${catalog} -k ${n} shows ${swept ? "it" : "others"}. ` : `lookalike cluster ${catalog} -k ${n} keeps it. `;
    told.textContent = `${count(n, "cluster")}: inertia ${share}% of one cluster's. ${use}${ends}`;
    for (const [name, value] of Object.entries({ cx: x(n), cy: y(inertia[n - 1]) })) mark.setAttribute(name, value);
    for (const name of ["x1", "x2"]) at.setAttribute(name, x(n));
    slider.value = n;
    slider.setAttribute("aria-valuetext", `${n} clusters`);
    back.hidden = shown.k === own;
  };
  const take = (n) => {
    tell(n);
    if (n === own || n <= swept) app.go({ groups: n === own ? null : n, cluster: null }, true);
  };
  const slider = h("input", { type: "range", min: 1, max: most, value: own, "aria-label": "Number of groups", wide: "100%", oninput: (event) => tell(Number(event.target.value)), onchange: (event) => take(Number(event.target.value)) });
  const pointed = (event) => {
    const box = picture.getBoundingClientRect();
    return Math.min(most, Math.max(1, Math.round(1 + ((((event.clientX - box.left) / box.width) * width - 6) / (width - 12)) * (most - 1))));
  };
  picture.addEventListener("click", (event) => take(pointed(event)));
  tellK = (k) => tell(Math.min(Math.max(k, 1), most));
  tellK(own);
  return [picture, slider, told, back];
}

export function filters(app) {
  const { data } = app;
  const open = new Set([...document.querySelectorAll(".facet[open]")].map((each) => each.dataset.name));
  const parts = data.facets.map((column, place) => {
    const wanted = app.state.filters[column.name];
    const chosen = !wanted ? "" : column.kind === "number" ? "set" : String(wanted.length);
    const facet = h("details", { class: "facet", "data-name": column.name }, h("summary", {}, heading(column.name), h("i", {}, chosen)));
    const fill = () => {
      if (facet.childElementCount === 1) facet.append(column.kind === "number" ? between(app, column) : values(app, column));
    };
    facet.addEventListener("toggle", fill);
    facet.open = open.has(column.name) || (!open.size && place < 2 && column.kind !== "number") || Boolean(wanted);
    if (facet.open) fill();
    return facet;
  });
  $("filters").replaceChildren(...(parts.length ? parts : [h("p", { class: "quiet" }, `This catalog has no metadata to filter by: lookalike index ${data.info.catalog || "CATALOG"} PHOTOS --metadata TABLE adds some.`)]));
  $("clear").hidden = !Object.keys(app.state.filters).length;
}

function values(app, column) {
  const { data, state } = app;
  const test = tester(data, state.filters, column.name);
  const counts = new Uint32Array(column.labels.length);
  for (let row = 0; row < data.n; row++) if (column.codes[row] >= 0 && (!test || test(row))) counts[column.codes[row]]++;
  const wanted = new Set(state.filters[column.name] || []);
  const order = column.labels.map((_, code) => code).sort((a, b) => wanted.has(column.labels[b]) - wanted.has(column.labels[a]) || counts[b] - counts[a]);
  return h("ul", { "aria-label": heading(column.name) }, order.slice(0, 200).map((code) => {
    const label = column.labels[code];
    const box = h("input", { type: "checkbox", onchange: () => {
      if (box.checked) wanted.add(label);
      else wanted.delete(label);
      app.filter(column.name, wanted.size ? [...wanted] : null);
    } });
    box.checked = wanted.has(label);
    return h("li", {}, h("label", { class: counts[code] ? "" : "none" }, box, h("span", { title: label }, said(column, label) || "(empty)"), h("b", {}, counts[code].toLocaleString("en"))));
  }));
}

function between(app, column) {
  const known = column.values.filter((value) => value !== null);
  const [low, high] = known.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
  const now = app.state.filters[column.name] || [null, null];
  const field = (place, hint) => h("input", { type: "number", step: "any", placeholder: known.length ? hint : "", value: now[place], "aria-label": `${heading(column.name)} ${place ? "at most" : "at least"}`,
    onchange: (event) => {
      const changed = [...now];
      changed[place] = event.target.value === "" ? null : Number(event.target.value);
      app.filter(column.name, changed.some((value) => value !== null) ? changed : null);
    } });
  return h("div", { class: "between" }, field(0, low), h("span", { class: "quiet" }, "to"), field(1, high));
}
