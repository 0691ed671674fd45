// Two catalogs of the same items, blind: whose look-alikes would one rather take?

import { $, count, h, remember, say, secret } from "./dom.js";

const Z = 1.959963984540054;

// What a votes for one and b for the other say: share of b, Wilson's interval, two-sided sign test.
export function preference(a, b) {
  const n = a + b;
  if (!n) return { share: null, p: 1 };
  const value = b / n;
  const middle = (value + (Z * Z) / (2 * n)) / (1 + (Z * Z) / n);
  const half = (Z / (1 + (Z * Z) / n)) * Math.sqrt((value * (1 - value)) / n + (Z * Z) / (4 * n * n));
  let log = -n * Math.log(2);
  let p = 0;
  for (let i = 0; i <= Math.min(a, b); i++) {
    p += 2 * Math.exp(log);
    log += Math.log(n - i) - Math.log(i + 1);
  }
  return { share: { value, low: Math.max(0, middle - half), high: Math.min(1, middle + half) }, p: Math.min(1, p) };
}

// FNV-1a, mixed: the same seed and words give the same number.
function hash(words) {
  let found = 0x811c9dc5;
  for (let place = 0; place < words.length; place++) found = Math.imul(found ^ words.charCodeAt(place), 0x01000193);
  found = Math.imul(found ^ (found >>> 16), 0x85ebca6b);
  return (found ^ (found >>> 13)) >>> 0;
}

const drawn = (name) => remember(name) || remember(name, crypto.getRandomValues(new Uint32Array(2)).join("-")) || "0";

export class Duel {
  #votes = {};
  #identical = 0;
  #revealed = false;
  #unsent = [];
  #gate = ""; // "", or why the token is asked for
  #parts = [];

  constructor(app) {
    this.app = app;
    $("duel-button").hidden = !app.data.info.against;
    $("duel-button").addEventListener("click", () => app.go({ duel: app.state.duel === null ? "" : null }, true));
    addEventListener("keydown", (event) => {
      if ($("duel").hidden || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
      const choice = { ArrowLeft: 0, ArrowDown: 1, ArrowRight: 2, 1: 0, 2: 1, 3: 2 }[event.key];
      if (choice === undefined) return;
      event.preventDefault();
      $("duel").querySelectorAll(".choices button")[choice]?.click();
    });
  }

  async show(query) {
    const open = query !== null && Boolean(this.app.data.info.against);
    $("duel").hidden = !open;
    $("duel-button").setAttribute("aria-pressed", String(open));
    if (!open) return;
    try {
      await this.#start();
      if (query) await this.#ask(query);
      else await this.#next();
    } catch (problem) {
      $("duel").replaceChildren(h("p", { class: "empty" }, problem.message));
    }
  }

  async #start() {
    if (this.about) return;
    const { source, data } = this.app;
    this.about = await source.against();
    if (this.about.writable && this.about.token && !secret()) this.#gate = "This server keeps votes of those who have its token.";
    this.seed = drawn("duel-seed");
    this.voter = drawn("voter");
    this.key = `votes-${this.about.a.title}-${this.about.a.identity}-${this.about.b.title}-${this.about.b.identity}`;
    this.#votes = JSON.parse(remember(this.key) || "{}");
    const missing = new Set(this.about.missing);
    this.order = data.ids.filter((id) => !missing.has(id)).map((id) => [hash(`${this.seed}/${id}`), id]).sort((a, b) => a[0] - b[0] || (a[1] < b[1] ? -1 : 1)).map(([, id]) => id);
    this.at = 0;
  }

