/* Fills the lists of suggestions below a filter's field while somebody types. The page works
   without: what is suggested can be typed as well. */
"use strict";
{
  const PAUSE = 200; // milliseconds without a key before the server is asked

  const ask = async (field) => {
    const address = new URL(field.dataset.suggestions, location.href);
    address.searchParams.set("term", field.value);
    const answer = await fetch(address, { headers: { Accept: "application/json" } });
    if (!answer.ok) {
      return; // who may not be told them types the name
    }
    const { suggestions } = await answer.json();
    field.list.replaceChildren(
      ...suggestions.map(({ value, label }) => new Option(label, value)),
    );
  };

  document.addEventListener("DOMContentLoaded", () => {
    for (const field of document.querySelectorAll("input[data-suggestions]")) {
      let timer = 0;
      const later = () => {
        clearTimeout(timer);
        timer = setTimeout(ask, PAUSE, field);
      };
      field.addEventListener("input", later);
      field.addEventListener("focus", later, { once: true });
    }
  });
}
