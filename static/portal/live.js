// Live pages: one socket per tab, signals only.  What a signal is about is fetched again from the
// element's own address, so that permission, language and theme are decided by the page's own view.
//
//   <div data-live="instances host:<id>" data-src="/instances/?part=table">   fetched again on news
//   <div data-live="topology">                                                hears "live:message"
//
// With the socket down the same elements are fetched every few seconds, and #live-chip says so.
"use strict";
(function () {
  const SOCKET = (location.protocol === "https:" ? "wss://" : "ws://") + location.host + "/ws/ui/";
  const QUIET = 250; // a burst of signals is one fetch
  const LONGEST = 500; // but nobody waits longer than this for it
  const SILENCE = 60000; // the server pings every 25 s
  const GREETING = 5000; // a site that is there says hello at once
  const SIGNED_OUT = 4401;

  let socket = null;
  let attempts = 0;
  let refusals = 0;
  let retry = 0;
  let watchdog = 0;
  let poll = 0;
  let last = null; // {seq, epoch} of the last message
  let asked = ""; // the topics that the server was asked for
  const born = performance.now();
  const waiting = new Map(); // address -> {first, timer}

  const jitter = (least, most) => least + Math.random() * (most - least);
  const live = () => Array.from(document.querySelectorAll("[data-live]"));
  const topicsOf = (element) => element.dataset.live.split(/\s+/).filter(Boolean);
  const isUp = () => socket !== null && socket.readyState === WebSocket.OPEN;

  function tell(message) {
    document.dispatchEvent(new CustomEvent("live:message", { detail: message }));
  }

  // --- fetching fragments -----------------------------------------------------------------------
  function isBusy(element) {
    const focus = document.activeElement;
    const typing = focus && element.contains(focus)
      && focus.matches("input:not([type=checkbox]):not([type=radio]),textarea,select,[contenteditable]");
    return typing || element.querySelector("dialog[open],details.menu[open]") !== null;
  }

  function refresh(address, delay) {
    const now = performance.now();
    const entry = waiting.get(address) || { first: now, timer: 0 };
    clearTimeout(entry.timer);
    const rest = Math.max(0, entry.first + LONGEST - now);
    entry.timer = setTimeout(() => fetchAgain(address), Math.min(delay ?? QUIET, rest));
    waiting.set(address, entry);
  }

  function fetchAgain(address) {
    const found = live().filter((element) => element.dataset.src === address);
    const free = found.filter((element) => !isBusy(element));
    if (document.hidden && found.length) return; // fetched when the page is looked at again
    waiting.delete(address);
    if (free.length < found.length) later(address);
    for (const element of free) {
      element.setAttribute("aria-busy", "true");
      const done = () => element.removeAttribute("aria-busy");
      htmx.ajax("GET", address, { source: element, target: element, swap: "morph" }).then(done, done);
    }
  }

  function later(address) {
    waiting.set(address, { first: performance.now() + 1000, timer: setTimeout(() => fetchAgain(address), 1000) });
  }

  function refreshAll() {
    const addresses = new Set(live().map((element) => element.dataset.src).filter(Boolean));
    for (const address of addresses) refresh(address, jitter(0, QUIET));
    tell({ kind: "gap" });
  }

  function onNews(message) {
    for (const element of live()) {
      if (element.dataset.src && topicsOf(element).includes(message.topic)) refresh(element.dataset.src);
    }
    tell(message);
  }

  // A fragment that was redirected is the sign-in page: the whole tab has to go there.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, target, pathInfo } = event.detail;
    if (!target.matches?.("[data-live]") || !xhr.responseURL) return;
    const asked = new URL(pathInfo.requestPath, location.href);
    if (xhr.status >= 400) event.detail.shouldSwap = false; // what was seen last stays, marked
    target.toggleAttribute("data-gone", xhr.status === 404 || xhr.status === 403);
    if (new URL(xhr.responseURL).pathname !== asked.pathname) {
      event.detail.shouldSwap = false;
      location.reload();
    }
  });

  // Nobody asked for these fetches, so their failing is told once, by the chip.
  window.addEventListener("htmx:sendError", (event) => {
    if (event.target.matches?.("[data-live]")) event.stopPropagation();
  }, true);

  // --- the chip ---------------------------------------------------------------------------------
  function show(state) {
    const chip = document.getElementById("live-chip");
    if (!chip || chip.dataset.state === state) return;
    const text = chip.dataset[state] || "";
    chip.dataset.state = state;
    chip.textContent = text;
    chip.hidden = !text;
  }

  function startPolling() {
    show("down");
    if (poll) return;
    const tick = () => {
      if (!document.hidden) refreshAll();
      poll = setTimeout(tick, jitter(5000, 10000));
    };
    poll = setTimeout(tick, jitter(500, 2000));
  }

  function stopPolling() {
    clearTimeout(poll);
    poll = 0;
    show("up");
  }

  // --- the socket -------------------------------------------------------------------------------
  function subscribe(again) {
    const topics = Array.from(new Set(live().flatMap(topicsOf))).sort();
    const wish = { subscribe: topics };
    if (!isUp() || (!again && topics.join(" ") === asked)) return;
    if (again && last) Object.assign(wish, last);
    else wish.age = again ? (performance.now() - born) / 1000 + 1 : 2;
    asked = topics.join(" ");
    socket.send(JSON.stringify(wish));
  }

  function connect() {
    clearTimeout(retry);
    if (socket && socket.readyState <= WebSocket.OPEN) return;
    if (!live().length) return;
    socket = new WebSocket(SOCKET);
    socket.addEventListener("message", (event) => take(JSON.parse(event.data)));
    socket.addEventListener("close", lost);
    watch(GREETING);
  }

  function take(message) {
    watch(SILENCE);
    if (message.kind === "hello") {
      const before = last;
      attempts = refusals = 0;
      subscribe(true);
      last = { seq: message.seq, epoch: message.epoch };
      if (before) refreshAll();
      stopPolling();
      return;
    }
    if (last) last.seq = message.seq;
    if (message.kind === "changed" || message.kind === "gone") onNews(message);
    else if (message.kind === "beat") tell(message);
    else if (message.kind === "gap") refreshAll();
  }

  function lost(event) {
    clearTimeout(watchdog);
    if (event.target !== socket) return;
    socket = null;
    if (event.code === SIGNED_OUT && ++refusals > 1) {
      if (!poll) startPolling(); // the next fetch leads to the sign-in page
      return;
    }
    attempts += 1;
    const most = Math.min(60000, 1000 * 2 ** (attempts - 1));
    retry = setTimeout(connect, jitter(most / 3, most));
    if (attempts > 1) startPolling();
  }

  function watch(patience) {
    clearTimeout(watchdog);
    const watched = socket;
    watchdog = setTimeout(() => {
      watched.close();
      lost({ target: watched, code: 0 }); // the close event of a dead line comes much later
    }, patience);
  }

  // --- the page ---------------------------------------------------------------------------------
  document.addEventListener("htmx:afterSettle", () => (isUp() ? subscribe(false) : connect()));
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    for (const address of waiting.keys()) refresh(address, 0);
    if (!isUp()) connect();
  });
  window.addEventListener("online", () => {
    attempts = 0;
    connect();
  });
  window.addEventListener("pagehide", () => {
    const old = socket;
    socket = null;
    old?.close();
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) connect();
  });
  connect();
})();
