// The catalog as arrays, one entry an item in the order of ids: places, clusters, metadata.

export class Data {
  constructor(info, clusters, points, columns) {
    const n = info.items;
    Object.assign(this, { n, info, room: info.room });
    this.x = new Float32Array(points, 0, n);
    this.y = new Float32Array(points, 4 * n, n);
    this.own = { clusters, labels: new Int32Array(points, 8 * n, n) };
    this.group(clusters, this.own.labels);
    this.slot = new Uint32Array(points, 12 * n, n);
    this.level = new Uint8Array(points, 16 * n, n);
    this.order = new Uint32Array(n);
    for (let row = 0; row < n; row++) this.order[this.slot[row]] = row;
    this.ids = columns.ids;
    this.columns = columns.columns;
    this.#rows = new Map(this.ids.map((id, row) => [id, row]));
    for (const column of this.columns) column.type = info.metadata[column.name] || "string";
    this.naming = this.columns.find((c) => /^(name|title|product|label|description)/i.test(c.name) && c.kind === "text");
    const few = (c) => c.labels.length > 1 && c.labels.length <= Math.max(60, n / 8) && !(c === this.naming && c.labels.length > n / 2);
    this.facets = this.columns.filter((c) => c.kind === "number" || few(c));
    this.placed = this.level.some((level) => level < 255);
    this.#measure();
  }

  #rows;

  #measure() {
    const box = [Infinity, Infinity, -Infinity, -Infinity];
    for (let row = 0; row < this.n; row++) {
      if (this.level[row] === 255) continue;
      box[0] = Math.min(box[0], this.x[row]);
      box[1] = Math.min(box[1], this.y[row]);
      box[2] = Math.max(box[2], this.x[row]);
      box[3] = Math.max(box[3], this.y[row]);
    }
    this.box = this.placed ? box : [-1, -1, 1, 1];
  }

  // The groups that are shown: those of the catalog, or of another K.
  group(clusters, labels) {
    this.clusters = clusters;
    this.cluster = labels;
  }

  row(id) {
    return this.#rows.has(id) ? this.#rows.get(id) : -1;
  }

  value(row, column) {
    if (column.kind === "number") return column.values[row];
    const code = column.codes[row];
    return code < 0 ? null : column.labels[code];
  }

  // A value as people read it.
  word(row, column) {
    return said(column, this.value(row, column));
  }

  metadata(row) {
    return Object.fromEntries(this.columns.map((column) => [column.name, this.value(row, column)]));
  }

  name(row) {
    const named = this.naming && this.value(row, this.naming);
    if (named) return named;
    const parts = this.columns.filter((c) => /^(brand|color|type)$/i.test(c.name)).map((c) => this.value(row, c));
    const words = parts.filter((part) => part !== null).join(" · ");
    return words || this.ids[row];
  }
}

const said = (column, value) => (column.type === "bool" ? (value === "true" ? "yes" : "no") : String(value));
const heading = (name) => name.replace(/^meta_/, "").replace(/_/g, " ").replace(/^./, (first) => first.toUpperCase());
export { heading, said };

// A filter as SQL, as the API takes it, and as a test on a row.
const field = (name) => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : "`" + name + "`");
const text = (value) => `'${value.replaceAll("'", "''")}'`;

export function sql(data, filters) {
  const parts = [];
  for (const column of data.columns) {
    const wanted = filters[column.name];
    if (!wanted) continue;
    const name = field(column.name);
    if (column.kind === "number") {
      if (wanted[0] !== null) parts.push(`${name} >= ${wanted[0]}`);
      if (wanted[1] !== null) parts.push(`${name} <= ${wanted[1]}`);
    } else if (column.type === "bool") parts.push(`(${wanted.map((value) => `${name} = ${value}`).join(" OR ")})`);
    else if (column.type !== "string") parts.push(`CAST(${name} AS STRING) IN (${wanted.map(text).join(", ")})`);
    else parts.push(`${name} IN (${wanted.map(text).join(", ")})`);
  }
  return parts.join(" AND ");
}

export function tester(data, filters, except = null) {
  const tests = [];
  for (const column of data.columns) {
    const wanted = filters[column.name];
    if (!wanted || column.name === except) continue;
    if (column.kind === "number") {
      const [low, high] = wanted;
      tests.push((row) => {
        const value = column.values[row];
        return value !== null && (low === null || value >= low) && (high === null || value <= high);
      });
    } else {
      const codes = new Set(wanted.map((value) => column.labels.indexOf(value)));
      tests.push((row) => codes.has(column.codes[row]));
    }
  }
  return tests.length ? (row) => tests.every((test) => test(row)) : null;
}
