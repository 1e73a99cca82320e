// Reads on in a container's log while the page is looked at.  The page works without it: then it
// shows the last lines, and asking again is a click.  Texts come from data- attributes of the page.
"use strict";
(function () {
  const pane = document.getElementById("log");
  if (!pane) return;
  const EVERY = 1000; // milliseconds between two looks
  const LONGEST = 10000; // between two looks while the link is lost
  const MOST = 10000; // lines that are kept on the page
  const PATIENCE = 30000;
  const find = (id) => document.getElementById("log-" + id);
  const [state, follow, wrap, search, count, form] =
    ["state", "follow", "wrap", "find", "count", "form"].map(find);
  const over = (name) => ["ended", "gone", "refused"].includes(name);

  let cursor = pane.dataset.cursor;
  let now = state.dataset.state;
  let timer = 0;
  let busy = false;
  let misses = 0;

  // --- what is shown ----------------------------------------------------------------------------
  // Who reads the end stays there, whatever grows or changes its size; who scrolled up does too.
  let pinned = true;
  const toEnd = () => { pane.scrollTop = pane.scrollHeight; };
  pane.addEventListener("scroll", () => {
    pinned = pane.scrollHeight - pane.scrollTop - pane.clientHeight < 12;
  });
  new ResizeObserver(() => pinned && toEnd()).observe(pane);

  function say(name, why) {
    now = name;
    let shown = name;
    if (name === "running" && !pane.childElementCount) shown = "quiet";
    if (!over(name) && !follow.checked) shown = "paused";
    const text = state.dataset[shown] + (why ? " " + why : "");
    if (state.textContent !== text) state.textContent = text;
    state.dataset.state = shown;
  }

  function fits(line) {
    const word = search.value.trim().toLowerCase();
    return !word || line.textContent.toLowerCase().includes(word);
  }

  function tally() {
    const word = search.value.trim();
    const hidden = word ? pane.querySelectorAll("[hidden]").length : 0;
    const all = pane.childElementCount;
    count.textContent = word
      ? count.dataset.text.replace("%s", all - hidden).replace("%s", all) : "";
  }

  function lineOf(one) {
    const line = document.createElement("div");
    const time = document.createElement("time");
    const text = document.createElement("span");
    line.className = "log-line";
    time.textContent = one.at.slice(0, 10) + " " + one.at.slice(11, 19);
    text.textContent = one.text;
    line.append(time, text);
    line.hidden = !fits(line);
    return line;
  }

  function add(lines) {
    if (!lines.length) return;
    pane.append(...lines.map(lineOf));
    const before = pane.scrollHeight;
    while (pane.childElementCount > MOST) pane.firstElementChild.remove();
    if (pinned) toEnd();
    else pane.scrollTop -= before - pane.scrollHeight;
    tally();
  }

  // --- reading on -------------------------------------------------------------------------------
  async function fetchPage() {
    const address = new URL(pane.dataset.src, location.href);
    if (cursor) address.searchParams.set("after", cursor);
    const answer = await fetch(address, { signal: AbortSignal.timeout(PATIENCE) });
    if (answer.redirected) location.reload(); // signed out meanwhile
    if (answer.status === 404) return { lines: [], state: "gone", why: "" };
    if (!answer.ok) throw new Error(answer.status);
    return answer.json();
  }

  async function look() {
    timer = 0;
    if (busy || document.hidden || !follow.checked) return;
    busy = true;
    let wait = EVERY;
    try {
      const page = await fetchPage();
      add(page.lines);
      if (page.cursor) cursor = page.cursor;
      say(page.state, page.why);
      misses = page.state === "lost" ? misses + 1 : 0;
      if (page.more) wait = 0;
    } catch {
      misses += 1;
      say("lost", "");
    }
    busy = false;
    if (misses) wait = Math.min(EVERY * 2 ** (misses - 1), LONGEST);
    if (!over(now)) later(wait);
  }

  function later(wait) {
    clearTimeout(timer);
    timer = setTimeout(look, wait);
  }

  // --- controls ---------------------------------------------------------------------------------
  follow.addEventListener("change", () => {
    say(now, "");
    if (follow.checked && !over(now)) later(0);
  });
  wrap.addEventListener("change", () => pane.classList.toggle("is-unwrapped", !wrap.checked));
  search.addEventListener("input", () => {
    for (const line of pane.children) line.hidden = !fits(line);
    if (pinned) toEnd();
    tally();
  });
  form.addEventListener("change", () => form.requestSubmit());
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && !over(now)) later(0);
  });

  find("tools").hidden = false;
  form.querySelector("button").hidden = true;
  toEnd();
  if (pane.dataset.more !== undefined) later(0);
  else if (!over(now)) later(EVERY);
  if (now === "running") say(now, "");
})();
