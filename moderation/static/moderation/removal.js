"use strict";
// Progressive enhancement of the pages of removals: they also work without JavaScript.

(() => {
  const POLL_INTERVAL = 2000; // milliseconds between two requests for the progress
  const LONGEST_INTERVAL = 30000; // while the server does not respond

  const main = document.getElementById("content-start");
  const progress = document.getElementById("removal-progress");
  const liveRegion = document.createElement("p");

  // Announce an element's text to screen readers, unless it was the last announcement.
  function announce(element) {
    const text = element ? element.textContent.replace(/\s+/g, " ").trim() : "";
    if (text && liveRegion.textContent !== text) {
      liveRegion.textContent = text;
    }
  }

  function createLiveRegion() {
    liveRegion.className = "visually-hidden";
    liveRegion.setAttribute("role", "status");
    document.body.append(liveRegion);
  }

  // Reload the progress. A redirected response is the login page, because the session has ended.
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
      announce(document.getElementById("removal-summary"));
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

  // Copy the chosen reason and the typed note, but not the typed count, which must change.
  function copyInput(source, target) {
    const note = target.querySelector("[name=note]");
    if (note) {
      note.value = source.querySelector("[name=note]")?.value ?? "";
    }
    const chosen = source.querySelector("[name=reason]:checked")?.value;
    target.querySelectorAll("[name=reason]").forEach((reason) => {
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
    const newMain = page.getElementById("content-start");
    if (!newMain?.querySelector("#draft")) {
      window.location.reload();
      return;
    }
    const oldMain = main.cloneNode(true);
    main.innerHTML = newMain.innerHTML;
    copyInput(oldMain, main);
    document.title = page.title;
    const remaining = main.querySelectorAll("[name=object]");
    remaining[Math.min(position, remaining.length - 1)]?.focus({ preventScroll: true });
    announce(main.querySelector(".messagelist"));
  }

  createLiveRegion();
  if (progress) {
    refreshLater(POLL_INTERVAL);
  }
  if (document.getElementById("draft")) {
    main.addEventListener("submit", excludeObject);
  }
})();
