// The map without WebGL2: a plain canvas, for up to 50,000 dots.

export const MOST = 50000;

export class Flat {
  constructor(canvas, data) {
    Object.assign(this, { canvas, data, tones: new Uint8Array(4 * data.n) });
    this.step = Math.max(1, Math.ceil(data.n / MOST));
    this.pen = canvas.getContext("2d");
  }

  paint(tones) {
    this.tones = tones.slice();
  }

  draw(view, cards, pictures, dot) {
    const { pen, data, tones } = this;
    pen.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
    pen.clearRect(0, 0, view.width, view.height);
    for (let row = 0; row < data.n; row += this.step) {
      const alpha = tones[4 * row + 3];
      const x = (data.x[row] - view.x) * view.scale + view.width / 2;
      const y = (data.y[row] - view.y) * view.scale + view.height / 2;
      if (!alpha || !(x > -9 && y > -9 && x < view.width + 9 && y < view.height + 9)) continue;
      pen.fillStyle = `rgba(${tones[4 * row]},${tones[4 * row + 1]},${tones[4 * row + 2]},${alpha / 255})`;
      pen.fillRect(x - dot / 2, y - dot / 2, dot, dot);
    }
    for (const card of cards) {
      const slot = data.slot[card.row];
      const big = card.size * view.ratio > 76 ? pictures.big(card.row) : null;
      const held = big || pictures.sheet(slot >> 8);
      if (!held) continue;
      const [left, top] = [card.x - card.size / 2, card.y - card.size / 2];
      pen.globalAlpha = card.alpha;
      pen.fillStyle = "#fff";
      pen.fillRect(left, top, card.size, card.size);
      if (big) {
        const scale = card.size / Math.max(big.bitmap.width, big.bitmap.height);
        const [width, height] = [big.bitmap.width * scale, big.bitmap.height * scale];
        pen.drawImage(big.bitmap, card.x - width / 2, card.y - height / 2, width, height);
      } else {
        const cell = held.bitmap.width / 16;
        pen.drawImage(held.bitmap, (slot & 15) * cell, ((slot & 255) >> 4) * cell, cell, cell, left, top, card.size, card.size);
      }
      const [r, g, b, thick] = card.rim;
      pen.strokeStyle = `rgb(${r * 255},${g * 255},${b * 255})`;
      pen.lineWidth = thick > 0.5 ? 3 : 1;
      pen.strokeRect(left, top, card.size, card.size);
      pen.globalAlpha = 1;
    }
  }
}
