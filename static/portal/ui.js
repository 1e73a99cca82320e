// Small helpers for pages that work without them: one submit per form, confirm dialogs, upload
// progress, fresh ages, copying.  No framework; texts come from data- attributes of the page.
"use strict";
(function () {
  const texts = () => document.body.dataset;

  function toast(text) {
    const place = document.getElementById("toasts");
    if (!place || !text) return;
    const line = document.createElement("div");
    line.className = "toast-line";
    line.textContent = text;
    place.append(line);
    setTimeout(() => line.remove(), 6000);
  }

  // --- ages -----------------------------------------------------------------------------------
  function told(kind, seconds) {
    const say = (unit, size) => texts()[kind + unit].replace("%s", Math.floor(seconds / size));
    if (seconds < 60) return texts()[kind + "Now"];
    if (seconds < 3600) return say("Minutes", 60);
    return seconds < 172800 ? say("Hours", 3600) : say("Days", 86400);
  }

  function freshen() {
    if (!texts().ageNow || document.hidden) return;
    for (const time of document.querySelectorAll("time[data-age]")) {
      const kind = time.dataset.age === "for" ? "for" : "age";
      const text = told(kind, Math.max(0, (Date.now() - Date.parse(time.dateTime)) / 1000));
      if (time.textContent !== text) time.textContent = text;
    }
  }
  setInterval(freshen, 15000);
  document.addEventListener("visibilitychange", freshen);

  // --- forms submit once ------------------------------------------------------------------------
  function lock(form, submitter) {
    form.dataset.sent = "1";
    setTimeout(() => {
      for (const button of form.querySelectorAll("button:not([type=button])")) {
        button.disabled = true;
        if (button === submitter && texts().textSending) {
          button.dataset.was = button.innerHTML;
          button.textContent = texts().textSending;
        }
      }
    });
  }

  function unlock(form) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("button:disabled")) {
      button.disabled = false;
      if (button.dataset.was) button.innerHTML = button.dataset.was;
    }
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    lock(form, event.submitter);
    if (form.dataset.progress !== undefined) {
      event.preventDefault();
      upload(form);
    }
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) document.querySelectorAll("form[data-sent]").forEach(unlock);
  });

  // --- uploads ----------------------------------------------------------------------------------
  function upload(form) {
    const line = form.querySelector(".progress-line");
    const bar = line.querySelector("progress");
    const number = line.querySelector("output");
    const call = new XMLHttpRequest();
    line.hidden = false;
    call.upload.addEventListener("progress", (event) => {
      if (!event.lengthComputable) return;
      bar.value = event.loaded / event.total;
      number.textContent = Math.floor((100 * event.loaded) / event.total) + " %";
    });
    call.upload.addEventListener("load", () => {
      bar.removeAttribute("value");
      number.textContent = line.dataset.checking;
    });
    call.addEventListener("load", () => {
      const place = call.getResponseHeader("X-Location");
      if (place) window.location.assign(place);
      else showAnswer(call.responseText);
    });
    call.addEventListener("error", () => {
      line.hidden = true;
      unlock(form);
      toast(texts().textFailed);
    });
    call.open("POST", form.action);
    call.setRequestHeader("X-Requested-With", "XMLHttpRequest");
    call.send(new FormData(form));
  }

  function showAnswer(html) {
    const page = new DOMParser().parseFromString(html, "text/html");
    const fresh = page.getElementById("main");
    if (!fresh) return;
    document.getElementById("main").replaceChildren(...fresh.childNodes);
    focusTrouble();
    window.scrollTo(0, 0);
  }

  function focusTrouble() {
    const trouble = document.querySelector("[data-focus]");
    if (trouble) trouble.focus();
  }

  // --- confirm dialogs --------------------------------------------------------------------------
  let opener = null;

  async function ask(link) {
    const dialog = document.getElementById("dialog");
    const address = new URL(link.href);
    try {
      const answer = await fetch(address, { headers: { "HX-Request": "true" } });
      if (!answer.ok) throw new Error(answer.status);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const question = page.querySelector(".ask");
      if (!question) throw new Error("no question");
      dialog.replaceChildren(question);
    } catch {
      window.location.assign(address);
      return;
    }
    opener = link;
    dialog.showModal();
    const cancel = dialog.querySelector("[data-cancel]");
    if (cancel) cancel.focus();
  }

  function closeDialog() {
    document.getElementById("dialog").close();
  }

  document.addEventListener("close", (event) => {
    if (event.target.id === "dialog" && opener) opener.focus();
  }, true);

  document.addEventListener("click", (event) => {
    const target = event.target.closest("[data-confirm],[data-cancel],[data-why],[data-copy],[data-dismiss]");
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
    if (event.target.id === "dialog") closeDialog();
    if (!target) return;
    const data = target.dataset;
    if (data.confirm !== undefined) {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      ask(target);
    } else if (data.cancel !== undefined && target.closest("dialog")) {
      event.preventDefault();
      closeDialog();
    } else if (data.why !== undefined) {
      toast(data.why);
    } else if (data.copy !== undefined) {
      navigator.clipboard?.writeText(data.copy).then(() => toast(texts().textCopied), () => {});
    } else if (data.dismiss !== undefined) {
      target.closest(".note").remove();
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      for (const menu of document.querySelectorAll("details.menu[open]")) {
        menu.open = false;
        menu.querySelector("summary").focus();
      }
    }
    const typing = event.target.closest("input,textarea,select,dialog,[contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      const box = document.querySelector(".tools input[type=search]");
      if (box) {
        event.preventDefault();
        box.focus();
      }
    }
  });

  // --- lists ------------------------------------------------------------------------------------
  // The address keeps the order that was chosen in the table, and no empty words.
  document.addEventListener("htmx:configRequest", (event) => {
    if (!event.target.matches("form.tools")) return;
    const given = event.detail.parameters;
    const sort = new URLSearchParams(location.search).get("sort");
    if (sort) given.sort = sort;
    for (const name of Object.keys(given)) if (given[name] === "") delete given[name];
  });

  // A table that is wider than its place can be scrolled by keyboard.
  function reachScrollers() {
    for (const box of document.querySelectorAll(".scroll")) {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  }
  document.addEventListener("htmx:afterSettle", reachScrollers);
  window.addEventListener("resize", reachScrollers);

  // --- after load -------------------------------------------------------------------------------
  document.addEventListener("htmx:sendError", () => toast(texts().textFailed));
  focusTrouble();
  freshen();
  reachScrollers();
  document.querySelector(".rail a[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
})();
