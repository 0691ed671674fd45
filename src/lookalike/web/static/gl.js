// The map in WebGL2: dots in one call, pictures in one call, from two texture atlases.

const DOTS = [`#version 300 es
in float x, y; in vec4 tone; uniform vec2 center, half_; uniform float scale, size; out vec4 color;
void main() { gl_Position = vec4((vec2(x, y) - center) * scale / half_, 0., 1.); gl_PointSize = tone.a > .5 ? size : size * .8; color = tone;
  if (tone.a < .01 || x != x) gl_Position = vec4(9., 9., 0., 1.); }`, `#version 300 es
precision mediump float; in vec4 color; out vec4 seen;
void main() { float r = length(gl_PointCoord - .5) * 2.; float a = color.a * (1. - smoothstep(.75, 1., r)); seen = vec4(color.rgb * a, a); }`];

const CARDS = [`#version 300 es
in vec2 corner; in vec4 place; in vec4 part; in vec4 edge; uniform vec2 half_; out vec2 uv, at; out float alpha, big, side; out vec4 rim;
void main() { vec2 p = place.xy + (corner - .5) * place.z; gl_Position = vec4(p.x / half_.x - 1., 1. - p.y / half_.y, 0., 1.);
  uv = part.xy + corner * part.z; at = corner - .5; alpha = place.w; big = part.w; side = place.z; rim = edge; }`, `#version 300 es
precision mediump float; in vec2 uv, at; in float alpha, big, side; in vec4 rim; uniform sampler2D small_, large_; out vec4 seen;
void main() { vec2 q = abs(at) - (.5 - .13); float d = (length(max(q, 0.)) + min(max(q.x, q.y), 0.) - .13) * side;
  vec3 c = big > .5 ? texture(large_, uv).rgb : texture(small_, uv).rgb; float wide = rim.a > .5 ? 3. : 1.;
  c = mix(c, rim.rgb, smoothstep(-wide - .7, -wide, d) * (rim.a > .5 ? 1. : .9)); float a = alpha * (1. - smoothstep(-.7, .3, d)); seen = vec4(c * a, a); }`];

const EDGE = 4096;
const CELL = 64;
const BIG = 256;

