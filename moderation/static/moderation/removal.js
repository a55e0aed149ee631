"use strict";
// Progressive enhancement of the pages of removals: they also work without JavaScript.

(() => {
  const POLL_INTERVAL = 2000; // milliseconds between two requests for the progress
  const LONGEST_INTERVAL = 30000; // while the server does not respond
  const UNBLUR_KEY = "moderation.show-pictures"; // in sessionStorage: lasts as long as the tab

  const main = document.getElementById("content-start");
  const progress = document.getElementById("removal-progress");
  const region = document.createElement("p");

  // Announce a text to screen readers, unless it is the text announced last.
  function announce(element) {
    const text = element ? element.textContent.replace(/\s+/g, " ").trim() : "";
    if (text && region.textContent !== text) {
      region.textContent = text;
    }
  }

  function makeRegion() {
    region.className = "visually-hidden";
    region.setAttribute("role", "status");
    document.body.append(region);
  }

  // A redirect leads to the login page: the session has ended.
  async function refresh(interval) {
    let next = POLL_INTERVAL;
    try {
      const response = await fetch(progress.dataset.url);
      if (!response.ok || response.redirected) {
        throw new Error(`The server responded with ${response.status}.`);
      }
      const focused = progress.contains(document.activeElement) && document.activeElement.id;
      progress.innerHTML = await response.text();
      document.getElementById(focused)?.focus();
      announce(document.getElementById("removal-lead"));
    } catch {
      next = Math.min(interval * 2, LONGEST_INTERVAL);
    }
    refreshLater(next);
  }

  function refreshLater(interval) {
    if (progress.querySelector("[data-running]")) {
      window.setTimeout(() => refresh(interval), interval);
    }
  }

  function restoreUnblur() {
    const all = document.getElementById("show-pictures");
    if (!all) {
      return;
    }
    all.checked = window.sessionStorage.getItem(UNBLUR_KEY) === "yes";
    all.addEventListener("change", () => {
      window.sessionStorage.setItem(UNBLUR_KEY, all.checked ? "yes" : "no");
    });
  }

  // Keep the typed reason and note when an object is excluded, but not the typed count.
  function copyInput(before, after) {
    const note = after.querySelector("[name=note]");
    if (note) {
      note.value = before.querySelector("[name=note]")?.value ?? "";
    }
    const chosen = before.querySelector("[name=reason]:checked")?.value;
    after.querySelectorAll("[name=reason]").forEach((reason) => {
      reason.checked = reason.value === chosen;
    });
  }

  // Exclude an object from the selection without losing the scroll position.
  async function excludeObject(event) {
    const form = event.target.closest("form");
    if (event.submitter?.name !== "object") {
      return;
    }
    event.preventDefault();
    const buttons = [...form.querySelectorAll("[name=object]")];
    const position = buttons.indexOf(event.submitter);
    const body = new FormData(form, event.submitter);
    buttons.forEach((button) => (button.disabled = true));
    const response = await fetch(form.action, { method: "POST", body }).catch(() => null);
    const page = new DOMParser().parseFromString(response ? await response.text() : "", "text/html");
    const fresh = page.getElementById("content-start");
    if (!fresh?.querySelector("#draft")) {
      window.location.reload();
      return;
    }
    const before = main.cloneNode(true);
    main.innerHTML = fresh.innerHTML;
    copyInput(before, main);
    document.title = page.title;
    restoreUnblur();
    const left = main.querySelectorAll("[name=object]");
    left[Math.min(position, left.length - 1)]?.focus({ preventScroll: true });
    announce(main.querySelector(".messagelist"));
  }

  makeRegion();
  if (progress) {
    refreshLater(POLL_INTERVAL);
  }
  if (document.getElementById("draft")) {
    restoreUnblur();
    main.addEventListener("submit", excludeObject);
  }
})();
