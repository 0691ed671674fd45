// Mouse, touch, wheel and keys on the map.

export function handle(map, { open, hover, lasso, back }) {
  const { canvas, frame } = map;
  const held = new Map();
  let drawing = false;
  let moved = 0;
  let apart = 0;

  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const mode = (on) => {
    drawing = on;
    frame.classList.toggle("drawing", on);
    document.getElementById("lasso").setAttribute("aria-pressed", String(on));
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    held.set(event.pointerId, place(event));
    moved = 0;
    apart = 0;
    hover(-1);
    if (held.size > 1) map.path = null;
    else if (drawing || event.shiftKey) map.path = [place(event)];
  });

  canvas.addEventListener("pointermove", (event) => {
    const at = place(event);
    const before = held.get(event.pointerId);
    if (!before) {
      const row = map.pick(...at);
      frame.classList.toggle("over", row >= 0);
      hover(row, ...at);
      return;
    }
    held.set(event.pointerId, at);
    moved += Math.hypot(at[0] - before[0], at[1] - before[1]);
    if (map.path) {
      map.path.push(at);
      map.redraw();
    } else if (held.size === 1) {
      frame.classList.add("busy");
      map.pan(at[0] - before[0], at[1] - before[1]);
    } else {
      const [one, two] = [...held.values()];
      const now = Math.hypot(one[0] - two[0], one[1] - two[1]);
      map.pan((at[0] - before[0]) / 2, (at[1] - before[1]) / 2);
      if (apart) map.zoom(now / apart, (one[0] + two[0]) / 2, (one[1] + two[1]) / 2);
      apart = now;
    }
  });

  const end = (event) => {
    if (!held.delete(event.pointerId)) return;
    frame.classList.remove("busy");
    apart = 0;
    if (map.path) {
      const rows = map.path.length > 2 && moved > 12 ? map.inside(map.path) : null;
      map.path = null;
      mode(false);
      map.redraw();
      if (rows) lasso(rows);
    } else if (moved < 6 && event.type === "pointerup") {
      const row = map.pick(...place(event), event.pointerType === "touch" ? 22 : 14);
      if (row >= 0) open(row);
    }
  };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  canvas.addEventListener("pointerleave", () => hover(-1));
  canvas.addEventListener("dblclick", (event) => map.zoom(2, ...place(event)));
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const lines = event.deltaMode ? 33 : 1;
    map.zoom(2 ** (-Math.max(-300, Math.min(300, event.deltaY * lines)) / (event.ctrlKey ? 90 : 260)), ...place(event));
  }, { passive: false });

  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const middle = [map.view.width / 2, (map.view.height - map.below) / 2];
    const actions = {
      ArrowLeft: () => map.pan(80, 0),
      ArrowRight: () => map.pan(-80, 0),
      ArrowUp: () => map.pan(0, 80),
      ArrowDown: () => map.pan(0, -80),
      "+": () => map.zoom(1.5),
      "=": () => map.zoom(1.5),
      "-": () => map.zoom(1 / 1.5),
      0: () => map.whole(),
      l: () => mode(!drawing),
      Enter: () => {
        const row = map.pick(...middle, 1e6);
        if (row >= 0) open(row);
      },
    };
    if (!actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      if (drawing || map.path) {
        map.path = null;
        mode(false);
        map.redraw();
      } else back();
    } else if (event.key === "/" && !event.target.closest("input, select, textarea")) {
      event.preventDefault();
      document.getElementById("find").focus();
    }
  });

  const press = (id, action) => document.getElementById(id).addEventListener("click", action);
  press("closer", () => map.zoom(1.6));
  press("farther", () => map.zoom(1 / 1.6));
  press("whole", () => map.whole());
  press("lasso", () => mode(!drawing));
}
