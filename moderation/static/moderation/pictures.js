"use strict";
// Pictures on the page of a draft: unblur all of them, and open one large in a dialog. Without
// JavaScript, the button saves a preference, and links open the picture in a new tab.

(() => {
  const UNBLUR_KEY = "moderation.unblur-pictures"; // in sessionStorage: lasts as long as the tab

  const main = document.getElementById("content-start");
  const clicked = new Set(); // the addresses of the pictures that are shown as they are

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
    for (const input of main.querySelectorAll(".removal-picture input")) {
      input.checked = clicked.has(input.nextElementSibling.src);
    }
  }

  function remember(event) {
    const input = event.target;
    if (!input.matches(".removal-picture input")) {
      return;
    }
    const address = input.nextElementSibling.src;
    if (input.checked) {
      clicked.add(address);
    } else {
      clicked.delete(address);
    }
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
      input.checked = card.querySelector("input").checked;
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
  main.addEventListener("change", remember);
  new MutationObserver(showState).observe(main, { childList: true });
})();
