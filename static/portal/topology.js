// A topology graph, of the estate or of the MEC platform.  Reads the address in data-api, draws it in
// layers from left to right and, on news, applies only what is different: nothing that stays moves.
// Texts come from data- attributes, colours from the style sheet.
"use strict";
(function () {
  const root = document.getElementById("topology");
  if (!root || typeof cytoscape === "undefined") return;
  const texts = root.dataset;
  const part = (name) => root.querySelector(`[data-topo="${name}"]`);
  const canvas = part("canvas");
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");
  const GLYPHS = { ok: "●", busy: "◆", warn: "▲", bad: "■", info: "◇", unknown: "○" };
  const FAILING = ["warn", "bad"];
  const LEAVES = ["workload", "service"];
  const TOPICS = texts.live.split(/\s+/);
  const COLUMN = 158;
  const ROW = 88;
  const WRAPPED = 8;
  const WIDEST = 5;
  const LEAST = 0.6; // the first view is at least this large: captions stay readable
  const QUIET = 250;
  const LONGEST = 500;

  let graph = null;
  let timer = 0;
  let firstNews = 0;
  let loading = false;
  let again = false;

  // --- words ------------------------------------------------------------------------------------
  function age(time) {
    const t = document.body.dataset;
    const seconds = Math.max(0, (Date.now() - Date.parse(time)) / 1000);
    if (!t.ageNow || Number.isNaN(seconds)) return "";
    if (seconds < 60) return t.ageNow;
    if (seconds < 3600) return t.ageMinutes.replace("%s", Math.floor(seconds / 60));
    if (seconds < 172800) return t.ageHours.replace("%s", Math.floor(seconds / 3600));
    return t.ageDays.replace("%s", Math.floor(seconds / 86400));
  }

  function seen(node) {
    if (!node.as_of) return texts.textNever;
    const at = new Date(node.as_of).toLocaleString(document.documentElement.lang);
    return `${node.stale ? texts.textAsOf + " " : ""}${at} (${age(node.as_of)})`;
  }

  function caption(node) {
    const lines = [`${GLYPHS[node.tone] || "○"} ${node.label}`];
    const second = [node.state_text];
    if (node.simulated && node.kind === "host") second.push(texts.textSimulated);
    if (node.folded) second.push(texts.textFolded.replace("%s", node.folded));
    if (node.stale) second.push(`${texts.textAsOf} ${age(node.as_of) || "–"}`);
    if (!LEAVES.includes(node.kind) || FAILING.includes(node.tone)) lines.push(second.join(" · "));
    return lines.join("\n");
  }

  function note(text) {
    part("note").textContent = text || (graph && graph.notice) || "";
    part("note").hidden = !part("note").textContent;
  }

  // --- looks ------------------------------------------------------------------------------------
  const brush = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

  // Any colour that CSS knows, as the rgb() that the graph library reads.
  function colour(name) {
    brush.clearRect(0, 0, 1, 1);
    brush.fillStyle = getComputedStyle(canvas).getPropertyValue(`--topo-${name}`).trim() || "gray";
    brush.fillRect(0, 0, 1, 1);
    const [red, green, blue] = brush.getImageData(0, 0, 1, 1).data;
    return `rgb(${red},${green},${blue})`;
  }

  function styles() {
    const tones = Object.keys(GLYPHS).map((tone) => ({
      selector: `node[tone="${tone}"]`,
      style: {
        "border-color": colour(tone), "border-width": FAILING.includes(tone) ? 4 : 2,
        "background-color": colour(`${tone}-soft`),
      },
    }));
    const shape = (kind, form, width, height) => ({
      selector: `node[kind="${kind}"]`, style: { shape: form, width, height },
    });
    return [
      { selector: "node", style: {
        "background-color": colour("fill"), "border-style": "solid", color: colour("text"),
        label: "data(caption)", "text-wrap": "wrap", "text-max-width": "146px", "font-size": 12,
        "font-family": getComputedStyle(document.body).fontFamily, "text-halign": "center",
        "text-valign": "bottom", "text-margin-y": 6, "line-height": 1.25,
        "text-overflow-wrap": "anywhere",
        "text-background-color": colour("back"), "text-background-opacity": 0.8, "text-background-padding": 2,
      } },
      shape("site", "round-rectangle", 58, 38), shape("edge", "hexagon", 50, 42),
      shape("host", "rectangle", 44, 34), shape("instance", "ellipse", 36, 36),
      shape("workload", "diamond", 30, 30), shape("platform", "round-rectangle", 58, 38),
      shape("application", "ellipse", 36, 36), shape("service", "diamond", 30, 30),
      ...tones,
      { selector: 'node[tone="bad"]', style: { "border-style": "double", "border-width": 6 } },
      { selector: "node[?stale]", style: { "background-opacity": 0.3, "border-opacity": 0.55,
        "border-style": "dashed", "border-width": 3, color: colour("muted"), "text-opacity": 0.85 } },
      { selector: "edge", style: { width: 1.5, "line-color": colour("line"), "curve-style": "taxi",
        "taxi-direction": "rightward", "taxi-turn": "62px", "source-endpoint": "90deg" } },
      { selector: 'edge[kind="subscribes"]', style: { "line-style": "dashed", "line-color": colour("accent"),
        "curve-style": "unbundled-bezier", "control-point-distances": -46, "control-point-weights": 0.5,
        "source-endpoint": "outside-to-node", "target-arrow-shape": "triangle", "target-arrow-color": colour("accent") } },
      { selector: "edge[?stale]", style: { "line-style": "dashed", opacity: 0.55 } },
      { selector: "node.found", style: { "text-background-color": colour("accent"), "text-background-opacity": 1, color: colour("back") } },
      { selector: "node:selected", style: { "outline-width": 3, "outline-offset": 3, "outline-color": colour("accent"), "font-weight": "bold" } },
      { selector: ".off", style: { display: "none" } },
    ];
  }

  const cy = cytoscape({
    container: canvas, style: styles(), elements: [], layout: { name: "preset" }, minZoom: 0.08,
    maxZoom: 2.5, boxSelectionEnabled: false, selectionType: "single",
  });
  const restyle = () => cy.style(styles());
  new MutationObserver(restyle).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });

  // --- places -----------------------------------------------------------------------------------
  const depth = (node) => (node.up ? depth(cy.getElementById(node.up).data() || {}) + 1 : 0);

  // A tidy tree: leaves take a row each, and a parent stands at the middle of its children.  Many
  // leaves of one parent stand in several columns.
  function places(nodes) {
    const below = new Map();
    for (const node of nodes) below.set(node.parent, [...(below.get(node.parent) || []), node]);
    const found = new Map();
    let row = 0;
    const walk = (node, column) => {
      const leaves = below.get(node.id) || [];
      if (leaves.length > WRAPPED && !leaves.some((child) => below.has(child.id))) {
        const wide = Math.min(WIDEST, Math.ceil(leaves.length / WRAPPED));
        const high = Math.ceil(leaves.length / wide);
        leaves.forEach((child, n) => found.set(child.id,
          { x: (column + 1 + (n % wide)) * COLUMN, y: (row + Math.floor(n / wide)) * ROW }));
        const center = row + (high - 1) / 2;
        row += high;
        found.set(node.id, { x: column * COLUMN, y: center * ROW });
        return center;
      }
      const children = leaves.map((child) => walk(child, column + 1));
      const middle = children.length ? (children[0] + children[children.length - 1]) / 2 : row;
      if (children.length === 0) row += 1;
      found.set(node.id, { x: column * COLUMN, y: middle * ROW });
      return middle;
    };
    for (const node of below.get("") || []) walk(node, 0);
    return found;
  }

  const top = () => cy.nodes().filter((one) => !one.data("up")).first();

  // All of it, unless that would be too small to read: then its beginning, at a readable size.
  function frame(least) {
    const shown = cy.elements(":visible");
    cy.fit(shown, 24);
    if (cy.zoom() > 1.3) {
      cy.zoom(1.3);
      cy.center(shown);
    } else if (cy.zoom() < least) {
      cy.zoom(least);
      cy.center(shown);
      const site = top();
      cy.panBy({ x: 40 - site.renderedPosition("x"), y: cy.height() / 2 - site.renderedPosition("y") });
    }
  }

  // The first free place in the column right of the parent, nearest to the parent.
  function freePlace(node) {
    const parent = cy.getElementById(node.parent);
    const x = parent.nonempty() ? parent.position("x") + COLUMN : 0;
    const start = parent.nonempty() ? parent.position("y") : 0;
    const taken = cy.nodes().filter((one) => Math.abs(one.position("x") - x) < COLUMN / 2)
      .map((one) => one.position("y"));
    for (let step = 0; ; step += 1) {
      const y = start + (step % 2 ? 1 : -1) * Math.ceil(step / 2) * ROW;
      if (taken.every((other) => Math.abs(other - y) >= ROW * 0.9)) return { x, y };
    }
  }

  // --- differences ------------------------------------------------------------------------------
  function dataOf(node) {
    const { id, kind, tone, stale } = node;
    return { id, kind, tone, stale, up: node.parent, caption: caption(node), node };
  }

  function apply(fresh) {
    const first = graph === null;
    const spots = first ? places(fresh.nodes) : null;
    const stays = new Set([...fresh.nodes, ...fresh.edges].map((one) => one.id));
    const staleIds = new Set(fresh.nodes.filter((node) => node.stale).map((node) => node.id));
    graph = fresh;
    note();
    cy.batch(() => {
      cy.elements().filter((one) => !stays.has(one.id())).remove();
      for (const node of fresh.nodes) {
        const known = cy.getElementById(node.id);
        if (known.nonempty()) known.data(dataOf(node));
        else cy.add({ group: "nodes", data: dataOf(node), position: spots?.get(node.id) || freePlace(node) });
      }
      for (const edge of fresh.edges) {
        const known = cy.getElementById(edge.id);
        const data = { ...edge, stale: staleIds.has(edge.target) };
        if (known.nonempty()) known.data("stale", data.stale);
        else cy.add({ group: "edges", data });
      }
      filter();
    });
    part("empty").hidden = fresh.nodes.length > 1;
    if (first) {
      frame(LEAST);
      pickFromAddress();
    } else if (cy.$("node:selected").nonempty()) show(cy.$("node:selected").data("node"));
    else show(null);
  }

  function filter() {
    const errors = part("errors").checked;
    const workloads = part("workloads")?.checked ?? true;
    const needed = new Set();
    if (errors) {
      for (const one of cy.nodes().filter((n) => FAILING.includes(n.data("tone")))) {
        for (let at = one; at.nonempty(); at = cy.getElementById(at.data("up") || "–")) needed.add(at.id());
      }
    }
    for (const one of cy.nodes()) {
      const hidden = (errors && !needed.has(one.id()) && one.data("up"))
        || (!workloads && one.data("kind") === "workload");
      one.toggleClass("off", hidden);
    }
    cy.edges('[kind="subscribes"]').toggleClass("off", !(part("links")?.checked ?? true));
    if (errors && !needed.size) note(texts.textWell);
    else if (errors) note();
  }

  // --- the side panel ---------------------------------------------------------------------------
  const nothing = part("title").textContent;

  function show(node) {
    part("hint").hidden = Boolean(node);
    part("facts").hidden = !node;
    part("open").hidden = !node || !node.url;
    part("title").textContent = node ? node.label : nothing;
    if (!node) return;
    part("kind").textContent = texts["kind" + node.kind[0].toUpperCase() + node.kind.slice(1)];
    part("state").textContent = `${GLYPHS[node.tone] || "○"} ${node.state_text}`;
    part("detail").textContent = [node.detail, node.simulated ? texts.textSimulated : "",
      node.folded ? texts.textFolded.replace("%s", node.folded) : ""].filter(Boolean).join(" · ") || "–";
    part("seen").textContent = seen(node);
    part("open").href = node.url || "#topology";
  }

  function pick(id) {
    const one = cy.getElementById(id);
    if (one.empty()) return;
    cy.nodes().unselect();
    one.select();
    const box = one.renderedPosition();
    const inside = box.x > 0 && box.y > 0 && box.x < cy.width() && box.y < cy.height();
    if (!inside) cy.animate({ center: { eles: one }, duration: still.matches ? 0 : 200 });
  }

  function pickFromAddress() {
    const match = /^#node=(.+)$/.exec(location.hash);
    if (match) pick(decodeURIComponent(match[1]));
  }

  cy.on("select", "node", (event) => {
    history.replaceState(history.state, "", `#node=${encodeURIComponent(event.target.id())}`);
    show(event.target.data("node"));
  });
  cy.on("unselect", "node", () => {
    history.replaceState(history.state, "", location.pathname + location.search);
    show(null);
  });
  window.addEventListener("hashchange", pickFromAddress);

  // --- keys -------------------------------------------------------------------------------------
  function neighbour(one, key) {
    const on = (found) => found.filter((n) => !n.hasClass("off")).sort((a, b) => a.position("y") - b.position("y"));
    if (key === "ArrowLeft") return cy.getElementById(one.data("up") || "–");
    if (key === "ArrowRight") return on(cy.nodes().filter((n) => n.data("up") === one.id())).first();
    const column = on(cy.nodes().filter((n) => depth(n.data()) === depth(one.data())));
    const index = column.toArray().findIndex((n) => n.same(one));
    return column.eq(index + (key === "ArrowDown" ? 1 : -1));
  }

  canvas.addEventListener("keydown", (event) => {
    const one = cy.$("node:selected");
    if (event.key === "Enter" && one.nonempty() && one.data("node").url) {
      location.assign(one.data("node").url);
    } else if (event.key === "Escape") {
      cy.nodes().unselect();
    } else if (event.key.startsWith("Arrow")) {
      event.preventDefault();
      const next = one.empty() ? top() : neighbour(one, event.key);
      if (next.nonempty()) pick(next.id());
    }
  });

  // --- tools ------------------------------------------------------------------------------------
  function save(blob, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  function tidy() {
    const spots = places(graph.nodes);
    cy.batch(() => cy.nodes().forEach((one) => one.position(spots.get(one.id()))));
    frame(0);
  }

  function find(text) {
    const wanted = text.trim().toLocaleLowerCase();
    cy.nodes().removeClass("found");
    if (!wanted) return note();
    const found = cy.nodes().filter((one) => one.data("node").label.toLocaleLowerCase().includes(wanted)
      && !one.hasClass("off"));
    found.addClass("found");
    note(found.empty() ? texts.textNone : "");
    if (found.nonempty()) cy.animate({ center: { eles: found }, duration: still.matches ? 0 : 200 });
    return found;
  }

  const actions = {
    fit: () => frame(0),
    tidy: () => graph && tidy(),
    png: () => cy.png({ output: "blob-promise", full: true, scale: 2, bg: colour("back") })
      .then((blob) => save(blob, "topology.png")),
    json: () => graph && save(new Blob([JSON.stringify(graph, null, 2)], { type: "application/json" }), "topology.json"),
  };
  root.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-topo]");
    if (button) actions[button.dataset.topo]?.();
  });
  part("find").addEventListener("input", (event) => find(event.target.value));
  part("find").addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    const found = find(event.target.value);
    if (found && found.nonempty()) pick(found.first().id());
  });
  part("errors").addEventListener("change", () => { note(); cy.batch(filter); });
  for (const name of ["workloads", "links"]) part(name)?.addEventListener("change", () => cy.batch(filter));
  part("freeze").addEventListener("change", () => { note(); if (!part("freeze").checked) load(); });

  // --- news -------------------------------------------------------------------------------------
  async function load() {
    if (loading) {
      again = true;
      return;
    }
    loading = true;
    root.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(texts.api, { headers: { Accept: "application/json" }, credentials: "same-origin" });
      if (answer.status === 401) return location.reload();
      if (!answer.ok) throw new Error(answer.status);
      apply(await answer.json());
    } catch {
      note(texts.textFailed);
    } finally {
      loading = false;
      root.removeAttribute("aria-busy");
    }
    if (again) {
      again = false;
      load();
    }
  }

  function onNews() {
    if (part("freeze").checked) return note(texts.textWaiting);
    const now = performance.now();
    if (!timer) firstNews = now;
    clearTimeout(timer);
    timer = setTimeout(() => {
      timer = 0;
      if (!document.hidden) load();
      else document.addEventListener("visibilitychange", onNews, { once: true });
    }, Math.min(QUIET, Math.max(0, firstNews + LONGEST - now)));
  }

  document.addEventListener("live:message", (event) => {
    if (TOPICS.includes(event.detail.topic) || event.detail.kind === "gap") onNews();
  });
  // Ages are part of what stale nodes say.
  setInterval(() => {
    if (document.hidden) return;
    cy.batch(() => cy.nodes("[?stale]").forEach((one) => one.data("caption", caption(one.data("node")))));
  }, 30000);
  load();
})();
