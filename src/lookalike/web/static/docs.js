// The interface as people read it, from its own description, with a form to try each question.

import { $, h } from "./dom.js";

const document_ = await (await fetch("openapi.json")).json();
const first = await (await fetch("api/items?limit=1")).json().catch(() => ({ items: [] }));

function field(parameter) {
  const known = parameter.name === "id" ? first.items[0]?.id : parameter.schema.default ?? (parameter.name === "number" ? 0 : "");
  return h("input", { name: parameter.name, "data-in": parameter.in, value: known ?? "", "aria-label": parameter.name });
}

function section(path, method, operation) {
  const parameters = operation.parameters || [];
  const inputs = parameters.map(field);
  const form = operation.requestBody?.content["multipart/form-data"]?.schema.properties || {};
  for (const [name, { format }] of Object.entries(form)) {
    inputs.push(h("input", format === "binary" ? { type: "file", name, "data-in": "form", accept: "image/*", "aria-label": name } : { name, "data-in": "form", "aria-label": name }));
  }
  const json = operation.requestBody?.content["application/json"]?.schema.properties;
  if (json) inputs.push(h("textarea", { name: "body", "data-in": "json", rows: 3, cols: 60, "aria-label": "body" }, JSON.stringify(Object.fromEntries(Object.entries(json).map(([name, { examples, enum: known }]) => [name, (examples || known || [""])[0]])))));
  const rows = inputs.map((input, place) => h("tr", {}, h("th", { scope: "row" }, h("code", {}, input.name)), h("td", {}, input),
    h("td", { class: "quiet" }, parameters[place]?.description || form[input.name]?.description || "")));
  const answer = h("pre", { hidden: true, tabindex: "0", "aria-label": "Answer" });
  const statuses = Object.entries(operation.responses).map(([status, { description }]) => `${status} ${description}`).join("; ");
  return h("section", { class: "path" }, h("h2", {}, h("span", { class: "verb" }, method.toUpperCase()), h("code", {}, path)), h("p", {}, operation.description || operation.summary),
    rows.length ? h("table", {}, h("tbody", {}, rows)) : null, h("p", { class: "quiet" }, statuses),
    h("button", { class: "button try", type: "button", onclick: () => ask(path, method, inputs, answer) }, "Try it"), answer);
}

async function ask(path, method, inputs, answer) {
  const query = new URLSearchParams();
  let body = new FormData();
  let address = path.slice(1);
  for (const input of inputs) {
    const value = input.value.trim();
    if (input.dataset.in === "path") address = address.replace(`{${input.name}}`, encodeURIComponent(value));
    else if (input.dataset.in === "json") body = value;
    else if (input.dataset.in === "form") {
      if (input.files ? input.files[0] : value) body.append(input.name, input.files ? input.files[0] : value);
    }
    else if (value) query.append(input.name, value);
  }
  if (`${query}`) address += `?${query}`;
  const got = await fetch(address, method === "get" ? {} : method === "post" ? { method, body } : { method });
  const kind = got.headers.get("content-type") || "";
  const shown = kind.includes("json") ? JSON.stringify(await got.json(), null, 1).slice(0, 20000) : `${kind}, ${(await got.blob()).size} bytes`;
  answer.hidden = false;
  answer.textContent = `${method.toUpperCase()} /${address}\n${got.status}\n\n${shown}`;
}

$("paths").replaceChildren(h("p", { class: "quiet" }, `${document_.info.summary} Errors are application/problem+json.`),
  ...Object.entries(document_.paths).flatMap(([path, operations]) => Object.entries(operations).map(([method, operation]) => section(path, method, operation))));
document.body.dataset.ready = "yes";
