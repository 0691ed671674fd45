// The map: what is in sight, and how one moves in it.

import { still } from "./dom.js";
import { Flat } from "./flat.js";
import { WebGL } from "./gl.js";
import { Pictures } from "./sheets.js";

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

// The level at which each of some items has room for its picture, as analysis/spread.py finds it for all of them.
function spread(data, rows) {
  const level = new Uint8Array(data.n).fill(255);
  const order = [];
  let left = rows.filter((row) => data.level[row] < 255);
  for (let depth = 0; depth < 28 && left.length; depth++) {
    const side = data.room / 2 ** (depth / 2);
    const cell = (row, dx, dy) => (Math.floor((data.y[row] - data.box[1]) / side) + dy + 1) * 2 ** 26 + Math.floor((data.x[row] - data.box[0]) / side) + dx + 1;
    const grid = new Map(order.map((row) => [cell(row, 0, 0), row]));
    const free = (row) => {
      for (let dx = -1; dx < 2; dx++) {
        for (let dy = -1; dy < 2; dy++) {
          const other = grid.get(cell(row, dx, dy));
          if (other !== undefined && Math.max(Math.abs(data.x[other] - data.x[row]), Math.abs(data.y[other] - data.y[row])) < side) return false;
        }
      }
      return true;
    };
    const waiting = [];
    for (const row of left) {
      if (depth < 27 && !free(row)) waiting.push(row);
      else {
        level[row] = depth;
        grid.set(cell(row, 0, 0), row);
        order.push(row);
      }
    }
    left = waiting;
  }
  return { level, order };
}
const FEW = 40; // chosen items that are drawn as rings

export class Map2D extends EventTarget {
  constructor(frame, canvas, ink, source, data) {
    super();
    Object.assign(this, { frame, canvas, ink, data, view: { x: 0, y: 0, scale: 1, width: 1, height: 1, ratio: 1 } });
    try {
      if (new URLSearchParams(location.search).has("flat")) throw new Error("asked for");
      this.renderer = new WebGL(canvas, data);
    } catch {
      this.flat = true;
      this.renderer = new Flat(canvas, data);
    }
    this.pictures = new Pictures(source, data, () => this.redraw());
    Object.assign(this, { passes: null, cards: [], marks: [], near: [], path: null, chosen: new Set(), spot: null, below: 0, thin: 1 });
    const counts = new Uint32Array(256);
    for (const level of data.level) counts[level]++;
    let seen = 0;
    this.deepest = counts.findIndex((many) => (seen += many) >= 0.97 * (data.n - counts[255]));
    new ResizeObserver(() => this.#resize()).observe(frame);
    this.#resize();
    this.whole(false);
  }

  get fit() {
    const [left, top, right, bottom] = this.data.box;
    const { width, height } = this.view;
    const pad = Math.min(60, width / 8);
    return Math.min((width - pad) / Math.max(right - left, 1e-6), (height - this.below - pad) / Math.max(bottom - top, 1e-6));
  }

  #resize() {
    const { view, canvas, ink, frame } = this;
    const fitted = Math.abs(view.scale / this.fit - 1) < 0.02;
    Object.assign(view, { width: Math.max(1, frame.clientWidth), height: Math.max(1, frame.clientHeight), ratio: Math.min(devicePixelRatio || 1, 2) });
    for (const each of [canvas, ink]) Object.assign(each, { width: Math.round(view.width * view.ratio), height: Math.round(view.height * view.ratio) });
    if (fitted) view.scale = this.fit;
    this.redraw();
  }

  redraw() {
    if (this.asked) return;
    this.asked = requestAnimationFrame(() => {
      this.asked = 0;
      this.#draw();
    });
  }