  async #next() {
    for (let tries = 0; tries < 40; tries++) {
      while (this.at < this.order.length && this.#votes[this.order[this.at]]) this.at++;
      if (this.at >= this.order.length) break;
      const query = this.order[this.at++];
      const found = await this.app.source.sides(query);
      if (!found.alike) {
        this.app.go({ duel: query }, false);
        return;
      }
      this.#identical++;
    }
    this.#draw(h("p", { class: "empty" }, this.at >= this.order.length ? "You have voted on every item." : "The next 40 items have the same look-alikes in both.",
      " ", h("button", { class: "link", type: "button", onclick: () => this.#next() }, "Go on")));
  }

  async #ask(query) {
    const { app } = this;
    const row = app.data.row(query);
    if (row < 0 || this.about.missing.includes(query)) return this.#next();
    const found = await app.source.sides(query);
    if (app.state.duel !== query) return null;
    const left = hash(`${this.seed}|${query}`) & 1 ? "b" : "a";
    const sides = left === "a" ? ["a", "b"] : ["b", "a"];
    const name = app.data.name(row);
    const cards = sides.map((side, place) => h("section", { class: "side", "aria-label": place ? "Right" : "Left" }, h("h2", {}, place ? "Right" : "Left"),
      h("ul", { class: "results" }, found[side].map((hit) => h("li", { class: "result" }, app.source.picture(hit.id, app.data.row(hit.id) < 0 ? hit.id : app.data.name(app.data.row(hit.id))))))));
    const choose = (choice) => this.#vote(query, choice, left);
    const button = (words, key, choice) => h("button", { class: "button", type: "button", onclick: () => choose(choice) }, words, h("kbd", { "aria-hidden": "true" }, key));
    this.#draw(
      h("div", { class: "asked", "data-query": query }, app.source.picture(query, name), h("div", {}, h("h1", {}, name), h("p", { class: "quiet" }, "Which side would you rather be shown in its place?"))),
      h("div", { class: "pair" }, cards),
      h("div", { class: "choices", role: "group", "aria-label": "Your choice" }, button("Left", "←", sides[0]), button("No difference", "↓", "same"), button("Right", "→", sides[1]),
        h("button", { class: "link", type: "button", onclick: () => this.#next() }, "Skip")));
    return null;
  }

  async #vote(query, choice, left) {
    for (const button of $("duel").querySelectorAll(".choices button")) button.disabled = true; // one vote an item
    this.#votes[query] = choice;
    remember(this.key, JSON.stringify(this.#votes));
    say("Voted");
    if (this.about.writable) {
      this.#unsent.push({ query, choice, left, voter: this.voter });
      if (!this.#gate && !this.alone) await this.#send();
    }
    await this.#next();
  }

  // Send what was not sent yet; where the token is missing or wrong, ask for it and keep the votes until it is there.
  async #send() {
    while (this.#unsent.length) {
      try {
        this.all = await this.app.source.vote(this.#unsent[0]);
        this.#unsent.shift();
      } catch (problem) {
        if (problem.status === 401) {
          this.#gate = secret() ? "That token was not accepted." : "This server keeps votes of those who have its token.";
          secret("");
        } else this.app.note(`Your vote is kept in this browser only: ${problem.message}`, null, true);
        return;
      }
    }
  }

  #asked() {
    if (!this.#gate) return "";
    const done = (words) => {
      say(words);
      this.#draw(...this.#parts);
    };
    const field = h("input", { id: "token", type: "password", autocomplete: "off", placeholder: "Token", required: true, maxlength: 1024, "aria-describedby": "token-why" });
    return h("form", { class: "gate", onsubmit: async (event) => {
      event.preventDefault();
      secret(field.value.trim());
      this.#gate = "";
      await this.#send();
      done(this.#gate || "Votes go to the server");
      if (this.#gate) $("token").focus();
    } },
    h("p", { id: "token-why", role: "status" }, this.#gate), h("label", { for: "token", class: "unseen" }, "Token"), field,
    h("button", { class: "button", type: "submit" }, "Use it"),
    h("button", { class: "link", type: "button", onclick: () => {
      this.alone = true;
      this.#gate = "";
      done("Votes stay in this browser");
    } }, "Keep my votes in this browser only"));
  }

  #draw(...parts) {
    this.#parts = parts;
    const many = Object.keys(this.#votes).length;
    const toggle = h("button", { class: "link", type: "button", "aria-expanded": String(this.#revealed), onclick: async () => {
      this.#revealed = !this.#revealed;
      if (this.about.writable) this.all = await this.app.source.votes().catch(() => this.all);
      this.#draw(...parts);
    } }, this.#revealed ? "Hide the result" : "Show the result");
    $("duel").replaceChildren(h("div", { class: "row" }, h("p", { class: "quiet" }, `${count(many, "vote")} of yours. Sides are drawn anew for each item.`), many || this.all ? toggle : null), this.#asked(), ...parts, this.#revealed ? this.#result() : "");
  }

  #result() {
    const choices = Object.values(this.#votes);
    const of = (choice) => choices.filter((each) => each === choice).length;
    const mine = { a: of("a"), b: of("b"), same: of("same") };
    const { a, b } = this.about;
    const names = a.title === b.title ? [`${a.title} (${a.model})`, `${b.title} (${b.model})`] : [a.title, b.title];
    const told = (who, votes, { share, p }) => h("div", { class: "told" }, h("h3", {}, who),
      h("p", {}, `${votes.a} for ${names[0]}, ${votes.b} for ${names[1]}, ${votes.same} without a difference.`),
      share ? h("div", { class: "scale", "aria-hidden": "true" }, h("i", { style_left: share.low, style_wide: share.high - share.low }), h("b", { style_left: share.value })) : null,
      share ? h("p", { class: "quiet" }, `${(100 * share.value).toFixed(0)}% of the decided prefer ${names[1]} (95% interval ${(100 * share.low).toFixed(0)} to ${(100 * share.high).toFixed(0)}%). Sign test: p = ${p < 0.001 ? "< 0.001" : p.toFixed(3)}, ${p < 0.05 ? "so chance alone is unlikely" : "so it may be chance"}.`) : null);
    return h("section", { class: "outcome", "aria-label": "Result" }, told("Your votes", mine, preference(mine.a, mine.b)),
      this.all?.voters ? told(`All votes that were sent (${count(this.all.voters, "voter")})`, this.all, this.all) : null,
      this.#identical ? h("p", { class: "quiet" }, `${count(this.#identical, "item")} passed over: the same look-alikes in both.`) : null,
      h("button", { class: "button", type: "button", onclick: () => {
        this.#votes = {};
        remember(this.key, "{}");
        this.at = 0;
        this.#revealed = false;
        this.#next();
      } }, "Start again"));
  }
}
