// Where no item has a place on a map yet: the items themselves, side by side.

import { $, count, h } from "./dom.js";

const ON_THE_WALL = 120;

// Show the items that pass (`passes`: 0 or 1 for each, null: all), the first ones, and more on request.
export function fillWall(app, passes, many = ON_THE_WALL) {
  const { data, source } = app;
  for (const id of ["canvas", "ink"]) $(id).hidden = !data.placed;
  $("wall").hidden = data.placed;
  $("map").classList.toggle("walled", !data.placed);
  if (data.placed) return;
  const rows = [];
  for (let row = 0; row < data.n; row++) if (!passes || passes[row]) rows.push(row);
  const cards = rows.slice(0, many).map((row) => h("li", {}, h("button", { class: "result", type: "button", "data-id": data.ids[row], onclick: () => app.go({ item: data.ids[row], photo: null }, true) },
    source.picture(data.ids[row], ""), h("div", {}, h("b", {}, data.name(row))))));
  const more = rows.length - cards.length;
  $("wall").replaceChildren(h("ul", { class: "results" }, cards),
    rows.length ? "" : h("p", { class: "empty" }, "Nothing passes the filters."),
    more > 0 ? h("button", { class: "button", type: "button", onclick: () => fillWall(app, passes, 2 * many) }, `Show more of ${count(rows.length, "item")}`) : "");
}