  // Which items are shown as pictures: as many as have room, those of low level first.
  #choose() {
    const { data, view } = this;
    const zoom = Math.log2(view.scale / this.fit);
    const size = clamp(clamp((data.room * this.fit) / 1.3, 24, 40) + 9 * zoom, 22, 92);
    const air = clamp(1.12 - 0.02 * zoom, 1.06, 1.15);
    const deepest = 2 * Math.log2((data.room * view.scale) / (size * air));
    const grown = clamp((data.room * view.scale) / 2 ** (this.deepest / 2) / 1.1, size, Math.min(168, view.width / 2.6));
    const cards = [];
    if (zoom < -0.8) return cards;
    for (const row of this.some ? this.some.order : data.order) {
      const level = this.some ? this.some.level[row] : data.level[row];
      if (level > deepest || level === 255) break;
      if (this.passes && !this.passes[row]) continue;
      const x = (data.x[row] - view.x) * view.scale + view.width / 2;
      const y = (data.y[row] - view.y) * view.scale + view.height / 2;
      if (x < -grown || y < -grown || x > view.width + grown || y > view.height + grown) continue;
      cards.push({ row, x, y, size: grown, alpha: clamp((deepest - level) * 12 + 0.1, 0, 1), rim: this.rim });
    }
    for (const row of this.marks) {
      if (data.level[row] === 255) continue;
      const [x, y] = this.at(row);
      cards.push({ row, x, y, size: Math.max(grown, 52), alpha: 1, rim: this.strong });
    }
    return cards;
  }

  // Show only some items: `passes`, (n) of 0 or 1, or null for all. The fewer they are, the more have room.
  only(passes) {
    this.passes = passes;
    const rows = passes ? Array.from(this.data.order).filter((row) => passes[row]) : [];
    this.some = passes && rows.length <= 20000 ? spread(this.data, rows) : null;
  }

  at(row) {
    const { data, view } = this;
    return [(data.x[row] - view.x) * view.scale + view.width / 2, (data.y[row] - view.y) * view.scale + view.height / 2];
  }

  #draw() {
    const { view } = this;
    const zoom = Math.log2(view.scale / this.fit);
    const many = clamp(7 - Math.log2(Math.max(this.data.n, 2)) / 3.4, 1.4, 5);
    this.cards = this.#choose();
    this.dot = clamp(many * (1 + 0.22 * zoom), 1.4, 11);
    const waits = this.renderer.draw(view, this.cards, this.pictures, this.dot, this.#share());
    this.#overlay();
    if (waits) this.redraw();
  }

  // How many of the dots to draw: all at rest, fewer while frames follow each other more slowly than they should.
  #share() {
    const now = performance.now();
    const gap = now - (this.drawn || -1e9);
    this.drawn = now;
    clearTimeout(this.settling);
    if (this.rests) {
      this.rests = false;
      return 1;
    }
    if (gap < 1000) this.thin = clamp(this.thin * (gap > 50 ? Math.max(0.25, 40 / gap) : gap < 25 ? 1.15 : 1), Math.min(1, 50000 / this.data.n), 1);
    if (this.thin < 1) {
      this.settling = setTimeout(() => {
        this.rests = true;
        this.redraw();
      }, 350);
    }
    return this.thin;
  }

  #overlay() {
    const { ink, view } = this;
    const pen = ink.getContext("2d");
    pen.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
    pen.clearRect(0, 0, view.width, view.height);
    if (!this.near.length && !this.chosen.size && !this.spot && !this.path) return;
    pen.strokeStyle = pen.fillStyle = this.accent;
    const covered = new Map(this.cards.map((card) => [card.row, card.size]));
    for (const row of this.near) {
      if (this.data.level[row] === 255) continue;
      const [x, y] = this.at(row);
      const size = covered.get(row) || 0;
      if (!size && this.marks.some((mark) => Math.max(...this.at(mark).map((at, axis) => Math.abs(at - [x, y][axis]))) < 30)) continue;
      pen.beginPath();
      if (size) pen.roundRect(x - size / 2 - 1, y - size / 2 - 1, size + 2, size + 2, 0.14 * size);
      else pen.arc(x, y, 6, 0, 7);
      pen.lineWidth = 2;
      pen.stroke();
    }
    const few = this.chosen.size <= FEW;
    for (const row of this.chosen) {
      const [x, y] = this.at(row);
      if (x < -9 || y < -9 || x > view.width + 9 || y > view.height + 9) continue;
      const size = covered.get(row) || 0;
      pen.beginPath();
      if (size) pen.roundRect(x - size / 2 - 1, y - size / 2 - 1, size + 2, size + 2, 0.14 * size);
      else pen.arc(x, y, few ? 4.5 : this.dot / 2 + 0.7, 0, 7);
      pen.lineWidth = 2;
      if (size || few) pen.stroke();
      else pen.fill(); // rings of many would be one blot
    }
    if (this.spot) {
      const x = (this.spot.x - view.x) * view.scale + view.width / 2;
      const y = (this.spot.y - view.y) * view.scale + view.height / 2;
      pen.beginPath();
      pen.arc(x, y, 9, 0, 7);
      pen.fill();
      pen.beginPath();
      pen.arc(x, y, 17, 0, 7);
      pen.lineWidth = 3;
      pen.stroke();
    }
    if (this.path && this.path.length > 1) {
      pen.beginPath();
      for (const [x, y] of this.path) pen.lineTo(x, y);
      pen.globalAlpha = 0.14;
      pen.fill();
      pen.globalAlpha = 1;
      pen.lineWidth = 2;
      pen.stroke();
    }
  }

  paint(tones) {
    this.accent = getComputedStyle(this.frame).getPropertyValue("--accent"); // not in every frame: it makes the browser work out all styles
    this.renderer.paint(tones);
    this.redraw();
  }

  // The item at a point of the canvas: a picture that covers it, else the nearest dot within reach; -1 for none.
  pick(px, py, reach = 14) {
    for (let place = this.cards.length - 1; place >= 0; place--) {
      const { x, y, size, row, alpha } = this.cards[place];
      if (alpha > 0.3 && Math.abs(px - x) < size / 2 && Math.abs(py - y) < size / 2) return row;
    }
    const { data, view } = this;
    const [cx, cy] = [(px - view.width / 2) / view.scale + view.x, (py - view.height / 2) / view.scale + view.y];
    let best = (reach / view.scale) ** 2;
    let found = -1;
    for (let row = 0; row < data.n; row++) {
      const far = (data.x[row] - cx) ** 2 + (data.y[row] - cy) ** 2;
      if (far < best && (!this.passes || this.passes[row])) [best, found] = [far, row];
    }
    return found;
  }

  // Whether no item is in sight.
  get isLost() {
    const { data, view } = this;
    for (let row = 0; row < data.n && data.placed; row++) {
      if (data.level[row] === 255) continue;
      const [x, y] = this.at(row);
      if (x >= 0 && y >= 0 && x <= view.width && y <= view.height - this.below) return false;
    }
    return data.placed;
  }

  inside(path) {
    const found = [];
    for (let row = 0; row < this.data.n; row++) {
      if (this.data.level[row] === 255 || (this.passes && !this.passes[row])) continue;
      const [x, y] = this.at(row);
      let within = false;
      for (let i = 0, j = path.length - 1; i < path.length; j = i++) {
        const [[ax, ay], [bx, by]] = [path[i], path[j]];
        if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) within = !within;
      }
      if (within) found.push(row);
    }
    return found;
  }

  get limits() {
    return [this.fit * 0.4, Math.max(this.fit * 4, (200 * 2 ** (this.deepest / 2)) / this.data.room)];
  }

  zoom(factor, px = this.view.width / 2, py = (this.view.height - this.below) / 2) {
    const { view } = this;
    const scale = clamp(view.scale * factor, ...this.limits);
    view.x += (px - view.width / 2) * (1 / view.scale - 1 / scale);
    view.y += (py - view.height / 2) * (1 / view.scale - 1 / scale);
    view.scale = scale;
    this.#moved();
  }

  pan(dx, dy) {
    const { view, data } = this;
    view.x = clamp(view.x - dx / view.scale, data.box[0], data.box[2]);
    view.y = clamp(view.y - dy / view.scale, data.box[1], data.box[3]);
    this.#moved();
  }

  #moved() {
    cancelAnimationFrame(this.flying);
    this.redraw();
    this.dispatchEvent(new Event("move"));
  }

  whole(smooth = true) {
    const [left, top, right, bottom] = this.data.box;
    this.fly((left + right) / 2, (top + bottom) / 2, this.fit, smooth);
  }

  fly(x, y, scale, smooth = true) {
    const { view } = this;
    cancelAnimationFrame(this.flying);
    const to = { x, y: y + this.below / 2 / scale, scale: clamp(scale, ...this.limits) };
    if (!smooth || still()) {
      Object.assign(view, to);
      this.#moved();
      return;
    }
    const from = { ...view };
    const start = performance.now();
    const step = (now) => {
      const t = clamp((now - start) / 480, 0, 1);
      const s = t < 0.5 ? 4 * t ** 3 : 1 - (2 - 2 * t) ** 3 / 2;
      view.scale = from.scale * (to.scale / from.scale) ** s;
      view.x = from.x + (to.x - from.x) * s;
      view.y = from.y + (to.y - from.y) * s;
      this.redraw();
      if (t < 1) this.flying = requestAnimationFrame(step);
      else this.dispatchEvent(new Event("move"));
    };
    this.flying = requestAnimationFrame(step);
  }

  show(rows, smooth = true) {
    const placed = rows.filter((row) => row >= 0 && this.data.level[row] < 255);
    if (!placed.length) return;
    const box = [Infinity, Infinity, -Infinity, -Infinity];
    for (const row of placed) {
      const [x, y] = [this.data.x[row], this.data.y[row]];
      [box[0], box[1], box[2], box[3]] = [Math.min(box[0], x), Math.min(box[1], y), Math.max(box[2], x), Math.max(box[3], y)];
    }
    const room = Math.max(1, Math.min(this.view.width - 150, this.view.height - this.below - 150));
    const scale = clamp(room / Math.max(box[2] - box[0], box[3] - box[1], 1e-6), this.fit, this.fit * 16);
    this.fly((box[0] + box[2]) / 2, (box[1] + box[3]) / 2, scale, smooth);
  }
}
