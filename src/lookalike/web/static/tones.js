// The color of each dot: by cluster or by a column, dimmed where something else is highlighted.

const turned = (hue, dark) => {
  // OKLCH to sRGB: equal lightness for all hues (Ottosson 2020).
  const [l, c] = dark ? [0.74, 0.115] : [0.66, 0.125];
  const [a, b] = [c * Math.cos(hue), c * Math.sin(hue)];
  const [x, y, z] = [(l + 0.3963377774 * a + 0.2158037573 * b) ** 3, (l - 0.1055613458 * a - 0.0638541728 * b) ** 3, (l - 0.0894841775 * a - 1.291485548 * b) ** 3];
  const linear = [4.0767416621 * x - 3.3077115913 * y + 0.2309699292 * z, -1.2684380046 * x + 2.6097574011 * y - 0.3413193965 * z, -0.0041960863 * x - 0.7034186147 * y + 1.707614701 * z];
  return linear.map((v) => Math.round(255 * Math.min(1, Math.max(0, v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055))));
};

export const isDark = () => {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
};

export const tone = (number) => (number < 0 ? (isDark() ? [120, 130, 140] : [160, 166, 172]) : turned(number * 2.399963 + 0.6, isDark()));
export const css = ([r, g, b]) => `rgb(${r} ${g} ${b})`;

// A scale from pale to strong for numbers.
const scale = (share) => turned(4.3 - 3.6 * share, isDark());

export function tones(data, by, lit) {
  const bytes = new Uint8Array(4 * data.n);
  const column = data.columns.find((c) => c.name === by);
  let [low, high] = [0, 1];
  if (column && column.kind === "number") {
    const known = column.values.filter((value) => value !== null);
    [low, high] = known.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
  }
  const known = new Map();
  for (let row = 0; row < data.n; row++) {
    let key = -1;
    if (by === "cluster") key = data.cluster[row];
    else if (column && column.kind === "text") key = column.codes[row];
    else if (column && column.values[row] !== null) key = 1000 + Math.round((32 * (column.values[row] - low)) / (high - low || 1));
    if (!known.has(key)) known.set(key, key >= 1000 && column && column.kind === "number" ? scale((key - 1000) / 32) : tone(key));
    bytes.set(known.get(key), 4 * row);
    bytes[4 * row + 3] = data.level[row] === 255 ? 0 : !lit || lit(row) ? 235 : 38;
  }
  return bytes;
}
