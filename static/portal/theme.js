// Sets the theme before the first paint, and again when the machine's own setting changes.
"use strict";
(function () {
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  function apply() {
    const choice = root.dataset.theme || "auto";
    const theme = choice === "auto" ? (dark.matches ? "dark" : "light") : choice;
    if (root.dataset.bsTheme === theme) return;
    root.dataset.bsTheme = theme;
    root.dispatchEvent(new CustomEvent("themechange", { detail: { theme }, bubbles: true }));
  }
  root.classList.add("js");
  apply();
  dark.addEventListener("change", apply);
})();
