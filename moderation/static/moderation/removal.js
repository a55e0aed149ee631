"use strict";
// Progressive enhancement of the pages of removals: they also work without JavaScript.

(() => {
  const POLL_INTERVAL = 2000; // milliseconds between two requests for the progress
  const LONGEST_INTERVAL = 30000; // while the server does not respond
  const ANNOUNCE_AFTER = 100; // milliseconds that screen readers need to notice an empty region

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

  // Replace the parts of the progress. Next steps stay once shown: one of them may be focused.
  function replaceParts(html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    const [shown, loaded] = [progress, template.content].map((each) => each.firstElementChild);
    shown.toggleAttribute("data-running", loaded.hasAttribute("data-running"));
    for (const part of [...loaded.children]) {
      const replaced = document.getElementById(part.id);
      if (!replaced.hasAttribute("data-shown")) {
        replaced.replaceWith(part);
      }
    }
  }

  // Reload the progress. A redirected response is the login page, because the session has ended.
  async function refresh(interval) {
    let next = POLL_INTERVAL;
    try {
      const areStepsShown = progress.querySelector("#removal-next-steps[data-shown]");
      const query = areStepsShown ? "?next_steps=shown" : "";
      const response = await fetch(progress.dataset.url + query);
      if (!response.ok || response.redirected) {
        throw new Error(`The server responded with ${response.status}.`);
      }
      const focused = progress.contains(document.activeElement) && document.activeElement.id;
      replaceParts(await response.text());
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

  createLiveRegion();
  if (progress) {
    // Forget what draft_input.js has stored for a draft that is now confirmed.
    const folder = new URL("..", window.location).pathname;
    window.sessionStorage.removeItem(`moderation.input.${folder}`);
    refreshLater(POLL_INTERVAL);
  }
  if (document.getElementById("draft")) {
    main.addEventListener("moderation:message", () => {
      const element =
        main.querySelector(".messagelist") ?? main.querySelector(".removal-last-kept p");
      liveRegion.textContent = ""; // so that the same message is announced again
      window.setTimeout(() => announce(element), ANNOUNCE_AFTER);
    });
  }
})();
