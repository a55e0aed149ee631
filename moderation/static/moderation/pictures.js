"use strict";
// Pictures on the page of a draft: unblur all of them, blur one again that was clicked, and open one
// large in a dialog. Without JavaScript, the button saves a preference, links open the picture in a
// new tab, and the styles alone blur a picture when the pointer leaves it.

(() => {
  const UNBLUR_KEY = "moderation.unblur-pictures"; // in sessionStorage: lasts as long as the tab

  const main = document.getElementById("content-start");

  let sources = new Set(); // of the pictures that were shown before the page was replaced

  function isUnblurred() {
    return window.sessionStorage.getItem(UNBLUR_KEY) === "yes";
  }

  function toggleUnblur() {
    window.sessionStorage.setItem(UNBLUR_KEY, isUnblurred() ? "no" : "yes");
    showState();
  }

  // Show what the tab remembers. The content of the page is replaced when an object is kept.
  function showState() {
    document.getElementById("unblur-pictures")?.setAttribute("aria-pressed", isUnblurred());
    document.getElementById("draft").classList.toggle("removal-unblurred", isUnblurred());
  }

  // Uncheck the boxes of the clicked pictures to which a condition applies.
  function uncheckIf(condition) {
    for (const input of main.querySelectorAll(".removal-picture input:checked")) {
      input.checked = !condition(input.closest(".removal-picture"));
    }
  }

  // A finger leaves a picture with each tap; for a finger, see `onPointerUp`.
  function onPointerOut({ pointerType, target, relatedTarget }) {
    if (pointerType !== "touch") {
      uncheckIf((picture) => picture.contains(target) && !picture.contains(relatedTarget));
    }
  }

  function onPointerUp({ target }) {
    uncheckIf((picture) => !picture.contains(target));
  }

  // Keep a picture as it is while the focus is on it or on its card.
  function onFocusIn({ target }) {
    uncheckIf((picture) => !picture.contains(target) && !target.contains(picture));
  }

  const sourceOf = (input) => input.closest(".removal-picture").querySelector("img").src;

  // Remember which pictures are shown as they are while the page is replaced.
  function beforeReplacing() {
    const shown = [...main.querySelectorAll(".removal-picture input:checked")];
    sources = new Set(shown.map(sourceOf));
  }

  function afterReplacing() {
    showState();
    main.querySelectorAll(".removal-picture input").forEach((input) => {
      input.checked ||= sources.has(sourceOf(input));
    });
  }

  // The element is new each time: otherwise the last picture would show until this one is loaded.
  function enlarge(link) {
    const dialog = document.getElementById("large-picture");
    const box = dialog.querySelector(".removal-large-picture");
    const card = link.closest(".removal-picture");
    const picture = document.createElement("img");
    picture.alt = card.querySelector("img").alt;
    picture.src = link.href;
    box.querySelector("img")?.remove();
    box.append(picture);
    box.querySelectorAll("input").forEach((input) => {
      input.checked = card.querySelector("input")?.checked;
    });
    dialog.querySelector("h2").textContent = picture.alt;
    dialog.showModal();
  }

  function onClick(event) {
    const isPlain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    const link = event.target.closest(".removal-enlarge");
    if (event.target.closest("#unblur-pictures")) {
      event.preventDefault();
      toggleUnblur();
    } else if (link && isPlain) {
      event.preventDefault();
      enlarge(link);
    }
  }

  showState();
  main.addEventListener("click", onClick);
  main.addEventListener("pointerout", onPointerOut);
  document.addEventListener("pointerup", onPointerUp);
  document.addEventListener("focusin", onFocusIn);
  main.addEventListener("moderation:replace", beforeReplacing);
  main.addEventListener("moderation:replaced", afterReplacing);
})();
