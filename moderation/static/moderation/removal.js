"use strict";
// What makes the pages of removals more comfortable. All of it works without.

(() => {
  const FIRST_WAIT = 2000; // milliseconds between two looks at the progress
  const LONGEST_WAIT = 30000; // while the server does not answer
  const REMEMBERED = "moderation.show-pictures"; // for the tab that is open, no longer

  const main = document.getElementById("content-start");
  const progress = document.getElementById("removal-progress");
  const region = document.createElement("p");

  // Tell those who listen; a text that was told already is not repeated.
  function say(element) {
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

  // A redirect leads to the log-in page: the session ended.
  async function look(wait) {
    let next = FIRST_WAIT;
    try {
      const answer = await fetch(progress.dataset.address);
      if (!answer.ok || answer.redirected) {
        throw new Error(`The server answered ${answer.status}.`);
      }
      const focused = progress.contains(document.activeElement) && document.activeElement.id;
      progress.innerHTML = await answer.text();
      document.getElementById(focused)?.focus();
      say(document.getElementById("removal-lead"));
    } catch {
      next = Math.min(wait * 2, LONGEST_WAIT);
    }
    lookLater(next);
  }

  function lookLater(wait) {
    if (progress.querySelector("[data-running]")) {
      window.setTimeout(() => look(wait), wait);
    }
  }

  function rememberPictures() {
    const all = document.getElementById("show-pictures");
    if (!all) {
      return;
    }
    all.checked = window.sessionStorage.getItem(REMEMBERED) === "yes";
    all.addEventListener("change", () => {
      window.sessionStorage.setItem(REMEMBERED, all.checked ? "yes" : "no");
    });
  }

  // What was typed for the confirmation stays while objects are taken out; the count does not.
  function carryOver(before, after) {
    const note = after.querySelector("[name=note]");
    if (note) {
      note.value = before.querySelector("[name=note]")?.value ?? "";
    }
    const chosen = before.querySelector("[name=reason]:checked")?.value;
    after.querySelectorAll("[name=reason]").forEach((reason) => {
      reason.checked = reason.value === chosen;
    });
  }

  // Take an object out without losing the place on the page.
  async function takeOut(event) {
    const form = event.target.closest("form");
    if (event.submitter?.name !== "object") {
      return;
    }
    event.preventDefault();
    const buttons = [...form.querySelectorAll("[name=object]")];
    const place = buttons.indexOf(event.submitter);
    const body = new FormData(form, event.submitter);
    buttons.forEach((button) => (button.disabled = true));
    const answer = await fetch(form.action, { method: "POST", body }).catch(() => null);
    const page = new DOMParser().parseFromString(answer ? await answer.text() : "", "text/html");
    const fresh = page.getElementById("content-start");
    if (!fresh?.querySelector("#draft")) {
      window.location.reload();
      return;
    }
    const before = main.cloneNode(true);
    main.innerHTML = fresh.innerHTML;
    carryOver(before, main);
    document.title = page.title;
    rememberPictures();
    const left = main.querySelectorAll("[name=object]");
    left[Math.min(place, left.length - 1)]?.focus({ preventScroll: true });
    say(main.querySelector(".messagelist"));
  }

  makeRegion();
  if (progress) {
    lookLater(FIRST_WAIT);
  }
  if (document.getElementById("draft")) {
    rememberPictures();
    main.addEventListener("submit", takeOut);
  }
})();
