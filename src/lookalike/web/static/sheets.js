// Pictures for the map: sheets of 256 small ones, and large ones one by one, loaded when they come into sight.

const AT_ONCE = 4;
const SHEETS = 16;
const LARGE = 160;

export class Pictures {
  #waiting = [];
  #loading = 0;
  #asked = new Set();

  constructor(source, data, arrived) {
    Object.assign(this, { source, data, arrived, sheets: new Map(), large: new Map() });
  }

  // The sheet of a slot, or null while it is on its way.
  sheet(number) {
    return this.#get(this.sheets, number, SHEETS, `sheet ${number}`, () => this.source.sheet(number));
  }

  big(row) {
    return this.#get(this.large, row, LARGE, `large ${row}`, () => this.source.large(this.data.ids[row]));
  }

  #get(kept, key, most, name, load) {
    const found = kept.get(key);
    if (found) {
      kept.delete(key);
      kept.set(key, found);
      return found;
    }
    if (!this.#asked.has(name)) {
      this.#asked.add(name);
      this.#waiting.push({ kept, key, most, name, load });
      if (this.#waiting.length > 200) this.#asked.delete(this.#waiting.shift().name);
      this.#next();
    }
    return null;
  }

  async #next() {
    if (this.#loading >= AT_ONCE || !this.#waiting.length) return;
    const { kept, key, most, name, load } = this.#waiting.pop(); // the newest wish first
    this.#loading++;
    try {
      kept.set(key, { bitmap: await load() });
      while (kept.size > most) kept.delete(kept.keys().next().value);
      this.#asked.delete(name);
      this.arrived();
    } catch {
      setTimeout(() => this.#asked.delete(name), 5000); // try again later, the dots stay
    }
    this.#loading--;
    this.#next();
  }
}