export class WebGL {
  constructor(canvas, data) {
    const gl = canvas.getContext("webgl2", { antialias: false, alpha: true, premultipliedAlpha: true, powerPreference: "high-performance" });
    if (!gl || gl.getParameter(gl.MAX_TEXTURE_SIZE) < EDGE) throw new Error("no WebGL2");
    Object.assign(this, { gl, canvas, data, placed: new Map(), placedBig: new Map(), frame: 0 });
    this.dots = this.#program(...DOTS);
    this.cards = this.#program(...CARDS);
    this.points = gl.createVertexArray();
    gl.bindVertexArray(this.points);
    this.#feed(this.dots, "x", data.x, 1);
    this.#feed(this.dots, "y", data.y, 1);
    this.tones = this.#feed(this.dots, "tone", new Uint8Array(4 * data.n), 4, gl.UNSIGNED_BYTE);
    this.quads = gl.createVertexArray();
    gl.bindVertexArray(this.quads);
    this.#feed(this.cards, "corner", new Float32Array([0, 0, 1, 0, 0, 1, 1, 1]), 2);
    this.cardData = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, this.cardData);
    ["place", "part", "edge"].forEach((name, part) => {
      const at = gl.getAttribLocation(this.cards, name);
      gl.enableVertexAttribArray(at);
      gl.vertexAttribPointer(at, 4, gl.FLOAT, false, 48, 16 * part);
      gl.vertexAttribDivisor(at, 1);
    });
    this.small = this.#atlas(EDGE, EDGE, gl.TEXTURE0);
    this.large = this.#atlas(EDGE, EDGE, gl.TEXTURE1);
    const place = (program, name) => gl.getUniformLocation(program, name);
    this.at = { center: place(this.dots, "center"), half: place(this.dots, "half_"), scale: place(this.dots, "scale"), size: place(this.dots, "size"), cards: place(this.cards, "half_") };
    gl.useProgram(this.cards);
    gl.uniform1i(place(this.cards, "small_"), 0);
    gl.uniform1i(place(this.cards, "large_"), 1);
    this.values = new Float32Array(12 * 512);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  #program(...sources) {
    const gl = this.gl;
    const program = gl.createProgram();
    sources.forEach((source, place) => {
      const shader = gl.createShader(place ? gl.FRAGMENT_SHADER : gl.VERTEX_SHADER);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
      gl.attachShader(program, shader);
    });
    gl.linkProgram(program);
    return program;
  }

  #feed(program, name, values, size, kind = this.gl.FLOAT) {
    const gl = this.gl;
    const buffer = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
    const at = gl.getAttribLocation(program, name);
    gl.enableVertexAttribArray(at);
    gl.vertexAttribPointer(at, size, kind, kind !== gl.FLOAT, 0, 0);
    return buffer;
  }

  #atlas(width, height, unit) {
    const gl = this.gl;
    const texture = gl.createTexture();
    gl.activeTexture(unit);
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA8, width, height);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.LINEAR);
    return texture;
  }

  // The color of each dot, (n, 4) bytes; opacity 0 hides it.
  paint(tones) {
    const gl = this.gl;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.tones);
    gl.bufferSubData(gl.ARRAY_BUFFER, 0, tones);
  }

  // The place of `bitmap` in an atlas of `most` places: its own, a free one, or that of what was not seen for longest.
  #place(placed, key, most, upload) {
    const known = placed.get(key);
    if (known) {
      known.seen = this.frame;
      return known.at;
    }
    let at = placed.size;
    if (at >= most) {
      let oldest = null;
      for (const [other, entry] of placed) if (entry.seen < this.frame && (!oldest || entry.seen < oldest[1].seen)) oldest = [other, entry];
      if (!oldest) return -1;
      placed.delete(oldest[0]);
      at = oldest[1].at;
    }
    upload(at);
    placed.set(key, { at, seen: this.frame });
    return at;
  }

  #sheet(number, pictures) {
    const across = EDGE / (16 * CELL);
    const held = this.placed.has(number) ? null : pictures.sheet(number);
    if (!held && !this.placed.has(number)) return -1;
    return this.#place(this.placed, number, across * across, (at) => {
      const gl = this.gl;
      gl.activeTexture(gl.TEXTURE0);
      gl.texSubImage2D(gl.TEXTURE_2D, 0, (at % across) * 16 * CELL, Math.floor(at / across) * 16 * CELL, gl.RGBA, gl.UNSIGNED_BYTE, fitted(held.bitmap, 16 * CELL));
    });
  }

  #big(row, pictures) {
    const across = EDGE / BIG;
    const held = this.placedBig.has(row) ? null : pictures.big(row);
    if (!held && !this.placedBig.has(row)) return -1;
    return this.#place(this.placedBig, row, across * across, (at) => {
      const gl = this.gl;
      gl.activeTexture(gl.TEXTURE1);
      gl.texSubImage2D(gl.TEXTURE_2D, 0, (at % across) * BIG, Math.floor(at / across) * BIG, gl.RGBA, gl.UNSIGNED_BYTE, squared(held.bitmap, BIG));
    });
  }

  draw(view, cards, pictures, dot) {
    const { gl, canvas } = this;
    this.frame++;
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.useProgram(this.dots);
    gl.uniform2f(this.at.center, view.x, view.y);
    gl.uniform2f(this.at.half, view.width / 2, -view.height / 2);
    gl.uniform1f(this.at.scale, view.scale);
    gl.uniform1f(this.at.size, dot * view.ratio);
    gl.bindVertexArray(this.points);
    gl.drawArrays(gl.POINTS, 0, this.data.n);
    if (this.values.length < 12 * cards.length) this.values = new Float32Array(24 * cards.length);
    const { values } = this;
    let used = 0;
    for (const card of cards) {
      const slot = this.data.slot[card.row];
      let at = card.size * view.ratio > 76 ? this.#big(card.row, pictures) : -1;
      const big = at >= 0;
      let u, v, side;
      if (big) [u, v, side] = [((at % 16) * BIG + 1) / EDGE, (Math.floor(at / 16) * BIG + 1) / EDGE, (BIG - 2) / EDGE];
      else {
        at = this.#sheet(slot >> 8, pictures);
        if (at < 0) continue;
        [u, v, side] = [((at % 4) * 1024 + (slot & 15) * CELL + 0.5) / EDGE, (Math.floor(at / 4) * 1024 + ((slot & 255) >> 4) * CELL + 0.5) / EDGE, (CELL - 1) / EDGE];
      }
      const start = 12 * used++;
      values[start] = card.x;
      values[start + 1] = card.y;
      values[start + 2] = card.size;
      values[start + 3] = card.alpha;
      values[start + 4] = u;
      values[start + 5] = v;
      values[start + 6] = side;
      values[start + 7] = big ? 1 : 0;
      values.set(card.rim, start + 8);
    }
    gl.useProgram(this.cards);
    gl.uniform2f(this.at.cards, view.width / 2, view.height / 2);
    gl.bindVertexArray(this.quads);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.cardData);
    gl.bufferData(gl.ARRAY_BUFFER, values.subarray(0, 12 * used), gl.DYNAMIC_DRAW);
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, used);
  }
}

const canvases = new Map();

function drawn(name, width, height, draw) {
  if (!canvases.has(name)) canvases.set(name, new OffscreenCanvas(width, height));
  const pen = canvases.get(name).getContext("2d", { willReadFrequently: true });
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, width, height);
  pen.imageSmoothingQuality = "high";
  draw(pen);
  return pen.canvas;
}

const fitted = (bitmap, side) =>
  bitmap.width === side ? bitmap : drawn("sheet", side, side, (pen) => pen.drawImage(bitmap, 0, 0, side, (side * bitmap.height) / bitmap.width));

function squared(bitmap, side) {
  const scale = side / Math.max(bitmap.width, bitmap.height);
  const [width, height] = [bitmap.width * scale, bitmap.height * scale];
  return drawn("large", side, side, (pen) => pen.drawImage(bitmap, (side - width) / 2, (side - height) / 2, width, height));
}
