// The right side: one item or photo, large, with its look-alikes beside it, how far they are and why.

import { $, count, h, say } from "./dom.js";
import { heading } from "./data.js";

const UNUSABLE = /^the photo 'photo' cannot be used: \w+: /;
const RANKINGS = [["default", "Best match"], ["euclidean", "Plain distance"]];

export function close() {
  $("panel").hidden = true;
  $("panel").replaceChildren();
}

// `asked`: {row} of an item or {file} of a photo.
export async function open(app, asked, again = false) {
  const panel = $("panel");
  const number = (app.asking = (app.asking || 0) + 1);
  const place = again ? panel.scrollTop : 0;
  const results = h("div", { "aria-live": "polite" }, h("p", { class: "empty" }, "Looking …"));
  const held = again && panel.contains(document.activeElement) ? document.activeElement.id : "";
  panel.replaceChildren(head(app, asked), controls(app, asked), results);
  panel.hidden = false;
  panel.scrollTop = place;
  if (held) $(held)?.focus({ preventScroll: true });
  if (!again && document.activeElement !== $("canvas")) panel.focus({ preventScroll: true });
  let found;
  try {
    found = asked.file ? await app.source.search(asked.file, app.options()) : await app.source.similar(app.data.ids[asked.row], asked.row, app.options());
  } catch (problem) {
    if (number === app.asking) results.replaceChildren(h("p", { class: "empty" }, problem.message.replace(UNUSABLE, "This photo cannot be used: ")));
    return null;
  }
  if (number !== app.asking) return null;
  results.replaceChildren(...list(app, asked, found));
  say(`${count(found.results.length, "look-alike")} found`);
  return found;
}

function head(app, asked) {
  const { data, source, state } = app;
  const away = h("button", { class: "button icon close", type: "button", "aria-label": "Close", onclick: () => app.go({ item: null, photo: null }, true) }, "✕");
  if (asked.file) {
    const image = h("img", { class: "pic", alt: "Your photo", src: app.photoAddress, onerror: () => image.replaceWith(h("div", { class: "pic none" }, "No preview in this browser")) });
    return h("div", { class: "head" }, image, h("div", {}, away, h("h1", {}, "Your photo"), h("p", { class: "quiet" }, asked.file.name || "pasted"), h("p", { class: "quiet", id: "spot" })));
  }
  const { row } = asked;
  const shown = data.columns.filter((c) => c !== data.naming && data.value(row, c) !== null);
  const facts = h("dl", { class: "facts" }, shown.slice(0, 12).flatMap((c) => [h("dt", {}, heading(c.name)), h("dd", {}, data.word(row, c))]));
  const kept = app.map.chosen.has(row);
  const acts = h("div", { class: "acts" },
    h("button", { class: "button", type: "button", "aria-pressed": String(kept), onclick: () => app.choose([row], !app.map.chosen.has(row)) }, kept ? "Kept ✓" : "Keep"),
    h("button", { class: "button", type: "button", onclick: () => app.map.show([row]) }, "On the map"),
    h("button", { class: "button", type: "button", onclick: (event) => copy(event.target) }, "Copy link"));
  const id = data.ids[row];
  const name = data.name(row);
  return h("div", { class: "head", "data-item": id }, source.picture(id, name), h("div", {}, away, h("h1", {}, name), name === id ? null : h("p", { class: "quiet" }, id), facts), acts);
}

async function copy(button) {
  try {
    await navigator.clipboard.writeText(location.href);
    button.textContent = "Copied ✓";
  } catch {
    button.textContent = "Copy it from the address bar";
  }
}

