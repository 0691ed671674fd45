// Elements without a line of markup: text is only ever text.

export const $ = (id) => document.getElementById(id);

export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "tone") element.style.setProperty("--tone", value);
    else if (name === "style_left") element.style.left = `${100 * value}%`;
    else if (name === "style_wide") element.style.width = `${100 * value}%`;
    else if (name === "wide") element.style.width = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function svg(tag, props = {}, ...children) {
  const element = document.createElementNS("http:" + "//www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(props)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

export const count = (n, word) => `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;

export function say(words) {
  $("said").textContent = words;
}

export function later(wait, action) {
  let timer = 0;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...given), wait);
  };
}

export const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

export function save(name, kind, text) {
  const link = h("a", { href: URL.createObjectURL(new Blob([text], { type: kind })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// What the browser remembers for us, where it lets us.
export function remember(name, value) {
  try {
    if (value !== undefined) localStorage.setItem(`lookalike-${name}`, value);
    return localStorage.getItem(`lookalike-${name}`);
  } catch {
    return null;
  }
}

// The token of a server that keeps votes only for those who have it: until the tab is closed, and in no address.
let spoken = null;

export function secret(value) {
  if (value !== undefined) spoken = value || null;
  try {
    if (value) sessionStorage.setItem("lookalike-token", value);
    else if (value !== undefined) sessionStorage.removeItem("lookalike-token");
    return sessionStorage.getItem("lookalike-token");
  } catch {
    return spoken;
  }
}
