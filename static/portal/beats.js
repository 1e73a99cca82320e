// Heartbeats as they come: ages that count in seconds, the deadline as a bar, and how long is left.
// The server tells the time of each heartbeat; between two of them the page only counts.
"use strict";
(function () {
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");
  const words = () => document.getElementById("beats")?.dataset;
  // How far this machine's clock is from the site's.
  const skew = words() ? Date.now() - Date.parse(words().now) : 0;

  function told(seconds) {
    const ages = document.body.dataset;
    if (seconds < 60) return words().textAgo.replace("%s", Math.floor(seconds));
    if (seconds < 3600) return ages.ageMinutes.replace("%s", Math.floor(seconds / 60));
    if (seconds < 172800) return ages.ageHours.replace("%s", Math.floor(seconds / 3600));
    return ages.ageDays.replace("%s", Math.floor(seconds / 86400));
  }

  function say(element, text) {
    if (element && element.textContent !== text) element.textContent = text;
  }

  function draw(place) {
    const time = place.querySelector("[data-beat-age]");
    if (!time || !words()) return;
    const seconds = Math.max(0, (Date.now() - skew - Date.parse(time.dateTime)) / 1000);
    const { interval, allowance } = place.dataset;
    say(time, told(seconds));
    const left = Math.ceil(allowance - seconds);
    say(place.querySelector("[data-beat-left]"),
      left > 0 ? words().textLeft.replace("%s", left) : words().textOver);
    const fill = place.querySelector("[data-beat-fill]");
    if (!fill) return;
    const late = seconds > Number(interval);
    fill.setAttribute("width", Math.min(100, (100 * seconds) / allowance).toFixed(1));
    fill.parentNode.classList.toggle("bar-warn", late);
    fill.parentNode.classList.toggle("bar-ok", !late);
    place.querySelector("[data-beat-late]").hidden = !late;
  }

  function take(place, at) {
    const time = place.querySelector("[data-beat-age]");
    if (!time || Date.parse(at) <= Date.parse(time.dateTime)) return;
    time.dateTime = at;
    time.title = new Date(at).toLocaleString(document.documentElement.lang);
    time.hidden = place.querySelector("[data-beat-left]") !== null;
    place.querySelector("[data-beat-never]")?.remove();
    draw(place);
    const bar = place.querySelector(".beat-bar");
    if (bar && !still.matches) bar.animate([{ opacity: 0.2 }, { opacity: 1 }], 500);
  }

  document.addEventListener("live:message", (event) => {
    const { kind, id, data } = event.detail;
    if (kind !== "beat" || !data) return;
    for (const place of document.querySelectorAll("[data-beat]")) {
      if (place.dataset.beat === id) take(place, data.at);
    }
  });

  function all() {
    if (!document.hidden) document.querySelectorAll("[data-beat]").forEach(draw);
  }
  setInterval(all, 1000);
  document.addEventListener("visibilitychange", all);
  document.addEventListener("htmx:afterSettle", all);
  all();
})();