function controls(app, asked) {
  const { state, data } = app;
  const many = h("select", { id: "many", onchange: (event) => app.go({ k: Number(event.target.value) }, true) }, [3, 6, 12, 24, 48].map((k) => {
    const option = h("option", { value: k }, String(k));
    option.selected = k === state.k;
    return option;
  }));
  const how = [];
  if (data.info.controls.includes("ranking") && app.source.upload) {
    how.push(h("label", {}, "by ", h("select", { id: "ranking", onchange: (event) => app.go({ ranking: event.target.value, tint: null }, true) }, RANKINGS.map(([value, word]) => {
      const option = h("option", { value }, word);
      option.selected = value === state.ranking;
      return option;
    }))));
  }
  if (data.info.controls.includes("color") && app.source.upload) {
    const plain = state.ranking === "euclidean";
    const share = plain ? 0 : state.tint ?? data.info.whitening?.color ?? 0;
    const slider = h("input", { id: "tint", type: "range", min: 0, max: 1, step: 0.05, value: share, disabled: plain, title: plain ? "Plain distance knows no color of its own" : null,
      "aria-label": "How much color counts", onchange: (event) => app.go({ tint: Number(event.target.value) }, true) });
    how.push(h("label", { class: "tint" }, "Shape ", slider, " Color"));
  }
  let varied = null;
  if (data.info.controls.includes("diverse")) {
    const box = h("input", { type: "checkbox", id: "diverse", onchange: (event) => app.go({ diverse: event.target.checked }, true) });
    box.checked = state.diverse;
    varied = h("label", { title: "Near-identical items count once, and the results differ" }, box, " varied");
  }
  const bound = asked.file ? [] : data.facets.filter((c) => c.kind === "text" && data.value(asked.row, c) !== null).slice(0, 6);
  const numbers = asked.file ? [] : data.facets.filter((c) => c.kind === "number" && data.value(asked.row, c) !== null).slice(0, 2);
  const fields = [group(app, "same", "Only the same", bound)];
  if (data.info.controls.includes("prefer")) fields.push(group(app, "prefer", "Rather the same", [...bound, ...numbers]));
  return h("div", {}, h("div", { class: "how" }, h("h2", {}, "Looks like"), varied, h("label", {}, "Show ", many)), how.length ? h("div", { class: "how by" }, how) : null, fields);
}

// Buttons that say in which fields the results are to be as the query.
function group(app, list, words, columns) {
  const chosen = app.state[list];
  const press = (name) => app.go({ [list]: chosen.includes(name) ? chosen.filter((other) => other !== name) : [...chosen, name] }, true);
  const buttons = columns.map((c) => h("button", { class: "same", type: "button", "aria-pressed": String(chosen.includes(c.name)), onclick: () => press(c.name) }, heading(c.name)));
  return buttons.length ? h("div", { class: "sames", role: "group", "aria-label": words }, h("span", { class: "quiet" }, words), h("div", { class: "pills" }, buttons)) : null;
}

function list(app, asked, found) {
  const { data, source } = app;
  const compared = data.columns.filter((c) => c !== data.naming && (c.kind === "number" || c.labels.length < data.n / 2));
  const cards = found.results.filter((hit) => data.row(hit.id) >= 0).map((hit) => {
    const row = data.row(hit.id);
    const name = data.name(row);
    const agree = asked.file ? [] : compared.filter((c) => data.value(row, c) !== null && data.value(row, c) === data.value(asked.row, c));
    const why = asked.file
      ? compared.map((c) => data.value(row, c)).filter((value) => value !== null && typeof value === "string").slice(0, 3).join(", ")
      : hit.reasons ? hit.reasons.join(", ") || h("i", {}, "By looks alone")
      : agree.length ? [h("i", {}, "Same "), agree.slice(0, 4).map((c) => heading(c.name).toLowerCase()).join(", ")] : h("i", {}, "By looks alone");
    const meter = h("span", { class: "meter", "aria-hidden": "true" }, h("span", { wide: `${Math.round(100 * hit.score)}%` }));
    return h("li", {}, h("button", { class: "result", type: "button", "data-id": hit.id, onclick: () => app.go({ item: hit.id, photo: null }, true),
      onpointerenter: () => app.point(row), onpointerleave: () => app.point(-1), onfocus: () => app.point(row), onblur: () => app.point(-1) },
    source.picture(hit.id, ""), h("div", {}, h("b", {}, name), meter, h("small", {}, `${Math.round(100 * hit.score)}% alike · distance ${hit.distance.toPrecision(3)}`), h("small", { class: "why" }, why))));
  });
  if (!cards.length) {
    const bound = Object.keys(app.state.filters).length + app.state.same.length > 0;
    const words = found.among ? `None of the ${found.among} nearest passes the filters.` : bound ? "Nothing passes the filters." : "There is no other item yet.";
    return [h("div", { class: "empty" }, h("p", {}, words), bound ? h("button", { class: "button", type: "button", onclick: () => app.go({ filters: {}, same: [] }, true) }, "Clear the filters") : null)];
  }
  const exact = found.among ? `From the ${found.among} nearest of each item, which this file holds; lookalike serve searches all.`
    : `${found.exact ? "Exact: nothing nearer was left out" : `Approximate: finds ${(100 * found.recall).toFixed(1)}% of the nearest`} · ${found.took_ms.toFixed(found.took_ms < 10 ? 1 : 0)} ms`;
  const varied = found.diverse ? h("p", { class: "took" }, `Varied: from the ${found.diverse.pool} nearest, ${found.diverse.collapsed} near-identical left out; ${(100 * found.diverse.cost).toFixed(1)} points less alike on average.`) : null;
  return [h("ul", { class: "results" }, cards), varied || h("p", { class: "took" }, exact)];
}
