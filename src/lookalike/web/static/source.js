// Where the catalog comes from: a server, or the page itself (the one-file explorer). Both answer alike.

import { secret } from "./dom.js";

class Failed extends Error {}

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Failed("The server does not answer. Is lookalike serve still running?");
  }
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    throw Object.assign(new Failed(problem.detail || `The server answered ${answer.status}.`), { status: answer.status });
  }
  return answer;
}

const json = async (path, options) => (await ask(path, options)).json();

class Server {
  upload = true;

  async info() {
    this.known = await json("api/info");
    return this.known;
  }

  clusters = () => json(`api/clusters?v=${this.known.version}`);

  // Another number of groups: [what is told of them, the group of each item].
  async grouped(k) {
    const [told, labels] = await Promise.all([json(`api/clusters?k=${k}&v=${this.known.version}`), ask(`api/labels?k=${k}&v=${this.known.version}`)]);
    return [told, new Int32Array(await labels.arrayBuffer())];
  }

  points = async () => (await ask(`api/points?v=${this.known.version}`)).arrayBuffer();
  columns = () => json(`api/columns?v=${this.known.version}`);
  newer = async () => (await json("api/info")).version !== this.known.version;
  against = () => json("api/against");
  sides = (id) => json(`api/against/${encodeURIComponent(id)}`);
  votes = () => json("api/votes");
  vote = (vote) => json("api/votes", { method: "POST", headers: { "Content-Type": "application/json", ...(secret() ? { Authorization: `Bearer ${secret()}` } : {}) }, body: JSON.stringify(vote) });
  table = async (ids) => (await ask("api/table", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ ids }) })).blob();

  #asked({ k, where, same, ranking, color, prefer = [], diverse }) {
    const query = new URLSearchParams({ k });
    if (where) query.set("where", where);
    for (const name of same) query.append("same", name);
    if (ranking !== "default") query.set("ranking", ranking);
    for (const name of prefer) query.append("prefer", `${name}=0.5`);
    if (diverse) query.set("diverse", "true");
    if (color !== null) query.set("color", color);
    return query;
  }

  similar = (id, row, options) => json(`api/items/${encodeURIComponent(id)}/similar?${this.#asked(options)}`);

  search(file, options) {
    const body = new FormData();
    body.append("file", file);
    return json(`api/search?${this.#asked({ ...options, same: [], prefer: [] })}`, { method: "POST", body });
  }

  async sheet(number) {
    return createImageBitmap(await (await ask(`api/sheets/${number}?v=${this.known.version}`)).blob());
  }

  address = (id) => `thumbnails/${encodeURIComponent(id)}?v=${this.known.version}`;

  async large(id) {
    return createImageBitmap(await (await ask(this.address(id))).blob());
  }

  picture(id, alt) {
    const image = new Image();
    image.className = "pic";
    image.loading = "lazy";
    image.decoding = "async";
    image.alt = alt;
    image.src = this.address(id);
    return image;
  }
}

const bytes = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));

class Embedded {
  upload = false;
  #bitmaps = new Map();

  constructor(held) {
    this.held = held;
  }

  info = async () => this.held.info;
  clusters = async () => this.held.clusters;

  async grouped(k) {
    const { told, labels } = this.held.sweep[k - 1];
    const codes = bytes(labels);
    return [{ ...this.held.clusters, ...told }, Int32Array.from(codes, (code) => (code === 255 ? -1 : code))];
  }

  points = async () => bytes(this.held.points).buffer;
  columns = async () => this.held.columns;

  use(data) {
    this.data = data;
    this.width = this.held.neighbors.width;
    this.ids = new Uint32Array(bytes(this.held.neighbors.rows).buffer);
    this.distances = new Float32Array(bytes(this.held.neighbors.distances).buffer);
  }

  async similar(id, row, { k, passes, same }) {
    const columns = this.data.columns.filter((column) => same.includes(column.name));
    const results = [];
    for (let place = row * this.width; place < (row + 1) * this.width && results.length < k; place++) {
      const other = this.ids[place];
      const distance = this.distances[place];
      if (other === 0xffffffff || (passes && !passes(other))) continue;
      if (columns.some((c) => this.data.value(row, c) !== null && this.data.value(row, c) !== this.data.value(other, c))) continue;
      const score = this.held.scale > 0 ? 1 / (1 + (distance / this.held.scale) ** 2) : Number(distance === 0);
      results.push({ id: this.data.ids[other], distance, score, metadata: this.data.metadata(other) });
    }
    return { query: id, exact: true, recall: 1, took_ms: null, results, among: this.width };
  }

  sheet(number) {
    if (!this.#bitmaps.has(number)) {
      const blob = new Blob([bytes(document.getElementById(`sheet-${number}`).textContent)], { type: this.held.kind });
      this.#bitmaps.set(number, createImageBitmap(blob));
      if (this.#bitmaps.size > 12) this.#bitmaps.delete(this.#bitmaps.keys().next().value);
    }
    return this.#bitmaps.get(number);
  }

  async #drawn(row, side) {
    const slot = this.data.slot[row];
    const sheet = await this.sheet(slot >> 8);
    const cell = sheet.width / 16;
    const canvas = Object.assign(document.createElement("canvas"), { width: side, height: side });
    const pen = canvas.getContext("2d");
    pen.imageSmoothingQuality = "high";
    pen.drawImage(sheet, (slot & 15) * cell, ((slot & 255) >> 4) * cell, cell, cell, 0, 0, side, side);
    return canvas;
  }

  async large(id) {
    return createImageBitmap(await this.#drawn(this.data.row(id), 224));
  }

  picture(id, alt) {
    const canvas = document.createElement("canvas");
    canvas.className = "pic";
    canvas.width = canvas.height = 224;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", alt);
    this.#drawn(this.data.row(id), 224).then((drawn) => canvas.getContext("2d").drawImage(drawn, 0, 0));
    return canvas;
  }
}

export function openSource() {
  const held = document.getElementById("data");
  return held ? new Embedded(JSON.parse(held.textContent)) : new Server();
}
